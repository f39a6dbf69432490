/** Records of packets: what a source of packets writes, and programs on packets run on. */
import type { BatchWriter } from "./batch.ts";
import type { EventField, SourceEvent } from "./event.ts";
import { LEVELS, type Level, RECORD } from "./record.ts";

/** What lies in front of a packet in its record's payload: bytes that are there, and that there were. */
export const PACKET = { length: 0, wireLength: 4, data: 8 } as const;

/** The longest packet that there is: with what a device joins. */
export const MOST_PACKET_BYTES: number = 256 * 1024;
export const PACKET_RECORD_BYTES: number = RECORD.payload + PACKET.data + MOST_PACKET_BYTES + 8;

const number = (name: string, offset: number): EventField => ({
  ...{ name, type: "u32", kind: "number", offset, size: 4, count: 1, signed: false },
});

const FIELDS: readonly EventField[] = [
  number("length", PACKET.length),
  number("wire_length", PACKET.wireLength),
  { name: "data", type: "u8", kind: "other", offset: PACKET.data, size: 0, count: 1, signed: false },
];
const DATA_BIT = 1 << 2;

/** The one event of a source of packets. */
export const PACKET_EVENT: SourceEvent = {
  ...{ index: 0, name: "packet", category: "net", unprinted: [], unreadable: [] },
  format: { category: "net", name: "packet", id: 0, fields: FIELDS, size: PACKET.data },
};

export interface PacketPlace {
  /** Nanoseconds. */
  readonly time: bigint;
  readonly cpu: number;
  /** The context that it is received in. */
  readonly level: Level;
  /** Bytes of the packet as it was on the wire. */
  readonly wireLength: number;
  /** Index of the event in the source's table. */
  readonly event: number;
}

/** Appends a record of a packet, from its Ethernet header on: `head` and then `data`. @returns whether all of the packet is there */
export function writePacket(batch: BatchWriter, head: Uint8Array, data: Uint8Array, place: PacketPlace): boolean {
  const { position: at, target } = batch;
  const { view, bytes } = target;
  const length = head.length + data.length;
  const size = (RECORD.payload + PACKET.data + length + 7) & ~7;
  const isWhole = length >= place.wireLength;
  view.setBigUint64(at + RECORD.time, place.time, true);
  view.setUint32(at + RECORD.size, size, true);
  view.setUint16(at + RECORD.cpu, place.cpu, true);
  view.setUint8(at + RECORD.level, LEVELS.indexOf(place.level));
  view.setUint16(at + RECORD.event, place.event, true);
  view.setUint32(at + RECORD.unread, isWhole ? 0 : DATA_BIT, true);
  view.setUint32(at + RECORD.payload + PACKET.length, length, true);
  view.setUint32(at + RECORD.payload + PACKET.wireLength, place.wireLength, true);
  bytes.set(head, at + RECORD.payload + PACKET.data);
  bytes.set(data, at + RECORD.payload + PACKET.data + head.length);
  batch.keep(size);
  return isWhole;
}

/** What `ReadCounts.unread` is told of a packet that is not whole. */
export const PACKET_CUT: number = DATA_BIT;

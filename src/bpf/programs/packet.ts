/** Contexts of programs on packets: the struct about one, and the packet itself behind it, with room in front and behind for what is added. */
import { AnyctxError } from "../../error.ts";
import { PACKET, PACKET_EVENT } from "../../events/packet.ts";
import { RECORD } from "../../events/record.ts";
import { numbered, onlyOf } from "./context.ts";
import {
  describePacket,
  type PacketStruct,
  packetBegin,
  placePacket,
  pointerAt,
  setPointer,
  XDP_MD,
} from "./packet-struct.ts";
import type {
  ContextAccess,
  DirectContext,
  DirectInput,
  EventContext,
  ProgramContext,
  ProgramEvent,
} from "./program-type.ts";

/** The device that a kernel's own test runs are on. */
const LOOPBACK = 1;

/** @throws {AnyctxError} EINVAL: a field is given more than a kernel keeps of it */
function checkNarrow({ what, narrow = [] }: PacketStruct, context: Uint8Array): void {
  const bytes = new Uint8Array(Math.ceil(context.length / 4) * 4);
  bytes.set(context);
  const view = new DataView(bytes.buffer);
  for (const { name, offset, most, cut } of narrow) {
    const given = offset < context.length ? view.getUint32(offset, true) : 0;
    if (given > most && cut === undefined)
      throw new AnyctxError("EINVAL", `${what}.${name} is at most ${most}, not ${given}`);
  }
}

/**
 * A packet, and the struct about it: the given context's fields but for the addresses.
 * @param behind bytes directly behind the struct that belong to the context too
 * @param from bytes of a packet that the program does not see: `ETHERNET_BYTES` of types behind the Ethernet header, which is given with
 * the packet all the same, and zeroes afterwards, as in Linux's test runs
 */
export function packetContext(struct: PacketStruct, given: DirectInput, behind = 0, from = 0): DirectContext {
  onlyOf(`A program on packets (${struct.what})`, given, ["packet", "context"]);
  const { packet = new Uint8Array(0), context = new Uint8Array(0) } = given;
  if (context.length > struct.bytes)
    throw new AnyctxError("EINVAL", `${struct.what} has ${struct.bytes} bytes, not ${context.length}`);
  checkNarrow(struct, context);
  const begin = packetBegin(struct, behind);
  const seen = begin + Math.min(from, packet.length);
  return {
    own: struct.bytes + behind,
    bytes: begin + Math.max(packet.length, struct.most - struct.headroom),
    write(target, at) {
      target.fill(0);
      const view = new DataView(target.buffer, target.byteOffset);
      if (struct.device !== undefined) view.setUint32(struct.device, LOOPBACK, true);
      describePacket(struct, target, packet, true);
      target.set(context);
      for (const { offset, most, cut } of struct.narrow ?? [])
        if (cut) view.setUint32(offset, view.getUint32(offset, true) & most, true);
      if (struct.wire !== undefined && view.getUint32(struct.wire, true) === 0)
        view.setUint32(struct.wire, packet.length, true);
      target.set(packet, begin);
      if (struct.meta !== undefined) setPointer(view, struct.meta, struct.pointer, at + seen);
      placePacket(view, 0, struct, at + seen, at + begin + packet.length);
    },
    packet(target, at) {
      const view = new DataView(target.buffer, target.byteOffset);
      const of = (field: number): number => pointerAt(view, field, struct.pointer) - at;
      // What XDP has in front of a packet is given with it, as Linux does.
      const left = target.subarray(of(struct === XDP_MD ? (struct.meta ?? struct.data) : struct.data), of(struct.end));
      const whole = new Uint8Array(seen - begin + left.length);
      whole.set(left, seen - begin);
      return whole;
    },
  };
}

/** Whether a source's event is a packet. */
export function isPacketEvent({ name, category }: ProgramEvent): boolean {
  return name === PACKET_EVENT.name && category === PACKET_EVENT.category;
}

/** The most that a packet of a record may have here: larger ones are cut to it, as they are in a kernel's linear part. */
const MOST_LINEAR = 16_384;

/** Room for a context made of a record. */
export const packetRoom = (struct: PacketStruct): number => packetBegin(struct) + MOST_LINEAR;

/**
 * Contexts of a source's packets: the struct, and a copy of the packet, which programs may change.
 * @param from bytes of the packet that programs of the type do not see: its Ethernet header
 */
export function ofPackets(what: string, struct: PacketStruct, from = 0): (event: ProgramEvent) => EventContext {
  return (event) => {
    if (!isPacketEvent(event)) throw new AnyctxError("UNSUPPORTED", `${what} runs on packets, not on ${event.name}`);
    return {
      fields: [],
      bytes: () => struct.bytes,
      write(source, record, target, at) {
        const payload = record + RECORD.payload;
        const whole = source.getUint32(payload + PACKET.length, true);
        const length = Math.max(0, Math.min(whole - from, MOST_LINEAR));
        const begin = at + packetBegin(struct);
        const bytes = new Uint8Array(target.buffer, target.byteOffset);
        const data = source.byteOffset + payload + PACKET.data;
        bytes.fill(0, at, begin - struct.headroom);
        bytes.set(new Uint8Array(source.buffer, data + from, length), begin);
        if (struct.device !== undefined) target.setUint32(at + struct.device, LOOPBACK, true);
        describePacket(struct, bytes.subarray(at), new Uint8Array(source.buffer, data, whole), false);
        if (struct.meta !== undefined) setPointer(target, at + struct.meta, struct.pointer, begin);
        placePacket(target, at, struct, begin, begin + length);
      },
    };
  };
}

/**
 * The context of the types that run on packets, by the struct that they get.
 * @param writable fields of the struct that programs may write to
 * @param readable what a kernel shows them of the struct
 * @param from bytes of packets that they do not see: `ETHERNET_BYTES`
 */
export function onPackets(
  struct: PacketStruct,
  writable: NonNullable<ContextAccess["writable"]> = () => [],
  readable: ContextAccess["readable"] = undefined,
  from = 0,
): ProgramContext {
  return {
    room: packetRoom(struct),
    of: ofPackets(`A program on packets (${struct.what})`, struct, from),
    access: { bytes: () => struct.bytes, writable, ...(readable === undefined ? {} : { readable }) },
    // A packet of no bytes: where it would lie nobody says.
    example: (_, index) => numbered(struct.bytes, Math.max(struct.end + struct.pointer, (struct.meta ?? 0) + 4), index),
    direct: (given) => packetContext(struct, given, 0, from),
  };
}

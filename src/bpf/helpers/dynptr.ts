/**
 * Dynptrs: pointers with bounds that are checked when they are used. A `struct bpf_dynptr` has the address, the size with the kind
 * in its upper bits, and an offset; programs see none of it.
 */
import { ERRNO } from "../../error.ts";
import { SK_BUFF } from "../programs/packet-struct.ts";
import type { Helper } from "./helper.ts";
import { packetOf, storeInPacket } from "./packet.ts";
import { MAP } from "./parameters/maps.ts";
import { DESTINATION, SIZE, TEXT, VALUE_MEMORY } from "./parameters/memory.ts";
import { SCALAR, WORD } from "./parameters/numbers.ts";
import { DYNPTR, DYNPTR_ROOM, RECORD_DYNPTR, RECORD_DYNPTR_ROOM } from "./parameters/stack-objects.ts";
import type { ServiceCall } from "./service.ts";

const SIZE_AT = 8;
const OFFSET_AT = 12;
export const DYNPTR_BYTES = 16;
/** DYNPTR_MAX_SIZE of Linux. */
const MOST_BYTES = 0xffffff;
const READ_ONLY = 0x80000000;
const PACKET = 0x40000000;

/** What a dynptr leads to; undefined: to nothing. */
export interface Dynptr {
  readonly address: number;
  readonly size: number;
  readonly readOnly: boolean;
  /** It is the packet, which is read and written as the helpers of packets do. */
  readonly isPacket?: boolean;
  /** Bytes of what it was made of that lie in front. */
  readonly before?: number;
}

export function readDynptr({ view }: ServiceCall, at: number): Dynptr | undefined {
  const address = Number(view.getBigUint64(at, true));
  const size = view.getUint32(at + SIZE_AT, true);
  const offset = view.getUint32(at + OFFSET_AT, true);
  if (address === 0) return undefined;
  const [readOnly, isPacket] = [(size & READ_ONLY) !== 0, (size & PACKET) !== 0];
  return { address: address + offset, size: size & MOST_BYTES, readOnly, isPacket, before: offset };
}

export function writeDynptr({ view }: ServiceCall, at: number, to: Dynptr | undefined): void {
  const { address = 0, size = 0, readOnly = false, isPacket = false, before = 0 } = to ?? {};
  view.setBigUint64(at, BigInt(address - before), true);
  view.setUint32(at + SIZE_AT, (size | (readOnly ? READ_ONLY : 0) | (isPacket ? PACKET : 0)) >>> 0, true);
  view.setUint32(at + OFFSET_AT, before, true);
}

/** Whether so many bytes from an offset on lie in it. */
export function fits({ size }: Dynptr, offset: number, bytes: number): boolean {
  return offset + bytes <= size;
}

function fromMemory(call: ServiceCall, address: number, size: number, flags: bigint, into: number): number {
  const result = size > MOST_BYTES ? -ERRNO.E2BIG : flags !== 0n ? -ERRNO.EINVAL : 0;
  writeDynptr(call, into, result === 0 ? { address, size, readOnly: false } : undefined);
  return result;
}

function read(call: ServiceCall, into: number, bytes: number, at: number, offset: number, flags: bigint): number {
  const from = readDynptr(call, at);
  if (from === undefined || flags !== 0n) return -ERRNO.EINVAL;
  if (!fits(from, offset, bytes)) return -ERRNO.E2BIG;
  call.bytes.copyWithin(into, from.address + offset, from.address + offset + bytes);
  return 0;
}

function write(call: ServiceCall, at: number, offset: number, from: number, bytes: number, flags: bigint): number {
  const to = readDynptr(call, at);
  if (to === undefined || to.readOnly) return -ERRNO.EINVAL;
  if (!fits(to, offset, bytes)) return -ERRNO.E2BIG;
  if (to.isPacket && packetOf(call).struct === SK_BUFF)
    return storeInPacket(call, to.address + offset - packetOf(call).begin, from, bytes, flags);
  if (flags !== 0n) return -ERRNO.EINVAL;
  call.bytes.copyWithin(to.address + offset, from, from + bytes);
  return 0;
}

/** `bpf_dynptr_data`: the address itself, of so many bytes; a packet need not lie in one piece, and has `bpf_dynptr_slice`. */
function data(call: ServiceCall, at: number, offset: number, bytes: number): number {
  const to = readDynptr(call, at);
  if (to === undefined || to.readOnly || to.isPacket || !fits(to, offset, bytes)) return 0;
  call.grant(to.address + offset, bytes, true);
  return to.address + offset;
}

const LEFT = "a record that is neither submitted nor discarded";

function reserve(call: ServiceCall, address: number, size: number, flags: bigint, into: number): number {
  const map = call.mapAt(address);
  const { reserve: name = "" } = map.kind.program;
  writeDynptr(call, into, undefined);
  if (flags !== 0n) return -ERRNO.EINVAL;
  if (size > MOST_BYTES) return -ERRNO.E2BIG;
  const record = Number(call.host.core[name]?.(address, size, 0) ?? 0) >>> 0;
  if (record === 0) return -ERRNO.EINVAL;
  writeDynptr(call, into, { address: record, size, readOnly: false });
  call.grant(record, size, true);
  call.hold(record, LEFT, () => call.host.core["ringbufDiscard"]?.(record, 0));
  return 0;
}

function giveBack(call: ServiceCall, at: number, flags: bigint, name: "ringbufSubmit" | "ringbufDiscard"): 0 {
  const found = readDynptr(call, at);
  writeDynptr(call, at, undefined);
  if (found === undefined) return 0;
  const record = found.address - (found.before ?? 0);
  if (!call.release(record)) call.fail("this is no record that the run has reserved");
  call.revoke(record);
  call.host.core[name]?.(record, Number(BigInt.asUintN(32, flags)));
  return 0;
}

export const DYNPTR_HELPERS: readonly Helper[] = [
  {
    id: 197,
    name: "dynptr_from_mem",
    parameters: [VALUE_MEMORY, SIZE, SCALAR, DYNPTR_ROOM],
    action: { type: "service", run: fromMemory },
    result: "i32",
    doc: "Makes a dynptr to memory; 0, -E2BIG or -EINVAL, and then it leads to nothing.",
  },
  {
    id: 198,
    name: "ringbuf_reserve_dynptr",
    maps: ["ringbuf"],
    parameters: [MAP, WORD, SCALAR, RECORD_DYNPTR_ROOM],
    action: { type: "service", run: reserve },
    result: "i32",
    doc: "Makes a dynptr to a new record of a ring buffer, which is to be submitted or discarded; 0, or -EINVAL if there is no room.",
  },
  {
    id: 199,
    name: "ringbuf_submit_dynptr",
    parameters: [RECORD_DYNPTR, SCALAR],
    action: { type: "service", run: (call, at: number, flags: bigint) => giveBack(call, at, flags, "ringbufSubmit") },
    result: "none",
    doc: "Gives the record of a dynptr to the consumer.",
  },
  {
    id: 200,
    name: "ringbuf_discard_dynptr",
    parameters: [RECORD_DYNPTR, SCALAR],
    action: { type: "service", run: (call, at: number, flags: bigint) => giveBack(call, at, flags, "ringbufDiscard") },
    result: "none",
    doc: "Gives the record of a dynptr up.",
  },
  {
    id: 201,
    name: "dynptr_read",
    parameters: [DESTINATION, SIZE, DYNPTR, WORD, SCALAR],
    action: { type: "service", run: read },
    result: "i32",
    doc: "Copies bytes out of what a dynptr leads to; 0, -E2BIG beyond its end, -EINVAL.",
  },
  {
    id: 202,
    name: "dynptr_write",
    parameters: [DYNPTR, WORD, TEXT, SIZE, SCALAR],
    action: { type: "service", run: write },
    movesPacket: true,
    result: "i32",
    doc: "Copies bytes to what a dynptr leads to; 0, -E2BIG beyond its end, -EINVAL.",
  },
  {
    id: 203,
    name: "dynptr_data",
    parameters: [DYNPTR, WORD, WORD],
    action: { type: "service", run: data },
    leads: { type: "memory", what: "what a dynptr leads to", bytes: { argument: 3 }, writable: true, of: "dynptr" },
    result: "address",
    doc: "The address of bytes that a dynptr leads to, or 0 beyond its end, and where it leads to the packet.",
  },
];

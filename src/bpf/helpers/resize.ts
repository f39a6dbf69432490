/** Helpers that make a packet longer or shorter, at its beginning or its end. */
import { ERRNO } from "../../error.ts";
import { ETHERNET_BYTES, packetBegin, placePacket, pointerAt, setPointer } from "../programs/packet-struct.ts";
import type { Helper } from "./helper.ts";
import { KEPT_OF_PACKET, keptAt, networkAt, type PlacedPacket, packetOf, SK_BUFF_FIELD } from "./packet.ts";
import { CONTEXT, DESTINATION, POSITIVE_SIZE, TEXT } from "./parameters/memory.ts";
import { SCALAR, WORD } from "./parameters/numbers.ts";
import type { ServiceCall } from "./service.ts";

/** Where the room in front of the packet begins, and where that behind it ends. */
export function roomOf({ context }: ServiceCall, { struct }: PlacedPacket): { first: number; last: number } {
  const first = context + packetBegin(struct) - struct.headroom;
  return { first, last: first + struct.most };
}

/**
 * The packet with room for so many bytes in front of it, or behind it: it is moved where it lies too near to the end, as a kernel
 * takes new memory for it; undefined where it is too long for that.
 */
export function roomFor(
  call: ServiceCall,
  packet: PlacedPacket,
  where: "front" | "behind",
  by: number,
): PlacedPacket | undefined {
  const { first, last } = roomOf(call, packet);
  const length = packet.end - packet.begin;
  if (where === "front" ? packet.begin - by >= first : packet.end + by <= last) return packet;
  if (first + length + by > last) return undefined;
  const begin = where === "front" ? last - length : first;
  call.bytes.copyWithin(begin, packet.begin, packet.end);
  return { ...packet, begin, end: begin + length };
}

/** Says where the packet lies from now on: what the program had of it before it may not use any more. */
export function move(call: ServiceCall, packet: PlacedPacket, begin: number, end: number): void {
  call.revoke(packet.begin);
  placePacket(call.view, call.context, packet.struct, begin, end);
  call.grant(begin, end - begin, true);
}

/** What was put in front of an XDP packet begins here. */
function metaOf(call: ServiceCall, { struct, begin }: PlacedPacket): number {
  return struct.meta === undefined ? begin : pointerAt(call.view, call.context + struct.meta, struct.pointer);
}

export function setMeta(call: ServiceCall, { struct }: PlacedPacket, meta: number): void {
  if (struct.meta !== undefined) setPointer(call.view, call.context + struct.meta, struct.pointer, meta);
}

/** `struct xdp_frame` lies at the beginning of the room. */
const XDP_FRAME_BYTES = 40;
/** As a u8 has them, in whole words. */
const MOST_META = 252;

function adjustHead(call: ServiceCall, _: number, by: number): number {
  const packet = packetOf(call);
  const meta = metaOf(call, packet);
  const before = packet.begin - meta;
  const begin = packet.begin + (by | 0);
  if (begin < roomOf(call, packet).first + XDP_FRAME_BYTES + before || begin > packet.end - ETHERNET_BYTES)
    return -ERRNO.EINVAL;
  call.bytes.copyWithin(begin - before, meta, packet.begin);
  call.revoke(meta);
  setMeta(call, packet, begin - before);
  move(call, packet, begin, packet.end);
  if (before > 0) call.grant(begin - before, before, true);
  return 0;
}

function adjustTail(call: ServiceCall, _: number, by: number): number {
  const packet = packetOf(call);
  const end = packet.end + (by | 0);
  if (end > roomOf(call, packet).last || end < packet.begin + ETHERNET_BYTES) return -ERRNO.EINVAL;
  if (end > packet.end) call.bytes.fill(0, packet.end, end);
  move(call, packet, packet.begin, end);
  return 0;
}

function adjustMeta(call: ServiceCall, _: number, by: number): number {
  const packet = packetOf(call);
  const old = metaOf(call, packet);
  const meta = old + (by | 0);
  if (meta < roomOf(call, packet).first + XDP_FRAME_BYTES || meta > packet.begin) return -ERRNO.EINVAL;
  if ((packet.begin - meta) % 4 !== 0 || packet.begin - meta > MOST_META) return -ERRNO.EACCES;
  if (old !== packet.begin) call.revoke(old);
  setMeta(call, packet, meta);
  if (meta < packet.begin) call.grant(meta, packet.begin - meta, true);
  return 0;
}

function xdpLength(call: ServiceCall): bigint {
  const { begin, end } = packetOf(call);
  return BigInt(end - begin);
}

function xdpCopy(call: ServiceCall, offset: number, size: number, copy: (place: number) => void): number {
  const { begin, end } = packetOf(call);
  if (offset > 0xffff || size > 0xffff) return -ERRNO.EFAULT;
  if (begin + offset + size > end) return -ERRNO.EINVAL;
  copy(begin + offset);
  return 0;
}

function xdpLoad(call: ServiceCall, _: number, offset: number, into: number, size: number): number {
  return xdpCopy(call, offset, size, (place) => call.bytes.copyWithin(into, place, place + size));
}

function xdpStore(call: ServiceCall, _: number, offset: number, from: number, size: number): number {
  return xdpCopy(call, offset, size, (place) => call.bytes.copyWithin(place, from, from + size));
}

function changeTail(call: ServiceCall, _: number, size: number, flags: bigint): number {
  const packet = packetOf(call);
  if (flags !== 0n || size < networkAt(call, packet) || size > packet.struct.most) return -ERRNO.EINVAL;
  const placed = roomFor(call, packet, "behind", size - (packet.end - packet.begin));
  if (placed === undefined) return -ERRNO.ENOMEM;
  const end = placed.begin + size;
  if (end > placed.end) call.bytes.fill(0, placed.end, end);
  move(call, packet, placed.begin, end);
  return 0;
}

function changeHead(call: ServiceCall, _: number, by: number, flags: bigint): number {
  const packet = packetOf(call);
  if (flags !== 0n || packet.end - packet.begin + by > packet.struct.most) return -ERRNO.EINVAL;
  const placed = roomFor(call, packet, "front", by);
  if (placed === undefined) return -ERRNO.ENOMEM;
  const begin = placed.begin - by;
  call.bytes.fill(0, begin, placed.begin);
  const between = keptAt(call, KEPT_OF_PACKET.between);
  call.view.setUint32(between, call.view.getUint32(between, true) + by, true);
  setMeta(call, packet, begin);
  move(call, packet, begin, placed.end);
  return 0;
}

/** PACKET_HOST to PACKET_OTHERHOST. */
const LAST_TYPE = 3;

function changeType(call: ServiceCall, _: number, type: number): number {
  const at = call.context + SK_BUFF_FIELD.type;
  if (type > LAST_TYPE || call.view.getUint32(at, true) > LAST_TYPE) return -ERRNO.EINVAL;
  call.view.setUint32(at, type, true);
  return 0;
}

export const RESIZE_HELPERS: readonly Helper[] = [
  {
    id: 32,
    name: "skb_change_type",
    callers: ["sched_cls"],
    parameters: [CONTEXT, WORD],
    action: { type: "service", run: changeType },
    result: "i32",
    doc: "Says whom the packet is for; 0, or -EINVAL for what is no such type.",
  },
  {
    id: 38,
    name: "skb_change_tail",
    callers: ["sched_cls", "lwt_xmit", "sk_skb"],
    parameters: [CONTEXT, WORD, SCALAR],
    action: { type: "service", run: changeTail },
    movesPacket: true,
    result: "i32",
    doc: "Makes the packet so long, with zeroes at its end; 0, -EINVAL for a length that it cannot have, -ENOMEM.",
  },
  {
    id: 43,
    name: "skb_change_head",
    callers: ["sched_cls", "lwt_xmit", "sk_skb"],
    parameters: [CONTEXT, WORD, SCALAR],
    action: { type: "service", run: changeHead },
    movesPacket: true,
    result: "i32",
    doc: "Puts so many zeroes in front of the packet; 0, -EINVAL for a length that it cannot have, -ENOMEM.",
  },
  {
    id: 44,
    name: "xdp_adjust_head",
    callers: ["xdp"],
    parameters: [CONTEXT, WORD],
    action: { type: "service", run: adjustHead },
    movesPacket: true,
    result: "i32",
    doc: "Moves the packet's beginning; 0, or -EINVAL where there is no room, or less than an Ethernet header is left.",
  },
  {
    id: 54,
    name: "xdp_adjust_meta",
    callers: ["xdp"],
    parameters: [CONTEXT, WORD],
    action: { type: "service", run: adjustMeta },
    movesPacket: true,
    result: "i32",
    doc: "Moves the beginning of what lies in front of the packet; 0, -EINVAL without room, -EACCES for a size it cannot have.",
  },
  {
    id: 65,
    name: "xdp_adjust_tail",
    callers: ["xdp"],
    parameters: [CONTEXT, WORD],
    action: { type: "service", run: adjustTail },
    movesPacket: true,
    result: "i32",
    doc: "Moves the packet's end, with zeroes in what is new; 0, or -EINVAL where there is no room.",
  },
  {
    id: 188,
    name: "xdp_get_buff_len",
    callers: ["xdp"],
    parameters: [CONTEXT],
    action: { type: "service", run: xdpLength },
    result: "u64",
    doc: "The packet's length.",
  },
  {
    id: 189,
    name: "xdp_load_bytes",
    callers: ["xdp"],
    parameters: [CONTEXT, WORD, DESTINATION, POSITIVE_SIZE],
    action: { type: "service", run: xdpLoad },
    result: "i32",
    doc: "Copies bytes of the packet; 0, -EINVAL beyond its end, -EFAULT beyond any.",
  },
  {
    id: 190,
    name: "xdp_store_bytes",
    callers: ["xdp"],
    parameters: [CONTEXT, WORD, TEXT, POSITIVE_SIZE],
    action: { type: "service", run: xdpStore },
    result: "i32",
    doc: "Copies bytes into the packet; 0, -EINVAL beyond its end, -EFAULT beyond any.",
  },
];

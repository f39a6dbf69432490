/** Helpers that make a packet longer or shorter, at its beginning or its end. */
import { ERRNO } from "../../error.ts";
import { ETHERNET_BYTES, packetBegin, placePacket, pointerAt, setPointer } from "../programs/packet-struct.ts";
import type { Helper } from "./helper.ts";
import { networkAt, type PlacedPacket, packetOf, SK_BUFF_FIELD } from "./packet.ts";
import { CONTEXT, DESTINATION, SIZE, TEXT } from "./parameters/memory.ts";
import { SCALAR, WORD } from "./parameters/numbers.ts";
import type { ServiceCall } from "./service.ts";

/** Where the room in front of the packet begins, and where that behind it ends. */
function roomOf({ context }: ServiceCall, { struct }: PlacedPacket): { first: number; last: number } {
  const first = context + packetBegin(struct) - struct.headroom;
  return { first, last: first + struct.most };
}

/** Says where the packet lies from now on: what the program had of it before it may not use any more. */
function move(call: ServiceCall, packet: PlacedPacket, begin: number, end: number): void {
  call.revoke(packet.begin);
  placePacket(call.view, call.context, packet.struct, begin, end);
  call.grant(begin, end - begin, true);
}

/** What was put in front of an XDP packet begins here. */
function metaOf(call: ServiceCall, { struct, begin }: PlacedPacket): number {
  return struct.meta === undefined ? begin : pointerAt(call.view, call.context + struct.meta, struct.pointer);
}

function setMeta(call: ServiceCall, { struct }: PlacedPacket, meta: number): void {
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
  const end = packet.begin + size;
  if (flags !== 0n || size < networkAt(call, packet) || size > packet.struct.most) return -ERRNO.EINVAL;
  if (end > roomOf(call, packet).last) return -ERRNO.ENOMEM;
  if (end > packet.end) call.bytes.fill(0, packet.end, end);
  move(call, packet, packet.begin, end);
  return 0;
}

function changeHead(call: ServiceCall, _: number, by: number, flags: bigint): number {
  const packet = packetOf(call);
  if (flags !== 0n || packet.end - packet.begin + by > packet.struct.most) return -ERRNO.EINVAL;
  const begin = packet.begin - by;
  if (begin < roomOf(call, packet).first) return -ERRNO.ENOMEM;
  call.bytes.fill(0, begin, packet.begin);
  setMeta(call, packet, begin);
  move(call, packet, begin, packet.end);
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

const VLAN_BYTES = 4;
const ADDRESSES_BYTES = 12;
/** ETH_P_8021Q and ETH_P_8021AD, as they lie in the packet. */
const VLAN_PROTOCOLS = [0x0081, 0xa888];

/** A tag is kept beside the packet; where there is one, that goes into the packet first. */
function pushVlan(call: ServiceCall, _: number, protocol: number, tag: number): number {
  const { view, bytes, context } = call;
  const packet = packetOf(call);
  if (view.getUint32(context + SK_BUFF_FIELD.vlanPresent, true) !== 0) {
    const begin = packet.begin - VLAN_BYTES;
    if (begin < roomOf(call, packet).first) return -ERRNO.ENOMEM;
    bytes.copyWithin(begin, packet.begin, packet.begin + ADDRESSES_BYTES);
    view.setUint16(begin + ADDRESSES_BYTES, view.getUint32(context + SK_BUFF_FIELD.vlanProtocol, true), true);
    view.setUint16(begin + ADDRESSES_BYTES + 2, view.getUint32(context + SK_BUFF_FIELD.vlanTci, true));
    setMeta(call, packet, begin);
    move(call, packet, begin, packet.end);
  }
  const known = VLAN_PROTOCOLS.includes(protocol & 0xffff) ? protocol & 0xffff : (VLAN_PROTOCOLS[0] ?? 0);
  keepVlan(call, { protocol: known, tag: tag & 0xffff });
  return 0;
}

/** Takes the tag out of the packet itself; undefined where there is none. */
function takeVlan(call: ServiceCall): { readonly protocol: number; readonly tag: number } | undefined {
  const { view, bytes } = call;
  const packet = packetOf(call);
  const begin = packet.begin + VLAN_BYTES;
  if (packet.end - begin < ETHERNET_BYTES) return undefined;
  const protocol = view.getUint16(packet.begin + ADDRESSES_BYTES, true);
  if (!VLAN_PROTOCOLS.includes(protocol)) return undefined;
  const tag = view.getUint16(packet.begin + ADDRESSES_BYTES + 2);
  bytes.copyWithin(begin, packet.begin, packet.begin + ADDRESSES_BYTES);
  setMeta(call, packet, begin);
  move(call, packet, begin, packet.end);
  return { protocol, tag };
}

function keepVlan({ view, context }: ServiceCall, kept: { protocol: number; tag: number } | undefined): void {
  view.setUint32(context + SK_BUFF_FIELD.vlanPresent, kept === undefined ? 0 : 1, true);
  view.setUint32(context + SK_BUFF_FIELD.vlanProtocol, kept?.protocol ?? 0, true);
  view.setUint32(context + SK_BUFF_FIELD.vlanTci, kept?.tag ?? 0, true);
}

/** The tag beside the packet goes, or the first in it; one that comes next in it is kept beside it then. */
function popVlan(call: ServiceCall): number {
  const isKept = call.view.getUint32(call.context + SK_BUFF_FIELD.vlanPresent, true) !== 0;
  if (isKept || takeVlan(call) !== undefined) keepVlan(call, takeVlan(call));
  return 0;
}

export const RESIZE_HELPERS: readonly Helper[] = [
  {
    id: 18,
    name: "skb_vlan_push",
    group: "change",
    parameters: [CONTEXT, WORD, WORD],
    action: { type: "service", run: pushVlan },
    movesPacket: true,
    result: "i32",
    doc: "Gives the packet a VLAN tag, which is kept beside it; the one before goes into it. 0 or -ENOMEM.",
  },
  {
    id: 19,
    name: "skb_vlan_pop",
    group: "change",
    parameters: [CONTEXT],
    action: { type: "service", run: popVlan },
    movesPacket: true,
    result: "i32",
    doc: "Takes the packet's outermost VLAN tag off, if it has one; 0.",
  },
  {
    id: 32,
    name: "skb_change_type",
    group: "change",
    parameters: [CONTEXT, WORD],
    action: { type: "service", run: changeType },
    result: "i32",
    doc: "Says whom the packet is for; 0, or -EINVAL for what is no such type.",
  },
  {
    id: 38,
    name: "skb_change_tail",
    group: "change",
    parameters: [CONTEXT, WORD, SCALAR],
    action: { type: "service", run: changeTail },
    movesPacket: true,
    result: "i32",
    doc: "Makes the packet so long, with zeroes at its end; 0, -EINVAL for a length that it cannot have, -ENOMEM.",
  },
  {
    id: 41,
    name: "set_hash_invalid",
    group: "change",
    parameters: [CONTEXT],
    action: { type: "answer", value: 0 },
    result: "none",
    doc: "Says that the packet's hash is none any more, which here it never was.",
  },
  {
    id: 43,
    name: "skb_change_head",
    group: "change",
    parameters: [CONTEXT, WORD, SCALAR],
    action: { type: "service", run: changeHead },
    movesPacket: true,
    result: "i32",
    doc: "Puts so many zeroes in front of the packet; 0, -EINVAL for a length that it cannot have, -ENOMEM.",
  },
  {
    id: 44,
    name: "xdp_adjust_head",
    group: "xdp",
    parameters: [CONTEXT, WORD],
    action: { type: "service", run: adjustHead },
    movesPacket: true,
    result: "i32",
    doc: "Moves the packet's beginning; 0, or -EINVAL where there is no room, or less than an Ethernet header is left.",
  },
  {
    id: 54,
    name: "xdp_adjust_meta",
    group: "xdp",
    parameters: [CONTEXT, WORD],
    action: { type: "service", run: adjustMeta },
    movesPacket: true,
    result: "i32",
    doc: "Moves the beginning of what lies in front of the packet; 0, -EINVAL without room, -EACCES for a size it cannot have.",
  },
  {
    id: 65,
    name: "xdp_adjust_tail",
    group: "xdp",
    parameters: [CONTEXT, WORD],
    action: { type: "service", run: adjustTail },
    movesPacket: true,
    result: "i32",
    doc: "Moves the packet's end, with zeroes in what is new; 0, or -EINVAL where there is no room.",
  },
  {
    id: 188,
    name: "xdp_get_buff_len",
    group: "xdp",
    parameters: [CONTEXT],
    action: { type: "service", run: xdpLength },
    result: "u64",
    doc: "The packet's length.",
  },
  {
    id: 189,
    name: "xdp_load_bytes",
    group: "xdp",
    parameters: [CONTEXT, WORD, DESTINATION, SIZE],
    action: { type: "service", run: xdpLoad },
    result: "i32",
    doc: "Copies bytes of the packet; 0, -EINVAL beyond its end, -EFAULT beyond any.",
  },
  {
    id: 190,
    name: "xdp_store_bytes",
    group: "xdp",
    parameters: [CONTEXT, WORD, TEXT, SIZE],
    action: { type: "service", run: xdpStore },
    result: "i32",
    doc: "Copies bytes into the packet; 0, -EINVAL beyond its end, -EFAULT beyond any.",
  },
];

/** Loads from the packet by instructions (ld_abs, ld_ind): numbers in network order, at offsets that may be counted from its headers. */
import { linkAt, networkAt, type PacketCall, packetOf } from "./packet.ts";

/** SKF_NET_OFF and SKF_LL_OFF: offsets below 0 are from the network header on, or from the link layer's. */
const FROM_NETWORK = -0x100000;
const FROM_LINK = -0x200000;

function startOf(call: PacketCall, offset: number): number | undefined {
  const packet = packetOf(call);
  if (offset >= 0) return packet.begin + offset;
  if (offset >= FROM_NETWORK) return packet.begin + networkAt(call, packet) + offset - FROM_NETWORK;
  const link = offset >= FROM_LINK ? linkAt(call, packet) : undefined;
  return link === undefined ? undefined : link + offset - FROM_LINK;
}

/** @param offset signed, of 32 bits @returns the number; undefined: the packet has no such bytes */
export function loadFromPacket(call: PacketCall, offset: number, bytes: number): number | undefined {
  const start = startOf(call, offset);
  if (start === undefined || start + bytes > packetOf(call).end) return undefined;
  if (bytes === 4) return call.view.getUint32(start);
  return bytes === 2 ? call.view.getUint16(start) : call.view.getUint8(start);
}

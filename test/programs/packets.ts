/** Packets as the programs of this folder get them, and what stands in them. */

export interface PacketShape {
  /** As a number: 0x0a000001 is 10.0.0.1. */
  readonly source: number;
  readonly destination: number;
  readonly protocol: number;
  readonly sourcePort: number;
  readonly destinationPort: number;
  readonly ttl: number;
  readonly payload: Uint8Array;
}

export const TCP = 6;
export const UDP = 17;
export const ICMP = 1;
export const ETHERNET_BYTES = 14;
export const IP_BYTES = 20;
export const UDP_BYTES = 8;

/** The Internet checksum of RFC 1071, of bytes and what is added to their sum. */
export function checksum(bytes: Uint8Array, more = 0): number {
  let sum = more;
  for (let at = 0; at < bytes.length; at += 2) sum += ((bytes[at] ?? 0) << 8) + (bytes[at + 1] ?? 0);
  while (sum > 0xffff) sum = (sum & 0xffff) + Math.floor(sum / 0x10000);
  return ~sum & 0xffff;
}

/** Words of 16 bits of what a transport's checksum covers besides its own bytes. */
function pseudoHeader({ source, destination, protocol }: PacketShape, bytes: number): number {
  const halves = (address: number): number => (address >>> 16) + (address & 0xffff);
  return halves(source) + halves(destination) + protocol + bytes;
}

function ipHeader({ source, destination, protocol, ttl }: PacketShape, bytes: number): Uint8Array {
  const header = new Uint8Array(IP_BYTES);
  const view = new DataView(header.buffer);
  view.setUint8(0, 0x45);
  view.setUint16(2, IP_BYTES + bytes);
  view.setUint8(8, ttl);
  view.setUint8(9, protocol);
  view.setUint32(12, source);
  view.setUint32(16, destination);
  view.setUint16(10, checksum(header));
  return header;
}

/** Ports lie alike in all transports here; only UDP has a length and a checksum behind them. */
function transport(shape: PacketShape): Uint8Array {
  const bytes = new Uint8Array(UDP_BYTES + shape.payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, shape.sourcePort);
  view.setUint16(2, shape.destinationPort);
  bytes.set(shape.payload, UDP_BYTES);
  if (shape.protocol !== UDP) return bytes;
  view.setUint16(4, bytes.length);
  view.setUint16(6, checksum(bytes, pseudoHeader(shape, bytes.length)) || 0xffff);
  return bytes;
}

/** An Ethernet frame with IPv4 in it. @param behind bytes behind what the IP header speaks of */
export function packetOf(shape: PacketShape, behind = 0): Uint8Array {
  const body = transport(shape);
  const packet = new Uint8Array(ETHERNET_BYTES + IP_BYTES + body.length + behind);
  packet.set([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0]);
  packet.set(ipHeader(shape, body.length), ETHERNET_BYTES);
  packet.set(body, ETHERNET_BYTES + IP_BYTES);
  return packet;
}

/** IP in IP: an outer header in front of the inner one. */
export function encapsulated(shape: PacketShape, source: number, destination: number): Uint8Array {
  const inner = packetOf(shape);
  const outer = ipHeader({ ...shape, source, destination, protocol: 4, ttl: 64 }, inner.length - ETHERNET_BYTES);
  return Uint8Array.of(...inner.subarray(0, ETHERNET_BYTES), ...outer, ...inner.subarray(ETHERNET_BYTES));
}

/** A frame of another protocol: ARP. */
export function otherPacket(): Uint8Array {
  const packet = new Uint8Array(60);
  packet.set([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 6]);
  return packet;
}

/** An address as a program reads it: the bytes of the packet as a number of this machine's order. */
export function asRead(address: number): number {
  const view = new DataView(new ArrayBuffer(4));
  view.setUint32(0, address);
  return view.getUint32(0, true);
}

/** The same of a port. */
export function portAsRead(port: number): number {
  return ((port & 0xff) << 8) | (port >> 8);
}

/** What comes of a packet whose Ethernet header the program did not see. */
export function withoutEthernet(packet: Uint8Array): Uint8Array {
  return packet.slice().fill(0, 0, ETHERNET_BYTES);
}

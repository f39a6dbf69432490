/** How packets begin, by the link type that a capture says: each gets an Ethernet header, as programs expect one. */

interface LinkType {
  readonly name: string;
  /** Bytes in front of the network header. */
  readonly bytes: (packet: Uint8Array) => number;
  /** The Ethernet type of what follows; 0 where it is not known. */
  readonly protocol: (packet: Uint8Array) => number;
}

const IPV4 = 0x0800;
const IPV6 = 0x86dd;

const big16 = (bytes: Uint8Array, at: number): number => ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
const byVersion = (bytes: Uint8Array, at: number): number => ((bytes[at] ?? 0) >> 4 === 6 ? IPV6 : IPV4);

const RAW_IP: LinkType = { name: "IP", bytes: () => 0, protocol: (packet) => byVersion(packet, 0) };
/** A word with the address family, in the byte order of whoever captured. */
const LOOPBACK: LinkType = { name: "loopback", bytes: () => 4, protocol: (packet) => byVersion(packet, 4) };

export const ETHERNET = 1;

/** Link types but Ethernet, by their numbers in pcap files. */
const LINK_TYPES: Readonly<Record<number, LinkType>> = {
  0: LOOPBACK,
  12: RAW_IP,
  14: RAW_IP,
  101: RAW_IP,
  108: LOOPBACK,
  113: { name: "Linux cooked", bytes: () => 16, protocol: (packet) => big16(packet, 14) },
  228: RAW_IP,
  229: RAW_IP,
  276: { name: "Linux cooked 2", bytes: () => 20, protocol: (packet) => big16(packet, 0) },
};

export function isKnownLink(type: number): boolean {
  return type === ETHERNET || LINK_TYPES[type] !== undefined;
}

const NOTHING = new Uint8Array(0);
const HEADER_BYTES = 14;

/** A packet as Ethernet: a header, with addresses of zeroes where the capture has none, and what follows it. */
export function asEthernet(packet: Uint8Array, type: number): readonly [head: Uint8Array, rest: Uint8Array] {
  const link = LINK_TYPES[type];
  if (link === undefined) return [NOTHING, packet];
  const head = new Uint8Array(HEADER_BYTES);
  const protocol = link.protocol(packet);
  head[12] = protocol >> 8;
  head[13] = protocol & 0xff;
  return [head, packet.subarray(Math.min(link.bytes(packet), packet.length))];
}

/** Bytes that `asEthernet` makes more (or fewer) of a packet. */
export function addedBytes(packet: Uint8Array, type: number): number {
  const link = LINK_TYPES[type];
  return link === undefined ? 0 : HEADER_BYTES - link.bytes(packet);
}

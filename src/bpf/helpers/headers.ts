/** Helpers that make and take room between a packet's headers, and those that change an IP header where it lies. */
import { ERRNO } from "../../error.ts";
import type { Helper } from "./helper.ts";
import { KEPT_OF_PACKET, keptAt, networkAt, type PlacedPacket, packetOf, SK_BUFF_FIELD } from "./packet.ts";
import { CONTEXT } from "./parameters/memory.ts";
import { SCALAR, WORD } from "./parameters/numbers.ts";
import { move, roomFor, setMeta } from "./resize.ts";
import type { ServiceCall } from "./service.ts";

/** ETH_P_IP and ETH_P_IPV6, as they lie in the packet, and the bytes of their headers without options. */
const IPV4 = { protocol: 0x0008, bytes: 20 };
const IPV6 = { protocol: 0xdd86, bytes: 40 };

export const protocolOf = ({ view, context }: ServiceCall): number =>
  view.getUint16(context + SK_BUFF_FIELD.protocol, true);

export const setProtocol = ({ view, context }: ServiceCall, protocol: number): void =>
  view.setUint16(context + SK_BUFF_FIELD.protocol, protocol, true);

/** Puts so many zeroes behind the first bytes of the packet, or takes them out there. The context's pointers say where it lies then. */
function shift(call: ServiceCall, packet: PlacedPacket, behind: number, by: number): number {
  if (by < 0 && behind - by > packet.end - packet.begin) return -ERRNO.ENOMEM;
  const placed = roomFor(call, packet, "front", by);
  if (placed === undefined) return -ERRNO.ENOMEM;
  const { begin, end } = placed;
  call.bytes.copyWithin(begin - by, begin, begin + behind);
  if (by > 0) call.bytes.fill(0, begin - by + behind, begin + behind);
  setMeta(call, packet, begin - by);
  move(call, packet, begin - by, end);
  return 0;
}

/** BPF_F_ADJ_ROOM_*. */
const FLAG = {
  fixedGso: 1n << 0n,
  encapsulate4: 1n << 1n,
  encapsulate6: 1n << 2n,
  gre: 1n << 3n,
  udp: 1n << 4n,
  keepSum: 1n << 5n,
  ethernet: 1n << 6n,
  decapsulate4: 1n << 7n,
  decapsulate6: 1n << 8n,
} as const;
/** Where the length of an inner link header is. */
const INNER_LINK_SHIFT = 56n;
const KNOWN_FLAGS = Object.values(FLAG).reduce((all, flag) => all | flag) | (0xffn << INNER_LINK_SHIFT);
const SHRINK_FLAGS = FLAG.fixedGso | FLAG.keepSum | FLAG.decapsulate4 | FLAG.decapsulate6;
const MOST_ROOM = 0xfff;
const ETHERNET_HEADER = 14;

/** What Linux has against an outer header of such flags; 0: nothing. */
function encapsulationError(call: ServiceCall, by: number, flags: bigint): number {
  const inner = Number(flags >> INNER_LINK_SHIFT);
  const both = (one: bigint, other: bigint): boolean => (flags & one) !== 0n && (flags & other) !== 0n;
  if (both(FLAG.encapsulate4, FLAG.encapsulate6) || both(FLAG.gre, FLAG.udp)) return -ERRNO.EINVAL;
  if ((flags & FLAG.ethernet) !== 0n && inner < ETHERNET_HEADER) return -ERRNO.EINVAL;
  if (call.view.getUint32(keptAt(call, KEPT_OF_PACKET.encapsulated), true) !== 0) return -ERRNO.EALREADY;
  return inner > by ? -ERRNO.EINVAL : 0;
}

function grow(call: ServiceCall, packet: PlacedPacket, { behind, by, flags }: Change): number {
  const isOuter = (flags & (FLAG.encapsulate4 | FLAG.encapsulate6)) !== 0n;
  const error = isOuter ? encapsulationError(call, by, flags) : 0;
  const result = error || shift(call, packet, behind, by);
  if (result !== 0 || !isOuter) return result;
  call.view.setUint32(keptAt(call, KEPT_OF_PACKET.encapsulated), 1, true);
  setProtocol(call, (flags & FLAG.encapsulate6) !== 0n ? IPV6.protocol : IPV4.protocol);
  return 0;
}

function shrink(call: ServiceCall, packet: PlacedPacket, { behind, by, flags }: Change): number {
  if ((flags & ~SHRINK_FLAGS) !== 0n) return -ERRNO.EINVAL;
  const result = shift(call, packet, behind, -by);
  if (result !== 0) return result;
  if ((flags & FLAG.decapsulate4) !== 0n) setProtocol(call, IPV4.protocol);
  else if ((flags & FLAG.decapsulate6) !== 0n) setProtocol(call, IPV6.protocol);
  return 0;
}

interface Change {
  /** Bytes of the packet in front of the room. */
  readonly behind: number;
  readonly by: number;
  readonly flags: bigint;
}

/** BPF_ADJ_ROOM_NET and BPF_ADJ_ROOM_MAC: behind the network header, or behind the link's. */
const [BEHIND_NETWORK, BEHIND_LINK] = [0, 1];

function adjustRoom(call: ServiceCall, _: number, difference: number, mode: number, flags: bigint): number {
  const packet = packetOf(call);
  const [by, isLess] = [Math.abs(difference | 0), (difference | 0) < 0];
  if ((flags & ~KNOWN_FLAGS) !== 0n) return -ERRNO.EINVAL;
  if (by > MOST_ROOM) return -ERRNO.EFAULT;
  const header = [IPV4, IPV6].find(({ protocol }) => protocol === protocolOf(call));
  if (header === undefined || (mode !== BEHIND_NETWORK && mode !== BEHIND_LINK)) return -ERRNO.ENOTSUPP;
  const [inner4, inner6] = [(flags & FLAG.decapsulate4) !== 0n, (flags & FLAG.decapsulate6) !== 0n];
  if ((inner4 || inner6) && (!isLess || (inner4 && inner6))) return -ERRNO.EINVAL;
  const least = inner4 ? IPV4.bytes : inner6 ? IPV6.bytes : header.bytes;
  const network = networkAt(call, packet);
  const length = packet.end - packet.begin;
  if (isLess ? length - network - by < least : length + by > packet.struct.most) return -ERRNO.ENOTSUPP;
  const change = { behind: network + (mode === BEHIND_NETWORK ? header.bytes : 0), by, flags };
  const result = isLess ? shrink(call, packet, change) : grow(call, packet, change);
  if (result === 0 && (flags & FLAG.keepSum) === 0n)
    call.view.setUint32(keptAt(call, KEPT_OF_PACKET.checkedSums), 0, true);
  return result;
}

/** `bpf_skb_change_proto`: a network header of the other version takes the place; what is in it the program writes. */
function changeProtocol(call: ServiceCall, _: number, wanted: number, flags: bigint): number {
  if (flags !== 0n) return -ERRNO.EINVAL;
  const packet = packetOf(call);
  const to = [IPV4, IPV6].find(({ protocol }) => protocol === (wanted & 0xffff));
  const from = [IPV4, IPV6].find(({ protocol }) => protocol === protocolOf(call));
  if (from === undefined || to === undefined || from === to) return -ERRNO.ENOTSUPP;
  const result = shift(call, packet, networkAt(call, packet), to.bytes - from.bytes);
  if (result !== 0) return result;
  setProtocol(call, to.protocol);
  call.view.setUint32(call.context + SK_BUFF_FIELD.hash, 0, true);
  return 0;
}

/** Two bits of the header say whether its flow knows of congestion, and whether there was some. */
const CONGESTED = 3;
const CHECKSUM_AT = 10;

function markCongested(call: ServiceCall): number {
  const packet = packetOf(call);
  const at = packet.begin + networkAt(call, packet);
  const protocol = protocolOf(call);
  if (protocol === IPV6.protocol && at + IPV6.bytes <= packet.end) {
    const second = call.view.getUint8(at + 1);
    if ((second & (CONGESTED << 4)) === 0) return 0;
    call.view.setUint8(at + 1, second | (CONGESTED << 4));
    return 1;
  }
  if (protocol !== IPV4.protocol || at + IPV4.bytes > packet.end) return 0;
  const service = call.view.getUint8(at + 1);
  const old = service & CONGESTED;
  if (old === 0 || old === CONGESTED) return old === 0 ? 0 : 1;
  // What is added to a word of the header goes from its sum, with the carry.
  const sum = call.view.getUint16(at + CHECKSUM_AT) + 0xffff - (CONGESTED - old);
  call.view.setUint16(at + CHECKSUM_AT, sum > 0xffff ? sum - 0xffff : sum);
  call.view.setUint8(at + 1, service | CONGESTED);
  return 1;
}

export const HEADER_HELPERS: readonly Helper[] = [
  {
    id: 31,
    name: "skb_change_proto",
    callers: ["sched_cls"],
    parameters: [CONTEXT, WORD, SCALAR],
    action: { type: "service", run: changeProtocol },
    movesPacket: true,
    result: "i32",
    doc: "Makes room for an IPv6 header where an IPv4 one was, or the other way round; 0, -EINVAL for any flag, -ENOTSUPP, -ENOMEM.",
  },
  {
    id: 50,
    name: "skb_adjust_room",
    callers: ["sched_cls", "sk_skb"],
    parameters: [CONTEXT, WORD, WORD, SCALAR],
    action: { type: "service", run: adjustRoom },
    movesPacket: true,
    result: "i32",
    doc: "Makes or takes room behind an IP packet's link or network header; 0, -EINVAL, -EFAULT, -ENOTSUPP, -EALREADY, -ENOMEM.",
  },
  {
    id: 97,
    name: "skb_ecn_set_ce",
    callers: ["sched_cls", "cgroup_skb"],
    parameters: [CONTEXT],
    action: { type: "service", run: markCongested },
    result: "i32",
    doc: "Marks an IP packet as having met congestion; 1, or 0 where its flow does not know of that.",
  },
];

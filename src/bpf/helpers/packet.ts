/** Helpers that read the packet a program runs on, or change bytes of it. */
import { ERRNO } from "../../error.ts";
import { ETHERNET_BYTES, type PacketStruct, packetBegin, pointerAt } from "../programs/packet-struct.ts";
import { programType } from "../programs/table.ts";
import { ROUTES } from "./callers.ts";
import type { Helper } from "./helper.ts";
import { CONTEXT, DESTINATION, POSITIVE_SIZE, SIZE, TEXT, TEXT_OR_NULL, WORD_ROOM } from "./parameters/memory.ts";
import { SCALAR, WORD } from "./parameters/numbers.ts";
import { answerOf, type ServiceCall } from "./service.ts";

/** A packet in memory. */
export interface PlacedPacket {
  readonly struct: PacketStruct;
  readonly begin: number;
  /** Exclusive. */
  readonly end: number;
}

/** Who asks for the packet. */
export type PacketCall = Pick<ServiceCall, "program" | "view" | "context" | "fail">;

export function packetOf(call: PacketCall): PlacedPacket {
  const { program, view, context } = call;
  const struct = "reason" in program.kind ? undefined : programType(program.kind).packet;
  if (struct === undefined) return call.fail("the program runs on no packet");
  const of = (field: number): number => pointerAt(view, context + field, struct.pointer);
  return { struct, begin: of(struct.data), end: of(struct.end) };
}

/** Where a packet of so many bytes in front lay when the run began, Ethernet header and all. */
function placedAt({ context }: PacketCall, { struct }: PlacedPacket): number {
  return context + packetBegin(struct);
}

/** What a kernel keeps of a packet behind its struct, a word each (`PacketStruct.kept`). */
export const KEPT_OF_PACKET = {
  /** Bytes that were put between the link header and the network header. */
  between: 0,
  /** Checksums that a device has checked, from the outermost on: 0 in a test run. */
  checkedSums: 4,
  /** Whether the packet has got an outer header. */
  encapsulated: 8,
} as const;

export function keptAt(call: PacketCall, field: number): number {
  const { struct } = packetOf(call);
  return call.context + packetBegin(struct) - struct.headroom - (struct.kept ?? 0) + field;
}

/** Types whose packets begin with an Ethernet header: they are on their way through a device, not in a socket or on a route. */
const WITH_ETHERNET: readonly string[] = ["sched_cls", "xdp", "flow_dissector"];

/** Bytes of the packet that are an Ethernet header. A socket's filter may get it either way. */
function linkBytes(call: PacketCall, packet: PlacedPacket): number {
  const { type } = call.program.kind;
  const has = type === "socket_filter" ? packet.begin === placedAt(call, packet) : WITH_ETHERNET.includes(type);
  return has ? ETHERNET_BYTES : 0;
}

/** Bytes of the packet before its network header. */
export function networkAt(call: PacketCall, packet: PlacedPacket): number {
  const between =
    packet.struct.kept === undefined ? 0 : call.view.getUint32(keptAt(call, KEPT_OF_PACKET.between), true);
  return linkBytes(call, packet) + between;
}

/** Where the link layer's header is; undefined: there is none. */
export function linkAt(call: PacketCall, packet: PlacedPacket): number | undefined {
  const at = packet.begin + linkBytes(call, packet) - ETHERNET_BYTES;
  return at >= packet.begin || at >= placedAt(call, packet) ? at : undefined;
}

function load(call: ServiceCall, _: number, offset: number, into: number, size: number): number {
  const { begin, end } = packetOf(call);
  if (offset > 0x7fffffff || begin + offset + size > end) {
    call.bytes.fill(0, into, into + size);
    return -ERRNO.EFAULT;
  }
  call.bytes.copyWithin(into, begin + offset, begin + offset + size);
  return 0;
}

/** BPF_HDR_START_NET; BPF_HDR_START_MAC is 0. */
const FROM_NETWORK = 1;

function loadRelative(call: ServiceCall, _: number, offset: number, into: number, size: number, start: number): number {
  const packet = packetOf(call);
  const from = start === FROM_NETWORK ? packet.begin + networkAt(call, packet) : linkAt(call, packet);
  if (offset <= 0xffff && start <= FROM_NETWORK && from !== undefined && from + offset + size <= packet.end) {
    call.bytes.copyWithin(into, from + offset, from + offset + size);
    return 0;
  }
  call.bytes.fill(0, into, into + size);
  return -ERRNO.EFAULT;
}

/** BPF_F_RECOMPUTE_CSUM, which nothing follows from here, and BPF_F_INVALIDATE_HASH. */
const [RECOMPUTE_SUM, INVALIDATE_HASH] = [1n, 2n];

/** `bpf_skb_store_bytes`, and what is written through a dynptr to such a packet. */
export function storeInPacket(call: ServiceCall, offset: number, from: number, size: number, flags: bigint): number {
  if ((flags & ~(RECOMPUTE_SUM | INVALIDATE_HASH)) !== 0n) return -ERRNO.EINVAL;
  const { begin, end } = packetOf(call);
  if (offset > 0x7fffffff || begin + offset + size > end) return -ERRNO.EFAULT;
  call.bytes.copyWithin(begin + offset, from, from + size);
  if ((flags & INVALIDATE_HASH) !== 0n) setHash(call, 0, 0);
  return 0;
}

function pull(call: ServiceCall, _: number, size: number): number {
  const { begin, end } = packetOf(call);
  return size > end - begin ? -ERRNO.ENOMEM : 0;
}

/** Where fields of `struct __sk_buff` are. */
export const SK_BUFF_FIELD = {
  type: 4,
  protocol: 16,
  vlanPresent: 20,
  vlanTci: 24,
  vlanProtocol: 28,
  hash: 68,
} as const;

function setHash(call: PacketCall, _: number, value: number): number {
  call.view.setUint32(call.context + SK_BUFF_FIELD.hash, value, true);
  return 0;
}

function hash(call: ServiceCall): number {
  const known = call.view.getUint32(call.context + SK_BUFF_FIELD.hash, true);
  return known !== 0 ? known : Number(BigInt.asUintN(32, answerOf(call, "the packet's hash")));
}

/** XDP refuses any flag, traffic control all but BPF_F_INGRESS; the verdicts that say so, and those that send. */
const REDIRECT: Readonly<Record<string, { readonly known: bigint; readonly refused: number; readonly sent: number }>> =
  {
    xdp: { known: 0n, refused: 0, sent: 4 },
    sched_cls: { known: 1n, refused: 2, sent: 7 },
    lwt: { known: 1n, refused: 2, sent: 7 },
  };

/** `bpf_redirect`: the verdict that sends the packet out of another device. Which one is not looked for. */
function redirect(call: ServiceCall, _: number, flags: bigint): number {
  const verdict = REDIRECT[call.program.kind.type];
  if (verdict === undefined) return call.fail("a program of its type cannot send packets elsewhere");
  return (flags & ~verdict.known) !== 0n ? verdict.refused : verdict.sent;
}

function redirectPlain(call: ServiceCall, _: number, flags: bigint): number {
  return flags !== 0n ? (REDIRECT["sched_cls"]?.refused ?? 2) : redirect(call, 0, 0n);
}

export const PACKET_HELPERS: readonly Helper[] = [
  {
    id: 9,
    name: "skb_store_bytes",
    movesPacket: true,
    callers: ["sched_cls", "lwt_xmit", "sk_skb"],
    parameters: [CONTEXT, WORD, TEXT, POSITIVE_SIZE, SCALAR],
    action: {
      type: "service",
      run: (call, _: number, offset: number, from: number, size: number, flags: bigint) =>
        storeInPacket(call, offset, from, size, flags),
    },
    result: "i32",
    doc: "Copies bytes into the packet; 0, -EFAULT beyond its end, -EINVAL for unknown flags.",
  },
  {
    id: 13,
    name: "clone_redirect",
    movesPacket: true,
    callers: ["sched_cls", "lwt_xmit"],
    parameters: [CONTEXT, WORD, SCALAR],
    action: { type: "unknown", what: "whether there is such a device" },
    result: "i32",
    doc: "Sends a copy of the packet out of another device, which no event says: a run is stopped here without an answer.",
  },
  {
    id: 17,
    name: "get_cgroup_classid",
    parameters: [CONTEXT],
    action: { type: "unknown", what: "the cgroup of the packet's task" },
    result: "u32",
    doc: "The class of the packet's cgroup, which no event says: a run is stopped here without an answer.",
  },
  {
    id: 23,
    name: "redirect",
    callers: ["sched_cls", "xdp", "lwt_xmit"],
    parameters: [WORD, SCALAR],
    action: { type: "service", run: redirect },
    result: "i64",
    doc: "The verdict that sends the packet out of another device, whichever it is; that which drops it for unknown flags.",
  },
  {
    id: 24,
    name: "get_route_realm",
    callers: ["sched_cls", ...ROUTES],
    parameters: [CONTEXT],
    action: { type: "unknown", what: "the packet's route" },
    result: "u32",
    doc: "The realm of the packet's route, which no event says: a run is stopped here without an answer.",
  },
  {
    id: 26,
    name: "skb_load_bytes",
    callers: ["socket_filter", "sched_cls", "cgroup_skb", "sk_skb", "sk_reuseport", "flow_dissector", ...ROUTES],
    parameters: [CONTEXT, WORD, DESTINATION, POSITIVE_SIZE],
    action: { type: "service", run: load },
    result: "i32",
    doc: "Copies bytes of the packet; 0, or -EFAULT and zeroes beyond its end.",
  },
  {
    id: 34,
    name: "get_hash_recalc",
    callers: ["sched_cls", ...ROUTES],
    parameters: [CONTEXT],
    action: { type: "service", run: hash },
    result: "u32",
    doc: "The hash that the context has; where it has none a run is stopped without an answer, as a kernel's is seeded at random.",
  },
  {
    id: 39,
    name: "skb_pull_data",
    movesPacket: true,
    callers: ["sched_cls", "sk_skb", ...ROUTES],
    parameters: [CONTEXT, WORD],
    action: { type: "service", run: pull },
    result: "i32",
    doc: "Makes so many bytes of the packet writable, which all are; -ENOMEM where it has fewer.",
  },
  {
    id: 41,
    name: "set_hash_invalid",
    callers: ["sched_cls", "lwt_xmit"],
    parameters: [CONTEXT],
    action: { type: "service", run: (call, context: number) => setHash(call, context, 0) },
    result: "none",
    doc: "Says that the packet's hash is none any more.",
  },
  {
    id: 48,
    name: "set_hash",
    callers: ["sched_cls"],
    parameters: [CONTEXT, WORD],
    action: { type: "service", run: setHash },
    result: "i32",
    doc: "Gives the packet a hash; 0.",
  },
  {
    id: 68,
    name: "skb_load_bytes_relative",
    callers: ["socket_filter", "sched_cls", "cgroup_skb", "sk_reuseport"],
    parameters: [CONTEXT, WORD, DESTINATION, POSITIVE_SIZE, WORD],
    action: { type: "service", run: loadRelative },
    result: "i32",
    doc: "As skb_load_bytes, from the Ethernet or the network header on.",
  },
  {
    id: 69,
    name: "fib_lookup",
    callers: ["sched_cls", "xdp"],
    parameters: [CONTEXT, DESTINATION, POSITIVE_SIZE, WORD],
    action: { type: "unknown", what: "the kernel's routes" },
    result: "i32",
    doc: "Where the kernel would send a packet, which no event says: a run is stopped here without an answer.",
  },
  {
    id: 79,
    name: "skb_cgroup_id",
    callers: ["sched_cls", "cgroup_skb"],
    parameters: [CONTEXT],
    action: { type: "unknown", what: "the cgroup of the packet's socket" },
    result: "u64",
    doc: "The cgroup of the packet's socket, which no event says: a run is stopped here without an answer.",
  },
  {
    id: 83,
    name: "skb_ancestor_cgroup_id",
    callers: ["sched_cls", "cgroup_skb"],
    parameters: [CONTEXT, WORD],
    action: { type: "unknown", what: "the cgroup of the packet's socket" },
    result: "u64",
    doc: "An ancestor of the cgroup of the packet's socket, which no event says: a run is stopped here without an answer.",
  },
  {
    id: 152,
    name: "redirect_neigh",
    callers: ["sched_cls"],
    parameters: [WORD, TEXT_OR_NULL, SIZE, SCALAR],
    action: {
      type: "service",
      run: (call, device: number, _: number, __: number, flags: bigint) => redirectPlain(call, device, flags),
    },
    result: "i64",
    doc: "As redirect, where the neighbour's address is filled in: no flag is known.",
  },
  {
    id: 155,
    name: "redirect_peer",
    callers: ["sched_cls"],
    parameters: [WORD, SCALAR],
    action: { type: "service", run: redirectPlain },
    result: "i64",
    doc: "As redirect, into the other end of a pair of devices: no flag is known.",
  },
  {
    id: 163,
    name: "check_mtu",
    callers: ["sched_cls", "xdp"],
    parameters: [CONTEXT, WORD, WORD_ROOM, WORD, SCALAR],
    action: { type: "unknown", what: "the device's largest packet" },
    result: "i32",
    doc: "Whether a device takes a packet of such a size, which no event says: a run is stopped here without an answer.",
  },
];

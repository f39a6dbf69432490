/** Helpers that ask about sockets. There are none here: a lookup finds nothing, and what only a socket has nobody says. */
import { ADDRESSES, OPTIONS, ROUTES, TYPED } from "./callers.ts";
import type { Helper } from "./helper.ts";
import { CONTEXT_OR_NULL, CONTEXT_OR_SOCKET, OWN_SOCKET, SOCKET } from "./parameters/kernel.ts";
import { CONTEXT, POSITIVE_SIZE, TEXT } from "./parameters/memory.ts";
import { SCALAR } from "./parameters/numbers.ts";
import { type KernelShape, type Leads, SOCKET_SHAPES } from "./rules.ts";
import type { ServiceCall } from "./service.ts";

function leadsTo(owned: boolean | "argument", shape?: KernelShape): Leads {
  return { type: "kernel", what: "socket", owned, ...(shape === undefined ? {} : { shape }) };
}

const LOOKERS = ["sched_cls", "xdp", "cgroup_skb", "sk_skb", ...ADDRESSES] as const;

const LOOKUP: Omit<Helper, "id" | "name"> = {
  callers: LOOKERS,
  parameters: [CONTEXT, TEXT, POSITIVE_SIZE, SCALAR, SCALAR],
  action: { type: "answer", value: 0 },
  leads: { type: "kernel", what: "socket", owned: true, shape: SOCKET_SHAPES.full },
  takesPacket: true,
  result: "u64",
  doc: "Looks for a socket by its addresses: 0, as none is found where there are none.",
};

/** What follows from a socket, where there is none. */
const OF_SOCKET: Omit<Helper, "id" | "name"> = {
  ...LOOKUP,
  callers: [
    ...(["socket_filter", "sched_cls", "xdp", "cgroup_skb", "sock_ops", "sk_skb", "sk_msg", "sk_lookup"] as const),
    ...(["flow_dissector", "syscall", ...ROUTES, ...ADDRESSES, ...TYPED] as const),
  ],
  parameters: [SOCKET],
  leads: leadsTo("argument"),
  doc: "A socket as one of its kinds: 0, as of one that is none of them.",
};

function release(call: ServiceCall): number {
  return call.fail("it gives a socket back that it cannot have: no lookup finds one");
}

export const SOCKET_HELPERS: readonly Helper[] = [
  {
    id: 46,
    name: "get_socket_cookie",
    callers: [
      "socket_filter",
      "sched_cls",
      "cgroup_skb",
      "cgroup_sock",
      "sock_ops",
      "sk_skb",
      "sk_reuseport",
      "syscall",
      ...ADDRESSES,
      ...TYPED,
    ],
    parameters: [CONTEXT_OR_SOCKET],
    action: { type: "unknown", what: "the socket's number" },
    result: "u64",
    doc: "The number of the socket, which no event says: a run is stopped here without an answer.",
  },
  {
    id: 47,
    name: "get_socket_uid",
    callers: ["socket_filter", "sched_cls", "cgroup_skb", "sk_skb"],
    parameters: [CONTEXT],
    action: { type: "unknown", what: "whose socket it is" },
    result: "u32",
    doc: "The user whose socket it is, which no event says: a run is stopped here without an answer.",
  },
  { id: 84, name: "sk_lookup_tcp", ...LOOKUP },
  { id: 85, name: "sk_lookup_udp", ...LOOKUP },
  {
    id: 86,
    name: "sk_release",
    callers: [...LOOKERS, "sk_lookup"],
    parameters: [OWN_SOCKET],
    action: { type: "service", run: release },
    result: "i32",
    doc: "Gives a socket back that a lookup has found: as none is ever found, a run is stopped here.",
  },
  {
    ...{ id: 95, name: "sk_fullsock", ...OF_SOCKET, callers: ["sched_cls", "cgroup_skb"] },
    leads: leadsTo("argument", SOCKET_SHAPES.full),
  },
  {
    ...{ id: 96, name: "tcp_sock", ...OF_SOCKET, callers: ["sched_cls", "cgroup_skb", "sock_ops", ...OPTIONS] },
    leads: leadsTo("argument", SOCKET_SHAPES.tcp),
  },
  {
    ...{ id: 98, name: "get_listener_sock", ...OF_SOCKET, callers: ["sched_cls", "cgroup_skb"] },
    leads: leadsTo(false, SOCKET_SHAPES.full),
  },
  { id: 99, name: "skc_lookup_tcp", ...LOOKUP, leads: leadsTo(true, SOCKET_SHAPES.common) },
  {
    id: 122,
    name: "get_netns_cookie",
    callers: [
      "socket_filter",
      "sched_cls",
      "cgroup_skb",
      "cgroup_sock",
      "sock_ops",
      "sk_msg",
      ...ADDRESSES,
      ...OPTIONS,
    ],
    parameters: [CONTEXT_OR_NULL],
    action: { type: "unknown", what: "the network namespace" },
    result: "u64",
    doc: "The number of the network namespace, which no event says: a run is stopped here without an answer.",
  },
  { id: 136, name: "skc_to_tcp6_sock", ...OF_SOCKET },
  { id: 137, name: "skc_to_tcp_sock", ...OF_SOCKET },
  { id: 138, name: "skc_to_tcp_timewait_sock", ...OF_SOCKET },
  { id: 139, name: "skc_to_tcp_request_sock", ...OF_SOCKET },
  { id: 140, name: "skc_to_udp6_sock", ...OF_SOCKET },
  { id: 178, name: "skc_to_unix_sock", ...OF_SOCKET },
  { id: 196, name: "skc_to_mptcp_sock", ...OF_SOCKET },
];

/**
 * Who calls helpers: programs by their type, and by the hook where that decides. Which helper is for whom says its row, as Linux 6.18
 * answers (`npm run verdicts` asks it); of what only kernels with other options have, as their sources say.
 */

export type Caller =
  | ("kprobe" | "tracepoint" | "perf_event" | "raw_tracepoint")
  | ("fentry" | "fexit" | "fmod_ret" | "lsm" | "tp_btf" | "iter" | "struct_ops" | "syscall")
  | ("socket_filter" | "sched_cls" | "xdp" | "lwt_in" | "lwt_out" | "lwt_xmit" | "lwt_seg6local")
  | ("flow_dissector" | "netfilter" | "sk_skb" | "sk_msg" | "sk_lookup" | "sk_reuseport" | "sock_ops")
  | ("cgroup_skb" | "cgroup_sock" | "cgroup_device" | "cgroup_sysctl" | "cgroup_getsockopt" | "cgroup_setsockopt")
  | ("cgroup_bind" | "cgroup_connect" | "cgroup_connect_unix" | "cgroup_sendmsg")
  | ("cgroup_recvmsg" | "cgroup_getpeername" | "cgroup_getsockname");

type Callers = readonly Caller[];

/** Programs that trace, on contexts without types. */
export const PROBES: Callers = ["kprobe", "tracepoint", "perf_event", "raw_tracepoint"];
/** Programs that trampolines call. */
export const TRAMPOLINES: Callers = ["fentry", "fexit", "fmod_ret", "lsm"];
/** Programs whose arguments have the kernel's types. */
export const TYPED: Callers = [...TRAMPOLINES, "tp_btf", "iter"];
/** Programs that look at the kernel's memory. */
export const TRACING: Callers = [...PROBES, ...TYPED, "syscall"];

export const ROUTES: Callers = ["lwt_in", "lwt_out", "lwt_xmit", "lwt_seg6local"];

/** Programs that write to what they run on: Linux asks for that whatever a slice is of. */
export const PACKET_WRITERS: Callers = [
  ...(["sched_cls", "xdp", "lwt_xmit", "sk_skb", "sk_msg", "cgroup_getsockopt", "cgroup_setsockopt"] as const),
];

/** Programs on addresses that decide whether they are taken, and those that only say what they look like. */
const ASKED: Callers = ["cgroup_bind", "cgroup_connect", "cgroup_connect_unix", "cgroup_sendmsg"];
const TOLD: Callers = ["cgroup_recvmsg", "cgroup_getpeername", "cgroup_getsockname"];
export const ADDRESSES: Callers = [...ASKED, ...TOLD];
export const OPTIONS: Callers = ["cgroup_getsockopt", "cgroup_setsockopt"];
/** Programs of a cgroup in a system call, whose answer they may change. */
export const SYSTEM_CALLS: Callers = ["cgroup_sock", "cgroup_device", "cgroup_sysctl", ...OPTIONS, ...ASKED];
/** All programs of a cgroup. */
export const CGROUPS: Callers = [...SYSTEM_CALLS, ...TOLD, "cgroup_skb", "sock_ops"];

/** Programs that may have objects, tasks and cgroups of their own. */
export const OWNERS: Callers = [
  ...[...TYPED, ...CGROUPS],
  ...(["tracepoint", "perf_event", "syscall", "sched_cls", "xdp", "struct_ops"] as const),
];

/** Helpers that ask for what only a running kernel has, and nobody says: a run is stopped there, unless it is given an answer. */
import type { Caller } from "./callers.ts";
import { ADDRESSES, SYSTEM_CALLS, TRACING, TRAMPOLINES } from "./callers.ts";
import type { Helper } from "./helper.ts";
import { CALLBACK } from "./parameters/callback.ts";
import { SOCKET, TASK } from "./parameters/kernel.ts";
import { CONTEXT, DESTINATION, LONG_ROOM, POSITIVE_SIZE, SIZE, SOURCE, TEXT } from "./parameters/memory.ts";
import { SCALAR, WORD } from "./parameters/numbers.ts";
import type { ParameterKind } from "./parameters/parameter-kind.ts";
import type { CallbackRules } from "./rules.ts";

interface Asking {
  readonly what: string;
  readonly parameters: readonly ParameterKind[];
  readonly result?: Helper["result"];
  readonly calls?: CallbackRules;
  readonly sleeps?: true;
  readonly doc: string;
}

/** Those behind which a packet may lie elsewhere. */
const MOVES: ReadonlySet<string> = new Set(["lwt_push_encap", "store_hdr_opt"]);

function ask(id: number, name: string, callers: readonly Caller[] | undefined, asking: Asking): Helper {
  const { what, parameters, result = "i32", doc, calls, sleeps } = asking;
  return {
    ...{ id, name, parameters, action: { type: "unknown", what }, result },
    ...(callers === undefined ? {} : { callers }),
    ...(calls === undefined ? {} : { calls }),
    ...(sleeps === undefined ? {} : { sleeps }),
    ...(MOVES.has(name) ? { movesPacket: true } : {}),
    doc: `${doc}, which no event says: a run is stopped here without an answer.`,
  };
}

export const KERNEL_HELPERS: readonly Helper[] = [
  ask(20, "skb_get_tunnel_key", ["sched_cls", "lwt_xmit"], {
    what: "the packet's tunnel",
    parameters: [CONTEXT, DESTINATION, POSITIVE_SIZE, SCALAR],
    doc: "What the packet's tunnel is",
  }),
  ask(21, "skb_set_tunnel_key", ["sched_cls", "lwt_xmit"], {
    what: "the packet's tunnel",
    parameters: [CONTEXT, TEXT, POSITIVE_SIZE, SCALAR],
    doc: "Says what tunnel the packet goes through",
  }),
  ask(29, "skb_get_tunnel_opt", ["sched_cls", "lwt_xmit"], {
    what: "the packet's tunnel",
    parameters: [CONTEXT, DESTINATION, POSITIVE_SIZE],
    doc: "Options of the packet's tunnel",
  }),
  ask(30, "skb_set_tunnel_opt", ["sched_cls", "lwt_xmit"], {
    what: "the packet's tunnel",
    parameters: [CONTEXT, TEXT, POSITIVE_SIZE],
    doc: "Says what options the packet's tunnel has",
  }),
  ask(36, "probe_write_user", TRACING, {
    what: "whether the task has this memory",
    parameters: [SOURCE, TEXT, POSITIVE_SIZE],
    doc: "Writes into the task's own memory",
  }),
  ask(49, "setsockopt", ["sock_ops", "cgroup_setsockopt", "struct_ops", "iter", "lsm", ...ADDRESSES], {
    what: "the socket's options",
    parameters: [SOURCE, WORD, WORD, TEXT, POSITIVE_SIZE],
    doc: "Sets an option of a socket",
  }),
  ask(57, "getsockopt", ["sock_ops", "cgroup_setsockopt", "struct_ops", "iter", "lsm", ...ADDRESSES], {
    what: "the socket's options",
    parameters: [SOURCE, WORD, WORD, DESTINATION, POSITIVE_SIZE],
    doc: "Reads an option of a socket",
  }),
  ask(64, "bind", ["cgroup_connect"], {
    what: "the socket",
    parameters: [CONTEXT, TEXT, POSITIVE_SIZE],
    doc: "Binds the socket to an address",
  }),
  ask(66, "skb_get_xfrm_state", ["sched_cls"], {
    what: "how the packet was encrypted",
    parameters: [CONTEXT, WORD, DESTINATION, POSITIVE_SIZE, SCALAR],
    doc: "How the packet was encrypted",
  }),
  ask(73, "lwt_push_encap", ["lwt_in", "lwt_xmit"], {
    what: "the packet's route",
    parameters: [CONTEXT, WORD, TEXT, POSITIVE_SIZE],
    doc: "Puts headers in front of the packet",
  }),
  ask(100, "tcp_check_syncookie", ["sched_cls", "xdp"], {
    what: "the kernel's secret",
    parameters: [SOCKET, TEXT, POSITIVE_SIZE, TEXT, POSITIVE_SIZE],
    doc: "Whether a packet has a good SYN cookie",
  }),
  ask(101, "sysctl_get_name", ["cgroup_sysctl"], {
    what: "the setting's name",
    parameters: [CONTEXT, DESTINATION, POSITIVE_SIZE, SCALAR],
    doc: "The name of the setting",
  }),
  ask(102, "sysctl_get_current_value", ["cgroup_sysctl"], {
    what: "the setting's value",
    parameters: [CONTEXT, DESTINATION, POSITIVE_SIZE],
    doc: "The setting's value",
  }),
  ask(103, "sysctl_get_new_value", ["cgroup_sysctl"], {
    what: "the setting's new value",
    parameters: [CONTEXT, DESTINATION, POSITIVE_SIZE],
    doc: "What the setting is to become",
  }),
  ask(104, "sysctl_set_new_value", ["cgroup_sysctl"], {
    what: "whether the setting is written",
    parameters: [CONTEXT, TEXT, POSITIVE_SIZE],
    doc: "Makes the setting become something else",
  }),
  ask(110, "tcp_gen_syncookie", ["sched_cls", "xdp"], {
    what: "the kernel's secret",
    parameters: [SOCKET, TEXT, POSITIVE_SIZE, TEXT, POSITIVE_SIZE],
    result: "i64",
    doc: "A SYN cookie",
  }),
  ask(116, "tcp_send_ack", ["struct_ops"], {
    what: "whether the connection sends",
    parameters: [SOURCE, WORD],
    doc: "Lets a connection send an acknowledgement",
  }),
  ask(124, "sk_assign", ["sched_cls", "sk_lookup"], {
    what: "the socket",
    parameters: [CONTEXT, SOURCE, SCALAR],
    doc: "Chooses the socket that gets the packet",
  }),
  ask(128, "sk_cgroup_id", ["cgroup_skb"], {
    what: "the socket's cgroup",
    parameters: [SOCKET],
    result: "u64",
    doc: "The cgroup of a socket",
  }),
  ask(129, "sk_ancestor_cgroup_id", ["cgroup_skb"], {
    what: "the socket's cgroup",
    parameters: [SOCKET, WORD],
    result: "u64",
    doc: "An ancestor of the cgroup of a socket",
  }),
  ask(142, "load_hdr_opt", ["sock_ops"], {
    what: "the header's options",
    parameters: [CONTEXT, DESTINATION, POSITIVE_SIZE, SCALAR],
    doc: "An option of the TCP header",
  }),
  ask(143, "store_hdr_opt", ["sock_ops"], {
    what: "the header's options",
    parameters: [CONTEXT, TEXT, POSITIVE_SIZE, SCALAR],
    doc: "Writes an option of the TCP header",
  }),
  ask(144, "reserve_hdr_opt", ["sock_ops"], {
    what: "the header's options",
    parameters: [CONTEXT, WORD, SCALAR],
    doc: "Makes room for an option of the TCP header",
  }),
  ask(147, "d_path", [...TRAMPOLINES, "iter"], {
    what: "the file's path",
    parameters: [SOURCE, DESTINATION, SIZE],
    doc: "The path of a file",
  }),
  ask(149, "snprintf_btf", undefined, {
    what: "the kernel's types",
    parameters: [DESTINATION, POSITIVE_SIZE, TEXT, POSITIVE_SIZE, SCALAR],
    doc: "Formats an object of the kernel's by its type",
  }),
  ask(150, "seq_printf_btf", ["iter"], {
    what: "the kernel's types",
    parameters: [SOURCE, TEXT, SIZE, SCALAR],
    doc: "Prints an object of the kernel's by its type into the file that user space reads",
  }),
  ask(151, "skb_cgroup_classid", ["sched_cls"], {
    what: "the cgroup of the packet's socket",
    parameters: [CONTEXT],
    result: "u64",
    doc: "The class of the cgroup of the packet's socket",
  }),
  ask(159, "bprm_opts_set", ["lsm"], {
    what: "the program that is started",
    parameters: [SOURCE, SCALAR],
    doc: "Says how a program is started",
  }),
  ask(161, "ima_inode_hash", ["lsm"], {
    what: "the file's hash",
    sleeps: true,
    parameters: [SOURCE, DESTINATION, POSITIVE_SIZE],
    doc: "The hash of a file",
  }),
  ask(166, "sys_bpf", ["syscall"], {
    what: "what the system call would do",
    parameters: [WORD, DESTINATION, POSITIVE_SIZE],
    result: "i64",
    doc: "Calls bpf(2)",
  }),
  ask(167, "btf_find_by_name_kind", ["syscall"], {
    what: "the kernel's types",
    parameters: [TEXT, POSITIVE_SIZE, WORD, WORD],
    result: "i64",
    doc: "The number of a type of the kernel",
  }),
  ask(168, "sys_close", ["syscall"], {
    what: "what the system call would do",
    parameters: [WORD],
    result: "i64",
    doc: "Calls close(2)",
  }),
  ask(175, "task_pt_regs", undefined, {
    what: "where the task's registers are",
    parameters: [TASK],
    result: "u64",
    doc: "The address of a task's registers",
  }),
  ask(179, "kallsyms_lookup_name", ["syscall"], {
    what: "the kernel's symbols",
    parameters: [TEXT, SIZE, WORD, LONG_ROOM],
    result: "i64",
    doc: "The address of a symbol of the kernel",
  }),
  ask(180, "find_vma", undefined, {
    what: "the task's memory",
    parameters: [TASK, SCALAR, CALLBACK, SCALAR, SCALAR],
    calls: { arguments: ["number", "number", { register: 4 }], result: [0, 1] },
    result: "i64",
    doc: "Calls a function with the part of a task's memory that an address is in",
  }),
  ask(186, "get_retval", [...SYSTEM_CALLS, "lsm"], {
    what: "what the system call would return",
    parameters: [],
    doc: "What the system call would return",
  }),
  ask(187, "set_retval", [...SYSTEM_CALLS, "lsm"], {
    what: "what the system call would return",
    parameters: [WORD],
    doc: "Says what the system call returns",
  }),
  ask(191, "copy_from_user_task", undefined, {
    what: "another task's memory",
    sleeps: true,
    parameters: [DESTINATION, SIZE, SOURCE, TASK, SCALAR],
    doc: "Copies bytes of another task's memory",
  }),
  ask(192, "skb_set_tstamp", ["sched_cls"], {
    what: "the packet's clock",
    parameters: [CONTEXT, SCALAR, WORD],
    doc: "Says when the packet is sent",
  }),
  ask(193, "ima_file_hash", ["lsm"], {
    what: "the file's hash",
    sleeps: true,
    parameters: [SOURCE, DESTINATION, POSITIVE_SIZE],
    doc: "The hash of a file",
  }),
];

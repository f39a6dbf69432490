/** Helpers on what an event is of: its stack, its counters, its function's arguments, and records for user space. */
import { ERRNO } from "../../error.ts";
import { CGROUPS, PROBES, ROUTES, TRACING, TRAMPOLINES, TYPED } from "./callers.ts";
import type { Helper } from "./helper.ts";
import { perfEventOutput } from "./output.ts";
import { TASK } from "./parameters/kernel.ts";
import { MAP } from "./parameters/maps.ts";
import {
  CONTEXT,
  DESTINATION,
  DESTINATION_OR_NULL,
  LONG_ROOM,
  POSITIVE_SIZE,
  SIZE,
  SOURCE,
  TEXT,
} from "./parameters/memory.ts";
import { FLAGS, SCALAR, WORD } from "./parameters/numbers.ts";
import type { ServiceCall } from "./service.ts";

/** Bits of BPF_F_SKIP_FIELD_MASK, BPF_F_USER_STACK, BPF_F_FAST_STACK_CMP, BPF_F_REUSE_STACKID, BPF_F_USER_BUILD_ID. */
const STACK = { skipped: 0xffn, ofUser: 0x100n, compareFast: 0x200n, reuseNumber: 0x400n, buildIds: 0x800n } as const;
const ADDRESS_BYTES = 8;
/** `struct bpf_stack_build_id`. */
const BUILD_ID_BYTES = 32;

/** What is wrong with how a stack is asked for; undefined: nothing. */
function stackProblem(size: number, flags: bigint): number | undefined {
  const hasIds = (flags & STACK.buildIds) !== 0n;
  const isKnown = (flags & ~(STACK.skipped | STACK.ofUser | STACK.buildIds)) === 0n;
  const fits = size % (hasIds ? BUILD_ID_BYTES : ADDRESS_BYTES) === 0;
  return isKnown && fits && (!hasIds || (flags & STACK.ofUser) !== 0n) ? undefined : -ERRNO.EINVAL;
}

/** No event says more of a stack than that there is one. */
function stackOf({ bytes }: ServiceCall, _: unknown, into: number, size: number, flags: bigint): number {
  bytes.fill(0, into, into + size);
  return stackProblem(size, flags) ?? -ERRNO.EFAULT;
}

function stackNumber(_: ServiceCall, __: number, ___: number, flags: bigint): number {
  const known = STACK.skipped | STACK.ofUser | STACK.compareFast | STACK.reuseNumber;
  return (flags & ~known) === 0n ? -ERRNO.EFAULT : -ERRNO.EINVAL;
}

const OUTPUT: Omit<Helper, "id" | "name"> = {
  maps: ["perf_event_array"],
  parameters: [SOURCE, MAP, SCALAR, TEXT, SIZE],
  action: { type: "service", run: perfEventOutput },
  result: "i32",
  doc: "Hands a record to whoever reads the map's records of this CPU, with as much of the packet as is asked for; -ENOENT where nobody does, -ENOSPC where there is no room.",
};

export const EVENT_HELPERS: readonly Helper[] = [
  {
    id: 22,
    name: "perf_event_read",
    maps: ["perf_event_array"],
    parameters: [MAP, SCALAR],
    action: { type: "unknown", what: "a counter" },
    result: "u64",
    doc: "The value of a counter of the CPU, which no event says: a run is stopped here without an answer.",
  },
  {
    ...{ id: 25, name: "perf_event_output", ...OUTPUT, parameters: [CONTEXT, MAP, SCALAR, TEXT, SIZE] },
    callers: [
      ...[...TRACING, ...CGROUPS, ...ROUTES],
      ...(["socket_filter", "sched_cls", "xdp", "sk_skb", "sk_msg", "sk_lookup"] as const),
    ],
  },
  {
    id: 27,
    name: "get_stackid",
    callers: TRACING,
    maps: ["stack_trace"],
    parameters: [CONTEXT, MAP, SCALAR],
    action: { type: "service", run: stackNumber },
    result: "i32",
    doc: "The number of the event's stack: -EFAULT, as where it cannot be walked; -EINVAL for unknown flags.",
  },
  {
    id: 55,
    name: "perf_event_read_value",
    maps: ["perf_event_array"],
    parameters: [MAP, SCALAR, DESTINATION, POSITIVE_SIZE],
    action: { type: "unknown", what: "a counter" },
    result: "i32",
    doc: "The value of a counter, and how long it counted, which no event says: a run is stopped here without an answer.",
  },
  {
    id: 56,
    name: "perf_prog_read_value",
    callers: ["perf_event"],
    parameters: [CONTEXT, DESTINATION, POSITIVE_SIZE],
    action: { type: "unknown", what: "the sample's counter" },
    result: "i32",
    doc: "The value of the sample's counter, and how long it counted, which no event says: a run is stopped here without an answer.",
  },
  {
    id: 58,
    name: "override_return",
    callers: ["kprobe"],
    parameters: [CONTEXT, SCALAR],
    action: { type: "unknown", what: "whether the function may be kept from running" },
    result: "i32",
    doc: "Keeps the function from running, with an answer in its place: whether it may be decides the answer, which no event says: a run is stopped here without an answer.",
  },
  {
    id: 67,
    name: "get_stack",
    callers: TRACING,
    parameters: [CONTEXT, DESTINATION, SIZE, SCALAR],
    action: { type: "service", run: stackOf },
    atMostSize: true,
    result: "i32",
    doc: "The event's stack: zeroes and -EFAULT, as where it cannot be walked; -EINVAL for unknown flags and parts of entries.",
  },
  { id: 111, name: "skb_output", ...OUTPUT, callers: [...TYPED, "syscall"] },
  {
    id: 119,
    name: "read_branch_records",
    callers: ["perf_event"],
    parameters: [CONTEXT, DESTINATION_OR_NULL, SIZE, FLAGS],
    action: { type: "answer", value: -ERRNO.ENOENT },
    result: "i32",
    doc: "The branches before the sample: -ENOENT, as of a sample without them.",
  },
  { id: 121, name: "xdp_output", ...OUTPUT, callers: [...TYPED, "syscall"] },
  {
    id: 141,
    name: "get_task_stack",
    parameters: [TASK, DESTINATION, SIZE, SCALAR],
    action: { type: "service", run: stackOf },
    atMostSize: true,
    result: "i32",
    doc: "A task's stack, as get_stack.",
  },
  {
    id: 173,
    name: "get_func_ip",
    callers: ["kprobe", "fentry", "fexit", "fmod_ret"],
    parameters: [CONTEXT],
    action: { type: "unknown", what: "the address of the function" },
    result: "u64",
    doc: "The address of the function that is probed, which no event says: a run is stopped here without an answer.",
  },
  {
    id: 174,
    name: "get_attach_cookie",
    callers: [...PROBES, ...TRAMPOLINES, "tp_btf"],
    parameters: [CONTEXT],
    action: { type: "unknown", what: "what the program was attached with" },
    result: "u64",
    doc: "The number that the program was attached with, which no event says: a run is stopped here without an answer.",
  },
  {
    id: 176,
    name: "get_branch_snapshot",
    parameters: [DESTINATION, SIZE, SCALAR],
    action: { type: "unknown", what: "the branches before" },
    result: "i32",
    doc: "The branches before this call, which no event says: a run is stopped here without an answer.",
  },
  {
    id: 183,
    name: "get_func_arg",
    callers: TRAMPOLINES,
    parameters: [CONTEXT, WORD, LONG_ROOM],
    action: { type: "unknown", what: "how many arguments the function has" },
    result: "i32",
    doc: "An argument of the function, by its number, which no event says: a run is stopped here without an answer.",
  },
  {
    id: 184,
    name: "get_func_ret",
    callers: TRAMPOLINES,
    parameters: [CONTEXT, LONG_ROOM],
    action: { type: "unknown", what: "how many arguments the function has" },
    result: "i32",
    doc: "What the function has returned, which no event says: a run is stopped here without an answer.",
  },
  {
    id: 185,
    name: "get_func_arg_cnt",
    callers: TRAMPOLINES,
    parameters: [CONTEXT],
    action: { type: "unknown", what: "how many arguments the function has" },
    result: "i32",
    doc: "How many arguments the function has, which no event says: a run is stopped here without an answer.",
  },
];

/**
 * The helpers a program may call: one row each, numbered as in Linux's `include/uapi/linux/bpf.h`.
 *
 * `parameters` says what r1, r2, ... must hold, `action` how the call is carried out. The interpreter checks pointers
 * against what the run was granted, the JIT that they lie in memory; both read only this table and that of the
 * parameters' kinds, so that a new helper is one row (and one core function where it needs one).
 */
import { ERRNO } from "../../error.ts";
import { RECORD } from "../../events/record.ts";
import type { Core } from "../../wasm/face.ts";
import { KEY, MAP, ROOM, VALUE } from "./parameters/maps.ts";
import { DESTINATION, SIZE, SOURCE, TEXT } from "./parameters/memory.ts";
import { FLAGS, SCALAR, WORD } from "./parameters/numbers.ts";
import type { ParameterKind } from "./parameters/parameter-kind.ts";
import { RECORD_ADDRESS } from "./parameters/records.ts";

export type MapRole =
  | "lookup"
  | "lookupOn"
  | "update"
  | "delete"
  | "push"
  | "pop"
  | "peek"
  | "output"
  | "reserve"
  | "query";

export type Action =
  /** Calls the map kind's function for this role. */
  | { readonly type: "map"; readonly role: MapRole }
  /** Calls the core's function with the parameters. */
  | { readonly type: "core"; readonly name: keyof Core }
  /** Reads a field of the record that the current CPU works on. */
  | { readonly type: "record"; readonly offset: number; readonly bytes: 4 | 8 }
  /** Reads the current CPU's number. */
  | { readonly type: "cpu" }
  /** Formats a line and hands it to the host. */
  | { readonly type: "print" }
  /** Hands a record to the host. */
  | { readonly type: "output" }
  /** Answers the same to everybody. */
  | { readonly type: "answer"; readonly value: number };

/**
 * What a program type allows as a whole. `base`: every type, as it needs nothing but maps, time and the CPU; `tracing`:
 * what looks at the kernel's memory and the current task.
 */
export type HelperGroup = "base" | "tracing";

export interface Helper {
  readonly id: number;
  /** Without the `bpf_` of its C name. */
  readonly name: string;
  readonly group: HelperGroup;
  readonly parameters: readonly ParameterKind[];
  readonly action: Action;
  /**
   * What r0 is: `value` the address of a value of the call's map, or 0; `record` that of as many bytes as r2 said, or 0, which are to
   * be submitted or discarded; `i32` 0 or more, or -errno; an unsigned number; `none`: 0.
   */
  readonly result: "value" | "record" | "i32" | "u32" | "u64" | "none";
  readonly doc: string;
}

/** What a helper's function is in WebAssembly, where its action is to call one. */
export function signatureOf({ parameters, result }: Helper): {
  readonly parameters: readonly ("i32" | "i64")[];
  readonly results: readonly ("i32" | "i64")[];
} {
  const results = result === "none" ? [] : ([result === "u64" ? "i64" : "i32"] as const);
  return { parameters: parameters.map(({ wasm }) => wasm), results };
}

/** The register that holds the call's map; 0 for a helper that takes none. */
export function mapRegister({ parameters }: Helper): number {
  return parameters.indexOf(MAP) + 1;
}

const PROBE_READ: Omit<Helper, "id" | "name"> = {
  group: "tracing",
  parameters: [DESTINATION, SIZE, SOURCE],
  action: { type: "core", name: "probeRead" },
  result: "i32",
  doc: "Copies size bytes from an address that need not exist; -EFAULT and zeroes if it does not.",
};

const PROBE_READ_STRING: Omit<Helper, "id" | "name"> = {
  ...PROBE_READ,
  action: { type: "core", name: "probeReadString" },
  doc: "Copies a NUL-terminated string of at most size bytes; returns its length with the NUL, or -EFAULT.",
};

export const HELPERS: readonly Helper[] = [
  {
    id: 1,
    name: "map_lookup_elem",
    group: "base",
    parameters: [MAP, KEY],
    action: { type: "map", role: "lookup" },
    result: "value",
    doc: "The address of the value under the key, or 0.",
  },
  {
    id: 2,
    name: "map_update_elem",
    group: "base",
    parameters: [MAP, KEY, VALUE, FLAGS],
    action: { type: "map", role: "update" },
    result: "i32",
    doc: "Stores a value under the key; 0 or -errno.",
  },
  {
    id: 3,
    name: "map_delete_elem",
    group: "base",
    parameters: [MAP, KEY],
    action: { type: "map", role: "delete" },
    result: "i32",
    doc: "Removes the key and its value; 0 or -errno.",
  },
  { id: 4, name: "probe_read", ...PROBE_READ },
  {
    id: 5,
    name: "ktime_get_ns",
    group: "base",
    parameters: [],
    action: { type: "record", offset: RECORD.time, bytes: 8 },
    result: "u64",
    doc: "The time of the event in nanoseconds.",
  },
  {
    id: 6,
    name: "trace_printk",
    group: "base",
    parameters: [TEXT, SIZE, SCALAR, SCALAR, SCALAR],
    action: { type: "print" },
    result: "i32",
    doc: "Prints a line with up to three numbers; returns its length.",
  },
  {
    id: 7,
    name: "get_prandom_u32",
    group: "base",
    parameters: [],
    action: { type: "core", name: "pseudoRandom" },
    result: "u32",
    doc: "A pseudo-random number of 32 bits.",
  },
  {
    id: 8,
    name: "get_smp_processor_id",
    group: "base",
    parameters: [],
    action: { type: "cpu" },
    result: "u32",
    doc: "The number of the current CPU.",
  },
  {
    id: 14,
    name: "get_current_pid_tgid",
    group: "tracing",
    parameters: [],
    action: { type: "record", offset: RECORD.pidTgid, bytes: 8 },
    result: "u64",
    doc: "Returns tgid << 32 | pid of the event's task.",
  },
  {
    id: 15,
    name: "get_current_uid_gid",
    group: "tracing",
    parameters: [],
    action: { type: "record", offset: RECORD.uidGid, bytes: 8 },
    result: "u64",
    doc: "Returns gid << 32 | uid of the event's task.",
  },
  {
    id: 16,
    name: "get_current_comm",
    group: "tracing",
    parameters: [DESTINATION, SIZE],
    action: { type: "core", name: "taskComm" },
    result: "i32",
    doc: "Copies the name of the event's task, NUL padded to size.",
  },
  {
    id: 25,
    name: "perf_event_output",
    group: "base",
    parameters: [SCALAR, MAP, SCALAR, TEXT, SIZE],
    action: { type: "output" },
    result: "i32",
    doc: "Hands a record to whoever reads the map's records of this CPU; -ENOENT where nobody does.",
  },
  {
    id: 27,
    name: "get_stackid",
    group: "base",
    parameters: [SCALAR, MAP, SCALAR],
    action: { type: "answer", value: -ERRNO.EFAULT },
    result: "i32",
    doc: "The number of the event's stack: -EFAULT, as where it cannot be walked.",
  },
  {
    id: 37,
    name: "current_task_under_cgroup",
    group: "tracing",
    parameters: [MAP, WORD],
    action: { type: "answer", value: -ERRNO.EAGAIN },
    result: "i32",
    doc: "Whether the event's task is in a cgroup: -EAGAIN, as for a place where none is.",
  },
  { id: 45, name: "probe_read_str", ...PROBE_READ_STRING },
  {
    id: 87,
    name: "map_push_elem",
    group: "base",
    parameters: [MAP, VALUE, FLAGS],
    action: { type: "map", role: "push" },
    result: "i32",
    doc: "Adds a value to a queue, a stack or a bloom filter; 0 or -errno.",
  },
  {
    id: 88,
    name: "map_pop_elem",
    group: "base",
    parameters: [MAP, ROOM],
    action: { type: "map", role: "pop" },
    result: "i32",
    doc: "Takes a value off a queue or a stack; -ENOENT and zeroes if there is none.",
  },
  {
    id: 89,
    name: "map_peek_elem",
    group: "base",
    parameters: [MAP, ROOM],
    action: { type: "map", role: "peek" },
    result: "i32",
    doc: "As map_pop_elem, but the value stays; of a bloom filter whether the value may be in it.",
  },
  { id: 112, name: "probe_read_user", ...PROBE_READ },
  { id: 113, name: "probe_read_kernel", ...PROBE_READ },
  { id: 114, name: "probe_read_user_str", ...PROBE_READ_STRING },
  { id: 115, name: "probe_read_kernel_str", ...PROBE_READ_STRING },
  {
    id: 125,
    name: "ktime_get_boot_ns",
    group: "base",
    parameters: [],
    action: { type: "record", offset: RECORD.time, bytes: 8 },
    result: "u64",
    doc: "The time of the event in nanoseconds, as ktime_get_ns.",
  },
  {
    id: 130,
    name: "ringbuf_output",
    group: "base",
    parameters: [MAP, TEXT, SIZE, FLAGS],
    action: { type: "map", role: "output" },
    result: "i32",
    doc: "Copies size bytes into a ring buffer as a record; 0, -EINVAL, or -EAGAIN if there is no room.",
  },
  {
    id: 131,
    name: "ringbuf_reserve",
    group: "base",
    parameters: [MAP, WORD, FLAGS],
    action: { type: "map", role: "reserve" },
    result: "record",
    doc: "The address of a record of so many bytes, to be filled and then submitted or discarded, or 0 if there is no room.",
  },
  {
    id: 132,
    name: "ringbuf_submit",
    group: "base",
    parameters: [RECORD_ADDRESS, WORD],
    action: { type: "core", name: "ringbufSubmit" },
    result: "none",
    doc: "Gives a reserved record to the consumer.",
  },
  {
    id: 133,
    name: "ringbuf_discard",
    group: "base",
    parameters: [RECORD_ADDRESS, WORD],
    action: { type: "core", name: "ringbufDiscard" },
    result: "none",
    doc: "Gives a reserved record up: no consumer sees it.",
  },
  {
    id: 134,
    name: "ringbuf_query",
    group: "base",
    parameters: [MAP, FLAGS],
    action: { type: "map", role: "query" },
    result: "u64",
    doc: "Bytes that are not consumed, the buffer's size, or the consumer's or the producers' position.",
  },
  {
    id: 195,
    name: "map_lookup_percpu_elem",
    group: "base",
    parameters: [MAP, KEY, WORD],
    action: { type: "map", role: "lookupOn" },
    result: "value",
    doc: "The address of a CPU's value under the key, or 0; also where there is no such CPU.",
  },
];

const BY_ID = new Map(HELPERS.map((row) => [row.id, row]));
const BY_NAME = new Map(HELPERS.map((row) => [row.name, row]));

export function helperById(id: number): Helper | undefined {
  return BY_ID.get(id);
}

export function helperByName(name: string): Helper | undefined {
  return BY_NAME.get(name);
}

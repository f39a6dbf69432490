/**
 * The helpers a program may call: one row each, numbered as in Linux's `include/uapi/linux/bpf.h`.
 *
 * `parameters` says what r1, r2, ... must hold, `action` how the call is carried out. The interpreter checks pointers
 * against what the run was granted, the JIT that they lie in memory; both read only this table, so that a new helper is
 * one row (and one core function where it needs one).
 */
import { RECORD } from "../../events/record.ts";

/**
 * - `map`: a map's address; `key`, `value`: a pointer to that map's key or value; `flags`: 64 bits, passed on in 32
 *   (see FLAGS_TOO_LARGE)
 * - `destination`: a pointer to writable bytes, `text`: to readable ones, as many as the `size` that follows
 * - `source`: any address, readable or not; `scalar`: any number
 */
export type Parameter = "map" | "key" | "value" | "flags" | "destination" | "text" | "size" | "source" | "scalar";

export type MapRole = "lookup" | "update" | "delete";

export type Action =
  /** Calls the map kind's function for this role. */
  | { readonly type: "map"; readonly role: MapRole }
  /** Calls the core's function with the parameters. */
  | { readonly type: "core"; readonly name: string; readonly result: "u32" | "i32" }
  /** Reads a field of the record that the current CPU works on. */
  | { readonly type: "record"; readonly offset: number; readonly bytes: 4 | 8 }
  /** Reads the current CPU's number. */
  | { readonly type: "cpu" }
  /** Formats a line and hands it to the host. */
  | { readonly type: "print" };

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
  readonly parameters: readonly Parameter[];
  /** `value`: a value's address or 0. `number`: anything else. */
  readonly result: "value" | "number";
  readonly doc: string;
  readonly action: Action;
}

/** What the core is given for flags beyond 32 bits, none of which exist: it answers -EINVAL. */
export const FLAGS_TOO_LARGE = 0xffffffff;

function helper(
  id: number,
  name: string,
  group: HelperGroup,
  parameters: readonly Parameter[],
  action: Action,
  doc: string,
  result: Helper["result"] = "number",
): Helper {
  return { id, name, group, parameters, result, doc, action };
}

const READ: readonly Parameter[] = ["destination", "size", "source"];
const PROBE: Action = { type: "core", name: "probeRead", result: "i32" };
const PROBE_STRING: Action = { type: "core", name: "probeReadString", result: "i32" };
const TIME: Action = { type: "record", offset: RECORD.time, bytes: 8 };
const COPY_DOC = "Copies size bytes from an address that need not exist; -EFAULT and zeroes if it does not.";
const STRING_DOC = "Copies a NUL-terminated string of at most size bytes; returns its length with the NUL, or -EFAULT.";

export const HELPERS: readonly Helper[] = [
  helper(
    1,
    "map_lookup_elem",
    "base",
    ["map", "key"],
    { type: "map", role: "lookup" },
    "The address of the value under the key, or 0.",
    "value",
  ),
  helper(
    2,
    "map_update_elem",
    "base",
    ["map", "key", "value", "flags"],
    { type: "map", role: "update" },
    "Stores a value under the key; 0 or -errno.",
  ),
  helper(
    3,
    "map_delete_elem",
    "base",
    ["map", "key"],
    { type: "map", role: "delete" },
    "Removes the key and its value; 0 or -errno.",
  ),
  helper(4, "probe_read", "tracing", READ, PROBE, COPY_DOC),
  helper(5, "ktime_get_ns", "base", [], TIME, "The time of the event in nanoseconds."),
  helper(
    6,
    "trace_printk",
    "base",
    ["text", "size", "scalar", "scalar", "scalar"],
    { type: "print" },
    "Prints a line with up to three numbers; returns its length.",
  ),
  helper(
    7,
    "get_prandom_u32",
    "base",
    [],
    { type: "core", name: "pseudoRandom", result: "u32" },
    "A pseudo-random number of 32 bits.",
  ),
  helper(8, "get_smp_processor_id", "base", [], { type: "cpu" }, "The number of the current CPU."),
  helper(
    14,
    "get_current_pid_tgid",
    "tracing",
    [],
    { type: "record", offset: RECORD.pidTgid, bytes: 8 },
    "Returns tgid << 32 | pid of the event's task.",
  ),
  helper(
    15,
    "get_current_uid_gid",
    "tracing",
    [],
    { type: "record", offset: RECORD.uidGid, bytes: 8 },
    "Returns gid << 32 | uid of the event's task.",
  ),
  helper(
    16,
    "get_current_comm",
    "tracing",
    ["destination", "size"],
    { type: "core", name: "taskComm", result: "i32" },
    "Copies the name of the event's task, NUL padded to size.",
  ),
  helper(45, "probe_read_str", "tracing", READ, PROBE_STRING, STRING_DOC),
  helper(112, "probe_read_user", "tracing", READ, PROBE, COPY_DOC),
  helper(113, "probe_read_kernel", "tracing", READ, PROBE, COPY_DOC),
  helper(114, "probe_read_user_str", "tracing", READ, PROBE_STRING, STRING_DOC),
  helper(115, "probe_read_kernel_str", "tracing", READ, PROBE_STRING, STRING_DOC),
  helper(125, "ktime_get_boot_ns", "base", [], TIME, "The time of the event in nanoseconds, as ktime_get_ns."),
];

const BY_ID = new Map(HELPERS.map((row) => [row.id, row]));
const BY_NAME = new Map(HELPERS.map((row) => [row.name, row]));

export function helperById(id: number): Helper | undefined {
  return BY_ID.get(id);
}

export function helperByName(name: string): Helper | undefined {
  return BY_NAME.get(name);
}

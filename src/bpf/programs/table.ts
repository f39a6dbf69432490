/**
 * The program types: one row each, in a file of its own. The object reader, the loader, the replay, the checks and the
 * command line ask the rows; nobody else knows a type by name.
 */
import { AnyctxError } from "../../error.ts";
import { CGROUP_SKB } from "./cgroup-skb.ts";
import { KPROBE } from "./kprobe.ts";
import { LSM } from "./lsm.ts";
import { PERF_EVENT } from "./perf-event.ts";
import type { ProgramKind, ProgramType, UnsupportedKind } from "./program-type.ts";
import { RAW_TRACEPOINT } from "./raw-tracepoint.ts";
import { SCHED_CLS } from "./sched-cls.ts";
import { SOCKET_FILTER } from "./socket-filter.ts";
import { SYSCALL } from "./syscall.ts";
import { TRACEPOINT } from "./tracepoint.ts";
import { TRACING } from "./tracing.ts";
import { XDP } from "./xdp.ts";

export const PROGRAM_TYPES: readonly ProgramType[] = [
  TRACEPOINT,
  RAW_TRACEPOINT,
  KPROBE,
  TRACING,
  LSM,
  PERF_EVENT,
  XDP,
  SCHED_CLS,
  CGROUP_SKB,
  SOCKET_FILTER,
  SYSCALL,
];

/** Sections of programs that are known and cannot run here. */
export interface UnsupportedSections {
  readonly prefixes: readonly string[];
  readonly reason: string;
}

export const UNSUPPORTED_SECTIONS: readonly UnsupportedSections[] = [
  { prefixes: ["freplace"], reason: "it replaces a function of another program" },
  {
    prefixes: [
      ...["netfilter", "flow_dissector", "cgroup", "sk_skb", "sk_msg", "sk_lookup", "sk_reuseport", "sockops"],
      ...["lwt_in", "lwt_out"],
    ],
    reason: "its context is a socket or another of the kernel's objects, which cannot be made here",
  },
  { prefixes: ["struct_ops", "struct_ops.s"], reason: "struct_ops replace functions of a running kernel" },
];

const SECTIONS = PROGRAM_TYPES.map(({ section }) => section);
const SUPPORTED = `supported are ${SECTIONS.slice(0, -1).join(", ")} and ${SECTIONS.at(-1)}`;

/** What a program in this section runs on, as libbpf reads its name. Unknown names are unsupported, never an error. */
export function programKind(section: string): ProgramKind | UnsupportedKind {
  const [prefix = "", ...rest] = section.replace(/^\?/, "").split("/");
  const type = PROGRAM_TYPES.find(({ prefixes }) => prefixes.includes(prefix));
  if (type === undefined) {
    const known = UNSUPPORTED_SECTIONS.find(({ prefixes }) => prefixes.includes(prefix));
    const why = known === undefined ? " names no kind of program known here" : `: ${known.reason}`;
    return { type: "unsupported", reason: `section ${section}${why}; ${SUPPORTED}` };
  }
  const target = type.parse(rest);
  if (typeof target !== "string") return { type: type.name, target };
  return { type: "unsupported", reason: `section ${section} ${target}: it should be ${type.section}` };
}

/** The row of a kind that `programKind` gave. @throws {AnyctxError} EINVAL for a name that no row has */
export function programType({ type }: ProgramKind): ProgramType {
  const row = PROGRAM_TYPES.find(({ name }) => name === type);
  if (row === undefined) throw new AnyctxError("EINVAL", `there is no program type ${type}`);
  return row;
}

/**
 * What the program is to be attached to.
 * @throws {AnyctxError} UNSUPPORTED, saying why it cannot run here
 */
export function attachTarget(program: {
  readonly name: string;
  readonly kind: ProgramKind | UnsupportedKind;
}): ProgramKind {
  if (!("reason" in program.kind)) return program.kind;
  throw new AnyctxError("UNSUPPORTED", `program ${program.name} cannot run here: ${program.kind.reason}`);
}

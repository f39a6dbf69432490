/**
 * The program types: one row each, in a file of its own. The object reader, the loader, the replay, the checks and the
 * command line ask the rows; nobody else knows a type by name.
 */
import { AnyctxError } from "../../error.ts";
import { CGROUP_DEVICE } from "./cgroup-device.ts";
import { CGROUP_SKB } from "./cgroup-skb.ts";
import { CGROUP_SOCK } from "./cgroup-sock.ts";
import { CGROUP_SOCK_ADDR } from "./cgroup-sock-addr.ts";
import { CGROUP_SOCKOPT } from "./cgroup-sockopt.ts";
import { CGROUP_SYSCTL } from "./cgroup-sysctl.ts";
import { EXT } from "./ext.ts";
import { FLOW_DISSECTOR } from "./flow-dissector.ts";
import { KPROBE } from "./kprobe.ts";
import { LSM } from "./lsm.ts";
import { LWT } from "./lwt.ts";
import { NETFILTER } from "./netfilter.ts";
import { PERF_EVENT } from "./perf-event.ts";
import type { ProgramKind, ProgramType, UnsupportedKind } from "./program-type.ts";
import { RAW_TRACEPOINT } from "./raw-tracepoint.ts";
import { SCHED_CLS } from "./sched-cls.ts";
import { SK_LOOKUP } from "./sk-lookup.ts";
import { SK_MSG } from "./sk-msg.ts";
import { SK_REUSEPORT } from "./sk-reuseport.ts";
import { SK_SKB } from "./sk-skb.ts";
import { SOCK_OPS } from "./sock-ops.ts";
import { SOCKET_FILTER } from "./socket-filter.ts";
import { STRUCT_OPS } from "./struct-ops.ts";
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
  CGROUP_SOCK,
  CGROUP_SOCK_ADDR,
  CGROUP_SOCKOPT,
  CGROUP_SYSCTL,
  CGROUP_DEVICE,
  SOCK_OPS,
  SK_MSG,
  SK_SKB,
  SK_LOOKUP,
  SK_REUSEPORT,
  FLOW_DISSECTOR,
  LWT,
  NETFILTER,
  STRUCT_OPS,
  EXT,
];

const SECTIONS = PROGRAM_TYPES.map(({ section }) => section);
const SUPPORTED = `supported are ${SECTIONS.slice(0, -1).join(", ")} and ${SECTIONS.at(-1)}`;

/** What a program in this section runs on, as libbpf reads its name. Unknown names are unsupported, never an error. */
export function programKind(section: string): ProgramKind | UnsupportedKind {
  const [prefix = "", ...rest] = section.replace(/^\?/, "").split("/");
  // Of some the first two parts say it together, and the second is the place too.
  const long = `${prefix}/${rest[0] ?? ""}`;
  const type =
    PROGRAM_TYPES.find(({ prefixes }) => prefixes.includes(long)) ??
    PROGRAM_TYPES.find(({ prefixes }) => prefixes.includes(prefix));
  if (type === undefined) {
    const reason = `section ${section} names no kind of program known here; ${SUPPORTED}`;
    return { type: "unsupported", reason };
  }
  const target = type.parse(rest, prefix);
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

/** Section names -> what a program runs on, as libbpf reads them. One row a prefix; adding a kind is adding a row. */
import { AnyctxError } from "../../error.ts";
import type { ProgramKind, ProgramSpec } from "../object/spec.ts";

interface SectionRow {
  /** The part before the first `/`, or the whole name. */
  readonly prefixes: readonly string[];
  readonly kind: (rest: readonly string[], section: string) => ProgramKind;
}

const unsupported = (reason: string): ProgramKind => ({ type: "unsupported", reason });

const SUPPORTED = "supported are tracepoint/CATEGORY/EVENT and raw_tracepoint/EVENT";

function refuse(what: string): SectionRow["kind"] {
  return (_, section) => unsupported(`section ${section}: ${what}; ${SUPPORTED}`);
}

const SECTIONS: readonly SectionRow[] = [
  {
    prefixes: ["tracepoint", "tp"],
    kind: ([category = "", event = ""], section) =>
      category === "" || event === ""
        ? unsupported(`section ${section} names no event: it should be tracepoint/CATEGORY/EVENT`)
        : { type: "tracepoint", category, event },
  },
  {
    prefixes: ["raw_tracepoint", "raw_tp"],
    kind: ([event = ""], section) =>
      event === ""
        ? unsupported(`section ${section} names no event: it should be raw_tracepoint/EVENT`)
        : { type: "raw_tracepoint", event },
  },
  {
    prefixes: [
      ...["kprobe", "kretprobe", "kprobe.multi", "kretprobe.multi", "kprobe.session", "ksyscall", "kretsyscall"],
      ...["uprobe", "uretprobe", "uprobe.s", "uretprobe.s", "uprobe.multi", "uretprobe.multi", "usdt", "usdt.s"],
    ],
    kind: refuse("probes on functions need the probed kernel or process, which a recorded event does not have"),
  },
  {
    prefixes: ["fentry", "fexit", "fmod_ret", "fentry.s", "fexit.s", "fmod_ret.s", "tp_btf", "freplace", "iter", "lsm"],
    kind: refuse("programs that follow typed kernel pointers need the kernel's own memory"),
  },
  {
    prefixes: [
      ...["xdp", "xdp.frags", "tc", "tcx", "classifier", "action", "socket", "netkit", "netfilter", "flow_dissector"],
      ...["cgroup", "cgroup_skb", "sk_skb", "sk_msg", "sk_lookup", "sk_reuseport", "sockops", "lwt_in", "lwt_out"],
    ],
    kind: refuse("programs on network packets and sockets have no packet here"),
  },
  { prefixes: ["struct_ops", "struct_ops.s"], kind: refuse("struct_ops replace functions of a running kernel") },
  { prefixes: ["syscall", "perf_event"], kind: refuse("this kind of program is started by a running kernel") },
];

/** What a program in this section runs on. Unknown names are unsupported programs, never an error. */
export function programKind(section: string): ProgramKind {
  const [prefix = "", ...rest] = section.replace(/^\?/, "").split("/");
  const row = SECTIONS.find(({ prefixes }) => prefixes.includes(prefix));
  return (
    row?.kind(rest, section) ?? unsupported(`section ${section} names no kind of program known here; ${SUPPORTED}`)
  );
}

/**
 * What the program is to be attached to.
 * @throws {AnyctxError} UNSUPPORTED, saying why it cannot run here
 */
export function attachTarget(program: ProgramSpec): Exclude<ProgramKind, { type: "unsupported" }> {
  if (program.kind.type !== "unsupported") return program.kind;
  throw new AnyctxError("UNSUPPORTED", `program ${program.name} cannot run here: ${program.kind.reason}`);
}

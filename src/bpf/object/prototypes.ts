/** What global functions take, by their types: each is looked at by itself, whoever calls it (`btf_prepare_func_args` of Linux). */
import { type Btf, resolveType, sizeOf, typeOf } from "./btf.ts";

export type GlobalParameter =
  | { readonly type: "number" }
  | { readonly type: "context" }
  /** A pointer to so many bytes, which may be 0 unless that is said. */
  | { readonly type: "memory"; readonly bytes: number; readonly maybeNull: boolean };

/** By register, from r1 on. */
export type GlobalPrototype = readonly GlobalParameter[];

/** Structs of the kernel's uapi that are contexts of programs. */
const CONTEXTS: ReadonlySet<string> = new Set([
  ...[
    "__sk_buff",
    "xdp_md",
    "pt_regs",
    "user_pt_regs",
    "bpf_user_pt_regs_t",
    "bpf_perf_event_data",
    "bpf_raw_tracepoint_args",
  ],
  ...["bpf_sock", "bpf_sock_addr", "bpf_sock_ops", "bpf_sockopt", "bpf_sysctl", "bpf_cgroup_dev_ctx"],
  ...["sk_msg_md", "sk_reuseport_md", "bpf_sk_lookup", "bpf_nf_ctx"],
]);
/** Structs that are known by their functions alone. */
const OPAQUE: ReadonlySet<string> = new Set(["bpf_dynptr", "bpf_iter_num", "bpf_spin_lock", "bpf_timer"]);
const MOST_PARAMETERS = 5;

/** @returns undefined: what Linux takes only with a tag that means nothing here, or not at all */
function parameterOf(btf: Btf, id: number, tags: readonly string[]): GlobalParameter | undefined {
  const type = resolveType(btf, id);
  if (tags.includes("arg:ctx")) return { type: "context" };
  if (tags.some((tag) => /^arg:(trusted|untrusted|arena)$/.test(tag))) return undefined;
  if (type.kind === "int" || type.kind === "enum") return { type: "number" };
  if (type.kind !== "pointer") return undefined;
  const to = resolveType(btf, type.type);
  if (to.kind === "struct" && CONTEXTS.has(to.name)) return { type: "context" };
  const isMemory =
    to.kind === "int" || to.kind === "enum" || to.kind === "pointer" || to.kind === "array" || isPlain(to);
  const bytes = isMemory ? sizeOf(btf, type.type) : 0;
  return bytes === 0 ? undefined : { type: "memory", bytes, maybeNull: !tags.includes("arg:nonnull") };
}

function isPlain({ kind, name }: ReturnType<typeof typeOf>): boolean {
  return (kind === "struct" || kind === "union") && !OPAQUE.has(name);
}

/** What Linux has against a global function, whatever it does (`btf_prepare_func_args`). */
export function problemOf(btf: Btf | undefined, name: string): string | undefined {
  const id = btf?.types.findIndex((each) => each.kind === "func" && each.name === name) ?? -1;
  const declared = btf?.types[id];
  if (btf === undefined || declared?.kind !== "func" || !declared.global) return undefined;
  const type = typeOf(btf, declared.type);
  if (type.kind !== "func_proto") return undefined;
  const { kind } = resolveType(btf, type.type);
  if (kind !== "int" && kind !== "enum") return "returns no number";
  const isTagged = (part: number): boolean =>
    btf.types.some((each) => each.kind === "decl_tag" && each.type === id && each.part === part);
  const isUnknown = type.parameters.some((parameter, part) => {
    const to = resolveType(btf, parameter.type);
    return to.kind === "pointer" && resolveType(btf, to.type).kind === "fwd" && !isTagged(part);
  });
  return isUnknown ? "takes a pointer to a struct that is not defined" : undefined;
}

/** Whether a function takes one number and returns one. */
export function isOfOneNumber(btf: Btf, name: string): boolean {
  const declared = btf.types.find((each) => each.kind === "func" && each.name === name);
  const type = declared?.kind === "func" ? typeOf(btf, declared.type) : undefined;
  if (type?.kind !== "func_proto" || type.parameters.length !== 1) return false;
  return [type.type, ...type.parameters.map((each) => each.type)].every((id) => {
    const { kind } = resolveType(btf, id);
    return kind === "int" || kind === "enum";
  });
}

/** @returns undefined: it is no global function with types, or takes what is not known by its type */
export function prototypeOf(btf: Btf | undefined, name: string): GlobalPrototype | undefined {
  const id = btf?.types.findIndex((each) => each.kind === "func" && each.name === name) ?? -1;
  const declared = btf?.types[id];
  if (btf === undefined || declared?.kind !== "func" || !declared.global) return undefined;
  const type = typeOf(btf, declared.type);
  if (type.kind !== "func_proto" || type.parameters.length > MOST_PARAMETERS) return undefined;
  const found = type.parameters.map(({ type: parameter }, index) => {
    const tags = btf.types.flatMap((each) =>
      each.kind === "decl_tag" && each.type === id && each.part === index ? [each.name] : [],
    );
    return parameterOf(btf, parameter, tags);
  });
  const known = found.filter((each) => each !== undefined);
  return known.length === found.length ? known : undefined;
}

/** What global functions take, by their types: each is looked at by itself, whoever calls it (`btf_prepare_func_args` of Linux). */
import { type Btf, declaredTags, functionNamed, resolveType, sizeOf, type typeOf } from "./btf.ts";

export type GlobalParameter =
  | { readonly type: "number" }
  | { readonly type: "context" }
  /** A pointer into the program's arena map, or any number. */
  | { readonly type: "arena" }
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
  if (tags.includes("arg:arena")) return { type: "arena" };
  if (tags.some((tag) => /^arg:(trusted|untrusted)$/.test(tag))) return undefined;
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
  const found = btf && functionNamed(btf, name);
  if (btf === undefined || found === undefined || !found.global) return undefined;
  const { id, proto } = found;
  if (!isNumber(btf, proto.type)) return "returns no number";
  const problems = proto.parameters.map(({ type }, part) => {
    const { kind, ...to } = resolveType(btf, type);
    const found = kind === "pointer" && "type" in to ? resolveType(btf, to.type).kind : kind;
    return declaredTags(btf, id, part).length === 0 || kind !== "pointer" ? PROBLEMS[`${kind} ${found}`] : undefined;
  });
  return problems.find((each) => each !== undefined);
}

/** By a parameter's kind, and the kind of what it leads to. */
const PROBLEMS: Readonly<Record<string, string>> = {
  "pointer fwd": "takes a pointer to a struct that is not defined",
  "pointer void": "takes a pointer to what has no size",
  "struct struct": "takes a struct that is passed as it is",
  "union union": "takes a union that is passed as it is",
};

/** Whether a function takes one number and returns one. */
export function isOfOneNumber(btf: Btf, name: string): boolean {
  const { proto } = functionNamed(btf, name) ?? {};
  return proto?.parameters.length === 1 && [proto, ...proto.parameters].every(({ type }) => isNumber(btf, type));
}

function isNumber(btf: Btf, id: number): boolean {
  const { kind } = resolveType(btf, id);
  return kind === "int" || kind === "enum";
}

/** Whether a function's types say that it returns no number. */
export function returnsNothing(btf: Btf | undefined, name: string): boolean {
  const declared = btf && functionNamed(btf, name);
  return btf !== undefined && declared !== undefined && !isNumber(btf, declared.proto.type);
}

/** @returns undefined: it is no global function with types, or takes what is not known by its type */
export function prototypeOf(btf: Btf | undefined, name: string): GlobalPrototype | undefined {
  const declared = btf && functionNamed(btf, name);
  if (btf === undefined || declared === undefined || !declared.global) return undefined;
  const { id, proto } = declared;
  if (proto.parameters.length > MOST_PARAMETERS) return undefined;
  const found = proto.parameters.map(({ type }, index) => parameterOf(btf, type, declaredTags(btf, id, index)));
  const known = found.filter((each) => each !== undefined);
  return known.length === found.length ? known : undefined;
}

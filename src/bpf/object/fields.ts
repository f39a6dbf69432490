/**
 * Fields of structs that are no plain memory: locks, timers, lists, trees, nodes of these, and pointers to objects. Linux knows them by
 * the names of their types and by the tags that clang puts into BTF (`btf_parse_fields` of `kernel/bpf/btf.c`).
 */
import { type Btf, type BtfType, declaredTags, resolveType, sizeOf, typeOf } from "./btf.ts";

export type FieldKind =
  | "lock"
  | "timer"
  | "workqueue"
  | "list"
  | "tree"
  | "listNode"
  | "treeNode"
  | "references"
  | "pointer"
  | "unknown";

/** Things of the kernel's that may be kept in maps. */
export type KeptThing = "task" | "cgroup";

export interface SpecialField {
  readonly kind: FieldKind;
  /** As the struct's author calls it, with the members on the way to it. */
  readonly name: string;
  readonly offset: number;
  readonly bytes: number;
  /** Of a list or a tree: number of the type of its objects, and where in them its node is. Of a pointer: of what it leads to. */
  readonly holds?: { readonly type: number; readonly node: number; readonly thing?: KeptThing; readonly copies?: true };
}

/** A struct that programs allocate, or that they keep in lists and trees. */
export interface ObjectType {
  readonly name: string;
  readonly bytes: number;
  readonly fields: readonly SpecialField[];
  /** It has no pointers. */
  readonly plain: boolean;
}

/** By the struct's name. Those of other uses than programs have here are known as what nobody may touch. */
const BY_NAME: Readonly<Record<string, FieldKind>> = {
  bpf_spin_lock: "lock",
  bpf_res_spin_lock: "unknown",
  bpf_timer: "timer",
  bpf_wq: "workqueue",
  bpf_task_work: "unknown",
  bpf_list_head: "list",
  bpf_list_node: "listNode",
  bpf_rb_root: "tree",
  bpf_rb_node: "treeNode",
  bpf_refcount: "references",
};

/** What the kernel calls them. */
const KEPT_THINGS: Readonly<Record<string, KeptThing>> = { task_struct: "task", cgroup: "cgroup" };

/** Tags of pointers that are kept for others to take out, as `__kptr` makes them. */
const POINTER_TAGS: ReadonlySet<string> = new Set(["kptr", "kptr_untrusted", "percpu_kptr", "uptr"]);
/** Those that are exchanged. */
const KEPT: ReadonlySet<string> = new Set(["kptr", "percpu_kptr"]);
const POINTER_BYTES = 8;
/** Structs in structs. */
const MOST_DEPTH = 16;
/** Members of members that are looked into, and elements of arrays. */
const MOST_FIELDS = 1024;

function isStruct(type: BtfType): type is Extract<BtfType, { readonly kind: "struct" | "union" }> {
  return type.kind === "struct" || type.kind === "union";
}

/** The number of the type behind typedefs and qualifiers. */
function resolvedId(btf: Btf, id: number): number {
  let found = id;
  for (let type = typeOf(btf, id); type.kind === "alias" || type.kind === "variable"; type = typeOf(btf, found))
    found = type.type;
  return found;
}

/** Tags in front of what a pointer leads to. */
function tagsOf(btf: Btf, id: number): string[] {
  const tags: string[] = [];
  for (let type = typeOf(btf, id); type.kind === "alias"; type = typeOf(btf, type.type))
    if (type.tag === true) tags.push(type.name);
  return tags;
}

function memberOffset(btf: Btf, id: number, name: string): number | undefined {
  const type = resolveType(btf, id);
  const member = isStruct(type) ? type.members.find((each) => each.name === name) : undefined;
  return member === undefined ? undefined : member.bitOffset / 8;
}

/** What a list or a tree holds, as its declaration says: `contains:TYPE:NODE`. */
function contained(btf: Btf, owner: number, part: number): SpecialField["holds"] {
  const tag = declaredTags(btf, owner, part).find((each) => each.startsWith("contains:"));
  const [, structName, nodeName = ""] = tag?.split(":") ?? [];
  const type = btf.types.findIndex((each) => each.kind === "struct" && each.name === structName);
  const node = type < 0 ? undefined : memberOffset(btf, type, nodeName);
  return node === undefined ? undefined : { type, node };
}

interface Search {
  readonly btf: Btf;
  readonly found: SpecialField[];
  left: number;
}

/** @param owner the struct that the member is declared in, `part` its index: where tags are */
function lookAt(
  search: Search,
  id: number,
  place: Pick<SpecialField, "name" | "offset">,
  owner: number,
  part: number,
): void {
  const { btf, found } = search;
  if (search.left-- <= 0) return;
  const type = resolveType(btf, id);
  const kind = type.kind === "struct" ? BY_NAME[type.name] : undefined;
  if (kind !== undefined && isStruct(type)) {
    const holds = kind === "list" || kind === "tree" ? contained(btf, owner, part) : undefined;
    found.push({ ...place, kind, bytes: type.size, ...(holds === undefined ? {} : { holds }) });
  } else if (type.kind === "pointer") {
    const [tag] = tagsOf(btf, type.type).filter((each) => POINTER_TAGS.has(each));
    const thing = KEPT_THINGS[resolveType(btf, type.type).name];
    const more = {
      ...(thing === undefined ? {} : { thing }),
      ...(tag === "percpu_kptr" ? { copies: true as const } : {}),
    };
    const holds = { type: resolvedId(btf, type.type), node: 0, ...more };
    if (tag !== undefined)
      found.push({ ...place, kind: KEPT.has(tag) ? "pointer" : "unknown", bytes: POINTER_BYTES, holds });
  } else if (isStruct(type)) lookInto(search, resolvedId(btf, id), type, place);
  else if (type.kind === "array") {
    const bytes = sizeOf(btf, type.element);
    const before = found.length;
    for (let index = 0; index < type.count; index++) {
      const element = { name: `${place.name}[${index}]`, offset: place.offset + index * bytes };
      lookAt(search, type.element, element, owner, part);
      // Elements are all alike.
      if (found.length === before) return;
    }
  }
}

function lookInto(
  search: Search,
  id: number,
  type: Extract<BtfType, { readonly kind: "struct" | "union" }>,
  place: Pick<SpecialField, "name" | "offset">,
): void {
  type.members.forEach((member, index) => {
    if (member.bitSize !== 0 || member.bitOffset % 8 !== 0) return;
    const name = place.name === "" ? member.name : `${place.name}.${member.name}`;
    lookAt(search, member.type, { name, offset: place.offset + member.bitOffset / 8 }, id, index);
  });
}

/** The special fields of a type, in order of their offsets. @throws {AnyctxError} BAD_OBJECT for a damaged type */
export function fieldsOf(btf: Btf, id: number): SpecialField[] {
  const search: Search = { btf, found: [], left: MOST_FIELDS };
  lookAt(search, id, { name: "", offset: 0 }, id, -1);
  return search.found.sort((a, b) => a.offset - b.offset);
}

/** The special fields of a section's variables. */
export function fieldsOfVariables(
  btf: Btf,
  variables: readonly { readonly name: string; readonly offset: number; readonly typeId?: number }[],
): SpecialField[] {
  const search: Search = { btf, found: [], left: MOST_FIELDS };
  for (const { name, offset, typeId } of variables)
    if (typeId !== undefined) lookAt(search, typeId, { name, offset }, typeId, -1);
  return search.found.sort((a, b) => a.offset - b.offset);
}

/** Whether a type has no pointers in it. */
function isNumbers(btf: Btf, id: number, left: number = MOST_DEPTH): boolean {
  const type = resolveType(btf, id);
  if (left === 0 || type.kind === "pointer") return false;
  if (type.kind === "array") return isNumbers(btf, type.element, left - 1);
  return !isStruct(type) || type.members.every((member) => isNumbers(btf, member.type, left - 1));
}

/** The struct of a number, with those that its lists, trees and pointers lead to, by their numbers. */
export function objectTypes(btf: Btf, ids: Iterable<number>): Map<number, ObjectType> {
  const types = new Map<number, ObjectType>();
  const open = [...ids];
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    const type = resolveType(btf, id);
    if (types.has(id) || !isStruct(type)) continue;
    const fields = fieldsOf(btf, id);
    types.set(id, { name: type.name, bytes: sizeOf(btf, id), fields, plain: isNumbers(btf, id) });
    open.push(...fields.flatMap(({ holds }) => (holds === undefined ? [] : [holds.type])));
  }
  return types;
}

/**
 * Which of a kernel's types are the one that a program declared, as libbpf has it: *compatible* ones are of the same kind, so that the
 * name stands for the same thing; *matching* ones have, of the same names and kinds, all that the program's declaration has.
 */
import { type Btf, type BtfType, resolveType } from "./btf.ts";
import { essentialName } from "./core-access.ts";

/** How deep types are followed into each other; beyond, nothing is said to be alike. */
const DEEPEST = 32;

/** Two types, each of its own table. */
interface Pair {
  readonly local: Btf;
  readonly localId: number;
  readonly target: Btf;
  readonly targetId: number;
  /** What was found of pairs of the same tables: types may name each other many times over. */
  readonly known: Map<string, boolean>;
}

type OfKind<K extends BtfType["kind"]> = Extract<BtfType, { readonly kind: K }>;
type Same = (pair: Pair, depth: number) => boolean;

function remembered(pair: Pair, how: string, find: () => boolean): boolean {
  const key = `${how} ${pair.localId} ${pair.targetId}`;
  const before = pair.known.get(key);
  if (before !== undefined) return before;
  const found = find();
  pair.known.set(key, found);
  return found;
}

/** Whether what functions take and return is the same. */
function sameFunction(pair: Pair, one: OfKind<"func_proto">, other: OfKind<"func_proto">, same: Same, depth: number) {
  const pairs = one.parameters.map(({ type }, index) => ({
    ...pair,
    localId: type,
    targetId: other.parameters[index]?.type ?? 0,
  }));
  return (
    one.parameters.length === other.parameters.length &&
    [...pairs, { ...pair, localId: one.type, targetId: other.type }].every((each) => same(each, depth + 1))
  );
}

const areCompatible: Same = (pair, depth) => remembered(pair, "kind", () => isSameKind(pair, depth));

function isSameKind(pair: Pair, depth: number): boolean {
  const [one, other] = [resolveType(pair.local, pair.localId), resolveType(pair.target, pair.targetId)];
  if (depth > DEEPEST || one.kind !== other.kind) return false;
  if (one.kind === "pointer" && other.kind === "pointer")
    return areCompatible({ ...pair, localId: one.type, targetId: other.type }, depth + 1);
  if (one.kind === "array" && other.kind === "array")
    return areCompatible({ ...pair, localId: one.element, targetId: other.element }, depth + 1);
  if (one.kind === "func_proto" && other.kind === "func_proto")
    return sameFunction(pair, one, other, areCompatible, depth);
  return ["void", "struct", "union", "enum", "fwd", "int"].includes(one.kind);
}

/** Struct or union, whole or only declared. */
const isUnion = (type: BtfType): boolean | undefined =>
  type.kind === "fwd" ? type.union : type.kind === "union" ? true : type.kind === "struct" ? false : undefined;

/** Behind a pointer structs need only be called alike, and may be declared only. */
function doCompositesMatch(pair: Pair, one: BtfType, other: BtfType, behindPointer: boolean, depth: number): boolean {
  if (isUnion(one) !== isUnion(other)) return false;
  if (behindPointer) return true;
  if (!("members" in one) || !("members" in other)) return one.kind === other.kind;
  return (
    one.members.length <= other.members.length &&
    one.members.every((member) =>
      other.members.some(
        ({ name, type }) =>
          essentialName(name) === essentialName(member.name) &&
          doMatch({ ...pair, localId: member.type, targetId: type }, false, depth + 1),
      ),
    )
  );
}

function doEnumsMatch(one: OfKind<"enum">, other: OfKind<"enum">): boolean {
  const names = new Set(other.values.map(({ name }) => essentialName(name)));
  return one.values.every(({ name }) => names.has(essentialName(name)));
}

function doMatch(pair: Pair, behindPointer: boolean, depth: number): boolean {
  return remembered(pair, behindPointer ? "behind" : "match", () => isMatch(pair, behindPointer, depth));
}

function isMatch(pair: Pair, behindPointer: boolean, depth: number): boolean {
  const [one, other] = [resolveType(pair.local, pair.localId), resolveType(pair.target, pair.targetId)];
  if (depth > DEEPEST || essentialName(one.name) !== essentialName(other.name)) return false;
  if (isUnion(one) !== undefined) return doCompositesMatch(pair, one, other, behindPointer, depth);
  if (one.kind === "enum" && other.kind === "enum") return doEnumsMatch(one, other);
  if (one.kind === "int" && other.kind === "int")
    return one.size === other.size && (one.encoding === "signed") === (other.encoding === "signed");
  if (one.kind === "pointer" && other.kind === "pointer")
    return doMatch({ ...pair, localId: one.type, targetId: other.type }, true, depth + 1);
  if (one.kind === "array" && other.kind === "array") {
    const elements = { ...pair, localId: one.element, targetId: other.element };
    return one.count === other.count && doMatch(elements, behindPointer, depth + 1);
  }
  if (one.kind === "func_proto" && other.kind === "func_proto")
    return sameFunction(pair, one, other, (each, at) => doMatch(each, behindPointer, at), depth);
  return one.kind === "void" && other.kind === "void";
}

type Types = Omit<Pair, "known">;

/** Whether a name stands for a type of the same kind, pointers and arrays followed. */
export function areTypesCompatible(types: Types): boolean {
  return areCompatible({ ...types, known: new Map() }, 0);
}

/** Whether all that the program's declaration has is in the kernel's type. */
export function doTypesMatch(types: Types): boolean {
  return doMatch({ ...types, known: new Map() }, false, 0);
}

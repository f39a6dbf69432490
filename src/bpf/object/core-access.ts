/** What a CO-RE relocation refers to: a way through an object's own types, and the same way through another kernel's. */
import { type Btf, type BtfMember, type BtfType, resolveType, sizeOf, typeOf } from "./btf.ts";

/** A step into a type: a member by its name, or an element by its number. */
interface Step {
  /** Undefined: an element, or the object itself among others that lie like it. */
  readonly name: string | undefined;
  readonly index: number;
  /** Number of the type that the step ends at. */
  readonly type: number;
}

/** A field, as a relocation's value is made of it. */
export interface Field {
  readonly bitOffset: number;
  /** 0 where it is no bit field. */
  readonly bitSize: number;
  readonly type: number;
}

/** Of a number too large for any index to mean something. */
const LONGEST = 64;

/** A name without what tells several declarations of the same thing apart: `task_struct___old`. */
export function essentialName(name: string): string {
  return /^(.*[^_])___[^_].*$/.exec(name)?.[1] ?? name;
}

function membersOf(type: BtfType): readonly BtfMember[] | undefined {
  return type.kind === "struct" || type.kind === "union" ? type.members : undefined;
}

/** The way that `access` (numbers of members and elements) takes; undefined where it leaves the types. */
export function pathOf(btf: Btf, root: number, access: string): Step[] | undefined {
  const [first = Number.NaN, ...rest] = access.split(":").map(Number);
  if (!Number.isInteger(first) || rest.length > LONGEST) return undefined;
  const steps: Step[] = [{ name: undefined, index: first, type: root }];
  for (const index of rest) {
    const type = resolveType(btf, steps.at(-1)?.type ?? root);
    const member = membersOf(type)?.[index];
    // A member without a name is a struct or a union whose own members count as those around it.
    if (member !== undefined)
      steps.push({ name: member.name === "" ? undefined : member.name, index, type: member.type });
    else if (type.kind === "array") steps.push({ name: undefined, index, type: type.element });
    else return undefined;
  }
  return steps.filter(({ name, type }, at) => at === 0 || name !== undefined || !isAnonymous(btf, steps[at - 1], type));
}

/** Whether a step goes into a member that has no name. */
function isAnonymous(btf: Btf, before: Step | undefined, type: number): boolean {
  return (
    before !== undefined &&
    membersOf(resolveType(btf, before.type)) !== undefined &&
    membersOf(resolveType(btf, type)) !== undefined
  );
}

/** The words of a way, for people: `task_struct.real_parent.tgid`. */
export function accessText(btf: Btf, root: number, access: string): string {
  const steps = pathOf(btf, root, access) ?? [];
  const parts = steps.slice(1).map(({ name, index }) => (name === undefined ? `[${index}]` : `.${name}`));
  return `${essentialName(typeOf(btf, root).name)}${parts.join("")}`;
}

function sameEnumName(one: string, other: string): boolean {
  return one === "" || other === "" || essentialName(one) === essentialName(other);
}

/** Whether a field of one type may be read where one of another was meant, as libbpf has it. */
function areCompatible(local: Btf, localId: number, target: Btf, targetId: number, depth = 0): boolean {
  const [one, other] = [resolveType(local, localId), resolveType(target, targetId)];
  if (membersOf(one) !== undefined && membersOf(other) !== undefined) return true;
  if (one.kind !== other.kind) return false;
  if (one.kind === "enum") return sameEnumName(one.name, other.name);
  if (one.kind === "array" && other.kind === "array")
    return depth < LONGEST && areCompatible(local, one.element, target, other.element, depth + 1);
  return ["pointer", "float", "int", "fwd"].includes(one.kind);
}

/** A member by its name, in members without one too. */
function findMember(btf: Btf, id: number, name: string, before = 0, depth = 0): Field | undefined {
  for (const member of membersOf(resolveType(btf, id)) ?? []) {
    const bitOffset = before + member.bitOffset;
    if (member.name === name) return { bitOffset, bitSize: member.bitSize, type: member.type };
    const inside =
      member.name === "" && depth < LONGEST ? findMember(btf, member.type, name, bitOffset, depth + 1) : undefined;
    if (inside !== undefined) return inside;
  }
  return undefined;
}

/** The same way in another kernel's type; undefined where it does not exist there. */
export function followIn(local: Btf, steps: readonly Step[], target: Btf, root: number): Field | undefined {
  const [first, ...rest] = steps;
  if (first === undefined) return undefined;
  // Nothing but the first of several needs a size, which not every type has.
  const begin = first.index === 0 ? 0 : first.index * sizeOf(target, root) * 8;
  let field: Field = { bitOffset: begin, bitSize: 0, type: root };
  for (const { name, index, type } of rest) {
    if (name !== undefined) {
      const member = findMember(target, field.type, name, field.bitOffset);
      if (member === undefined || !areCompatible(local, type, target, member.type)) return undefined;
      field = member;
      continue;
    }
    const array = resolveType(target, field.type);
    // An array of no elements at a struct's end has as many as there are.
    if (array.kind !== "array" || (array.count !== 0 && index >= array.count)) return undefined;
    const bitOffset = field.bitOffset + index * sizeOf(target, array.element) * 8;
    field = { bitOffset, bitSize: 0, type: array.element };
  }
  return field;
}

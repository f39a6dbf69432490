/**
 * CO-RE: instructions that depend on the layout of a kernel's types, made right for a given kernel's (libbpf's `relo_core.c` is what
 * others go by). What that kernel does not have becomes a trap: a program that asks first whether it is there never gets to it.
 */
import { TRAP } from "../helpers/kfuncs.ts";
import { type Instruction, isWide, operationOf, wideTail } from "../isa/instructions.ts";
import { type Btf, type BtfType, resolveType, sizeOf, typeOf } from "./btf.ts";
import { accessText, essentialName, type Field, followIn, pathOf } from "./core-access.ts";
import { areTypesCompatible, doTypesMatch } from "./core-match.ts";
import type { CoreRelocation, FunctionSpec, ObjectSpec } from "./spec.ts";

/** A kernel's types by their names, as candidates are looked for. */
interface Target {
  readonly btf: Btf;
  readonly byName: ReadonlyMap<string, readonly number[]>;
}

function targetOf(btf: Btf): Target {
  const byName = new Map<string, number[]>();
  for (const [id, { name }] of btf.types.entries()) {
    if (name === "") continue;
    const essential = essentialName(name);
    const known = byName.get(essential);
    if (known === undefined) byName.set(essential, [id]);
    else known.push(id);
  }
  return { btf, byName };
}

/**
 * Types of the kernel that a local one may stand for: of its name and kind. Among an object's own types those declarations of a part
 * (`task_struct___old`) stand for themselves only where there is no other.
 */
function candidates({ btf, byName }: Target, local: BtfType): readonly number[] {
  const name = essentialName(local.name);
  const found = (byName.get(name) ?? []).filter((id) => btf.types[id]?.kind === local.kind);
  const whole = found.filter((id) => btf.types[id]?.name === name);
  return whole.length > 0 ? whole : found;
}

/** Where a field is read as a whole: of a bit field the least naturally aligned words around it. */
function placeOf(btf: Btf, { bitOffset, bitSize, type }: Field): { offset: number; bytes: number } {
  let bytes = sizeOf(btf, type);
  if (bitSize === 0) return { offset: bitOffset / 8, bytes };
  const begin = (): number => Math.floor(bitOffset / 8 / bytes) * bytes;
  while (bytes < 8 && bitOffset + bitSize - begin() * 8 > bytes * 8) bytes *= 2;
  return { offset: begin(), bytes };
}

function isSigned(type: BtfType): boolean {
  if (type.kind === "enum") return type.signed;
  return type.kind === "int" && type.encoding === "signed";
}

/** Values of relocations on fields that exist. */
const OF_FIELD: Readonly<Record<string, (btf: Btf, field: Field) => number>> = {
  byte_off: (btf, field) => placeOf(btf, field).offset,
  byte_sz: (btf, field) => placeOf(btf, field).bytes,
  field_exists: () => 1,
  signed: (btf, { type }) => (isSigned(resolveType(btf, type)) ? 1 : 0),
  lshift_u64: (btf, field) => {
    const { offset } = placeOf(btf, field);
    return 64 - (field.bitOffset + bitsOf(btf, field) - offset * 8);
  },
  rshift_u64: (btf, field) => 64 - bitsOf(btf, field),
};

function bitsOf(btf: Btf, { bitSize, type }: Field): number {
  return bitSize === 0 ? sizeOf(btf, type) * 8 : bitSize;
}

/** Values of relocations on types that exist; undefined where such a type is not what was asked for. */
const OF_TYPE: Readonly<Record<string, (btf: Btf, id: number, local: Btf, localId: number) => number | undefined>> = {
  target_type_id: (_, id) => id,
  type_exists: () => 1,
  type_size: (btf, id) => sizeOf(btf, id),
  type_matches: (target, targetId, local, localId) =>
    doTypesMatch({ local, localId, target, targetId }) ? 1 : undefined,
};

/** What exists or not is 0 where it does not; anything else there is nothing to say of. */
const ASKS: readonly string[] = [
  "field_exists",
  "type_exists",
  "enumval_exists",
  "type_matches",
  "type_size",
  "target_type_id",
];

/** Whether it is known what the kernel has of the type that a relocation begins at. */
function isKnown({ btf, byName }: Target, local: Btf, { typeId }: CoreRelocation): boolean {
  const { name } = typeOf(local, typeId);
  if (btf.without === undefined || name === "") return btf.without === undefined;
  const ids = byName.get(essentialName(name)) ?? [];
  return btf.without.has(essentialName(name)) || ids.some((id) => !NO_TYPES.includes(btf.types[id]?.kind ?? "fwd"));
}

/** What has a name and is no type that a relocation can begin at. */
const NO_TYPES: readonly BtfType["kind"][] = ["fwd", "func"];

/** A relocation's value on that kernel; undefined where it has no such thing, or several that differ. */
function relocated(local: Btf, relocation: CoreRelocation, target: Target): bigint | undefined {
  const { typeId, access, kind } = relocation;
  if (kind === "local_type_id") return BigInt(typeId);
  const type = typeOf(local, typeId);
  const found = candidates(target, type).flatMap((id) => valueIn(local, type, relocation, target.btf, id) ?? []);
  const [value, ...others] = new Set(found);
  if (value !== undefined && (others.length === 0 || kind === "target_type_id")) return value;
  return ASKS.includes(kind) && value === undefined && access !== "" ? 0n : undefined;
}

function valueIn(local: Btf, type: BtfType, relocation: CoreRelocation, btf: Btf, id: number): bigint | undefined {
  const { typeId, access, kind } = relocation;
  const ofField = OF_FIELD[kind];
  if (ofField !== undefined) {
    const steps = pathOf(local, typeId, access);
    const field = steps === undefined ? undefined : followIn(local, steps, btf, id);
    return field === undefined ? undefined : BigInt(ofField(btf, field));
  }
  const ofType = OF_TYPE[kind];
  if (ofType !== undefined) {
    if (!areTypesCompatible({ local, localId: typeId, target: btf, targetId: id })) return undefined;
    const value = ofType(btf, id, local, typeId);
    return value === undefined ? undefined : BigInt(value);
  }
  const [own, other] = [type, typeOf(btf, id)];
  if (own.kind !== "enum" || other.kind !== "enum") return undefined;
  const name = essentialName(own.values[Number(access)]?.name ?? "");
  const value = other.values.find((each) => essentialName(each.name) === name)?.value;
  return value === undefined ? undefined : kind === "enumval_exists" ? 1n : value;
}

/** `goto +0`: what stands in the second slot of a load that is no more. */
const NOTHING: Instruction = { code: 0x05, dst: 0, src: 0, offset: 0, imm: 0 };

/** Whether an instruction was found to ask for what the kernel does not have. */
export function isTrap({ code, imm }: Instruction): boolean {
  return code === TRAP.code && imm === TRAP.imm;
}

/** Bits of a memory instruction's opcode that say its size, by bytes. */
const SIZE_BITS: Readonly<Record<number, number>> = { 1: 0x10, 2: 0x08, 4: 0x00, 8: 0x18 };
const SIZE_MASK = 0x18;

/**
 * Puts a relocation's value into an instruction.
 * @param value undefined: a run that comes here is stopped
 * @param bytes of the field, of a load
 */
export function patch(slots: Instruction[], at: number, value: bigint | undefined, bytes: number | undefined): void {
  const slot = slots[at];
  if (slot === undefined) return;
  const wide = isWide(slot);
  if (value === undefined) {
    slots[at] = TRAP;
    if (wide) slots[at + 1] = NOTHING;
    return;
  }
  const type = operationOf(slot)?.effect.type;
  if (type === "load" || type === "store" || type === "atomic") {
    // A field that is wider or narrower there is read as wide as it is.
    const size = type === "load" && bytes !== undefined ? SIZE_BITS[bytes] : undefined;
    const code = size === undefined ? slot.code : (slot.code & ~SIZE_MASK) | size;
    slots[at] = { ...slot, offset: Number(value), code };
  } else {
    slots[at] = { ...slot, imm: Number(BigInt.asIntN(32, value)) };
    if (wide) slots[at + 1] = wideTail(value);
  }
}

/** The bytes of the field that a load of such a field is about, where it is a number or a pointer there. */
function loadedBytes(local: Btf, { typeId, access, kind }: CoreRelocation, target: Target): number | undefined {
  const steps = kind === "byte_off" ? pathOf(local, typeId, access) : undefined;
  if (steps === undefined) return undefined;
  for (const id of candidates(target, typeOf(local, typeId))) {
    const field = followIn(local, steps, target.btf, id);
    if (field === undefined || field.bitSize !== 0) continue;
    const { kind: found } = resolveType(target.btf, field.type);
    return found === "int" || found === "enum" || found === "pointer" ? sizeOf(target.btf, field.type) : undefined;
  }
  return undefined;
}

/** What a kernel does not have of what a function asks for, in words. */
export interface Missing {
  readonly function: string;
  readonly what: string;
}

export interface Relocated {
  readonly object: ObjectSpec;
  /** What the kernel does not have. */
  readonly missing: readonly Missing[];
  /** Types of which a part of a kernel's types does not say whether it has them: the object's own stood for them. */
  readonly unknown: readonly string[];
}

/**
 * @param kernel the kernel's types; its own if it is for the one that it was compiled for: then what only other kernels have is not there
 * @returns the object for a kernel with these types, and what that has not
 */
export function relocateTypes(object: ObjectSpec, kernel: Btf | undefined = object.btf): Relocated {
  const { btf: local } = object;
  if (local === undefined || kernel === undefined) return { object, missing: [], unknown: [] };
  const given = targetOf(kernel);
  const own = kernel.without === undefined ? given : targetOf(local);
  const unknown = new Set<string>();
  const missing: Missing[] = [];
  // A program is listed among the functions too: the same instructions stay the same.
  const done = new Map<readonly Instruction[], readonly Instruction[]>();
  const relocate = <F extends FunctionSpec>(spec: F): F => {
    const known = done.get(spec.instructions);
    if (known !== undefined) return { ...spec, instructions: known };
    const slots = [...spec.instructions];
    for (const relocation of spec.coreRelocations) {
      const target = isKnown(given, local, relocation) ? given : own;
      const { name } = typeOf(local, relocation.typeId);
      if (target !== given && name !== "" && relocation.kind !== "local_type_id") unknown.add(essentialName(name));
      const value = relocated(local, relocation, target);
      if (value === undefined)
        missing.push({
          function: spec.name,
          what: `${relocation.kind} of ${accessText(local, relocation.typeId, relocation.access)}`,
        });
      patch(slots, relocation.instruction, value, loadedBytes(local, relocation, target));
    }
    done.set(spec.instructions, slots);
    return { ...spec, instructions: slots };
  };
  return {
    object: { ...object, kernel, functions: object.functions.map(relocate), programs: object.programs.map(relocate) },
    missing,
    unknown: [...unknown],
  };
}

/**
 * Spec + bindings -> linked program: addresses of maps and variables filled in, called functions appended, and the
 * structure validated, so that the interpreter and the JIT may rely on what is written at `LinkedProgram`.
 *
 * CO-RE relocations are left as the compiler wrote them, by the object's own types: there is no kernel that has others. Where a
 * recorded event has a field elsewhere the runner says so (object/event-fields.ts).
 */
import { AnyctxError } from "../error.ts";
import { CONSTANTS } from "../wasm/face.ts";
import { validate, writtenRegister } from "./analysis/structure.ts";
import { FRAME_POINTER_TRAP, TRAP } from "./helpers/kfuncs.ts";
import { helperByName } from "./helpers/table.ts";
import type { MapBinding } from "./host.ts";
import { disassembleAt } from "./isa/disassemble.ts";
import { CALL, FRAME_POINTER, type Instruction, isWide, operationOf, PSEUDO, wideTail } from "./isa/instructions.ts";
import type { LinkedArena, LinkedMap, LinkedProgram, Subprogram } from "./linked.ts";
import { declaredTags, functionNamed } from "./object/btf.ts";
import { fieldsOf, fieldsOfVariables, type ObjectType, objectTypes, type SpecialField } from "./object/fields.ts";
import { isOfOneNumber, problemOf, prototypeOf, returnsNothing } from "./object/prototypes.ts";
import {
  type FunctionSpec,
  type MapSpec,
  type ObjectSpec,
  type ProgramSpec,
  programSpec,
  type RelocationSpec,
  WRONLY_PROG,
} from "./object/spec.ts";
import { isSleepable } from "./policy.ts";
import { programType } from "./programs/table.ts";

/** A function with its place in the linked program. */
interface Placed {
  readonly spec: FunctionSpec;
  readonly start: number;
}

interface Linking {
  readonly object: ObjectSpec;
  readonly program: FunctionSpec;
  readonly bindings: ReadonlyMap<string, MapBinding>;
  readonly placed: readonly Placed[];
}

/** The program, then the functions it calls or takes the address of, each once, and the one that it ends in if it ends itself. */
function place(object: ObjectSpec, program: FunctionSpec, handler: FunctionSpec | undefined): Placed[] {
  const placed: Placed[] = [];
  const seen = new Set<FunctionSpec>(handler === undefined ? [program] : [program, handler]);
  let start = 0;
  for (const spec of seen) {
    placed.push({ spec, start });
    start += spec.instructions.length;
    for (const relocation of spec.relocations) {
      const callee = "callee" in relocation ? object.functions[relocation.callee] : undefined;
      // A program is listed among the functions too; a call to the program itself is recursion, found later.
      if (callee !== undefined) seen.add(sameFunction(callee, program) ? program : callee);
    }
  }
  return placed;
}

function sameFunction(a: FunctionSpec, b: FunctionSpec): boolean {
  return a.name === b.name && a.section === b.section && a.instructions === b.instructions;
}

function refuse(
  linking: Linking,
  spec: FunctionSpec,
  at: number,
  code: "BAD_OBJECT" | "UNSUPPORTED",
  why: string,
): never {
  const inside = spec === linking.program ? "" : ` of function ${spec.name}`;
  const text = disassembleAt(spec.instructions, at);
  const what = `${linking.object.name}: program ${linking.program.name}, instruction ${at}${inside} (${text})`;
  throw new AnyctxError(code, `${what}: ${why}`);
}

function bindingOf(linking: Linking, spec: FunctionSpec, at: number, name: string): MapBinding {
  const map = linking.object.maps.find((candidate) => candidate.name === name);
  if (map?.unsupported !== undefined) return refuse(linking, spec, at, "UNSUPPORTED", map.unsupported);
  const binding = linking.bindings.get(name);
  return binding ?? refuse(linking, spec, at, "BAD_OBJECT", `map ${name} is not bound to a map here`);
}

/** A variable whose value nobody knows is of no use. */
function checkSet(linking: Linking, spec: FunctionSpec, relocation: RelocationSpec & { type: "data" }): void {
  const { unset, variables = [] } = linking.object.maps.find(({ name }) => name === relocation.map) ?? {};
  const { offset } = relocation;
  const variable = variables.find((each) => offset >= each.offset && offset < each.offset + each.size);
  if (variable === undefined || unset?.has(variable.name) !== true) return;
  const why = `${variable.name} is of a kernel's configuration, which is not known here: --set ${variable.name}=... says it`;
  refuse(linking, spec, relocation.instruction, "UNSUPPORTED", why);
}

/** The slots that a wide load becomes. */
function wide(slot: Instruction, src: number, value: bigint): [Instruction, Instruction] {
  return [{ ...slot, src, imm: Number(BigInt.asIntN(32, value)) }, wideTail(value)];
}

/** A variable in an arena map: a number, as pointers into it are. */
function arenaPointer(
  linking: Linking,
  spec: FunctionSpec,
  slot: Instruction,
  { instruction, offset }: RelocationSpec & { type: "data" },
  { name, pages, maxEntries }: MapBinding,
): [Instruction, Instruction] {
  if (offset < 0 || offset > maxEntries * CONSTANTS.ARENA_PAGE_BYTES)
    return refuse(linking, spec, instruction, "BAD_OBJECT", `offset ${offset} is outside ${name}`);
  return wide(slot, 0, (pages?.first ?? 0n) + BigInt(offset));
}

/** The arena map of a program. */
function linkedArena(linking: Linking, slots: number): LinkedArena | undefined {
  const { object, program, placed, bindings } = linking;
  const names = new Set(
    placed.flatMap(({ spec }) => spec.relocations.flatMap((each) => ("map" in each ? [each.map] : []))),
  );
  const found = [...names].map((name) => bindings.get(name)).filter((each) => each?.pages !== undefined);
  const [binding] = found;
  if (found.length > 1)
    throw new AnyctxError(
      "UNSUPPORTED",
      `${object.name}: program ${program.name}: it uses ${found.length} arena maps, of which a program has one`,
    );
  if (binding?.pages === undefined) return undefined;
  return { map: binding.address, ...binding.pages, pointers: new Uint8Array(slots) };
}

type CalleeRelocation = RelocationSpec & { readonly type: "call" | "function" };

/** The distance from an instruction to a function of the object, as its immediate holds it. */
function distanceTo(linking: Linking, { spec, start }: Placed, relocation: CalleeRelocation): number {
  const at = relocation.instruction;
  const callee = linking.object.functions[relocation.callee];
  const found = linking.placed.find(
    (candidate) => callee !== undefined && (candidate.spec === callee || sameFunction(candidate.spec, callee)),
  );
  if (found === undefined) return refuse(linking, spec, at, "BAD_OBJECT", "the function it names is not in the object");
  return found.start - (start + at) - 1;
}

function applyCall(
  linking: Linking,
  placed: Placed,
  slot: Instruction,
  relocation: RelocationSpec & { type: "call" },
): Instruction {
  if (slot.code !== CALL)
    return refuse(linking, placed.spec, relocation.instruction, "BAD_OBJECT", "this is no call of a function");
  return { ...slot, src: PSEUDO.localCall, imm: distanceTo(linking, placed, relocation) + relocation.entry };
}

/** A name without what tells several declarations of the same thing apart (`___one`). */
function flavourless(name: string): string {
  return name.replace(/___[^_].*$/, "");
}

/** A call of a kernel function: as a helper's, where it is known; a trap, where it need not be there. */
function applyKernelCall(
  linking: Linking,
  { spec }: Placed,
  slot: Instruction,
  { instruction, name, weak }: RelocationSpec & { type: "kernel" },
): Instruction {
  const row = helperByName(flavourless(name));
  if (row !== undefined) return { ...slot, src: 0, offset: 0, imm: row.id };
  const why = `function ${name} is not defined in this object, and no kernel function that is known here`;
  return weak ? TRAP : refuse(linking, spec, instruction, "UNSUPPORTED", why);
}

/** Where the kernel's own code would be: an address that is not 0, and where nothing lies. */
const KERNEL_TEXT = 0xffffffff81000000n;

/** The address of a kernel function that is known: whether it is there is all that is asked. */
function kernelAddress(
  linking: Linking,
  { spec }: Placed,
  { instruction, name, weak }: RelocationSpec & { type: "kernel" },
): bigint {
  const row = helperByName(flavourless(name));
  if (row !== undefined) return KERNEL_TEXT + BigInt(row.id * 16);
  const why = `${name} is not defined in this object; variables of a kernel are not known here`;
  return weak ? 0n : refuse(linking, spec, instruction, "UNSUPPORTED", why);
}

function applyAddress(
  linking: Linking,
  placed: Placed,
  slot: Instruction,
  relocation: RelocationSpec & { type: "map" | "data" | "function" | "kernel" },
): [Instruction, Instruction] {
  const { spec } = placed;
  const at = relocation.instruction;
  if (!isWide(slot) || at + 1 >= spec.instructions.length)
    return refuse(linking, spec, at, "BAD_OBJECT", "an address can only be placed in a whole 64-bit load");
  if (relocation.type === "function")
    return [{ ...slot, src: PSEUDO.function, imm: distanceTo(linking, placed, relocation) }, wideTail(0n)];
  if (relocation.type === "kernel") {
    return wide(slot, 0, kernelAddress(linking, placed, relocation));
  }
  const binding = bindingOf(linking, spec, at, relocation.map);
  if (relocation.type === "map") return wide(slot, PSEUDO.mapAddress, BigInt(binding.address));
  if (binding.pages !== undefined) return arenaPointer(linking, spec, slot, relocation, binding);
  checkSet(linking, spec, relocation);
  if (binding.firstValue === 0)
    return refuse(linking, spec, at, "BAD_OBJECT", `map ${binding.name} holds variables but is no array`);
  // One past the end is where a loop over an array stops: an address, not an access.
  if (relocation.offset < 0 || relocation.offset > binding.valueSize)
    return refuse(linking, spec, at, "BAD_OBJECT", `offset ${relocation.offset} is outside ${binding.name}`);
  return wide(slot, PSEUDO.mapValue, BigInt(binding.firstValue + relocation.offset));
}

/** The function's slots with all relocations applied. */
function relocate(linking: Linking, placed: Placed): Instruction[] {
  const { spec } = placed;
  const slots = [...spec.instructions];
  for (const relocation of spec.relocations) {
    const at = relocation.instruction;
    const slot = slots[at];
    if (slot === undefined) return refuse(linking, spec, at, "BAD_OBJECT", "a relocation is outside the function");
    if (relocation.type === "unsupported") return refuse(linking, spec, at, "UNSUPPORTED", relocation.reason);
    if (relocation.type === "kernel" && slot.code === CALL)
      slots[at] = applyKernelCall(linking, placed, slot, relocation);
    else if (relocation.type === "call") slots[at] = applyCall(linking, placed, slot, relocation);
    else [slots[at], slots[at + 1]] = applyAddress(linking, placed, slot, relocation);
  }
  return slots;
}

/** Maps in the order the program first names them. */
function linkedMaps(slots: readonly Instruction[], object: ObjectSpec, bindings: Iterable<MapBinding>): LinkedMap[] {
  const all = [...bindings];
  const maps = new Map<string, LinkedMap>();
  for (const slot of slots) {
    const direct = slot.src === PSEUDO.mapValue;
    if (!isWide(slot) || (!direct && slot.src !== PSEUDO.mapAddress)) continue;
    const address = slot.imm >>> 0;
    const binding = all.find((b) => (direct ? holds(b, address) : b.address === address));
    if (binding === undefined) continue;
    const spec: MapSpec | undefined = object.maps.find(({ name }) => name === binding.name);
    const earlier = maps.get(binding.name);
    const { inner, ...own } = binding;
    maps.set(binding.name, {
      ...own,
      readOnly: spec?.readOnly ?? false,
      writeOnly: ((spec?.flags ?? 0) & WRONLY_PROG) !== 0,
      direct: direct || earlier?.direct === true,
      ...(inner === undefined ? {} : { inner: innerMap(inner, spec?.inner?.readOnly ?? false) }),
      fields: spec === undefined ? [] : mapFields(object, spec),
      ...(spec?.readOnly === true && spec.contents !== undefined ? { contents: spec.contents } : {}),
    });
  }
  return [...maps.values()];
}

/** What the maps in a map are like; they have no maps in them. */
function innerMap({ inner: _, ...own }: MapBinding, readOnly: boolean): LinkedMap {
  return { ...own, readOnly, direct: false, writeOnly: false, fields: [] };
}

function holds(binding: MapBinding, address: number): boolean {
  const { firstValue, valueSize } = binding;
  return firstValue !== 0 && address >= firstValue && address <= firstValue + valueSize;
}

/** @throws {AnyctxError} BAD_OBJECT: a lock, a list or a kept pointer among the variables is not 0 at first */
function mapFields({ btf, name: object }: ObjectSpec, map: MapSpec): SpecialField[] {
  const { name, valueTypeId, variables, contents } = map;
  if (btf === undefined) return [];
  if (variables === undefined) return valueTypeId === undefined ? [] : fieldsOf(btf, valueTypeId);
  const fields = fieldsOfVariables(btf, variables);
  const made = fields.find(({ offset, bytes }) =>
    contents?.subarray(offset, offset + bytes).some((byte) => byte !== 0),
  );
  if (made === undefined) return fields;
  throw new AnyctxError(
    "BAD_OBJECT",
    `${object}: ${made.name} in ${name} has a first value, which only its functions may give it`,
  );
}

/** The types that functions name by their numbers, and those that its maps lead to. */
function namedTypes(
  { btf }: ObjectSpec,
  placed: readonly Placed[],
  maps: readonly LinkedMap[],
): Map<number, ObjectType> {
  if (btf === undefined) return new Map();
  const named = placed.flatMap(({ spec }) => spec.coreRelocations.filter(({ kind }) => kind === "local_type_id"));
  const held = maps.flatMap(({ fields }) => fields.flatMap(({ holds }) => (holds === undefined ? [] : [holds.type])));
  return objectTypes(btf, [...named.map(({ typeId }) => typeId), ...held]);
}

/** The function that runs when a program has ended itself, as a tag of the program says; undefined: none does. */
function exceptionFunction({ btf, name, functions }: ObjectSpec, program: FunctionSpec): FunctionSpec | undefined {
  if (btf === undefined) return undefined;
  const { id = -1 } = functionNamed(btf, program.name) ?? {};
  const tags = declaredTags(btf, id).filter((tag) => tag.startsWith(EXCEPTION_TAG));
  const [called, ...others] = tags.map((tag) => tag.slice(EXCEPTION_TAG.length));
  if (called === undefined) return undefined;
  const found = functions.find((each) => each.name === called);
  if (found !== undefined && others.length === 0 && isOfOneNumber(btf, called)) return found;
  const why = others.length > 0 ? `there are ${tags.length} such functions` : "that is no function of one number";
  const message = `${name}: program ${program.name}: ${called}() is to be called when it ends itself, and ${why}`;
  throw new AnyctxError("BAD_OBJECT", message);
}

const EXCEPTION_TAG = "exception_callback:";

/** A write to r10 is a fault where a path leads to it, and Linux knows of no other. Of wide loads `validate` refuses it anywhere. */
function trapFramePointer(slot: Instruction): Instruction {
  const effect = isWide(slot) ? undefined : operationOf(slot)?.effect;
  return effect !== undefined && writtenRegister(effect, slot) === FRAME_POINTER ? FRAME_POINTER_TRAP : slot;
}

function withPrototype({ btf }: ObjectSpec, subprogram: Subprogram): Subprogram {
  const takes = prototypeOf(btf, subprogram.name);
  const problem = problemOf(btf, subprogram.name);
  return {
    ...subprogram,
    ...(takes !== undefined && { takes }),
    ...(problem !== undefined && { problem }),
    ...(returnsNothing(btf, subprogram.name) && { isVoid: true as const }),
  };
}

function withResult({ btf }: ObjectSpec, { kind, name }: ProgramSpec, own: Subprogram): Subprogram {
  const mayBeVoid = !("reason" in kind) && programType(kind).result.mayBeVoid === true;
  return mayBeVoid && returnsNothing(btf, name) ? { ...own, isVoid: true } : own;
}

/**
 * Links one program of an object against the maps of a host.
 *
 * @param bindings by map name; data sections (`.rodata`, ...) are maps too
 * @throws {AnyctxError} EINVAL for an unknown program name; BAD_OBJECT or UNSUPPORTED naming the program, the
 * instruction's number and text, and what is wrong with it
 */
export function linkProgram(
  object: ObjectSpec,
  programName: string,
  bindings: ReadonlyMap<string, MapBinding>,
): LinkedProgram {
  const program = programSpec(object, programName);
  const handler = exceptionFunction(object, program);
  const placed = place(object, program, handler);
  const linking: Linking = { object, program, bindings, placed };
  const instructions = placed.flatMap((one) => relocate(linking, one)).map(trapFramePointer);
  const maps = linkedMaps(instructions, object, bindings.values());
  const { subprograms, helpers } = validate({
    object: object.name,
    program: program.name,
    kind: "reason" in program.kind ? undefined : program.kind,
    instructions,
    maps,
    placed: placed.map(({ spec, start }) => ({ name: spec.name, start })),
  });
  const lines = placed.flatMap(({ spec, start }) =>
    spec.lines.map((line) => ({ ...line, instruction: line.instruction + start })),
  );
  const types = namedTypes(object, placed, maps);
  const functions = subprograms.map((each, index) =>
    index === 0 ? withResult(object, program, each) : withPrototype(object, each),
  );
  const exception = placed.find(({ spec }) => spec === handler)?.start;
  const arena = linkedArena(linking, instructions.length);
  const code = { instructions, subprograms: functions, maps, helpers, lines, types };
  return {
    ...{ name: program.name, kind: program.kind, ...code },
    ...(isSleepable({ type: program.kind.type, section: program.section }) && { sleepable: true as const }),
    ...(exception === undefined ? {} : { exception }),
    ...(arena === undefined ? {} : { arena }),
  };
}

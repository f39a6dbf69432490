/**
 * Where a program takes an event's fields to be: by CO-RE relocations the compiler has said so, from the types that it had. A
 * recorded event may have them elsewhere.
 */
import { AnyctxError } from "../../error.ts";
import type { EventFormat } from "../../events/event.ts";
import type { ProgramEvent } from "../programs/program-type.ts";
import { type Btf, type BtfMember, resolveType } from "./btf.ts";
import { isTrap, patch } from "./core-relocate.ts";
import type { CoreRelocation, FunctionSpec, ObjectSpec, ProgramSpec } from "./spec.ts";

/** A field of the struct that a tracepoint records. */
export interface EventField {
  readonly struct: string;
  readonly name: string;
  /** Bytes. */
  readonly offset: number;
}

/** Structs of what tracepoints record are named so in the kernel's types. */
const RECORDED = /^trace_event_raw_/;

/** The fields of recorded structs that functions take from somewhere. */
export function eventFieldsOf({ btf }: ObjectSpec, functions: readonly FunctionSpec[]): EventField[] {
  if (btf === undefined) return [];
  const fields = new Map<string, EventField>();
  for (const { type, typeId, access, kind } of functions.flatMap((each) => each.coreRelocations)) {
    if (kind !== "byte_off" || !RECORDED.test(type)) continue;
    const struct = resolveType(btf, typeId);
    const [first, index = Number.NaN] = access.split(":").map(Number);
    const member = struct.kind === "struct" && first === 0 ? struct.members[index] : undefined;
    if (member === undefined || member.name === "") continue;
    fields.set(`${type}.${member.name}`, { struct: type, name: member.name, offset: member.bitOffset / 8 });
  }
  return [...fields.values()];
}

/** The member that a relocation in a recorded struct is about. */
function memberOf(btf: Btf, { type, typeId, access }: CoreRelocation): BtfMember | undefined {
  const struct = RECORDED.test(type) ? resolveType(btf, typeId) : undefined;
  const [first, index = Number.NaN, ...rest] = access.split(":").map(Number);
  const member = struct?.kind === "struct" && first === 0 ? struct.members[index] : undefined;
  return rest.length > 0 || member?.name === "" ? undefined : member;
}

/** An event as a source's table has it. */
type Recorded = Pick<ProgramEvent, "name" | "category" | "format">;

function relocateProgram(btf: Btf, program: ProgramSpec, format: EventFormat): ProgramSpec {
  const slots = [...program.instructions];
  const done = new Set<CoreRelocation>();
  for (const relocation of program.coreRelocations) {
    const name = memberOf(btf, relocation)?.name;
    const field = name === undefined ? undefined : format.fields.find((each) => each.name === name);
    // The kernel that the object was made right for does not have it: nothing is left of the instruction.
    const slot = slots[relocation.instruction];
    if (slot === undefined || isTrap(slot)) continue;
    if (relocation.kind === "field_exists" && name !== undefined)
      patch(slots, relocation.instruction, field === undefined ? 0n : 1n, undefined);
    if (relocation.kind !== "byte_off" || field === undefined) continue;
    const isPlain = field.kind === "number" && field.count === 1;
    patch(slots, relocation.instruction, BigInt(field.offset), isPlain ? field.size : undefined);
    done.add(relocation);
  }
  const coreRelocations = program.coreRelocations.filter((relocation) => !done.has(relocation));
  return { ...program, instructions: slots, coreRelocations };
}

/** The object with its tracepoint programs taking fields from where these events have them, as far as the compiler left a choice. */
export function relocateEventFields(object: ObjectSpec, events: readonly Recorded[]): ObjectSpec {
  const { btf } = object;
  if (btf === undefined) return object;
  const programs = object.programs.map((program) => {
    if ("reason" in program.kind || program.kind.type !== "tracepoint") return program;
    const { category, event } = program.kind.target;
    const format = events.find((each) => each.name === event && each.category === category)?.format;
    return format === undefined ? program : relocateProgram(btf, program, format);
  });
  const moved = new Map(programs.map((program) => [program.name, program]));
  const functions = object.functions.map((each) => {
    const { instructions, coreRelocations } = moved.get(each.name) ?? each;
    return { ...each, instructions, coreRelocations };
  });
  return { ...object, programs, functions };
}

/**
 * @throws {AnyctxError} UNSUPPORTED: the event has a field of that name elsewhere
 */
export function checkEventFields(
  program: string,
  fields: readonly EventField[],
  format: EventFormat | undefined,
): void {
  for (const { struct, name, offset } of fields) {
    const recorded = format?.fields.find((field) => field.name === name);
    if (format === undefined || recorded === undefined || recorded.offset === offset) continue;
    throw new AnyctxError(
      "UNSUPPORTED",
      `program ${program} takes ${struct}.${name} from byte ${offset}, as it was compiled; ` +
        `${format.category}:${format.name} has it at ${recorded.offset}`,
    );
  }
}

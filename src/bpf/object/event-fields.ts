/**
 * Where a program takes an event's fields to be: by CO-RE relocations the compiler has said so, from the types that it had. A
 * recorded event may have them elsewhere.
 */
import { AnyctxError } from "../../error.ts";
import type { EventFormat } from "../../events/event.ts";
import { resolveType } from "./btf.ts";
import type { FunctionSpec, ObjectSpec } from "./spec.ts";

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

/** `struct pt_regs` of x86-64 (`arch/x86/include/uapi/asm/ptrace.h`), as programs on functions get it. */
import { AnyctxError } from "../../error.ts";
import { ARGUMENT_REGISTERS } from "../kernel/call.ts";
import type { FunctionTypes } from "../kernel/functions.ts";
import { RecordReader } from "../kernel/object.ts";
import { eitherOf, onlyOf, plainContext } from "./context.ts";
import { callAt } from "./function-events.ts";
import type { DirectContext, DirectInput, EventContext, ProgramEvent } from "./program-type.ts";

type Register =
  | ("r15" | "r14" | "r13" | "r12" | "bp" | "bx" | "r11" | "r10" | "r9" | "r8")
  | ("ax" | "cx" | "dx" | "si" | "di" | "orig_ax" | "ip" | "cs" | "flags" | "sp" | "ss");

const NAMES: readonly Register[] = [
  ...(["r15", "r14", "r13", "r12", "bp", "bx", "r11", "r10", "r9", "r8", "ax", "cx", "dx", "si", "di"] as const),
  ...(["orig_ax", "ip", "cs", "flags", "sp", "ss"] as const),
];

const REGISTER_BYTES = 8;
export const REGISTERS_BYTES: number = NAMES.length * REGISTER_BYTES;

/** Where functions find their arguments, and their callers the result. */
const ARGUMENTS: readonly Register[] = ARGUMENT_REGISTERS;
const RESULT: Register = "ax";

/** Where a register lies in the struct. */
export function registerOffset(register: Register): number {
  return NAMES.indexOf(register) * REGISTER_BYTES;
}

/** Registers as they are given, or the arguments and the result in their places. */
export function registersOf(what: string, given: DirectInput): Uint8Array {
  onlyOf(what, given, ["registers", "args", "returned", "context"]);
  eitherOf(what, given, "registers", "context");
  const bytes = new Uint8Array(REGISTERS_BYTES);
  const { args = [], returned } = given;
  const whole = given.registers ?? given.context ?? new Uint8Array(0);
  if (whole.length > bytes.length)
    throw new AnyctxError("EINVAL", `pt_regs has ${bytes.length} bytes, not ${whole.length}`);
  if (args.length > ARGUMENTS.length)
    throw new AnyctxError("EINVAL", `registers have ${ARGUMENTS.length} arguments, not ${args.length}`);
  bytes.set(whole);
  const view = new DataView(bytes.buffer);
  for (const [index, arg] of args.entries())
    view.setBigUint64(registerOffset(ARGUMENTS[index] as Register), BigInt.asUintN(64, arg), true);
  if (returned !== undefined) view.setBigUint64(registerOffset(RESULT), BigInt.asUintN(64, returned), true);
  return bytes;
}

export function registersContext(what: string, given: DirectInput): DirectContext {
  return plainContext(registersOf(what, given));
}

/** The registers of a call that a recording tells of: those of its arguments, or that of its result; the others are 0. */
export function registersOfCall(event: ProgramEvent, functions?: FunctionTypes): EventContext {
  const { call, isReturn } = callAt(event, functions);
  const reader = new RecordReader(event.format);
  const values = isReturn ? [call.returned] : call.arguments.slice(0, ARGUMENTS.length);
  const places = isReturn ? [RESULT] : ARGUMENTS;
  const told = values.flatMap(({ name, field, read }, index) => {
    const offset = registerOffset(places[index] as Register);
    return read === undefined ? [] : [{ name, recordedIn: field ?? name, read, offset }];
  });
  return {
    fields: NAMES.map((name) => {
      const offset = registerOffset(name);
      const found = told.find((each) => each.offset === offset);
      const field = { name: found?.name ?? `register ${name}`, offset, size: REGISTER_BYTES };
      return found === undefined ? { ...field, unrecorded: true as const } : { ...field, recordedIn: found.recordedIn };
    }),
    objects: values.flatMap(({ object }) => object ?? []),
    bytes: () => REGISTERS_BYTES,
    write(source, record, target, at) {
      reader.at(source, record);
      for (let offset = 0; offset < REGISTERS_BYTES; offset += REGISTER_BYTES)
        target.setBigUint64(at + offset, 0n, true);
      for (const { read, offset } of told) target.setBigUint64(at + offset, read(reader), true);
    },
  };
}

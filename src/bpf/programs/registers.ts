/** `struct pt_regs` of x86-64 (`arch/x86/include/uapi/asm/ptrace.h`), as programs on functions get it. */
import { AnyctxError } from "../../error.ts";
import { onlyOf, plainContext } from "./context.ts";
import type { DirectContext, DirectInput } from "./program-type.ts";

const NAMES = [
  ...["r15", "r14", "r13", "r12", "bp", "bx", "r11", "r10", "r9", "r8", "ax", "cx", "dx", "si", "di"],
  ...["orig_ax", "ip", "cs", "flags", "sp", "ss"],
] as const;
type Register = (typeof NAMES)[number];

const REGISTER_BYTES = 8;
export const REGISTERS_BYTES: number = NAMES.length * REGISTER_BYTES;

/** Where functions find their arguments, and their callers the result. */
const ARGUMENTS: readonly Register[] = ["di", "si", "dx", "cx", "r8", "r9"];
const RESULT: Register = "ax";

function offsetOf(register: Register): number {
  return NAMES.indexOf(register) * REGISTER_BYTES;
}

/** Registers as they are given, or the arguments and the result in their places. */
export function registersOf(what: string, given: DirectInput): Uint8Array {
  onlyOf(what, given, ["registers", "args", "returned", "context"]);
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
    view.setBigUint64(offsetOf(ARGUMENTS[index] as Register), BigInt.asUintN(64, arg), true);
  if (returned !== undefined) view.setBigUint64(offsetOf(RESULT), BigInt.asUintN(64, returned), true);
  return bytes;
}

export function registersContext(what: string, given: DirectInput): DirectContext {
  return plainContext(registersOf(what, given));
}

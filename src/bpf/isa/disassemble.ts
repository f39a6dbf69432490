/** Instructions -> text, in the notation of clang and the kernel's verifier. */
import { helperById } from "../helpers/table.ts";
import { type Instruction, isWide, type Operation, operationOf, wideImmediate } from "./instructions.ts";

const signedDistance = (value: number): string => (value < 0 ? `${value}` : `+${value}`);
const signedOffset = (value: number): string => (value < 0 ? `- ${-value}` : `+ ${value}`);

/** Below this a 64-bit immediate is easier to read in decimal. */
const DECIMAL_LIMIT = 65536n;

function wideText(value: bigint): string {
  return value < DECIMAL_LIMIT ? `${value}` : `0x${value.toString(16)}`;
}

/** How each placeholder of an operation's text is written. */
const FIELDS: Readonly<Record<string, (slot: Instruction, next: Instruction | undefined) => string>> = {
  d: (slot) => `${slot.dst}`,
  s: (slot) => `${slot.src}`,
  imm: (slot) => `${slot.imm}`,
  imm64: (slot, next) => wideText(next === undefined ? BigInt(slot.imm >>> 0) : wideImmediate(slot, next)),
  off: (slot) => signedOffset(slot.offset),
  jump: (slot) => signedDistance(slot.offset),
  jump32: (slot) => signedDistance(slot.imm),
  callee: (slot) => `pc${signedDistance(slot.imm)}`,
  helper: (slot) => helperById(slot.imm)?.name ?? `${slot.imm}`,
};

function fill(operation: Operation, slot: Instruction, next: Instruction | undefined): string {
  return operation.text.replace(/\{(\w+)\}/g, (_, field: string) => FIELDS[field]?.(slot, next) ?? `{${field}}`);
}

/**
 * The text of the instruction at `index`; the second slot of a wide load is an empty string and what is no
 * instruction at all is written `.slot` with its five fields, so that a listing never fails.
 */
export function disassembleAt(slots: readonly Instruction[], index: number): string {
  const slot = slots[index];
  if (slot === undefined) return "(no instruction)";
  const previous = slots[index - 1];
  if (slot.code === 0 && previous !== undefined && isWide(previous)) return "";
  const operation = operationOf(slot);
  if (operation === undefined)
    return `.slot 0x${slot.code.toString(16)} ${slot.dst} ${slot.src} ${slot.offset} ${slot.imm}`;
  return fill(operation, slot, isWide(slot) ? slots[index + 1] : undefined);
}

/** One line per instruction, numbered by slot. */
export function disassemble(slots: readonly Instruction[]): string {
  return slots
    .map((_, index) => [index, disassembleAt(slots, index)] as const)
    .filter(([, text]) => text !== "")
    .map(([index, text]) => `${String(index).padStart(5)}: ${text}`)
    .join("\n");
}

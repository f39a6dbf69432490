/**
 * Reads the fields of one printed event back into its struct: the items of the `print fmt` as a list of small steps over
 * the bytes of the line, compiled where that may be (decoder.ts). Numbers end where their digits end; a text goes up to where the fixed
 * text behind it stands, and further, to the next such place, if the rest of the line does not fit. A line that does not fit the format
 * as a whole is read as far as it does (recover.ts).
 */
import type { Target } from "../../batch.ts";
import { type EventField, fieldBit, ownFields } from "../../event.ts";
import { storeNumber } from "../../integer.ts";
import type { FtraceFormat } from "../../tracepoints/format.ts";
import { callNumberOf } from "../../tracepoints/kernel-formats.ts";
import { pluginPrint } from "../../tracepoints/plugins.ts";
import { endOfLine, findOnLine, isEndOfLine, NEWLINE, skipBlanks, wordsOf } from "../bytes.ts";
import { printItems } from "../format/print.ts";
import type { PrintItem } from "../format/print-item.ts";
import { CALL_NUMBER, type Untold, untoldOf } from "../format/untold.ts";
import type { SymbolTable } from "../symbols.ts";
import { type Decode, decoderOf } from "./decoder.ts";
import { firstEnd, type Matching, markUnread, runStep, storeText } from "./fields.ts";
import { readNamed } from "./named.ts";
import { recover } from "./recover.ts";
import { FIRST_TEXT, STEPS, type Step, stepsOf } from "./steps.ts";

export interface Matcher extends Untold {
  /** Fields that the line last matched does not tell although others do, as bits (`fieldBit`) in two halves. */
  readonly unread: { readonly unreadLow: number; readonly unreadHigh: number };
  /** The line last matched fits the format to its end. */
  readonly isWhole: boolean;
  /** The fields end with a text that may be anything. */
  readonly endsInText: boolean;
  /** Takes that text of the line last matched for one that it does not tell. */
  markLast(): void;
  /** Fields that no line tells, in the same way. */
  readonly neverLow: number;
  readonly neverHigh: number;
  /**
   * Reads the fields that begin at `position`. Sets `target.end`; what is behind it is zero again.
   * @returns where the line's newline is; -1 where nothing of it fits the format, or it does not fit the target
   */
  match(line: Uint8Array, position: number, target: Target): number;
}

type Compile = (steps: readonly Step[]) => Decode | undefined;

/** How often a line may be tried with another end of a text before it counts as one that does not fit. */
const MAX_ATTEMPTS = 64;

/**
 * @param symbols takes the symbols that `%pS` and its like print
 * @param behind what stands behind the fields
 * @param compile makes a function of steps, where it can
 */
export function createMatcher(
  format: FtraceFormat,
  symbols: SymbolTable,
  behind: string = "",
  compile: Compile = decoderOf,
): Matcher {
  const items = printItems(format);
  if (behind !== "") addLiteral(items, behind);
  const own = printedOf(format, items, symbols, compile);
  const { matching } = own;
  const other = pluginPrint(`${format.category}/${format.name}`, format.print) ?? verbosePrint(format);
  const untold = untoldOf(format, items);
  const never = maskOf(format, [...untold.unprinted, ...untold.unreadable]);
  const plugin =
    other === undefined ? undefined : pluginMatching({ ...format, print: other }, symbols, never, behind, compile);
  const neverLow = Number(BigInt.asIntN(32, never));
  const neverHigh = Number(BigInt.asIntN(32, never >> 32n));
  const located = format.fields.filter(({ kind }) => kind === "dataLoc" || kind === "relLoc");
  const readInPart = partReader(format, items, matching);
  const storeNumberOfCall = numberOfCall(format);
  const { size } = format;
  const last = matching.steps.at(-1);
  let isWhole = false;
  return {
    ...untold,
    unread: matching,
    get isWhole() {
      return isWhole;
    },
    endsInText: last?.kind === STEPS.chars || last?.kind === STEPS.string,
    markLast() {
      if (last !== undefined) markUnread(matching, last);
    },
    neverLow,
    neverHigh,
    match(line, position, target) {
      let end = tryLine(own, line, position, target, size);
      if (end < 0 && plugin !== undefined) {
        end = tryLine(plugin, line, position, target, size);
        matching.unreadLow = plugin.matching.unreadLow | plugin.neverLow;
        matching.unreadHigh = plugin.matching.unreadHigh | plugin.neverHigh;
      }
      // `trace-cmd report -R` puts a blank in front of the fields.
      const first = end < 0 ? skipBlanks(line, position) : position;
      if (first > position) end = tryLine(own, line, first, target, size);
      isWhole = end >= 0;
      if (end < 0 && readInPart(line, position, target)) end = line.indexOf(NEWLINE, position);
      if (end < 0) target.bytes.fill(0, target.start, Math.max(matching.farthest, target.end));
      else if ((matching.unreadLow | matching.unreadHigh | neverLow | neverHigh) !== 0) placeEmpty(located, target);
      if (end >= 0) storeNumberOfCall(target);
      if (target.end < matching.farthest) target.bytes.fill(0, target.end, matching.farthest);
      return end;
    },
  };
}

/** Reads of a line that is not printed as the format says what there is; false: nothing. */
function partReader(
  format: FtraceFormat,
  items: readonly PrintItem[],
  matching: Matching,
): (line: Uint8Array, position: number, target: Target) => boolean {
  const fields = ownFields(format.fields);
  const octals = new Set(items.flatMap((item) => (item.kind === "number" && item.base === 8 ? [item.field] : [])));
  const lost = (field: EventField): void => markField(matching, format.fields, field);
  return (line, position, target) => {
    begin(matching, target, format.size);
    const isNamed = readNamed(line, position, fields, target, matching.symbols, octals, lost);
    return isNamed || recover(matching, position, line, target);
  };
}

/** Stores the number of a system call, which no line prints: the event's name says it. */
function numberOfCall({ name, fields }: FtraceFormat): (target: Target) => void {
  const value = callNumberOf(name);
  const field = fields.find((each) => each.name === CALL_NUMBER);
  if (value === undefined || field === undefined) return () => {};
  return ({ view, start }) => void storeNumber(view, start + field.offset, field.size, value);
}

/** A way in which the event is printed. */
interface Printed {
  readonly matching: Matching;
  readonly decode: Decode | undefined;
}

function printedOf(format: FtraceFormat, items: readonly PrintItem[], symbols: SymbolTable, compile: Compile): Printed {
  const steps = stepsOf(items, format.fields);
  const matching = { steps, symbols, attempts: 0, farthest: 0, unreadLow: 0, unreadHigh: 0 };
  return { matching, decode: compile(steps) };
}

/** A call as it is entered with `options/verbose`: its arguments have their types in front of them. */
function verbosePrint({ name, fields, print }: FtraceFormat): string | undefined {
  if (!name.startsWith("sys_enter_")) return undefined;
  const typeOf = (argument: string): string => fields.find((field) => field.name === argument)?.type ?? "";
  return print.replace(/(\w+): 0x/g, (text, argument: string) => `${typeOf(argument)} ${text}`);
}

/** How a plugin prints the event, and the fields that it leaves out although the kernel prints them. */
function pluginMatching(
  format: FtraceFormat,
  symbols: SymbolTable,
  never: bigint,
  behind: string,
  compile: Compile,
): Printed & { readonly neverLow: number; readonly neverHigh: number } {
  const items = printItems(format);
  if (behind !== "") addLiteral(items, behind);
  const { unprinted, unreadable } = untoldOf(format, items);
  const more = maskOf(format, [...unprinted, ...unreadable]) & ~never;
  const halves = { neverLow: Number(BigInt.asIntN(32, more)), neverHigh: Number(BigInt.asIntN(32, more >> 32n)) };
  return { ...printedOf(format, items, symbols, compile), ...halves };
}

/** The line as it is printed so: where its newline is, or -1 with the struct zero again. */
function tryLine(
  { matching, decode }: Printed,
  line: Uint8Array,
  position: number,
  target: Target,
  size: number,
): number {
  begin(matching, target, size);
  const decoded = decode === undefined ? -1 : decode(matching, line, wordsOf(line), position, target);
  if (decoded >= 0) return decoded;
  if (decode !== undefined) {
    target.bytes.fill(0, target.start, matching.farthest);
    begin(matching, target, size);
  }
  // An event that prints nothing fits whatever its line says.
  const fits = decoded === -1 && (matching.steps.length === 0 || runSteps(matching, 0, position, line, target));
  if (fits) return line.indexOf(NEWLINE, position);
  target.bytes.fill(0, target.start, matching.farthest);
  return -1;
}

function markField(matching: Matching, fields: readonly EventField[], field: EventField): void {
  const bit = fieldBit(fields, field);
  if (bit < 32) matching.unreadLow |= 1 << bit;
  else matching.unreadHigh |= 1 << (bit - 32);
}

function addLiteral(items: PrintItem[], text: string): void {
  const last = items.at(-1);
  if (last?.kind === "literal") items.splice(-1, 1, { kind: "literal", text: last.text + text });
  else items.push({ kind: "literal", text });
}

function begin(matching: Matching, target: Target, size: number): void {
  matching.attempts = 0;
  matching.unreadLow = 0;
  matching.unreadHigh = 0;
  target.end = target.start + size;
  matching.farthest = target.end;
}

/** The bits of fields by name. */
export function maskOf({ fields }: FtraceFormat, names: readonly string[]): bigint {
  return names.reduce((mask, name) => {
    const field = fields.find((each) => each.name === name);
    return field === undefined ? mask : mask | (1n << BigInt(fieldBit(fields, field)));
  }, 0n);
}

/** A text that was not told is empty: its field leads to a zero behind the struct, and not into it. */
function placeEmpty(located: FtraceFormat["fields"], target: Target): void {
  for (const { offset, size, kind } of located) {
    const at = target.start + offset;
    if (target.view.getUint32(at, true) !== 0 || target.end >= target.limit) continue;
    const relative = kind === "relLoc" ? offset + size : 0;
    target.view.setUint32(at, (1 << 16) | (target.end - target.start - relative), true);
    target.bytes[target.end++] = 0;
  }
}

/** Runs the steps from `index` on. True when they fit the rest of the line. */
function runSteps(matching: Matching, index: number, from: number, line: Uint8Array, target: Target): boolean {
  const { steps } = matching;
  let position = from;
  for (let at = index; at < steps.length; at++) {
    const step = steps[at] as Step;
    if (step.kind >= FIRST_TEXT) return runText(matching, at, position, line, target);
    position = runStep(matching, step, position, line, target);
    if (position < 0) return false;
  }
  return isEndOfLine(line, position);
}

/** Runs the text step at `index`, and those behind it once for each place where the text may end. */
function runText(matching: Matching, index: number, from: number, line: Uint8Array, target: Target): boolean {
  const step = matching.steps[index] as Step;
  if (step.literal.length === 0) return storeText(matching, step, line, from, endOfLine(line, from), target);
  const { unreadLow, unreadHigh } = matching;
  const tail = target.end;
  let to = findOnLine(line, firstEnd(step, line, from), step.literal);
  while (to >= 0) {
    if (++matching.attempts > MAX_ATTEMPTS) return false;
    target.end = tail;
    matching.unreadLow = unreadLow;
    matching.unreadHigh = unreadHigh;
    const stored = storeText(matching, step, line, from, to, target);
    if (stored && runSteps(matching, index + 1, to + step.literal.length, line, target)) return true;
    to = findOnLine(line, to + 1, step.literal);
  }
  return false;
}

/**
 * Reads a line that does not fit its format as a whole: cut short, printed by another version of the kernel or with a value
 * in a form that is not known. What stands between fixed texts that are there is read; the other fields are marked.
 */
import type { Target } from "../../batch.ts";
import { endOfLine, findOnLine, matches } from "../bytes.ts";
import { type Matching, markUnread, runStep, storeText } from "./fields.ts";
import { FIRST_TEXT, STEPS, type Step } from "./steps.ts";

/** How far a line has been followed. */
interface Course {
  position: number;
  /** Whether what stands at the position is what the next step is about. */
  sure: boolean;
  /** Steps that were read. */
  read: number;
}

/** @returns false where no field could be read */
export function recover(matching: Matching, from: number, line: Uint8Array, target: Target): boolean {
  const course: Course = { position: from, sure: true, read: 0 };
  for (const [index, step] of matching.steps.entries()) {
    if (step.kind === STEPS.literal) followLiteral(matching, step, line, course);
    else if (step.kind >= FIRST_TEXT) readText(matching, step, line, course, target);
    else readValue(matching, step, matching.steps[index + 1], line, course, target);
  }
  return course.read > 0;
}

/** Goes on behind the next place where the fixed text stands; what follows it is not sure where there is none. */
function followLiteral(matching: Matching, step: Step, line: Uint8Array, course: Course): void {
  if ((step.unreadLow | step.unreadHigh) !== 0) markUnread(matching, step);
  const found = step.literal.length === 0 ? -1 : findOnLine(line, course.position, step.literal);
  course.sure = found >= 0;
  if (found >= 0) course.position = found + step.literal.length;
}

/** By byte: 1 for those that words and numbers consist of. */
const PART_OF_WORD = Uint8Array.from({ length: 256 }, (_, byte) => (/[\w.]/.test(String.fromCharCode(byte)) ? 1 : 0));

/** Whether a value that was read ends there, and is not the beginning of a word (`0xA` of `AT_FDCWD`). */
function endsAt(line: Uint8Array, position: number, next: Step | undefined): boolean {
  const fits = next?.kind === STEPS.literal && matches(line, position, next.literal);
  return fits || PART_OF_WORD[line[position] ?? 0] !== 1;
}

/** A character is any: only the text behind it says that it is the event's. */
const isAnother = (step: Step, line: Uint8Array, position: number, next: Step | undefined): boolean =>
  step.kind === STEPS.character && next?.kind === STEPS.literal && !matches(line, position, next.literal);

function readValue(
  matching: Matching,
  step: Step,
  next: Step | undefined,
  line: Uint8Array,
  course: Course,
  target: Target,
): void {
  const after = course.sure ? runStep(matching, step, course.position, line, target) : -1;
  if (after < 0 || !endsAt(line, after, next) || isAnother(step, line, after, next)) {
    clear(step, target);
    markUnread(matching, step);
    course.sure = false;
    return;
  }
  course.position = after;
  course.read++;
}

const QUOTE = 34;

/** Fixed text without the quotes that it begins or ends with: around a text that could not be read (`(fault)`) there are none. */
function unquoted(literal: Uint8Array): Uint8Array {
  return literal.subarray(literal[0] === QUOTE ? 1 : 0, literal.at(-1) === QUOTE ? -1 : literal.length);
}

function readText(matching: Matching, step: Step, line: Uint8Array, course: Course, target: Target): void {
  const last = step.literal.length === 0;
  let { literal } = step;
  let to = last ? endOfLine(line, course.position) : findOnLine(line, course.position, literal);
  const bare = unquoted(literal);
  if (to < 0 && bare.length < literal.length) {
    literal = bare;
    to = bare.length === 0 ? endOfLine(line, course.position) : findOnLine(line, course.position, bare);
  }
  const tail = target.end;
  const isBare = literal[0] !== QUOTE && step.literal[0] === QUOTE;
  if (!course.sure || isBare || to < 0 || !storeText(matching, step, line, course.position, to, target)) {
    clear(step, target);
    target.end = tail;
    markUnread(matching, step);
  } else if (step.kind !== STEPS.ignored) course.read++;
  course.sure = to >= 0;
  if (to >= 0) course.position = to + literal.length;
}

/** A field of which something else than a value was read is 0. */
function clear(step: Step, { bytes, start }: Target): void {
  if (step.kind !== STEPS.literal && step.kind !== STEPS.ignored)
    bytes.fill(0, start + step.offset, start + step.offset + step.size);
}

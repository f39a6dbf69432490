/** Inputs that get past a program's guards (guard.ts): chosen among recorded ones, or made up. */
import { AnyctxError } from "../../error.ts";
import { RECORD } from "../../events/record.ts";
import { applyPatch, type Guard, type InputPatch, patchFor } from "./guard.ts";
import type { ProgramInput } from "./inputs.ts";
import type { Trial } from "./trial.ts";

/** Guards one behind the other that are tried. */
const MOST_GUARDS = 16;
/** A tracepoint's common fields, which are no numbers of the event. */
const COMMON_BYTES = 8;
/** Of a probing input: the task's numbers, apart from those of the context. */
const TASK_NUMBERS = Uint8Array.of(0xe1, 0xe2, 0xe3, 0x64, 0xe5, 0xe6, 0xe7, 0x68);

export interface Entered {
  readonly inputs: readonly ProgramInput[];
  /** What was put where, and for which guard. */
  readonly entered: readonly string[];
  /** The guard that still keeps the program from every update. */
  readonly guard?: Guard;
}

/** Parts of an input whose numbers programs compare with something: they share its memory. */
function partsOf({ record, context }: ProgramInput): Readonly<Record<InputPatch["part"], Uint8Array>> {
  return {
    context: context ?? record.subarray(RECORD.payload),
    task: record.subarray(RECORD.pidTgid, RECORD.pidTgid + TASK_NUMBERS.length),
  };
}

function copyOf({ record, context }: ProgramInput): ProgramInput {
  return { record: record.slice(), ...(context === undefined ? {} : { context: context.slice() }) };
}

/** The first input with another number in every place. */
function probing(input: ProgramInput): ProgramInput {
  const probe = copyOf(input);
  const { context, task } = partsOf(probe);
  const numbers = new DataView(context.buffer, context.byteOffset, context.length);
  for (let at = COMMON_BYTES; at + 4 <= context.length; at += 4)
    // What is no such number is a place of text.
    if (numbers.getUint32(at, true) === 1) for (let byte = at; byte < at + 4; byte++) context[byte] = byte & 0xff;
  task.set(TASK_NUMBERS);
  return probe;
}

/** Recorded and given inputs: the first `count` of those that get to an update, or the first of all and the guard. */
export function chooseInputs(trial: Trial, name: string, inputs: readonly ProgramInput[], count: number): Entered {
  const first = { inputs: inputs.length > count ? inputs.slice(0, count) : inputs, entered: [] };
  const guard = trial.hasUpdate(name) && inputs.length > 0 ? guardOf(trial, name, 0) : undefined;
  if (guard === undefined) return first;
  const found: ProgramInput[] = [];
  for (const [index, input] of inputs.entries()) {
    if (found.length >= count) break;
    if (guardOf(trial, name, index) === undefined) found.push(input);
  }
  return found.length === 0 ? { ...first, guard } : { inputs: found, entered: [] };
}

/** Made-up inputs: finds out what they have to hold, and puts it there. */
export function enterGuards(trial: Trial, name: string, inputs: readonly ProgramInput[]): Entered {
  const [first] = inputs;
  if (first === undefined || !trial.hasUpdate(name)) return { inputs, entered: [] };
  const probe = probing(first);
  const patches: InputPatch[] = [];
  const entered: string[] = [];
  let guard: Guard | undefined;
  for (let turn = 0; turn < MOST_GUARDS; turn++) {
    guard = guardOf(trial, name, 0, probe);
    if (guard === undefined) break;
    const parts = partsOf(probe);
    const patch = patchFor(guard, parts);
    if (patch === undefined) break;
    applyPatch(parts[patch.part], patch);
    patches.push(patch);
    entered.push(`${patch.part} + ${patch.offset} holds ${patch.value}, which ${guard.text} asks for`);
  }
  // Guards that were entered in vain are told as the one that is left.
  if (guard !== undefined) return { inputs, entered: [], guard };
  if (patches.length === 0) return { inputs, entered };
  return { inputs: inputs.map((input) => patched(input, patches)), entered };
}

function patched(input: ProgramInput, patches: readonly InputPatch[]): ProgramInput {
  const copy = copyOf(input);
  const parts = partsOf(copy);
  for (const patch of patches) applyPatch(parts[patch.part], patch);
  return copy;
}

/** A program that is stopped shows no guard; it is stopped again when it is checked, and told then. */
function guardOf(trial: Trial, name: string, index: number, changed?: ProgramInput): Guard | undefined {
  try {
    return trial.guard(name, index, changed);
  } catch (error) {
    if (error instanceof AnyctxError) return undefined;
    throw error;
  }
}

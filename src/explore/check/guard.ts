/**
 * Guards: branches at which a run turns away from every update for good, as `if (ctx->id != 321) return 0` does. One that compares with
 * something of the input can be entered: the run is repeated with what the program compares with in that place. Which place that
 * is shows because all places of a probing input hold other numbers.
 */
import { edgeOf } from "../../bpf/analysis/edges.ts";
import { helperByName } from "../../bpf/helpers/table.ts";
import type { Interpreter, RunState } from "../../bpf/interpreter/state.ts";
import { type Effect, type Instruction, isWide, operationOf } from "../../bpf/isa/instructions.ts";
import type { LinkedProgram } from "../../bpf/linked.ts";
import { instructionText } from "../../bpf/where.ts";
import { loadBigInt, storeBigInt } from "../../events/integer.ts";

export const UPDATE_HELPER: number | undefined = helperByName("map_update_elem")?.id;

type Branch = Extract<Effect, { readonly type: "branch" }>;

/** A branch that a run took away from every update. */
export interface Guard {
  readonly instruction: number;
  /** The instruction, and its source where that is known. */
  readonly text: string;
  readonly branch: Branch;
  /** What was compared, unsigned, as wide as the branch compares. */
  readonly left: bigint;
  readonly right: bigint;
  readonly jumped: boolean;
}

/** Where a program can still get to an update, by instruction. */
export function updateReach({ instructions }: LinkedProgram): readonly boolean[] {
  const successors = instructions.map((slot, at) => successorsOf(slot, at));
  const reach = instructions.map((slot) => isUpdate(slot));
  for (let changed = true; changed; ) {
    changed = false;
    for (let at = reach.length - 1; at >= 0; at--) {
      if (reach[at] || !(successors[at] ?? []).some((next) => reach[next])) continue;
      reach[at] = true;
      changed = true;
    }
  }
  return reach;
}

function isUpdate(slot: Instruction): boolean {
  const effect = operationOf(slot)?.effect;
  return effect?.type === "call" && effect.target === "helper" && slot.imm === UPDATE_HELPER;
}

function successorsOf(slot: Instruction, at: number): number[] {
  const effect = operationOf(slot)?.effect;
  if (effect?.type === "exit") return [];
  const next = effect?.type === "goto" ? [] : [at + (isWide(slot) ? 2 : 1)];
  // A callback may be called by whatever helper comes later: its first instruction counts as one that follows.
  const edge = effect === undefined ? undefined : edgeOf(effect, slot, at);
  return edge === undefined ? next : [...next, edge.target];
}

/** Follows a run; `look` is called before each instruction, `guard` gives the last turn away from every update. */
export interface GuardWatch {
  readonly look: (state: RunState) => void;
  readonly guard: () => Guard | undefined;
  /** Whether an update was called. */
  readonly hasUpdated: () => boolean;
}

export function watchGuards({ program }: Pick<Interpreter, "program">): GuardWatch {
  const reach = updateReach(program);
  const canReach = (state: RunState): boolean =>
    (reach[state.next.at] ?? false) || state.frames.some(({ returnTo }) => reach[returnTo.at] ?? false);
  let before: { readonly at: number; readonly left: bigint; readonly right: bigint } | undefined;
  let found: Guard | undefined;
  let updated = false;
  return {
    look: (state) => {
      const slot = program.instructions[state.next.at];
      if (slot === undefined) return;
      const possible = canReach(state);
      if (before !== undefined && !possible) found ??= guardAt(program, before, state.next.at);
      before = possible ? compared(slot, state) : undefined;
      updated ||= isUpdate(slot);
    },
    guard: () => found,
    hasUpdated: () => updated,
  };
}

function compared(
  slot: Instruction,
  { next, registers }: RunState,
): { at: number; left: bigint; right: bigint } | undefined {
  const effect = operationOf(slot)?.effect;
  if (effect?.type !== "branch") return undefined;
  const fit = (value: bigint): bigint => BigInt.asUintN(effect.width, value);
  const right = effect.operand === "imm" ? BigInt(slot.imm) : (registers[slot.src] ?? 0n);
  return { at: next.at, left: fit(registers[slot.dst] ?? 0n), right: fit(right) };
}

function guardAt(
  program: LinkedProgram,
  { at, left, right }: { readonly at: number; readonly left: bigint; readonly right: bigint },
  now: number,
): Guard | undefined {
  const slot = program.instructions[at];
  const branch = slot === undefined ? undefined : operationOf(slot)?.effect;
  if (branch?.type !== "branch") return undefined;
  return { instruction: at, text: instructionText(program, at), branch, left, right, jumped: now !== at + 1 };
}

/** A place of an input, and the number to put there. */
export interface InputPatch {
  readonly part: "context" | "task";
  readonly offset: number;
  readonly bytes: number;
  readonly value: bigint;
}

const WIDTHS = [8, 4, 2, 1] as const;

/** What makes a run go the other way at a guard, if what it compares lies in the input. */
export function patchFor(
  guard: Guard,
  parts: Readonly<Record<InputPatch["part"], Uint8Array>>,
): InputPatch | undefined {
  const { branch, left, right, jumped } = guard;
  const { comparison, width } = branch;
  const goesLeft = (value: bigint): boolean => comparison.evaluate(value, right, width) !== jumped;
  const goesRight = (value: bigint): boolean => comparison.evaluate(left, value, width) !== jumped;
  return patchOf(left, right, goesLeft, parts) ?? patchOf(right, left, goesRight, parts);
}

function patchOf(
  value: bigint,
  other: bigint,
  goes: (value: bigint) => boolean,
  parts: Readonly<Record<InputPatch["part"], Uint8Array>>,
): InputPatch | undefined {
  for (const part of ["context", "task"] as const)
    for (const bytes of WIDTHS) {
      const offset = placeOf(parts[part], value, bytes);
      if (offset === undefined) continue;
      const most = (1n << BigInt(bytes * 8)) - 1n;
      const wanted = [other, other + 1n, other - 1n].find((each) => each >= 0n && each <= most && goes(each));
      if (wanted !== undefined) return { part, offset, bytes, value: wanted };
    }
  return undefined;
}

/** The only place with this number. */
function placeOf(input: Uint8Array, value: bigint, bytes: number): number | undefined {
  if (value >= 1n << BigInt(bytes * 8) || (bytes > 1 && value < 1n << BigInt((bytes / 2) * 8))) return undefined;
  const found: number[] = [];
  const view = viewOf(input);
  for (let at = 0; at + bytes <= input.length; at++) if (loadBigInt(view, at, bytes) === value) found.push(at);
  return found.length === 1 ? found[0] : undefined;
}

function viewOf({ buffer, byteOffset, length }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, length);
}

/** Puts the number into a part of an input. */
export function applyPatch(part: Uint8Array, { offset, bytes, value }: InputPatch): void {
  storeBigInt(viewOf(part), offset, bytes, value);
}

/**
 * Where an interruption of a program can make a difference: before an instruction that reads or writes what another run
 * can touch too (a map, a global variable), and before the end. Between two such points it does not matter where the
 * interrupting context comes in, so a search needs to try only one place.
 */
import { helperById } from "../../bpf/helpers/table.ts";
import { FRAME_BYTES, MAX_FRAMES } from "../../bpf/host.ts";
import type { RunState } from "../../bpf/interpreter/state.ts";
import { type Effect, type Instruction, operationOf } from "../../bpf/isa/instructions.ts";
import type { LinkedProgram } from "../../bpf/linked.ts";

/** Memory that only the run itself touches. */
export interface PrivateMemory {
  readonly context: number;
  readonly contextBytes: number;
  readonly stackTop: number;
}

export type SharedPoints = (state: RunState, own: PrivateMemory) => boolean;

type Test = (state: RunState, own: PrivateMemory) => boolean;

const never: Test = () => false;
const always: Test = () => true;

interface Range {
  readonly from: number;
  readonly to: number;
}

/** Whether the instruction that a run is about to carry out is such a point. */
export function sharedPoints(program: LinkedProgram): SharedPoints {
  const constants = program.maps
    .filter(({ direct, readOnly }) => direct && readOnly)
    .map(({ firstValue, valueSize }) => ({ from: firstValue, to: firstValue + valueSize }));
  const tests = program.instructions.map((slot) => testOf(slot, operationOf(slot)?.effect, constants));
  return (state, own) => (tests[state.next.at] ?? never)(state, own);
}

function testOf(slot: Instruction, effect: Effect | undefined, constants: readonly Range[]): Test {
  if (effect === undefined) return never;
  if (effect.type === "call") return effect.target === "helper" && callsCore(slot.imm) ? always : never;
  if (effect.type === "exit") return (state) => state.frames.length === 0;
  if (effect.type === "load") return accessTest(slot.src, slot.offset, constants);
  if (effect.type === "store" || effect.type === "atomic") return accessTest(slot.dst, slot.offset, constants);
  return never;
}

function callsCore(id: number): boolean {
  const type = helperById(id)?.action.type;
  return type === "map" || type === "core";
}

function accessTest(base: number, offset: number, constants: readonly Range[]): Test {
  return (state, { context, contextBytes, stackTop }) => {
    const address = Number(state.registers[base] ?? 0n) + offset;
    if (address >= context && address < context + contextBytes) return false;
    if (address >= stackTop - FRAME_BYTES * MAX_FRAMES && address < stackTop) return false;
    return !constants.some(({ from, to }) => address >= from && address < to);
  };
}

/** How arithmetic and branches are carried out: on registers' words (halves.ts) where there is a way, otherwise by their meaning. */
import type { Effect, Operand } from "../isa/instructions.ts";
import type { AluEffect, Comparison } from "../isa/semantics.ts";
import { NARROW, NARROW_COMPARISONS, WIDE_COMPARISONS, WIDE_STEPS } from "./halves.ts";
import type { Step } from "./state.ts";

const LOW = 0xffffffffn;

/** Arithmetic in 64 bits on words, where there is a way. */
function wideStep(name: string, operand: Operand | "none"): Step | undefined {
  const step = WIDE_STEPS[name];
  if (step === undefined) return undefined;
  if (operand === "src")
    return (_, state, { dst, src, next }) => {
      const { halves } = state;
      step(halves, dst * 2, halves[src * 2] as number, halves[src * 2 + 1] as number);
      state.pc = next;
    };
  return (_, state, { dst, low, high, next }) => {
    step(state.halves, dst * 2, low, high);
    state.pc = next;
  };
}

/** Arithmetic in 32 bits on words: the upper one becomes 0. */
function narrowStep(name: string, operand: Operand | "none"): Step | undefined {
  const evaluate = NARROW[name];
  if (evaluate === undefined) return undefined;
  const isRegister = operand === "src";
  return (_, state, { dst, src, low, next }) => {
    const { halves } = state;
    halves[dst * 2] = evaluate(halves[dst * 2] as number, isRegister ? (halves[src * 2] as number) : low);
    halves[dst * 2 + 1] = 0;
    state.pc = next;
  };
}

function wideBranch(name: Comparison["name"], operand: Operand): Step {
  const holds = WIDE_COMPARISONS[name];
  const isRegister = operand === "src";
  return (_, state, { dst, src, low, high, target, next }) => {
    const { halves } = state;
    const bLow = isRegister ? (halves[src * 2] as number) : low;
    const bHigh = isRegister ? (halves[src * 2 + 1] as number) : high;
    state.pc = holds(halves[dst * 2] as number, halves[dst * 2 + 1] as number, bLow, bHigh) ? target : next;
  };
}

function narrowBranch(name: Comparison["name"], operand: Operand): Step {
  const holds = NARROW_COMPARISONS[name];
  const isRegister = operand === "src";
  return (_, state, { dst, src, low, target, next }) => {
    const { halves } = state;
    const b = isRegister ? (halves[src * 2] as number) : low;
    state.pc = holds(halves[dst * 2] as number, b) ? target : next;
  };
}

/** The number that is divided by. */
const DIVISOR = new BigUint64Array(1);
const DIVISOR_HALVES = new Int32Array(DIVISOR.buffer);

type Divide = (registers: BigUint64Array, dst: number) => void;

/** Divisions in 64 bits. Why so: accesses.ts. */
const DIVISIONS: Readonly<Partial<Record<string, Divide>>> = {
  div: (registers, dst) => {
    if (DIVISOR[0] === 0n) registers[dst] = 0n;
    else registers[dst] = BigInt.asUintN(64, (registers[dst] as bigint) / (DIVISOR[0] as bigint));
  },
  mod: (registers, dst) => {
    if (DIVISOR[0] === 0n) return;
    registers[dst] = BigInt.asUintN(64, (registers[dst] as bigint) % (DIVISOR[0] as bigint));
  },
};

function divisionStep(name: string, operand: Operand | "none"): Step | undefined {
  const divide = DIVISIONS[name];
  if (divide === undefined) return undefined;
  const isRegister = operand === "src";
  return (_, state, { dst, src, low, high, next }) => {
    const { registers, halves } = state;
    DIVISOR_HALVES[0] = isRegister ? (halves[src * 2] as number) : low;
    DIVISOR_HALVES[1] = isRegister ? (halves[src * 2 + 1] as number) : high;
    divide(registers, dst);
    state.pc = next;
  };
}

/** By what the operation means. */
function meantStep({ evaluate }: AluEffect, width: 32 | 64, operand: Operand | "none"): Step {
  return (_, state, i) => {
    const { registers } = state;
    const [a, b] = [registers[i.dst] as bigint, operand === "src" ? (registers[i.src] as bigint) : i.imm];
    const value = width === 64 ? evaluate(a, b, 64) : evaluate(a & LOW, b & LOW, 32);
    registers[i.dst] = BigInt.asUintN(width, value);
    state.pc = i.next;
  };
}

export function arithmeticStep({ width, operand, alu }: Effect & { readonly type: "alu" }): Step {
  const quick =
    width === 64 ? (wideStep(alu.name, operand) ?? divisionStep(alu.name, operand)) : narrowStep(alu.name, operand);
  return quick ?? meantStep(alu, width, operand);
}

export function branchStep({ width, operand, comparison }: Effect & { readonly type: "branch" }): Step {
  return width === 64 ? wideBranch(comparison.name, operand) : narrowBranch(comparison.name, operand);
}

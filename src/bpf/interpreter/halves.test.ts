/** What is done on words is what the operations mean. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ALU_OPERATIONS, COMPARISONS } from "../isa/semantics.ts";
import { NARROW_BRANCHES, NARROW_STEPS, WIDE_BRANCHES, WIDE_STEPS } from "./halves.ts";
import { Decoded, type Interpreter, nothing, type RunState, type Step } from "./state.ts";

const EDGES = [0n, 1n, 31n, 32n, 33n, 63n, 64n, 0x7fff_ffffn, 0x8000_0000n, 0xffff_ffffn, 1n << 32n, 1n << 63n];
const number = fc.oneof(
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  fc.constantFrom(...EDGES, ...EDGES.map((edge) => BigInt.asUintN(64, -edge))),
);
const names = (table: object): string[] => Object.keys(table);

const [NEXT, TARGET] = [nothing(1), nothing(2)];

/** Carries out a step on registers, of which r1 is the destination and another the operand. */
function carryOut(step: Step, numbers: readonly bigint[], src: number): { registers: bigint[]; next: Decoded } {
  const registers = BigUint64Array.from(numbers);
  const state = { registers, halves: new Int32Array(registers.buffer) };
  const i = new Decoded(0, { dst: 1, src, offset: 0, imm: 0 }, step);
  [i.next, i.target] = [NEXT, TARGET];
  // Neither arithmetic nor branches look at anything else of a run.
  const next = step({} as Interpreter, state as RunState, i);
  return { registers: [...registers], next };
}

function assertArithmetic(step: Step, meant: (a: bigint, b: bigint) => bigint): void {
  const property = fc.property(number, number, (a, b) => {
    assert.deepEqual(carryOut(step, [7n, a, 7n, b], 3), { registers: [7n, meant(a, b), 7n, b], next: NEXT });
    assert.deepEqual(carryOut(step, [7n, a, 7n], 1).registers, [7n, meant(a, a), 7n]);
  });
  fc.assert(property, { numRuns: 1000 });
}

for (const { name, evaluate } of ALU_OPERATIONS) {
  const [wide, narrow] = [WIDE_STEPS[name], NARROW_STEPS[name]];
  if (wide !== undefined)
    test(`property: ${name} of 64 bits on words is what it means`, () =>
      assertArithmetic(wide, (a, b) => BigInt.asUintN(64, evaluate(a, b, 64))));
  if (narrow !== undefined)
    test(`property: ${name} of 32 bits on words is what it means`, () =>
      assertArithmetic(narrow, (a, b) =>
        BigInt.asUintN(32, evaluate(BigInt.asUintN(32, a), BigInt.asUintN(32, b), 32)),
      ));
}

for (const { name, evaluate } of COMPARISONS)
  test(`property: ${name} on words is what it means`, () => {
    const property = fc.property(number, fc.option(number), (a, other) => {
      const b = other ?? a;
      const [shortA, shortB] = [BigInt.asUintN(32, a), BigInt.asUintN(32, b)];
      const taken = (step: Step): boolean => carryOut(step, [0n, a, b], 2).next === TARGET;
      assert.equal(taken(WIDE_BRANCHES[name]), evaluate(a, b, 64));
      assert.equal(taken(NARROW_BRANCHES[name]), evaluate(shortA, shortB, 32));
    });
    fc.assert(property, { numRuns: 1000 });
  });

test("whatever is done on words is an operation that there is", () => {
  const known = new Set<string>(ALU_OPERATIONS.map(({ name }) => name));
  for (const name of [...names(WIDE_STEPS), ...names(NARROW_STEPS)]) assert.ok(known.has(name), name);
});

/** What is done on words is what the operations mean. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ALU_OPERATIONS, COMPARISONS } from "../isa/semantics.ts";
import { NARROW, NARROW_COMPARISONS, WIDE_COMPARISONS, WIDE_STEPS } from "./halves.ts";

const EDGES = [0n, 1n, 31n, 32n, 33n, 63n, 64n, 0x7fff_ffffn, 0x8000_0000n, 0xffff_ffffn, 1n << 32n, 1n << 63n];
const number = fc.oneof(
  fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
  fc.constantFrom(...EDGES, ...EDGES.map((edge) => BigInt.asUintN(64, -edge))),
);
const lowOf = (value: bigint): number => Number(BigInt.asIntN(32, value));
const highOf = (value: bigint): number => lowOf(value >> 32n);
const names = (table: object): string[] => Object.keys(table);

for (const { name, evaluate } of ALU_OPERATIONS) {
  const [wide, narrow] = [WIDE_STEPS[name], NARROW[name]];
  if (wide !== undefined)
    test(`property: ${name} of 64 bits on words is what it means`, () => {
      const registers = new BigUint64Array(3);
      const halves = new Int32Array(registers.buffer);
      fc.assert(
        fc.property(number, number, (a, b) => {
          registers.set([7n, a, 7n]);
          wide(halves, 2, lowOf(b), highOf(b));
          assert.deepEqual([...registers], [7n, BigInt.asUintN(64, evaluate(a, b, 64)), 7n]);
        }),
        { numRuns: 1000 },
      );
    });
  if (narrow !== undefined)
    test(`property: ${name} of 32 bits on words is what it means`, () => {
      fc.assert(
        fc.property(number, number, (a, b) => {
          const expected = BigInt.asUintN(32, evaluate(BigInt.asUintN(32, a), BigInt.asUintN(32, b), 32));
          assert.equal(narrow(lowOf(a), lowOf(b)) | 0, lowOf(expected));
        }),
        { numRuns: 1000 },
      );
    });
}

for (const { name, evaluate } of COMPARISONS)
  test(`property: ${name} on words is what it means`, () => {
    fc.assert(
      fc.property(number, fc.option(number), (a, other) => {
        const b = other ?? a;
        const [shortA, shortB] = [BigInt.asUintN(32, a), BigInt.asUintN(32, b)];
        const [wide, narrow] = [WIDE_COMPARISONS[name], NARROW_COMPARISONS[name]];
        assert.equal(wide(lowOf(a), highOf(a), lowOf(b), highOf(b)), evaluate(a, b, 64));
        assert.equal(narrow(lowOf(a), lowOf(b)), evaluate(shortA, shortB, 32));
      }),
      { numRuns: 1000 },
    );
  });

test("whatever is done on words is an operation that there is", () => {
  const known = new Set<string>(ALU_OPERATIONS.map(({ name }) => name));
  for (const name of [...names(WIDE_STEPS), ...names(NARROW)]) assert.ok(known.has(name), name);
});

/** Numbers inside words of 8 bytes, against what BigInt and the engine's own floats say. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { CONSTANTS } from "../../src/wasm/face.ts";
import { compileInside } from "../testing.ts";

interface Functions {
  numberIn(word: bigint, address: number, kind: number): bigint;
  withNumber(word: bigint, address: number, kind: number, bits: bigint): bigint;
  addToNumber(bits: bigint, kind: number, amount: number, subtracts: number): number;
}

const make = compileInside<Functions>(`
  export { numberIn, withNumber, addToNumber } from "./base/number";
`);
const { core, memory } = make();
const { NUMBER_SIGNED, NUMBER_FLOAT, ERANGE } = CONSTANTS;
const AMOUNT = 1024;
const amount = new BigUint64Array(memory.buffer, AMOUNT, 1);

const word = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
/** Logarithm of the bytes, and a place in the word. */
const place = fc.integer({ min: 0, max: 3 }).chain((size) =>
  fc.tuple(
    fc.constant(size),
    fc.nat(7).map((at) => at & -(1 << size)),
  ),
);

test("a number is read and replaced where it lies, and nothing beside it", () => {
  fc.assert(
    fc.property(word, place, word, (around, [size, at], bits) => {
      const width = 8n << BigInt(size);
      const shift = BigInt(at) * 8n;
      const mask = (1n << width) - 1n;
      assert.equal(BigInt.asUintN(64, core.numberIn(around, 4096 + at, size)), (around >> shift) & mask);
      const expected = (around & ~(mask << shift)) | ((bits & mask) << shift);
      assert.equal(BigInt.asUintN(64, core.withNumber(around, 4096 + at, size, bits)), BigInt.asUintN(64, expected));
    }),
  );
});

test("integers of every width: the sum, or -ERANGE where there is none", () => {
  const near = fc.oneof(
    word,
    fc.constantFrom(0n, 1n, 127n, 128n, 255n, 256n, 2n ** 63n, 2n ** 63n - 1n, 2n ** 64n - 1n),
  );
  fc.assert(
    fc.property(
      near,
      fc.integer({ min: 0, max: 3 }),
      fc.boolean(),
      near,
      fc.boolean(),
      (random, size, signed, by, minus) => {
        const width = 8 << size;
        const from = signed ? BigInt.asIntN(width, random) : BigInt.asUintN(width, random);
        const sum = minus ? from - by : from + by;
        const fits = (signed ? BigInt.asIntN(width, sum) : BigInt.asUintN(width, sum)) === sum;
        amount[0] = by;
        const kind = size | (signed ? NUMBER_SIGNED : 0);
        const result = core.addToNumber(BigInt.asUintN(width, random), kind, AMOUNT, minus ? 1 : 0);
        assert.equal(result, fits ? 0 : -ERANGE);
        assert.equal(amount[0], fits ? BigInt.asUintN(width, sum) : by);
      },
    ),
    { numRuns: 2000 },
  );
});

test("floats: as the engine adds them", () => {
  const double = new Float64Array(memory.buffer, AMOUNT, 1);
  const single = new Float32Array(memory.buffer, AMOUNT, 1);
  const bits = new DataView(new ArrayBuffer(8));
  fc.assert(
    fc.property(fc.double(), fc.double(), (a, b) => {
      bits.setFloat64(0, a);
      double[0] = b;
      assert.equal(core.addToNumber(bits.getBigUint64(0), 3 | NUMBER_FLOAT, AMOUNT, 0), 0);
      assert.ok(Object.is(double[0], a + b) || Number.isNaN(a + b));
      bits.setFloat32(0, a);
      double[0] = b;
      assert.equal(core.addToNumber(BigInt(bits.getUint32(0)), 2 | NUMBER_FLOAT, AMOUNT, 0), 0);
      const expected = Math.fround(Math.fround(a) + b);
      assert.ok(Object.is(single[0], expected) || Number.isNaN(expected), `${single[0]} is not ${expected}`);
      assert.equal((amount[0] as bigint) >> 32n, 0n);
    }),
  );
});

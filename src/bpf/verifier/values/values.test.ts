/**
 * The domain against the meaning of instructions.
 *
 * Strategy: at 4 bits every word that is known by its bits alone, by an unsigned or by a signed range, in all pairs, and every number
 * that they have; at 8 bits (halves of 4) and at 64 random scalars.
 * Invariant: what an operation gives for two numbers is in what it gives for their words; of two numbers that compare as
 * said neither is lost.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ALU_OPERATIONS, COMPARISONS, SWAPS } from "../../isa/semantics.ts";
import { extendWord, WORD_OPERATIONS } from "./arithmetic.ts";
import { compared } from "./relations.ts";
import {
  constantIn,
  includesScalar,
  joinScalars,
  SCALAR_OPERATIONS,
  type Scalar,
  scalarOf,
  truncated,
  WIDTHS,
  type Widths,
  widthsOf,
} from "./scalar.ts";
import {
  between,
  hasNumber,
  includesWord,
  joinWords,
  meetWords,
  signedBetween,
  type Width,
  type Word,
  widthOf,
  wordOf,
} from "./word.ts";

type Evaluate = (a: bigint, b: bigint, bits: number) => bigint;

function numbersOf(width: Width, word: Word): bigint[] {
  return Array.from({ length: 2 ** width.bits }, (_, n) => BigInt(n)).filter((n) => hasNumber(width, word, n));
}

/** Every word of bits, and every range, each with its numbers. */
function wordsOf(width: Width): (readonly [Word, readonly bigint[]])[] {
  const words: Word[] = [];
  for (let value = 0n; value <= width.all; value++) {
    for (let mask = 0n; mask <= width.all; mask++)
      if ((value & mask) === 0n) words.push(wordOf(width, { ...width.unknown, value, mask }) ?? assert.fail());
    for (let to = value; to <= width.all; to++) {
      words.push(between(width, value, to));
      words.push(signedBetween(width, value + width.least, to + width.least));
    }
  }
  const seen = new Map(words.map((word) => [Object.values(word).join(), word]));
  return [...seen.values()].map((word) => [word, numbersOf(width, word)] as const);
}

const FOUR = widthOf(4);
const WORDS = wordsOf(FOUR);

test("a word of bits or of a range has its numbers, all of them and no others", () => {
  for (let value = 0n; value <= FOUR.all; value++)
    for (let mask = 0n; mask <= FOUR.all; mask++) {
      if ((value & mask) !== 0n) continue;
      const word = wordOf(FOUR, { ...FOUR.unknown, value, mask }) ?? assert.fail();
      for (let n = 0n; n <= FOUR.all; n++) assert.equal(hasNumber(FOUR, word, n), (n & ~mask) === value);
    }
  for (let from = 0n; from <= FOUR.all; from++)
    for (let to = from; to <= FOUR.all; to++) {
      const unsigned = between(FOUR, from, to);
      const signed = signedBetween(FOUR, from + FOUR.least, to + FOUR.least);
      for (let n = 0n; n <= FOUR.all; n++) {
        assert.equal(hasNumber(FOUR, unsigned, n), n >= from && n <= to);
        const s = BigInt.asIntN(4, n) - FOUR.least;
        assert.equal(hasNumber(FOUR, signed, n), s >= from && s <= to);
      }
    }
});

for (const { name, evaluate } of ALU_OPERATIONS.filter((row) => WORD_OPERATIONS[row.name] !== undefined))
  test(`${name}: on every pair of words of 4 bits no result is lost`, () => {
    const operation = WORD_OPERATIONS[name];
    const results = Array.from({ length: 256 }, (_, n) =>
      BigInt.asUintN(4, (evaluate as Evaluate)(BigInt(n >> 4), BigInt(n & 15), 4)),
    );
    for (const [a, ofA] of WORDS)
      for (const [b, ofB] of WORDS) {
        const word = operation?.(FOUR, a, b) ?? assert.fail();
        for (const x of ofA)
          for (const y of ofB) {
            const result = results[Number((x << 4n) | y)] ?? 0n;
            if (!hasNumber(FOUR, word, result))
              assert.fail(`${name} ${x} ${y} = ${result}: ${show(a)} ${show(b)} -> ${show(word)}`);
          }
      }
  });

function show(word: Word): string {
  return JSON.stringify(word, (_, value) => (typeof value === "bigint" ? String(value) : value));
}

test("meeting, joining and including on every pair of words of 4 bits", () => {
  for (const [a, ofA] of WORDS)
    for (const [b, ofB] of WORDS) {
      const meet = meetWords(FOUR, a, b);
      for (const n of ofA) {
        const isBoth = ofB.includes(n);
        if (isBoth) assert.ok(meet !== undefined && hasNumber(FOUR, meet, n));
      }
      if (meet !== undefined) for (const n of numbersOf(FOUR, meet)) assert.ok(ofA.includes(n) && ofB.includes(n));
      const join = joinWords(a, b);
      for (const n of [...ofA, ...ofB]) assert.ok(hasNumber(FOUR, join, n));
      if (includesWord(a, b)) assert.ok(ofB.every((n) => ofA.includes(n)));
    }
});

test("extending the lowest bits of every word of 4", () => {
  for (const [word, numbers] of WORDS)
    for (const bits of [1, 2, 3])
      for (const signed of [false, true]) {
        const extended = extendWord(FOUR, word, bits, signed);
        for (const n of numbers) {
          const result = signed ? BigInt.asUintN(4, BigInt.asIntN(bits, n)) : BigInt.asUintN(bits, n);
          assert.ok(hasNumber(FOUR, extended, result));
        }
      }
});

function has(widths: Widths, scalar: Scalar, number: bigint): boolean {
  return (
    hasNumber(widths.wide, scalar.wide, number) &&
    hasNumber(widths.low, scalar.low, BigInt.asUintN(widths.low.bits, number))
  );
}

/** A number with a scalar around it: bits that are kept, and ranges that have it, of the whole and of its half. */
function arbitrary(widths: Widths): fc.Arbitrary<readonly [bigint, Scalar]> {
  const { bits, all } = widths.wide;
  const edge = fc.constantFrom(
    0n,
    1n,
    all,
    all - 1n,
    all >> 1n,
    (all >> 1n) + 1n,
    widths.low.all,
    widths.low.sign,
    widths.low.all + 1n,
  );
  const number = fc.oneof(edge, fc.bigInt({ min: 0n, max: all }), fc.bigInt({ min: 0n, max: 70n > all ? all : 70n }));
  const around = (width: Width, value: bigint, mask: bigint, [a, b, c, d]: readonly (bigint | undefined)[]): Word => {
    const n = value & width.all;
    const s = BigInt.asIntN(width.bits, n);
    const low = (x: bigint | undefined): bigint => (x === undefined ? 0n : x % (n + 1n));
    const open = x(width, mask);
    const word = {
      value: n & ~open,
      mask: open,
      umin: low(a),
      umax: n + (b === undefined ? width.all - n : b % (width.all - n + 1n)),
      smin: c === undefined ? width.least : s - (c % (s - width.least + 1n)),
      smax: d === undefined ? width.most : s + (d % (width.most - s + 1n)),
    };
    return wordOf(width, word) ?? assert.fail("a word without the number that it was made around");
  };
  const x = (width: Width, mask: bigint): bigint => mask & width.all;
  const some = fc.option(fc.oneof(fc.bigInt({ min: 0n, max: all }), fc.bigInt({ min: 0n, max: 9n })), {
    nil: undefined,
  });
  const mask = fc.oneof(fc.constant(0n), fc.constant(all), fc.bigInt({ min: 0n, max: all }), edge);
  return fc
    .tuple(number, mask, mask, fc.tuple(some, some, some, some), fc.tuple(some, some, some, some))
    .map(([value, wideMask, lowMask, wide, low]) => {
      assert.ok(bits > 0);
      const scalar = scalarOf(
        widths,
        around(widths.wide, value, wideMask, wide),
        around(widths.low, value, lowMask, low),
      );
      return [value, scalar ?? assert.fail("a scalar without its number")] as const;
    });
}

const RUNS = { 8: 20_000, 64: 10_000 } as const;

for (const bits of [8, 64] as const) {
  const widths = bits === 64 ? WIDTHS : widthsOf(bits);
  const one = arbitrary(widths);
  const numRuns = RUNS[bits];

  test(`operations on random scalars of ${bits} bits lose no result`, () => {
    const rows =
      bits === 64
        ? [...ALU_OPERATIONS, ...SWAPS.map(({ alu, name }) => ({ ...alu, effect: alu, name }))]
        : ALU_OPERATIONS.filter(({ name }) => !name.startsWith("movsx"));
    for (const row of rows) {
      const operation = SCALAR_OPERATIONS.get("effect" in row ? row.effect : row) ?? assert.fail(row.name);
      fc.assert(
        fc.property(one, one, fc.boolean(), ([x, a], [y, b], half) => {
          if (half && "effect" in row) return;
          const width = half ? widths.low : widths.wide;
          const result = BigInt.asUintN(
            width.bits,
            (row.evaluate as Evaluate)(x & width.all, y & width.all, width.bits),
          );
          assert.ok(has(widths, operation(widths, a, b, half), result), row.name);
        }),
        { numRuns: Math.ceil(numRuns / 4) },
      );
    }
  });

  test(`comparisons of random scalars of ${bits} bits keep both numbers`, () => {
    for (const row of COMPARISONS)
      fc.assert(
        fc.property(one, one, fc.boolean(), ([x, a], [y, b], half) => {
          const width = half ? widths.low : widths.wide;
          const evaluate = row.evaluate as (a: bigint, b: bigint, bits: number) => boolean;
          const holds = evaluate(x & width.all, y & width.all, width.bits);
          const found = compared(widths, row, holds, [a, b], half);
          assert.ok(found !== undefined && has(widths, found[0], x) && has(widths, found[1], y), row.name);
        }),
        { numRuns: Math.ceil(numRuns / 4) },
      );
  });

  test(`joining and including random scalars of ${bits} bits`, () => {
    fc.assert(
      fc.property(one, one, ([x, a], [y, b]) => {
        const join = joinScalars(a, b);
        assert.ok(has(widths, join, x) && has(widths, join, y));
        assert.ok(includesScalar(join, a) && includesScalar(join, b));
        if (includesScalar(a, b)) assert.ok(has(widths, a, y));
        assert.ok(has(widths, constantIn(widths, x), x));
      }),
      { numRuns },
    );
  });
}

test("comparisons of every pair of words of 4 bits: what cannot be is seen where both are numbers", () => {
  const widths = widthsOf(4);
  for (const row of COMPARISONS)
    for (let x = 0n; x < 16n; x++)
      for (let y = 0n; y < 16n; y++)
        for (const holds of [true, false]) {
          const found = compared(widths, row, holds, [constantIn(widths, x), constantIn(widths, y)], false);
          const evaluate = row.evaluate as (a: bigint, b: bigint, bits: number) => boolean;
          assert.equal(found !== undefined, evaluate(x, y, 4) === holds, `${row.name} ${x} ${y}`);
        }
});

test("the lowest bytes of a random scalar", () => {
  fc.assert(
    fc.property(arbitrary(WIDTHS), fc.constantFrom(1, 2, 4, 8), ([x, a], bytes) => {
      assert.ok(has(WIDTHS, truncated(a, bytes), BigInt.asUintN(bytes * 8, x)));
    }),
    { numRuns: 1500 },
  );
});

/**
 * What a comparison that went one way says of the two numbers that were compared. Where no two numbers of the operands compare like
 * that, nothing is left, and no run goes that way.
 */
import type { Comparison } from "../../isa/semantics.ts";
import { type Scalar, scalarOf, scalarOfWhole, type Widths } from "./scalar.ts";
import { includesWord, meetWords, type Width, type Word, wordOf } from "./word.ts";

type Pair = readonly [Word, Word];
type Relation = (width: Width, a: Word, b: Word) => Pair | undefined;

function pair(a: Word | undefined, b: Word | undefined): Pair | undefined {
  return a === undefined || b === undefined ? undefined : [a, b];
}

const equal: Relation = (width, a, b) => {
  const both = meetWords(width, a, b);
  return pair(both, both);
};

/** Leaves the only number out of a word that it bounds. */
function without(width: Width, word: Word, only: Word): Word | undefined {
  if (only.mask !== 0n) return word;
  const signed = BigInt.asIntN(width.bits, only.value);
  return wordOf(width, {
    ...word,
    umin: word.umin === only.value ? word.umin + 1n : word.umin,
    umax: word.umax === only.value ? word.umax - 1n : word.umax,
    smin: word.smin === signed ? word.smin + 1n : word.smin,
    smax: word.smax === signed ? word.smax - 1n : word.smax,
  });
}

const different: Relation = (width, a, b) => pair(without(width, a, b), without(width, b, a));

/** `a < b`, or with `least` 0 `a <= b`. */
function less(least: 0n | 1n): Relation {
  return (width, a, b) => {
    const most = b.umax - least;
    const from = a.umin + least;
    return pair(
      wordOf(width, { ...a, umax: a.umax < most ? a.umax : most }),
      wordOf(width, { ...b, umin: b.umin > from ? b.umin : from }),
    );
  };
}

function lessSigned(least: 0n | 1n): Relation {
  return (width, a, b) => {
    const most = b.smax - least;
    const from = a.smin + least;
    return pair(
      wordOf(width, { ...a, smax: a.smax < most ? a.smax : most }),
      wordOf(width, { ...b, smin: b.smin > from ? b.smin : from }),
    );
  };
}

function turned(relation: Relation): Relation {
  return (width, a, b) => {
    const found = relation(width, b, a);
    return found === undefined ? undefined : [found[1], found[0]];
  };
}

/** One of the bits of `b` is set in `a`: known which, if there is but one. */
function oneBit(width: Width, a: Word, b: Word): Word | undefined {
  if (b.mask !== 0n || (b.value & (b.value - 1n)) !== 0n) return a;
  return wordOf(width, { ...a, value: a.value | b.value, mask: a.mask & ~b.value });
}

const anyBit: Relation = (width, a, b) => {
  if (((a.value | a.mask) & (b.value | b.mask)) === 0n) return undefined;
  return pair(oneBit(width, a, b), oneBit(width, b, a));
};

/** None of the bits that are known to be set in the one is set in the other. */
const noBit: Relation = (width, a, b) => {
  if ((a.value & b.value) !== 0n) return undefined;
  return pair(wordOf(width, { ...a, mask: a.mask & ~b.value }), wordOf(width, { ...b, mask: b.mask & ~a.value }));
};

/** What holds where the comparison of that name does, and where it does not. */
const RELATIONS: Readonly<Record<string, readonly [holds: Relation, not: Relation]>> = {
  jeq: [equal, different],
  jne: [different, equal],
  jset: [anyBit, noBit],
  jlt: [less(1n), turned(less(0n))],
  jle: [less(0n), turned(less(1n))],
  jgt: [turned(less(1n)), less(0n)],
  jge: [turned(less(0n)), less(1n)],
  jslt: [lessSigned(1n), turned(lessSigned(0n))],
  jsle: [lessSigned(0n), turned(lessSigned(1n))],
  jsgt: [turned(lessSigned(1n)), lessSigned(0n)],
  jsge: [turned(lessSigned(0n)), lessSigned(1n)],
};

/**
 * Both operands after the comparison came out as `holds`; undefined where it cannot.
 * @param half only the lower halves were compared
 */
export function compared(
  widths: Widths,
  comparison: Pick<Comparison, "name">,
  holds: boolean,
  [a, b]: readonly [Scalar, Scalar],
  half: boolean,
): readonly [Scalar, Scalar] | undefined {
  const relation = RELATIONS[comparison.name]?.[holds ? 0 : 1];
  if (relation === undefined) return [a, b];
  const at = half ? "low" : "wide";
  const found = relation(widths[at], a[at], b[at]);
  if (found === undefined) return undefined;
  const left = narrowedTo(widths, a, found[0], half);
  const right = narrowedTo(widths, b, found[1], half);
  return left === undefined || right === undefined ? undefined : [left, right];
}

/** A scalar of which one word is narrower; where nothing was found out, itself. */
function narrowedTo(widths: Widths, before: Scalar, word: Word, half: boolean): Scalar | undefined {
  const { wide, low } = before;
  if (includesWord(word, half ? low : wide)) return before;
  if (half) return scalarOf(widths, wide, word);
  return before.follows ? scalarOfWhole(widths, word) : scalarOf(widths, word, low);
}

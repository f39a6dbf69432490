/**
 * Arithmetic on words: for each operation of the instruction set a word that has all results of the operands' numbers
 * (`src/bpf/isa/semantics.ts` says what those are). An operand without numbers may give anything: no run has it.
 */
import { addBits, andBits, type Bits, multiplyBits, onesOf, orBits, subtractBits, u64, xorBits } from "./bits.ts";
import { signedOf, unsignedOf, type Width, type Word, wordOf } from "./word.ts";

export type WordOperation = (width: Width, a: Word, b: Word) => Word;

/** The least and the most that a result may be, read in one way. */
interface Range {
  readonly from: bigint;
  readonly to: bigint;
}

/** Written out member by member: this is where the verifier spends most of its time. */
function make(width: Width, known: Bits | undefined, unsigned?: Range, signed?: Range): Word {
  const { all, least, most, unknown } = width;
  const word: Word = {
    value: known === undefined ? 0n : u64(known.value & all),
    mask: known === undefined ? all : u64(known.mask & all),
    umin: unsigned === undefined ? 0n : unsigned.from,
    umax: unsigned === undefined ? all : unsigned.to,
    smin: signed === undefined ? least : signed.from,
    smax: signed === undefined ? most : signed.to,
  };
  return wordOf(width, word) ?? unknown;
}

/** Bounds of what may have wrapped: none where it may have and may not have, or may have in different ways. */
function wrappedUnsigned({ bits, all }: Width, from: bigint, to: bigint): Range | undefined {
  if (from >= 0n && to <= all) return { from, to };
  if (from >> BigInt(bits) !== to >> BigInt(bits)) return undefined;
  return { from: from & all, to: to & all };
}

function wrappedSigned({ bits, least, most }: Width, from: bigint, to: bigint): Range | undefined {
  if (from >= least && to <= most) return { from, to };
  if ((from - least) >> BigInt(bits) !== (to - least) >> BigInt(bits)) return undefined;
  return { from: BigInt.asIntN(bits, from), to: BigInt.asIntN(bits, to) };
}

const add: WordOperation = (width, a, b) =>
  make(
    width,
    addBits(a, b),
    wrappedUnsigned(width, a.umin + b.umin, a.umax + b.umax),
    wrappedSigned(width, a.smin + b.smin, a.smax + b.smax),
  );

const subtract: WordOperation = (width, a, b) =>
  make(
    width,
    subtractBits(a, b, width.all),
    wrappedUnsigned(width, a.umin - b.umax, a.umax - b.umin),
    wrappedSigned(width, a.smin - b.smax, a.smax - b.smin),
  );

const multiply: WordOperation = (width, a, b) => {
  const products = [a.smin * b.smin, a.smin * b.smax, a.smax * b.smin, a.smax * b.smax];
  const smin = products.reduce((x, y) => (y < x ? y : x));
  const smax = products.reduce((x, y) => (y > x ? y : x));
  const most = a.umax * b.umax;
  const unsigned = most > width.all ? undefined : { from: a.umin * b.umin, to: most };
  const signed = smin < width.least || smax > width.most ? undefined : { from: smin, to: smax };
  return make(width, multiplyBits(a, b, width.bits), unsigned, signed);
};

/** By zero it gives zero. */
const divide: WordOperation = (width, a, b) =>
  make(width, undefined, {
    from: b.umin === 0n ? 0n : a.umin / b.umax,
    to: a.umax / (b.umin === 0n ? 1n : b.umin),
  });

/** By zero it leaves the number as it is. */
const modulo: WordOperation = (width, a, b) => {
  if (b.umin > a.umax) return a;
  const most = b.umin === 0n || b.umax - 1n > a.umax ? a.umax : b.umax - 1n;
  return make(width, undefined, { from: 0n, to: most });
};

const magnitude = ({ smin, smax }: Word): bigint => {
  const [low, high] = [smin < 0n ? -smin : smin, smax < 0n ? -smax : smax];
  return low > high ? low : high;
};

/** Nothing gets larger by it; only the least number divided by -1 does not fit and stays itself. */
const signedDivide: WordOperation = (width, a) => {
  const most = magnitude(a);
  return most > width.most ? width.unknown : make(width, undefined, undefined, { from: -most, to: most });
};

/** The result has the dividend's sign, and is nearer to zero than either. */
const signedModulo: WordOperation = (width, a, b) => {
  const isNeverZero = b.umin > 0n;
  const most = isNeverZero ? magnitude(b) - 1n : width.sign;
  const low = a.smin < 0n ? a.smin : 0n;
  const high = a.smax > 0n ? a.smax : 0n;
  const signed = { from: low < -most ? -most : low, to: high > most ? most : high };
  return make(width, undefined, undefined, signed);
};

const and: WordOperation = (width, a, b) =>
  make(width, andBits(a, b), { from: 0n, to: a.umax < b.umax ? a.umax : b.umax });

const or: WordOperation = (width, a, b) =>
  make(width, orBits(a, b), { from: a.umin > b.umin ? a.umin : b.umin, to: onesOf(u64(a.umax | b.umax)) });

const xor: WordOperation = (width, a, b) => make(width, xorBits(a, b), { from: 0n, to: onesOf(u64(a.umax | b.umax)) });

/** The least and the most bits by which the lowest bits of `b` say to shift. */
function distances({ bits }: Width, { umin, umax, value, mask }: Word): readonly [bigint, bigint] {
  const cut = BigInt(bits - 1);
  if ((mask & cut) === 0n) return [value & cut, value & cut];
  return umax > cut ? [value & cut, (value | mask) & cut] : [umin, umax];
}

const shiftLeft: WordOperation = (width, a, b) => {
  const [least, most] = distances(width, b);
  const umax = a.umax << most;
  const known = least === most ? { value: u64(a.value << least), mask: u64(a.mask << least) } : undefined;
  const [smin, smax] = [a.smin << most, a.smax << most];
  const fits = smin >= width.least && smax <= width.most && smin <= smax;
  const signed = { from: a.smin < 0n ? smin : a.smin << least, to: a.smax < 0n ? a.smax << least : smax };
  const unsigned = umax > width.all ? undefined : { from: a.umin << least, to: umax };
  return make(width, known, unsigned, fits ? signed : undefined);
};

const shiftRight: WordOperation = (width, a, b) => {
  const [least, most] = distances(width, b);
  const known = least === most ? { value: a.value >> least, mask: a.mask >> least } : undefined;
  return make(width, known, { from: a.umin >> most, to: a.umax >> least });
};

const shiftRightSigned: WordOperation = (width, a, b) => {
  const [least, most] = distances(width, b);
  const spread = (number: bigint): bigint => unsignedOf(width, signedOf(width, number) >> least);
  const known = least === most ? { value: spread(a.value), mask: spread(a.mask) } : undefined;
  const signed = { from: a.smin >> (a.smin < 0n ? least : most), to: a.smax >> (a.smax < 0n ? most : least) };
  return make(width, known, undefined, signed);
};

const negate: WordOperation = (width, a) =>
  make(
    width,
    subtractBits({ value: 0n, mask: 0n }, a, width.all),
    wrappedUnsigned(width, -a.umax, -a.umin),
    wrappedSigned(width, -a.smax, -a.smin),
  );

/** By the name that `semantics.ts` has. */
export const WORD_OPERATIONS: Readonly<Record<string, WordOperation>> = {
  ...{ add, sub: subtract, mul: multiply, div: divide, mod: modulo, sdiv: signedDivide, smod: signedModulo },
  ...{ and, or, xor, lsh: shiftLeft, rsh: shiftRight, arsh: shiftRightSigned, neg: negate },
  mov: (_, __, b) => b,
};

/** Those of which the lower half of the result follows from the lower halves of the operands. */
export const LOW_FROM_LOW: ReadonlySet<string> = new Set(["add", "sub", "mul", "and", "or", "xor", "neg", "mov"]);

/** The lowest `bits` of a number, in a word of the same width: zero-extended or sign-extended. */
export function extendWord(width: Width, a: Word, bits: number, signed: boolean): Word {
  const cut = (1n << BigInt(bits)) - 1n;
  const value = a.value & cut;
  const mask = a.mask & cut;
  if (!signed) {
    const kept = a.umin >> BigInt(bits) === a.umax >> BigInt(bits);
    return make(width, { value, mask }, kept ? { from: a.umin & cut, to: a.umax & cut } : { from: 0n, to: cut });
  }
  const half = 1n << BigInt(bits - 1);
  const kept = a.smin >= -half && a.smax < half;
  const spread = (number: bigint): bigint => BigInt.asUintN(width.bits, BigInt.asIntN(bits, number));
  const range = kept ? { from: a.smin, to: a.smax } : { from: -half, to: half - 1n };
  return make(width, { value: spread(value), mask: spread(mask) }, undefined, range);
}

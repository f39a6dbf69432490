/**
 * What a printed number says of a field: the expressions that a `print fmt` computes from one field, turned round.
 * `REC->dev >> 20` printed as 8 says that the field's bits from 20 up are 8 and nothing of those below.
 */
import { type Expression, evaluate, fieldsOf } from "../../tracepoints/expression.ts";

const ALL = 0xffff_ffff_ffff_ffffn;

/** Bits of a field, and which of them are meant. */
export interface Bits {
  readonly value: bigint;
  readonly known: bigint;
}

export interface Inverse {
  readonly field: string;
  /** Of an array's element. */
  readonly index: number;
  /** The field itself is printed. */
  readonly plain: boolean;
  /** The bits that some printed number tells. */
  readonly covers: bigint;
  /** The field's bits, from those of the expression's value; undefined where the value does not say. */
  readonly solve: (value: bigint, known: bigint) => Bits | undefined;
  /** The quotient of the field by this number, or what is left: only both together tell it (together.ts). */
  readonly division?: { readonly by: bigint; readonly isRest: boolean };
}

/** How an operation with a constant is turned round: the bits of what it was done to. */
type Step = (constant: bigint, value: bigint, known: bigint) => Bits | undefined;

const whole = (value: bigint, known: bigint): Bits => ({ value: BigInt.asUintN(64, value), known });
/** The lowest bits that are known in one piece: with them a sum tells as many. */
const toField = (known: bigint): bigint => known & ~(known + 1n);

/** A number of 32 bits or fewer, printed with its sign. */
const isBelowZero = (value: bigint): boolean => value >> 31n === ALL >> 31n;

/** `field OP constant`. */
const RIGHT: Readonly<Record<string, Step>> = {
  ">>": (by, value, known) => (by > 63n ? undefined : whole(value << by, BigInt.asUintN(64, known << by))),
  "<<": (by, value, known) =>
    by > 63n || (value & known & ~(ALL << by)) !== 0n
      ? undefined
      : whole(value >> by, known === ALL ? ALL : known >> by),
  // Bits that cannot be there were printed by another kernel.
  "&": (mask, value, known) =>
    (value & known & ~mask) === 0n || isBelowZero(value) ? whole(value & mask, known & mask) : undefined,
  "+": (constant, value, known) => whole(value - constant, toField(known)),
  "-": (constant, value, known) => whole(value + constant, toField(known)),
  "^": (constant, value, known) => whole(value ^ constant, known),
  "*": (constant, value, known) =>
    constant === 0n || known !== ALL || value % constant !== 0n ? undefined : whole(value / constant, ALL),
  "/": (constant, value, known) => (constant === 1n ? whole(value, known) : undefined),
  "==": (constant, value, known) => (value === 1n ? whole(constant, toField(known)) : undefined),
  "!=": (constant, value, known) => (value === 0n ? whole(constant, toField(known)) : undefined),
};

/** `constant OP field`, where that is something else. */
const LEFT: Readonly<Record<string, Step>> = {
  "+": RIGHT["+"] as Step,
  "*": RIGHT["*"] as Step,
  "^": RIGHT["^"] as Step,
  "&": RIGHT["&"] as Step,
  "==": RIGHT["=="] as Step,
  "!=": RIGHT["!="] as Step,
  "-": (constant, value, known) => whole(constant - value, toField(known)),
  "<<": (constant, value) => exponent(constant, value),
};

/** The number of places that `constant` was moved to become `value`. */
function exponent(constant: bigint, value: bigint): Bits | undefined {
  for (let by = 0n; by < 64n; by++) if (BigInt.asUintN(64, constant << by) === value) return whole(by, ALL);
  return undefined;
}

/** Operations of which a value does not tell every bit: what they tell does not depend on the value. */
function coverage(operator: string, constant: bigint, covers: bigint): bigint {
  if (operator === "&") return covers & constant;
  if (operator === "/" && constant !== 1n) return 0n;
  if (operator === ">>") return covers & BigInt.asUintN(64, ALL << constant);
  return covers;
}

/** The bits of a field that tell its value where a test on it holds, or does not. */
export function solveTest(test: Expression, holds: boolean, isBoolean: (field: string) => boolean): Bits | undefined {
  if (test.kind === "unary" && test.operator === "!") return solveTest(test.operand, !holds, isBoolean);
  if (test.kind === "binary" && test.operator === "&&") {
    const [left, right] = [evaluate(test.left), evaluate(test.right)];
    if (left !== undefined && left !== 0n) return solveTest(test.right, holds, isBoolean);
    if (right !== undefined && right !== 0n) return solveTest(test.left, holds, isBoolean);
  }
  if (test.kind === "call" && test.name === "__builtin_expect" && test.arguments[0] !== undefined)
    return solveTest(test.arguments[0], holds, isBoolean);
  if (test.kind === "binary" && (test.operator === "==" || test.operator === "!="))
    return solveComparison(test, holds, isBoolean);
  const inverse = invert(test);
  if (inverse === undefined) return undefined;
  if (!holds) return inverse.solve(0n, ALL);
  // One bit that is not 0 is 1; a number that is not 0 may be any other one.
  const single = test.kind === "binary" && test.operator === "&" ? evaluate(test.right) : undefined;
  if (single !== undefined && single !== 0n && (single & (single - 1n)) === 0n) return inverse.solve(single, ALL);
  return isBoolean(inverse.field) ? inverse.solve(1n, ALL) : undefined;
}

function solveComparison(
  test: Extract<Expression, { kind: "binary" }>,
  holds: boolean,
  isBoolean: (field: string) => boolean,
): Bits | undefined {
  const constant = evaluate(test.right);
  if (constant === undefined) return undefined;
  const equal = (test.operator === "==") === holds;
  if (equal) return invert(test.left)?.solve(constant, ALL);
  return constant === 0n ? solveTest(test.left, true, isBoolean) : undefined;
}

/** The inverse of an expression of one field; undefined where there is none. */
export function invert(expression: Expression): Inverse | undefined {
  if (expression.kind === "field")
    return {
      field: expression.name,
      index: expression.index,
      plain: true,
      covers: ALL,
      solve: (value, known) => whole(value, known),
    };
  if (expression.kind === "call") return invertCall(expression);
  if (expression.kind === "unary") return invertUnary(expression);
  if (expression.kind === "cast") return invertCast(expression);
  if (expression.kind === "binary") return invertBinary(expression);
  return expression.kind === "choice" ? invertChoice(expression) : undefined;
}

function invertUnary({ operator, operand }: Extract<Expression, { kind: "unary" }>): Inverse | undefined {
  const inner = invert(operand);
  if (inner === undefined) return undefined;
  if (operator === "+") return inner;
  if (operator === "~") return { ...inner, plain: false, solve: (value, known) => inner.solve(~value, known) };
  if (operator === "-") return { ...inner, plain: false, solve: (value, known) => inner.solve(-value, known) };
  if (operator !== "!") return undefined;
  const isTwice = operand.kind === "unary" && operand.operator === "!";
  return {
    ...inner,
    plain: false,
    solve(value) {
      if (value === 1n) return inner.solve(0n, ALL);
      return isTwice && value === 0n ? inner.solve(1n, ALL) : undefined;
    },
  };
}

/** Functions of numbers by what they do to the bytes, on a little-endian machine. */
const SWAPS = /^_*(?:builtin_bswap|fswab|swab|constant_swab|cpu_to_be|be|hton|ntoh)(16|32|64|s|l)(?:_to_cpu)?$/;
const KEEPS = /^_*(?:(?:cpu_to_le|le)(16|32|64)(?:_to_cpu)?|ktime_to_ns|builtin_expect)$/;
/** Seconds of nanoseconds, and what they leave. */
const SECONDS = /^__print_ns_(to|without)_secs$/;
const NANOSECONDS = 1_000_000_000n;
const LETTER_BYTES: Readonly<Record<string, number>> = { s: 2, l: 4 };

/** `be16_to_cpu(REC->x)`, in whatever words a kernel's macros leave it. */
function invertCall({ name, arguments: [operand] }: Extract<Expression, { kind: "call" }>): Inverse | undefined {
  const ofSeconds = SECONDS.exec(name);
  if (operand !== undefined && ofSeconds !== null) return divided(operand, NANOSECONDS, ofSeconds[1] === "without");
  const swap = SWAPS.exec(name);
  const found = swap ?? KEEPS.exec(name);
  if (operand === undefined || found === null) return undefined;
  const size = found[1] ?? "64";
  const bytes = LETTER_BYTES[size] ?? Number(size) / 8;
  const inner = cutTo(invert(operand), bytes);
  if (inner === undefined || swap === null) return inner;
  return { ...inner, solve: (value, known) => inner.solve(swapped(value, bytes), swapped(known, bytes)) };
}

function swapped(value: bigint, bytes: number): bigint {
  let result = 0n;
  for (let at = 0n; at < bytes; at++) result = (result << 8n) | ((value >> (at * 8n)) & 0xffn);
  return result;
}

/** `(u8)REC->x`: what is printed tells the lowest bits. */
function invertCast({ bytes, operand }: Extract<Expression, { kind: "cast" }>): Inverse | undefined {
  return cutTo(invert(operand), bytes);
}

/** The inverse of what is cut to so many bytes. */
export function cutTo(inner: Inverse | undefined, bytes: number): Inverse | undefined {
  if (inner === undefined) return undefined;
  const mask = BigInt.asUintN(bytes * 8, ALL);
  const known = (inner.solve(0n, mask) ?? inner.solve(1n, mask))?.known ?? 0n;
  return {
    ...inner,
    plain: false,
    covers: inner.covers & known,
    solve: (value, bits) => inner.solve(value & mask, bits & mask),
  };
}

/** Bits that an expression's value may have. */
function imageOf(expression: Expression): bigint {
  if (expression.kind === "cast")
    return expression.signed ? ALL : BigInt.asUintN(expression.bytes * 8, imageOf(expression.operand));
  if (expression.kind !== "binary") return ALL;
  const { operator, left, right } = expression;
  const constant = evaluate(right);
  if (operator === "|" && constant === undefined) return imageOf(left) | imageOf(right);
  if (constant === undefined) return ALL;
  if (operator === "&") return imageOf(left) & constant;
  if (operator === "<<" && constant < 64n) return BigInt.asUintN(64, imageOf(left) << constant);
  return operator === ">>" && constant < 64n ? imageOf(left) >> constant : ALL;
}

/** `(REC->x & 0xff) << 8 | REC->x >> 8`: pieces of one field that are put side by side. */
function invertJoined(left: Expression, right: Expression): Inverse | undefined {
  const [one, other] = [invert(left), invert(right)];
  const [ofOne, ofOther] = [imageOf(left), imageOf(right)];
  if (one === undefined || other === undefined || (ofOne & ofOther) !== 0n) return undefined;
  if (one.field !== other.field || one.index !== other.index) return undefined;
  // A piece that is not of this value has zeroes there.
  const solve: Inverse["solve"] = (value, known) => {
    const [a, b] = [one.solve(value & ofOne, known | ~ofOne), other.solve(value & ofOther, known | ~ofOther)];
    return a && b && { value: (a.value & a.known) | (b.value & b.known), known: a.known | b.known };
  };
  const told = (inverse: Inverse): bigint => inverse.solve(0n, ALL)?.known ?? 0n;
  return { ...one, plain: false, covers: (one.covers & told(one)) | (other.covers & told(other)), solve };
}

function divided(operand: Expression, by: bigint, isRest: boolean): Inverse | undefined {
  const inner = invert(operand);
  return inner?.plain === true
    ? { ...inner, plain: false, covers: 0n, solve: () => undefined, division: { by, isRest } }
    : undefined;
}

function invertBinary({ operator, left, right }: Extract<Expression, { kind: "binary" }>): Inverse | undefined {
  if (operator === "|" && evaluate(left) === undefined && evaluate(right) === undefined)
    return invertJoined(left, right);
  const onRight = evaluate(right);
  const constant = onRight ?? evaluate(left);
  const division = (operator === "/" || operator === "%") && onRight !== undefined && onRight > 1n;
  const parts = division ? divided(left, onRight, operator === "%") : undefined;
  if (parts !== undefined) return parts;
  const inner = invert(onRight === undefined ? right : left);
  const step = (onRight === undefined ? LEFT : RIGHT)[operator];
  if (constant === undefined || inner === undefined || step === undefined) return undefined;
  return {
    ...inner,
    plain: false,
    covers: coverage(operator, constant, inner.covers),
    solve(value, known) {
      const before = step(constant, value, known);
      return before && inner.solve(before.value, before.known);
    },
  };
}

/**
 * `test ? REC->x : 0`: the field where that is what is shown. A printed number that may come from both sides says nothing, but where
 * the test says which.
 */
function invertChoice({ test, yes, no }: Extract<Expression, { kind: "choice" }>): Inverse | undefined {
  const always = evaluate(test);
  if (always !== undefined) return invert(always === 0n ? no : yes);
  const [onYes, onNo] = [invert(yes), invert(no)];
  const inner = onYes ?? onNo;
  const constant = evaluate(onYes === undefined ? yes : no);
  if (inner === undefined || constant === undefined) return undefined;
  const aboutItself = fieldsOf(test).every((field) => field === inner.field);
  return {
    ...inner,
    plain: false,
    solve(value, known) {
      const shown = inner.solve(value, known);
      if (value !== constant || !aboutItself || shown === undefined) return value === constant ? undefined : shown;
      // Both sides print this number: it is the field's where the test goes the other way for no other value.
      return isUnambiguous(test, onYes !== undefined, shown.value) ? shown : undefined;
    },
  };
}

/** `x ? x : 0`: the other side prints just what the field would be. */
function isUnambiguous(test: Expression, shownWhere: boolean, value: bigint): boolean {
  const other = solveTest(test, !shownWhere, () => false);
  return other !== undefined && other.known === ALL && other.value === value;
}

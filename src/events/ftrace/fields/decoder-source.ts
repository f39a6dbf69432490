/**
 * The steps of one event as the text of a function. What most lines have is written out: fixed text is compared four bytes at once,
 * numbers are read where they stand. What is rare goes to the step itself (fields.ts). A text ends at the first place where what is
 * behind it stands: where the rest then does not fit, further places are for the steps to try (matcher.ts).
 *
 * In the text: `T` the bytes of the text and `V` the same as words, `p` where it is read; `B` and `D` the batch, `start` the struct in
 * it, `end` behind what was appended; `M` the matching; `c`, `n`, `q`, `v`, `w` what is being read.
 */
import { STEPS, type Step } from "./steps.ts";

const FAIL = "break line;";
const WORD = 4;
const [NEWLINE, RETURN, BLANK, PLUS, MINUS, OPEN, ZERO, SMALL_X, BIG_X] = [10, 13, 32, 43, 45, 40, 48, 120, 88];
/** So many decimal digits are exact in a double. */
const EXACT_DIGITS = 15;

/** Whether fixed text stands at `p`. */
function isThere(literal: Uint8Array): string {
  const words = new DataView(literal.buffer, literal.byteOffset, literal.length);
  const last = literal.length - WORD;
  const tests = [`p + ${literal.length} <= V.byteLength`];
  if (last < 0) for (const [at, byte] of literal.entries()) tests.push(`T[p + ${at}] === ${byte}`);
  else {
    for (let at = 0; at < last; at += WORD) tests.push(`V.getInt32(p + ${at}, true) === ${words.getInt32(at, true)}`);
    tests.push(`V.getInt32(p + ${last}, true) === ${words.getInt32(last, true)}`);
  }
  return tests.join(" && ");
}

/** The step itself reads on from `p`. */
const itself = (index: number): string => `p = runStep(M, M.steps[${index}], p, T, target); if (p < 0) ${FAIL}`;

/** Stores the word `v`, below 0 or up to what fits unsigned, with `w` above it. */
function storeWords({ offset, size, adds }: Step): string {
  const at = `start + ${offset}`;
  const or = (bits: number, place: string): string =>
    adds ? ` | D.getInt${bits}(${place}${bits > 8 ? ", true" : ""})` : "";
  if (size === 8)
    return `D.setInt32(${at}, v${or(32, at)}, true); D.setInt32(${at} + 4, w${or(32, `${at} + 4`)}, true);`;
  const most = 2 ** (size * 8) - 1;
  const least = -(2 ** (size * 8 - 1));
  const store = `D.setInt${size * 8}(${at}, v${or(size * 8, at)}${size > 1 ? ", true" : ""});`;
  return `if (w === 0 ? v >>> 0 > ${most} : w !== -1 || v >= 0 || v < ${least}) ${FAIL}\n${store}`;
}

/** Hexadecimal digits, eight at once. */
function hex(step: Step, index: number): string {
  const digits = "n = p + 8; while (p < n && (c = HEX[T[p]]) >= 0) { v = (v << 4) | c; p++; }";
  return `q = p; v = 0; w = 0; ${digits}
    if (p === q) ${FAIL}
    if (p === n && HEX[T[p]] >= 0) {
      w = v; v = 0; ${digits}
      n = (p - q - 8) * 4;
      if (n < 32) { v |= w << n; w >>>= 32 - n; }
    }
    if (HEX[T[p]] >= 0) { p = q; ${itself(index)} }
    else { ${step.size < 8 ? `if (w !== 0) ${FAIL}` : ""} ${storeWords({ ...step, adds: false })} }`;
}

/** Sixteen digits, as pointers have: two at once. */
function sixteen({ offset }: Step, otherwise: string): string {
  const half = (from: number, into: string): string => {
    const [a, b, c, d] = [0, 2, 4, 6].map((at) => `PAIR[V.getUint16(p + ${from + at}, true)]`);
    return `c = ${a}; n |= c; ${into} = c << 24; c = ${b}; n |= c; ${into} |= c << 16;
      c = ${c}; n |= c; ${into} |= c << 8; c = ${d}; n |= c; ${into} |= c;`;
  };
  return `n = -1;
    if (p + 16 < V.byteLength) { n = 0; ${half(0, "w")} ${half(8, "v")} }
    if (n >= 0 && HEX[T[p + 16]] < 0) { D.setInt32(start + ${offset}, v, true); D.setInt32(start + ${offset + 4}, w, true); p += 16; }
    else { ${otherwise} }`;
}

const skipBlanks = ({ padded }: Step): string => (padded ? `while (T[p] === ${BLANK}) p++;` : "");
const SKIP_0X = `if (T[p] === ${ZERO} && (T[p + 1] === ${SMALL_X} || T[p + 1] === ${BIG_X})) p += 2;`;

function decimal({ offset, size }: Step, index: number): string {
  const at = `start + ${offset}`;
  const high = "Math.floor(v / 4294967296)";
  const fits = size === 8 ? "" : `if (v > ${2 ** (size * 8) - 1} || v < ${-(2 ** (size * 8 - 1))}) ${FAIL}`;
  return `q = p; c = T[p]; if (c === ${MINUS} || c === ${PLUS}) p++;
    n = p; v = 0;
    while ((c = T[p] - 48) >= 0 && c <= 9) { v = v * 10 + c; p++; }
    if (p === n) ${FAIL}
    if (p - n > ${EXACT_DIGITS}) { p = q; ${itself(index)} }
    else {
      if (T[q] === ${MINUS}) v = -v;
      ${fits}
      ${size === 1 ? `D.setInt8(${at}, v);` : `D.setInt${Math.min(size, 4) * 8}(${at}, v, true);`}
      ${size === 8 ? `D.setInt32(${at} + 4, ${high}, true);` : ""}
    }`;
}

function literal({ literal: text, unreadLow, unreadHigh }: Step): string {
  const mark = (unreadLow | unreadHigh) === 0 ? "" : `M.unreadLow |= ${unreadLow}; M.unreadHigh |= ${unreadHigh};`;
  return text.length === 0 ? mark : `${mark} if (!(${isThere(text)})) ${FAIL} p += ${text.length};`;
}

/** Moves `p` to where the text that begins at `q` ends. */
function textEnd(step: Step, index: number): string {
  const { literal: behind } = step;
  if (behind.length === 0)
    return `q = p; while ((c = T[p]) !== ${NEWLINE} && c !== undefined) p++;
    if (p > q && T[p - 1] === ${RETURN}) p--;`;
  const first = hasColumn(step) ? `p = firstEnd(M.steps[${index}], T, p);` : "";
  return `q = p; ${first}
    for (;; p++) {
      c = T[p];
      if (c === ${behind[0]} && ${isThere(behind)}) break;
      if (c === ${NEWLINE} || c === undefined) ${FAIL}
    }
    tried = -1;`;
}

const hasColumn = ({ padded, columns }: Step): boolean => padded || columns > 0;
/** Whether a text is all that stands there: nothing cut, no blanks around it. */
const isPlain = (step: Step): boolean => step.most === 0 && !hasColumn(step);

/** Copies the text to behind the struct. */
function append({ offset, size, relative }: Step): string {
  const place = `D.setInt32(start + ${offset}, ((n - q + 1) << 16) | (end - start - ${relative}), true);`;
  return `if (end + n - q + 1 > limit) ${FAIL}
    ${size === 4 ? place : ""}
    while (q < n) B[end++] = T[q++];
    B[end++] = 0;`;
}

function chars(step: Step): string {
  if (step.size === 0) return `n = p; ${append(step)}`;
  return `n = p; if (n - q >= ${step.size}) ${FAIL}
    for (c = start + ${step.offset}; q < n; q++) B[c++] = T[q];`;
}

/** What the step makes of the text. */
const meant = (index: number): string =>
  `target.end = end; if (!storeText(M, M.steps[${index}], T, q, p, target)) ${FAIL} end = target.end;`;

const words = (step: Step, index: number): string => `n = M.steps[${index}].cache.find(T, q, p);
    if (n < 0) { ${meant(index)} }
    else { v = M.steps[${index}].cache.low(n); w = M.steps[${index}].cache.high(n); ${storeWords(step)} }`;

const text =
  (store: (step: Step, index: number) => string) =>
  (step: Step, index: number): string =>
    `${textEnd(step, index)}\n${store(step, index)}\np += ${step.literal.length};`;

const SOURCES: Readonly<Record<Step["kind"], (step: Step, index: number) => string>> = {
  [STEPS.literal]: literal,
  [STEPS.decimal]: (step, index) => (step.columns > 0 ? itself(index) : `${skipBlanks(step)} ${decimal(step, index)}`),
  [STEPS.hex]: (step, index) =>
    step.columns > 0 ? itself(index) : `${skipBlanks(step)} ${step.prefixed ? SKIP_0X : ""} ${hex(step, index)}`,
  [STEPS.part]: (_, index) => itself(index),
  [STEPS.pointer]: (step, index) =>
    `${skipBlanks(step)} if (T[p] === ${OPEN}) { ${itself(index)} } else { ${SKIP_0X} ${sixteen(step, hex(step, index))} }`,
  [STEPS.character]: (_, index) => itself(index),
  [STEPS.symbol]: text(words),
  [STEPS.words]: text(words),
  [STEPS.chars]: text((step, index) => (isPlain(step) ? chars(step) : meant(index))),
  [STEPS.string]: text((step, index) => (isPlain(step) ? `n = p; ${append(step)}` : meant(index))),
  [STEPS.bytes]: text((_, index) => meant(index)),
  [STEPS.numeral]: text((_, index) => meant(index)),
  [STEPS.ignored]: text(() => ""),
};

/** A struct's text that is told twice has to be cleared in between; fixed text with a newline is on two lines. */
function canBeWritten(steps: readonly Step[]): boolean {
  const places = steps.filter(({ kind, size }) => kind === STEPS.chars && size > 0).map(({ offset }) => offset);
  return new Set(places).size === places.length && !steps.some((step) => step.literal.includes(NEWLINE));
}

/**
 * A function that gives where the line's newline is; -1: it does not fit so, -2: in no way.
 * @returns undefined where steps cannot be written out
 */
export function decoderSource(steps: readonly Step[]): string | undefined {
  if (steps.length === 0 || !canBeWritten(steps)) return undefined;
  return `(M, T, V, from, target) => {
  const { bytes: B, view: D, start, limit } = target;
  let { end } = target;
  let tried = -2, p = from, c = 0, n = 0, q = 0, v = 0, w = 0;
  line: {
    ${steps.map((step, index) => SOURCES[step.kind](step, index)).join("\n    ")}
    if (T[p] === ${RETURN}) p++;
    if (T[p] !== ${NEWLINE}) ${FAIL}
    tried = p;
  }
  target.end = end;
  if (end > M.farthest) M.farthest = end;
  return tried;
}`;
}

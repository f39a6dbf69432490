/**
 * Texts that stand for numbers in a printed line: `__print_flags`, `__print_symbolic` and `test ? "a" : "b"`, nested as
 * they come. Each is read as the bits of one field that it stands for.
 */
import { type Expression, evaluate } from "../../tracepoints/expression.ts";
import { type Bits, type Inverse, invert, solveTest } from "./inverse.ts";

const ALL = 0xffff_ffff_ffff_ffffn;

/** Words and what each says. With a delimiter several may be joined. A number in hex stands for itself. */
export interface WordSet {
  /** undefined: a word of the format whose number only the kernel knows, or that several numbers have. */
  readonly words: ReadonlyMap<string, Bits | undefined>;
  readonly delimiter: string | undefined;
  /** Bits that the words are about. Of flags those of what is printed: their table is taken to have a name for whatever there may be. */
  readonly covers: bigint;
  /** What a number says that is printed where there is no word. */
  readonly number?: Inverse["solve"];
}

export interface FieldWords {
  readonly field: string;
  readonly set: WordSet;
}

/** What a printed text says: bits; `unknown`: a text that the format prints, but not of which number; undefined: no such text. */
export type Meaning = Bits | "unknown" | undefined;

const NOTHING: Bits = { value: 0n, known: 0n };

const joined = (left: Bits, right: Bits): Bits => ({
  value: left.value | right.value,
  known: left.known | right.known,
});

/** What a printed text says where each set gave one piece of it, in order: all that the sets are about, or it is unknown. */
export function resolveWords(text: string, sets: readonly WordSet[]): Meaning {
  const meaning = resolvePieces(text, sets);
  if (meaning === undefined || meaning === "unknown") return meaning;
  return sets.every(({ covers }) => (covers & ~meaning.known) === 0n) ? meaning : "unknown";
}

function resolvePieces(text: string, sets: readonly WordSet[]): Meaning {
  const last = sets.at(-1);
  if (last === undefined) return text === "" ? NOTHING : undefined;
  if (sets.length === 1) return resolveSet(text, last);
  const endings = [...last.words].sort(([a], [b]) => b.length - a.length);
  for (const [word, bits] of endings) {
    if (!text.endsWith(word)) continue;
    const rest = resolvePieces(text.slice(0, text.length - word.length), sets.slice(0, -1));
    if (rest === undefined) continue;
    return rest === "unknown" || bits === undefined ? "unknown" : joined(rest, bits);
  }
  return undefined;
}

function resolveSet(text: string, set: WordSet): Meaning {
  if (set.words.has(text)) return set.words.get(text) ?? "unknown";
  if (text === "") return set.delimiter === undefined ? undefined : (set.number?.(0n, ALL) ?? "unknown");
  const pieces = piecesOf(text, set);
  if (pieces === undefined) return undefined;
  let sum = NOTHING;
  let isKnown = true;
  for (const piece of pieces) {
    const bits = set.words.has(piece) ? (set.words.get(piece) ?? "unknown") : numberOf(piece, set);
    if (bits === undefined) return undefined;
    if (bits === "unknown") isKnown = false;
    else sum = joined(sum, bits);
  }
  return isKnown ? sum : "unknown";
}

function numberOf(piece: string, set: WordSet): Meaning {
  if (!/^(0x[0-9a-f]{1,16}|0)$/.test(piece)) return undefined;
  return set.number === undefined ? undefined : (set.number(BigInt(piece), ALL) ?? "unknown");
}

/** The words that are joined. Where nothing stands between them, the longest word that fits is the next one. */
function piecesOf(text: string, { words, delimiter }: WordSet): string[] | undefined {
  if (delimiter === undefined) return [text];
  if (delimiter !== "") return splitAtWords(text, words, delimiter);
  const byLength = [...words.keys()].filter((word) => word !== "").sort((a, b) => b.length - a.length);
  const pieces: string[] = [];
  for (let at = 0; at < text.length; ) {
    const word = byLength.find((each) => text.startsWith(each, at)) ?? /^0x[0-9a-f]{1,16}/.exec(text.slice(at))?.[0];
    if (word === undefined) return undefined;
    pieces.push(word);
    at += word.length;
  }
  return pieces;
}

/** A word may have the delimiter in it. */
function splitAtWords(text: string, words: WordSet["words"], delimiter: string): string[] {
  const pieces: string[] = [];
  for (const part of text.split(delimiter)) {
    const before = pieces.at(-1);
    const longer = `${before}${delimiter}${part}`;
    if (before !== undefined && !words.has(before) && words.has(longer)) pieces.splice(-1, 1, longer);
    else pieces.push(part);
  }
  return pieces;
}

/** The words an expression can print, with what each says of the field. */
export function wordsOf(value: Expression, isBoolean: (field: string) => boolean): FieldWords | undefined {
  if (value.kind === "call") return tableOf(value.name, value.arguments);
  return value.kind === "choice" ? choiceOf(value, isBoolean) : undefined;
}

function choiceOf(
  { test, yes, no }: Extract<Expression, { kind: "choice" }>,
  isBoolean: (field: string) => boolean,
): FieldWords | undefined {
  const sides = [yes, no].map((side) => (side.kind === "text" ? undefined : wordsOf(side, isBoolean)));
  const field = sides.find((side) => side !== undefined)?.field ?? testedField(test);
  if (field === undefined || sides.some((side) => side !== undefined && side.field !== field)) return undefined;
  if ([yes, no].some((side, index) => side.kind !== "text" && sides[index] === undefined)) return undefined;
  const words = new Map<string, Bits | undefined>();
  for (const side of sides) for (const [word, bits] of side?.set.words ?? []) addWord(words, word, bits);
  const about = testedField(test) === field;
  for (const [side, holds] of [
    [yes, true],
    [no, false],
  ] as const) {
    if (side.kind !== "text") continue;
    // The same word on both sides says nothing.
    words.set(side.value, words.has(side.value) || !about ? undefined : solveTest(test, holds, isBoolean));
  }
  const inner = sides.flatMap((side) => side?.set ?? []);
  const covers = inner.length === 0 ? coverOf([...words.values()]) : inner.reduce((sum, set) => sum | set.covers, 0n);
  return { field, set: { words, delimiter: inner[0]?.delimiter, covers, ...numberOfAll(inner) } };
}

/** What a number says that may be of any of the tables. */
function numberOfAll(sets: readonly WordSet[]): Pick<WordSet, "number"> {
  const [first, ...others] = sets.map(({ number }) => number);
  if (first === undefined) return {};
  return {
    number(value, known) {
      const says = first(value, known);
      return others.every((other) => isSame(other?.(value, known), says)) ? says : undefined;
    },
  };
}

/** Two numbers with one name: which of them it was, nobody can tell. */
function addWord(words: Map<string, Bits | undefined>, word: string, says: Bits | undefined): void {
  words.set(word, words.has(word) && !isSame(words.get(word), says) ? undefined : says);
}

const isSame = (one: Bits | undefined, other: Bits | undefined): boolean =>
  one !== undefined && other !== undefined && one.value === other.value && one.known === other.known;

/** Bits that at least one of the words tells; where a word tells none, that is found out when it is printed. */
function coverOf(words: readonly (Bits | undefined)[]): bigint {
  return words.reduce((sum, bits) => sum | (bits?.known ?? ALL), 0n);
}

/** The one field that a test is about. */
function testedField(test: Expression): string | undefined {
  if (test.kind === "field") return test.name;
  if (test.kind === "unary" || test.kind === "cast") return testedField(test.operand);
  if (test.kind === "call") return test.arguments.map(testedField).find((field) => field !== undefined);
  if (test.kind !== "binary") return undefined;
  const [left, right] = [testedField(test.left), testedField(test.right)];
  return left === undefined || right === undefined || left === right ? (left ?? right) : undefined;
}

/** `__print_flags(value, "|", { bits, "word" }, ...)` and `__print_symbolic(value, { number, "word" }, ...)`. */
function tableOf(name: string, values: readonly Expression[]): FieldWords | undefined {
  const flags = /^__print_flags(_u64)?$/.test(name);
  if (!flags && !/^__print_symbolic(_u64)?$/.test(name)) return undefined;
  const [value, second] = values;
  const inverse = value && invert(value);
  if (inverse === undefined || inverse.index !== 0) return undefined;
  const words = new Map<string, Bits | undefined>();
  for (const row of values.slice(flags ? 2 : 1)) {
    const [bits, word] = row.kind === "list" ? row.items : [];
    if (bits === undefined || word?.kind !== "text") continue;
    const number = evaluate(bits);
    // Flags that have no name are not there.
    const says = number === undefined ? undefined : inverse.solve(number, ALL);
    addWord(words, word.value, says);
  }
  const delimiter = flags ? (second?.kind === "text" ? second.value : "") : undefined;
  return { field: inverse.field, set: { words, delimiter, covers: inverse.covers, number: inverse.solve } };
}

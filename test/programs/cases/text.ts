import type { BtfValue } from "../../../src/bpf/object/btf.ts";
import type { Answer, ProgramCase, Run } from "../case.ts";

const TEXT_BYTES = 32;

/** `struct request`. */
function request(text: string, number = 0): Uint8Array {
  const bytes = new Uint8Array(TEXT_BYTES + 4);
  bytes.set(new TextEncoder().encode(text));
  new DataView(bytes.buffer).setUint32(TEXT_BYTES, number, true);
  return bytes;
}

const EINVAL = 22;
/** Texts, bases, the bytes that are a number's, and the number. */
const NUMBERS: readonly (readonly [text: string, base: number, bytes: number, number: bigint])[] = [
  ["42", 10, 2, 42n],
  ["-17 apples", 10, 3, -17n],
  ["  8", 10, 3, 8n],
  ["0x1f", 16, 4, 31n],
  ["0x1f", 0, 4, 31n],
  ["017", 0, 3, 15n],
  ["777", 8, 3, 511n],
  ["99", 8, -EINVAL, 0n],
  ["", 10, -EINVAL, 0n],
  ["apples", 10, -EINVAL, 0n],
  ["123456789012", 10, 12, 123456789012n],
];

const WORDS = ["linux", "linuy", "linus", "lin", "linux is", "", "zebra", "Linux"];

function orderOf(word: string): number {
  const first = word.slice(0, 5);
  return first < "linux" ? -1 : first > "linux" ? 1 : 0;
}

const WRITTEN = [0, 7, 255, 65_536, 2 ** 31, 2 ** 32 - 1];
const writtenText = (number: number): string => `${number | 0}/${number.toString(16)}/${number}`;

const COUNTS = [0, 1, 2, 3, 10, 100, 101];
const SHOUTED = ["", "a", "hello", "Mixed Case 9", "x".repeat(32)];

/** Steps to 1, and where it is after a thousand of them. */
function collatz(number: number): { readonly steps: number; readonly end: bigint } {
  let [at, steps] = [BigInt(number), 0];
  while (at !== 1n && steps < 1000) {
    at = at % 2n === 1n ? 3n * at + 1n : at / 2n;
    steps++;
  }
  return { steps, end: at };
}

const COLLATZ = [1, 2, 3, 27, 97, 871, 4_294_967_295];

interface Asked {
  readonly program: string;
  readonly doc: string;
  readonly runs: readonly Uint8Array[];
  readonly results: readonly number[];
  /** After the last run. */
  readonly variables: Readonly<Record<string, BtfValue>>;
}

const ASKED: readonly Asked[] = [
  {
    ...{ program: "read_number", doc: "numbers out of text, in any base" },
    runs: NUMBERS.map(([text, base]) => request(text, base)),
    results: NUMBERS.map(([, , bytes]) => bytes),
    variables: { answer: 123456789012n },
  },
  {
    ...{ program: "compare", doc: "texts in their order" },
    runs: WORDS.map((word) => request(word)),
    results: WORDS.map(orderOf),
    variables: {},
  },
  {
    ...{ program: "write_number", doc: "text out of numbers" },
    runs: WRITTEN.map((number) => request("", number)),
    results: WRITTEN.map((number) => writtenText(number).length + 1),
    variables: { written: writtenText(2 ** 32 - 1) },
  },
  {
    ...{ program: "squares", doc: "a sum by an iterator" },
    runs: COUNTS.map((number) => request("", number)),
    results: COUNTS.map((number) => (number > 100 ? -1 : 0)),
    variables: { answer: BigInt((99 * 100 * 199) / 6) },
  },
  {
    ...{ program: "collatz", doc: "a loop that ends when it has found what it looks for" },
    runs: COLLATZ.map((number) => request("", number)),
    results: COLLATZ.map((number) => collatz(number).steps),
    variables: { answer: collatz(COLLATZ.at(-1) ?? 1).end },
  },
  {
    ...{ program: "shout", doc: "a text the other way round" },
    runs: SHOUTED.map((text) => request(text)),
    results: SHOUTED.map(({ length }) => length),
    variables: { written: "X".repeat(32) },
  },
];

export const TEXT: readonly ProgramCase[] = ASKED.map(({ program, doc, runs, results, variables }) => ({
  ...{ object: "text", program, doc, variables },
  runs: runs.map((raw): Run => ({ raw })),
  answers: results.map((result): Answer => ({ result })),
}));

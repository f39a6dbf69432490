/**
 * What a Linux kernel answered to random sequences of map operations (`test/data/maps/`, made on Linux 6.18): a sequence is a
 * list of operations, each with its answer. Words are as test/data/maps/README.md says.
 */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";

export interface Operation {
  readonly words: readonly string[];
  readonly answer: readonly string[];
  /** What map info showed of a map that was created. */
  readonly info: string | undefined;
}

export interface Sequence {
  readonly name: string;
  /** LRU kinds: how many of the first operations show no sign of an eviction. */
  readonly noEvict: number | undefined;
  readonly operations: readonly Operation[];
}

interface Head {
  readonly kind: string;
  readonly seq: number;
  readonly seed: number;
  readonly noEvict?: number;
}

const words = (text: string): string[] => text.split(" ");

/** The sequences of a recording. One without heads (creations) is one sequence. */
export function readSequences(path: string): Sequence[] {
  const sequences: { name: string; noEvict: number | undefined; operations: Operation[] }[] = [];
  for (const line of gunzipSync(readFileSync(path)).toString().trim().split("\n")) {
    const parsed: unknown = JSON.parse(line);
    if (Array.isArray(parsed)) {
      const [operation, answer, info] = parsed as [string, string, string?];
      if (sequences.length === 0) sequences.push({ name: "creations", noEvict: undefined, operations: [] });
      sequences.at(-1)?.operations.push({ words: words(operation), answer: words(answer), info });
    } else {
      const { kind, seq, seed, noEvict } = parsed as Head;
      sequences.push({ name: `${kind} ${seq} (seed ${seed})`, noEvict, operations: [] });
    }
  }
  return sequences;
}

/** Bytes of a word: hex, `#SEED/LEN` (xorshift32), `.` for none; undefined for `-`, a null pointer. */
export function bytesOf(word: string): Uint8Array | undefined {
  if (word === "-") return undefined;
  if (word === ".") return new Uint8Array();
  if (!word.startsWith("#")) return Uint8Array.from(Buffer.from(word, "hex"));
  const [seed = "0", length = "0"] = word.slice(1).split("/");
  let state = Number.parseInt(seed, 16) >>> 0;
  return Uint8Array.from({ length: Number(length) }, () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state >>> 24;
  });
}

/** Bytes as answers have them: hex up to 64, then their number and FNV-1a of 64 bits. */
export function showBytes(bytes: Uint8Array): string {
  if (bytes.length === 0) return ".";
  if (bytes.length <= 64) return Buffer.from(bytes).toString("hex");
  // Two halves, as bigints are slow: the prime is 2^40 + 0x1b3.
  let [high, low] = [0xcbf29ce4, 0x84222325];
  for (const byte of bytes) {
    low = (low ^ byte) >>> 0;
    const product = low * 0x1b3;
    high = (Math.imul(high, 0x1b3) + Math.floor(product / 2 ** 32) + (low << 8)) >>> 0;
    low = product >>> 0;
  }
  const hex = (half: number): string => half.toString(16).padStart(8, "0");
  return `%${bytes.length}:${hex(high)}${hex(low)}`;
}

/**
 * Entries of a batch as answers have them, in the order of their keys' bytes.
 * @param nameOf how a value is shown that is a map
 */
export function showEntries(
  entries: readonly (readonly [Uint8Array, Uint8Array])[],
  nameOf?: (value: Uint8Array) => string,
): string {
  if (entries.length === 0) return "-";
  const sorted = [...entries].sort(([a], [b]) => Buffer.compare(a, b));
  if (nameOf !== undefined) return sorted.map(([each, its]) => `${showBytes(each)}=${nameOf(its)}`).join(",");
  const [[key, value] = [new Uint8Array(), new Uint8Array()]] = sorted;
  if (entries.length <= 4 && key.length + value.length <= 64)
    return sorted.map(([each, its]) => `${showBytes(each)}=${showBytes(its)}`).join(",");
  return showBytes(Buffer.concat(sorted.flat()));
}

/** Keys of a walk as answers have them. */
export function showKeys(keys: readonly Uint8Array[]): string {
  if (keys.length === 0) return "-";
  const sorted = [...keys].sort(Buffer.compare);
  return keys.length <= 8 ? sorted.map(showBytes).join(",") : showBytes(Buffer.concat(sorted));
}

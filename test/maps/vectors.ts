/**
 * What a Linux kernel answered to random sequences of map operations (`test/data/maps/`, made on Linux 6.18): a sequence is a
 * list of operations on one map, each with its answer. Words are as test/data/maps/README.md says.
 */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";

export interface Operation {
  readonly words: readonly string[];
  readonly answer: readonly string[];
}

export interface Sequence {
  readonly name: string;
  readonly operations: readonly Operation[];
}

const words = (text: string): string[] => text.split(" ");

export function readSequences(path: string): Sequence[] {
  const sequences: { name: string; operations: Operation[] }[] = [];
  for (const line of gunzipSync(readFileSync(path)).toString().trim().split("\n")) {
    const parsed: unknown = JSON.parse(line);
    if (Array.isArray(parsed)) {
      const [operation, answer] = parsed as [string, string];
      sequences.at(-1)?.operations.push({ words: words(operation), answer: words(answer) });
    } else {
      const { kind, seq, seed } = parsed as { kind: string; seq: number; seed: number };
      sequences.push({ name: `${kind} ${seq} (seed ${seed})`, operations: [] });
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
  let hash = 0xcbf29ce484222325n;
  for (const byte of bytes) hash = BigInt.asUintN(64, (hash ^ BigInt(byte)) * 0x100000001b3n);
  return `%${bytes.length}:${hash.toString(16).padStart(16, "0")}`;
}

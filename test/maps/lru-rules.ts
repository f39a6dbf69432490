/**
 * What holds of every LRU map, whichever entry it takes away for a new one (test/data/maps/README.md): the rules by which answers
 * are compared once the recorded map had begun to evict.
 */
import { bytesOf, type Operation, showBytes } from "./vectors.ts";

const NOEXIST = 1n;

/** An answer's words. */
type Words = readonly string[];

/** A key as answers show it. */
function shown(word: string | undefined): string {
  return showBytes(bytesOf(word ?? "-") ?? new Uint8Array());
}

interface Lookup {
  readonly key: string;
  readonly found: boolean;
  readonly value: string | undefined;
}

/** What a lookup of one key said, whichever way it was asked. */
function lookupOf({ words }: Operation, answer: Words): Lookup | undefined {
  const [name, , second, third] = words;
  if (name === "l") return { key: shown(second), found: answer[0] === "0", value: answer[1] };
  if (name === "p" && (second === "lookup" || second === "percpu"))
    return { key: shown(third), found: answer[0] === "1", value: second === "lookup" ? answer[1] : undefined };
  return undefined;
}

interface Update {
  readonly key: string;
  readonly value: string;
  readonly flags: bigint;
}

function updateOf({ words }: Operation): Update | undefined {
  const [name, , ...rest] = words;
  const given = name === "u" ? rest : name === "p" && rest[0] === "update" ? rest.slice(1) : undefined;
  return given && { key: shown(given[0]), value: shown(given[1]), flags: BigInt(given[2] ?? 0) };
}

/** The key that an operation takes out, if it is there. */
function removalOf({ words }: Operation): string | undefined {
  const [name, , second, third] = words;
  if (name === "d" || name === "r") return shown(second);
  return name === "p" && second === "delete" ? shown(third) : undefined;
}

/** Follows one sequence, by our answers. */
export class LruRules {
  readonly #most: number;
  /** Values are compared of kinds that have one under a key. */
  readonly #hasOneValue: boolean;
  /** Keys that were written and not deleted since, and what was written last: undefined where that is not known. */
  readonly #written = new Map<string, string | undefined>();
  readonly #ever = new Set<string>();
  #touched: string | undefined;

  constructor(maxEntries: number, hasOneValue: boolean) {
    this.#most = maxEntries;
    this.#hasOneValue = hasOneValue;
  }

  /** Why an answer cannot be right, whatever was evicted; undefined: it can. Before `follow`. */
  problem(operation: Operation, given: string): string | undefined {
    const answer = given.split(" ");
    const lookup = lookupOf(operation, answer);
    if (lookup !== undefined) return this.#lookupProblem(lookup);
    const update = updateOf(operation);
    if (update !== undefined) return this.#updateProblem(operation, update, answer);
    const removed = removalOf(operation);
    if (removed !== undefined) return answer[0] === "0" && !this.#written.has(removed) ? "was not there" : undefined;
    return this.#otherProblem(operation, answer);
  }

  #lookupProblem({ key, found, value }: Lookup): string | undefined {
    if (!found) return this.#touched === key ? "was touched by the operation before" : undefined;
    if (!this.#written.has(key)) return "was not there";
    const written = this.#written.get(key);
    const isOther = this.#hasOneValue && written !== undefined && value !== undefined && value !== written;
    return isOther ? `${written} was written last` : undefined;
  }

  #updateProblem(operation: Operation, { key, flags }: Update, answer: Words): string | undefined {
    // What is refused whatever is there is refused alike.
    if (!["0", "-2", "-17"].includes(operation.answer[0] ?? "")) return "is refused";
    if (flags === 0n) return answer[0] === "0" ? undefined : "an update with flags 0 never fails";
    const isNew = !this.#ever.has(key);
    const allowed = flags === NOEXIST ? (isNew ? ["0"] : ["0", "-17"]) : isNew ? ["-2"] : ["0", "-2"];
    return allowed.includes(answer[0] ?? "") ? undefined : `may be ${allowed.join(" or ")}`;
  }

  /** Walks and batches: what they give was there, and is not more than the map may have. Long answers show a digest only. */
  #otherProblem({ words: [name = ""], answer: recorded }: Operation, answer: Words): string | undefined {
    const entries = answer[2] ?? "-";
    if (name === "w" || name === "BL" || name === "BR" || name === "Bl" || name === "Br") {
      if (Number(answer[1]) > this.#most) return `has more than ${this.#most}`;
      if (entries === "-" || entries.startsWith("%")) return undefined;
      // Longer than a list of keys or entries, shorter than a digest.
      if (!entries.includes(",") && !entries.includes("=") && Number(answer[1]) > 1) return undefined;
      const strange = entries.split(",").find((entry) => !this.#written.has(entry.split("=")[0] ?? ""));
      return strange && `${strange} was not there`;
    }
    if (name === "W") return Number(answer[1]) > this.#most ? `has more than ${this.#most}` : undefined;
    if (name === "N" || name === "n") return answer[1] === recorded[1] || name === "n" ? undefined : "one key differs";
    if (name === "X" || name === "U") return answer[0] === "0" || answer[0] === "-2" ? undefined : "may not fail";
    return "depends on nothing that may be evicted";
  }

  /** Takes note of what we answered. */
  follow(operation: Operation, given: string): void {
    const answer = given.split(" ");
    const [name = "", , second = "", third = "", fourth = "0"] = operation.words;
    const done = answer[0] === "0";
    const lookup = lookupOf(operation, answer);
    const update = updateOf(operation);
    const removed = removalOf(operation);
    this.#touched = undefined;
    if (lookup?.found) this.#touched = lookup.key;
    if (update !== undefined && done) {
      this.#write(update.key, update.value);
      this.#touched = update.key;
    }
    if (removed !== undefined && done) this.#written.delete(removed);
    if (name === "U") this.#writeMany(bytesOf(second), bytesOf(third), Number(fourth), Number(answer[1]));
    const isEmptied = name === "W" ? answer[1] === answer[2] : name === "BR" && answer[0] === "-2";
    if (isEmptied && answer[0] === "-2") this.#written.clear();
  }

  #write(key: string, value: string | undefined): void {
    this.#written.set(key, value);
    this.#ever.add(key);
  }

  #writeMany(keys: Uint8Array | undefined, values: Uint8Array | undefined, asked: number, done: number): void {
    if (keys === undefined || values === undefined || asked === 0) return;
    const [keyBytes, valueBytes] = [keys.length / asked, values.length / asked];
    for (let index = 0; index < done; index++) {
      const value = values.subarray(index * valueBytes, (index + 1) * valueBytes);
      this.#write(showBytes(keys.subarray(index * keyBytes, (index + 1) * keyBytes)), showBytes(value));
    }
  }
}

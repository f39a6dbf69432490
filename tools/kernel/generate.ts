/** Random sequences of operations on a map of a kind, in the words of recorded sequences. */
import { Random } from "../../src/sim/random.ts";

/** What is done with a kind of map: operations by their letter, the more often the higher the number. */
interface KindPlan {
  readonly name: string;
  /** Number of `enum bpf_map_type`. */
  readonly type: number;
  readonly keySizes: readonly number[];
  readonly valueSizes: readonly number[];
  readonly mostEntries: number;
  readonly flags: readonly number[];
  readonly operations: Readonly<Record<string, number>>;
  readonly perCpu?: true;
  /** Values have a lock, somewhere; keys are of 4 bytes. */
  readonly locked?: true;
}

const ENTRIES = { u: 30, l: 20, d: 10, r: 5, w: 2, i: 1 };
const HASH = { ...ENTRIES, W: 1, BL: 1, BR: 1, U: 2, X: 2 };
const VALUES = [1, 4, 7, 8, 16, 100];
const KEYS = [1, 3, 4, 8, 16, 40];
/** BPF_F_NO_PREALLOC, BPF_F_NO_COMMON_LRU, BPF_F_MMAPABLE. */
const [NO_PREALLOC, NO_COMMON_LRU] = [1, 2];
const MMAPABLE = 1024;

/** What is put into them is descriptors, of which there are none. */
const OF_DESCRIPTORS = {
  keySizes: [4],
  valueSizes: [4],
  mostEntries: 20,
  flags: [0],
  operations: { ...ENTRIES, n: 5 },
};

export const KIND_PLANS: readonly KindPlan[] = [
  {
    name: "hash",
    type: 1,
    keySizes: KEYS,
    valueSizes: VALUES,
    mostEntries: 40,
    flags: [0, NO_PREALLOC],
    operations: HASH,
  },
  {
    ...{ name: "percpu_hash", type: 5, keySizes: KEYS, valueSizes: VALUES, mostEntries: 40, flags: [0, NO_PREALLOC] },
    operations: HASH,
    perCpu: true,
  },
  {
    ...{ name: "lru_hash", type: 9, keySizes: KEYS, valueSizes: VALUES, mostEntries: 40, flags: [0, NO_COMMON_LRU] },
    operations: HASH,
  },
  {
    ...{ name: "lru_percpu_hash", type: 10, keySizes: KEYS, valueSizes: VALUES, mostEntries: 40 },
    ...{ flags: [0, NO_COMMON_LRU], operations: HASH, perCpu: true },
  },
  {
    ...{ name: "array", type: 2, keySizes: [4], valueSizes: VALUES, mostEntries: 20, flags: [0] },
    operations: { ...ENTRIES, n: 5, BL: 2, U: 2 },
  },
  {
    ...{ name: "percpu_array", type: 6, keySizes: [4], valueSizes: VALUES, mostEntries: 20, flags: [0] },
    operations: { ...ENTRIES, n: 5, BL: 2, U: 2 },
    perCpu: true,
  },
  {
    ...{ name: "hash_locked", type: 1, keySizes: [4], valueSizes: [4, 8, 12, 100], mostEntries: 40 },
    ...{ flags: [0, NO_PREALLOC], operations: { ...HASH, c: 5 }, locked: true },
  },
  {
    ...{ name: "array_locked", type: 2, keySizes: [4], valueSizes: [4, 8, 12, 100], mostEntries: 20, flags: [0] },
    ...{ operations: { ...ENTRIES, n: 5, BL: 2, U: 2, c: 5 }, locked: true },
  },
  {
    ...{ name: "lpm_trie", type: 11, keySizes: [5, 8, 20], valueSizes: VALUES, mostEntries: 20, flags: [NO_PREALLOC] },
    operations: { ...ENTRIES, n: 10, W: 1, BL: 2, U: 2, X: 2 },
  },
  {
    ...{ name: "queue", type: 22, keySizes: [0], valueSizes: VALUES, mostEntries: 8, flags: [0] },
    operations: { u: 30, l: 10, r: 25, i: 1 },
  },
  {
    ...{ name: "stack", type: 23, keySizes: [0], valueSizes: VALUES, mostEntries: 8, flags: [0] },
    operations: { u: 30, l: 10, r: 25, i: 1 },
  },
  {
    ...{ name: "bloom_filter", type: 30, keySizes: [0], valueSizes: VALUES, mostEntries: 40, flags: [0] },
    operations: { u: 20, l: 20, i: 1 },
  },
  {
    ...{ name: "array_of_maps", type: 12, keySizes: [4], valueSizes: [4], mostEntries: 8, flags: [0] },
    operations: { ...ENTRIES, n: 5, BL: 2 },
  },
  {
    ...{ name: "hash_of_maps", type: 13, keySizes: KEYS, valueSizes: [4], mostEntries: 8, flags: [0, NO_PREALLOC] },
    operations: { ...ENTRIES, W: 1, BL: 1, BR: 1 },
  },
  { name: "prog_array", type: 3, ...OF_DESCRIPTORS },
  { name: "perf_event_array", type: 4, ...OF_DESCRIPTORS },
  { name: "cgroup_array", type: 8, ...OF_DESCRIPTORS },
  {
    ...{ name: "stack_trace", type: 7, keySizes: [4], valueSizes: [8, 80, 1016], mostEntries: 40, flags: [0] },
    operations: { ...ENTRIES, w: 1, BL: 1, U: 1, X: 1 },
  },
  {
    ...{ name: "arena", type: 33, keySizes: [0], valueSizes: [0], mostEntries: 40, flags: [MMAPABLE] },
    operations: { c: 30, u: 5, l: 5, d: 5, r: 5, n: 5, BL: 2, BR: 1, U: 2, X: 2, i: 5, f: 1 },
  },
];

/** Operations of one sequence, at most. */
const MOST_OPERATIONS = 150;
const INNER_TYPES = [12, 13];
const [TRIE, BLOOM] = [11, 30];
/** Keys are numbers: of arrays, of descriptors', of stacks. */
const INDEXED = [2, 3, 4, 6, 7, 8, 12];

class Sequence {
  readonly #random: Random;
  readonly #plan: KindPlan;
  readonly #cpus: number;
  readonly #keySize: number;
  readonly #valueSize: number;
  readonly #maxEntries: number;
  readonly #keys: readonly string[];
  readonly #pushed: string[] = [];

  constructor(plan: KindPlan, random: Random, cpus: number) {
    this.#random = random;
    this.#plan = plan;
    this.#cpus = cpus;
    this.#keySize = this.#pick(plan.keySizes);
    this.#valueSize = this.#pick(plan.valueSizes);
    this.#maxEntries = 1 + random.below(plan.mostEntries);
    const count = Math.ceil(this.#maxEntries * 1.5) + 2;
    this.#keys = Array.from({ length: count }, (_, index) => this.#makeKey(index));
  }

  #pick<T>(from: readonly T[]): T {
    return from[this.#random.below(from.length)] as T;
  }

  #bytes(length: number): Buffer {
    return Buffer.from(Array.from({ length }, () => this.#random.below(256)));
  }

  #makeKey(index: number): string {
    const { type } = this.#plan;
    if (this.#keySize === 0) return "-";
    if (INDEXED.includes(type)) return u32Hex(index);
    if (type !== TRIE) return this.#bytes(this.#keySize).toString("hex");
    // Few different bits, so that prefixes are of each other; now and then one that is too long.
    const bits = (this.#keySize - 4) * 8;
    const data = Buffer.from(Array.from({ length: this.#keySize - 4 }, () => this.#pick([0, 0x80, 0xc0, 0xff])));
    return u32Hex(this.#random.below(20) === 0 ? bits + 1 : this.#random.below(bits + 1)) + data.toString("hex");
  }

  #value(): string {
    if (this.#valueSize === 0) return "-";
    if (INNER_TYPES.includes(this.#plan.type)) return `@${2 + this.#random.below(4)}`;
    if (this.#plan.perCpu !== true) return this.#bytes(this.#valueSize).toString("hex");
    const stride = (this.#valueSize + 7) & ~7;
    const copies = Array.from({ length: this.#cpus }, () =>
      Buffer.concat([this.#bytes(this.#valueSize), Buffer.alloc(stride - this.#valueSize)]),
    );
    return Buffer.concat(copies).toString("hex");
  }

  #flags(): number {
    const often = this.#plan.locked === true ? [4, 4, 4, 5, 6] : [];
    const isPlain = this.#random.below(often.length === 0 ? 4 : 2) !== 0;
    return isPlain ? 0 : this.#pick([1, 2, 3, 8, 4, 7, 12, ...often]);
  }

  /** Of a lookup, or of a batch's elements: BPF_F_LOCK, the more often where it means something, and what there is not. */
  #lock(): number {
    const isRare = this.#plan.locked !== true;
    return this.#random.below(isRare ? 15 : 2) === 0 ? this.#pick(isRare ? [8, 4] : [4, 4, 4, 4, 8, 12]) : 0;
  }

  #many(values: boolean): string {
    const count = 1 + this.#random.below(4);
    const keys = Array.from({ length: count }, () => this.#pick(this.#keys)).join("");
    return `${keys} ${values ? Array.from({ length: count }, () => this.#value()).join("") : "-"} ${count} ${this.#lock()} 0`;
  }

  #operation(name: string): string {
    const key = this.#pick(this.#keys);
    if (name === "c") return this.#plan.locked === true ? this.#locked() : this.#arena();
    if (name === "u") {
      const value = this.#value();
      const flags = this.#flags();
      if (this.#plan.type === BLOOM && flags === 0) this.#pushed.push(value);
      return `u 1 ${key} ${value} ${flags}`;
    }
    if (name === "l" && this.#plan.type === BLOOM)
      return this.#pushed.length === 0 ? "i 1" : `l 1 - 0 ${this.#pick(this.#pushed)}`;
    if (name === "l" || name === "r") return `${name} 1 ${key} ${this.#lock()}`;
    if (name === "d" || name === "n") return `${name} 1 ${key}`;
    if (name === "BL" || name === "BR") return `${name} 1 - ${this.#maxEntries + 4} ${this.#lock()} 0`;
    if (name === "U") return `U 1 ${this.#many(true)}`;
    if (name === "X") return `X 1 ${this.#many(false)}`;
    return `${name} 1`;
  }

  /** Where a creation says that values have their lock. */
  #lockPlace(): string {
    return this.#plan.locked === true ? ` ${this.#random.below(this.#valueSize / 4) * 4}` : "";
  }

  /** A map whose values have a lock, of kinds that may have none, and of access flags. */
  #locked(): string {
    const type = this.#pick([1, 1, 2, 2, 5, 6, 9, 10]);
    const flags = this.#pick([0, 0, 8, 16, 128, 256]);
    return `c 2 ${type} 4 ${this.#valueSize} 4 ${flags} 0 0 -1${this.#lockPlace()}`;
  }

  /** An arena map that may be one or not, beside the one that there is. */
  #arena(): string {
    const flags = this.#pick([
      MMAPABLE,
      MMAPABLE,
      1 << 17,
      MMAPABLE | (1 << 17),
      MMAPABLE | (1 << 18),
      0,
      MMAPABLE | 1,
    ]);
    const extra = this.#pick(["0", "0", "4096", "1", "4294963200", "4294967296", "17592186044416", "17592186040321"]);
    const sizes = `${this.#pick([0, 0, 0, 4])} ${this.#pick([0, 0, 0, 8])}`;
    const entries = this.#pick([0, 1, 2, 100, 1 << 20, (1 << 20) - 1, (1 << 20) + 1, 2 ** 32 - 1]);
    return `c 2 33 ${sizes} ${entries} ${flags} ${this.#pick([0, 0, 1])} ${extra} -1`;
  }

  *lines(count: number): Generator<string> {
    const { type, flags, operations } = this.#plan;
    const isOuter = INNER_TYPES.includes(type);
    // Two that go in, one of another size, one of another type.
    if (isOuter) for (const [number, sizes] of INNER_MAPS) yield `c ${number} ${sizes} 0 0 0 -1`;
    const sizes = `${type} ${this.#keySize} ${this.#valueSize} ${this.#maxEntries}`;
    yield `c 1 ${sizes} ${this.#pick(flags)} 0 0 ${isOuter ? 2 : -1}${this.#lockPlace()}`;
    const names = Object.entries(operations).flatMap(([name, often]) => Array<string>(often).fill(name));
    for (let index = 0; index < count; index++) yield this.#operation(this.#pick(names));
  }
}

const INNER_MAPS = [
  [2, "1 4 8 4"],
  [3, "1 4 8 4"],
  [4, "1 4 16 4"],
  [5, "2 4 8 4"],
] as const;

function u32Hex(number: number): string {
  return Buffer.from(Uint32Array.of(number).buffer).toString("hex");
}

/** Sequences of so many operations together. */
export function* sequences(plan: KindPlan, operations: number, seed: number, cpus: number): Generator<string[]> {
  const random = new Random(seed);
  for (let left = operations; left > 0; left -= MOST_OPERATIONS)
    yield [...new Sequence(plan, random, cpus).lines(Math.min(left, MOST_OPERATIONS))];
}

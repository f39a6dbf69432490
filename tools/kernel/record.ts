/**
 * Asks the running kernel what operations on maps answer, in the words of recorded sequences (test/data/maps/README.md): the same
 * replay then compares them with our answers.
 */
import { bytesOf, type Operation, showBytes, showEntries, showKeys } from "../../test/maps/vectors.ts";
import type { KernelMaps } from "./bpf.ts";

/** Numbers of `enum bpf_map_type`. */
const PERCPU_TYPES = [5, 6, 10];
const OUTER_TYPES = [12, 13];

interface KernelMap {
  readonly fd: number;
  readonly keySize: number;
  readonly valueSize: number;
  /** Bytes of what the system call gives: all CPUs' values of a per-CPU kind, each rounded up to 8. */
  readonly valueBytes: number;
  readonly maxEntries: number;
  readonly isPerCpu: boolean;
  readonly isOuter: boolean;
}

type Entry = readonly [key: Uint8Array, value: Uint8Array];
type Perform = (map: KernelMap, words: readonly string[]) => Promise<string>;

function u32(number: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(number).buffer);
}

export class Recorder {
  readonly #kernel: KernelMaps;
  readonly #cpus: number;
  readonly #maps = new Map<number, KernelMap>();
  /** The recording's numbers of maps by the kernel's ids. */
  readonly #numbers = new Map<number, number>();

  /** @param cpus possible CPUs of the kernel's */
  constructor(kernel: KernelMaps, cpus: number) {
    this.#kernel = kernel;
    this.#cpus = cpus;
  }

  async close(): Promise<void> {
    for (const { fd } of this.#maps.values()) await this.#kernel.close(fd);
    this.#maps.clear();
  }

  /** Performs an operation: itself with the kernel's answer. Creations tell what map info then shows by an operation of their own. */
  async record(text: string): Promise<Operation> {
    const words = text.split(" ");
    const [name = "", number = ""] = words;
    const answer = name === "c" ? await this.#create(words) : await this.#perform(name, Number(number), words);
    return { words, answer: answer.split(" "), info: undefined };
  }

  async #create(words: readonly string[]): Promise<string> {
    const [number = 0, type = 0, keySize = 0, valueSize = 0, maxEntries = 0, flags = 0, node = 0, , inner = -1] = words
      .slice(1)
      .map(Number);
    const innerFd = this.#maps.get(inner)?.fd ?? 0;
    const sizes = [type, keySize, valueSize, maxEntries, flags, innerFd, node].map((size) => size >>> 0);
    const before = this.#maps.get(number);
    if (before !== undefined) await this.#kernel.close(before.fd);
    this.#maps.delete(number);
    const lock = words[10] === undefined ? undefined : Number(words[10]);
    const fd = await this.#kernel.create(sizes, BigInt(words[8] ?? 0), lock);
    if (fd < 0) return `${fd}`;
    const isPerCpu = PERCPU_TYPES.includes(type);
    const valueBytes = isPerCpu ? ((valueSize + 7) & ~7) * this.#cpus : valueSize;
    const isOuter = OUTER_TYPES.includes(type);
    this.#maps.set(number, { fd, keySize, valueSize, valueBytes, maxEntries, isPerCpu, isOuter });
    const info = await this.#kernel.info(fd);
    if (typeof info !== "number") this.#numbers.set(info.words[1] as number, number);
    return "0";
  }

  async #perform(name: string, number: number, words: readonly string[]): Promise<string> {
    const map = this.#maps.get(number);
    const perform = this.#operations[name];
    if (map === undefined || perform === undefined) throw new Error(`cannot record ${words.join(" ")}`);
    return perform(map, words);
  }

  /** A value as it is given: `@N` is a descriptor. */
  #value(word: string): Uint8Array | undefined {
    return word.startsWith("@") ? u32(this.#maps.get(Number(word.slice(1)))?.fd ?? 0) : bytesOf(word);
  }

  /** A value as it came: a map by its number, and nothing of what lies between CPUs' values. */
  #shown(map: KernelMap, value: Uint8Array): Uint8Array {
    if (!map.isPerCpu) return value;
    const stride = (map.valueSize + 7) & ~7;
    return value.map((byte, index) => (index % stride < map.valueSize ? byte : 0));
  }

  #nameOf(value: Uint8Array): string {
    return `@${this.#numbers.get(new DataView(value.buffer, value.byteOffset).getUint32(0, true))}`;
  }

  #show(map: KernelMap, value: Uint8Array): string {
    return map.isOuter ? this.#nameOf(value) : showBytes(this.#shown(map, value));
  }

  #entries(map: KernelMap, entries: readonly Entry[]): string {
    const shown = entries.map(([key, value]): Entry => [key, this.#shown(map, value)]);
    return showEntries(shown, map.isOuter ? (value) => this.#nameOf(value) : undefined);
  }

  async #read(
    command: "lookup" | "take",
    map: KernelMap,
    [, , key = "-", flags = "0"]: readonly string[],
  ): Promise<string> {
    const room = new Uint8Array(map.valueBytes);
    const { result, data } = await this.#kernel.element(command, map.fd, bytesOf(key), room, BigInt(flags));
    return result === 0 ? `0 ${this.#show(map, data[1] as Uint8Array)}` : `${result}`;
  }

  /** Goes from key to key to the end. */
  async #walk(map: KernelMap, visit: (key: Uint8Array) => Promise<void>): Promise<number> {
    let key: Uint8Array | undefined;
    for (;;) {
      const { result, data } = await this.#kernel.element("nextKey", map.fd, key, new Uint8Array(map.keySize), 0n);
      if (result !== 0) return result;
      key = data[1] as Uint8Array;
      await visit(key);
    }
  }

  /** A lookup batch, with `again` until there is no more. */
  async #readBatch(
    command: "lookupBatch" | "takeBatch",
    map: KernelMap,
    [, , , asked = "0", flags = "0"]: readonly string[],
  ): Promise<string> {
    const entries: Entry[] = [];
    const count = Number(asked);
    const { keySize, valueBytes } = map;
    let from: Uint8Array | undefined;
    for (;;) {
      const rooms = [
        new Uint8Array(Math.max(4, keySize)),
        new Uint8Array(count * keySize),
        new Uint8Array(count * valueBytes),
      ];
      const [next, keys, values] = rooms as [Uint8Array, Uint8Array, Uint8Array];
      const places = [from, next, keys, values] as const;
      const { result, data, attributes } = await this.#kernel.batch(command, map.fd, count, places, BigInt(flags));
      const [, out, gotKeys, gotValues] = data as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
      const got = result === 0 || result === -2 ? attributes.getUint32(32, true) : 0;
      for (let index = 0; index < got; index++)
        entries.push([
          gotKeys.slice(index * keySize, (index + 1) * keySize),
          gotValues.slice(index * valueBytes, (index + 1) * valueBytes),
        ]);
      from = out;
      if (result !== 0) return `${result} ${entries.length} ${this.#entries(map, entries)}`;
    }
  }

  readonly #operations: Readonly<Record<string, Perform>> = {
    i: async ({ fd }) => {
      const info = await this.#kernel.info(fd);
      if (typeof info === "number") return `${info}`;
      const [type, , keySize, valueSize, maxEntries, flags] = info.words;
      return `0 ${type} ${keySize} ${valueSize} ${maxEntries} ${flags} ${info.extra}`;
    },
    u: async ({ fd }, [, , key = "-", value = "-", flags = "0"]) =>
      `${(await this.#kernel.element("update", fd, bytesOf(key), this.#value(value), BigInt(flags))).result}`,
    l: async (map, words) => {
      // A bloom filter is asked about what the buffer holds.
      if (words[4] === undefined) return this.#read("lookup", map, words);
      const { result } = await this.#kernel.element(
        "lookup",
        map.fd,
        undefined,
        bytesOf(words[4]),
        BigInt(words[3] ?? 0),
      );
      return `${result}`;
    },
    r: (map, words) => this.#read("take", map, words),
    d: async ({ fd }, [, , key = "-"]) =>
      `${(await this.#kernel.element("delete", fd, bytesOf(key), undefined, 0n)).result}`,
    n: async ({ fd, keySize }, [, , key = "-"]) => {
      const { result, data } = await this.#kernel.element("nextKey", fd, bytesOf(key), new Uint8Array(keySize), 0n);
      return result === 0 ? `0 ${showBytes(data[1] as Uint8Array)}` : `${result}`;
    },
    w: async (map) => {
      const keys: Uint8Array[] = [];
      const last = await this.#walk(map, async (key) => void keys.push(key));
      return `${last} ${keys.length} ${showKeys(keys)}`;
    },
    W: async (map) => {
      let [seen, gone] = [0, 0];
      const last = await this.#walk(map, async (key) => {
        seen++;
        if ((await this.#kernel.element("delete", map.fd, key, undefined, 0n)).result === 0) gone++;
      });
      return `${last} ${seen} ${gone}`;
    },
    BL: (map, words) => this.#readBatch("lookupBatch", map, words),
    BR: (map, words) => this.#readBatch("takeBatch", map, words),
    U: async ({ fd }, [, , keys = "-", values = "-", count = "0", flags = "0"]) => {
      const data = [undefined, undefined, bytesOf(keys), bytesOf(values)] as const;
      const { result, attributes } = await this.#kernel.batch("updateBatch", fd, Number(count), data, BigInt(flags));
      return `${result} ${attributes.getUint32(32, true)}`;
    },
    X: async ({ fd }, [, , keys = "-", , count = "0", flags = "0"]) => {
      const data = [undefined, undefined, bytesOf(keys), undefined] as const;
      const { result, attributes } = await this.#kernel.batch("deleteBatch", fd, Number(count), data, BigInt(flags));
      return `${result} ${attributes.getUint32(32, true)}`;
    },
    f: async ({ fd }) => `${await this.#kernel.freeze(fd)}`,
    x: async ({ fd }) => {
      await this.#kernel.close(fd);
      return "0";
    },
  };
}

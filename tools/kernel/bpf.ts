/** `bpf(2)` on the running kernel, as far as maps go: `union bpf_attr` of Linux's `include/uapi/linux/bpf.h`. */
import { BYTES_AT, type SystemCalls } from "./loader.ts";

const BPF = 321;
const CLOSE = 3;

const COMMAND = {
  create: 0,
  lookup: 1,
  update: 2,
  delete: 3,
  nextKey: 4,
  info: 15,
  take: 21,
  freeze: 22,
  lookupBatch: 24,
  takeBatch: 25,
  updateBatch: 26,
  deleteBatch: 27,
} as const;

/** Bytes of the attributes: those of a batch, or of a creation with map_extra. */
const ATTRIBUTE_BYTES = 72;
const INFO_BYTES = 88;

/** Bytes that a call is given or gives, behind its attributes; undefined is a null pointer. */
type Data = Uint8Array | undefined;

export interface Answer {
  readonly result: number;
  /** What the call has left in each of the data. */
  readonly data: readonly Uint8Array[];
  readonly attributes: DataView;
}

export class KernelMaps {
  readonly #calls: SystemCalls;

  constructor(calls: SystemCalls) {
    this.#calls = calls;
  }

  /** @param pointers offsets of the attributes that point to the data, in their order */
  async #ask(
    command: number,
    fill: (attributes: DataView) => void,
    pointers: readonly number[] = [],
    data: readonly Data[] = [],
  ): Promise<Answer> {
    const places: number[] = [];
    let end = ATTRIBUTE_BYTES;
    for (const each of data) {
      places.push(end);
      end += (each === undefined ? 0 : each.length + 7) & ~7;
    }
    const bytes = new Uint8Array(end);
    const attributes = new DataView(bytes.buffer, 0, ATTRIBUTE_BYTES);
    fill(attributes);
    for (const [index, each] of data.entries()) {
      if (each === undefined) continue;
      bytes.set(each, places[index]);
      attributes.setBigUint64(pointers[index] as number, BigInt(BYTES_AT + (places[index] as number)), true);
    }
    const { result, bytes: after } = await this.#calls.call(BPF, [command, BYTES_AT, ATTRIBUTE_BYTES], bytes);
    const left = data.map((each, index) => after.slice(places[index], (places[index] as number) + (each?.length ?? 0)));
    return { result, data: left, attributes: new DataView(after.buffer, 0, ATTRIBUTE_BYTES) };
  }

  /** @param sizes type, key, value, max_entries, flags, inner descriptor, node: all u32 */
  async create(sizes: readonly number[], extra: bigint): Promise<number> {
    const { result } = await this.#ask(COMMAND.create, (attributes) => {
      for (const [index, size] of sizes.entries()) attributes.setUint32(index * 4, size, true);
      attributes.setBigUint64(64, extra, true);
    });
    return result;
  }

  async close(fd: number): Promise<void> {
    await this.#calls.call(CLOSE, [fd, 0, 0], new Uint8Array(0));
  }

  /** A command on one entry. @param value room for what it gives, or what it is given */
  element(
    command: "lookup" | "update" | "delete" | "take" | "nextKey",
    fd: number,
    key: Data,
    value: Data,
    flags: bigint,
  ): Promise<Answer> {
    const fill = (attributes: DataView): void => {
      attributes.setUint32(0, fd, true);
      if (command !== "nextKey") attributes.setBigUint64(24, flags, true);
    };
    return this.#ask(COMMAND[command], fill, [8, 16], [key, value]);
  }

  /** A command on many. @param from in_batch and out_batch */
  batch(
    command: "lookupBatch" | "takeBatch" | "updateBatch" | "deleteBatch",
    fd: number,
    count: number,
    data: readonly [inBatch: Data, outBatch: Data, keys: Data, values: Data],
  ): Promise<Answer> {
    const fill = (attributes: DataView): void => {
      attributes.setUint32(32, count, true);
      attributes.setUint32(36, fd, true);
    };
    return this.#ask(COMMAND[command], fill, [0, 8, 16, 24], data);
  }

  async freeze(fd: number): Promise<number> {
    return (await this.#ask(COMMAND.freeze, (attributes) => attributes.setUint32(0, fd, true))).result;
  }

  /** The words of `struct bpf_map_info`, and map_extra; or -errno. */
  async info(fd: number): Promise<{ readonly words: readonly number[]; readonly extra: bigint } | number> {
    const fill = (attributes: DataView): void => {
      attributes.setUint32(0, fd, true);
      attributes.setUint32(4, INFO_BYTES, true);
    };
    const { result, data } = await this.#ask(COMMAND.info, fill, [8], [new Uint8Array(INFO_BYTES)]);
    if (result !== 0) return result;
    const view = new DataView((data[0] as Uint8Array).buffer);
    const words = Array.from({ length: 6 }, (_, index) => view.getUint32(index * 4, true));
    return { words, extra: view.getBigUint64(80, true) };
  }
}

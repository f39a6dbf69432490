/** `bpf(2)` on the running kernel, as far as maps and test runs of programs go: `union bpf_attr` of Linux's `include/uapi/linux/bpf.h`. */

import { BYTES_AT, type SystemCalls } from "./loader.ts";
import { KEY_TYPE, lockedType, VALUE_TYPE } from "./lock-type.ts";

const BPF = 321;
const CLOSE = 3;

const COMMAND = {
  create: 0,
  lookup: 1,
  update: 2,
  delete: 3,
  nextKey: 4,
  load: 5,
  open: 7,
  testRun: 10,
  info: 15,
  types: 18,
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

/** @param pointers offsets of the attributes that point to the data, in their order */
async function ask(
  calls: SystemCalls,
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
  const { result, bytes: after } = await calls.call(BPF, [command, BYTES_AT, ATTRIBUTE_BYTES], bytes);
  const left = data.map((each, index) => after.slice(places[index], (places[index] as number) + (each?.length ?? 0)));
  return { result, data: left, attributes: new DataView(after.buffer, 0, ATTRIBUTE_BYTES) };
}

/** Bytes of a verifier's log. */
const LOG_BYTES = 1 << 16;

/** Loads a program. @param flags of the program: BPF_F_SLEEPABLE @param attach what it is to be attached to @returns its descriptor, or the last line of the verifier's log */
export async function loadProgram(
  calls: SystemCalls,
  type: number,
  instructions: Uint8Array,
  flags = 0,
  attach = 0,
): Promise<number | string> {
  const license = new TextEncoder().encode("GPL\0");
  const load = (log: Uint8Array | undefined): Promise<Answer> => {
    const fill = (attributes: DataView): void => {
      attributes.setUint32(0, type, true);
      attributes.setUint32(4, instructions.length / 8, true);
      attributes.setUint32(24, log === undefined ? 0 : 1, true);
      attributes.setUint32(28, log?.length ?? 0, true);
      attributes.setUint32(44, flags, true);
      attributes.setUint32(68, attach, true);
    };
    return ask(calls, COMMAND.load, fill, [8, 16, 32], [instructions, license, log]);
  };
  const { result } = await load(undefined);
  if (result >= 0) return result;
  const { data } = await load(new Uint8Array(LOG_BYTES));
  const lines = new TextDecoder().decode(data[2]).split("\0", 1)[0]?.trim().split("\n") ?? [];
  return `errno ${-result}: ${lines.at(-1) ?? ""}`;
}

/** Closes a descriptor, as of a program. */
export async function closeFile(calls: SystemCalls, fd: number): Promise<void> {
  await calls.call(CLOSE, [fd, 0, 0], new Uint8Array(0));
}

/** What a program runs on: a packet, its context or both; how often, of what runs on no packet 0. */
export interface TestRun {
  readonly packet?: Uint8Array;
  readonly context?: Uint8Array;
  readonly repeat: number;
}

export interface TestRan {
  readonly result: number;
  readonly returned: number;
  /** Of one run. */
  readonly nanoseconds: number;
  /** As it is afterwards. */
  readonly packet: Uint8Array;
}

/** What a packet may be longer by afterwards. */
const LONGER = 256;

/** Runs a program. */
export async function testRun(calls: SystemCalls, fd: number, { packet, context, repeat }: TestRun): Promise<TestRan> {
  const room = packet && new Uint8Array(packet.length + LONGER);
  const fill = (attributes: DataView): void => {
    attributes.setUint32(0, fd, true);
    attributes.setUint32(8, packet?.length ?? 0, true);
    attributes.setUint32(12, room?.length ?? 0, true);
    attributes.setUint32(32, repeat, true);
    attributes.setUint32(40, context?.length ?? 0, true);
  };
  const { result, attributes, data } = await ask(calls, COMMAND.testRun, fill, [16, 24, 48], [packet, room, context]);
  return {
    result,
    returned: attributes.getUint32(4, true),
    nanoseconds: attributes.getUint32(36, true),
    packet: (data[1] ?? new Uint8Array(0)).slice(0, attributes.getUint32(12, true)),
  };
}

/** The descriptor of what is pinned there, or -errno. */
export async function openPinned(calls: SystemCalls, path: string): Promise<number> {
  const { result } = await ask(calls, COMMAND.open, () => undefined, [0], [new TextEncoder().encode(`${path}\0`)]);
  return result;
}

export class KernelMaps {
  readonly #calls: SystemCalls;

  constructor(calls: SystemCalls) {
    this.#calls = calls;
  }

  /**
   * @param sizes type, key, value, max_entries, flags, inner descriptor, node: all u32
   * @param lock where a lock lies in values, whose keys are of 4 bytes
   */
  async create(sizes: readonly number[], extra: bigint, lock?: number): Promise<number> {
    const types = lock === undefined ? 0 : await this.#loadTypes(lockedType(sizes[2] ?? 0, lock));
    if (types < 0) return types;
    const { result } = await ask(this.#calls, COMMAND.create, (attributes) => {
      for (const [index, size] of sizes.entries()) attributes.setUint32(index * 4, size, true);
      if (lock !== undefined)
        for (const [index, word] of [types, KEY_TYPE, VALUE_TYPE].entries())
          attributes.setUint32(48 + index * 4, word, true);
      attributes.setBigUint64(64, extra, true);
    });
    if (lock !== undefined) await this.close(types);
    return result;
  }

  async #loadTypes(types: Uint8Array): Promise<number> {
    const fill = (attributes: DataView): void => attributes.setUint32(16, types.length, true);
    return (await ask(this.#calls, COMMAND.types, fill, [0], [types])).result;
  }

  async close(fd: number): Promise<void> {
    await closeFile(this.#calls, fd);
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
    return ask(this.#calls, COMMAND[command], fill, [8, 16], [key, value]);
  }

  /** A command on many. @param flags of the elements */
  batch(
    command: "lookupBatch" | "takeBatch" | "updateBatch" | "deleteBatch",
    fd: number,
    count: number,
    data: readonly [inBatch: Data, outBatch: Data, keys: Data, values: Data],
    flags: bigint,
  ): Promise<Answer> {
    const fill = (attributes: DataView): void => {
      attributes.setUint32(32, count, true);
      attributes.setUint32(36, fd, true);
      attributes.setBigUint64(40, flags, true);
    };
    return ask(this.#calls, COMMAND[command], fill, [0, 8, 16, 24], data);
  }

  async freeze(fd: number): Promise<number> {
    return (await ask(this.#calls, COMMAND.freeze, (attributes) => attributes.setUint32(0, fd, true))).result;
  }

  /** The words of `struct bpf_map_info`, and map_extra; or -errno. */
  async info(fd: number): Promise<{ readonly words: readonly number[]; readonly extra: bigint } | number> {
    const fill = (attributes: DataView): void => {
      attributes.setUint32(0, fd, true);
      attributes.setUint32(4, INFO_BYTES, true);
    };
    const { result, data } = await ask(this.#calls, COMMAND.info, fill, [8], [new Uint8Array(INFO_BYTES)]);
    if (result !== 0) return result;
    const view = new DataView((data[0] as Uint8Array).buffer);
    const words = Array.from({ length: 6 }, (_, index) => view.getUint32(index * 4, true));
    return { words, extra: view.getBigUint64(80, true) };
  }
}

/** Replays recorded sequences of map operations in an arena with the profile `linux`, and compares the answers. */
import { Arena } from "../../src/arena/arena.ts";
import type { Answer } from "../../src/maps/commands/attributes.ts";
import { deleteBatch, type Entry, readBatch, updateBatch } from "../../src/maps/commands/batches.ts";
import { MapCommands } from "../../src/maps/commands/commands.ts";
import type { Descriptor } from "../../src/maps/commands/descriptor.ts";
import { mapKindByBpfType } from "../../src/maps/kinds.ts";
import { takeRecords } from "../../src/maps/records.ts";
import { CONSTANTS } from "../../src/wasm/face.ts";
import { LruRules } from "./lru-rules.ts";
import { callHelper } from "./programs.ts";
import { bytesOf, type Operation, type Sequence, showBytes, showEntries, showKeys } from "./vectors.ts";

export interface ReplayResult {
  readonly sequences: number;
  readonly same: number;
  readonly differences: readonly string[];
  /** Why operations were not compared, and how many. */
  readonly skipped: ReadonlyMap<string, number>;
}

/** Of the machine that the recordings are from. */
const CPUS = 2;

/** Kinds of Linux's `enum bpf_map_type` that there could be: one of them that is not ours is skipped, not compared. */
const LAST_KIND = 35;

/** Operations that change a map, but for those that helpers do. */
const CHANGING = ["u", "d", "r", "W", "Br", "BR", "U", "X", "f", "R", "x"];
const CHANGING_HELPERS = ["update", "delete", "push", "pop", "iupdate", "idelete", "rout"];

function isChanging({ words: [operation = "", , helper = ""] }: Operation): boolean {
  return operation === "p" ? CHANGING_HELPERS.includes(helper) : CHANGING.includes(operation);
}

/** An answer that is not compared, and why. */
interface Skip {
  readonly reason: string;
  /** Whether the map is now as Linux's. */
  readonly harmless: boolean;
}

type Given = string | Skip;

/** Answers one operation after the other, as long as it can. */
class Replay {
  readonly #arena: Arena;
  readonly #commands: MapCommands;
  /** File descriptors by the recording's numbers of maps. */
  readonly #maps = new Map<number, number>();
  /** The recording's numbers of maps by our ids: of closed ones too, which others may still name. */
  readonly #numbers = new Map<number, number>();
  /** Maps that are not there because their kind is not. */
  readonly #missing = new Map<number, number>();

  constructor(arena: Arena) {
    this.#arena = arena;
    this.#commands = new MapCommands(arena, 1);
  }

  close(): void {
    for (const fd of this.#maps.values()) this.#commands.close(fd);
    this.#maps.clear();
    this.#arena.poll();
  }

  /** What we answer to an operation. */
  answer(operation: Operation): Given {
    const [name = "", map = ""] = operation.words;
    if (name === "c") return this.#create(operation);
    const fd = this.#maps.get(Number(map)) ?? -1;
    const descriptor = this.#commands.descriptor(fd);
    if (descriptor === undefined) return { reason: `map ${map} is not there`, harmless: true };
    if (name === "p") return this.#help(descriptor, operation);
    const perform = OPERATIONS[name];
    if (perform === undefined) return { reason: `operation ${name}`, harmless: !isChanging(operation) };
    const words = operation.words.map((word) => this.#resolve(word));
    const nameOf = descriptor.kind.inner ? (value: Uint8Array) => this.#nameOf(value) : undefined;
    return perform({ commands: this.#commands, fd, map: descriptor, words, nameOf });
  }

  /** `@N` is the file descriptor of map N, 0 of one that is not there. */
  #resolve(word: string): string {
    if (!word.startsWith("@")) return word;
    const fd = this.#maps.get(Number(word.slice(1))) ?? 0;
    return Buffer.from(Uint32Array.of(fd).buffer).toString("hex");
  }

  /** A map as an answer shows it, by its id. */
  #nameOf(value: Uint8Array): string {
    return `@${this.#numbers.get(new DataView(value.buffer, value.byteOffset).getUint32(0, true))}`;
  }

  /** A map that is not there takes nothing from the others. */
  #create({ words, info }: Operation): Given {
    const [map = 0, ...sizes] = words.slice(1).map(Number);
    // All are u32: a node of -1 is none.
    const [type = 0, keySize = 0, valueSize = 0, maxEntries = 0, flags = 0, numaNode = 0] = sizes.map(
      (size) => size >>> 0,
    );
    const before = this.#maps.get(map);
    if (before !== undefined) this.#commands.close(before);
    this.#maps.delete(map);
    const inner = Number(words[9]);
    if (this.#missing.has(inner)) return { reason: `there is no kind ${this.#missing.get(inner)}`, harmless: true };
    if (mapKindByBpfType(type) === undefined && type > 0 && type <= LAST_KIND) {
      this.#missing.set(map, type);
      return { reason: `there is no kind ${type}`, harmless: true };
    }
    const extra = BigInt(words[8] ?? 0);
    const innerFd = this.#maps.get(inner) ?? 0;
    const lock = words[10] === undefined ? {} : { lock: Number(words[10]) };
    const sized = { type, keySize, valueSize, maxEntries, flags };
    const fd = this.#commands.create({ ...sized, numaNode, extra, innerFd, ...lock });
    if (fd < 0) return `${fd}`;
    this.#maps.set(map, fd);
    this.#numbers.set(this.#commands.descriptor(fd)?.id ?? 0, map);
    return info === undefined ? "0" : `0, ${showInfo(this.#commands, fd)}`;
  }

  #help(map: Descriptor, operation: Operation): Given {
    if (operation.answer[0] === "load") return { reason: "refused by the verifier", harmless: true };
    const given = callHelper(this.#arena, map, operation.words);
    const reason = `helper ${operation.words[2]} of ${map.kind.type}`;
    return given ?? { reason, harmless: !isChanging(operation) };
  }
}

interface Asked {
  readonly commands: MapCommands;
  readonly fd: number;
  readonly map: Descriptor;
  readonly words: readonly string[];
  /** How a value is shown that is a map. */
  readonly nameOf: ((value: Uint8Array) => string) | undefined;
}

function showInfo(commands: MapCommands, fd: number): string {
  const info = commands.info(fd);
  if (typeof info === "number") return `${info}`;
  return `0 ${info.type} ${info.keySize} ${info.valueSize} ${info.maxEntries} ${info.flags} ${info.extra}`;
}

function showAnswer({ result, bytes }: Answer, show: (bytes: Uint8Array) => string = showBytes): string {
  return bytes === undefined ? `${result}` : `${result} ${show(bytes)}`;
}

/** Goes from key to key to the end. @param visit is told each key before the next one is asked for */
function walk({ commands, fd }: Asked, visit: (key: Uint8Array) => void): number {
  let key: Uint8Array | undefined;
  for (;;) {
    const { result, bytes } = commands.nextKey(fd, key);
    if (bytes === undefined) return result;
    key = bytes;
    visit(bytes);
  }
}

function readOne({ map, words, nameOf }: Asked, command: "lookup" | "take"): string {
  const [, , from = "-", count = "0", element = "0", batch = "0"] = words;
  const flags = { element: BigInt(element), batch: BigInt(batch) };
  const answer = readBatch(map, command, bytesOf(from), Number(count), flags);
  return `${answer.result} ${answer.count} ${showEntries(answer.entries, nameOf)}`;
}

function readAll({ map, words, nameOf }: Asked, command: "lookup" | "take"): string {
  const [, , from = "-", count = "0", element = "0"] = words;
  const entries: Entry[] = [];
  let place = bytesOf(from);
  for (;;) {
    const answer = readBatch(map, command, place, Number(count), { element: BigInt(element), batch: 0n });
    entries.push(...answer.entries);
    place = answer.out;
    if (answer.result !== 0) return `${answer.result} ${entries.length} ${showEntries(entries, nameOf)}`;
  }
}

function writeMany({ map, words }: Asked): string {
  const [name, , keys = "-", values = "-", count = "0", element = "0", batch = "0"] = words;
  const flags = { element: BigInt(element), batch: BigInt(batch) };
  const answer =
    name === "U"
      ? updateBatch(map, bytesOf(keys), bytesOf(values), Number(count), flags)
      : deleteBatch(map, bytesOf(keys), Number(count), flags);
  return `${answer.result} ${answer.count}`;
}

/** The recorder had the buffer mapped. */
const MAPPED: Skip = { reason: "a freeze of a buffer that is mapped", harmless: true };

const OPERATIONS: Readonly<Record<string, (asked: Asked) => Given>> = {
  i: ({ commands, fd }) => showInfo(commands, fd),
  u: ({ commands, fd, words: [, , key = "-", value = "-", flags = "0"] }) =>
    `${commands.update(fd, bytesOf(key), bytesOf(value), BigInt(flags))}`,
  l: ({ commands, fd, words: [, , key = "-", flags = "0", value = "-"], nameOf }) =>
    showAnswer(commands.lookup(fd, bytesOf(key), BigInt(flags), bytesOf(value)), nameOf),
  d: ({ commands, fd, words: [, , key = "-", flags = "0"] }) => `${commands.delete(fd, bytesOf(key), BigInt(flags))}`,
  r: ({ commands, fd, words: [, , key = "-", flags = "0"] }) =>
    showAnswer(commands.take(fd, bytesOf(key), BigInt(flags))),
  n: ({ commands, fd, words: [, , key = "-"] }) => showAnswer(commands.nextKey(fd, bytesOf(key))),
  N: ({ commands, fd, words: [, , key = "-"] }) => {
    const [after, first] = [commands.nextKey(fd, bytesOf(key)), commands.nextKey(fd, undefined)];
    return `${after.result} ${showAnswer(after) === showAnswer(first) ? 1 : 0}`;
  },
  w: (asked) => {
    const keys: Uint8Array[] = [];
    const last = walk(asked, (key) => keys.push(key));
    return `${last} ${keys.length} ${showKeys(keys)}`;
  },
  W: (asked) => {
    let [seen, gone] = [0, 0];
    const last = walk(asked, (key) => {
      seen++;
      if (asked.commands.delete(asked.fd, key, 0n) === 0) gone++;
    });
    return `${last} ${seen} ${gone}`;
  },
  Bl: (asked) => readOne(asked, "lookup"),
  Br: (asked) => readOne(asked, "take"),
  BL: (asked) => readAll(asked, "lookup"),
  BR: (asked) => readAll(asked, "take"),
  U: writeMany,
  X: writeMany,
  f: ({ commands, fd, map }) => (map.kind.type === "ringbuf" ? MAPPED : `${commands.freeze(fd)}`),
  R: ({ map }) => {
    const records: Uint8Array[] = [];
    for (;;) {
      const { core, memory } = map.host;
      const consume = (room: number, bytes: number): number => core.ringbufConsume(map.address, room, bytes);
      const host = { core, memory, room: { address: 0, bytes: 0 } };
      const some = takeRecords(host, { consume, make: (record: Uint8Array) => record });
      if (typeof some === "number") return `${some}`;
      if (some.length === 0) break;
      records.push(...some);
    }
    return `0 ${records.length === 0 ? "-" : records.map(showBytes).join(",")}`;
  },
};

/** What Linux answered, in the form of ours. */
function recorded({ answer, info }: Operation): string {
  return info === undefined ? answer.join(" ") : `${answer.join(" ")}, ${info}`;
}

/** The rules of an LRU map: the sequence's first line creates it. With lists for each CPU it may have as many more. */
function rulesFor(operations: readonly Operation[], cpus: number): LruRules {
  const [, , type, , , max = 0, flags = 0] = (operations[0]?.words ?? []).map(Number);
  const share = (flags & CONSTANTS.NO_COMMON_LRU) !== 0 ? cpus : 1;
  return new LruRules(Math.ceil(max / share) * share, type === CONSTANTS.KIND_LRU_HASH);
}

/**
 * Replays sequences one after the other, in one arena: what an earlier one left must not show.
 * @param cpus of the machine that they are from
 */
export async function replaySequences(sequences: readonly Sequence[], cpus: number = CPUS): Promise<ReplayResult> {
  const arena = await Arena.create({ maximumBytes: 1 << 30, cpus, profile: "linux", seed: 1 });
  const skipped = new Map<string, number>();
  const skip = (reason: string, count = 1): void => void skipped.set(reason, (skipped.get(reason) ?? 0) + count);
  const differences: string[] = [];
  let same = 0;
  for (const { name, operations, noEvict } of sequences) {
    const replay = new Replay(arena);
    const rules = noEvict === undefined ? undefined : rulesFor(operations, cpus);
    for (const [index, operation] of operations.entries()) {
      const given = replay.answer(operation);
      if (typeof given !== "string") {
        skip(given.reason);
        if (given.harmless) continue;
        if (index + 1 < operations.length) skip(`behind: ${given.reason}`, operations.length - index - 1);
        break;
      }
      const isFree = rules !== undefined && index >= (noEvict ?? 0);
      const isSame = given === recorded(operation) || (isFree && rules.problem(operation, given) === undefined);
      rules?.follow(operation, given);
      if (isSame) same++;
      else
        differences.push(
          `${name}, line ${index}: ${operation.words.join(" ")}: ${given} instead of ${recorded(operation)}`,
        );
    }
    replay.close();
  }
  arena.detach();
  return { sequences: sequences.length, same, differences, skipped };
}

/** How scenarios give keys and values of a hash as numbers: by its sizes, or each with a length of its own. */
import { CONSTANTS } from "../wasm/face.ts";
import { Finding } from "./finding.ts";
import { hex } from "./objects.ts";
import type { World } from "./world.ts";

export interface EntryFormat {
  /** Bytes of one value as it is given and read: of a per-CPU map one for each CPU. */
  readonly room: number;
  /** The core's function that reads. */
  readonly get: "hashGet" | "percpuHashGet" | "variableHashGet" | "lruGet";
  /** The one that finds. */
  readonly lookup: "hashLookup" | "lruLookup";
  /** Puts a key into scratch; its address. Only while setting up. */
  readonly placeKey: (key: number) => number;
  /** The key of an element. */
  readonly keyIn: (element: number) => number;
  readonly write: (address: number, value: number) => void;
  /** Makes a place ready to be read to. */
  readonly clear: (address: number) => void;
  readonly read: (address: number) => number;
  /** The value of an element. */
  readonly valueIn: (element: number) => number;
}

/** What stands for any value of a per-CPU map. */
export const PRESENT = 1;

/** A value's words are all the same. */
function readWords(world: World, address: number, bytes: number): number {
  const value = world.memory.load(address);
  for (let offset = 4; offset < bytes; offset += 4)
    if (world.memory.load(address + offset) !== value) throw new Finding("torn value", `${hex(address)}: two values`);
  return value;
}

function writeWords(world: World, address: number, bytes: number, value: number): void {
  for (let offset = 0; offset < bytes; offset += 4) world.memory.store(address + offset, value);
}

function fixedFormat(world: World, map: number): EntryFormat {
  const valueSize = world.field(map, "MapHeader", "valueSize");
  const keySize = world.field(map, "MapHeader", "keySize");
  const isPerCpu = world.field(map, "MapHeader", "values") !== 0;
  const isLru = world.field(map, "MapHeader", "ring") !== 0;
  // Written in place, each copy for itself: only that it is there counts.
  const read = (address: number): number => (isPerCpu ? PRESENT : readWords(world, address, valueSize));
  return {
    room: ((valueSize + 7) & ~7) * (isPerCpu ? world.areas.length : 1),
    get: isLru ? "lruGet" : isPerCpu ? "percpuHashGet" : "hashGet",
    lookup: isLru ? "lruLookup" : "hashLookup",
    placeKey: (key) => world.words(key, ...Array.from({ length: Math.ceil(keySize / 4) - 1 }, () => 0)),
    keyIn: (element) => world.memory.load(element + CONSTANTS.ELEMENT_KEY),
    write: (address, value) => writeWords(world, address, valueSize, value),
    clear: () => undefined,
    read,
    valueIn: (element) => read(element + world.field(map, "MapHeader", "valueOffset")),
  };
}

/** Longest value: three lengths are in use, each of another class of the slab. */
const LONGEST = 72;

/** What a value's length has to be, so that of two values neither has the other's. */
function lengthOf(value: number): number {
  return 8 + (value % 3) * 32;
}

/** Keys are of one word, or of three, the last of which is the key and the others 0. */
function keyWords(key: number): number[] {
  return key % 2 === 1 ? [key] : [0, 0, key];
}

function variableFormat(world: World): EntryFormat {
  const { memory } = world;
  const at = CONSTANTS.GIVEN_BYTES;
  const checked = (address: number, length: number): number => {
    const value = readWords(world, address, length);
    if (length !== lengthOf(value)) throw new Finding("torn value", `${hex(address)}: ${value} in ${length} bytes`);
    return value;
  };
  return {
    room: at + LONGEST,
    get: "variableHashGet",
    lookup: "hashLookup",
    placeKey: (key) => world.words(keyWords(key).length * 4, 0, ...keyWords(key), 0),
    keyIn: (element) => {
      const length = memory.load(element + CONSTANTS.ELEMENT_KEY);
      return memory.load(element + CONSTANTS.VARIABLE_KEY + length - 4);
    },
    write(address, value) {
      memory.store(address, lengthOf(value));
      writeWords(world, address + at, lengthOf(value), value);
    },
    clear: (address) => memory.store(address + 4, LONGEST),
    read: (address) => checked(address + at, memory.load(address)),
    valueIn(element) {
      const keyLength = memory.load(element + CONSTANTS.ELEMENT_KEY);
      const length = memory.load(element + CONSTANTS.ELEMENT_KEY + 4);
      return checked(element + CONSTANTS.VARIABLE_KEY + ((keyLength + 7) & ~7), length);
    },
  };
}

export function entryFormat(world: World, map: number): EntryFormat {
  const isVariable = world.field(map, "MapHeader", "kind") === CONSTANTS.KIND_VARIABLE_HASH;
  return isVariable ? variableFormat(world) : fixedFormat(world, map);
}

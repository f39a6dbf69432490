/** What a thread that attaches looks at: an arena that is as large as it may be is no damaged one. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ERRNO } from "../src/error.ts";
import { u32 } from "../src/maps/codec/codec.ts";
import { CONSTANTS, LAYOUT } from "../src/wasm/face.ts";
import { makeArena } from "./testing.ts";

test("far more sets of caches than pages are no list that goes in a circle", async () => {
  const { core } = await makeArena({ maximumBytes: 4 << 20, cpus: 1 });
  let allocators = 0;
  while (core.createObjectAllocator(0, 0, 0) >>> 0 >= CONSTANTS.SUPERBLOCK) allocators++;
  assert.ok(allocators * CONSTANTS.CLASS_COUNT > 2 * ((4 << 20) / CONSTANTS.PAGE_BYTES), `${allocators}`);
  assert.equal(core.enroll(1), 0);
});

test("a lock that a CPU holds which there is not is damage, whatever lies where that CPU would be", async () => {
  const arena = await makeArena({ maximumBytes: 4 << 20, cpus: 2 });
  const { core } = arena;
  const words = new Uint32Array(arena.memory.buffer);
  const bytes = 3 * CONSTANTS.AREA_BYTES;
  const owned = arena.allocate(bytes);
  words.fill(1, owned >>> 2, (owned + bytes) >>> 2);
  const nobody = Math.ceil((owned - core.cpuAreaAddress(0)) / CONSTANTS.AREA_BYTES);
  for (const name of ["pagesLock", "controlLock"] as const) {
    const lock = (CONSTANTS.SUPERBLOCK + LAYOUT.Superblock[name]) >>> 2;
    for (const holder of [3, nobody + 1, 2 ** 32 - 1]) {
      words[lock] = holder;
      assert.equal(core.checkArena(), -ERRNO.EINVAL, `${name} ${holder}`);
    }
    words[lock] = 0;
    assert.equal(core.checkArena(), CONSTANTS.LAYOUT_VERSION);
  }
});

/** Each word of the superblock that is damage where it stands, with what it may not be. */
const WORDS: Readonly<Record<string, readonly number[]>> = {
  cpus: [0, 1025, 3],
  pages: [0, 1, 2 ** 31],
  firstPage: [0, 2 ** 31],
  descriptors: [0, 4],
  areas: [0, 8],
  deadBuckets: [0, 8],
  realTime: [2],
  forceDynamic: [2],
  profile: [2],
  adaptive: [2, 2 ** 31],
  limitPages: [2 ** 31 + 1],
  usedPages: [2 ** 31],
  returnedRuns: [1, 65536, 2 ** 31],
};

test("what no superblock has is damage, word by word; what others may write meanwhile is none", async () => {
  const { core, memory } = await makeArena({ maximumBytes: 4 << 20, cpus: 2 });
  const words = new Uint32Array(memory.buffer);
  const damaged = (at: number, value: number, what: string): void => {
    const before = words[at >>> 2] as number;
    words[at >>> 2] = value;
    assert.equal(core.checkArena(), -ERRNO.EINVAL, `${what} ${value}`);
    words[at >>> 2] = before;
    assert.equal(core.checkArena(), CONSTANTS.LAYOUT_VERSION, what);
  };
  const offsets: Readonly<Record<string, number>> = LAYOUT.Superblock;
  for (const [name, values] of Object.entries(WORDS))
    for (const value of values) damaged(CONSTANTS.SUPERBLOCK + (offsets[name] ?? assert.fail(name)), value, name);
  for (let index = 0; index < 2 * CONSTANTS.CLASS_COUNT; index++) {
    const at = CONSTANTS.SLAB_CLASSES + index * CONSTANTS.SLAB_CLASS_BYTES;
    for (const [name, offset] of Object.entries(LAYOUT.SlabClass))
      damaged(at + offset, name === "returned" ? 4 : 2 ** 31, `class ${index}, ${name}`);
    for (let rest = 32; rest < CONSTANTS.SLAB_CLASS_BYTES; rest += 4) damaged(at + rest, 1, `class ${index}, ${rest}`);
  }
  for (let bin = 0; bin < CONSTANTS.RUN_BINS; bin++) damaged(CONSTANTS.BINS + 4 * bin, 2 ** 31, `bin ${bin}`);
  for (const cpu of [0, 1]) damaged(core.cpuAreaAddress(cpu), 7, `CPU ${cpu}`);
});

test("lists of sets and maps that lead elsewhere, to what is none, or in a circle are damage", async () => {
  const arena = await makeArena({ maximumBytes: 4 << 20, cpus: 2 });
  const { core } = arena;
  const words = new Uint32Array(arena.memory.buffer);
  arena.createMap({ type: "hash", name: "map", key: u32, value: u32, maxEntries: 8 });
  const superblock = (name: "cacheSets" | "maps" | "dyingMaps"): number =>
    (CONSTANTS.SUPERBLOCK + LAYOUT.Superblock[name]) >>> 2;
  const refused = (at: number, value: number, what: string): void => {
    const before = words[at] as number;
    words[at] = value;
    assert.equal(core.enroll(77), -ERRNO.EINVAL, what);
    words[at] = before;
  };
  const [set = 0, map = 0] = [words[superblock("cacheSets")], words[superblock("maps")]];
  for (const [name, own] of [
    ["cacheSets", set],
    ["maps", map],
    ["dyingMaps", map],
  ] as const)
    for (const address of [own + 4, 64, 2 ** 32 - 8 * CONSTANTS.PAGE_BYTES])
      refused(superblock(name), address, `${name} ${address}`);
  refused((set + LAYOUT.CacheSet.nextSet) >>> 2, set, "sets in a circle");
  refused((map + LAYOUT.MapHeader.next) >>> 2, map, "maps in a circle");
  refused((set + LAYOUT.CacheSet.unit) >>> 2, 0, "a set for objects of no size");
  refused((set + LAYOUT.CacheSet.contains) >>> 2, 99, "a set of nothing that there is");
  refused((map + LAYOUT.MapHeader.serial) >>> 2, 0, "a map without a number");
  refused((map + LAYOUT.MapHeader.keySize) >>> 2, 0, "a hash without keys");
  assert.equal(core.enroll(77), 0);
});

test("a slot whose maps cannot be closed for now is no free one, though it has nothing else", async () => {
  const { core, memory } = await makeArena({ cpus: 4 });
  const controlLock = CONSTANTS.SUPERBLOCK + LAYOUT.Superblock.controlLock;
  const words = new Uint32Array(memory.buffer);
  const owner = (): number | undefined => words[(core.cpuAreaAddress(1) + LAYOUT.CpuArea.owner) >>> 2];
  assert.equal(core.takeCpu(1, 77), 1);
  words[controlLock >>> 2] = 4;
  core.releaseCpu(1);
  assert.equal(owner(), CONSTANTS.LEAVING);
  words[controlLock >>> 2] = 0;
  core.finishLeaving(78);
  assert.equal(owner(), 0);
});

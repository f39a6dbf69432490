/** What a thread that attaches looks at: an arena that is as large as it may be is no damaged one. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ERRNO } from "../src/error.ts";
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

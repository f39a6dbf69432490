/** The superblock's places: what lies at a fixed offset does not reach into the next. */
import assert from "node:assert/strict";
import { constants } from "node:os";
import { test } from "node:test";
import { CONSTANTS, LAYOUT, SIZES } from "../../src/wasm/face.ts";
import { makeArena } from "../testing.ts";

const { SUPERBLOCK, SUPERBLOCK_BYTES, EPOCH_WORDS, BINS, RUN_BINS, SLAB_CLASSES, CLASS_COUNT } = CONSTANTS;

test("fields, epochs, bins and slab classes lie one behind the other, the last one within the superblock", () => {
  const parts = [
    ["fields", SUPERBLOCK, SIZES.Superblock],
    ["epochs", EPOCH_WORDS, 64],
    ["bins", BINS, RUN_BINS * 4],
    ["slab classes", SLAB_CLASSES, 2 * CLASS_COUNT * CONSTANTS.SLAB_CLASS_BYTES],
    ["end", SUPERBLOCK + SUPERBLOCK_BYTES, 0],
  ] as const;
  for (const [index, [name, start, bytes]] of parts.entries()) {
    const [next, limit] = parts[index + 1] ?? ["", Number.POSITIVE_INFINITY];
    assert.ok(start + bytes <= limit, `${name} reaches into ${next}`);
    assert.equal(start % 64, 0, `${name} begins a cache line`);
  }
});

test("a formatted arena's tables lie behind the superblock in order, a page apart from the first free one", async () => {
  for (const cpus of [1, 3, 64]) {
    const arena = await makeArena({ cpus });
    const field = (offset: number): number => arena.word(SUPERBLOCK + offset);
    const { Superblock } = LAYOUT;
    const descriptors = field(Superblock.descriptors);
    const areas = field(Superblock.areas);
    assert.equal(field(Superblock.magic), CONSTANTS.MAGIC);
    assert.equal(field(Superblock.pages), (64 << 20) / CONSTANTS.PAGE_BYTES);
    assert.equal(descriptors, SUPERBLOCK + SUPERBLOCK_BYTES);
    assert.ok(descriptors + field(Superblock.pages) * CONSTANTS.DESCRIPTOR_BYTES <= areas);
    assert.ok(areas + cpus * CONSTANTS.AREA_BYTES <= field(Superblock.firstPage) * CONSTANTS.PAGE_BYTES);
    for (let cpu = 0; cpu < cpus; cpu++) {
      const area = arena.core.cpuAreaAddress(cpu);
      assert.deepEqual([area, area % 64, arena.word(area)], [areas + cpu * CONSTANTS.AREA_BYTES, 0, cpu]);
      assert.notEqual(arena.word(area + LAYOUT.CpuArea.random), 0);
    }
  }
});

test("errno values are those of Linux", { skip: process.platform !== "linux" }, () => {
  for (const [name, value] of Object.entries(CONSTANTS))
    if (/^E[A-Z0-9]+$/.test(name) && name in constants.errno)
      assert.equal(value, constants.errno[name as keyof typeof constants.errno], name);
});

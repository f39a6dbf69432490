import assert from "node:assert/strict";
import { test } from "node:test";
import { mapKindByType } from "../maps/kinds.ts";
import type { MapInfo } from "../maps/map.ts";
import { arrayBytes, dynamicBytes, linuxUnits, preallocatedBytes } from "./linux-memory.ts";

const info = (type: string, keySize: number, valueSize: number, maxEntries: number): MapInfo => {
  const kind = mapKindByType(type);
  assert.ok(kind);
  return {
    name: "",
    kind,
    address: 0,
    serial: 0,
    keySize,
    valueSize,
    maxEntries,
    flags: 0,
    valueStride: 0,
    lock: undefined,
    copies: 1,
  };
};

test("objects are those of Linux: 48 bytes, key and value in steps of 8; the slab's size with the allocator's header", () => {
  assert.deepEqual(linuxUnits(info("hash", 8, 24, 1), 4), { element: 80, slabElement: 96, value: 0, slabValue: 0 });
  assert.deepEqual(linuxUnits(info("hash", 4, 8, 1), 4), { element: 64, slabElement: 96, value: 0, slabValue: 0 });
  assert.deepEqual(linuxUnits(info("percpu_hash", 4, 20, 1), 4), {
    ...{ element: 64, slabElement: 96, value: 96, slabValue: 112 },
  });
  assert.equal(linuxUnits(info("hash", 8, 5000, 1), 1).slabElement, 8192);
});

// `memlock` of /proc/PID/fdinfo on Linux 6.18 with 2 CPUs.
const PREALLOCATED = [
  ["hash", 4, 896, 32_768, 31_722_240],
  ["hash", 8, 4, 32_768, 2_622_480],
  ["hash", 4, 8, 1_048_576, 83_887_120],
  ["hash", 4, 8, 10_240, 918_544],
  ["percpu_hash", 4, 24, 4096, 525_184],
] as const;

for (const [type, key, value, entries, memlock] of PREALLOCATED)
  test(`a preallocated ${type} of ${entries} with ${key} + ${value} bytes takes ${memlock}, as fdinfo says`, () => {
    const bytes = preallocatedBytes(info(type, key, value, entries), 2);
    assert.deepEqual([bytes.memlock, bytes.total, bytes.caches], [memlock, memlock, 0]);
  });

const DYNAMIC = [
  ["hash", 32, 8, 4096, 0, 66_432],
  ["hash", 32, 8, 4096, 1003, 162_720],
  ["hash", 4, 896, 32_768, 138, 657_664],
  ["percpu_hash", 4, 24, 4096, 344, 113_216],
] as const;

for (const [type, key, value, most, entries, memlock] of DYNAMIC)
  test(`fdinfo says ${memlock} of a dynamic ${type} with ${entries} entries, whatever its caches hold`, () => {
    const state = { entries, ownedElements: entries + 50, ownedValues: type === "hash" ? 0 : entries + 50 };
    const bytes = dynamicBytes(info(type, key, value, most), 2, state);
    assert.equal(bytes.memlock, memlock);
    const { fixed, buckets, elements, extraElements, caches, values, total } = bytes;
    assert.equal(fixed + buckets + elements + extraElements + caches + values, total);
    assert.ok(caches > 0);
  });

/** memlock of fdinfo on 6.18, 2 CPUs. */
test("an LRU map has no elements beside its entries'", () => {
  const total = (type: string, keySize: number, valueSize: number, maxEntries: number): number =>
    preallocatedBytes(info(type, keySize, valueSize, maxEntries), 2).total;
  assert.deepEqual([total("lru_hash", 4, 8, 1000), total("lru_hash", 16, 100, 10_240)], [81_280, 1_983_360]);
  assert.deepEqual(
    [total("lru_percpu_hash", 4, 8, 1000), total("lru_percpu_hash", 16, 100, 10_240)],
    [97_280, 3_130_240],
  );
});

test("what the caches hold is counted as the slab hands it out", () => {
  const bytes = dynamicBytes(info("hash", 4, 8, 1024), 2, { entries: 10, ownedElements: 40, ownedValues: 0 });
  assert.deepEqual([bytes.elements, bytes.caches, bytes.buckets], [960, 2880, 16_384]);
});

test("arrays have their values, data sections whole pages and one for the map itself", () => {
  assert.equal(arrayBytes(info("array", 4, 12, 10), 2, false), 160);
  assert.equal(arrayBytes(info("percpu_array", 4, 8, 10), 4, false), 320);
  assert.equal(arrayBytes(info("array", 4, 60, 1), 2, true), 8192);
});

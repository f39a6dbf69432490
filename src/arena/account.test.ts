/** Budgets: maps that share an allocator's capacity, an arena's limit, memory that is wanted elsewhere. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { bytes, u32 } from "../maps/codec/codec.ts";
import type { ArenaMap } from "../maps/map.ts";
import type { MapOptions } from "../maps/options.ts";
import type { Address } from "./allocator.ts";
import { Arena } from "./arena.ts";
import { cacheStatistics } from "./statistics.ts";

const VALUE = new Uint8Array(1000);

function makeMap(
  arena: Arena,
  name: string,
  more: Partial<MapOptions<number, Uint8Array>> = {},
): ArenaMap<number, Uint8Array> {
  return arena.createMap({ maxEntries: 10_000, ...more, type: "hash", name, key: u32, value: bytes(1000) });
}

/** Inserts keys until one is refused; the errno and how many went in. */
function fill(map: ArenaMap<number, Uint8Array>): [inserted: number, errno: number] {
  for (let key = 0; ; key++) {
    const errno = map.update(key, VALUE);
    if (errno !== 0) return [key, errno];
  }
}

test("two maps and objects of one's own share an allocator's capacity; it lives as long as any of them", async () => {
  const arena = await Arena.create({ cpus: 1, maximumBytes: 64 << 20 });
  const allocator = arena.createAllocator({ objectSize: 2000, capacityBytes: 400_000 });
  const first = makeMap(arena, "first", { allocator });
  const second = makeMap(arena, "second", { allocator });
  const objects = Array.from({ length: 50 }, () => allocator.allocate());
  const [inserted, errno] = fill(first);
  assert.equal(errno, -12);
  assert.ok(inserted > 200 && inserted < 300, `${inserted} elements of 1024 bytes beside 50 objects of 2008`);
  assert.ok(allocator.statistics().bytes <= 400_000);
  assert.ok(fill(second)[0] < 20, "the capacity is used up");
  for (const object of objects) allocator.free(object as Address);
  assert.throws(() => allocator.destroy(), { code: "EBUSY" });
  arena.destroyMap("first");
  for (let round = 0; round < 3; round++) arena.trim();
  assert.ok(fill(second)[0] > 300, "what the other map had is to be had again");
  assert.throws(() => allocator.destroy(), { code: "EBUSY", message: /maps share it/ });
  arena.destroyMap("second");
  arena.trim();
  allocator.destroy();
  assert.throws(() => makeMap(arena, "pool", { allocator }), { code: "EINVAL" });
});

test("a map that does not fit its allocator's capacity is not created, and nothing is left of it", async () => {
  const arena = await Arena.create({ cpus: 1, maximumBytes: 64 << 20 });
  const allocator = arena.createAllocator({ objectSize: 100, capacityBytes: 500 });
  arena.trim();
  const before = arena.core.pagesInUse();
  assert.throws(() => makeMap(arena, "map", { allocator }), { code: "ENOMEM", message: /capacity is used up/ });
  assert.throws(() => makeMap(arena, "pool", { allocator, prealloc: true }), {
    code: "EINVAL",
    message: /no dynamic hash/,
  });
  arena.trim();
  assert.equal(arena.core.pagesInUse(), before);
  assert.deepEqual(arena.maps(), []);
  allocator.destroy();
});

test("an arena's limit makes what goes beyond it fail, and can be raised", async () => {
  const arena = await Arena.create({ cpus: 1, maximumBytes: 64 << 20, limitBytes: 2 << 20 });
  const map = makeMap(arena, "map");
  const [inserted, errno] = fill(map);
  assert.equal(errno, -12);
  assert.ok(arena.core.pagesInUse() <= 128);
  arena.setLimit(4 << 20);
  const [more] = fill(map);
  assert.ok(more > inserted + 1000, `${inserted} elements in 2 MiB, ${more} in 4`);
  assert.throws(() => arena.setLimit(-1), { code: "EINVAL" });
});

test("memory that other maps only cache goes to the one that needs it", async () => {
  const arena = await Arena.create({ cpus: 1, maximumBytes: 64 << 20, limitBytes: 4 << 20 });
  const others = Array.from({ length: 20 }, (_, index) => makeMap(arena, `other ${index}`, { maxEntries: 200 }));
  for (const other of others) {
    for (let key = 0; key < 40; key++) other.update(key, VALUE);
    for (let key = 0; key < 40; key++) other.delete(key);
  }
  const cached = (): number =>
    others
      .flatMap(({ info }) => cacheStatistics(arena, info))
      .reduce((sum, { free, waiting }) => sum + free + waiting, 0);
  assert.ok(cached() > 200, `${cached()} elements are cached`);
  const map = arena.createMap({ type: "hash", name: "map", key: u32, value: bytes(300), maxEntries: 10_000 });
  const small = new Uint8Array(300);
  let inserted = 0;
  while (map.update(inserted, small) === 0) inserted++;
  assert.equal(cached(), 0);
});

test("a CPU that has had nothing to do for a while gives back what it has cached", async () => {
  const arena = await Arena.create({ cpus: 1, maximumBytes: 64 << 20 });
  const map = makeMap(arena, "map");
  fill(makeMap(arena, "other", { maxEntries: 100 }));
  for (let key = 0; key < 40; key++) map.update(key, VALUE);
  for (let key = 0; key < 40; key++) map.delete(key);
  const cached = (): number =>
    cacheStatistics(arena, map.info).reduce((sum, { free, waiting }) => sum + free + waiting, 0);
  for (let tick = 0; tick < 10; tick++) {
    arena.poll();
    map.has(1);
  }
  assert.ok(cached() > 10, `${cached()} elements`);
  for (let tick = 0; tick < 20; tick++) arena.poll();
  assert.equal(cached(), 0);
  assert.equal(map.update(1, VALUE), 0);
});

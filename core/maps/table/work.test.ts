/** A table that has more buckets than its elements need, as CPUs were in each other's way, and for how long it has them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { CONSTANTS, LAYOUT } from "../../../src/wasm/face.ts";
import { compileInside, makeArena, RawMap } from "../../testing.ts";

const { KIND_HASH, SUPPLY_CACHE, SUPPLY_POOL, SEGMENT_BUCKETS, CROSSING, MANY_CROSSINGS, MOST_SPREAD } = CONSTANTS;
/** Ticks after which a single crossing is forgotten. */
const TICKS = Math.log2(CROSSING) + 2;

/** A map of a few keys whose table has just been told to have `spread` buckets. */
async function spreadMap(spread: number): Promise<RawMap> {
  const map = new RawMap(await makeArena(), { kind: KIND_HASH, maxEntries: 100_000 });
  for (let key = 0; key < 50; key++) assert.equal(map.update(key, 1), 0);
  map.setField("spread", spread);
  for (let turn = 0; map.field("root") < spread && turn < 500; turn++) {
    map.setField("crossings", CROSSING);
    map.arena.core.timerTick();
  }
  assert.equal(map.field("root"), spread);
  return map;
}

function checkKeys(map: RawMap): void {
  for (let key = 0; key < 50; key++) assert.ok(map.lookup(key) !== 0, `key ${key}`);
  assert.equal(map.count(), 50);
}

function tick(map: RawMap, times: number): void {
  for (let turn = 0; turn < times; turn++) map.arena.core.timerTick();
}

test("room that was made for crossings is there while there are any, and goes by halves when there are none", async () => {
  const map = await spreadMap(2 * SEGMENT_BUCKETS);
  checkKeys(map);
  for (let turn = 0; turn < 100; turn++) {
    map.setField("crossings", CROSSING);
    map.arena.core.timerTick();
  }
  assert.equal(map.field("root"), 2 * SEGMENT_BUCKETS);
  tick(map, TICKS);
  assert.equal(map.field("spread"), 0);
  tick(map, SEGMENT_BUCKETS / 16);
  assert.equal(map.field("root"), SEGMENT_BUCKETS);
  checkKeys(map);
});

test("the next half stays as long as the one before it", async () => {
  const map = await spreadMap(SEGMENT_BUCKETS);
  map.setField("crossings", CROSSING);
  map.setField("spread", MOST_SPREAD);
  const seen = new Map<number, number>();
  for (; map.field("spread") !== 0 && seen.size < 10; tick(map, 1))
    seen.set(map.field("spread"), (seen.get(map.field("spread")) ?? 0) + 1);
  const [first, ...halves] = seen;
  assert.deepEqual(first, [MOST_SPREAD, TICKS]);
  assert.deepEqual(
    halves,
    [2, 4, 8].map((part) => [MOST_SPREAD / part, TICKS - 1]),
  );
});

test("who wants memory back gets that room at once", async () => {
  const map = await spreadMap(4 * SEGMENT_BUCKETS);
  const pages = map.arena.core.pagesInUse();
  map.arena.trim();
  assert.deepEqual([map.field("root"), map.field("spread"), map.field("crossings")], [SEGMENT_BUCKETS, 0, 0]);
  assert.ok(map.arena.core.pagesInUse() <= pages - 3);
  checkKeys(map);
});

test("a table of a size of its own stays as it is", async () => {
  for (const [maxEntries, supply] of [
    [100, undefined],
    [10_000, SUPPLY_POOL],
  ] as const) {
    const map = new RawMap(await makeArena(), { kind: KIND_HASH, maxEntries, ...(supply !== undefined && { supply }) });
    const buckets = map.field("root");
    map.setField("crossings", MANY_CROSSINGS);
    map.setField("spread", map.field("mostBuckets"));
    tick(map, 100);
    assert.equal(map.field("root"), buckets);
  }
});

/** A map of 100,000 entries, of which nobody crosses anybody but by saying so. */
function crossable(bytes: number) {
  const { core, words } = makeInside(bytes);
  assert.equal(core.arenaFormat(2, 1), 0);
  core.switchCpu(0);
  const map = core.createMap(KIND_HASH, 4, 8, 100_000, 0, SUPPLY_CACHE, 1, 0);
  const field = (name: keyof typeof LAYOUT.MapHeader): number => words(map + LAYOUT.MapHeader[name])[0] as number;
  return {
    field,
    limit: (pages: number) => words(CONSTANTS.SUPERBLOCK + LAYOUT.Superblock.limitPages).fill(pages),
    used: core.usedPages,
    cross(times: number): void {
      for (let turn = 0; turn < times; turn++) core.countCrossing(core.thisCpu(), map);
      for (let turn = 0; turn < 500 && field("root") < field("spread"); turn++) core.runTables(core.thisCpu());
    },
  };
}

const makeInside = compileInside<{
  arenaFormat(cpus: number, seed: number): number;
  switchCpu(id: number): void;
  thisCpu(): number;
  createMap(...shape: readonly number[]): number;
  countCrossing(area: number, map: number): void;
  runTables(area: number): void;
  usedPages(): number;
}>(`
  export { arenaFormat } from "./arena";
  export { switchCpu, thisCpu } from "./cpu/area";
  export { createMap } from "./maps/lifecycle";
  export { countCrossing, runTables } from "./maps/table/work";
  export { usedPages } from "./mem/pages";
`);

test("eight crossings double a table, the next four again, as far as such tables go", () => {
  const { field, cross } = crossable(64 << 20);
  cross(7);
  assert.equal(field("spread"), 0);
  cross(1);
  assert.equal(field("root"), 2 * SEGMENT_BUCKETS);
  cross(3);
  assert.equal(field("spread"), 2 * SEGMENT_BUCKETS);
  cross(1);
  assert.equal(field("root"), 4 * SEGMENT_BUCKETS);
  for (let round = 0; round < 10; round++) cross(10);
  assert.deepEqual([field("spread"), field("root")], [MOST_SPREAD, MOST_SPREAD]);
});

test("memory that others may need is not taken for it", () => {
  const { field, cross, limit, used } = crossable(64 << 20);
  limit(used() + 63);
  cross(100);
  assert.deepEqual([field("spread"), field("root")], [0, SEGMENT_BUCKETS]);
  limit(used() + 64);
  cross(100);
  assert.deepEqual([field("spread"), field("root")], [2 * SEGMENT_BUCKETS, 2 * SEGMENT_BUCKETS]);
});

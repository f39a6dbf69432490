/** Tables of the size that a scenario wants, which as a rule goes by how many entries there are. */
import { LEVELS } from "../../../src/sim/fiber.ts";
import { Finding } from "../../../src/sim/finding.ts";
import type { World } from "../../../src/sim/world.ts";
import { CONSTANTS, LAYOUT } from "../../../src/wasm/face.ts";

/** Enough for what a scenario inserts on one level of one CPU. */
const SPARE = 32;
/** More places than any map has: what a CPU has below that it gives back. */
const LEAST = -4000;

/**
 * The map's places are `total`, by which its table goes, and every level has places to spare: softirq on CPU 0, where nothing
 * is done, makes up for it.
 */
export function givePlaces(world: World, map: number, total: number): void {
  const first = map + CONSTANTS.MAP_BYTES + LAYOUT.MapCpu.counts;
  let given = 0;
  for (const cpu of world.areas.keys())
    for (const level of LEVELS.keys()) {
      const counts = first + cpu * CONSTANTS.MAP_CPU_BYTES + level * CONSTANTS.LEVEL_COUNT_BYTES;
      const places = world.field(counts, "LevelCount", "live") + SPARE;
      world.setField(counts, "LevelCount", "places", places);
      world.setField(counts, "LevelCount", "least", LEAST);
      given += places;
    }
  const softirq = first + LEVELS.indexOf("softirq") * CONSTANTS.LEVEL_COUNT_BYTES;
  const own = world.field(softirq, "LevelCount", "places");
  world.setField(softirq, "LevelCount", "places", own + total - given);
  world.setField(map, "MapHeader", "places", total);
}

/** How many buckets the table has. */
export function bucketCount(world: World, map: number): number {
  return world.field(map, "MapHeader", "root");
}

/** The table has `buckets` buckets, two at least, and no more than `least` if it may. Only while setting up. */
export function resize(world: World, map: number, buckets: number, least = 2): void {
  const tick = (isThere: () => boolean): void => {
    for (let turn = 0; !isThere() && turn < 64; turn++) world.call("timerTick");
  };
  givePlaces(world, map, world.field(map, "MapHeader", "maxEntries"));
  tick(() => bucketCount(world, map) >= buckets);
  world.setField(map, "MapHeader", "leastBuckets", buckets);
  givePlaces(world, map, 0);
  tick(() => bucketCount(world, map) <= buckets);
  world.setField(map, "MapHeader", "leastBuckets", least);
  const count = bucketCount(world, map);
  if (count !== buckets) throw new Finding("scenario", `the table has ${count} buckets and not ${buckets}`);
}

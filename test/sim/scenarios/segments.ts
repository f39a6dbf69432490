/** The memory of a table that shrinks goes back while others are on their way to it: nobody is there any more. */
import { type Body, task } from "../../../src/sim/fiber.ts";
import { Finding } from "../../../src/sim/finding.ts";
import { bucketOfKey, type HashTable, prepareHash, putKeys } from "../../../src/sim/hash-table.ts";
import type { Scenario } from "../../../src/sim/scenario.ts";
import type { World } from "../../../src/sim/world.ts";
import { CONSTANTS } from "../../../src/wasm/face.ts";
import { tableSegments } from "../../../src/wasm/table.ts";
import { withHash } from "./common.ts";
import { givePlaces, resize } from "./table-size.ts";

/** More than fits into one segment. */
const LARGE = 4000;
/** Among so many is one of the second segment's only bucket. */
const MOST_KEYS = 900;
const FULL = CONSTANTS.SEGMENT_BUCKETS;
/** By which a table of a bucket more than a segment stays as it is. */
const ENOUGH = 2 * FULL;
const RETIRED = "a segment waits for a grace period";
const RETURNED = "a segment has gone back";

function secondSegment(world: World, map: number): number {
  const address = tableSegments((at) => world.memory.load(at) >>> 0, map)[1]?.address;
  if (address === undefined) throw new Finding("scenario", "the table has one segment");
  return address;
}

/** Where a bucket was is memory of others, who write what might as well be one: without a key. */
function writeEmptyBucket(world: World, at: number): void {
  world.memory.store(at, 32 - Math.log2(2 * FULL));
  world.memory.store(at + CONSTANTS.INDEX, FULL);
}

/** Takes the bucket away, then its segment. */
function* shrink(world: World, map: number, segment: number): Body {
  for (let tick = 0; tick < 4; tick++) {
    yield ["timerTick"];
    if (world.field(map, "MapHeader", "retired") !== 0) world.saw(RETIRED);
    else if (world.field(map, "MapHeader", "segments") === 1) {
      world.saw(RETURNED);
      writeEmptyBucket(world, segment);
    }
  }
}

/** Looks a key of it up, then says that it is between two operations. */
function* look(table: HashTable, key: number): Body {
  yield* table.get(key);
  yield ["timerTick"];
}

export const segmentReturned: Scenario = {
  name: "segment-returned",
  doc: "A table's last segment goes back while another CPU, on its way by the directory, has it in hand.",
  cpus: 2,
  bound: 2,
  reaches: [RETIRED, RETURNED],
  prepare(world) {
    const map = world.createHash({ maxEntries: LARGE });
    resize(world, map, FULL + 1, FULL);
    givePlaces(world, map, ENOUGH);
    const segment = secondSegment(world, map);
    const prepared = prepareHash(world, map, MOST_KEYS);
    const key = prepared.keys.findIndex((_, index) => bucketOfKey(prepared, index + 1) === segment) + 1;
    if (key === 0) throw new Finding("scenario", "no key is of the last bucket");
    putKeys(prepared, [key]);
    givePlaces(world, map, 0);
    return () =>
      withHash(prepared, (table) => [task(0, () => shrink(world, map, segment)), task(1, () => look(table, key))]);
  },
};

/**
 * When a table grows and shrinks: a bucket at a time, as deferred work. Whoever sees that there are too many or too few elements
 * for the buckets raises it (`raiseTable`, any context); it runs where memory may be taken. One migrator a map. How a bucket is
 * added and taken away is maps/split.ts.
 */
import { acquire, claim, exchange, peek, publish } from "../base/atomics";
import { push } from "../base/stack";
import { Superblock, superblock } from "../base/superblock";
import { CpuArea } from "../cpu/area";
import { mayRunWork } from "../cpu/context";
import { enterRead, leaveRead } from "../rcu/epoch";
import { placesTaken } from "./count";
import { MAP_BYTES, MAP_CPU_BYTES, MapCpu, MapHeader, mapAt, mapCpu } from "./map";
import { hasSpareSegment, returnSegments } from "./segment";
import { growByOne, shrinkByOne } from "./split";
import { bucketCount, bucketsFor, setRoot } from "./table";

/** Buckets that one run of the work adds or takes away: it is as long as a refill, or a few. */
const STEPS: u32 = 24;
function tablesWord(area: CpuArea): usize {
  return changetype<usize>(area) + offsetof<CpuArea>("tables");
}

function migratorWord(map: MapHeader): usize {
  return changetype<usize>(map) + offsetof<MapHeader>("migrator");
}

/** Whether a table is too small for `elements` (1), too large (-1: below 1.5 a bucket), or neither. */
function wantedChange(map: MapHeader, buckets: u32, elements: u32): i32 {
  if (bucketsFor(elements) > buckets) return buckets < map.mostBuckets ? 1 : 0;
  return elements < buckets + buckets / 2 && buckets > map.leastBuckets ? -1 : 0;
}

/**
 * Asks for the table's deferred work on this CPU, if there is any to do. Any context.
 * The exchange pairs with the publication in runTables: of two that raise, one queues.
 */
export function raiseTable(area: CpuArea, map: MapHeader): void {
  const buckets = bucketCount(map);
  if (wantedChange(map, buckets, placesTaken(map)) == 0 && !hasSpareSegment(map, buckets)) return;
  const node = changetype<usize>(mapCpu(map, area.id));
  const raised = node + offsetof<MapCpu>("tableRaised");
  if (peek(raised) != 0 || exchange(raised, 1) != 0) return;
  push(tablesWord(area), node, node + offsetof<MapCpu>("tableNext"));
}

/**
 * Runs the tables' work raised on this CPU, a step of each, where the context allows it.
 * The exchange pairs with raiseTable: what is taken is linked. The mark goes last: a raise meanwhile is for what this step
 * sees at its end.
 */
export function runTables(area: CpuArea): void {
  if (area.tables == 0 || !mayRunWork(area)) return;
  area.working++;
  let node: usize = exchange(tablesWord(area), 0);
  while (node != 0) {
    const map = mapAt(node - MAP_BYTES - area.id * MAP_CPU_BYTES);
    const next: usize = changetype<MapCpu>(node).tableNext;
    const isBehind = migrate(area, map);
    publish(node + offsetof<MapCpu>("tableRaised"), 0);
    if (isBehind) raiseTable(area, map);
    node = next;
  }
  area.working--;
}

/**
 * What a timer tick does for the tables of all maps: what is due and was not noticed, or could not be done. Task and softirq
 * context.
 * The loads pair with whoever publishes a map on the list.
 */
export function tickTables(area: CpuArea): void {
  enterRead(area);
  let map: usize = acquire(changetype<usize>(superblock()) + offsetof<Superblock>("maps"));
  while (map != 0) {
    if (bucketCount(mapAt(map)) != 0) raiseTable(area, mapAt(map));
    map = acquire(map + offsetof<MapHeader>("next"));
  }
  leaveRead(area);
  runTables(area);
}

/**
 * Whether no CPU has work to do for a map's table: only then may its memory go.
 * Pairs with runTables, which takes the mark off when it is done with the map.
 */
export function tableIdle(map: MapHeader, cpus: u32): bool {
  for (let cpu: u32 = 0; cpu < cpus; cpu++) {
    if (acquire(changetype<usize>(mapCpu(map, cpu)) + offsetof<MapCpu>("tableRaised")) != 0) return false;
  }
  return true;
}

/**
 * Adds or takes away some buckets, unless somebody else is at it. True: there is more to do.
 * Claim and publication pair with each other: the next migrator finds the table as the last one left it.
 */
function migrate(area: CpuArea, map: MapHeader): bool {
  if (!claim(migratorWord(map), 0, area.id + 1)) return false;
  let buckets = bucketCount(map);
  let direction = wantedChange(map, buckets, placesTaken(map));
  let step: u32 = 0;
  // One section for all of them: an element that leaves a chain meanwhile stays one.
  enterRead(area);
  for (; direction != 0 && step < STEPS; step++) {
    if (direction > 0 ? !growByOne(area, map, buckets) : !shrinkByOne(area, map, buckets - 1)) break;
    buckets += direction;
    direction = wantedChange(map, buckets, placesTaken(map));
  }
  leaveRead(area);
  if (buckets != bucketCount(map)) setRoot(map, buckets);
  returnSegments(area, map, buckets);
  publish(migratorWord(map), 0);
  return step == STEPS && direction != 0;
}

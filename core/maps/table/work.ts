/**
 * When a table grows and shrinks: a bucket at a time, as deferred work. Whoever sees that there are too many or too few elements
 * for the buckets raises it (`raiseTable`, any context); it runs where memory may be taken. One migrator a map. How a bucket is
 * added and taken away is maps/table/split.ts.
 */
import { acquire, claim, exchange, peek, publish } from "../../base/atomics";
import { push } from "../../base/stack";
import { Superblock, superblock } from "../../base/superblock";
import { CpuArea } from "../../cpu/area";
import { mayRunWork } from "../../cpu/context";
import { sparePages } from "../../mem/pages";
import { enterRead, leaveRead } from "../../rcu/epoch";
import { placesTaken } from "../count";
import { MAP_BYTES, MAP_CPU_BYTES, MapCpu, MapHeader, mapAt, mapCpu } from "../map";
import { hasSpareSegment, returnSegments } from "./segment";
import { growByOne, shrinkByOne } from "./split";
import { bucketCount, bucketsFor, segmentsFor, setRoot } from "./table";

/** Buckets that one run of the work adds or takes away: it is as long as a refill, or a few. */
const STEPS: u32 = 24;
/** What each crossing counts, and how much doubles a table: each tick halves it, so one is forgotten after seventeen. */
export const CROSSING: u32 = 0x10000;
export const MANY_CROSSINGS: u32 = 8 * CROSSING;
/** From so many buckets on, two CPUs that meet want the same keys and not the same lines. */
export const MOST_SPREAD: u32 = 4096;
/** The part of the pages that are left by which a table may become larger for it. */
const SHARE_OF_SPARE: u32 = 64;

function tablesWord(area: CpuArea): usize {
  return changetype<usize>(area) + offsetof<CpuArea>("tables");
}

function crossingsWord(map: MapHeader): usize {
  return changetype<usize>(map) + offsetof<MapHeader>("crossings");
}

function spreadWord(map: MapHeader): usize {
  return changetype<usize>(map) + offsetof<MapHeader>("spread");
}

function migratorWord(map: MapHeader): usize {
  return changetype<usize>(map) + offsetof<MapHeader>("migrator");
}

/**
 * Whether a table is too small (1), for its elements or for the CPUs that are in each other's way, too large (-1: below 1.5 elements
 * a bucket), or neither.
 */
function wantedChange(map: MapHeader, buckets: u32, elements: u32): i32 {
  const spread = peek(spreadWord(map));
  if (max(bucketsFor(elements), spread) > buckets) return buckets < map.mostBuckets ? 1 : 0;
  return elements < buckets + buckets / 2 && buckets > max(map.leastBuckets, spread) ? -1 : 0;
}

/**
 * Another CPU has changed a bucket in the middle of this one's operation. As a rule it was about another key, and the two wait for
 * each other's cache lines, here and wherever they do not meet: a table with few elements doubles as long as that goes on, up to
 * what it has with `maxEntries` elements. Any context.
 *
 * The words are hints and pair with nothing: of two CPUs that count at once, one may be lost.
 */
export function countCrossing(area: CpuArea, map: MapHeader): void {
  const word = crossingsWord(map);
  const crossings = peek(word) + CROSSING;
  if (crossings < MANY_CROSSINGS) {
    publish(word, crossings);
    return;
  }
  publish(word, crossings / 2);
  const buckets = bucketCount(map);
  const wanted = min(buckets * 2, min(MOST_SPREAD, map.mostBuckets));
  if (wanted <= buckets || peek(spreadWord(map)) > buckets) return;
  // Of what others may need for elements it takes next to nothing.
  if (segmentsFor(wanted) - segmentsFor(buckets) > sparePages() / SHARE_OF_SPARE) return;
  publish(spreadWord(map), wanted);
  area.interruptsOff++;
  raiseTable(area, map);
  area.interruptsOff--;
}

/** The table has no room for crossings any more. Pairs with nothing, as in countCrossing. */
function endSpread(map: MapHeader): void {
  publish(crossingsWord(map), 0);
  publish(spreadWord(map), 0);
}

/**
 * Some time has passed: crossings are forgotten, and when all are, half the room that was made for them goes; the next half later.
 * Pairs with nothing, as in countCrossing.
 */
function forgetCrossings(map: MapHeader): void {
  const crossings = peek(crossingsWord(map));
  if (crossings != 0) {
    publish(crossingsWord(map), crossings / 2);
    return;
  }
  const spread = peek(spreadWord(map));
  if (spread == 0) return;
  publish(spreadWord(map), spread / 2 > map.leastBuckets ? spread / 2 : 0);
  publish(crossingsWord(map), CROSSING / 2);
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
 * Asks for the work of all maps' tables that is due.
 * The loads pair with whoever publishes a map on the list.
 * @param atLeast whether they are to be as small as their elements allow
 */
function raiseTables(area: CpuArea, atLeast: bool): void {
  enterRead(area);
  let map: usize = acquire(changetype<usize>(superblock()) + offsetof<Superblock>("maps"));
  while (map != 0) {
    if (atLeast) endSpread(mapAt(map));
    else forgetCrossings(mapAt(map));
    if (bucketCount(mapAt(map)) != 0) raiseTable(area, mapAt(map));
    map = acquire(map + offsetof<MapHeader>("next"));
  }
  leaveRead(area);
}

/**
 * What a timer tick does for the tables of all maps: what is due and was not noticed, or could not be done. Task and softirq
 * context.
 */
export function tickTables(area: CpuArea): void {
  raiseTables(area, false);
  runTables(area);
}

/** For whoever wants memory back: all tables become as small as their elements allow. Task context. */
export function shrinkTables(area: CpuArea): void {
  raiseTables(area, true);
  while (area.tables != 0 && mayRunWork(area)) runTables(area);
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

/**
 * Giving back runs of arena maps (maps/arena/arena-map.ts) that have no page any more. A sweep marks those that it finds empty; when a grace
 * period is over since, nobody is in what was in them, and those that are still marked go: whoever has a page in one meanwhile takes the
 * mark off. One CPU sweeps a map at a time, nobody waits for it, and if it dies the next one goes on.
 */
import { acquire, claim, peek, publish } from "../../base/atomics";
import { Superblock, superblock } from "../../base/superblock";
import { CpuArea, cpuArea } from "../../cpu/area";
import { mayPrefill } from "../../cpu/context";
import { transferOf } from "../../cpu/intent";
import { freePages } from "../../mem/pages";
import { enterRead, gracePeriodEnded, gracePeriodTarget, leaveRead, NORMAL, TASKS_TRACE } from "../../rcu/epoch";
import { MapHeader, mapAt } from "../map";
import {
  ARENA_ADDRESS,
  ARENA_PAGES,
  ARENA_SWEPT,
  arenaRuns,
  arenaRunWord,
  KIND_ARENA,
  SWEEP_DUE,
  SWEEP_IDLE,
  SWEEP_WAITING,
} from "./arena-map";

function sweeperWord(map: MapHeader): usize {
  return changetype<usize>(map) + offsetof<MapHeader>("sweeper");
}

function sweepWord(map: MapHeader): usize {
  return changetype<usize>(map) + offsetof<MapHeader>("sweep");
}

/** Whether a run is there and has no page. */
function isEmpty(word: u32): bool {
  return (word & ARENA_ADDRESS) != 0 && (word & ARENA_PAGES) == 0;
}

/** Marks runs that are empty; whether there are any. The claim pairs with whoever keeps a run: that takes the mark off. */
function markEmpty(map: MapHeader): bool {
  let found = false;
  for (let run: u32 = 0; run < arenaRuns(map); run++) {
    const at = arenaRunWord(map, run);
    const word = peek(at);
    if (isEmpty(word) && claim(at, word, word | ARENA_SWEPT)) found = true;
  }
  return found;
}

/** Gives a marked run back. The claim pairs with whoever keeps the run: one of the two has it. */
function freeRun(area: CpuArea, map: MapHeader, at: usize, word: u32): void {
  const transfer = transferOf(area);
  // There is one run on its way at a time.
  area.interruptsOff++;
  transfer.table = <u32>changetype<usize>(map);
  transfer.run = word & ARENA_ADDRESS;
  if (claim(at, word, word & ~(ARENA_ADDRESS | ARENA_SWEPT))) freePages(<usize>(word & ARENA_ADDRESS));
  else transfer.run = 0;
  transfer.table = 0;
  area.interruptsOff--;
}

/** Gives back the runs that are still marked. */
function freeMarked(area: CpuArea, map: MapHeader): void {
  for (let run: u32 = 0; run < arenaRuns(map); run++) {
    const at = arenaRunWord(map, run);
    const word = peek(at);
    if (isEmpty(word) && (word & ARENA_SWEPT) != 0) freeRun(area, map, at, word);
  }
}

/** Whether nobody is in what was in the marked runs. */
function isOver(map: MapHeader): bool {
  return gracePeriodEnded(NORMAL, map.sweepTarget) && gracePeriodEnded(TASKS_TRACE, map.sweepTraceTarget);
}

/**
 * Takes a sweep of a map further, if nobody else is at it. The publications pair with takePages: what is empty from now on is another
 * sweep's. The last one pairs with the claim of the next sweeper.
 */
function sweep(area: CpuArea, map: MapHeader): void {
  if (peek(sweepWord(map)) == SWEEP_IDLE || !claim(sweeperWord(map), 0, area.id + 1)) return;
  if (peek(sweepWord(map)) == SWEEP_WAITING && isOver(map)) {
    freeMarked(area, map);
    publish(sweepWord(map), SWEEP_DUE);
  }
  if (peek(sweepWord(map)) == SWEEP_DUE) {
    publish(sweepWord(map), SWEEP_IDLE);
    if (markEmpty(map)) {
      map.sweepTarget = gracePeriodTarget(NORMAL);
      map.sweepTraceTarget = gracePeriodTarget(TASKS_TRACE);
      publish(sweepWord(map), SWEEP_WAITING);
    }
  }
  publish(sweeperWord(map), 0);
}

/**
 * Takes the sweeps of all arena maps further. Task and softirq context; waits for nobody.
 * The loads pair with whoever publishes a map on the list.
 */
export function sweepArenaMaps(area: CpuArea): void {
  if (!mayPrefill(area)) return;
  enterRead(area);
  let map: usize = acquire(changetype<usize>(superblock()) + offsetof<Superblock>("maps"));
  while (map != 0) {
    if (mapAt(map).kind == KIND_ARENA) sweep(area, mapAt(map));
    map = acquire(map + offsetof<MapHeader>("next"));
  }
  leaveRead(area);
}

/**
 * Reaping: a dead CPU sweeps no longer, and the run that was on its way is in its place or is not. If it died while it marked, the next
 * one marks anew. The publications pair with the claim of the next sweeper.
 */
export function settleArenaMap(map: MapHeader, cpu: u32): void {
  const transfer = transferOf(cpuArea(cpu));
  if (transfer.table == <u32>changetype<usize>(map)) {
    if (isArenaRunOf(map, transfer.run)) transfer.run = 0;
    transfer.table = 0;
  }
  if (peek(sweeperWord(map)) != cpu + 1) return;
  if (peek(sweepWord(map)) == SWEEP_IDLE) publish(sweepWord(map), SWEEP_DUE);
  publish(sweeperWord(map), 0);
}

/** Whether a run of pages is one of the map's. Nobody else changes the map's word of it. */
export function isArenaRunOf(map: MapHeader, address: u32): bool {
  if (map.kind != KIND_ARENA || map.storage == 0 || address == 0) return false;
  for (let run: u32 = 0; run < arenaRuns(map); run++) {
    if ((peek(arenaRunWord(map, run)) & ARENA_ADDRESS) == address) return true;
  }
  return false;
}

/** Gives all runs back: the map goes. From wherever a former attempt was cut off. */
export function emptyArenaMap(area: CpuArea, map: MapHeader): void {
  if (map.storage == 0) return;
  const transfer = transferOf(area);
  for (let run: u32 = 0; run < arenaRuns(map); run++) {
    const at = arenaRunWord(map, run);
    const address = load<u32>(at) & ARENA_ADDRESS;
    if (address == 0) continue;
    transfer.run = address;
    store<u32>(at, 0);
    freePages(address);
  }
}

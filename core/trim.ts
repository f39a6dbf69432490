/**
 * Giving back what is cached and not in use: every allocator's caches of this thread's CPUs, and of CPUs that nobody holds,
 * and what waits there for a callback. Task context.
 */
import { interruptsOn } from "./alloc/deferred";
import { emptyCache } from "./alloc/refill";
import { firstSet } from "./alloc/register";
import { cacheOf, setAt } from "./alloc/set";
import { acquire, claim, publish } from "./base/atomics";
import { Superblock, superblock } from "./base/superblock";
import { BORROWED, CpuArea, cpuArea, switchCpu, thisCpu } from "./cpu/area";
import { mayRunWork } from "./cpu/context";
import { LEVELS } from "./cpu/intent";
import { controlLock, lock, unlock } from "./cpu/lock";
import { renewBudget } from "./cpu/wait";
import { sweepArenaMaps } from "./maps/arena/sweep";
import { levelCount } from "./maps/count";
import { MapHeader, mapAt } from "./maps/map";
import { shrinkTables } from "./maps/table/work";
import { usedPages } from "./mem/pages";
import { trimSlab } from "./mem/slab";
import { ALL_CALLBACKS, runCallbacks } from "./rcu/callback";
import { betweenOperations, enterRead, leaveRead } from "./rcu/epoch";

/**
 * Begins the grace periods, and sees both flavours' end if no reader is in the way; then the same of the companions that the
 * objects have let go of (alloc/companion.ts).
 */
const ROUNDS: u32 = 6;

/** Trims the caches of the CPU that this instance acts as; what was prefilled stays. */
function trimThisCpu(): void {
  const area = thisCpu();
  if (!mayRunWork(area)) return;
  area.working++;
  for (let round: u32 = 0; round < ROUNDS && lock(controlLock()); round++) {
    for (let set = firstSet(); set != 0; set = setAt(set).nextSet) {
      emptyCache(area, cacheOf(set, area.id));
    }
    unlock(controlLock());
    runCallbacks(area, ALL_CALLBACKS);
  }
  area.working--;
  interruptsOn(area);
}

/** Ticks without an operation on a map after which a CPU's caches are given back. */
const IDLE_TICKS: u32 = 16;

/**
 * A number that every operation of a CPU on a hash makes larger: the sum of its operations' numbers on all of them.
 * The loads pair with whoever publishes a map on the list.
 */
function operationsOf(area: CpuArea): u32 {
  let sum: u32 = 0;
  enterRead(area);
  let map: usize = acquire(changetype<usize>(superblock()) + offsetof<Superblock>("maps"));
  while (map != 0) {
    for (let level: u32 = 0; level < LEVELS; level++) sum += levelCount(mapAt(map), area.id, level).operation;
    map = acquire(map + offsetof<MapHeader>("next"));
  }
  leaveRead(area);
  return sum;
}

/** What a timer tick does for a CPU that has had nothing to do for a while: once, its caches go back. */
export function trimWhenIdle(area: CpuArea): void {
  const operations = operationsOf(area);
  if (operations != area.seenOperations) {
    area.seenOperations = operations;
    area.idleTicks = 0;
  } else if (++area.idleTicks == IDLE_TICKS) {
    trimThisCpu();
    trimSlab();
  }
}

/** Acts as another CPU for as long as a trim takes, on the same budget. */
function trimAs(cpu: u32): void {
  const before = thisCpu();
  const borrowed = cpuArea(cpu);
  borrowed.spinsLeft = before.spinsLeft;
  switchCpu(cpu);
  trimThisCpu();
  switchCpu(before.id);
  before.spinsLeft = borrowed.spinsLeft;
}

/**
 * Trims the CPUs that the thread `token` holds and those that are free, which are borrowed one at a time; then the tables and
 * the slabs.
 * Never waits for a reader: what one still holds up goes with a later trim.
 * Claim and publication pair as those of takeCpu and releaseCpu. One's own slot needs no pair to be seen.
 */
export function trimCpus(token: u32): void {
  const cpus = superblock().cpus;
  renewBudget(thisCpu());
  for (let cpu: u32 = 0; cpu < cpus; cpu++) {
    const word = changetype<usize>(cpuArea(cpu)) + offsetof<CpuArea>("owner");
    if (acquire(word) == token) trimAs(cpu);
    else if (claim(word, 0, token | BORROWED)) {
      trimAs(cpu);
      publish(word, 0);
    }
  }
  trimTables(token);
  trimSlab();
}

/** Makes the tables as small as they may be, for as long as that gives pages back: each round a segment of each, and empty runs of arena maps. */
function trimTables(token: u32): void {
  const cpus = superblock().cpus;
  let before: u32;
  let rounds: u32 = 0;
  do {
    before = usedPages();
    for (let cpu: u32 = 0; cpu < cpus; cpu++) {
      const area = cpuArea(cpu);
      // Its thread is here, and so in no operation.
      if (area.owner == token) betweenOperations(area);
    }
    shrinkTables(thisCpu());
    sweepArenaMaps(thisCpu());
  } while (++rounds < ROUNDS || usedPages() < before);
}

/**
 * Reaping: giving the slot of a dead thread free, with all that it held. The thread may have died at any instruction. What
 * it was doing is finished or undone from what its CPU's intents say (cpu/intent.ts); its locks are released, its caches'
 * objects wait for whoever trims them or holds the CPU next, and it no longer holds up a grace period.
 *
 * The caller knows that the thread is dead: nothing in shared memory can tell.
 */
import { Cache, queueWork, takeRaised, WORK_RAISED, WORK_RUNNING } from "../alloc/cache";
import { classCount, freeObjectAllocator, setOfClass } from "../alloc/object-allocator";
import { firstSet } from "../alloc/register";
import { isServed, postsOf } from "../alloc/serve";
import { cacheOf, setAt, setOf } from "../alloc/set";
import { acquire, claim, peek, publish } from "../base/atomics";
import { chainLength } from "../base/chain";
import { EAGAIN, EINVAL, ENOENT, ETIMEDOUT } from "../base/errno";
import { superblock } from "../base/superblock";
import {
  CpuArea,
  cpuArea,
  leaveSections,
  ownerWord,
  reaperWord,
  releaseCpu,
  serverWord,
  switchCpu,
  thisCpu,
} from "../cpu/area";
import {
  BUILDING_ALLOCATOR,
  endTransfer,
  intentsAt,
  LEVELS,
  Transfer,
  transferCount,
  transferFirst,
  transferOf,
} from "../cpu/intent";
import { controlLock, lock, unlock } from "../cpu/lock";
import { settleSpinLocks } from "../cpu/spin-lock";
import { renewBudget } from "../cpu/wait";
import { isArenaRunOf } from "../maps/arena/sweep";
import { breakMapLocks } from "../maps/dispatch";
import { MapHeader, mapAt, mapSet } from "../maps/map";
import { closeAll, isListed, linkDying } from "../maps/registry";
import { isStorageOf } from "../maps/storage";
import { gatheredToPool } from "../maps/table/element";
import { isSegmentOf } from "../maps/table/segment";
import { disownBytes, freeManaged, isManaged } from "../mem/managed";
import { descriptor, PAGE_SLAB, pageOf } from "../mem/pages";
import { CLASS_RUN, returnFromTransfer } from "../mem/slab";
import { enterRead, gracePeriodTarget, leaveRead, NORMAL } from "../rcu/epoch";
import { settleSet, unmarkCache } from "./caches";
import { settleLocks, settleRun } from "./memory";

/** Releases the locks of maps' own that the CPU has. False: it has to be tried again. */
function breakLocks(cpu: u32): bool {
  let complete = true;
  for (let map: usize = superblock().maps; map != 0; map = mapAt(map).next)
    complete = breakMapLocks(mapAt(map), cpu) && complete;
  for (let map: usize = superblock().dyingMaps; map != 0; map = mapAt(map).next)
    complete = breakMapLocks(mapAt(map), cpu) && complete;
  return complete;
}

/**
 * The CPU's cache of every allocator. False: it has to be tried again.
 * Settling one looks at others, which therefore have no marks; what goes to a pool goes by way of an intent, when none is in use.
 */
function settleSets(dead: CpuArea): bool {
  let complete = true;
  for (let set = firstSet(); set != 0; set = setAt(set).nextSet) unmarkCache(dead, cacheOf(set, dead.id));
  for (let set = firstSet(); set != 0; set = setAt(set).nextSet) {
    complete = settleSet(dead, set, 0) && complete;
  }
  for (let set = firstSet(); complete && set != 0; set = setAt(set).nextSet) {
    if (setAt(set).pooled != 0) gatheredToPool(dead, mapAt(setAt(set).owner), cacheOf(set, dead.id));
  }
  return complete;
}

/** All CPUs' caches of an allocator that the CPU was building or freeing, if it has been set up. */
function settleBuiltSet(dead: CpuArea, set: usize): void {
  const cpus = superblock().cpus;
  if (setAt(set).formatted == 0) return;
  for (let cpu: u32 = 0; cpu < cpus; cpu++) unmarkCache(dead, cacheOf(set, cpu));
  settleSet(dead, set, cpus);
}

/** A map that was on its way is set down with the dying: whoever frees them goes on where this CPU stopped. */
function settleMap(dead: CpuArea, map: MapHeader): void {
  // It goes with the map, not with the CPU.
  disownBytes(map.description);
  if (!isListed(changetype<usize>(map))) {
    for (let index: u32 = 0; index < map.sets; index++) settleBuiltSet(dead, mapSet(map, index));
    linkDying(map);
  }
}

/**
 * A map that a dead CPU names and that is on a list is the list's. Before anybody else can have the control plane's lock, which the
 * dead CPU has: whoever has it may free the map, and then it would be set down once more. Whoever dies of it leaves the same to do.
 */
function leaveListed(dead: CpuArea): void {
  const building = transferOf(dead).building;
  if (building == 0 || (building & BUILDING_ALLOCATOR) != 0 || !isListed(building)) return;
  disownBytes(mapAt(building).description);
  transferOf(dead).building = 0;
}

function settleAllocator(dead: CpuArea, allocator: usize): void {
  for (let index: u32 = 0; index < classCount(allocator); index++) {
    settleBuiltSet(dead, setOfClass(allocator, index));
  }
}

/** Whether the run that was on its way is part of the map or allocator that was being built, or of a map's table. */
function isPlaced(dead: CpuArea): bool {
  const transfer = transferOf(dead);
  const building = transfer.building;
  const run = transfer.run;
  const table: usize = transfer.table;
  if (table != 0 && isSegmentOf(mapAt(table), run)) return true;
  if (building == 0) return false;
  const holder = building & ~BUILDING_ALLOCATOR;
  if (holder == run) return true;
  if ((building & BUILDING_ALLOCATOR) != 0) return false;
  const map = mapAt(holder);
  return isStorageOf(map, run) || isSegmentOf(map, run) || isArenaRunOf(map, run);
}

/**
 * Whether a cache's work is on its CPU's list.
 * Pairs with queueWork: what is on the list is linked.
 */
function isQueued(area: CpuArea, cache: usize): bool {
  let each: usize = acquire(changetype<usize>(area) + offsetof<CpuArea>("work"));
  while (each != 0 && each != cache) each = changetype<Cache>(each).workNext;
  return each != 0;
}

/** Times that a list is looked at for work whose CPU may be about to put it there: three instructions of it. */
const LOOKS: u32 = 256;

/** As isQueued, or about to be: the CPU marks work as raised before it queues it. */
function isQueuedSoon(area: CpuArea, cache: usize): bool {
  const word = changetype<usize>(area) + offsetof<CpuArea>("work");
  for (let look: u32 = 0; look < LOOKS; look++) if (peek(word) != 0 && isQueued(area, cache)) return true;
  return false;
}

/**
 * Work of another CPU that a helper had taken and not done is that CPU's again.
 * Load and claim pair with the exchange of raiseWork, the publication with isServed.
 */
function settleServed(dead: CpuArea): void {
  const transfer = transferOf(dead);
  if (transfer.servedCpu == 0) return;
  const area = cpuArea(transfer.servedCpu - 1);
  const current = changetype<Cache>(<usize>transfer.served);
  let rest: usize = transfer.servedRest;
  // The helper may have died before it took anything.
  if (rest != 0 && isQueued(area, rest)) rest = 0;
  while (rest != 0) {
    const cache = changetype<Cache>(rest);
    rest = cache.workNext;
    queueWork(area, cache);
  }
  const raised = changetype<usize>(current) + offsetof<Cache>("workRaised");
  // In the middle of it, or before it began; or after its end, and the CPU has raised it again.
  const isBegun = transfer.served != 0 && claim(raised, WORK_RUNNING, WORK_RAISED);
  const inDoubt = transfer.served != 0 && !isBegun && acquire(raised) == WORK_RAISED;
  if (isBegun || (inDoubt && !isQueuedSoon(area, transfer.served))) queueWork(area, current);
  transfer.served = 0;
  transfer.servedRest = 0;
  publish(changetype<usize>(transfer) + offsetof<Transfer>("servedCpu"), 0);
}

/**
 * Gives back what the dead CPU's transfer has, objects of class `index`, as that CPU: if this thread dies of it, one CPU has died
 * while it gave something back, and whoever reaps it next knows about that. On this CPU's budget.
 */
function returnAs(dead: CpuArea, area: CpuArea, index: u32): void {
  dead.spinsLeft = area.spinsLeft;
  switchCpu(dead.id);
  returnFromTransfer(index);
  switchCpu(area.id);
  area.spinsLeft = dead.spinsLeft;
}

/**
 * A transfer that concerns none of the CPU's own caches: memory of the control plane, or a helper's (alloc/serve.ts).
 * The publication pairs with withinLimit, as that of setOwned.
 */
function settleTransfer(area: CpuArea, dead: CpuArea): void {
  const transfer = transferOf(dead);
  const object = transferFirst(transfer);
  if (transfer.active == 0) return;
  const cache = changetype<Cache>(<usize>transfer.cache);
  if (transfer.cache != 0 && postsOf(cache) != transfer.posts) {
    // The helper had brought it, and counted it before.
  } else if (transfer.cache != 0) {
    publish(changetype<usize>(cache) + offsetof<Cache>("owned"), <u32>transfer.base);
    returnAs(dead, area, setOf(cache).slabClass);
  } else if (transferCount(transfer) != 0 && !isManaged(dead, object) && dead.waitingCallbacks != object) {
    const page = descriptor(pageOf(object));
    returnAs(dead, area, page.state == PAGE_SLAB ? page.slabClass : CLASS_RUN);
  }
  endTransfer(dead);
}

/** Callbacks that were being moved from one list to the next are on the latter; they wait for a grace period anew. */
function settleCallbacks(dead: CpuArea): void {
  if (dead.waitingCallbacks != 0 && dead.callbacks == dead.waitingCallbacks) dead.callbacks = 0;
  dead.callbackCount = chainLength(dead.callbacks);
  dead.waitingCallbackCount = chainLength(dead.waitingCallbacks);
  dead.callbackTarget = gracePeriodTarget(NORMAL);
}

/** What the thread that held the CPU was in the middle of, apart from memory: nothing of it is left. */
function resetArea(area: CpuArea): void {
  area.level = 0;
  area.interruptsOff = 0;
  area.ownInterruptsOff = 0;
  area.working = 0;
  area.task = 0;
  area.work = 0;
  area.tables = 0;
  for (let level: u32 = 0; level < LEVELS; level++) {
    intentsAt(area, level).first = 0;
    intentsAt(area, level).second = 0;
  }
}

/** All that is found by way of the lists of maps and allocators. Caller has the control plane's lock. */
function settleListed(area: CpuArea, dead: CpuArea): bool {
  const building = transferOf(dead).building;
  if (!breakLocks(dead.id)) return false;
  closeAll(dead.id);
  enterRead(area);
  const complete = settleSets(dead);
  leaveRead(area);
  if (!complete) return false;
  if ((building & BUILDING_ALLOCATOR) != 0) settleAllocator(dead, building & ~BUILDING_ALLOCATOR);
  else if (building != 0) settleMap(dead, mapAt(building));
  return true;
}

/**
 * What the CPU was reaping is another's to reap, and whom it served another's to serve. The claims pair with those of `reapCpu` and
 * becomeServer.
 */
function leaveOthers(dead: CpuArea): void {
  const cpus = superblock().cpus;
  for (let cpu: u32 = 0; cpu < cpus; cpu++) {
    claim(reaperWord(cpuArea(cpu)), dead.id + 1, 0);
    claim(serverWord(cpuArea(cpu)), dead.id + 1, 0);
  }
}

/**
 * Finishes or undoes all that a dead CPU was doing, and frees its slot. 0 or -EAGAIN.
 * The publication pairs with `lock` of whoever waits.
 */
function settleCpu(area: CpuArea, dead: CpuArea): i32 {
  const transfer = transferOf(dead);
  // A helper begins to serve only where there is work; the marks go with the caches.
  takeRaised(dead);
  if (isServed(dead) || !settleLocks(dead)) return -EAGAIN;
  if (peek(controlLock()) == dead.id + 1) {
    leaveListed(dead);
    publish(controlLock(), 0);
  }
  settleSpinLocks(dead);
  leaveSections(dead);
  if (!lock(controlLock())) return -EAGAIN;
  const complete = settleListed(area, dead);
  unlock(controlLock());
  if (!complete) return -EAGAIN;
  // First: what the transfer gives back as the dead CPU names runs of its own.
  settleRun(dead, isPlaced(dead));
  settleTransfer(area, dead);
  settleServed(dead);
  transfer.table = 0;
  const building = transfer.building;
  const isAllocator = (building & BUILDING_ALLOCATOR) != 0;
  if (isAllocator && freeObjectAllocator(area, building & ~BUILDING_ALLOCATOR) == -ETIMEDOUT) return -EAGAIN;
  transfer.building = 0;
  freeManaged(dead);
  if (transfer.managed != 0) return -EAGAIN;
  settleCallbacks(dead);
  leaveOthers(dead);
  resetArea(dead);
  releaseCpu(dead.id, 0);
  return 0;
}

/**
 * Frees the slot of a CPU whose thread is dead. Task context, on another CPU.
 * The claim pairs with the publication at the end of the last reaper: one reaps a CPU at a time, and who comes second finds
 * that the slot is no longer the dead thread's.
 * @param owner what the slot's `owner` was when the thread was known to be dead: only then is it reaped
 * @returns 0; -EINVAL: there is no such CPU, or it is this one; -ENOENT: the slot is not (any more) that thread's; -EAGAIN:
 * another CPU is in the middle of something that has to be over first (or is dead as well): the slot stays held, call again
 */
export function reapCpu(cpu: u32, owner: u32): i32 {
  const area = thisCpu();
  if (cpu >= superblock().cpus || cpu == area.id || owner == 0) return -EINVAL;
  renewBudget(area);
  const dead = cpuArea(cpu);
  if (!claim(reaperWord(dead), 0, area.id + 1)) return -EAGAIN;
  const result = acquire(ownerWord(dead)) == owner ? settleCpu(area, dead) : -ENOENT;
  publish(reaperWord(dead), 0);
  return result;
}

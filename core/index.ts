/**
 * The core's only door: every function that the control plane, programs and tests may call, and where the fields lie
 * that they may read. Addresses are u32; functions return 0 or -errno unless their own comment says otherwise.
 */

import { ownedObjects } from "./alloc/allocator";
import { runWork, runWorkThread, tick } from "./alloc/deferred";
import {
  createObjectAllocator as createAllocator,
  destroyObjectAllocator as destroyAllocator,
} from "./alloc/object-allocator";
import { serveCpu as serve } from "./alloc/serve";
import { claim, peek } from "./base/atomics";
import { ETIMEDOUT } from "./base/errno";
import { superblock } from "./base/superblock";
import {
  BORROWED,
  cpuArea,
  LEAVING,
  ownerWord,
  releaseCpu as release,
  switchCpu,
  takeCpu as take,
  thisCpu,
} from "./cpu/area";
import { enterContext, leaveContext, mayRunWork, setContext } from "./cpu/context";
import { transferOf } from "./cpu/intent";
import { controlLock, lock, unlock } from "./cpu/lock";
import { memoryErrno, renewBudget } from "./cpu/wait";
import { sweepArenaMaps } from "./maps/arena/sweep";
import { letWorkRun } from "./maps/deferred";
import { finishBuilding, reapMaps as freeDyingMaps } from "./maps/lifecycle";
import { closeAll, findMap as find, openMap as open } from "./maps/registry";
import { runTables, tickTables } from "./maps/table/work";
import { freeBytes as free, freeManaged } from "./mem/managed";
import { usedPages } from "./mem/pages";
import { trimSlab } from "./mem/slab";
import {
  betweenOperations,
  enterRead,
  enterTrace,
  gracePeriodEnded,
  gracePeriodTarget,
  leaveRead,
  leaveTrace,
} from "./rcu/epoch";
import { trimWhenIdle } from "./trim";

export { objectAllocate, objectCopy, objectFree, objectFreeRcu, objectSize } from "./alloc/object";
export {
  allocatorBytes,
  isObjectAllocator,
  listAllocators,
  objectAllocatorIdle,
  objectPrefill,
  objectTrim,
  setFor as objectSet,
} from "./alloc/object-allocator";
export { objectCopyOf, objectFreeOf, objectFreeRcuOf, objectSizeOf } from "./alloc/object-check";
export { objectArm, objectArmedSize, objectDisarm, setAllocatorDebug } from "./alloc/object-debug";
export { withdrawPrefill } from "./alloc/prefill";
export { arenaFormat } from "./arena";
export { checkArena, enroll } from "./attach";
export { LAYOUT_VERSION } from "./base/superblock";
export { switchCpu } from "./cpu/area";
export {
  probeRead,
  probeReadEither,
  probeReadEitherString,
  probeReadKernel,
  probeReadKernelString,
  probeReadString,
  taskComm,
} from "./cpu/program";
export { spinLock, spinUnlock } from "./cpu/spin-lock";
export { freezeMap } from "./maps/access";
export { arenaAt, arenaLoad, arenaStore } from "./maps/arena/access";
export {
  arenaAllocatePages,
  arenaFreePages,
  arenaNextPage,
  arenaReservePages,
  arenaRunCount,
  arenaTouchPage,
  placeArenaMap,
} from "./maps/arena/arena-map";
export {
  arrayDelete,
  arrayGet,
  arrayGetLocked,
  arrayLookup,
  arrayNextKey,
  arrayUpdate,
  percpuArrayGet,
  percpuArrayLookup,
  percpuArrayLookupOn,
  percpuArrayUpdate,
  percpuArrayUpdateAll,
} from "./maps/array";
export { bloomHas, bloomPush, bloomPushValue } from "./maps/bloom";
export { mapCount, mapPrefill, mapScan, mapScanKeys, setValueLock } from "./maps/dispatch";
export { hashClear } from "./maps/hash/clear";
export { hashCompareDelete, hashDelete, hashTake } from "./maps/hash/delete";
export { hashCompareUpdate, hashUpdate, percpuHashUpdateAll } from "./maps/hash/hash";
export { hashGetLocked, hashTakeLocked } from "./maps/hash/locked";
export { hashGet, hashLookup, percpuHashGet, percpuHashLookup, percpuHashLookupOn } from "./maps/hash/lookup";
export { lruGet, lruLookup, lruPercpuLookup, lruPercpuLookupOn } from "./maps/hash/lru";
export { hashNextKey } from "./maps/hash/next";
export { variableHashGet } from "./maps/hash/variable";
export { hashDelete4, hashDelete8, hashGet4, hashGet8, hashSet4, hashUpdate4, hashUpdate8 } from "./maps/hash/word";
export {
  arrayOfMapsDelete,
  arrayOfMapsGet,
  arrayOfMapsLookup,
  arrayOfMapsUpdate,
  hashOfMapsGet,
  hashOfMapsLookup,
  hashOfMapsUpdate,
} from "./maps/inner";
export { createMap, destroyMap, destroyNamed, discardMap, publishMap, shareAccount } from "./maps/lifecycle";
export { mapAddMany, mapDeleteMany, mapGetMany, mapScanColumns, mapSetMany } from "./maps/many";
export { mapEntryBytes } from "./maps/map";
export { arrayChange, hashChange } from "./maps/modify";
export { closeMap } from "./maps/registry";
export { perfClose, perfConsume, perfIsOpen, perfLost, perfOpen, perfOutput } from "./maps/ring/perf-buffer";
export { queuePeek, queuePeekValue, queuePop, queuePopValue } from "./maps/ring/queue";
export { pushValue, ringPush } from "./maps/ring/ring";
export {
  ringbufConsume,
  ringbufDiscard,
  ringbufOutput,
  ringbufQuery,
  ringbufReserve,
  ringbufSubmit,
} from "./maps/ring/ringbuf";
export { stackPeek, stackPeekValue, stackPop, stackPopValue } from "./maps/ring/stack";
export { userRingbufBegin, userRingbufEnd, userRingbufNext, userRingbufPass } from "./maps/ring/user-ringbuf";
export { stackTraceDelete, stackTraceGet } from "./maps/stack-trace";
export { orderedGet } from "./maps/tree/ordered";
export {
  orderedCompareDelete,
  orderedCompareUpdate,
  orderedDelete,
  orderedTake,
  orderedUpdate,
} from "./maps/tree/ordered-update";
export { orderedGetAt, orderedKeys, STAMP_BYTES } from "./maps/tree/ordered-walk";
export { trieGet, trieLookup } from "./maps/tree/trie";
export { trieKeyAfter, trieNextKey } from "./maps/tree/trie-next";
export { trieDelete, trieUpdate } from "./maps/tree/trie-update";
export { allocateBytes } from "./mem/managed";
export { isSeenAlive } from "./recovery/living";
export { reapCpu } from "./recovery/reap";
export { trimCpus } from "./trim";

/** As `takeCpu` of cpu/area.ts: the thread has read nothing yet. */
export function takeCpu(id: i32, token: u32): i32 {
  const cpu = take(id, token);
  if (cpu >= 0) betweenOperations(cpuArea(cpu));
  return cpu;
}

/** Gives memory back that `allocateBytes` handed out; 0 and an errno of its are ignored. Cannot fail: at worst it goes with the CPU. */
export function freeBytes(address: usize): void {
  renewBudget(thisCpu());
  free(address);
}

/** The address of the map named so, 0 if there is none, ETIMEDOUT if the lists are behind a lock that is not let go. */
export function findMap(name: usize): usize {
  renewBudget(thisCpu());
  return find(name);
}

/** As findMap, and the map is open on this CPU until `closeMap`. */
export function openMap(name: usize): usize {
  renewBudget(thisCpu());
  return open(name);
}

/** Frees destroyed maps that nobody can be inside any more; maps that still have to wait. */
export function reapMaps(): u32 {
  renewBudget(thisCpu());
  return freeDyingMaps();
}

/** Gives the empty slabs that classes keep back to the pages. */
export function trimSlabs(): void {
  renewBudget(thisCpu());
  trimSlab();
}

/**
 * Gives a slot back that this thread holds, and acts as, with what belongs to its holder: open maps, what it is building, its
 * memory (mem/managed.ts). Where a lock is not let go something stays; `finishLeaving` then goes on with it. Task context.
 */
export function releaseCpu(cpu: u32): void {
  const area = cpuArea(cpu);
  renewBudget(area);
  const closed = lock(controlLock());
  if (closed) {
    closeAll(cpu);
    unlock(controlLock());
  }
  freeDyingMaps();
  freeManaged(area);
  const transfer = transferOf(area);
  const isLeft = closed && transfer.building == 0 && transfer.managed == 0;
  release(cpu, isLeft ? 0 : LEAVING);
}

/**
 * Gives back what threads had to leave behind in their slots, as far as the locks can be had now. The slots are borrowed one at
 * a time by the thread `token`. Task context.
 * The claim pairs with the publication of releaseCpu: what was left is as it was left.
 */
export function finishLeaving(token: u32): void {
  const before = thisCpu().id;
  for (let cpu: u32 = 0; cpu < superblock().cpus; cpu++) {
    const word = ownerWord(cpuArea(cpu));
    if (peek(word) != LEAVING || !claim(word, LEAVING, token | BORROWED)) continue;
    switchCpu(cpu);
    releaseCpu(cpu);
    switchCpu(before);
  }
}

/** As `createObjectAllocator` of alloc/object.ts; what this CPU could not finish before goes first. */
export function createObjectAllocator(size: u32, perCpu: u32, limit: u32): usize {
  const area = thisCpu();
  renewBudget(area);
  return finishBuilding(area) ? createAllocator(size, perCpu, limit) : memoryErrno(area);
}

/** As `destroyObjectAllocator` of alloc/object-allocator.ts; what this CPU could not finish before goes first. */
export function destroyObjectAllocator(allocator: usize): i32 {
  const area = thisCpu();
  renewBudget(area);
  return finishBuilding(area) ? destroyAllocator(allocator) : -ETIMEDOUT;
}

/** Begins a read section on this CPU; a program run is one. */
export function readEnter(): void {
  enterRead(thisCpu());
}

export function readLeave(): void {
  leaveRead(thisCpu());
}

/** As readEnter, for a sleepable program's run: holds up tasks-trace grace periods only. */
export function traceEnter(): void {
  enterTrace(thisCpu());
}

export function traceLeave(): void {
  leaveTrace(thisCpu());
}

/** A grace period of a flavour (0 normal, 1 tasks-trace) from now on: what `gracePeriodOver` takes. */
export function gracePeriodStart(flavour: u32): u32 {
  return gracePeriodTarget(flavour);
}

/** Whether that grace period is over; helps it along, never waits. */
export function gracePeriodOver(flavour: u32, target: u32): u32 {
  return gracePeriodEnded(flavour, target) ? 1 : 0;
}

/**
 * Puts this CPU in a context without running what is due.
 * @param level 0 task, 1 softirq, 2 hardirq, 3 nmi
 */
export function contextSet(level: u32, interruptsOff: u32): void {
  setContext(thisCpu(), level, interruptsOff != 0);
}

/** Interrupts this CPU by a context of `level`; nests. Returns what `contextLeave` takes. */
export function contextEnter(level: u32): u32 {
  return enterContext(thisCpu(), level);
}

/** Back to the interrupted context; work that became due runs if interrupts are on there. */
export function contextLeave(below: u32): void {
  const area = thisCpu();
  leaveContext(area, below);
  renewBudget(area);
  letWorkRun(area);
}

/**
 * Interrupts came on for a moment (or for good): raised work runs, unless on RT.
 * @returns items that ran
 */
export function interruptsCameOn(): u32 {
  const area = thisCpu();
  if (workPending() == 0) return 0;
  renewBudget(area);
  const saved = area.interruptsOff;
  area.interruptsOff = 0;
  const ran = mayRunWork(area) ? runWork(area) : 0;
  runTables(area);
  area.interruptsOff = saved;
  return ran;
}

/** PREEMPT_RT: the CPU's work thread gets to run; returns the items that ran. */
export function workThreadRuns(): u32 {
  const area = thisCpu();
  setContext(area, 0, false);
  renewBudget(area);
  const ran = runWorkThread(area);
  runTables(area);
  return ran;
}

/** Watermarks of allocators created from now on: 0 fixed, as Linux's, 1 adaptive. */
export function setAdaptive(value: u32): void {
  superblock().adaptive = value;
}

/** From now on deferred work belongs to threads (1) or runs when interrupts come on (0). */
export function setRealTime(value: u32): void {
  superblock().realTime = value;
}

/**
 * Does the raised work of CPU `cpu`, whose thread never does it (an AudioWorklet), and what tables of maps want; returns the
 * caches that a batch was brought for.
 */
export function serveCpu(cpu: u32): u32 {
  renewBudget(thisCpu());
  const served = serve(thisCpu(), cpuArea(cpu));
  tickTables(thisCpu());
  return served;
}

/** Whether this CPU has raised work that has not run. */
export function workPending(): u32 {
  return (thisCpu().work | thisCpu().tables) != 0 ? 1 : 0;
}

/**
 * What a timer tick does on this CPU: raised work, callbacks whose grace period is over, and, after a while without an
 * operation, giving back what is cached.
 */
export function timerTick(): void {
  betweenOperations(thisCpu());
  tick(thisCpu());
  tickTables(thisCpu());
  sweepArenaMaps(thisCpu());
  trimWhenIdle(thisCpu());
}

export function setCurrentTask(record: u32): void {
  thisCpu().task = record;
}

/** Area of the CPU this instance acts as. */
export function currentArea(): u32 {
  return <u32>changetype<usize>(thisCpu());
}

export function cpuAreaAddress(cpu: u32): u32 {
  return <u32>changetype<usize>(cpuArea(cpu));
}

export function cpuCount(): u32 {
  return superblock().cpus;
}

/** Objects that a map's allocator (descriptor field `elements` or `values`) has from the slab. */
export function allocatorOwned(set: u32): u32 {
  return ownedObjects(set);
}

export function pagesInUse(): u32 {
  return usedPages();
}

/** Bytes of pages that may be in use at once from now on; what is in use stays. */
export function setLimit(pages: u32): void {
  superblock().limitPages = pages;
}

export function setForceDynamic(value: u32): void {
  superblock().forceDynamic = value;
}

/** Semantics of maps created from now on: 0 anyctx, 1 linux. */
export function setProfile(value: u32): void {
  superblock().profile = value;
}

/**
 * A CPU's cache of free objects: what stands between any context and the slab.
 *
 * ```
 *              takeObjects (refill, at `low`)
 *    slab ───────────────────────────────────────► free ──alloc──► in use
 *     ▲                                             ▲ ▲              │
 *     │ grace period over             refill steals │ └─────free─────┤
 *     │                                             │                │ free while `active` is busy
 *   waiting ◄── one batch in flight ── byGp ◄─trim──┴── (at `high`)  ▼
 *   (tasks-trace, then normal)          ▲ ▲──────────drained────── extra
 *                                       │
 *                  waitingRcu ──────────┘ ◄── byRcu ◄── freeRcu (a normal grace period before any reuse)
 * ```
 * List equation, summed over the CPUs (an object may be freed on another CPU than it came from):
 * free + extra + byGp + waiting + byRcu + waitingRcu + inbox + prefilled + depot + in use == owned
 *
 * Who may touch what: everything belongs to the CPU. On that CPU an interrupting context may come in between any two
 * accesses: interrupts are off around the lists, and `active` keeps NMIs out, which interrupts-off does not. Whoever
 * moved `active` from 0 to 1 owns `free`; another one gets no object from alloc and frees to `extra`, which is atomic.
 */
import { addAndFetch, claim, exchange, peek, publish } from "../base/atomics";
import { expect } from "../base/check";
import { push } from "../base/stack";
import { CpuArea } from "../cpu/area";
import { contextRow } from "../cpu/context";
import { nameObject, objectPlaced } from "../cpu/intent";

/** Three cache lines: what alloc and free touch, the trimmed and the counters, what is rarely used. */
@unmanaged
export class Cache {
  /** Objects ready to hand out, last freed first; linked through their first word. */
  free: u32;
  freeCount: u32;
  /** Nesting of alloc and free on this CPU. */
  active: u32;
  low: u32;
  high: u32;
  batch: u32;
  /** How far the deferred work is: WORK_IDLE ... Atomic: see raiseWork. */
  workRaised: u32;
  workNext: u32;
  /** Objects taken from the slab minus objects given back. Atomic where there is an account. */
  owned: i32;
  /** Freed while `active` was busy. Atomic: an NMI pushes in the middle of a push. */
  extra: u32;
  /**
   * Tag << 32 | first prefilled object (alloc/prefill.ts), and how many have not been used. Atomic: an NMI may take one in
   * between.
   */
  prefilled: u64;
  prefilledCount: u32;
  /** The set that the cache is of (alloc/set.ts): an address. */
  set: u32;
  extraCount: u32;
  refills: u32;

  /** Trimmed objects that wait for their grace period to begin. */
  byGp: u32;
  byGpCount: u32;
  /**
   * The batch in flight: returns to the slab once the epoch is `waitingTarget`. 0: none is in flight; a refill may have
   * emptied one that is.
   */
  waiting: u32;
  waitingCount: u32;
  waitingTarget: u32;
  /** Flavour of the grace period in flight for `waiting`: tasks-trace first, then normal. */
  waitingFlavour: u32;
  /** Age of the batch in flight: runs of the work that found its grace period held up by a reader. */
  waitingAge: u32;
  trims: u32;
  /** Objects a refill took back from byGp and waiting, and those it took from the depot. */
  reused: u32;
  steals: u32;
  gracePeriods: u32;
  /** Allocations that found nothing, by context row (cpu/context.ts). */
  missTask: u32;
  missSoftirq: u32;
  missInterruptsOff: u32;
  missHardirq: u32;
  missNmi: u32;

  /** Freed by freeRcu: may be used again after a normal grace period. Queued, and the batch in flight. */
  byRcu: u32;
  byRcuCount: u32;
  waitingRcu: u32;
  waitingRcuCount: u32;
  /** 0: no batch is in flight. */
  rcuTarget: u32;
  /** How far below the low watermark bursts went lately; decays. In sixteenths of an object. */
  burst: u32;
  /**
   * Posts so far << 32 | first of the objects that a helper thread brought for a CPU that never refills itself
   * (alloc/serve.ts). Atomic.
   */
  inbox: u64;
  /** Misses of all contexts when the watermarks were last set. */
  missesSeen: u32;
  /** Objects that were kept less than the fixed watermarks would have, summed over the work's runs, and not yet spent. */
  savings: i32;
  /** Objects that a helper brings at once (alloc/reserve.ts); 0: this CPU refills the cache itself. */
  reserve: u32;
}

export const CACHE_BYTES: usize = 192;

/** Cache.workRaised: nothing to do; on the CPU's list, or about to be; a thread is at it. Only an idle cache may be freed. */
export const WORK_IDLE: u32 = 0;
export const WORK_RAISED: u32 = 1;
export const WORK_RUNNING: u32 = 2;

function workWord(area: CpuArea): usize {
  return changetype<usize>(area) + offsetof<CpuArea>("work");
}

function markOf(cache: Cache): usize {
  return changetype<usize>(cache) + offsetof<Cache>("workRaised");
}

/**
 * Asks for this cache's deferred work on this CPU. Asking again before it ran changes nothing; while it runs, whoever runs it
 * queues it again.
 * The exchange pairs with beginWork and endWork: of two that raise, one queues.
 */
export function raiseWork(area: CpuArea, cache: Cache): void {
  const mark = markOf(cache);
  if (peek(mark) == WORK_RAISED || exchange(mark, WORK_RAISED) != WORK_IDLE) return;
  queueWork(area, cache);
}

/**
 * The work is being done from now on.
 * Published before the runner looks at the counts, so that a raise which came too late for it has it done again. Pairs with
 * the exchange of raiseWork.
 */
export function beginWork(cache: Cache): void {
  publish(markOf(cache), WORK_RUNNING);
}

/**
 * The work has been done, and whoever did it touches the cache no more; unless it was raised meanwhile: then it goes onto its
 * CPU's list again.
 * The claim pairs with the exchange of raiseWork, and with whoever waits until an allocator is idle.
 * @param area of the CPU whose cache it is
 */
export function endWork(area: CpuArea, cache: Cache): void {
  if (!claim(markOf(cache), WORK_RUNNING, WORK_IDLE)) queueWork(area, cache);
}

/** Puts work that is marked as raised on a CPU's list. */
export function queueWork(area: CpuArea, cache: Cache): void {
  const address = changetype<usize>(cache);
  push(workWord(area), address, address + offsetof<Cache>("workNext"));
}

/**
 * Takes everything raised so far: a chain through `workNext`.
 * Pairs with queueWork: a cache that is taken is linked.
 */
export function takeRaised(area: CpuArea): usize {
  return exchange(workWord(area), 0);
}

/** Counts an allocation that failed for good, in the context it failed in. */
export function cacheMissed(area: CpuArea, cache: Cache): void {
  const counter = changetype<usize>(cache) + offsetof<Cache>("missTask") + contextRow(area) * 4;
  store<u32>(counter, load<u32>(counter) + 1);
}

/**
 * Takes one object from the cache into `intent` (cpu/intent.ts). Never waits, takes no lock, any context. Interrupts go
 * off and come back on; the caller then lets raised work run (alloc/deferred.ts).
 *
 * `interruptsOff` and `active` are written back as they were read rather than counted down: whoever interrupts us
 * leaves them as he found them, and the stores need not wait for each other.
 * @param bits what the intent says of the object
 * @returns the object's address (its header), not zeroed; 0 when the cache has none or its list is in use below us
 */
export function cacheTake(area: CpuArea, cache: Cache, intent: usize, bits: u64): usize {
  const saved = area.interruptsOff;
  area.interruptsOff = saved + 1;
  const nested = cache.active;
  cache.active = nested + 1;
  let object: usize = 0;
  let count = cache.freeCount;
  if (nested == 0) {
    object = cache.free;
    if (object != 0) {
      expect(cache.freeCount != 0);
      nameObject(intent, object, changetype<usize>(cache), bits);
      cache.free = load<u32>(object);
      cache.freeCount = --count;
    }
  }
  cache.active = nested;
  // Raised before interrupts come on: another task of this CPU could drain the cache in between and find its own
  // raise coalesced with one that has not run.
  if (count < cache.low) raiseWork(area, cache);
  area.interruptsOff = saved;
  return object;
}

/**
 * Gives one object to this CPU's cache, whichever CPU it came from. Cannot fail, any context. The object leaves `intent`
 * before the list is free for others: what else the intent says stays.
 */
export function cacheGive(area: CpuArea, cache: Cache, object: usize, intent: usize): void {
  const saved = area.interruptsOff;
  area.interruptsOff = saved + 1;
  const nested = cache.active;
  cache.active = nested + 1;
  let count = cache.freeCount;
  expect(object != cache.free);
  if (nested == 0) {
    store<u32>(object, cache.free);
    cache.free = <u32>object;
    cache.freeCount = ++count;
  } else {
    pushExtra(cache, object);
  }
  objectPlaced(intent);
  cache.active = nested;
  if (count > cache.high) raiseWork(area, cache);
  area.interruptsOff = saved;
}

/** Puts a chain of `count` objects on `free` in one go: `active` is busy for three stores, however long the chain. */
export function spliceFree(area: CpuArea, cache: Cache, first: usize, last: usize, count: u32): void {
  area.interruptsOff++;
  cache.active++;
  store<u32>(last, cache.free);
  cache.free = <u32>first;
  cache.freeCount += count;
  cache.active--;
  area.interruptsOff--;
}

/** The last of `count` objects of a chain. */
export function lastOf(first: usize, count: u32): usize {
  let last = first;
  for (let index: u32 = 1; index < count; index++) last = load<u32>(last);
  return last;
}

/**
 * Frees an object that is used again only after a grace period. Cannot fail, any context: the list is atomic, so that
 * an NMI in between is harmless. The work that starts the grace period is raised each time; raising twice is nothing.
 * The count pairs with nothing: it is brought into line by startRcu.
 */
export function cacheGiveRcu(area: CpuArea, cache: Cache, object: usize): void {
  const saved = area.interruptsOff;
  area.interruptsOff = saved + 1;
  push(changetype<usize>(cache) + offsetof<Cache>("byRcu"), object, object);
  addAndFetch(changetype<usize>(cache) + offsetof<Cache>("byRcuCount"), 1);
  // While a batch waits, its end will take the next one along.
  if (cache.rcuTarget == 0 || cache.byRcuCount >= cache.high) raiseWork(area, cache);
  area.interruptsOff = saved;
}

/**
 * Only contexts of one CPU meet here; the exchange keeps an NMI in between harmless.
 * The count pairs with nothing: it is for reports.
 */
function pushExtra(cache: Cache, object: usize): void {
  push(changetype<usize>(cache) + offsetof<Cache>("extra"), object, object);
  addAndFetch(changetype<usize>(cache) + offsetof<Cache>("extraCount"), 1);
}

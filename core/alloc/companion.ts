/**
 * Companions: an element of a per-CPU hash has a value in another set of objects, one copy for each CPU. It keeps it while it
 * is deleted and used again, so that a new key costs one allocation and not two, and lets go of it when it goes back to the
 * slab. A refill gives them to what it takes from the slab; where there was none, whoever uses the object looks for one. What comes
 * from the slab has none before a transfer has it (takeObjects): a thread may die before it says so itself.
 */
import { CpuArea } from "../cpu/area";
import {
  clearIntent,
  intentsOf,
  nameObject,
  secondIntent,
  transferCount,
  transferFirst,
  transferOf,
} from "../cpu/intent";
import { HEADER_BYTES } from "../mem/slab";
import { Cache, raiseWork, spliceFree } from "./cache";
import { cacheOf, setOf } from "./set";

/**
 * Takes one companion into an intent; 0: there is none. Not by cacheTake, which raises work: the set may be about to go, or not
 * be on any list yet. Deferred work: no context is at the list below.
 */
function takeCompanion(area: CpuArea, companions: Cache, intent: usize): usize {
  area.interruptsOff++;
  companions.active++;
  const companion: usize = companions.free;
  if (companion != 0) {
    nameObject(intent, companion, changetype<usize>(companions), 0);
    companions.free = load<u32>(companion);
    companions.freeCount--;
  }
  companions.active--;
  area.interruptsOff--;
  return companion;
}

/**
 * The objects in the transfer, fresh from the slab, get companions, as far as there are any. An intent has each until its
 * object names it.
 */
export function takeCompanions(area: CpuArea, cache: Cache): void {
  const set = setOf(cache);
  const companions = cacheOf(set.companions, area.id);
  const intent = secondIntent(intentsOf(area));
  const transfer = transferOf(area);
  let object = transferFirst(transfer);
  for (let count = transferCount(transfer); count > 0; count--) {
    const companion = takeCompanion(area, companions, intent);
    if (companion == 0) return;
    store<u32>(object + set.companionAt, <u32>(companion + HEADER_BYTES));
    clearIntent(intent);
    object = load<u32>(object);
  }
}

/** What the objects have let go of may be too much for the companions' cache. */
export function trimCompanions(area: CpuArea, cache: Cache): void {
  const companions = cacheOf(setOf(cache).companions, area.id);
  if (companions.freeCount > companions.high) raiseWork(area, companions);
}

/**
 * The objects in the transfer go back to the slab: their companions go to this CPU's cache. An object names its companion until
 * an intent has it; whoever finds it in both believes the object (recovery/caches.ts).
 */
export function releaseCompanions(area: CpuArea, cache: Cache): void {
  const set = setOf(cache);
  const companions = cacheOf(set.companions, area.id);
  const intent = secondIntent(intentsOf(area));
  const transfer = transferOf(area);
  let object = transferFirst(transfer);
  for (let count = transferCount(transfer); count > 0; count--) {
    const payload = load<u32>(object + set.companionAt);
    if (payload != 0) {
      const companion = <usize>payload - HEADER_BYTES;
      nameObject(intent, companion, changetype<usize>(companions), 0);
      store<u32>(object + set.companionAt, 0);
      // Not by cacheGive, as in takeCompanion.
      spliceFree(area, companions, companion, companion, 1);
      clearIntent(intent);
    }
    object = load<u32>(object);
  }
}

/**
 * What one CPU has too much of and another may need: where elements are always allocated on one CPU and freed on
 * another, the freeing CPU's waiting lists would grow as long as a reader holds up their grace period, while the other
 * takes new memory from the slab. Beyond a bound they go to a list that all CPUs' refills look at first. The objects stay
 * of this allocator, so no grace period is needed.
 *
 * The depot is part of the set and has a lock of its own. Task and softirq context.
 */

import { CpuArea } from "../cpu/area";
import { beginTransfer, endTransfer, transferCount, transferFirst, transferOf } from "../cpu/intent";
import { lock, unlock } from "../cpu/lock";
import { Cache, lastOf, spliceFree } from "./cache";
import { CacheSet, setOf } from "./set";

export function depotLock(set: CacheSet): usize {
  return changetype<usize>(set) + offsetof<CacheSet>("depotLock");
}

/** Gives what the transfer has to the depot. False: the lock cannot be had, and the transfer still has it. */
export function giveToDepot(area: CpuArea, cache: Cache): bool {
  const set = setOf(cache);
  if (!lock(depotLock(set))) return false;
  const transfer = transferOf(area);
  const first = transferFirst(transfer);
  const count = transferCount(transfer);
  store<u32>(lastOf(first, count), set.depot);
  set.depot = <u32>first;
  set.depotCount += count;
  endTransfer(area);
  unlock(depotLock(set));
  return true;
}

/** Moves up to `count` objects of the depot to this CPU's `free`; how many that were. */
export function takeFromDepot(area: CpuArea, cache: Cache, count: u32): u32 {
  const set = setOf(cache);
  if (set.depot == 0 || !lock(depotLock(set))) return 0;
  const first: usize = set.depot;
  const moved = min(count, set.depotCount);
  const last = moved != 0 ? lastOf(first, moved) : 0;
  if (moved != 0) {
    beginTransfer(area, changetype<usize>(cache), cache.owned - moved, first, moved);
    set.depot = load<u32>(last);
    set.depotCount -= moved;
  }
  unlock(depotLock(set));
  if (moved == 0) return 0;
  cache.steals += moved;
  spliceFree(area, cache, first, last, moved);
  endTransfer(area);
  return moved;
}

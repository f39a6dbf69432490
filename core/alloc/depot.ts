/**
 * What one CPU has too much of and another may need: where elements are always allocated on one CPU and freed on
 * another, the freeing CPU's waiting lists would grow as long as a reader holds up their grace period, while the other
 * takes new memory from the slab. Beyond a bound they go to a list that all CPUs' refills look at first. The objects stay
 * of this allocator, so no grace period is needed.
 *
 * The list hangs on the first CPU's cache and has a lock of its own. Task and softirq context.
 */
import { CpuArea } from "../cpu/area";
import { beginTransfer, endTransfer, transferCount, transferFirst, transferOf } from "../cpu/intent";
import { lock, unlock } from "../cpu/lock";
import { Cache, lastOf, spliceFree } from "./cache";

export function depotLock(home: Cache): usize {
  return changetype<usize>(home) + offsetof<Cache>("depotLock");
}

/** Gives what is in hand to the surplus. False: the lock cannot be had, and it still is in hand. */
export function giveToDepot(area: CpuArea, cache: Cache): bool {
  const home = changetype<Cache>(<usize>cache.home);
  if (!lock(depotLock(home))) return false;
  const transfer = transferOf(area);
  const first = transferFirst(transfer);
  const count = transferCount(transfer);
  store<u32>(lastOf(first, count), home.depot);
  home.depot = <u32>first;
  home.depotCount += count;
  endTransfer(area);
  unlock(depotLock(home));
  return true;
}

/** Moves up to `count` objects of the surplus to this CPU's `free`; how many that were. */
export function takeFromDepot(area: CpuArea, cache: Cache, count: u32): u32 {
  const home = changetype<Cache>(<usize>cache.home);
  if (home.depot == 0 || !lock(depotLock(home))) return 0;
  const first: usize = home.depot;
  const moved = min(count, home.depotCount);
  const last = moved != 0 ? lastOf(first, moved) : 0;
  if (moved != 0) {
    beginTransfer(area, changetype<usize>(cache), cache.owned - moved, first, moved);
    home.depot = load<u32>(last);
    home.depotCount -= moved;
  }
  unlock(depotLock(home));
  if (moved == 0) return 0;
  cache.steals += moved;
  spliceFree(area, cache, first, last, moved);
  endTransfer(area);
  return moved;
}

/**
 * The spin lock of the slow paths (pages, slab classes, lists of the control plane). The word is the owner's CPU + 1.
 * Held for a bounded number of steps, with interrupts off, never in hardirq or NMI context: so a CPU never meets its own
 * lock. A thread that died holds its locks until its CPU is reaped; so nobody waits for ever.
 */
import { claim, peek, publish } from "../base/atomics";
import { check } from "../base/check";
import { EBUSY, ETIMEDOUT } from "../base/errno";
import { Superblock, superblock } from "../base/superblock";
import { CpuArea, NMI, thisCpu } from "./area";

/**
 * Loads that a waiter spends before it gives up: about half a second (Linux's rqspinlock: a quarter). A living holder
 * lets go long before, even if its thread is not running for some time slices.
 */
export const LOCK_SPINS: u32 = 1 << 28;

/** Loads an NMI spends on what another CPU has locked. */
export const NMI_SPINS: u32 = 4096;

/**
 * Locks a word from any context; `unlock` lets go. Pairs with `unlock`: what the last holder wrote is visible.
 * @returns 0; -EBUSY if this CPU itself has the lock further down, or an NMI has waited its share; -ETIMEDOUT if the holder
 * did not let go: its thread is dead and waits to be reaped
 */
export function lockAnywhere(area: CpuArea, word: usize): i32 {
  const mine = area.id + 1;
  const most = area.level == NMI ? NMI_SPINS : LOCK_SPINS;
  area.interruptsOff++;
  let spins: u32 = 0;
  while (!claim(word, 0, mine)) {
    const isOwn = peek(word) == mine;
    // Wait with loads: the line stays shared until the holder lets go.
    while (!isOwn && peek(word) != 0 && spins < most) spins++;
    if (!isOwn && spins < most) continue;
    area.interruptsOff--;
    return isOwn || area.level == NMI ? -EBUSY : -ETIMEDOUT;
  }
  return 0;
}

/** `lockAnywhere` where this CPU cannot have the lock and no NMI comes. False: the holder did not let go in time. */
export function lock(word: usize): bool {
  const area: CpuArea = thisCpu();
  const mine = area.id + 1;
  check(peek(word) != mine);
  return lockAnywhere(area, word) == 0;
}

/** Pairs with `lock`. Interrupts come back on; work raised meanwhile runs at the caller's next `interruptsOn`. */
export function unlock(word: usize): void {
  check(peek(word) == thisCpu().id + 1);
  publish(word, 0);
  thisCpu().interruptsOff--;
}

/** The lock of the control plane: lists of maps and allocators, and what belongs to CPUs (mem/managed.ts). */
export function controlLock(): usize {
  return changetype<usize>(superblock()) + offsetof<Superblock>("controlLock");
}

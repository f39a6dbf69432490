/**
 * The spin lock of the slow paths (pages, slab classes, lists of the control plane). The word is the owner's CPU + 1.
 * Held for a bounded number of steps, with interrupts off, never in hardirq or NMI context: so a CPU never meets its own
 * lock. A thread that died holds its locks until its CPU is reaped; cpu/wait.ts says how long the others wait.
 */
import { claim, peek, publish } from "../base/atomics";
import { check } from "../base/check";
import { Superblock, superblock } from "../base/superblock";
import { CpuArea, thisCpu } from "./area";
import { awaitHolder } from "./wait";

/**
 * Locks a word from any context; `unlock` lets go. Pairs with `unlock`: what the last holder wrote is visible.
 * @returns 0; -EBUSY if this CPU itself has the lock further down, or an NMI has waited its share; -ETIMEDOUT if the holder
 * did not let go: its thread is dead and waits to be reaped
 */
export function lockAnywhere(area: CpuArea, word: usize): i32 {
  const mine = area.id + 1;
  area.interruptsOff++;
  while (!claim(word, 0, mine)) {
    const waited = awaitHolder(area, word);
    if (waited == 0) continue;
    area.interruptsOff--;
    return waited;
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

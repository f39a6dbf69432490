/**
 * The spin lock of the slow paths (pages, slab classes, the list of maps). The word is the owner's CPU + 1. Held for
 * a bounded number of steps, with interrupts off, never in hardirq or NMI context: so a CPU never meets its own lock.
 */
import { acquire, claim, publish } from "../base/atomics";
import { CpuArea, thisCpu } from "./area";

/** Pairs with `unlock`: what the last holder wrote is visible. */
export function lock(word: usize): void {
  const area: CpuArea = thisCpu();
  area.interruptsOff++;
  const mine = area.id + 1;
  while (!claim(word, 0, mine)) {
    // Wait on a plain load: the line stays shared until the holder lets go.
    while (acquire(word) != 0) {}
  }
}

/** Pairs with `lock`. Interrupts come back on; work raised meanwhile runs at the caller's next `interruptsOn`. */
export function unlock(word: usize): void {
  publish(word, 0);
  thisCpu().interruptsOff--;
}

/**
 * When deferred work runs. `interruptsOn` stands wherever interrupts come back on: at the end of every operation that
 * had them off, and where a context ends. On RT, and in hardirq and NMI, the work stays queued.
 */

import { CpuArea } from "../cpu/area";
import { mayRunWork } from "../cpu/context";
import { renewBudget } from "../cpu/wait";
import { ALL_CALLBACKS, runCallbacks } from "../rcu/callback";
import { adaptWatermarks } from "./adaptive";
import { beginWork, Cache, endWork, takeRaised } from "./cache";
import { runCacheWork } from "./refill";
import { fixWatermarks } from "./reserve";
import { setOf } from "./set";

/**
 * Runs all work raised on this CPU. Work raised by the work itself runs too.
 * @returns how many items ran
 */
export function runWork(area: CpuArea): u32 {
  const before = area.worksRun;
  area.working++;
  while (area.work != 0) {
    let next = takeRaised(area);
    while (next != 0) {
      const cache = changetype<Cache>(next);
      next = cache.workNext;
      beginWork(cache);
      area.worksRun++;
      if (setOf(cache).adaptive != 0) adaptWatermarks(cache);
      // A helper looked after the cache before; its thread does so itself now.
      else if (cache.reserve != 0) fixWatermarks(cache);
      runCacheWork(area, cache);
      endWork(area, cache);
    }
  }
  area.working--;
  return area.worksRun - before;
}

/**
 * What the CPU's own work thread does on RT, whenever it gets to run: all raised work, in task context. The caller is
 * between two contexts of this CPU.
 * @returns how many items ran
 */
export function runWorkThread(area: CpuArea): u32 {
  return area.working == 0 ? runWork(area) : 0;
}

/** Runs raised work if the context allows it. Two plain loads when there is nothing to do. */
export function interruptsOn(area: CpuArea): void {
  if (area.work != 0 && mayRunWork(area)) runWork(area);
}

/** What a timer tick does: raised work, then callbacks. Task and softirq context. */
export function tick(area: CpuArea): void {
  if (!mayRunWork(area)) return;
  renewBudget(area);
  runWork(area);
  area.working++;
  runCallbacks(area, ALL_CALLBACKS);
  area.working--;
  interruptsOn(area);
}

/**
 * Callbacks after a grace period, one per object: what every freed element cost before per-CPU caches existed
 * (`call_rcu` and `kfree`). Kept for the headline's third column and for objects without a cache.
 *
 * Two lists per CPU, both only of that CPU: queued, and waiting for the grace period in flight.
 */
import { CpuArea } from "../cpu/area";
import { beginTransfer, endTransfer } from "../cpu/intent";
import { returnFromTransfer } from "../mem/slab";
import { gracePeriodEnded, gracePeriodTarget, NORMAL } from "./epoch";

/** For `runCallbacks`: no bound. */
export const ALL_CALLBACKS: u32 = 0xffffffff;

/**
 * Gives `object` back to slab class `index` after a grace period. The header is the callback's storage: link, class.
 * Task and softirq context.
 */
export function returnAfterGracePeriod(area: CpuArea, object: usize, index: u32): void {
  area.interruptsOff++;
  store<u32>(object, area.callbacks);
  store<u32>(object, index, 4);
  area.callbacks = <u32>object;
  area.callbackCount++;
  area.interruptsOff--;
}

/**
 * Runs callbacks whose grace period is over, `most` of them, and starts a grace period for those queued. Task and softirq
 * context, where no other work moves objects.
 * @returns how many ran
 */
export function runCallbacks(area: CpuArea, most: u32): u32 {
  let ran: u32 = 0;
  if (area.waitingCallbacks != 0 && gracePeriodEnded(NORMAL, area.callbackTarget)) {
    for (let object: usize = area.waitingCallbacks; object != 0 && ran < most; object = area.waitingCallbacks) {
      const index = load<u32>(object, 4);
      // In the transfer first, then off the list: a thread that dies in between is found out (recovery/reap.ts).
      beginTransfer(area, 0, 0, object, 1);
      area.waitingCallbacks = load<u32>(object);
      area.waitingCallbackCount--;
      returnFromTransfer(index);
      endTransfer(area);
      ran++;
    }
  }
  if (area.waitingCallbacks == 0 && area.callbacks != 0) {
    area.waitingCallbacks = area.callbacks;
    area.waitingCallbackCount = area.callbackCount;
    area.callbacks = 0;
    area.callbackCount = 0;
    area.callbackTarget = gracePeriodTarget(NORMAL);
  }
  return ran;
}

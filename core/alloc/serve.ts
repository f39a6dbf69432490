/**
 * Refilling from outside: a thread that may never wait, lock or grow memory (an AudioWorklet, always in NMI context)
 * raises work like any other, but a helper thread does it. The helper takes what was raised, fetches objects from the
 * slab and leaves them in the cache's inbox; the other thread takes the whole inbox by one exchange when its list is
 * empty. Neither ever waits for the other.
 */
import { acquire, claim, exchange, publish } from "../base/atomics";
import { CpuArea } from "../cpu/area";
import { Cache, takeRaised } from "./cache";
import { takeAccounted } from "./refill";

function inboxWord(cache: Cache): usize {
  return changetype<usize>(cache) + offsetof<Cache>("inbox");
}

/** Puts an object into a cache's inbox. Pairs with `adoptInbox`: the link is written before the object is seen. */
function post(cache: Cache, object: usize): void {
  let head: u32;
  do {
    head = acquire(inboxWord(cache));
    store<u32>(object, head);
  } while (!claim(inboxWord(cache), head, <u32>object));
}

/** Fetches one batch for a cache of another CPU. `owned` is this cache's: only the helper changes it. */
function serveCache(cache: Cache): void {
  cache.refills++;
  for (let count = cache.batch; count > 0; count--) {
    const object = takeAccounted(cache);
    if (object == 0) return;
    post(cache, object);
  }
}

/**
 * Does the raised work of a CPU whose own thread never does it. Task context of another thread; one helper a CPU.
 * @returns caches served
 */
export function serveCpu(area: CpuArea): u32 {
  let served: u32 = 0;
  let next = takeRaised(area);
  while (next != 0) {
    const cache = changetype<Cache>(next);
    next = cache.workNext;
    publish(changetype<usize>(cache) + offsetof<Cache>("workRaised"), 0);
    // The count is the other thread's and may be stale: a batch too many waits in the inbox.
    if (cache.freeCount < cache.low) serveCache(cache);
    served++;
  }
  return served;
}

/** Takes what a helper brought into this CPU's own list. Any context, no lock. False: nothing, or the list is in use. */
export function adoptInbox(area: CpuArea, cache: Cache): bool {
  if (acquire(inboxWord(cache)) == 0) return false;
  const held = area.interruptsOff;
  area.interruptsOff = held + 1;
  const nested = cache.active;
  cache.active = nested + 1;
  if (nested == 0) {
    let object: usize = exchange(inboxWord(cache), 0);
    while (object != 0) {
      const next: usize = load<u32>(object);
      store<u32>(object, cache.free);
      cache.free = <u32>object;
      cache.freeCount++;
      object = next;
    }
  }
  cache.active = nested;
  area.interruptsOff = held;
  return nested == 0;
}

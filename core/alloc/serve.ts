/**
 * Refilling from outside: a thread that may never wait, lock or grow memory (an AudioWorklet, always in NMI context)
 * raises work like any other, but a helper thread does it. The helper takes what was raised, fetches objects from the
 * slab and leaves them in the cache's inbox; the other thread takes the whole inbox by one exchange when its list is
 * empty. Neither ever waits for the other.
 */
import { acquire, claim, publish } from "../base/atomics";
import { CpuArea } from "../cpu/area";
import { beginTransfer, endTransfer, handFirst, transferOf } from "../cpu/intent";
import { Cache, lastOf, spliceFree, takeRaised } from "./cache";
import { takeOwned } from "./refill";

function inboxWord(cache: Cache): usize {
  return changetype<usize>(cache) + offsetof<Cache>("inbox");
}

/** Puts a chain into a cache's inbox. Pairs with `adoptInbox`: the links are written before the objects are seen. */
function post(cache: Cache, first: usize, last: usize): void {
  let head: u32;
  do {
    head = acquire(inboxWord(cache));
    store<u32>(last, head);
  } while (!claim(inboxWord(cache), head, <u32>first));
}

/** Fetches one batch for a cache of another CPU. `owned` is this cache's: only the helper changes it. */
function serveCache(helper: CpuArea, cache: Cache): void {
  cache.refills++;
  let wanted = cache.batch;
  // A batch that the account refuses as a whole may fit in part.
  let taken = takeOwned(helper, cache, wanted);
  if (taken == 0 && cache.account != 0) {
    wanted = 1;
    taken = takeOwned(helper, cache, wanted);
  }
  if (taken == 0) return;
  const first = handFirst(transferOf(helper));
  post(cache, first, lastOf(first, taken));
  endTransfer(helper);
}

/**
 * Does the raised work of a CPU whose own thread never does it. Task context of another thread; one helper a CPU.
 * @returns caches served
 */
export function serveCpu(helper: CpuArea, area: CpuArea): u32 {
  let served: u32 = 0;
  let next = takeRaised(area);
  while (next != 0) {
    const cache = changetype<Cache>(next);
    next = cache.workNext;
    publish(changetype<usize>(cache) + offsetof<Cache>("workRaised"), 0);
    // The count is the other thread's and may be stale: a batch too many waits in the inbox.
    if (cache.freeCount < cache.low) serveCache(helper, cache);
    served++;
  }
  return served;
}

/**
 * Takes what a helper brought into this CPU's own list. Any context, no lock. False: nothing, or what it interrupted is in
 * the middle of a transfer.
 */
export function adoptInbox(area: CpuArea, cache: Cache): bool {
  const word = inboxWord(cache);
  if (cache.active != 0 || transferOf(area).active != 0) return false;
  for (let first: usize = acquire(word); first != 0; first = acquire(word)) {
    let count: u32 = 1;
    let last: usize = first;
    for (; load<u32>(last) != 0; count++) last = load<u32>(last);
    beginTransfer(area, changetype<usize>(cache), cache.owned - count, first, count);
    const taken = claim(word, <u32>first, 0);
    if (taken) spliceFree(area, cache, first, last, count);
    endTransfer(area);
    if (taken) return true;
  }
  return false;
}

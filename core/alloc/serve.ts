/**
 * Refilling from outside: a thread that may never wait, lock or grow memory (an AudioWorklet, always in NMI context)
 * raises work like any other, but a helper thread does it. The helper takes what was raised, fetches objects from the
 * slab and leaves them in the cache's inbox; the other thread takes the whole inbox by one exchange when its list is
 * empty. Neither ever waits for the other.
 */
import { acquire, acquire64, claim, claim64, publish } from "../base/atomics";
import { CpuArea } from "../cpu/area";
import { beginTransfer, endTransfer, Transfer, transferFirst, transferOf } from "../cpu/intent";
import { Cache, lastOf, spliceFree } from "./cache";
import { takeOwned } from "./refill";

export function inboxWord(cache: Cache): usize {
  return changetype<usize>(cache) + offsetof<Cache>("inbox");
}

/** Posts of an inbox so far. */
export function postsOf(cache: Cache): u32 {
  return <u32>(acquire64(inboxWord(cache)) >> 32);
}

/**
 * Puts a chain into a cache's inbox. Pairs with `adoptInbox`: the links are written before the objects are seen. The count
 * of posts, which only the helper changes, tells whoever reaps the helper whether it got that far.
 */
function post(cache: Cache, first: usize, last: usize): void {
  const word = inboxWord(cache);
  let inbox: u64;
  do {
    inbox = acquire64(word);
    store<u32>(last, <u32>inbox);
  } while (!claim64(word, inbox, <u64>first | (((inbox >> 32) + 1) << 32)));
}

/** Fetches one batch for a cache of another CPU. `owned` is this cache's: only the helper changes it. */
function serveCache(helper: CpuArea, cache: Cache): void {
  cache.refills++;
  const transfer = transferOf(helper);
  transfer.posts = postsOf(cache);
  let wanted = cache.batch;
  // A batch that the account refuses as a whole may fit in part.
  let taken = takeOwned(helper, cache, wanted);
  if (taken == 0 && cache.account != 0) {
    wanted = 1;
    taken = takeOwned(helper, cache, wanted);
  }
  if (taken == 0) return;
  const first = transferFirst(transfer);
  post(cache, first, lastOf(first, taken));
  endTransfer(helper);
}

/** Takes all work raised on a CPU: it is named as the helper's before it leaves the CPU's list. */
function takeForHelper(transfer: Transfer, area: CpuArea): usize {
  const word = changetype<usize>(area) + offsetof<CpuArea>("work");
  let first: u32;
  transfer.servedCpu = area.id + 1;
  do {
    first = acquire(word);
    transfer.servedRest = first;
  } while (!claim(word, first, 0));
  return first;
}

/**
 * Does the raised work of a CPU whose own thread never does it. Task context of another thread; one helper a CPU.
 * @returns caches served
 */
export function serveCpu(helper: CpuArea, area: CpuArea): u32 {
  const transfer = transferOf(helper);
  let served: u32 = 0;
  let next = takeForHelper(transfer, area);
  while (next != 0) {
    const cache = changetype<Cache>(next);
    next = cache.workNext;
    transfer.served = <u32>changetype<usize>(cache);
    transfer.servedRest = <u32>next;
    publish(changetype<usize>(cache) + offsetof<Cache>("workRaised"), 0);
    // The count is the other thread's and may be stale: a batch too many waits in the inbox.
    if (cache.freeCount < cache.low) serveCache(helper, cache);
    served++;
  }
  transfer.served = 0;
  transfer.servedCpu = 0;
  return served;
}

/**
 * Takes what a helper brought into this CPU's own list. Any context, no lock. False: nothing, or what it interrupted is in
 * the middle of a transfer.
 */
export function adoptInbox(area: CpuArea, cache: Cache): bool {
  const word = inboxWord(cache);
  if (cache.active != 0 || transferOf(area).active != 0) return false;
  for (let inbox = acquire64(word); <u32>inbox != 0; inbox = acquire64(word)) {
    const first = <usize>(<u32>inbox);
    let count: u32 = 1;
    let last: usize = first;
    for (; load<u32>(last) != 0; count++) last = load<u32>(last);
    beginTransfer(area, changetype<usize>(cache), cache.owned - count, first, count);
    const taken = claim64(word, inbox, inbox & ~(<u64>0xffffffff));
    if (taken) spliceFree(area, cache, first, last, count);
    endTransfer(area);
    if (taken) return true;
  }
  return false;
}

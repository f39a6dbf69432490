/**
 * Refilling from outside: a thread that may never wait, lock or grow memory (an AudioWorklet, always in NMI context)
 * raises work like any other, but a helper thread does it. The helper takes what was raised, fetches objects from the
 * slab and leaves them in the cache's inbox; the other thread takes the whole inbox by one exchange when its list is
 * empty. Neither ever waits for the other. How much it brings follows what was used (alloc/reserve.ts).
 */

import { acquire, acquire64, claim, claim64, peek64, publish } from "../base/atomics";
import { pushTagged, tagOf } from "../base/stack";
import { superblock } from "../base/superblock";
import { CpuArea, cpuArea, serverWord } from "../cpu/area";
import { beginTransfer, endTransfer, Transfer, transferFirst, transferOf } from "../cpu/intent";
import { beginWork, Cache, endWork, lastOf, spliceFree } from "./cache";
import { takeOwned } from "./refill";
import { adaptReserve } from "./reserve";
import { setOf } from "./set";

function inboxWord(cache: Cache): usize {
  return changetype<usize>(cache) + offsetof<Cache>("inbox");
}

/** Posts of an inbox so far. */
export function postsOf(cache: Cache): u32 {
  return tagOf(peek64(inboxWord(cache)));
}

/**
 * Fetches one batch for a cache of another CPU, unless what was brought before has not been taken yet. `owned` is this cache's:
 * only the helper changes it.
 * Pairs with the claim of adoptInbox: it has taken all there was.
 */
function serveCache(helper: CpuArea, cache: Cache): bool {
  if (<u32>acquire64(inboxWord(cache)) != 0) return false;
  const set = setOf(cache);
  adaptReserve(cache, set.perCpu != 0 ? set.unit * superblock().cpus : set.unit);
  cache.refills++;
  const transfer = transferOf(helper);
  transfer.posts = postsOf(cache);
  let wanted = cache.batch;
  // A batch that the account refuses as a whole may fit in part.
  let taken = takeOwned(helper, cache, wanted);
  if (taken == 0 && set.account != 0) {
    wanted = 1;
    taken = takeOwned(helper, cache, wanted);
  }
  if (taken == 0) return false;
  const first = transferFirst(transfer);
  // The tag counts posts, which only the helper makes: whoever reaps it knows whether it got that far.
  pushTagged(inboxWord(cache), first, lastOf(first, taken));
  endTransfer(helper);
  return true;
}

function servedCpuWord(helper: CpuArea): usize {
  return changetype<usize>(transferOf(helper)) + offsetof<Transfer>("servedCpu");
}

/**
 * Whether a helper is at the work of a CPU, or died at it.
 * Pairs with takeForHelper and with the publication at the end of serveCpu: the helper is done with the CPU's caches.
 */
export function isServed(area: CpuArea): bool {
  const cpus = superblock().cpus;
  for (let cpu: u32 = 0; cpu < cpus; cpu++) if (acquire(servedCpuWord(cpuArea(cpu))) == area.id + 1) return true;
  return false;
}

/**
 * Whether this helper is now the one of a CPU: there is one at a time. Who died of it is it until it is reaped.
 * The claim pairs with the publication at the end of serveCpu and with a reaper's claim.
 */
function becomeServer(helper: CpuArea, area: CpuArea): bool {
  return claim(serverWord(area), 0, helper.id + 1);
}

/**
 * Takes all work raised on a CPU: it is named as the helper's before it leaves the CPU's list.
 * Load and claim pair with queueWork's push, the publication with isServed: whoever reaps the CPU has taken its work before.
 */
function takeForHelper(helper: CpuArea, area: CpuArea): usize {
  const transfer = transferOf(helper);
  const word = changetype<usize>(area) + offsetof<CpuArea>("work");
  let first: u32;
  publish(servedCpuWord(helper), area.id + 1);
  do {
    first = acquire(word);
    transfer.servedRest = first;
  } while (!claim(word, first, 0));
  return first;
}

/**
 * Does the raised work of a CPU whose own thread never does it. Task context of another thread; while another helper is at it,
 * nothing.
 * The first claim pairs with queueWork's push, the publications with isServed and becomeServer.
 * @returns caches that a batch was brought for
 */
export function serveCpu(helper: CpuArea, area: CpuArea): u32 {
  const transfer = transferOf(helper);
  let served: u32 = 0;
  // Nobody reaps a CPU that is being served: a helper without work is not in the way.
  if (claim(changetype<usize>(area) + offsetof<CpuArea>("work"), 0, 0) || !becomeServer(helper, area)) return 0;
  let next = takeForHelper(helper, area);
  while (next != 0) {
    const cache = changetype<Cache>(next);
    next = cache.workNext;
    transfer.served = <u32>changetype<usize>(cache);
    transfer.servedRest = <u32>next;
    beginWork(cache);
    // The count is the other thread's and may be stale: a batch too many waits in the inbox.
    if (cache.freeCount < cache.low && serveCache(helper, cache)) served++;
    endWork(area, cache);
  }
  transfer.served = 0;
  publish(servedCpuWord(helper), 0);
  publish(serverWord(area), 0);
  return served;
}

/**
 * Takes what a helper brought into this CPU's own list. Any context, no lock. False: nothing, or what it interrupted is in
 * the middle of a transfer.
 * Load and claim pair with the helper's pushTagged: the chain is linked.
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

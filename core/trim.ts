/**
 * Giving back what is cached and not in use: every allocator's caches of this thread's CPUs, and of CPUs that nobody holds,
 * and what waits there for a callback. Task context.
 */
import { interruptsOn } from "./alloc/deferred";
import { emptyCache } from "./alloc/refill";
import { firstSet } from "./alloc/register";
import { cacheOf, setAt } from "./alloc/set";
import { acquire, claim, publish } from "./base/atomics";
import { superblock } from "./base/superblock";
import { BORROWED, CpuArea, cpuArea, switchCpu, TASK, thisCpu } from "./cpu/area";
import { mayRunWork } from "./cpu/context";
import { intentsAt } from "./cpu/intent";
import { controlLock, lock, unlock } from "./cpu/lock";
import { renewBudget } from "./cpu/wait";
import { trimSlab } from "./mem/slab";
import { ALL_CALLBACKS, runCallbacks } from "./rcu/callback";

/** Begins the grace periods, and sees both flavours' end if no reader is in the way. */
const ROUNDS: u32 = 3;

/** Trims the caches of the CPU that this instance acts as; what was prefilled stays. */
function trimThisCpu(): void {
  const area = thisCpu();
  if (!mayRunWork(area)) return;
  area.working++;
  for (let round: u32 = 0; round < ROUNDS && lock(controlLock()); round++) {
    for (let set = firstSet(); set != 0; set = setAt(set).nextSet) {
      emptyCache(area, cacheOf(set, area.id));
    }
    unlock(controlLock());
    runCallbacks(area, ALL_CALLBACKS);
  }
  area.working--;
  interruptsOn(area);
}

/** Ticks without an operation on a map after which a CPU's caches are given back. */
const IDLE_TICKS: u32 = 16;

/** What a timer tick does for a CPU that has had nothing to do for a while: once, its caches go back. */
export function trimWhenIdle(area: CpuArea): void {
  const operation = intentsAt(area, TASK).operation;
  if (operation != area.seenOperation) {
    area.seenOperation = operation;
    area.idleTicks = 0;
  } else if (++area.idleTicks == IDLE_TICKS) {
    trimThisCpu();
    trimSlab();
  }
}

/** Acts as another CPU for as long as a trim takes, on the same budget. */
function trimAs(cpu: u32): void {
  const before = thisCpu();
  const borrowed = cpuArea(cpu);
  borrowed.spinsLeft = before.spinsLeft;
  switchCpu(cpu);
  trimThisCpu();
  switchCpu(before.id);
  before.spinsLeft = borrowed.spinsLeft;
}

/**
 * Trims the CPUs that the thread `token` holds and those that are free, which are borrowed one at a time; then the slabs.
 * Never waits for a reader: what one still holds up goes with a later trim.
 * Claim and publication pair as those of takeCpu and releaseCpu. One's own slot needs no pair to be seen.
 */
export function trimCpus(token: u32): void {
  const cpus = superblock().cpus;
  renewBudget(thisCpu());
  for (let cpu: u32 = 0; cpu < cpus; cpu++) {
    const word = changetype<usize>(cpuArea(cpu)) + offsetof<CpuArea>("owner");
    if (acquire(word) == token) trimAs(cpu);
    else if (claim(word, 0, token | BORROWED)) {
      trimAs(cpu);
      publish(word, 0);
    }
  }
  trimSlab();
}

/**
 * Locks that lie in values and in objects of programs, `struct bpf_spin_lock`: taken by programs around what they change where it lies,
 * and by whoever copies such a value as one (Linux's `kernel/bpf/helpers.c`). The word is the owner's CPU + 1.
 *
 * **Concurrency.** Whoever has one keeps interrupts off, as in Linux. Who finds it had waits for a bounded time: -ETIMEDOUT where the
 * holder does not let go, -EBUSY at once where it is this CPU further down, and after some microseconds in an NMI (cpu/wait.ts). Before a
 * CPU tries for a lock its area names it, for its context level, until it has let it go: so whoever reaps the CPU lets go what it had,
 * and a word that says something else than who has it is known for that.
 */
import { claim, peek, publish } from "../base/atomics";
import { EDEADLK } from "../base/errno";
import { superblock } from "../base/superblock";
import { CpuArea, cpuArea, thisCpu } from "./area";
import { LEVELS } from "./intent";
import { lockAnywhere } from "./lock";
import { renewBudget } from "./wait";

/** Address of the word that says which lock a context level of a CPU has, or tries for; 0: none. */
function namedWord(area: CpuArea, level: u32): usize {
  return changetype<usize>(area) + offsetof<CpuArea>("spinLockOfTask") + <usize>level * 4;
}

/**
 * Takes the lock at `word`. Any context.
 * The publication pairs with isHad and with whoever reaps: what the CPU may have it has named.
 * @returns 0, -EBUSY, -ETIMEDOUT, or -EDEADLK: this context has one already
 */
export function takeSpinLock(area: CpuArea, word: usize): i32 {
  const named = namedWord(area, area.level);
  if (load<u32>(named) != 0) return -EDEADLK;
  publish(named, <u32>word);
  const locked = lockAnywhere(area, word);
  if (locked != 0) publish(named, 0);
  return locked;
}

/**
 * Lets go of the lock at `word`, which this context has.
 * The first publication pairs with the claim of the next holder, the second with nothing: nobody has the lock by then.
 */
export function dropSpinLock(area: CpuArea, word: usize): void {
  publish(word, 0);
  publish(namedWord(area, area.level), 0);
  area.interruptsOff--;
}

/** As takeSpinLock, an operation of its own: what a program asks for. */
export function spinLock(word: usize): i32 {
  const area = thisCpu();
  renewBudget(area);
  return takeSpinLock(area, word);
}

export function spinUnlock(word: usize): void {
  dropSpinLock(thisCpu(), word);
}

/** Whether somebody has the lock at `word`. Pairs with takeSpinLock: who has it has named it before. */
function isHad(word: usize): bool {
  const holder = peek(word);
  if (holder == 0 || holder > superblock().cpus) return false;
  for (let level: u32 = 0; level < LEVELS; level++)
    if (peek(namedWord(cpuArea(holder - 1), level)) == <u32>word) return true;
  return false;
}

/**
 * Makes a free lock of a word that may say anything, unless somebody has it: of an element that is about to be another entry's.
 * The claim pairs with nothing: a word that is not 0 and that nobody has nobody can take.
 */
export function clearSpinLock(word: usize): void {
  const left = peek(word);
  if (left != 0 && !isHad(word)) claim(word, left, 0);
}

/**
 * Reaping: lets go of the locks that a dead CPU has. Its read section goes on: where they lie is what it was.
 * The publications pair with whoever waits.
 */
export function settleSpinLocks(dead: CpuArea): void {
  for (let level: u32 = 0; level < LEVELS; level++) {
    const named = namedWord(dead, level);
    const word: usize = peek(named);
    if (word != 0 && peek(word) == dead.id + 1) publish(word, 0);
    publish(named, 0);
  }
}

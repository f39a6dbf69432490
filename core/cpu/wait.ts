/**
 * Waiting for what another CPU holds: a lock, or a bucket. A holder lets go after a few stores; one that does not is not
 * running, or its thread is dead, which nothing here can tell. So every wait is bounded:
 *
 * - an operation has one budget of loads for all its waits together (`CpuArea.spinsLeft`), renewed where it begins;
 * - who has waited in vain notes in the holder's area what it did not let go of (`stalledWord`). As long as the holder has
 *   that, it has not moved, and nobody waits for it again: neither for that word nor for anything else of its. Once it has let
 *   go the mark is stale, and whoever finds it so takes it off. So a thread that was only slow is as any other again.
 */
import { claim, peek, publish } from "../base/atomics";
import { EBUSY, ENOMEM, ETIMEDOUT } from "../base/errno";
import { superblock } from "../base/superblock";
import { CpuArea, cpuArea, NMI, stalledWord } from "./area";

/**
 * Loads that an operation spends on waiting, in all: about half a second (Linux's rqspinlock: a quarter). A living holder
 * lets go long before, even if its thread is not running for some time slices.
 */
export const LOCK_SPINS: u32 = 1 << 28;

/**
 * Loads that every wait may spend, budget or not: some microseconds, in which a holder that runs lets go. An NMI spends no
 * more.
 */
export const NMI_SPINS: u32 = 4096;

/** A wait that was shorter says too little of the holder to be noted. */
const TELLING_SPINS: u32 = LOCK_SPINS / 2;

/** Bit of an address: the word is a bucket's control word and has its owner in bits 16-31; otherwise it is the owner's. */
export const IN_BUCKET: usize = 1;
const BUCKET_OWNER_SHIFT: u32 = 16;

/** An operation of this CPU begins: whatever it meets, it waits no longer than one budget. */
export function renewBudget(area: CpuArea): void {
  area.spinsLeft = LOCK_SPINS;
  area.gaveUp = 0;
}

/** Why this operation finds no memory: ENOMEM, or ETIMEDOUT where it gave up waiting for what may be behind a lock. */
export function memoryErrno(area: CpuArea): i32 {
  return area.gaveUp != 0 ? ETIMEDOUT : ENOMEM;
}

/** CPU + 1 that holds a word, 0: nobody. */
function holderOf(held: usize): u32 {
  const word = peek(held & ~IN_BUCKET);
  return (held & IN_BUCKET) != 0 ? word >> BUCKET_OWNER_SHIFT : word;
}

/** Loads, up to `most`, that found the same holder. Loads only: the line stays shared until the holder lets go. */
function spinsWhileHeld(held: usize, holder: u32, most: u32): u32 {
  let spins: u32 = 0;
  while (spins < most && holderOf(held) == holder) spins++;
  return spins;
}

/**
 * Whether a CPU is known not to let go; a stale mark is taken off.
 * The claim pairs with nothing: the mark only says how long to wait.
 */
function isStalled(holder: u32): bool {
  const mark = stalledWord(cpuArea(holder - 1));
  const held: usize = peek(mark);
  if (held == 0) return false;
  if (holderOf(held) == holder) return true;
  claim(mark, <u32>held, 0);
  return false;
}

/**
 * Waits until a word may be tried again.
 * The publication pairs with nothing: the mark only says how long to wait.
 * @param held address of the word, with IN_BUCKET for a bucket's
 * @returns 0: it was let go, or is another's now; -EBUSY if this CPU itself holds it further down, or an NMI has waited its
 * share; -ETIMEDOUT if the holder does not let go: its thread is dead and waits to be reaped
 */
export function awaitHolder(area: CpuArea, held: usize): i32 {
  const holder = holderOf(held);
  if (holder == 0) return 0;
  if (holder == area.id + 1) return -EBUSY;
  // A word that programs can write may say anything.
  if (holder > superblock().cpus) return -ETIMEDOUT;
  if (spinsWhileHeld(held, holder, NMI_SPINS) < NMI_SPINS) return 0;
  if (area.level == NMI) return -EBUSY;
  if (!isStalled(holder)) {
    const most = area.spinsLeft;
    const spins = spinsWhileHeld(held, holder, most);
    area.spinsLeft = most - spins;
    if (spins < most) return 0;
    if (spins >= TELLING_SPINS) publish(stalledWord(cpuArea(holder - 1)), <u32>held);
  }
  area.gaveUp = 1;
  return -ETIMEDOUT;
}

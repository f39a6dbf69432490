/**
 * Grace periods, normal flavour, as epochs (Fraser 2004, section 5.2.3). A reader announces the epoch in which its
 * section began; the epoch advances only when no reader is still in an older one; what was unlinked in epoch e has no
 * reader left once the epoch is e + 2. A CPU that reads nothing announces 0 and never holds a grace period up.
 */
import { acquire, claim, publish } from "../base/atomics";
import { EPOCH_WORD, superblock } from "../base/superblock";
import { CpuArea, cpuArea } from "../cpu/area";

/** The first epoch: 0 means "not reading". */
export const FIRST_EPOCH: u32 = 2;

function readEpochWord(area: CpuArea): usize {
  return changetype<usize>(area) + offsetof<CpuArea>("readEpoch");
}

/**
 * Begins a read section: memory found in it stays what it is until `leaveRead`. Nests. Any context.
 *
 * The store is an atomic one because it must be visible before the section's first load; it pairs with the loads of
 * `tryAdvance`. An announcement that is late (the epoch moved on in between) only delays the next advance.
 */
export function enterRead(area: CpuArea): void {
  if (area.readNesting++ == 0) publish(readEpochWord(area), acquire(EPOCH_WORD));
}

/** Ends a read section. Pairs with `tryAdvance`: the section's loads are done before anyone sees the 0. */
export function leaveRead(area: CpuArea): void {
  if (--area.readNesting == 0) publish(readEpochWord(area), 0);
}

/** The epoch in which what is unlinked before this call has no reader left; never 0. */
export function gracePeriodTarget(): u32 {
  return max(acquire(EPOCH_WORD) + 2, 1);
}

/** Moves the epoch on if every reader is in the current one. Lock-free: whoever comes first does it for all. */
function tryAdvance(): bool {
  const epoch = acquire(EPOCH_WORD);
  const cpus = superblock().cpus;
  for (let cpu: u32 = 0; cpu < cpus; cpu++) {
    const reading = acquire(readEpochWord(cpuArea(cpu)));
    if (reading != 0 && reading != epoch) return false;
  }
  // 0 is skipped when the counter wraps: it means "not reading".
  claim(EPOCH_WORD, epoch, epoch == 0xffffffff ? FIRST_EPOCH : epoch + 1);
  return true;
}

/** Whether the grace period has ended, helping it along. Never waits. Any context. */
export function gracePeriodEnded(target: u32): bool {
  for (let turn = 0; turn < 2; turn++) {
    if (<i32>(acquire(EPOCH_WORD) - target) >= 0) return true;
    if (!tryAdvance()) return false;
  }
  return <i32>(acquire(EPOCH_WORD) - target) >= 0;
}

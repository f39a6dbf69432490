/**
 * Grace periods as epochs (Fraser 2004, section 5.2.3). A reader announces the epoch in which its section began; the
 * epoch advances only when no reader is still in an older one; what was unlinked in epoch e has no reader left once the
 * epoch is e + 2. A CPU that reads nothing announces 0 and never holds a grace period up.
 *
 * Two flavours that know nothing of each other: a program run is a normal section; a sleepable program's run, which may
 * be suspended for as long as it likes, is a tasks-trace section and holds up only what waits for that flavour.
 *
 * A third one is for what operations reach that announce nothing, because two stores would be too dear: the segments of a
 * hash's table. There a CPU that a thread holds counts as reading except where it says that it is between two operations:
 * at its tick (QSBR: McKenney, Slingwine 1998). Whoever never ticks holds segments back, and nothing else.
 */
import { acquire, claim, publish } from "../base/atomics";
import { expect } from "../base/check";
import { EPOCH_WORDS, superblock } from "../base/superblock";
import { CpuArea, cpuArea } from "../cpu/area";

export const NORMAL: u32 = 0;
export const TASKS_TRACE: u32 = 1;
/** Any operation. */
export const OPERATION: u32 = 2;

export const FLAVOURS: u32 = 3;

/** The first epoch: 0 means "not reading". */
export const FIRST_EPOCH: u32 = 2;

function epochWord(flavour: u32): usize {
  return EPOCH_WORDS + flavour * 4;
}

function readEpochWord(area: CpuArea, flavour: u32): usize {
  return changetype<usize>(area) + offsetof<CpuArea>("readEpoch") + flavour * 4;
}

function ownerWord(area: CpuArea): usize {
  return changetype<usize>(area) + offsetof<CpuArea>("owner");
}

/** All epochs begin; at format, before anyone else is there. */
export function formatEpochs(): void {
  store<u32>(epochWord(NORMAL), FIRST_EPOCH);
  store<u32>(epochWord(TASKS_TRACE), FIRST_EPOCH);
  store<u32>(epochWord(OPERATION), FIRST_EPOCH);
}

/**
 * Says that no operation of this CPU is under way, in no context. Pairs with the loads of `tryAdvance`: what operations
 * before read is done.
 */
export function betweenOperations(area: CpuArea): void {
  publish(readEpochWord(area, OPERATION), acquire(epochWord(OPERATION)));
}

/**
 * Begins a read section: memory found in it stays what it is until `leaveRead`. Nests. Any context.
 *
 * The store is an atomic one because it must be visible before the section's first load; it pairs with the loads of
 * `tryAdvance`. An announcement that is late (the epoch moved on in between) only delays the next advance.
 */
export function enterRead(area: CpuArea): void {
  if (area.readNesting++ == 0) publish(readEpochWord(area, NORMAL), acquire(epochWord(NORMAL)));
}

/** Ends a read section. Pairs with `tryAdvance`: the section's loads are done before anyone sees the 0. */
export function leaveRead(area: CpuArea): void {
  expect(area.readNesting != 0);
  if (--area.readNesting == 0) publish(readEpochWord(area, NORMAL), 0);
}

/**
 * As enterRead, for a sleepable program. Several may be suspended on one CPU at once: the oldest counts.
 * Pairs as enterRead.
 */
export function enterTrace(area: CpuArea): void {
  if (area.traceNesting++ == 0) publish(readEpochWord(area, TASKS_TRACE), acquire(epochWord(TASKS_TRACE)));
}

/** Pairs as leaveRead. */
export function leaveTrace(area: CpuArea): void {
  expect(area.traceNesting != 0);
  if (--area.traceNesting == 0) publish(readEpochWord(area, TASKS_TRACE), 0);
}

/**
 * The epoch in which what is unlinked before this call has no reader left; never 0.
 * Pairs with the claim of tryAdvance: what was unlinked before is unlinked for readers of that epoch.
 */
export function gracePeriodTarget(flavour: u32): u32 {
  return max(acquire(epochWord(flavour)) + 2, 1);
}

/**
 * Moves the epoch on if every reader is in the current one. Lock-free: whoever comes first does it for all.
 * The loads of the readers' words pair with enterRead and leaveRead; the claim pairs with every load of the epoch.
 */
function tryAdvance(flavour: u32): bool {
  const epoch = acquire(epochWord(flavour));
  const cpus = superblock().cpus;
  for (let cpu: u32 = 0; cpu < cpus; cpu++) {
    const area = cpuArea(cpu);
    const reading = acquire(readEpochWord(area, flavour));
    const isIdle = flavour == OPERATION ? acquire(ownerWord(area)) == 0 : reading == 0;
    if (!isIdle && reading != epoch) return false;
  }
  // 0 is skipped when the counter wraps: it means "not reading".
  claim(epochWord(flavour), epoch, epoch == 0xffffffff ? FIRST_EPOCH : epoch + 1);
  return true;
}

/**
 * Whether the grace period has ended, helping it along. Never waits. Any context.
 * The loads pair with the claim of tryAdvance: the readers of before are done.
 */
export function gracePeriodEnded(flavour: u32, target: u32): bool {
  for (let turn = 0; turn < 2; turn++) {
    if (<i32>(acquire(epochWord(flavour)) - target) >= 0) return true;
    if (!tryAdvance(flavour)) return false;
  }
  return <i32>(acquire(epochWord(flavour)) - target) >= 0;
}

/**
 * Whether the thread of a CPU is at work. A dead thread's area stays as it is: nobody but a reaper writes what this looks at. So a
 * change is a proof of life; that there is none proves nothing, because a thread that does nothing changes nothing.
 */
import { acquire, peek } from "../base/atomics";
import { superblock } from "../base/superblock";
import { CpuArea, cpuArea, ownerWord, reaperWord, thisCpu } from "../cpu/area";
import { INTENT_BYTES, intentsAt, LEVELS } from "../cpu/intent";

/** Times that the area is looked at: some two milliseconds, which is as long as a busy machine lets a thread wait for a core. */
const LOOKS: u32 = 1 << 16;

/** The words from one offset to another. The loads pair with nothing: any change will do. */
function tracesIn(area: CpuArea, from: usize, to: usize, sum: u64): u64 {
  for (let offset = from; offset < to; offset += 4) {
    sum = rotl<u64>(sum, 7) ^ <u64>peek(changetype<usize>(area) + offset);
  }
  return sum;
}

/**
 * What the thread writes as it works: what it has in hand, its read sections, its interrupts, what its operations spend.
 * The loads pair with nothing: any change will do.
 */
function traces(area: CpuArea): u64 {
  const first = changetype<usize>(intentsAt(area, 0));
  let sum: u64 = 0;
  for (let offset: usize = 0; offset < LEVELS * INTENT_BYTES; offset += 8) {
    sum = rotl<u64>(sum, 7) ^ load<u64>(first + offset);
  }
  // Between the two lies raised work, which a helper takes.
  sum = tracesIn(area, offsetof<CpuArea>("level"), offsetof<CpuArea>("work"), sum);
  sum = tracesIn(area, offsetof<CpuArea>("random"), offsetof<CpuArea>("attached"), sum);
  return rotl<u64>(sum, 7) ^ <u64>peek(changetype<usize>(area) + offsetof<CpuArea>("readEpoch"));
}

/**
 * Whether the thread that holds CPU `cpu` as `owner` is seen at work. The loads pair with those who reap it: while one does, and
 * once it has, what changes is not the thread's doing.
 */
export function isSeenAlive(cpu: u32, owner: u32): bool {
  if (cpu >= superblock().cpus || cpu == thisCpu().id) return false;
  const area = cpuArea(cpu);
  const before = traces(area);
  for (let look: u32 = 0; look < LOOKS; look++) {
    if (traces(area) == before) continue;
    return acquire(reaperWord(area)) == 0 && acquire(ownerWord(area)) == owner;
  }
  return false;
}

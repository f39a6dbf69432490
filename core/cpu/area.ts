/**
 * The per-CPU area: everything that only the thread holding the CPU touches. A CPU is a slot; the instance of this
 * module on a thread (or, in a replay, the one instance for all virtual CPUs) remembers which one it is in `current`,
 * the only state outside the shared memory.
 */
import { claim, peek, publish } from "../base/atomics";
import { superblock } from "../base/superblock";

export const AREA_BYTES: usize = 1024;

/** Context levels, in the order in which one may interrupt another. */
export const TASK: u32 = 0;
export const SOFTIRQ: u32 = 1;
export const HARDIRQ: u32 = 2;
export const NMI: u32 = 3;

@unmanaged
export class CpuArea {
  id: u32;
  /** 0: free; otherwise the token of the thread that holds the slot. Atomic: threads compete for it. */
  owner: u32;
  level: u32;
  /** Depth of interrupts-off sections; a hardirq or NMI context counts as one. */
  interruptsOff: u32;
  /** Address of the event record the current program runs on; read by helpers. */
  task: u32;
  /** Depth of deferred work and of what else moves objects about: work that is raised meanwhile waits for its end. */
  working: u32;
  /** Raised deferred work, linked through Cache.workNext. Atomic: an NMI may raise inside a raise. */
  work: u32;
  /** As `work`, of tables that are to grow or shrink, linked through MapCpu.tableNext (maps/table/work.ts). */
  tables: u32;
  /** State of bpf_get_prandom_u32, never 0. */
  random: u32;
  /** Depth of read sections, and of tasks-trace ones; only the outermost announces itself. */
  readNesting: u32;
  traceNesting: u32;
  /** Callbacks of this CPU: queued, and those whose grace period `callbackTarget` is in flight (rcu/callback.ts). */
  callbacks: u32;
  callbackCount: u32;
  waitingCallbacks: u32;
  waitingCallbackCount: u32;
  callbackTarget: u32;
  /** Deferred work items run so far on this CPU. */
  worksRun: u32;
  /** Where a scan stopped: next bucket (maps/hash/hash.ts). */
  scanNext: u32;
  /** Of `interruptsOff`, what an operation itself adds (profile linux): not the context it was called in. */
  ownInterruptsOff: u32;
  /** Ticks since the last one that saw a new operation, and the operations that it saw (core/trim.ts). */
  idleTicks: u32;
  seenOperations: u32;
  /** Loads that the current operation may still spend on waiting, and 1 once it gave up a wait (cpu/wait.ts). */
  spinsLeft: u32;
  gaveUp: u32;
  /** The token of the thread that attached with this CPU, 0: none did. Written under `controlLock` (core/attach.ts). */
  attached: u32;
  /** The lock in a value that each context level has, or tries for (cpu/spin-lock.ts). Atomic. */
  spinLockOfTask: u32;
  spinLockOfSoftirq: u32;
  spinLockOfHardirq: u32;
  spinLockOfNmi: u32;
  reserved5: u64;
  reserved6: u64;
  reserved7: u64;
  /**
   * Epoch in which this CPU's outermost read section began, 0 outside, and the same for tasks-trace; and the epoch in which it
   * was last between two operations (rcu/epoch.ts). The only fields that other CPUs read, in a cache line of their own.
   */
  readEpoch: u32;
  traceEpoch: u32;
  quietEpoch: u32;
  reserved8: u32;
  reserved9: u64;
  reserved10: u64;
  reserved11: u64;
  reserved12: u64;
  reserved13: u64;
  reserved14: u64;
  /** From here on: what this CPU has in hand (cpu/intent.ts); others read it when it is dead. */
  intents: u32;
}

/** Bit of `owner`: a slot that a thread holds only for as long as a trim takes. Tokens are below it. */
export const BORROWED: u32 = 0x80000000;
/** As `owner`, no thread's token: a slot whose thread has left, but not all that it had could be given back yet. */
export const LEAVING: u32 = 0x7fffffff;

/** Times that a slot which is only borrowed is looked at again. */
const BORROW_LOOKS: u32 = 1 << 24;

/** Offsets of `stalledWord`, `reaperWord` and `serverWord`: a line of their own, because others write them. */
export const STALLED_AT: usize = AREA_BYTES - 64;
const REAPER_AT: usize = STALLED_AT + 4;
const SERVER_AT: usize = STALLED_AT + 8;

/**
 * Address of the word that says what this CPU did not let go of when somebody waited in vain (cpu/wait.ts), 0: nothing.
 * Written by whoever waits.
 */
export function stalledWord(area: CpuArea): usize {
  return changetype<usize>(area) + STALLED_AT;
}

/** Address of the word that says which CPU reaps this one, CPU + 1, or 0: one at a time (recovery/reap.ts). */
export function reaperWord(area: CpuArea): usize {
  return changetype<usize>(area) + REAPER_AT;
}

/** Address of the word that says which CPU serves this one, CPU + 1, or 0: one at a time (alloc/serve.ts). */
export function serverWord(area: CpuArea): usize {
  return changetype<usize>(area) + SERVER_AT;
}

/** Which CPU this instance acts as. A wasm global: one per instance, never shared. */
let current: usize = 0;

export function thisCpu(): CpuArea {
  return changetype<CpuArea>(current);
}

export function cpuArea(id: u32): CpuArea {
  return changetype<CpuArea>(superblock().areas + id * AREA_BYTES);
}

/** Makes this instance act as CPU `id`. The caller holds that CPU's slot. */
export function switchCpu(id: u32): void {
  current = changetype<usize>(cpuArea(id));
}

export function ownerWord(area: CpuArea): usize {
  return changetype<usize>(area) + offsetof<CpuArea>("owner");
}

/**
 * Claims a slot that `from` says nobody holds.
 * The claim pairs with the publication of releaseCpu: the next holder finds the area as the last one left it.
 */
function claimSlot(cpu: u32, from: u32, token: u32): bool {
  const word = ownerWord(cpuArea(cpu));
  for (let look: u32 = 0; look < BORROW_LOOKS; look++) {
    if (claim(word, from, token)) return true;
    if ((peek(word) & BORROWED) == 0) break;
  }
  return false;
}

/**
 * Takes the slot `id` for the thread `token` (1 to LEAVING - 1), or the first free one where `id` is negative. If there is
 * none, one that a thread could not leave for good: what is left there goes when this thread leaves.
 * @returns the CPU's number, or -1 when the slot (or every slot) is held
 */
export function takeCpu(id: i32, token: u32): i32 {
  const cpus = superblock().cpus;
  const first: u32 = id < 0 ? 0 : <u32>id;
  const last: u32 = id < 0 ? cpus : min(<u32>id + 1, cpus);
  for (let cpu = first; cpu < last; cpu++) if (claimSlot(cpu, 0, token)) return <i32>cpu;
  for (let cpu = first; cpu < last; cpu++) if (claimSlot(cpu, LEAVING, token)) return <i32>cpu;
  return -1;
}

/**
 * Ends all read sections of a CPU: whose thread leaves or is dead. No grace period waits for it any more.
 * The publications pair with the loads of tryAdvance, as those of leaveRead.
 */
export function leaveSections(area: CpuArea): void {
  area.readNesting = 0;
  area.traceNesting = 0;
  publish(changetype<usize>(area) + offsetof<CpuArea>("readEpoch"), 0);
  publish(changetype<usize>(area) + offsetof<CpuArea>("traceEpoch"), 0);
}

/**
 * Gives the slot back: free, or LEAVING if something of its holder's is left there. What its caches contain stays for the next
 * holder, or for a trim.
 * The publication of `owner` pairs with the claim of takeCpu, that of the mark with nothing.
 */
export function releaseCpu(id: u32, owner: u32): void {
  const area = cpuArea(id);
  area.attached = 0;
  leaveSections(area);
  publish(stalledWord(area), 0);
  publish(ownerWord(area), owner);
}

/**
 * Contexts: what the code on this CPU may do now. On real threads a context is what kind of thread it is; in a replay
 * it is what the recorded event ran in; in the simulator interrupts really nest.
 */
import { superblock } from "../base/superblock";
import { CpuArea, HARDIRQ, NMI, SOFTIRQ, TASK } from "./area";

/** Rows of the miss counters: a context as reports tell them apart. */
export const CONTEXT_TASK: u32 = 0;
export const CONTEXT_SOFTIRQ: u32 = 1;
export const CONTEXT_INTERRUPTS_OFF: u32 = 2;
export const CONTEXT_HARDIRQ: u32 = 3;
export const CONTEXT_NMI: u32 = 4;

/** The row that an event on this CPU counts in. */
export function contextRow(area: CpuArea): u32 {
  if (area.level == NMI) return CONTEXT_NMI;
  if (area.level == HARDIRQ) return CONTEXT_HARDIRQ;
  if (area.interruptsOff != area.ownInterruptsOff) return CONTEXT_INTERRUPTS_OFF;
  return area.level == SOFTIRQ ? CONTEXT_SOFTIRQ : CONTEXT_TASK;
}

/** Whether deferred work may run right here: interrupts on, task or softirq, not RT, not inside deferred work. */
export function mayRunWork(area: CpuArea): bool {
  return area.interruptsOff == 0 && area.working == 0 && superblock().realTime == 0;
}

/**
 * Whether objects may be reserved here: where deferred work may run, and on RT in a task, which may sleep there for the
 * slab's locks.
 */
export function mayPrefill(area: CpuArea): bool {
  if (superblock().realTime == 0) return mayRunWork(area);
  return area.level == TASK && area.interruptsOff == 0 && area.working == 0;
}

/** Puts the CPU in a context. Work that became due is not run: the caller decides when interrupts came on. */
export function setContext(area: CpuArea, level: u32, interruptsOff: bool): void {
  area.level = level;
  area.interruptsOff = interruptsOff || level >= HARDIRQ ? 1 : 0;
}

/**
 * A context interrupts the one below: interrupts stay off if they were.
 * @returns what `leaveContext` takes to restore it
 */
export function enterContext(area: CpuArea, level: u32): u32 {
  const below = area.level | (area.interruptsOff << 8);
  area.level = level;
  if (level >= HARDIRQ) area.interruptsOff++;
  return below;
}

/** Back to the context below. The caller lets due work run if interrupts are on again. */
export function leaveContext(area: CpuArea, below: u32): void {
  area.level = below & 0xff;
  area.interruptsOff = below >> 8;
}

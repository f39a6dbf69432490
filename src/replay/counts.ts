/** What a runner did, in numbers. */
import { CONTEXTS, type Context } from "../events/record.ts";
import type { ProgramImage } from "../load/load.ts";
import type { InterruptSign } from "./interrupts.ts";

export interface ProgramCounts {
  readonly name: string;
  /** The label of its object, where that has one. */
  readonly object?: string;
  readonly section: string;
  runs: number;
  /** Runs that were stopped: a bad access, an endless loop. */
  errors: number;
  /** What the first of them said. */
  firstError?: string;
  /** Runs that read what the recording does not tell; they are among the errors, unless it is to be taken for 0. */
  unread: number;
  /** What it was, as `event.field`, and in how many runs. */
  readonly unreadFields: Record<string, number>;
  /** Events it was not run on any more, because it had been stopped in an endless loop too often. */
  leftOut: number;
  /** Functions of timers and workqueues that it had run. */
  fired: number;
}

/** What a runner did; plain data, sums over threads with `addCounts`. */
export interface RunCounts {
  replayed: number;
  readonly byContext: Record<Context, number>;
  /** By CPU number. */
  readonly byCpu: number[];
  readonly programs: ProgramCounts[];
  /** Deferred work items that ran between events, by the sign that interrupts had come on. */
  readonly deferred: Record<InterruptSign, number>;
  /** Raised work found waiting at an event while no sign was seen. */
  heldBack: number;
  /** Records handed to user space by bpf_perf_event_output, by the map's address. */
  readonly records: Record<number, number>;
  /** RT: deferred work items that the CPUs' work threads did. */
  byThread: number;
}

export function newProgramCounts(image: Pick<ProgramImage, "name" | "section" | "object">): ProgramCounts {
  const { name, section, object } = image;
  const whose = object === undefined ? {} : { object };
  return { name, ...whose, section, runs: 0, errors: 0, leftOut: 0, unread: 0, unreadFields: {}, fired: 0 };
}

export function newCounts(cpus: number, programs: readonly ProgramImage[]): RunCounts {
  return {
    replayed: 0,
    byContext: { task: 0, softirq: 0, irqsOff: 0, hardirq: 0, nmi: 0 },
    byCpu: Array.from({ length: cpus }, () => 0),
    programs: programs.map(newProgramCounts),
    deferred: { enabled: 0, preempt: 0, task: 0, gap: 0 },
    heldBack: 0,
    byThread: 0,
    records: {},
  };
}

/** Adds what another runner did. */
export function addCounts(sum: RunCounts, more: RunCounts): void {
  sum.replayed += more.replayed;
  sum.heldBack += more.heldBack;
  sum.byThread += more.byThread;
  for (const context of CONTEXTS) sum.byContext[context] += more.byContext[context];
  for (const [cpu, count] of more.byCpu.entries()) sum.byCpu[cpu] = (sum.byCpu[cpu] ?? 0) + count;
  for (const sign of Object.keys(sum.deferred) as InterruptSign[]) sum.deferred[sign] += more.deferred[sign];
  for (const [map, count] of Object.entries(more.records))
    sum.records[Number(map)] = (sum.records[Number(map)] ?? 0) + count;
  for (const [index, program] of sum.programs.entries()) {
    const other = more.programs[index];
    if (other === undefined) continue;
    program.runs += other.runs;
    program.errors += other.errors;
    program.leftOut += other.leftOut;
    program.fired += other.fired;
    program.unread += other.unread;
    for (const [field, count] of Object.entries(other.unreadFields))
      program.unreadFields[field] = (program.unreadFields[field] ?? 0) + count;
    if (program.firstError === undefined && other.firstError !== undefined) program.firstError = other.firstError;
  }
}

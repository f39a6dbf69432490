/**
 * Timers and workqueues of programs in an ordered replay: a timer fires before the first event behind its time, on the CPU that it was
 * started on; a work runs once the programs of an event have ended. Whatever is left when the events are over does not.
 */
import type { Arena } from "../arena/arena.ts";
import { helperById } from "../bpf/helpers/table.ts";
import { FRAME_BYTES, MAX_FRAMES, type ProgramHost } from "../bpf/host.ts";
import { runFunction } from "../bpf/interpreter/interpreter.ts";
import { RECORD } from "../events/record.ts";
import type { ProgramImage } from "../load/load.ts";
import { runAt, writeMoment } from "../load/moment.ts";
import type { DueTimer, Timers } from "../load/timers.ts";
import type { RunCounts } from "./counts.ts";

const STACK_BYTES = FRAME_BYTES * MAX_FRAMES;
const STARTS: readonly (string | undefined)[] = ["timer_start", "bpf_wq_start"];

/** Whether any program starts a timer or a work. */
export function startsTimers(programs: readonly ProgramImage[]): boolean {
  return programs.some(({ linked }) => linked.helpers.some((id) => STARTS.includes(helperById(id)?.name)));
}

export class Firing {
  readonly #arena: Arena;
  readonly #programs: readonly ProgramImage[];
  readonly #host: ProgramHost;
  readonly #timers: Timers;
  readonly #counts: RunCounts;
  readonly #stack: number;
  readonly #record: number;

  /** @param host what the programs call, with the timers in it */
  constructor(arena: Arena, programs: readonly ProgramImage[], host: ProgramHost, timers: Timers, counts: RunCounts) {
    this.#arena = arena;
    this.#programs = programs;
    this.#host = host;
    this.#timers = timers;
    this.#counts = counts;
    this.#stack = arena.allocate(STACK_BYTES);
    this.#record = arena.allocate(RECORD.payload);
  }

  /** Fires what is due up to a time. */
  until(time: bigint): void {
    for (let due = this.#timers.next(time); due !== undefined; due = this.#timers.next(time)) this.#fire(due);
  }

  /** Runs what is in workqueues now; what that puts there waits for the next event. */
  works(time: bigint): void {
    for (let left = this.#timers.works; left > 0; left--) {
      const due = this.#timers.next(time, "task");
      if (due !== undefined) this.#fire(due);
    }
  }

  free(): void {
    for (const address of [this.#stack, this.#record]) this.#arena.core.freeBytes(address);
  }

  #fire(due: DueTimer): void {
    const index = this.#programs.findIndex(({ name }) => name === due.program);
    const [image, counts] = [this.#programs[index], this.#counts.programs[index]];
    if (image === undefined || counts === undefined) return;
    this.#arena.switchCpu(due.cpu);
    writeMoment(this.#arena, this.#record, { cpu: due.cpu, level: due.level, time: due.at });
    const { error } = runAt(this.#arena, this.#record, due.level, (cpu) =>
      runFunction(image.linked, this.#host, { ...due, cpu, stackTop: this.#stack + STACK_BYTES }),
    );
    // The CPU was in a task, or a softirq that is over: what the function has raised may run. With RT a thread does it, later.
    if (!this.#arena.realTime) this.#arena.core.interruptsCameOn();
    counts.fired++;
    if (error === undefined) return;
    counts.errors++;
    counts.firstError ??= error;
  }
}

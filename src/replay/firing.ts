/**
 * Timers and workqueues of programs in an ordered replay: a timer fires before the first event behind its time, on the CPU that it was
 * started on; a work runs once the programs of an event have ended. Whatever is left when the events are over does not.
 */
import type { Arena } from "../arena/arena.ts";
import { helperById } from "../bpf/helpers/table.ts";
import { TIMER_HELPERS, WORKQUEUE_FUNCTIONS } from "../bpf/helpers/timers.ts";
import { FRAME_BYTES, MAX_FRAMES, type ProgramHost } from "../bpf/host.ts";
import { RECORD } from "../events/record.ts";
import type { ProgramImage } from "../load/load.ts";
import { type DueTimer, fire, type Timers } from "../load/timers.ts";
import type { RunCounts } from "./counts.ts";

const STACK_BYTES = FRAME_BYTES * MAX_FRAMES;
/** Helpers and kernel functions that are about timers and workqueues. */
const ABOUT: ReadonlySet<string | undefined> = new Set(
  [...TIMER_HELPERS, ...WORKQUEUE_FUNCTIONS].map(({ name }) => name),
);

/** Whether any program has to do with timers or workqueues. */
export function usesTimers(programs: readonly ProgramImage[]): boolean {
  return programs.some(({ linked }) => linked.helpers.some((id) => ABOUT.has(helperById(id)?.name)));
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

  /** Fires what is due up to an event's time, runs the event's programs, and then what is in workqueues. */
  around(time: bigint, run: () => void): void {
    for (const due of this.#timers.until(time)) this.#fire(due);
    run();
    // What these put into queues waits for the next event.
    for (const due of this.#timers.works(time)) this.#fire(due);
  }

  free(): void {
    for (const address of [this.#stack, this.#record]) this.#arena.core.freeBytes(address);
  }

  #fire(due: DueTimer): void {
    const index = this.#programs.findIndex(({ linked }) => linked.name === due.program);
    const [image, counts] = [this.#programs[index], this.#counts.programs[index]];
    if (image === undefined || counts === undefined) return;
    const place = { record: this.#record, stackTop: this.#stack + STACK_BYTES, time: due.at };
    const { error } = fire(this.#arena, this.#host, image.linked, due, place);
    // The CPU was in a task, or a softirq that is over: what the function has raised may run. With RT a thread does it, later.
    if (!this.#arena.realTime) this.#arena.core.interruptsCameOn();
    counts.fired++;
    if (error === undefined) return;
    counts.errors++;
    counts.firstError ??= error;
  }
}

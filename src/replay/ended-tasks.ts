/**
 * Values that belong to a task go when it does (Linux's `bpf_task_storage_free`). What tells it: `sched_process_free`, behind whose
 * programs they go; and `sched_process_fork`, since a new task has none, whatever one before it with its number had.
 */
import type { ProgramHost } from "../bpf/host.ts";
import { taskAddress } from "../bpf/kernel/addresses.ts";
import { RecordReader } from "../bpf/kernel/object.ts";
import type { SourceEvent } from "../events/event.ts";
import type { ProgramImage } from "../load/load.ts";

/** When the values of the task in an event's field go: before its programs run, or behind them. */
interface Ending {
  readonly field: string;
  readonly when: "before" | "behind";
}

const ENDINGS: Readonly<Record<string, Ending>> = {
  sched_process_free: { field: "pid", when: "behind" },
  sched_process_fork: { field: "child_pid", when: "before" },
};

/** An event that ends tasks, with what reads its records. */
export interface EndingEvent extends Ending {
  readonly reader: RecordReader;
}

export function endingEvent({ category, name, format }: SourceEvent): EndingEvent | undefined {
  const ending = category === "sched" ? ENDINGS[name] : undefined;
  return ending === undefined ? undefined : { ...ending, reader: new RecordReader(format) };
}

interface OwnedMap {
  readonly address: number;
  /** The core's function that drops an owner's value. */
  readonly disown: string;
}

/** The maps of some programs that have values of tasks. */
export class TaskValues {
  readonly #host: ProgramHost;
  readonly #maps: readonly OwnedMap[];
  readonly #view: DataView;
  readonly #room: number;

  /** @param room 8 bytes of the arena's memory, used during `end` */
  constructor(host: ProgramHost, programs: readonly Pick<ProgramImage, "linked">[], room: number) {
    const maps = new Map<number, OwnedMap>();
    for (const { linked } of programs)
      for (const { address, kind } of linked.maps)
        if (kind.type === "task_storage" && kind.program.disown !== undefined)
          maps.set(address, { address, disown: kind.program.disown });
    this.#host = host;
    this.#maps = [...maps.values()];
    this.#view = new DataView(host.memory.buffer);
    this.#room = room;
  }

  /** Drops the values of the task that a record tells the end of. */
  end({ reader, field }: EndingEvent, view: DataView, record: number): void {
    if (this.#maps.length === 0) return;
    const pid = reader.at(view, record).number(field);
    if (pid === undefined) return;
    this.#view.setBigUint64(this.#room, taskAddress(Number(pid), 0), true);
    for (const { address, disown } of this.#maps) this.#host.core[disown]?.(address, this.#room);
  }
}

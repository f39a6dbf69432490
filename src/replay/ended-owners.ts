/**
 * Values that belong to a task or a socket go when it does (Linux's `bpf_task_storage_free`, `bpf_sk_storage_free`). What tells it:
 * `sched_process_free` and `tcp_destroy_sock`, behind whose programs they go; and `sched_process_fork`, since a new task has none,
 * whatever one before it with its number had. No event tells the end of an inode's address, or of a cgroup's.
 */
import type { ProgramHost } from "../bpf/host.ts";
import { addressOf, type KernelObject, RecordReader } from "../bpf/kernel/object.ts";
import { OBJECTS } from "../bpf/kernel/told.ts";
import type { SourceEvent } from "../events/event.ts";
import type { ProgramImage } from "../load/load.ts";

/** When the values of an event's object go: before its programs run, or behind them. */
interface Ending {
  readonly object: KernelObject;
  /** Without it an event does not tell which object it is about. */
  readonly field: string;
  /** The kind of map that its values are in. */
  readonly of: "task_storage" | "sk_storage";
  readonly when: "before" | "behind";
}

/** By category and name. */
const ENDINGS: Readonly<Record<string, Ending>> = {
  "sched:sched_process_free": { object: OBJECTS.task, field: "pid", of: "task_storage", when: "behind" },
  "sched:sched_process_fork": { object: OBJECTS.child, field: "child_pid", of: "task_storage", when: "before" },
  "tcp:tcp_destroy_sock": { object: OBJECTS.socket, field: "sport", of: "sk_storage", when: "behind" },
};

/** An event that ends owners, with what reads its records. */
export interface EndingEvent extends Ending {
  readonly reader: RecordReader;
}

export function endingEvent({ category, name, format }: SourceEvent): EndingEvent | undefined {
  const ending = ENDINGS[`${category}:${name}`];
  return ending === undefined ? undefined : { ...ending, reader: new RecordReader(format) };
}

interface OwnedMap {
  readonly address: number;
  readonly type: string;
  /** The core's function that drops an owner's value. */
  readonly disown: string;
}

/** The maps of some programs that have values of owners. */
export class OwnedValues {
  readonly #host: ProgramHost;
  readonly #maps: readonly OwnedMap[];
  readonly #view: DataView;
  readonly #room: number;

  /** @param room 8 bytes of the arena's memory, used during `end` */
  constructor(host: ProgramHost, programs: readonly Pick<ProgramImage, "linked">[], room: number) {
    const maps = new Map<number, OwnedMap>();
    for (const { linked } of programs)
      for (const { address, kind } of linked.maps)
        if (kind.program.disown !== undefined)
          maps.set(address, { address, type: kind.type, disown: kind.program.disown });
    this.#host = host;
    this.#maps = [...maps.values()];
    this.#view = new DataView(host.memory.buffer);
    this.#room = room;
  }

  /** Drops the values of the object that a record tells the end of. */
  end({ object, field, of, reader }: EndingEvent, view: DataView, record: number): void {
    if (this.#maps.length === 0) return;
    const event = reader.at(view, record);
    if (event.number(field) === undefined) return;
    this.#view.setBigUint64(this.#room, addressOf(object, event), true);
    for (const { address, type, disown } of this.#maps) if (type === of) this.#host.core[disown]?.(address, this.#room);
  }
}

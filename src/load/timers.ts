/** Timers and workqueues of programs in virtual time: they lie in values of maps, and fire as time passes. */
import type { Arena } from "../arena/arena.ts";
import type { CoreFunction, ProgramHost, ProgramTimers } from "../bpf/host.ts";
import { runFunction } from "../bpf/interpreter/interpreter.ts";
import type { LinkedProgram } from "../bpf/linked.ts";
import type { LoadedObject } from "./load.ts";
import type { LoadedMap } from "./maps.ts";
import { type RanAt, runAt, writeMoment } from "./moment.ts";

interface Timer {
  readonly map: number;
  /** Where its function runs: a timer's in a softirq, a workqueue's in a task. */
  readonly level: "softirq" | "task";
  /** The program whose function it calls, and the function's first slot. */
  callback: { readonly program: string; readonly slot: number } | undefined;
  /** When it fires; undefined: it is not started. */
  at: bigint | undefined;
  /** Where it was started, and fires. */
  cpu: number;
}

/** A timer that fires, as a call of its function. */
export interface DueTimer {
  /** Its address. */
  readonly timer: number;
  readonly at: bigint;
  readonly level: "softirq" | "task";
  readonly cpu: number;
  readonly program: string;
  readonly slot: number;
  readonly args: readonly bigint[];
  readonly memory: readonly { readonly address: number; readonly bytes: number; readonly writable: boolean }[];
}

export class Timers implements ProgramTimers {
  readonly #arena: Arena;
  readonly #loaded: Pick<LoadedObject, "maps">;
  /** By address. */
  readonly #timers = new Map<number, Timer>();
  /** The one whose function runs, by address. */
  #firing: number | undefined;
  /** Room for the key of the entry whose timer fires. */
  #room: { readonly address: number; readonly bytes: number } | undefined;

  constructor(arena: Arena, loaded: Pick<LoadedObject, "maps">) {
    this.#arena = arena;
    this.#loaded = loaded;
  }

  init(timer: number, map: number, level: "softirq" | "task"): boolean {
    if (this.#timers.has(timer)) return false;
    this.#timers.set(timer, { map, level, callback: undefined, at: undefined, cpu: 0 });
    return true;
  }

  setCallback(timer: number, program: string, slot: bigint): boolean {
    const found = this.#timers.get(timer);
    if (found === undefined) return false;
    found.callback = { program, slot: Number(slot) };
    return true;
  }

  start(timer: number, at: bigint): boolean {
    const found = this.#timers.get(timer);
    if (found?.callback === undefined) return false;
    Object.assign(found, { at, cpu: this.#arena.cpu });
    // Those of one time fire in the order in which they were started.
    this.#timers.delete(timer);
    this.#timers.set(timer, found);
    return true;
  }

  cancel(timer: number): boolean | "firing" | undefined {
    const found = this.#timers.get(timer);
    if (found === undefined) return undefined;
    if (this.#firing === timer) return "firing";
    const was = found.at !== undefined;
    Object.assign(found, { at: undefined, callback: undefined });
    return was;
  }

  /**
   * The functions by which programs take entries away or replace them, so that an entry's timers go with it: its memory may be
   * another entry's in the next moment.
   */
  watching(core: ProgramHost["core"]): ProgramHost["core"] {
    const inPlace: ReadonlySet<string | undefined> = new Set(
      this.#loaded.maps.flatMap(({ map: { info } }) => (info.kind.keys === "index" ? [info.kind.program.update] : [])),
    );
    const names = this.#loaded.maps.flatMap(({ map }) => {
      const { lookup, update, delete: remove } = map.info.kind.program;
      return lookup === undefined
        ? []
        : [update, remove].flatMap((name) => (name === undefined ? [] : [[name, lookup]]));
    });
    const watched = [...new Map(names as [string, string][])].map(([name, lookup]) => {
      const [act, find] = [core[name] as CoreFunction, core[lookup] as CoreFunction];
      const watching: CoreFunction = (map, key, ...rest) => {
        if (this.#timers.size === 0) return act(map, key, ...rest);
        const before = Number(find(map, key)) >>> 0;
        const result = act(map, key, ...rest);
        // An array's value is written where the one before lay: what was in that has gone as well.
        const isGone = inPlace.has(name) ? Number(result) === 0 : Number(find(map, key)) >>> 0 !== before;
        if (before !== 0 && isGone) this.#forget(Number(map), before);
        return result;
      };
      return [name, watching] as const;
    });
    return { ...core, ...Object.fromEntries(watched) };
  }

  #forget(address: number, value: number): void {
    const bytes = this.#loaded.maps.find(({ map }) => map.info.address === address)?.map.info.valueSize ?? 0;
    for (const timer of this.#timers.keys()) if (timer >= value && timer < value + bytes) this.#timers.delete(timer);
  }

  /** What fires up to a time, as it comes: what one starts may be the next. */
  *until(time: bigint): Generator<DueTimer> {
    for (let due = this.#next(time); due !== undefined; due = this.#next(time)) yield* this.#run(due);
  }

  /** The works that are in queues now; those that they put there are for another time. */
  *works(time: bigint): Generator<DueTimer> {
    let left = 0;
    for (const { level, at } of this.#timers.values()) if (level === "task" && at !== undefined) left++;
    for (; left > 0; left--) {
      const due = this.#next(time, "task");
      if (due !== undefined) yield* this.#run(due);
    }
  }

  /** Whoever gets it runs its function before asking for the next one. */
  *#run(due: DueTimer): Generator<DueTimer> {
    this.#firing = due.timer;
    try {
      yield due;
    } finally {
      this.#firing = undefined;
    }
  }

  /** Takes the timer that fires first, up to a time. One whose entry is gone is gone too. @param only those of this level */
  #next(end: bigint, only?: "task"): DueTimer | undefined {
    const due = [...this.#timers].filter(
      ([, { at, level }]) => at !== undefined && at <= end && (only === undefined || level === only),
    );
    due.sort(([, a], [, b]) => ((a.at ?? 0n) < (b.at ?? 0n) ? -1 : 1));
    for (const [address, timer] of due) {
      const { at, callback, level, cpu } = timer;
      timer.at = undefined;
      const entry = this.#entryOf(address, timer.map);
      if (at === undefined || entry === undefined) {
        this.#timers.delete(address);
        continue;
      }
      if (callback === undefined) continue;
      const { key, value, bytes } = entry;
      const memory = [
        { address: key, bytes: entry.keyBytes, writable: false },
        { address: value, bytes, writable: true },
      ];
      return { timer: address, at, level, cpu, ...callback, args: [timer.map, key, value].map(BigInt), memory };
    }
    return undefined;
  }

  /** The entry in whose value a timer lies, with its key in memory. */
  #entryOf(
    timer: number,
    address: number,
  ): { key: number; keyBytes: number; value: number; bytes: number } | undefined {
    const loaded = this.#loaded.maps.find(({ map }) => map.info.address === address);
    if (loaded === undefined) return undefined;
    const { keySize, valueSize, kind } = loaded.map.info;
    const { lookup } = kind.program;
    if (lookup === undefined) return undefined;
    const find = this.#arena.core[lookup];
    const key = this.#roomFor(Math.max(8, keySize));
    for (const bytes of keysOf(loaded)) {
      new Uint8Array(this.#arena.memory.buffer, key, keySize).set(bytes);
      const value = find(address, key) >>> 0;
      if (value !== 0 && timer >= value && timer < value + valueSize)
        return { key, keyBytes: keySize, value, bytes: valueSize };
    }
    return undefined;
  }

  #roomFor(bytes: number): number {
    if (this.#room !== undefined && this.#room.bytes >= bytes) return this.#room.address;
    this.end();
    this.#room = { address: this.#arena.allocate(bytes), bytes };
    return this.#room.address;
  }

  /** Gives its memory back. */
  end(): void {
    if (this.#room !== undefined) this.#arena.core.freeBytes(this.#room.address);
    this.#room = undefined;
  }
}

/** Where a function runs: room for an event record, the top of a stack, and the time that it is then. */
export interface FiringPlace {
  readonly record: number;
  readonly stackTop: number;
  readonly time: bigint;
}

/** Runs what fires on its CPU, which the thread acts as from then on. */
export function fire(
  arena: Arena,
  host: ProgramHost,
  program: LinkedProgram,
  due: DueTimer,
  { record, stackTop, time }: FiringPlace,
): RanAt {
  arena.switchCpu(due.cpu);
  writeMoment(arena, record, { cpu: due.cpu, level: due.level, time });
  // What a workqueue calls may sleep, whatever program has put it there.
  const mayItSleep = due.level === "task" ? ({ sleepable: true } as const) : {};
  return runAt(arena, record, due.level, mayItSleep, (cpu) => runFunction(program, host, { ...due, cpu, stackTop }));
}

function keysOf({ map }: LoadedMap): Uint8Array[] {
  const { kind, maxEntries } = map.info;
  if (kind.keys === "index")
    return Array.from({ length: maxEntries }, (_, index) => new Uint8Array(Uint32Array.of(index).buffer));
  return [...map.keys()];
}

/**
 * The ordered replay: one thread acts as every CPU and runs the events in the order of the trace. Deterministic.
 */
import type { Arena } from "../arena/arena.ts";
import type { ProgramHost } from "../bpf/host.ts";
import { type EventBatch, recordsIn } from "../events/batch.ts";
import { RECORD } from "../events/record.ts";
import type { SourceEvents } from "../events/source.ts";
import { programHost } from "../load/host.ts";
import type { ProgramImage } from "../load/load.ts";
import type { Timers } from "../load/timers.ts";
import type { RunCounts } from "./counts.ts";
import { Firing, usesTimers } from "./firing.ts";
import { EventRunner, type ReplayRule } from "./runner.ts";

export interface ReplayResult {
  readonly counts: RunCounts;
  /** Seconds spent running programs, without reading the trace. */
  readonly seconds: number;
  /** Threads that ran them. */
  readonly threads: number;
}

/** Called after each batch, for a progress bar. */
export type Progress = (replayed: number) => void;

/** Who looks on. */
export interface Watch {
  /** Called when the thread holds every CPU, before the first event. */
  readonly begin?: () => void;
  /**
   * Called after each event; without it a batch is replayed in one go.
   * @param record where the event's record lies in the arena's memory
   */
  readonly event?: (record: number) => void;
  /** What programs call in place of the arena's host. */
  readonly host?: (host: ProgramHost) => ProgramHost;
  /** Timers and workqueues in the programs' maps; without them no program can start one. */
  readonly timers?: Timers;
}

/** A buffer in the arena that batches are copied to; grows to the largest batch. */
export class BatchBuffer {
  readonly #arena: Arena;
  #address = 0;
  #bytes = 0;

  constructor(arena: Arena) {
    this.#arena = arena;
  }

  /** Copies records into the arena; their address stays valid until the next call. */
  put(records: Uint8Array): number {
    if (records.length > this.#bytes) {
      this.#arena.core.freeBytes(this.#address);
      this.#address = this.#arena.allocate(records.length);
      this.#bytes = records.length;
    }
    new Uint8Array(this.#arena.memory.buffer, this.#address, records.length).set(records);
    return this.#address;
  }

  free(): void {
    this.#arena.core.freeBytes(this.#address);
    this.#address = 0;
    this.#bytes = 0;
  }
}

/**
 * Replays events in order.
 * @param arena this thread must hold none but its first CPU; it takes the others for the replay
 */
export async function replay(
  arena: Arena,
  programs: readonly ProgramImage[],
  stream: SourceEvents,
  rule: ReplayRule,
  print: (line: string) => void,
  progress: Progress,
  watch: Watch = {},
): Promise<ReplayResult> {
  for (let cpu = 0; cpu < arena.cpus; cpu++) if (cpu !== arena.cpu) takeCpu(arena, cpu);
  const plain = programHost(arena, print);
  const timers = usesTimers(programs) ? watch.timers : undefined;
  const host = withTimers(watch.host?.(plain) ?? plain, timers);
  const runner = new EventRunner(arena, programs, stream.events, rule, host);
  const firing = timers && new Firing(arena, programs, host, timers, runner.counts);
  const buffer = new BatchBuffer(arena);
  let seconds = 0;
  arena.switchCpu(0);
  watch.begin?.();
  try {
    for await (const batch of stream.batches) {
      seconds += replayBatch({ runner, firing, watch }, buffer, batch);
      batch.release?.();
      progress(runner.counts.replayed);
    }
  } finally {
    settle(arena);
    buffer.free();
    firing?.free();
    runner.free();
  }
  return { counts: runner.counts, seconds, threads: 1 };
}

function takeCpu(arena: Arena, cpu: number): void {
  const before = arena.cpu;
  arena.takeCpu(cpu);
  arena.switchCpu(before);
}

/** Programs that have to do with none call the core itself: a closure before each update and deletion has its price. */
function withTimers(host: ProgramHost, timers: Timers | undefined): ProgramHost {
  return timers === undefined ? host : { ...host, timers, core: timers.watching(host.core) };
}

interface Running {
  readonly runner: EventRunner;
  readonly firing: Firing | undefined;
  readonly watch: Watch;
}

function replayBatch({ runner, firing, watch }: Running, buffer: BatchBuffer, batch: EventBatch): number {
  const address = buffer.put(batch.bytes);
  const start = performance.now();
  if (watch.event === undefined && firing === undefined) runner.replay(address, batch.bytes.length);
  else
    for (const { at, size } of recordsIn(batch)) {
      const run = (): void => runner.replay(address + at, size);
      if (firing === undefined) run();
      else firing.around(timeOf(batch, at), run);
      watch.event?.(address + at);
    }
  return (performance.now() - start) / 1000;
}

function timeOf({ bytes }: EventBatch, at: number): bigint {
  return new DataView(bytes.buffer, bytes.byteOffset + at).getBigUint64(RECORD.time, true);
}

/** The trace is over: every CPU this thread holds is back in a task with interrupts on. */
function settle(arena: Arena): void {
  for (let cpu = 0; cpu < arena.cpus; cpu++) {
    arena.switchCpu(cpu);
    arena.settle();
    arena.core.setCurrentTask(0);
  }
  arena.switchCpu(0);
}

/**
 * The parallel replay: one worker thread for each CPU, each running its own CPU's events freely. The order between
 * CPUs is whatever happens; every counter and list is consistent afterwards.
 *
 * The calling thread reads the trace, sorts records by CPU and sends them on. It gives its own CPU slots back for the
 * time of the replay and takes CPU 0 again at the end.
 */
import { Worker } from "node:worker_threads";
import type { Arena, ArenaHandle } from "../arena/arena.ts";
import { AnyctxError } from "../error.ts";
import type { EventBatch } from "../events/batch.ts";
import type { SourceEvent } from "../events/event.ts";
import { RECORD } from "../events/record.ts";
import type { SourceEvents } from "../events/source.ts";
import type { ProgramImage } from "../load/load.ts";
import { addCounts, newCounts, type RunCounts } from "./counts.ts";
import type { Progress, ReplayResult } from "./ordered.ts";
import type { ReplayRule } from "./runner.ts";

/** What a worker is started with. */
export interface WorkerStart {
  readonly arena: ArenaHandle;
  readonly cpu: number;
  readonly programs: readonly ProgramImage[];
  readonly events: readonly SourceEvent[];
  readonly rule: ReplayRule;
}

/** To the worker: records of its CPU, events that have come to the source's table, or that there are no more. */
export type ToWorker = Uint8Array | readonly SourceEvent[] | "end";

/** From the worker. */
export type FromWorker =
  | { readonly type: "replayed"; readonly bytes: number; readonly events: number }
  | { readonly type: "print"; readonly line: string }
  | { readonly type: "done"; readonly counts: RunCounts; readonly seconds: number };

type Done = Extract<FromWorker, { type: "done" }>;

/** Bytes a worker may be behind before the reader waits for it. */
const MAXIMUM_BEHIND = 16 << 20;

/** A worker always runs compiled, also where this module runs from source (tests): Node 20 loads no .ts in a worker. */
const WORKER = new URL("../../dist/replay/worker.js", import.meta.url);

/** A CPU's thread as the reader sees it. */
class CpuThread {
  readonly done: Promise<Done>;
  readonly #worker: Worker;
  #behind = 0;
  #caughtUp: (() => void) | undefined;
  /** Events of the table that it knows. */
  #known: number;

  constructor(start: WorkerStart, print: (line: string) => void, replayed: (events: number) => void) {
    this.#known = start.events.length;
    this.#worker = new Worker(WORKER, { workerData: start });
    this.done = new Promise((resolve, reject) => {
      this.#worker.on("message", (message: FromWorker) => {
        if (message.type === "done") resolve(message);
        else if (message.type === "print") print(message.line);
        else {
          replayed(message.events);
          this.#behind -= message.bytes;
          if (this.#behind <= MAXIMUM_BEHIND) this.#caughtUp?.();
        }
      });
      this.#worker.on("error", reject);
      this.#worker.on("exit", (code) =>
        reject(new AnyctxError("EFAULT", `The thread of CPU ${start.cpu} ended early with code ${code}`)),
      );
    });
    // Whoever awaits `done` gets the error; until then it must not count as unhandled.
    this.done.catch(() => this.#caughtUp?.());
  }

  /** Tells it of events that have come to the table, before the first record of one. */
  meet(events: readonly SourceEvent[]): void {
    if (events.length === this.#known) return;
    this.#worker.postMessage(events.slice(this.#known));
    this.#known = events.length;
  }

  /** Sends records on; resolves at once unless the worker is far behind. */
  async send(records: Uint8Array): Promise<void> {
    this.#behind += records.length;
    this.#worker.postMessage(records, [records.buffer as ArrayBuffer]);
    if (this.#behind <= MAXIMUM_BEHIND) return;
    await Promise.race([new Promise<void>((resolve) => (this.#caughtUp = resolve)), this.done]);
  }

  end(): void {
    this.#worker.postMessage("end" satisfies ToWorker);
  }

  async stop(): Promise<void> {
    await this.#worker.terminate();
  }
}

/** Bytes that a CPU's part of a batch begins with. */
const FIRST_PART_BYTES = 1 << 14;

/** Records of one CPU, in a buffer of their own. */
interface Part {
  bytes: Uint8Array;
  end: number;
}

/** Splits batches by CPU, in one walk: parts are as large as the last ones, and grow. */
class Splitter {
  /** By CPU. */
  readonly #sizes = new Map<number, number>();

  /** The records of each CPU of a batch, each in a buffer of their own. */
  split({ bytes }: EventBatch): Map<number, Uint8Array> {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const parts = new Map<number, Part>();
    for (let at = 0; at < bytes.length; ) {
      const size = view.getUint32(at + RECORD.size, true);
      const cpu = view.getUint16(at + RECORD.cpu, true);
      const part = parts.get(cpu) ?? this.#begin(parts, cpu);
      if (part.end + size > part.bytes.length) grow(part, size);
      part.bytes.set(bytes.subarray(at, at + size), part.end);
      part.end += size;
      at += size;
    }
    for (const [cpu, { end }] of parts) this.#sizes.set(cpu, end);
    return new Map([...parts].map(([cpu, part]) => [cpu, part.bytes.subarray(0, part.end)]));
  }

  #begin(parts: Map<number, Part>, cpu: number): Part {
    const before = this.#sizes.get(cpu) ?? FIRST_PART_BYTES;
    const part = { bytes: new Uint8Array(before + (before >> 3)), end: 0 };
    parts.set(cpu, part);
    return part;
  }
}

function grow(part: Part, more: number): void {
  const larger = new Uint8Array(part.bytes.length * 2 + more);
  larger.set(part.bytes);
  part.bytes = larger;
}

/** Each thread has its own. */
function handleOf(handles: readonly ArenaHandle[], cpu: number): ArenaHandle {
  const handle = handles[cpu];
  if (handle === undefined)
    throw new AnyctxError("EINVAL", `The arena has ${handles.length} CPUs, an event ran on CPU ${cpu}`);
  return handle;
}

/**
 * Replays events with one thread for each CPU that has events. The arena is detached for that, and stays so: whoever wants what the
 * threads have left attaches anew.
 * @returns what all threads did; `seconds` is that of the thread that ran longest
 * @throws {AnyctxError} the first error of a thread
 */
export async function replayParallel(
  arena: Arena,
  programs: readonly ProgramImage[],
  stream: SourceEvents,
  rule: ReplayRule,
  print: (line: string) => void,
  progress: Progress,
): Promise<ReplayResult> {
  const threads = new Map<number, CpuThread>();
  let replayed = 0;
  const count = (events: number): void => {
    replayed += events;
    progress(replayed);
  };
  const { cpus } = arena;
  const handles = Array.from({ length: cpus }, () => arena.handle());
  const start = { programs, events: stream.events, rule };
  const splitter = new Splitter();
  arena.detach();
  try {
    for await (const batch of stream.batches) {
      const parts = splitter.split(batch);
      batch.release?.();
      for (const [cpu, records] of parts) {
        const thread =
          threads.get(cpu) ?? new CpuThread({ ...start, arena: handleOf(handles, cpu), cpu }, print, count);
        threads.set(cpu, thread);
        thread.meet(stream.events);
        await thread.send(records);
      }
    }
    for (const thread of threads.values()) thread.end();
    const results = await Promise.all([...threads.values()].map((thread) => thread.done));
    const counts = newCounts(cpus, programs);
    for (const result of results) addCounts(counts, result.counts);
    const seconds = Math.max(0, ...results.map((result) => result.seconds));
    return { counts, seconds, threads: threads.size };
  } finally {
    await Promise.all([...threads.values()].map((thread) => thread.stop()));
  }
}

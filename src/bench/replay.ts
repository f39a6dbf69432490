/**
 * How fast events are read and replayed: lines of the trace that are no comments per second (gunzip included), and events per second of a
 * program on records that are parsed already. Rounds in turn, each replay in an arena of its own.
 */
import { readFile } from "node:fs/promises";
import { Arena } from "../arena/arena.ts";
import { readObject } from "../bpf/object/object.ts";
import type { ObjectSpec } from "../bpf/object/spec.ts";
import type { EventBatch } from "../events/batch.ts";
import { openEvents } from "../events/file.ts";
import { type EventStream, type SourceEvents, skippedIn } from "../events/source.ts";
import { type Engine, loadSpec } from "../load/load.ts";
import { DEFAULT_RULE } from "../replay/interrupts.ts";
import { replay } from "../replay/ordered.ts";
import { type Spread, spreadOf } from "./statistics.ts";

export interface ReplayRates {
  readonly events: number;
  readonly linesPerSecond: Spread;
  /** Events per second, by engine. */
  readonly eventsPerSecond: Readonly<Record<Engine, Spread>>;
}

const CPUS = 2;

/** Reads a whole trace into memory. */
async function parse(path: string): Promise<{ stream: EventStream; batches: EventBatch[]; seconds: number }> {
  const begin = performance.now();
  const stream = await openEvents(path);
  const batches: EventBatch[] = [];
  for await (const batch of stream.batches) batches.push(batch);
  return { stream, batches, seconds: (performance.now() - begin) / 1000 };
}

async function* again(batches: readonly EventBatch[]): AsyncGenerator<EventBatch> {
  yield* batches;
}

/** Events per second of one replay. */
async function time(spec: ObjectSpec, stream: SourceEvents, engine: Engine): Promise<number> {
  const arena = await Arena.create({ cpus: CPUS, maximumBytes: 1 << 28 });
  const { programs } = loadSpec(arena, spec, { engine });
  const nothing = (): void => undefined;
  const { counts, seconds } = await replay(arena, programs, stream, DEFAULT_RULE, nothing, nothing);
  return counts.replayed / seconds;
}

/**
 * @param object an object file
 * @param events a trace
 * @param rounds runs of each, after one that warms up
 * @param progress called with the share that is done, 0 to 1
 */
export async function measureReplay(
  object: string,
  events: string,
  rounds = 11,
  progress: (share: number) => void = () => undefined,
): Promise<ReplayRates> {
  const spec = readObject(await readFile(object), object);
  const taken = { lines: [] as number[], jit: [] as number[], interpreter: [] as number[] };
  let count = 0;
  for (let round = -1; round < rounds; round++) {
    const { stream, batches, seconds } = await parse(events);
    const { counts } = stream;
    count = counts.read;
    const jit = await time(spec, { ...stream, batches: again(batches) }, "jit");
    const interpreter = await time(spec, { ...stream, batches: again(batches) }, "interpreter");
    if (round >= 0) {
      taken.lines.push((counts.read + skippedIn(counts)) / seconds);
      taken.jit.push(jit);
      taken.interpreter.push(interpreter);
    }
    progress((round + 2) / (rounds + 1));
  }
  return {
    events: count,
    linesPerSecond: spreadOf(taken.lines),
    eventsPerSecond: { jit: spreadOf(taken.jit), interpreter: spreadOf(taken.interpreter) },
  };
}

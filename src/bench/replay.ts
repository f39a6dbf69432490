/**
 * How fast events are read and replayed: lines of the trace that are no comments per second, packed (gunzip included) and not, and events
 * per second of a program on records that are parsed already. Rounds in turn, each replay in an arena of its own.
 */
import { readFile } from "node:fs/promises";
import { gunzipSync } from "node:zlib";
import { Arena } from "../arena/arena.ts";
import { readObject } from "../bpf/object/object.ts";
import type { ObjectSpec } from "../bpf/object/spec.ts";
import type { EventBatch } from "../events/batch.ts";
import { openEvents } from "../events/file.ts";
import { type EventStream, type SourceEvents, skippedIn } from "../events/source.ts";
import type { Engine } from "../load/choices.ts";
import { loadSpec } from "../load/load.ts";
import { DEFAULT_RULE } from "../replay/interrupts.ts";
import { replay } from "../replay/ordered.ts";
import { type Spread, spreadOf } from "./statistics.ts";

export interface ReplayRates {
  readonly events: number;
  readonly linesPerSecond: Spread;
  /** The same of the unpacked text, which is in memory. */
  readonly plainLinesPerSecond: Spread;
  /** Events per second, by engine. */
  readonly eventsPerSecond: Readonly<Record<Engine, Spread>>;
}

/** How fast a recording of any kind is read, and no more. */
export interface ReadingRates {
  /** Those that were read, and those that were skipped. */
  readonly events: number;
  readonly readPerSecond: Spread;
}

const CPUS = 2;

/** Bytes of a piece of unpacked text, as a file is read. */
const CHUNK_BYTES = 1 << 18;

/** Reads a recording, and lets go of its records: how many there are, and how many of them, or lines of text, a second. */
async function timeReading(open: () => Promise<EventStream>): Promise<{ events: number; perSecond: number }> {
  const begin = performance.now();
  const { batches, counts } = await open();
  for await (const batch of batches) batch.release?.();
  const events = counts.read + skippedIn(counts);
  return { events, perSecond: events / ((performance.now() - begin) / 1000) };
}

async function* chunksOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let from = 0; from < bytes.length; from += CHUNK_BYTES) yield bytes.subarray(from, from + CHUNK_BYTES);
}

/** Reads a whole trace into memory. */
async function keep(path: string): Promise<{ stream: EventStream; batches: EventBatch[] }> {
  const stream = await openEvents(path);
  const batches: EventBatch[] = [];
  for await (const { bytes, count } of stream.batches) batches.push({ bytes, count });
  return { stream, batches };
}

async function* again(batches: readonly EventBatch[]): AsyncGenerator<EventBatch> {
  yield* batches;
}

/** Events per second of one replay, of programs that are verified, as those of `anyctx run` are. */
async function time(spec: ObjectSpec, stream: SourceEvents, engine: Engine): Promise<number> {
  const arena = await Arena.create({ cpus: CPUS, maximumBytes: 1 << 28 });
  const { programs } = loadSpec(arena, spec, { engine, verify: true });
  const nothing = (): void => undefined;
  const { counts, seconds } = await replay(arena, programs, stream, DEFAULT_RULE, nothing, nothing);
  return counts.replayed / seconds;
}

/**
 * @param object an object file
 * @param events a trace, packed by gzip
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
  const text = gunzipSync(await readFile(events));
  const { stream, batches } = await keep(events);
  const taken = { lines: [] as number[], plain: [] as number[], jit: [] as number[], interpreter: [] as number[] };
  for (let round = -1; round < rounds; round++) {
    const lines = (await timeReading(() => openEvents(events))).perSecond;
    const plain = (await timeReading(() => openEvents(chunksOf(text)))).perSecond;
    const jit = await time(spec, { ...stream, batches: again(batches) }, "jit");
    const interpreter = await time(spec, { ...stream, batches: again(batches) }, "interpreter");
    if (round >= 0) {
      taken.lines.push(lines);
      taken.plain.push(plain);
      taken.jit.push(jit);
      taken.interpreter.push(interpreter);
    }
    progress((round + 2) / (rounds + 1));
  }
  return {
    events: stream.counts.read,
    linesPerSecond: spreadOf(taken.lines),
    plainLinesPerSecond: spreadOf(taken.plain),
    eventsPerSecond: { jit: spreadOf(taken.jit), interpreter: spreadOf(taken.interpreter) },
  };
}

/**
 * @param open opens a recording of any kind that is read, each time anew
 * @param rounds times that it is read, after one that warms up
 * @param progress as measureReplay
 */
export async function measureReading(
  open: () => Promise<EventStream>,
  rounds = 11,
  progress: (share: number) => void = () => undefined,
): Promise<ReadingRates> {
  const taken: number[] = [];
  const { events } = await timeReading(open);
  for (let round = 0; round < rounds; round++) {
    taken.push((await timeReading(open)).perSecond);
    progress((round + 1) / rounds);
  }
  return { events, readPerSecond: spreadOf(taken) };
}

/**
 * Fixed against adaptive watermarks: how many allocations find nothing, and how many bytes lie cached meanwhile.
 *
 * Bursts: inserts with interrupts off, their number heavy-tailed (Pareto, exponent 1.3) and its scale changing from
 * phase to phase; between bursts interrupts come on and the elements of an earlier burst are deleted. Recorded: a
 * program on the recorded trace on PREEMPT_RT, where a thread refills a given time too late.
 */
import { readFile } from "node:fs/promises";
import { Arena } from "../arena/arena.ts";
import { type CacheStatistics, cacheStatistics } from "../arena/statistics.ts";
import { readObject } from "../bpf/object/object.ts";
import { openEvents } from "../events/file.ts";
import { loadSpec } from "../load/load.ts";
import { bytes, u32 } from "../maps/codec/codec.ts";
import type { MapInfo } from "../maps/map.ts";
import { DEFAULT_RULE } from "../replay/interrupts.ts";
import { replay } from "../replay/ordered.ts";

type Thresholds = "fixed" | "adaptive";

/** What one run came to. */
export interface Outcome {
  /** Allocations asked for. */
  readonly asked: number;
  readonly misses: number;
  /** Mean of the bytes that lay cached, over all samples. */
  readonly cachedBytes: number;
}

export interface ThresholdsRow {
  readonly workload: string;
  readonly fixed: Outcome;
  readonly adaptive: Outcome;
}

const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8, 9];
const BURSTS = 4000;
const BURSTS_PER_PHASE = 250;
/** Smallest burst of each phase in turn. */
const PHASE_SCALES = [1, 2, 12, 1, 30, 3];
const EXPONENT = 1.3;
const LARGEST_BURST = 300;
/** Bursts that an element lives for. */
const LIFE = 8;

/** xorshift32 as numbers from 0 to 1. */
function randomNumbers(seed: number): () => number {
  let state = (seed * 0x9e3779b1) | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

function burstSize(random: () => number, burst: number): number {
  const scale = PHASE_SCALES[Math.floor(burst / BURSTS_PER_PHASE) % PHASE_SCALES.length] ?? 1;
  return Math.min(LARGEST_BURST, Math.floor(scale / (1 - random()) ** (1 / EXPONENT)));
}

function sum(caches: readonly CacheStatistics[], what: (cache: CacheStatistics) => number): number {
  return caches.reduce((total, cache) => total + what(cache), 0);
}

function missesOf({ misses }: CacheStatistics): number {
  return misses.task + misses.softirq + misses.irqsOff + misses.hardirq + misses.nmi;
}

async function runBursts(valueSize: number, thresholds: Thresholds, seed: number): Promise<Outcome> {
  const arena = await Arena.create({ maximumBytes: 64 << 20, cpus: 2, seed: 1, thresholds });
  const map = arena.createMap({ type: "hash", name: "bursts", key: u32, value: bytes(valueSize), maxEntries: 8192 });
  const value = new Uint8Array(valueSize);
  const random = randomNumbers(seed);
  const living: { from: number; to: number }[] = [];
  let next = 0;
  let asked = 0;
  let cached = 0;
  for (let burst = 0; burst < BURSTS; burst++) {
    const size = burstSize(random, burst);
    arena.core.contextSet(0, 1);
    for (let index = 0; index < size; index++) map.update(next + index, value);
    arena.core.contextSet(0, 0);
    arena.core.interruptsCameOn();
    living.push({ from: next, to: next + size });
    next += size;
    asked += size;
    const old = living.length > LIFE ? living.shift() : undefined;
    for (let key = old?.from ?? 0; key < (old?.to ?? 0); key++) map.delete(key);
    cached += sum(cacheStatistics(arena, map.info), ({ cpu, free, unit }) => (cpu === 0 ? free * unit : 0));
  }
  return { asked, misses: sum(cacheStatistics(arena, map.info), missesOf), cachedBytes: cached / BURSTS };
}

/** Mean over the seeds: every seed is another random workload of the same kind. */
async function averageBursts(valueSize: number, thresholds: Thresholds): Promise<Outcome> {
  const outcomes: Outcome[] = [];
  for (const seed of SEEDS) outcomes.push(await runBursts(valueSize, thresholds, seed));
  const mean = (what: (outcome: Outcome) => number): number =>
    outcomes.reduce((total, outcome) => total + what(outcome), 0) / outcomes.length;
  return {
    asked: mean(({ asked }) => asked),
    misses: mean(({ misses }) => misses),
    cachedBytes: mean(({ cachedBytes }) => cachedBytes),
  };
}

/** Bytes of a batch: the caches are looked at between batches, every few hundred events. */
const SAMPLE_BYTES = 65536;

async function runRecorded(
  object: string,
  events: string,
  microseconds: number,
  thresholds: Thresholds,
): Promise<Outcome> {
  const arena = await Arena.create({ maximumBytes: 256 << 20, cpus: 2, seed: 1, realTime: true, thresholds });
  const { programs, maps } = loadSpec(arena, readObject(await readFile(object), object), { hashes: "dynamic" });
  const stream = await openEvents(events, { cpus: 2, batchBytes: SAMPLE_BYTES });
  const infos: MapInfo[] = maps.map(({ map }) => map.info);
  const caches = (): CacheStatistics[] => infos.flatMap((info) => cacheStatistics(arena, info));
  let cached = 0;
  let samples = 0;
  const sample = (): void => {
    cached += sum(caches(), ({ free, unit }) => free * unit);
    samples++;
  };
  const rule = { ...DEFAULT_RULE, threadDelay: microseconds * 1000 };
  const { counts } = await replay(arena, programs, stream, rule, () => undefined, sample);
  return { asked: counts.replayed, misses: sum(caches(), missesOf), cachedBytes: cached / Math.max(samples, 1) };
}

const VALUE_SIZES = [8, 200, 1000];
const DELAYS = [20, 50, 200, 1000];

/**
 * @param object a program, and a trace for it
 * @param progress called with the share that is done, 0 to 1
 */
export async function measureThresholds(
  object: string,
  events: string,
  progress: (share: number) => void = () => undefined,
): Promise<ThresholdsRow[]> {
  const rows: ThresholdsRow[] = [];
  const total = VALUE_SIZES.length + DELAYS.length;
  const add = async (workload: string, run: (thresholds: Thresholds) => Promise<Outcome>): Promise<void> => {
    rows.push({ workload, fixed: await run("fixed"), adaptive: await run("adaptive") });
    progress(rows.length / total);
  };
  for (const size of VALUE_SIZES) await add(`bursts, values of ${size} bytes`, (each) => averageBursts(size, each));
  for (const delay of DELAYS)
    await add(`recorded, RT, refill ${delay} us late`, (each) => runRecorded(object, events, delay, each));
  return rows;
}

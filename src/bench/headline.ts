/**
 * The headline: what update+delete costs a BPF program on a dynamic hash, on a preallocated one, and on what a dynamic
 * hash was before per-CPU caches: the slab under its lock, an atomic count, and one grace-period callback for each
 * element. One compiled program, three maps, measured in turn in the same run.
 *
 * A grace period of the third column ends with a timer tick, as it does on a kernel whose CPUs do not go idle: 4 ms at
 * the usual HZ=250. The other two columns get the same ticks.
 */
import { Arena } from "../arena/arena.ts";
import { assemble } from "../bpf/assemble.ts";
import { compileProgram } from "../bpf/jit/compile.ts";
import { instantiateProgram } from "../bpf/jit/instantiate.ts";
import { linkProgram } from "../bpf/link.ts";
import { FRAME_BYTES, MAX_FRAMES, type MapBinding } from "../bpf/machine.ts";
import { specOfInstructions } from "../bpf/spec.ts";
import { u32, u64 } from "../maps/codec.ts";
import type { ArenaMap } from "../maps/map.ts";
import { type Spread, spreadOf } from "./statistics.ts";

export interface Headline {
  /** Throughput of dynamic relative to preallocated, and to the design before: medians of the runs' own ratios. */
  readonly dynamicToPreallocated: number;
  readonly dynamicToBefore: number;
  readonly ratios: { readonly dynamicToPreallocated: Spread; readonly dynamicToBefore: Spread };
  /** Nanoseconds per update+delete pair. */
  readonly nanoseconds: Readonly<Record<MapMode, Spread>>;
}

export type MapMode = "dynamic" | "preallocated" | "before";

const MODES: readonly MapMode[] = ["dynamic", "preallocated", "before"];
/** Entries of each map, and keys in turn: a program's working set. */
const ENTRIES = 1000;
const KEYS = 64;
/** Pairs per program run; Linux's bench uses 64 too, here a run is kept well below a tick. */
const PAIRS_PER_RUN = 1024;
const PAIRS = 200_000;
const TICK_MILLISECONDS = 4;

/** update+delete of keys 0 to KEYS - 1 in turn, PAIRS_PER_RUN times. */
function source(map: number): string {
  return `
    r6 = 0
  next:
    r1 = r6
    r1 &= ${KEYS - 1}
    *(u32 *)(r10 - 4) = r1
    *(u64 *)(r10 - 16) = r6
    r1 = map(${map}) ll
    r2 = r10
    r2 += -4
    r3 = r10
    r3 += -16
    r4 = 0
    call 2
    r1 = map(${map}) ll
    r2 = r10
    r2 += -4
    call 3
    r6 += 1
    if r6 < ${PAIRS_PER_RUN} goto next
    r0 = 0
    exit`;
}

type Run = () => void;

function bind(map: ArenaMap<number, bigint>): MapBinding {
  const { name, kind, address, keySize, valueSize, maxEntries, valueStride } = map.info;
  return { name, kind, address, keySize, valueSize, maxEntries, valueStride, firstValue: 0 };
}

function makeRun(arena: Arena, mode: MapMode): Run {
  const map = arena.createMap({
    type: "hash",
    name: mode,
    key: u32,
    value: u64,
    maxEntries: ENTRIES,
    prealloc: mode === "preallocated",
    withoutCache: mode === "before",
  });
  const binding = bind(map);
  const spec = specOfInstructions(mode, assemble(source(binding.address)));
  const linked = linkProgram(spec, mode, new Map([[mode, binding]]));
  const run = instantiateProgram(compileProgram(linked), arena.machine(() => undefined));
  const stack = arena.allocate(FRAME_BYTES * MAX_FRAMES) + FRAME_BYTES * MAX_FRAMES;
  const cpu = arena.core.cpuAreaAddress(arena.cpu) >>> 0;
  return () => {
    arena.core.readEnter();
    run(0, cpu, stack);
    arena.core.readLeave();
  };
}

/** Nanoseconds per pair over PAIRS pairs, with a timer tick every 4 ms as a kernel has. */
function time(arena: Arena, run: Run): number {
  const runs = Math.ceil(PAIRS / PAIRS_PER_RUN);
  const start = performance.now();
  let tick = start;
  for (let index = 0; index < runs; index++) {
    run();
    const now = performance.now();
    if (now - tick < TICK_MILLISECONDS) continue;
    tick = now;
    arena.core.timerTick();
  }
  return ((performance.now() - start) * 1e6) / (runs * PAIRS_PER_RUN);
}

/**
 * Measures the headline in an arena of its own.
 * @param rounds runs of each mode, in turn
 * @param progress called after each round
 */
export async function measureHeadline(rounds = 11, progress: (done: number) => void = () => {}): Promise<Headline> {
  const arena = await Arena.create({ maximumBytes: 1 << 28, cpus: 2 });
  const runs = MODES.map((mode) => makeRun(arena, mode));
  // The first two rounds warm the engine up.
  const taken = MODES.map((): number[] => []);
  for (let round = -2; round < rounds; round++) {
    for (const [index, run] of runs.entries()) {
      const nanoseconds = time(arena, run);
      if (round >= 0) taken[index]?.push(nanoseconds);
    }
    progress(Math.max(round + 1, 0));
  }
  const [dynamic = [], preallocated = [], before = []] = taken;
  const ratio = (other: readonly number[]): Spread =>
    spreadOf(dynamic.map((nanoseconds, index) => (other[index] ?? Number.NaN) / nanoseconds));
  const ratios = { dynamicToPreallocated: ratio(preallocated), dynamicToBefore: ratio(before) };
  return {
    dynamicToPreallocated: ratios.dynamicToPreallocated.median,
    dynamicToBefore: ratios.dynamicToBefore.median,
    ratios,
    nanoseconds: { dynamic: spreadOf(dynamic), preallocated: spreadOf(preallocated), before: spreadOf(before) },
  };
}

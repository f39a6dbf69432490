/**
 * What the three examples find in the recorded trace, entry by entry, against the plain computation over the text
 * (test/expected): with both kinds of maps and both engines. Bytes are taken apart here, not through BTF.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Arena } from "../src/arena/arena.ts";
import { readObject } from "../src/bpf/object/object.ts";
import { openEvents } from "../src/events/file.ts";
import type { Symbols } from "../src/events/source.ts";
import type { Engine } from "../src/load/choices.ts";
import { type LoadedObject, type LoadOptions, loadSpec } from "../src/load/load.ts";
import { DEFAULT_RULE } from "../src/replay/interrupts.ts";
import { replay } from "../src/replay/ordered.ts";
import { readLines } from "./expected/lines.ts";
import { memleak } from "./expected/memleak.ts";
import { runqlat } from "./expected/runqlat.ts";
import { syslat } from "./expected/syslat.ts";

const TRACE = "examples/data/kernel-events.trace.gz";
const CPUS = 4;

const lines = readLines(TRACE);

interface Entry {
  readonly key: DataView;
  /** One for each CPU, or just one. */
  readonly values: readonly DataView[];
}

type Contents = Readonly<Record<string, readonly Entry[]>>;

interface Outcome {
  /** By map name. */
  readonly maps: Contents;
  readonly symbols: Symbols | undefined;
  /** u64 global variables by name. */
  readonly globals: Readonly<Record<string, bigint>>;
}

const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
const u64 = (bytes: DataView | undefined, offset = 0): bigint => bytes?.getBigUint64(offset, true) ?? -1n;
const u32 = (bytes: DataView | undefined, offset = 0): number => bytes?.getUint32(offset, true) ?? -1;

function contents(loaded: LoadedObject): Contents {
  const dump = (map: LoadedObject["maps"][number]["map"]): Entry[] =>
    Array.from(map.dump(), ({ key, values }) => ({ key: view(key), values: values.map(view) }));
  return Object.fromEntries(loaded.maps.map(({ spec, map }) => [spec.name, dump(map)]));
}

function globals(loaded: LoadedObject, maps: Contents): Record<string, bigint> {
  const variables = loaded.maps.flatMap(({ spec }) =>
    (spec.variables ?? [])
      .filter(({ size }) => size === 8)
      .map(({ name, offset }) => [name, u64(maps[spec.name]?.[0]?.values[0], offset)] as const),
  );
  return Object.fromEntries(variables);
}

async function outcome(program: string, options: LoadOptions): Promise<Outcome> {
  const path = `examples/bpf/${program}.bpf.o`;
  const arena = await Arena.create({ cpus: CPUS, seed: 7 });
  const loaded = loadSpec(arena, readObject(readFileSync(path), path), options);
  const trace = await openEvents(TRACE, { cpus: CPUS });
  const ignore = (): void => undefined;
  const { counts } = await replay(arena, loaded.programs, trace, DEFAULT_RULE, ignore, ignore);
  assert.equal(counts.replayed, lines.length);
  assert.deepEqual(
    counts.programs.map(({ errors }) => errors),
    counts.programs.map(() => 0),
  );
  const maps = contents(loaded);
  return { maps, symbols: trace.symbols, globals: globals(loaded, maps) };
}

/** Entries of a map as pairs; a key that occurs twice must not vanish in a Map. */
function pairs<K, V>(entries: readonly Entry[] | undefined, read: (entry: Entry) => [K, V]): Map<K, V> {
  const all = (entries ?? []).map(read);
  const map = new Map(all);
  assert.equal(map.size, all.length, "every key once");
  return map;
}

const EXPECTED_MEMLEAK = memleak(lines);
function checkMemleak({ maps, symbols, globals }: Outcome): void {
  const { allocs, sites, reused, unknownFrees } = EXPECTED_MEMLEAK;
  const siteName = (address: bigint): string => (symbols?.nameOf(address) ?? "").replace(/ \[.*\]$/, "");
  assert.deepEqual(
    pairs(maps["allocs"], ({ key, values: [value] }) => [
      u64(key),
      { size: u64(value), callSite: siteName(u64(value, 8)) },
    ]),
    allocs,
  );
  assert.deepEqual(
    pairs(maps["sites"], ({ key, values: [value] }) => [
      siteName(u64(key)),
      { bytes: u64(value), count: u64(value, 8) },
    ]),
    sites,
  );
  assert.deepEqual(globals, {
    ...{ min_size: 0n, max_size: (1n << 64n) - 1n },
    ...{ reused, unknown_frees: unknownFrees, failed: 0n },
  });
}

const EXPECTED_RUNQLAT = runqlat(lines);
function checkRunqlat({ maps, globals }: Outcome): void {
  const { waits, starts, missed } = EXPECTED_RUNQLAT;
  assert.deepEqual(
    pairs(maps["starts"], ({ key, values: [value] }) => [u32(key), u64(value)]),
    starts,
  );
  const slots = maps["waits"] ?? [];
  assert.equal(slots.length, 26);
  for (let cpu = 0; cpu < CPUS; cpu++)
    assert.deepEqual(
      slots.map(({ values }) => Number(u64(values[cpu]))),
      waits.get(cpu) ?? slots.map(() => 0),
      `waits on CPU ${cpu}`,
    );
  assert.deepEqual(globals, { missed, failed: 0n });
}

const EXPECTED_SYSLAT = syslat(lines);
const SYSLAT_SLOTS = 26;
function readLatency(bytes: DataView): { count: bigint; totalNs: bigint; slots: number[] } {
  const slots = Array.from({ length: SYSLAT_SLOTS }, (_, slot) => u32(bytes, 16 + slot * 4));
  return { count: u64(bytes), totalNs: u64(bytes, 8), slots };
}

function checkSyslat({ maps, globals }: Outcome): void {
  const { latencies, starts, missed } = EXPECTED_SYSLAT;
  assert.deepEqual(
    pairs(maps["starts"], ({ key, values: [value] }) => [u64(key), u64(value)]),
    starts,
  );
  const zero = { count: 0n, totalNs: 0n, slots: Array.from({ length: SYSLAT_SLOTS }, () => 0) };
  const everyCpu = new Map(
    [...latencies].map(([number, byCpu]) => [number, Array.from({ length: CPUS }, (_, cpu) => byCpu.get(cpu) ?? zero)]),
  );
  assert.deepEqual(
    pairs(maps["latencies"], ({ key, values }) => [u32(key), values.map(readLatency)]),
    everyCpu,
  );
  assert.deepEqual(globals, { missed, failed: 0n });
}

const PROGRAMS: Readonly<Record<string, (outcome: Outcome) => void>> = {
  memleak: checkMemleak,
  runqlat: checkRunqlat,
  syslat: checkSyslat,
};
const ENGINES: readonly Engine[] = ["jit", "interpreter"];
const HASHES = ["dynamic", "preallocated"] as const;

for (const [program, check] of Object.entries(PROGRAMS))
  for (const engine of ENGINES)
    for (const hashes of HASHES)
      test(`${program}, ${hashes}, ${engine}: every entry and counter as computed from the text`, async () => {
        check(await outcome(program, { engine, hashes }));
      });

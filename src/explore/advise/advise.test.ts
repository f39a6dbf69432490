import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { Arena } from "../../arena/arena.ts";
import { cacheStatistics } from "../../arena/statistics.ts";
import { readObject } from "../../bpf/object/object.ts";
import { openEvents } from "../../events/file.ts";
import { CONTEXTS } from "../../events/record.ts";
import { loadSpec } from "../../load/load.ts";
import { RULE_RANGE } from "../../replay/interrupts.ts";
import { replay } from "../../replay/ordered.ts";
import { leastThat } from "../check/bisect.ts";
import type { AdviceReport, KernelAdvice, MapAdvice } from "./advice.ts";
import { adviseObjects } from "./advise.ts";
import { keepStream, type OpenStream } from "./recording.ts";

const CPUS = 2;
const LINES = 12_000;
const MEMLEAK = readObject(readFileSync("examples/bpf/memleak.bpf.o"), "memleak.bpf.o");
const TEXT = gunzipSync(readFileSync("examples/data/kernel-events.trace.gz")).toString("latin1").split("\n");
const BYTES = Buffer.from(`${TEXT.slice(0, LINES).join("\n")}\n`, "latin1");

async function* chunks(): AsyncGenerator<Uint8Array> {
  yield BYTES;
}

const open: OpenStream = () => openEvents(chunks(), { cpus: CPUS });

function advise(): Promise<AdviceReport> {
  return adviseObjects([{ object: MEMLEAK }], keepStream(open), { cpus: CPUS, rules: RULE_RANGE }, () => undefined);
}

const report = await advise();

function mapOf(name: string): MapAdvice {
  const map = report.maps.find((each) => each.name === name);
  assert.ok(map);
  return map;
}

function kernel(name: string, realTime: boolean): KernelAdvice {
  const row = mapOf(name).kernels?.find((each) => each.realTime === realTime);
  assert.ok(row);
  return row;
}

interface Seen {
  readonly misses: number;
  readonly burst: number;
}

/** Misses by map of a replay of its own, and the most of one CPU between two of its refills. */
async function replayed(realTime: boolean): Promise<ReadonlyMap<string, Seen>> {
  const arena = await Arena.create({ cpus: CPUS, maximumBytes: 2 ** 30, seed: 1, profile: "linux", realTime });
  const { programs, maps } = loadSpec(arena, MEMLEAK, { engine: "interpreter", hashes: "dynamic" });
  const nothing = (): void => undefined;
  const sums = new Map<string, { refills: number; misses: number; since: number }>();
  const seen = new Map<string, Seen>();
  const look = (): void => {
    for (const { spec, map } of maps)
      for (const cache of cacheStatistics(arena, map.info)) {
        if (cache.objects !== "elements" || cache.cpu !== arena.cpu) continue;
        const misses = CONTEXTS.reduce((sum, each) => sum + cache.misses[each], 0);
        const key = `${spec.name} ${cache.cpu}`;
        const before = sums.get(key) ?? { refills: 0, misses: 0, since: 0 };
        const since = (before.refills === cache.refills ? before.since : 0) + misses - before.misses;
        sums.set(key, { refills: cache.refills, misses, since });
        const { misses: all, burst } = seen.get(spec.name) ?? { misses: 0, burst: 0 };
        seen.set(spec.name, { misses: all + misses - before.misses, burst: Math.max(burst, since) });
      }
  };
  await replay(arena, programs, await open(), RULE_RANGE.most, nothing, nothing, { event: look });
  return seen;
}

const total = (row: KernelAdvice): number => CONTEXTS.reduce((sum, context) => sum + row.misses[context], 0);

test("misses and their burst are those that a replay in profile linux has", async () => {
  for (const realTime of [false, true]) {
    const seen = await replayed(realTime);
    for (const name of ["allocs", "sites"]) {
      const row = kernel(name, realTime);
      assert.deepEqual({ misses: total(row), burst: row.prefill }, seen.get(name));
      assert.ok(row.missesFewest <= total(row));
    }
  }
  const row = kernel("allocs", true);
  assert.ok(total(row) > 0, "on RT there are some, or this test says nothing");
  assert.ok(row.burst > 0 && row.burst < total(row) && row.prefill === row.burst);
  assert.equal(row.verdict, "keep preallocated");
  assert.match(row.reason, /^dynamic, \d+.* of its updates fail, [\d.]+ %, up to \d+ between two refills; /);
});

test("where nothing misses the advice is to go dynamic without a prefill", () => {
  const row = kernel("allocs", false);
  assert.deepEqual([total(row), row.prefill, row.missesAdaptive, row.verdict], [0, 0, 0, "go dynamic"]);
  assert.ok(row.peakEntries >= row.entries && row.entries > 0);
  assert.ok(row.peakBytes >= row.bytes && row.peakBytes < (row.linux.preallocated?.total ?? 0));
  assert.equal(row.linux.dynamic?.total, row.peakBytes);
});

test("an array gets a reason instead of advice", () => {
  const { note, kernels, declaredBytes } = mapOf(".bss");
  assert.deepEqual([note, kernels], ["an array is always there as a whole", undefined]);
  assert.equal((declaredBytes ?? 1) % 4096, 0);
});

test("a map that the trace puts nothing into gets no advice", async () => {
  const text = TEXT.filter((line) => /: sched_|^#/.test(line)).slice(0, 200);
  async function* few(): AsyncGenerator<Uint8Array> {
    yield Buffer.from(`${text.join("\n")}\n`, "latin1");
  }
  const options = { cpus: CPUS, rules: RULE_RANGE };
  const { maps } = await adviseObjects(
    [{ object: MEMLEAK }],
    () => openEvents(few()),
    options,
    () => undefined,
  );
  assert.deepEqual(
    maps.slice(0, 2).flatMap(({ kernels = [] }) => kernels.map(({ verdict }) => verdict)),
    ["no advice", "no advice", "no advice", "no advice"],
  );
});

test("a trace is read once if it is small enough to keep, and again each time if not", async () => {
  for (const [most, opened] of [[2 ** 30, 1] as const, [1000, 3] as const]) {
    let count = 0;
    const again = keepStream(() => {
      count++;
      return open();
    }, most);
    const events: number[] = [];
    for (let turn = 0; turn < 3; turn++) {
      let sum = 0;
      for await (const batch of (await again()).batches) sum += batch.count;
      events.push(sum);
    }
    assert.equal(count, opened);
    assert.ok((events[0] ?? 0) > 10_000 && events.every((each) => each === events[0]));
  }
});

test("the smallest number that is enough is found, each number tried once", async () => {
  for (const least of [0, 1, 7, 63, 64, 99, 100]) {
    const tried: number[] = [];
    const found = await leastThat((count) => {
      tried.push(count);
      return count >= least;
    }, 100);
    assert.equal(found, least);
    assert.ok(tried.length <= 7 && new Set(tried).size === tried.length);
  }
});

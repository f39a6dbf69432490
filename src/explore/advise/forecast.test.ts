import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { totalMisses } from "../../arena/caches.ts";
import { readObject } from "../../bpf/object/object.ts";
import { openEvents } from "../../events/file.ts";
import { RULE_RANGE } from "../../replay/interrupts.ts";
import type { AdviceReport, KernelAdvice } from "./advice.ts";
import { adviseObjects } from "./advise.ts";
import { keepStream } from "./recording.ts";

const FOLDER = "test/data/stories";
const object = readObject(readFileSync(`${FOLDER}/src/s5_runq.bpf.o`), "s5_runq.bpf.o");
const open = keepStream(() => openEvents(`${FOLDER}/traces/syn.1.trace.gz`, { cpus: 2, formats: `${FOLDER}/formats` }));

const advise = (forecast: boolean): Promise<AdviceReport> =>
  adviseObjects([{ object }], open, { cpus: 2, rules: RULE_RANGE, forecast }, () => undefined);

const [known, forecast] = [await advise(false), await advise(true)];

function kernel({ maps }: AdviceReport, realTime: boolean): KernelAdvice {
  const row = maps.find(({ name }) => name === "start")?.kernels?.find((each) => each.realTime === realTime);
  assert.ok(row);
  return row;
}

test("the document says which of the two it is", () => {
  assert.deepEqual([known.profile, forecast.profile], ["linux", "linux-nolock"]);
});

test("without caches no update waits for an interrupt: all 200 of one hard interrupt get an element", () => {
  assert.equal(totalMisses(kernel(known, false).misses), 196);
  const { misses, updates, peakEntries, prefill } = kernel(forecast, false);
  assert.deepEqual([totalMisses(misses), updates, peakEntries, prefill], [0, 200, 200, 0]);
});

test("an RT kernel's slab gives nothing in a hard interrupt", () => {
  const { misses, updates, peakEntries } = kernel(forecast, true);
  assert.deepEqual([misses.hardirq, totalMisses(misses), updates, peakEntries], [200, 200, 200, 0]);
});

test("what is live is all that there is", () => {
  const { linux, peakEntries } = kernel(forecast, false);
  assert.deepEqual([linux.dynamic?.caches, linux.dynamic?.elements], [0, peakEntries * 96]);
});

test("what Linux refuses before it asks for an element is no failure for memory", async () => {
  // Each of the 200 is woken a second time: the program updates with BPF_NOEXIST, and the key is there without RT.
  const lines = gunzipSync(readFileSync(`${FOLDER}/traces/syn.1.trace.gz`))
    .toString("latin1")
    .trimEnd()
    .split("\n");
  const wakeups = lines.filter((line) => line.includes("sched_wakeup:"));
  const text = [...lines, ...wakeups].join("\n");
  async function* chunks(): AsyncGenerator<Uint8Array> {
    yield Buffer.from(`${text}\n`, "latin1");
  }
  const twice = keepStream(() => openEvents(chunks(), { cpus: 2, formats: `${FOLDER}/formats` }));
  const options = { cpus: 2, rules: RULE_RANGE, forecast: true };
  const report = await adviseObjects([{ object }], twice, options, () => undefined);
  assert.deepEqual([kernel(report, false).updates, totalMisses(kernel(report, false).misses)], [200, 0]);
  assert.deepEqual([kernel(report, true).updates, kernel(report, true).misses.hardirq], [400, 400]);
});

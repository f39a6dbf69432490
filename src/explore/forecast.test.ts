import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { readObject } from "../bpf/object/object.ts";
import { openEvents } from "../events/file.ts";
import { RULE_RANGE } from "../replay/interrupts.ts";
import type { AdviceReport, KernelAdvice } from "./advice.ts";
import { adviseObject } from "./advise.ts";
import { keepStream } from "./recording.ts";
import { totalMisses } from "./watched.ts";

const FOLDER = "test/data/stories";
const object = readObject(readFileSync(`${FOLDER}/src/s5_runq.bpf.o`), "s5_runq.bpf.o");
const open = keepStream(() => openEvents(`${FOLDER}/traces/syn.1.trace.gz`, { cpus: 2, formats: `${FOLDER}/formats` }));

const advise = (forecast: boolean): Promise<AdviceReport> =>
  adviseObject(object, open, { cpus: 2, rules: RULE_RANGE, forecast }, () => undefined);

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

/** The machine's smoke: every scenario for a moment. The long run is `npm run sim`. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { runScenario, unreached } from "../../src/sim/campaign.ts";
import { loadSimCore } from "../../src/sim/core.ts";
import { runExhaustively, stage } from "../../src/sim/scenario.ts";
import { SCENARIOS } from "./scenarios/index.ts";

const MOMENT = { seed: 1, exhaustiveMilliseconds: 200, seedMilliseconds: 50, raceMilliseconds: 50, replays: true };
/** For those that have not come to what they are about: other processes had the CPU meanwhile. */
const LONGER = { ...MOMENT, exhaustiveMilliseconds: 12_000, seedMilliseconds: 6000, raceMilliseconds: 1500 };
/** Those whose every schedule within the bound is run, however long that takes. */
const WHOLE: Readonly<Record<string, string>> = {
  "alloc-free-nmi": "an allocation and a free on one CPU, two nested levels of interrupts at every step",
  "one-bucket": "update, delete and lookup of two CPUs on one bucket",
  "cross-cpu-trim": "objects allocated on one CPU and freed on another one, across a trim",
};
const core = await loadSimCore();

for (const scenario of SCENARIOS) {
  const but = scenario.known === undefined ? "" : ", but for a known fault";
  test(`${scenario.name}: nothing fails in any schedule that was tried, and some come to what it is about${but}`, () => {
    const first = runScenario(core, scenario, MOMENT);
    const again = first.failure === undefined && unreached(first).length > 0;
    const report = again ? runScenario(core, scenario, LONGER) : first;
    const { failure, known, complete } = report;
    assert.equal(failure?.message, undefined, `${failure?.schedule}\n${failure?.trace.join("\n")}`);
    assert.ok(Object.keys(report.reached).length > 0, "a scenario says what it has to reach");
    assert.deepEqual(unreached(report), []);
    // On several CPUs a fault may take longer to show than a smoke lasts.
    if (scenario.known !== undefined && complete && scenario.cpus === 1)
      assert.ok(known > 0, "the known fault is gone: take `known` out of the scenario");
  });
}

for (const [name, what] of Object.entries(WHOLE))
  test(`${name}: every schedule within its bound: ${what}`, (context) => {
    const scenario = SCENARIOS.find((each) => each.name === name);
    assert.ok(scenario !== undefined);
    const report = runExhaustively(stage(core, scenario), ({ finding }) => finding !== undefined);
    assert.ok(report.complete, "nothing failed, every schedule was run");
    const { schedules, redundant, steps } = report;
    context.diagnostic(`${schedules} schedules, ${redundant} more given up as the same as one of them, ${steps} steps`);
  });

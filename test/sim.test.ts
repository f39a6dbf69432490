/** The machine's smoke: every scenario for a moment, every canary found. The long run is `npm run sim`. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { huntCanaries } from "../scripts/hunt.ts";
import { replayOne, runScenario } from "../src/sim/campaign.ts";
import { CANARIES } from "../src/sim/canaries.ts";
import { loadSimCore } from "../src/sim/core.ts";
import { SCENARIOS } from "../src/sim/scenarios/index.ts";
import { parseSchedule } from "../src/sim/schedule.ts";

const BUDGET = { seed: 1, exhaustiveMilliseconds: 700, seedMilliseconds: 100, raceMilliseconds: 100 };
const core = await loadSimCore();
const hunts = huntCanaries(CANARIES);
/** Lets the compiler's process, which runs meanwhile, be heard. */
const pause = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

for (const scenario of SCENARIOS)
  test(`${scenario.name}: nothing fails in any schedule that was tried${scenario.known ? ", but for a known fault" : ""}`, async () => {
    const { failure, known } = runScenario(core, scenario, BUDGET);
    assert.equal(failure?.message, undefined, `${failure?.schedule}\n${failure?.trace.join("\n")}`);
    if (scenario.known !== undefined) assert.ok(known > 0, "the known fault is gone: take `known` out of the scenario");
    await pause();
  });

test("every canary is found by the scenario that it names", async () => {
  const missed = (await hunts).filter(({ found }) => found === undefined).map(({ name }) => name);
  assert.deepEqual(missed, []);
});

test("a schedule that failed fails again, and its trace says where", () => {
  const scenario = SCENARIOS.find(({ known }) => known !== undefined);
  if (scenario === undefined) return;
  const report = runScenario(core, { ...scenario, known: { kinds: [], why: "" } }, BUDGET);
  const decisions = parseSchedule(report.failure?.schedule ?? "");
  assert.ok(decisions !== undefined && decisions.length < 4, `${report.failure?.schedule} is short`);
  const again = replayOne(core, scenario, { decisions });
  assert.equal(again?.message, report.failure?.message);
  assert.match(again?.trace.join("\n") ?? "", /cpu0 nmi .* core\/alloc\/\w+\.ts:\d+ /);
});

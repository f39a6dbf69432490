/** Broken cores: the machine finds what is wrong with each, and says where. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { replayOne, runScenario } from "../../src/sim/campaign.ts";
import { loadSimCore } from "../../src/sim/core.ts";
import { parseSchedule } from "../../src/sim/schedule.ts";
import { huntCanaries } from "../../tools/machine/hunt.ts";
import { canaryPath, compileCanaries } from "../../tools/make/canary.ts";
import { CANARIES } from "./canaries.ts";
import { SCENARIOS } from "./scenarios/index.ts";

const BUDGET = { seed: 1, exhaustiveMilliseconds: 200, seedMilliseconds: 50, raceMilliseconds: 50 };

test("every canary is found by the scenario that it names", async () => {
  const missed = (await huntCanaries(CANARIES)).filter(({ found }) => found === undefined).map(({ name }) => name);
  assert.deepEqual(missed, []);
});

test("a schedule that failed is short, fails again in the same way, and its trace says where", async () => {
  await compileCanaries(["no-active-guard"]);
  const scenario = SCENARIOS.find(({ name }) => name === "alloc-free-nmi");
  assert.ok(scenario !== undefined);
  const broken = await loadSimCore(canaryPath("no-active-guard"));
  const { failure } = runScenario(broken, scenario, BUDGET);
  const decisions = parseSchedule(failure?.schedule ?? "");
  assert.ok(decisions !== undefined && decisions.length === 1, `${failure?.schedule}`);
  const again = replayOne(broken, scenario, { decisions });
  assert.deepEqual(again?.trace, failure?.trace);
  assert.match(
    failure?.trace.join("\n") ?? "",
    /cpu0 nmi +cacheTake core\/alloc\/cache\.ts:\d+ +store +allocator cache 0/,
  );
});

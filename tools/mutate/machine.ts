/**
 * What `npm run mutate` asks of the machine: every scenario for a third of the smoke's time, until one fails. Those that
 * come to the changed file are first, and have more time the fewer they are: which do, the run of the true core has noted,
 * for which no file is named. Says each one's name, as a sign of life.
 */
import { readFileSync, writeFileSync, writeSync } from "node:fs";
import { type Budget, lookAt } from "../../src/sim/campaign.ts";
import { loadSimCore } from "../../src/sim/core.ts";
import type { Scenario } from "../../src/sim/scenario.ts";
import { SCENARIOS } from "../../test/sim/scenarios/index.ts";

/** Files of the core by scenario. */
const NOTED = "build/reached.json";
const BUDGET = { seed: 1, exhaustiveMilliseconds: 70, seedMilliseconds: 17, raceMilliseconds: 17 };
/** For those that come to the file, together, and the most for one of them. */
const NEAR_MILLISECONDS = 15_000;
const NEAREST_MILLISECONDS = 1000;

const [changed] = process.argv.slice(2);
const noted: Record<string, readonly string[]> =
  changed === undefined ? {} : (JSON.parse(readFileSync(NOTED, "utf8")) as Record<string, readonly string[]>);
const isNear = ({ name }: Scenario): boolean => changed !== undefined && noted[name]?.includes(changed) === true;
const near = SCENARIOS.filter(isNear);
const share = Math.min(NEAREST_MILLISECONDS, NEAR_MILLISECONDS / near.length);
/** Half of it for what comes in order, half for chance: either finds in a moment what the other takes long for. */
const NEAR: Budget = {
  ...BUDGET,
  exhaustiveMilliseconds: Math.max(BUDGET.exhaustiveMilliseconds, share / 2),
  seedMilliseconds: Math.max(BUDGET.seedMilliseconds, share / 2),
};

const core = await loadSimCore();
function look(scenario: Scenario, budget: Budget): readonly string[] {
  writeSync(1, `${scenario.name}\n`);
  const { finding, files } = lookAt(core, scenario, budget);
  if (finding === undefined) return files;
  console.log(`${finding.kind}: ${finding.message}`);
  process.exit(1);
}

for (const scenario of near) look(scenario, NEAR);
for (const scenario of SCENARIOS) if (!near.includes(scenario)) noted[scenario.name] = look(scenario, BUDGET);
if (changed === undefined) writeFileSync(NOTED, JSON.stringify(noted));

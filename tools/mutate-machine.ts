/**
 * What `npm run mutate` asks of the machine: every scenario for a third of the smoke's time, until one fails. Those that
 * have to reach a function of the changed file come first. Says each one's name, as a sign of life.
 */
import { readFileSync, writeSync } from "node:fs";
import { firstFinding } from "../src/sim/campaign.ts";
import { loadSimCore } from "../src/sim/core.ts";
import type { Scenario } from "../src/sim/scenario.ts";
import { SCENARIOS } from "../test/sim/scenarios/index.ts";

const BUDGET = { seed: 1, exhaustiveMilliseconds: 70, seedMilliseconds: 17, raceMilliseconds: 17 };

const changed = process.argv.slice(2).map((path) => readFileSync(path, "utf8"));
const isNear = ({ reaches = [] }: Scenario): boolean =>
  reaches.some((place) => typeof place !== "string" && changed.some((text) => text.includes(`function ${place.in}(`)));

const core = await loadSimCore();
const near = SCENARIOS.filter(isNear);
for (const scenario of [...near, ...SCENARIOS.filter((each) => !near.includes(each))]) {
  writeSync(1, `${scenario.name}\n`);
  const finding = firstFinding(core, { ...scenario, reaches: [] }, BUDGET);
  if (finding === undefined) continue;
  console.log(`${finding.kind}: ${finding.message}`);
  process.exit(1);
}

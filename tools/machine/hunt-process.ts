/** Hunts the canaries that are named, one after the other: each one's scenario has to fail on it. A line of JSON for each. */
import { writeSync } from "node:fs";
import { type Budget, lookAt } from "../../src/sim/campaign.ts";
import { loadSimCore } from "../../src/sim/core.ts";
import { SCENARIOS } from "../../test/sim/scenarios/index.ts";
import { canaryPath, compileCanaries, mutationOf } from "../make/canary.ts";
import type { Hunt } from "./hunt.ts";

/** As a rule a canary is found in a moment, in order or by chance; on a machine that has other work too it is given far longer. */
const BUDGETS: readonly Budget[] = [
  { seed: 1, exhaustiveMilliseconds: 200, seedMilliseconds: 200, raceMilliseconds: 0 },
  { seed: 1, exhaustiveMilliseconds: 1000, seedMilliseconds: 4000, raceMilliseconds: 0 },
  { seed: 1, exhaustiveMilliseconds: 20_000, seedMilliseconds: 40_000, raceMilliseconds: 0 },
];

async function hunt(name: string): Promise<Hunt> {
  const { scenario } = mutationOf(name);
  const found = SCENARIOS.find((each) => each.name === scenario);
  if (found === undefined) throw new Error(`canary ${name} names scenario ${scenario}, which is not there`);
  const core = await loadSimCore(canaryPath(name));
  for (const budget of BUDGETS) {
    const { finding } = lookAt(core, found, budget);
    if (finding !== undefined) return { name, found: `${finding.kind}: ${finding.message}` };
  }
  return { name, found: undefined };
}

const names = process.argv.slice(2);
await compileCanaries(names);
for (const name of names) writeSync(1, `${JSON.stringify(await hunt(name))}\n`);

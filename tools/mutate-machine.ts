/** What `npm run mutate` asks of the machine: every scenario for a third of the smoke's time, until one fails. */
import { runScenario } from "../src/sim/campaign.ts";
import { loadSimCore } from "../src/sim/core.ts";
import { SCENARIOS } from "../test/sim/scenarios/index.ts";

const BUDGET = { seed: 1, exhaustiveMilliseconds: 70, seedMilliseconds: 17, raceMilliseconds: 17 };

const core = await loadSimCore();
for (const scenario of SCENARIOS) {
  const { failure } = runScenario(core, { ...scenario, reaches: [] }, BUDGET);
  if (failure === undefined) continue;
  console.log(`${failure.scenario}: ${failure.kind}: ${failure.message}`);
  process.exit(1);
}

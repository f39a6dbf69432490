/** Hunting canaries: each is compiled in a process of its own, and its scenario has to fail on it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { runScenario } from "../src/sim/campaign.ts";
import { loadSimCore } from "../src/sim/core.ts";
import type { Canary } from "../test/sim/canaries.ts";
import { SCENARIOS } from "../test/sim/scenarios/index.ts";
import { canaryPath } from "./canary.ts";

export interface Hunt {
  readonly name: string;
  /** What the machine found, in words; undefined: nothing. */
  readonly found: string | undefined;
}

/** Time for one canary at most, on a machine that has other work too: as a rule it is found in a tenth of that. */
const BUDGET = { seed: 1, exhaustiveMilliseconds: 10000, seedMilliseconds: 2000, raceMilliseconds: 0 };

/** Compiles the canaries that have not been compiled from today's sources. */
export async function compileCanaries(names: readonly string[]): Promise<void> {
  const missing = names.filter((name) => !existsSync(`${canaryPath(name)}.wasm`));
  if (missing.length === 0) return;
  const child = spawn(process.execPath, ["build/tools/tools/compile.js", "canary", ...missing], {
    stdio: ["ignore", 2, 2],
  });
  const [status] = (await once(child, "exit")) as [number | null];
  if (status !== 0) throw new Error(`canaries ${missing.join(", ")} were not compiled`);
}

async function hunt({ name, scenario }: Canary): Promise<Hunt> {
  const found = SCENARIOS.find((each) => each.name === scenario);
  if (found === undefined) throw new Error(`canary ${name} names scenario ${scenario}, which is not there`);
  const { failure } = runScenario(await loadSimCore(canaryPath(name)), found, BUDGET);
  return { name, found: failure === undefined ? undefined : `${failure.kind}: ${failure.message}` };
}

/** Compiles what is missing, then hunts one after the other. */
export async function huntCanaries(canaries: readonly Canary[], see: (hunt: Hunt) => void = () => {}): Promise<Hunt[]> {
  await compileCanaries(canaries.map(({ name }) => name));
  const hunts: Hunt[] = [];
  for (const canary of canaries) {
    const result = await hunt(canary);
    see(result);
    hunts.push(result);
  }
  return hunts;
}

/** Hunting canaries, in processes of their own. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { availableParallelism } from "node:os";
import { createInterface } from "node:readline";
import type { Canary } from "../../test/sim/canaries.ts";
import { childEnvironment } from "../child.ts";

export interface Hunt {
  readonly name: string;
  /** What the machine found, in words; undefined: nothing. */
  readonly found: string | undefined;
}

type See = (hunt: Hunt) => void;

async function huntInProcess(names: readonly string[], see: See): Promise<Hunt[]> {
  const child = spawn(process.execPath, ["--import", "tsx", "tools/machine/hunt-process.ts", ...names], {
    env: childEnvironment(),
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(child, "close") as Promise<[number | null]>;
  const hunts: Hunt[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    const { name, found } = JSON.parse(line) as { readonly name: string; readonly found?: string };
    hunts.push({ name, found });
    see({ name, found });
  }
  const [status] = await ended;
  if (status !== 0 || hunts.length < names.length) throw new Error(`canaries were not hunted: status ${status}`);
  return hunts;
}

/** Compiles what is missing, then hunts one after the other, each processor its share. */
export async function huntCanaries(canaries: readonly Canary[], see: See = () => {}): Promise<Hunt[]> {
  const processes = Math.min(availableParallelism(), canaries.length);
  const names = canaries.map(({ name }) => name);
  const shares = Array.from({ length: processes }, (_, share) => names.filter((_, at) => at % processes === share));
  return (await Promise.all(shares.map((share) => huntInProcess(share, see)))).flat();
}

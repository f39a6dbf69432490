/** Hunting canaries in a process of its own, beside what the machine does with the true core. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Canary } from "../test/sim/canaries.ts";
import { childEnvironment } from "./child.ts";

export interface Hunt {
  readonly name: string;
  /** What the machine found, in words; undefined: nothing. */
  readonly found: string | undefined;
}

/** Compiles what is missing, then hunts one after the other. */
export async function huntCanaries(canaries: readonly Canary[], see: (hunt: Hunt) => void = () => {}): Promise<Hunt[]> {
  if (canaries.length === 0) return [];
  const names = canaries.map(({ name }) => name);
  const child = spawn(process.execPath, ["--import", "tsx", "tools/hunt-process.ts", ...names], {
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
  if (status !== 0 || hunts.length < canaries.length) throw new Error(`canaries were not hunted: status ${status}`);
  return hunts;
}

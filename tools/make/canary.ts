/** Canaries on disk: a core with one guard taken out, named by what it is made from. */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { CANARIES, type Canary } from "../../test/sim/canaries.ts";

/** Everything a canary is made from, as one short name; computed once. */
let sources: string | undefined;

function hashOfSources(): string {
  if (sources !== undefined) return sources;
  const hash = createHash("sha256");
  const files = readdirSync("core", { recursive: true, encoding: "utf8" }).filter((name) => /^[^.]+\.ts$/.test(name));
  for (const name of files.sort()) hash.update(readFileSync(join("core", name)));
  for (const name of ["core.ts", "checks.ts", "instrument.ts", "compile.ts"])
    hash.update(readFileSync(join("tools/make", name)));
  sources = hash.digest("hex");
  return sources;
}

export function mutationOf(name: string): Canary {
  const canary = CANARIES.find((each) => each.name === name);
  if (canary === undefined) throw new Error(`no canary is called ${name}`);
  return canary;
}

/** Where a canary's module and table are, without the ending. */
export function canaryPath(name: string): string {
  const canary = mutationOf(name);
  const hash = createHash("sha256").update(hashOfSources()).update(JSON.stringify(canary.edits)).digest("hex");
  return join("build", "canaries", `${name}-${hash.slice(0, 12)}`);
}

/** Compiles the canaries that have not been compiled from today's sources. */
export async function compileCanaries(names: readonly string[]): Promise<void> {
  const missing = names.filter((name) => !existsSync(`${canaryPath(name)}.wasm`));
  if (missing.length === 0) return;
  const child = spawn(process.execPath, ["build/tools/tools/make/compile.js", "canary", ...missing], {
    stdio: ["ignore", 2, 2],
  });
  const [status] = (await once(child, "exit")) as [number | null];
  if (status !== 0) throw new Error(`canaries ${missing.join(", ")} were not compiled`);
}

/** The text of a source file with the canary's edits. Each has to fit exactly once: guards must not move unnoticed. */
export function applyMutation({ name, edits }: Canary, path: string, text: string | null): string | null {
  if (text === null) return null;
  let result = text;
  for (const { file, guard, without } of edits) {
    if (file !== path) continue;
    if (result.split(guard).length !== 2)
      throw new Error(`canary ${name}: the guard is not exactly once in ${file}: ${guard}`);
    result = result.replace(guard, () => without);
  }
  return result;
}

/**
 * Makes the core's modules. Run by plain Node from `build/tools/` (tools/make/build.ts puts it there), because loading
 * binaryen through tsx takes longer than all of the work.
 *
 *   node build/tools/tools/make/compile.js core           build/core.wasm, build/core.sim.wasm and src/wasm/face.ts
 *   node build/tools/tools/make/compile.js with FILE OUT  the core with what FILE exports besides, optimized as the core is
 *   node build/tools/tools/make/compile.js canary NAME... build/canaries/NAME.wasm
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import binaryen from "binaryen";
import { applyMutation, canaryPath, mutationOf } from "./canary.ts";
import { compileCore, optimizeCore } from "./core.ts";
import { instrument } from "./instrument.ts";
import { describe, makeShipped, makeSimulated, read } from "./make-core.ts";

/** A core that has a measurement's loop inside. */
async function makeCoreWith(file: string, out: string): Promise<void> {
  const more = readFileSync(file, "utf8");
  await compileCore(
    (path) => (path === "core/index.ts" ? `${read(path)}\n${more}` : read(path)),
    "ship",
    "whole",
    (core) => {
      optimizeCore(core);
      writeFileSync(out, core.emitBinary());
    },
  );
}

async function makeCanary(name: string): Promise<void> {
  const mutation = mutationOf(name);
  if (existsSync(`${canaryPath(name)}.wasm`)) return;
  await compileCore(
    (path) => applyMutation(mutation, path, read(path)),
    "simulate",
    "fast",
    (core) => {
      binaryen.setDebugInfo(true);
      const instrumented = instrument(core, "large");
      const path = canaryPath(name);
      writeFileSync(`${path}.json`, describe(instrumented));
      // The module last, and whole at once: whoever sees it may use it.
      writeFileSync(`${path}.part`, instrumented.binary);
      renameSync(`${path}.part`, `${path}.wasm`);
    },
  );
}

const [what, ...names] = process.argv.slice(2);
mkdirSync("build/canaries", { recursive: true });
if (what === "core") {
  await makeShipped("whole");
  await makeSimulated("whole");
} else if (what === "with") await makeCoreWith(names[0] ?? "", names[1] ?? "");
else for (const name of names) await makeCanary(name);

/** Builds `build/core.wasm` (AssemblyScript) and `dist/` (TypeScript). Everything it says goes to stderr. */
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const CORE = "build/core.wasm";
const UNOPTIMIZED = "build/core.unoptimized.wasm";
const TYPESCRIPT_STAMP = "build/typescript.stamp";

const ASSEMBLYSCRIPT_OPTIONS = [
  ["core/index.ts", "--outFile", UNOPTIMIZED],
  ["-O1", "--runtime", "stub", "--use", "abort="],
  [
    "--enable",
    "threads",
    "--enable",
    "simd",
    "--importMemory",
    "--sharedMemory",
    "--initialMemory",
    "4",
    "--maximumMemory",
    "65536",
  ],
  // Addresses are 32 bits by design: usize and u32 mix freely.
  ["--noExportMemory", "--disableWarning", "201"],
].flat();

/** The newest modification time below `paths`, or 0 where nothing exists. */
function newest(...paths: string[]): number {
  let latest = 0;
  for (const path of paths) {
    const info = statSync(path, { throwIfNoEntry: false });
    if (info === undefined) continue;
    const inside = info.isDirectory() ? newest(...readdirSync(path).map((name) => join(path, name))) : info.mtimeMs;
    latest = Math.max(latest, inside);
  }
  return latest;
}

function run(script: string, args: readonly string[]): void {
  const { status } = spawnSync(process.execPath, [script, ...args], { stdio: ["ignore", 2, 2] });
  if (status !== 0) process.exit(status ?? 1);
}

/**
 * Optimizes the core. V8 does not inline wasm functions on Node 20, so binaryen has to: with asc's own limits an
 * update+delete pair called from JavaScript takes 56 ns, with these 39.
 */
async function optimizeCore(): Promise<void> {
  const { default: binaryen } = await import("binaryen");
  const core = binaryen.readBinary(readFileSync(UNOPTIMIZED));
  core.setFeatures(binaryen.Features.All);
  binaryen.setOptimizeLevel(3);
  binaryen.setShrinkLevel(0);
  binaryen.setAlwaysInlineMaxSize(60);
  binaryen.setFlexibleInlineMaxSize(400);
  binaryen.setOneCallerInlineMaxSize(2000);
  binaryen.setAllowInliningFunctionsWithLoops(true);
  core.optimize();
  core.optimize();
  if (!core.validate()) process.exit(1);
  writeFileSync(CORE, core.emitBinary());
  writeFileSync("build/core.wat", core.emitText());
}

mkdirSync("build", { recursive: true });
if (newest(CORE) < newest("core", "scripts/build.ts", "package.json")) {
  rmSync(UNOPTIMIZED, { force: true });
  run("node_modules/assemblyscript/bin/asc.js", ASSEMBLYSCRIPT_OPTIONS);
  await optimizeCore();
}
const typescriptInputs = ["src", "tsconfig.json", "tsconfig.build.json", "package.json"];
if (!process.argv.includes("--core") && newest(TYPESCRIPT_STAMP) < newest(...typescriptInputs)) {
  run("node_modules/typescript/bin/tsc", ["-p", "tsconfig.build.json"]);
  writeFileSync(TYPESCRIPT_STAMP, "");
}

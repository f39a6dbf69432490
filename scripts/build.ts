/** Builds `build/core.wasm` (AssemblyScript) and `dist/` (TypeScript). Everything it says goes to stderr. */
import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";

/** The newest modification time below `paths`, or 0 where nothing exists. */
function newest(...paths: string[]): number {
  let latest = 0;
  for (const path of paths) {
    const info = statSync(path, { throwIfNoEntry: false });
    if (info === undefined) continue;
    latest = Math.max(
      latest,
      info.isDirectory() ? newest(...readdirSync(path).map((name) => join(path, name))) : info.mtimeMs,
    );
  }
  return latest;
}

function run(script: string, args: readonly string[]): void {
  const { status } = spawnSync(process.execPath, [script, ...args], { stdio: ["ignore", 2, 2] });
  if (status !== 0) process.exit(status ?? 1);
}

const CORE_OPTIONS = [
  "core/index.ts",
  "--outFile",
  "build/core.wasm",
  "--textFile",
  "build/core.wat",
  "-O3",
  "--runtime",
  "stub",
  "--use",
  "abort=",
  "--enable",
  "threads",
  "--importMemory",
  "--sharedMemory",
  "--initialMemory",
  "4",
  "--maximumMemory",
  "65536",
  "--noExportMemory",
  // Addresses are 32 bits by design: usize and u32 mix freely.
  "--disableWarning",
  "201",
];

mkdirSync("build", { recursive: true });
const stale = (output: string, ...inputs: string[]): boolean => newest(output) < newest("package.json", ...inputs);
if (stale("build/core.wasm", "core", "scripts/build.ts")) run("node_modules/assemblyscript/bin/asc.js", CORE_OPTIONS);
if (!process.argv.includes("--core") && stale("dist/cli/main.js", "src", "tsconfig.json", "tsconfig.build.json"))
  run("node_modules/typescript/bin/tsc", ["-p", "tsconfig.build.json"]);

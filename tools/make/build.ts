/** Builds `build/core.wasm` (AssemblyScript), its instrumented twin `build/core.sim.wasm` and `dist/` (TypeScript). Everything it says goes to stderr. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bundleCommand } from "./command.ts";
import { newest } from "./newest.ts";

const CORE = "build/core-bytes.js";
const SIM_CORE = "build/core.sim.wasm";
const TYPESCRIPT_STAMP = "build/typescript.stamp";
/** What makes the core's modules: compiled first, because plain Node loads binaryen far faster than tsx does. */
const TOOLS_STAMP = "build/tools.stamp";
const TOOLS = [
  "tools/make/compile.ts",
  "tools/make/make-core.ts",
  "tools/make/core.ts",
  "tools/make/checks.ts",
  "tools/make/instrument.ts",
  "tools/make/face.ts",
];

function run(script: string, args: readonly string[]): void {
  const { status } = spawnSync(process.execPath, [script, ...args], { stdio: ["ignore", 2, 2] });
  if (status !== 0) process.exit(status ?? 1);
}

/** Whether there is what this build does not make, as a file that has lost its source: it would ship. */
function hasStale(folder: string): boolean {
  if (!existsSync(folder)) return false;
  const names = readdirSync(folder, { recursive: true, encoding: "utf8" });
  const compiled = names.filter((name) => name.endsWith(".js"));
  if (names.some((name) => name.endsWith(".map"))) return true;
  return compiled.some((name) => !existsSync(join("src", name.replace(/\.js$/, ".ts"))));
}

mkdirSync("build", { recursive: true });
const inputs = ["core", "tools/make/build.ts", "tools/make/source-map.ts", "package.json", ...TOOLS];
if (newest(TOOLS_STAMP) < newest("tools/make/canary.ts", "test/sim/canaries.ts", "test/sim/canaries", ...inputs)) {
  rmSync("build/tools", { recursive: true, force: true });
  run("node_modules/typescript/bin/tsc", ["-p", "tsconfig.tools.json"]);
  writeFileSync(TOOLS_STAMP, "");
}
if (Math.min(newest(CORE), newest(SIM_CORE)) < newest(...inputs)) run("build/tools/tools/make/compile.js", ["core"]);
const typescriptInputs = ["src", "tools/make/command.ts", "tsconfig.json", "tsconfig.build.json", "package.json"];
if (!process.argv.includes("--core") && newest(TYPESCRIPT_STAMP) < newest(...typescriptInputs)) {
  if (hasStale("dist")) {
    rmSync("dist", { recursive: true });
    rmSync("build/tsc.tsbuildinfo", { force: true });
  }
  run("node_modules/typescript/bin/tsc", ["-p", "tsconfig.build.json"]);
  await bundleCommand();
  writeFileSync(TYPESCRIPT_STAMP, "");
}

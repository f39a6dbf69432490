/**
 * Makes the core's modules. Run by plain Node from `build/tools/` (tools/build.ts puts it there), because loading
 * binaryen through tsx takes longer than all of the work.
 *
 *   node build/tools/tools/compile.js core           build/core.wasm, build/core.sim.wasm and src/wasm/face.ts
 *   node build/tools/tools/compile.js mutant         the same without optimizing, for tools/mutate.ts
 *   node build/tools/tools/compile.js with FILE OUT  the core with what FILE exports besides, optimized as the core is
 *   node build/tools/tools/compile.js canary NAME... build/canaries/NAME.wasm
 */
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import binaryen from "binaryen";
import { applyMutation, canaryPath, mutationOf } from "./canary.ts";
import { compileCore, optimizeCore } from "./core.ts";
import { emitFace, readFace } from "./face.ts";
import { type Instrumented, instrument, type Site } from "./instrument.ts";

const FACE = "src/wasm/face.ts";

function read(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}

/** The name of the function that a line of a file belongs to. */
function functionAt(lines: readonly string[], line: number): string {
  for (let index = line - 1; index >= 0; index--) {
    const name = /^(?:export )?function (\w+)/.exec(lines[index] ?? "")?.[1];
    if (name !== undefined) return name;
  }
  return "?";
}

/** The side table: columns by site. */
function describe({ sites }: Instrumented): string {
  const files = [...new Set(sites.map(({ file }) => file))];
  const lines = new Map(files.map((file) => [file, (read(file) ?? "").split("\n")]));
  const lineOf = ({ file, line }: Site): string => lines.get(file)?.[line - 1]?.trim() ?? "";
  const texts = [...new Set(sites.map(lineOf))];
  const numbers = new Map(texts.map((text, index) => [text, index]));
  return JSON.stringify({
    files,
    kinds: sites.map(({ kind }) => kind),
    fileOf: sites.map(({ file }) => files.indexOf(file)),
    lineOf: sites.map(({ line }) => line),
    functionOf: sites.map(({ file, line }) => functionAt(lines.get(file) ?? [], line)),
    texts,
    textOf: sites.map((site) => numbers.get(lineOf(site))),
  });
}

/** Written only where it changes, so that what depends on it is not built again. */
function writeFace(): void {
  const face = emitFace(readFace((path) => readFileSync(path, "utf8")));
  if (read(FACE) !== face) writeFileSync(FACE, face);
}

/** The core as text in a module, which every runtime and bundler can import (src/wasm/load-core.ts). */
function writeAsModule(binary: Uint8Array): void {
  writeFileSync("build/core-bytes.js", `export default "${Buffer.from(binary).toString("base64")}";\n`);
  writeFileSync("build/core-bytes.d.ts", "declare const base64: string;\nexport default base64;\n");
}

/** @param isMutant whether it is to be made fast and thrown away: as the compiler leaves it, in a quarter of the time */
async function makeCore(isMutant: boolean): Promise<void> {
  writeFace();
  await compileCore(read, "ship", (core) => {
    if (!isMutant) optimizeCore(core);
    // Names of functions stay: a trap's stack says which check failed.
    binaryen.setDebugInfo(true);
    const binary = core.emitBinary();
    writeFileSync("build/core.wasm", binary);
    writeAsModule(binary);
    if (!isMutant) writeFileSync("build/core.wat", core.emitText());
  });
  await compileCore(read, "simulate", (core) => {
    if (!isMutant) optimizeCore(core);
    binaryen.setDebugInfo(true);
    const instrumented = instrument(core, isMutant ? "large" : "small");
    writeFileSync("build/core.sim.json", describe(instrumented));
    writeFileSync("build/core.sim.wasm", instrumented.binary);
  });
}

/** A core that has a measurement's loop inside. */
async function makeCoreWith(file: string, out: string): Promise<void> {
  const more = readFileSync(file, "utf8");
  await compileCore(
    (path) => (path === "core/index.ts" ? `${read(path)}\n${more}` : read(path)),
    "ship",
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
if (what === "core" || what === "mutant") await makeCore(what === "mutant");
else if (what === "with") await makeCoreWith(names[0] ?? "", names[1] ?? "");
else for (const name of names) await makeCanary(name);

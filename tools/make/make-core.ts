/** What the compiler of the core leaves in `build/` and `src/`: of the core, and of mutants of it. */
import { readFileSync, writeFileSync } from "node:fs";
import binaryen from "binaryen";
import { type Care, compileCore, optimizeCore } from "./core.ts";
import { emitFace, readFace } from "./face.ts";
import { type Instrumented, instrument, type Site } from "./instrument.ts";

export const FACE = "src/wasm/face.ts";

/** Null where there is no such file. */
export function read(path: string): string | null {
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
export function describe({ sites }: Instrumented): string {
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

export async function makeShipped(care: Care): Promise<void> {
  writeFace();
  await compileCore(read, "ship", care, (core) => {
    if (care === "whole") optimizeCore(core);
    // Names of functions stay: a trap's stack says which check failed.
    binaryen.setDebugInfo(true);
    const binary = core.emitBinary();
    writeFileSync("build/core.wasm", binary);
    writeAsModule(binary);
    if (care === "whole") writeFileSync("build/core.wat", core.emitText());
  });
}

export async function makeSimulated(care: Care): Promise<void> {
  await compileCore(read, "simulate", care, (core) => {
    if (care === "whole") optimizeCore(core);
    binaryen.setDebugInfo(true);
    const instrumented = instrument(core, care === "whole" ? "small" : "large");
    writeFileSync("build/core.sim.json", describe(instrumented));
    writeFileSync("build/core.sim.wasm", instrumented.binary);
  });
}

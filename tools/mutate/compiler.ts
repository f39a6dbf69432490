/**
 * Compiles what `npm run mutate` makes of the core, one mutant after the other in one process: the first time takes four
 * times as long as those that follow. Is told by messages which core, answers whether it could be made.
 */
import { writeFileSync } from "node:fs";
import ts from "typescript";
import { FACE, makeShipped, makeSimulated, read } from "../make/make-core.ts";

/** A mutant's constants and layout are those that tests see, as they are compiled, and so does the package. */
const COMPILED_FACES = ["src/wasm/face.js", "dist/wasm/face.js"];

let face = read(FACE);

function followFace(): void {
  const now = read(FACE) ?? "";
  if (now === face) return;
  face = now;
  const compiled = ts.transpile(now, { target: ts.ScriptTarget.ES2022, module: ts.ModuleKind.ESNext });
  for (const path of COMPILED_FACES) writeFileSync(path, compiled);
}

async function make(purpose: unknown): Promise<boolean> {
  try {
    if (purpose === "ship") {
      await makeShipped("fast");
      followFace();
    } else await makeSimulated("fast");
    return true;
  } catch {
    return false;
  }
}

process.on("message", (purpose) => void make(purpose).then((isMade) => process.send?.(isMade)));

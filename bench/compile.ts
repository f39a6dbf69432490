/** The core with a loop of a benchmark inside, so that what is measured is the core and not the way to it. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** @param source what the core exports besides, in its own language: appended to its door (tools/make/compile.ts) */
export function compileWithCore(source: string): WebAssembly.Module {
  const folder = mkdtempSync(join(tmpdir(), "anyctx-loop-"));
  try {
    const [path, out] = [join(folder, "loop.ts"), join(folder, "loop.wasm")];
    writeFileSync(path, source);
    const { status } = spawnSync(process.execPath, ["build/tools/tools/make/compile.js", "with", path, out], {
      stdio: ["ignore", 2, 2],
    });
    if (status !== 0) throw new Error("the core with the loop inside does not compile: run `npm run build`");
    return new WebAssembly.Module(readFileSync(out));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/**
 * Compiles the core: AssemblyScript to one binaryen module, with the place in the source of every expression, from
 * which both the core that ships and the instrumented one are made.
 */
import asc from "assemblyscript/asc";
import binaryen from "binaryen";
import { CHECK_FAILED, writeChecks } from "./checks.ts";
import { CORE_OPTIONS } from "./core-options.ts";

/** `fast`: to be thrown away, with next to nothing optimized, in half the time. */
export type Care = "whole" | "fast";

const OPTIONS = [
  "core/index.ts",
  "--outFile",
  "build/core.unoptimized.wasm",
  "--debug",
  "--sourceMap",
  ...CORE_OPTIONS,
];
const OPTIMIZED: Readonly<Record<Care, string>> = { whole: "-O1", fast: "-O0" };

const LOCK_FILE = "core/cpu/wait.ts";
const LOCK_SPINS = "LOCK_SPINS: u32 = 1 << 28;";

/**
 * Waits for a lock end after 2^14 loads where a machine does what 2^28 do in half a second: whoever spins there lets the
 * others go on every 256 loads, so only a dead thread's lock is not let go in that time.
 */
function shortenWaits(text: string): string {
  if (!text.includes(LOCK_SPINS)) throw new Error(`${LOCK_FILE} does not say ${LOCK_SPINS}`);
  return text.replace(LOCK_SPINS, "LOCK_SPINS: u32 = 1 << 14;");
}

const { Features } = binaryen;
/** What the core may use: with all that binaryen knows it writes types that Node 20 does not. */
const FEATURES =
  Features.Atomics |
  Features.SIMD128 |
  Features.BulkMemory |
  Features.BulkMemoryOpt |
  Features.MutableGlobals |
  Features.SignExt |
  Features.NontrappingFPToInt |
  Features.Multivalue;

/** Accessors of fields, which every function shares, become the code of who calls them: an access has a place in the source then. */
function inlineAccessors(core: binaryen.Module): void {
  binaryen.setOptimizeLevel(1);
  binaryen.setAlwaysInlineMaxSize(2);
  binaryen.setFlexibleInlineMaxSize(2);
  binaryen.setOneCallerInlineMaxSize(2);
  core.runPasses(["inlining"]);
}

/**
 * Compiles the core and lets `use` have the module, as AssemblyScript's compiler leaves it. The module is gone afterwards.
 * @param read the text of a source file by its path, null where there is none
 * @param purpose `ship`: without the checks of fast paths; `simulate`: with them, and with waits that end sooner. Nothing
 * else tells the two apart
 * @param care `whole`: for optimizeCore
 */
export async function compileCore(
  read: (path: string) => string | null,
  purpose: "ship" | "simulate",
  care: Care,
  use: (module: binaryen.Module) => void,
): Promise<void> {
  let module: binaryen.Module | undefined;
  const remember = {
    afterCompile(compiled: unknown): void {
      module = compiled as binaryen.Module;
      // A trap's stack names the check that failed only if its function is left where it is.
      binaryen.setPassArgument("no-inline", `*${CHECK_FAILED}*`);
      module.runPasses(["no-inline"]);
    },
  };
  const { error } = await asc.main([...OPTIONS, OPTIMIZED[care]], {
    stdout: process.stderr as never,
    stderr: process.stderr as never,
    readFile: (name: string) => {
      const text = read(name);
      if (text === null) return null;
      const shown = purpose === "simulate" && name === LOCK_FILE ? shortenWaits(text) : text;
      return writeChecks(name, shown, purpose === "simulate");
    },
    // The compiler writes what it has optimized, and frees the module soon after.
    writeFile(name: string): void {
      if (!name.endsWith(".wasm") || module === undefined) return;
      module.setFeatures(FEATURES);
      if (care === "fast") inlineAccessors(module);
      use(module);
    },
    transforms: [remember as never],
  });
  if (error !== null) throw error;
}

/**
 * Optimizes the core. V8 does not inline wasm functions on Node 20, so binaryen has to: with asc's own limits an
 * update+delete pair called from JavaScript takes 56 ns, with these 39.
 */
export function optimizeCore(core: binaryen.Module): void {
  binaryen.setOptimizeLevel(3);
  binaryen.setShrinkLevel(0);
  binaryen.setAlwaysInlineMaxSize(60);
  binaryen.setFlexibleInlineMaxSize(400);
  binaryen.setOneCallerInlineMaxSize(2000);
  binaryen.setAllowInliningFunctionsWithLoops(true);
  core.optimize();
  core.optimize();
  if (!core.validate()) throw new Error("the optimized core is not valid");
}

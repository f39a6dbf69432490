/** The core's instance on this thread. */
import { AnyctxError } from "../error.ts";
import { CONSTANTS, type Core } from "./face.ts";

export interface CoreInstance {
  readonly core: Core;
  /** Every exported function by name, as programs import them. */
  readonly functions: WebAssembly.Exports;
}

/** Where `npm run build` puts the core, seen from `src/wasm` and from `dist/wasm` alike. */
const CORE_URL = new URL("../../build/core.wasm", import.meta.url);

/** Compiles the core: from the file system on Node, over the network in a browser. */
export async function compileCore(): Promise<WebAssembly.Module> {
  if (CORE_URL.protocol !== "file:") return WebAssembly.compileStreaming(fetch(CORE_URL));
  const { readFile } = await import("node:fs/promises");
  try {
    return await WebAssembly.compile(await readFile(CORE_URL));
  } catch (cause) {
    throw new AnyctxError("BAD_ARENA", `Cannot load the core from ${CORE_URL.pathname}: run \`npm run build\``, {
      cause,
    });
  }
}

/** Makes this thread's instance on an arena's memory. */
export async function instantiateCore(module: WebAssembly.Module, memory: WebAssembly.Memory): Promise<CoreInstance> {
  let instance: WebAssembly.Instance;
  try {
    instance = await WebAssembly.instantiate(module, { env: { memory } });
  } catch (cause) {
    throw new AnyctxError("BAD_ARENA", "Cannot use this memory as an arena: it does not fit the core", { cause });
  }
  const version = instance.exports["LAYOUT_VERSION"];
  if (!(version instanceof WebAssembly.Global) || version.value !== CONSTANTS.LAYOUT_VERSION)
    throw new AnyctxError(
      "BAD_ARENA",
      `This core is not the one of layout ${CONSTANTS.LAYOUT_VERSION}: run \`npm run build\``,
    );
  return { core: instance.exports as unknown as Core, functions: instance.exports };
}

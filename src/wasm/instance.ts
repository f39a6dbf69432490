/** The core's instance on this thread. */
import { AnyctxError } from "../error.ts";
import { CONSTANTS, type Core } from "./face.ts";
import type { CoreExports, CoreModule, SharedMemory } from "./types.ts";

export interface CoreInstance {
  readonly core: Core;
  /** Every exported function by name, as programs import them. */
  readonly functions: CoreExports;
}

/** Makes this thread's instance on an arena's memory. */
export async function instantiateCore(module: CoreModule, memory: SharedMemory): Promise<CoreInstance> {
  let instance: WebAssembly.Instance;
  try {
    instance = await WebAssembly.instantiate(module, { env: { memory } });
  } catch (cause) {
    throw new AnyctxError("BAD_ARENA", "Cannot use this memory as an arena: it does not fit the core", { cause });
  }
  const version = instance.exports["LAYOUT_VERSION"];
  if (!(version instanceof WebAssembly.Global) || version.value !== CONSTANTS.LAYOUT_VERSION)
    throw new AnyctxError("BAD_ARENA", `This core is not the one of layout ${CONSTANTS.LAYOUT_VERSION}`);
  return { core: instance.exports as unknown as Core, functions: instance.exports };
}

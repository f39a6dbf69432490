/** An arena's handle, as it comes from another thread: perhaps of another realm, as test runners and vm contexts have them. */
import { AnyctxError } from "../error.ts";
import type { CoreModule, SharedMemory } from "../wasm/types.ts";
import { isToken } from "./attachment.ts";

/** What another thread needs to attach; goes through postMessage and workerData. For one thread. */
export interface ArenaHandle {
  readonly memory: SharedMemory;
  readonly core: CoreModule;
  /** Names the thread that attaches with it, for `Arena.reap`: 1 to 2^31 - 2. */
  readonly token: number;
}

/** Asks the engine: a memory or module of another realm is one as well, what only looks like one is none. */
function isMemory(value: unknown): boolean {
  try {
    const buffer = Object.getOwnPropertyDescriptor(WebAssembly.Memory.prototype, "buffer")?.get;
    return buffer?.call(value) !== undefined;
  } catch {
    return false;
  }
}

function isModule(value: unknown): boolean {
  try {
    return WebAssembly.Module.exports(value as CoreModule).length > 0;
  } catch {
    return false;
  }
}

/** @throws {AnyctxError} BAD_ARENA: it is no handle */
export function checkHandle(handle: unknown): void {
  const { memory, core, token } = (handle ?? {}) as Readonly<Record<string, unknown>>;
  if (!isMemory(memory) || !isModule(core) || !isToken(token))
    throw new AnyctxError("BAD_ARENA", "Cannot attach: this is no arena handle, as arena.handle() gives it");
}

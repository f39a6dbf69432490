/** The shared memory of a new arena. */
import { AnyctxError } from "../error.ts";
import type { SharedMemory } from "../wasm/types.ts";

/**
 * @param initial pages of 64 KiB
 * @param maximum pages of 64 KiB that address space is reserved for
 * @throws {AnyctxError} UNSUPPORTED where threads cannot share memory, ENOMEM where there is no room for it
 */
export function createMemory(initial: number, maximum: number): SharedMemory {
  // Browsers hide the class in a page that is not isolated; a memory that is made there could be sent to nobody.
  if (typeof SharedArrayBuffer === "undefined")
    throw new AnyctxError(
      "UNSUPPORTED",
      "Threads cannot share memory here: the page is not cross-origin isolated; serve it with the headers " +
        "Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp",
    );
  try {
    return new WebAssembly.Memory({ initial, maximum, shared: true });
  } catch (cause) {
    const mebibytes = Math.ceil(maximum / 16);
    throw new AnyctxError("ENOMEM", `Cannot reserve ${mebibytes} MiB for an arena: give it a smaller maximumBytes`, {
      cause,
    });
  }
}

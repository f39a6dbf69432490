/** The shared memory of a new arena. */
import { AnyctxError } from "../error.ts";
import type { SharedMemory } from "../wasm/types.ts";

/**
 * All of it at once: a memory that grows is grown for each instance at a time of its own, and an access to what is there already may
 * trap until then (docs/decisions/0017-the-whole-memory-at-once.md).
 * @param pages of 64 KiB
 * @throws {AnyctxError} UNSUPPORTED where threads cannot share memory, ENOMEM where there is no room for it
 */
export function createMemory(pages: number): SharedMemory {
  // Browsers hide the class in a page that is not isolated; a memory that is made there could be sent to nobody.
  if (typeof SharedArrayBuffer === "undefined")
    throw new AnyctxError(
      "UNSUPPORTED",
      "Threads cannot share memory here: the page is not cross-origin isolated; serve it with the headers " +
        "Cross-Origin-Opener-Policy: same-origin and Cross-Origin-Embedder-Policy: require-corp",
    );
  try {
    return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
  } catch (cause) {
    const mebibytes = Math.ceil(pages / 16);
    throw new AnyctxError("ENOMEM", `Cannot reserve ${mebibytes} MiB for an arena: give it a smaller maximumBytes`, {
      cause,
    });
  }
}

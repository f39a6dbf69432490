/** What an allocator is created with, and what is refused before anything is created. */
import { checkBooleans, checkOptions, refuse, show } from "../arguments.ts";
import { AnyctxError } from "../error.ts";
import { CONSTANTS } from "../wasm/face.ts";

export type AllocatorOptions = {
  /** For whoever looks at statistics; up to 63 bytes. */
  readonly name?: string;
  /** Each object has a copy for every CPU, zeroed when it is allocated. */
  readonly perCpu?: boolean;
  /** Bytes that the allocator may own, in use and cached. Default and most: 2 GiB. */
  readonly capacityBytes?: number;
  /**
   * Debug mode: what is freed twice, is no object of this allocator, or was written behind its end is found when it is freed, and
   * `free` throws. Each object takes 16 to 23 bytes more. Of every thread that uses the allocator. Default as the arena's.
   */
  readonly debug?: boolean;
} & (
  | {
      /** Bytes of every object. */
      readonly objectSize: number;
      readonly any?: false;
      /** Objects that are sure to be there on this thread's CPUs. */
      readonly prefill?: number;
    }
  | {
      /** Objects of any size: 1 to 4088 bytes, per-CPU 1 to 512. */
      readonly any: true;
      readonly objectSize?: never;
      readonly prefill?: { readonly count: number; readonly size: number };
    }
);

const ALLOCATOR_OPTIONS = ["name", "perCpu", "capacityBytes", "debug", "objectSize", "any", "prefill"];

/** How a request is told what it wants to know of memory: the core's words for it. */
export function requestOf(options: AllocatorOptions, debug: boolean): { size: number; debugBytes: number } {
  const { objectSize, any } = options;
  if (any !== true && !(Number.isInteger(objectSize) && objectSize !== undefined && objectSize >= 1))
    throw new AnyctxError(
      "EINVAL",
      `An allocator needs an objectSize of at least 1 byte, or any: true, not ${show(objectSize)}`,
    );
  if (any === true && objectSize !== undefined)
    throw new AnyctxError("EINVAL", "An allocator has an objectSize or any: true, not both");
  checkPrefill(options);
  const size = objectSize ?? 0;
  const debugBytes = debug ? CONSTANTS.DEBUG_BYTES + ((8 - (size % 8)) % 8) : 0;
  return { size: size === 0 ? 0 : size + debugBytes, debugBytes };
}

/** A prefill is a count, for any size with the size. */
function checkPrefill({ any, prefill }: AllocatorOptions): void {
  if (prefill === undefined) return;
  const { count, size } = typeof prefill === "object" && prefill !== null ? prefill : { count: prefill, size: 1 };
  const isCount = Number.isInteger(count) && count >= 0 && Number.isInteger(size) && size >= 1;
  if (isCount && (any === true) === (typeof prefill === "object")) return;
  const wanted = any === true ? "{ count, size }" : "a number of objects";
  refuse("createAllocator", wanted, "prefill", prefill);
}

/** @throws {AnyctxError} EINVAL */
export function checkAllocatorOptions(options: AllocatorOptions): void {
  checkOptions("createAllocator", options, ALLOCATOR_OPTIONS);
  checkBooleans("createAllocator", options, ["perCpu", "debug"]);
  const { any, capacityBytes = 0 } = options;
  if (any !== undefined && typeof any !== "boolean") refuse("An allocator", "true or false", "any", any);
  if (typeof capacityBytes !== "number" || !(capacityBytes >= 0))
    throw new AnyctxError("EINVAL", `capacityBytes is a number of bytes, not ${show(capacityBytes)}`);
}

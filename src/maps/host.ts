/** What a map needs of the arena: a thread's place in it. */
import { ERRNO } from "../error.ts";
import { CONSTANTS, type Core, LAYOUT } from "../wasm/face.ts";
import type { CoreInstance } from "../wasm/instance.ts";
import { wordAt } from "../wasm/reader.ts";
import type { SharedMemory } from "../wasm/types.ts";
import type { MapInfo } from "./info.ts";

/** Memory of the arena that is there to be written to; what is in it is gone at the next use. */
export interface Room {
  readonly address: number;
  readonly bytes: number;
}

/**
 * Memory of the arena, looked for where a thread may wait for its locks: in a task or a softirq.
 * @returns its address, given back by `core.freeBytes`; or a positive errno
 */
export function memoryFor(core: Core, memory: { readonly buffer: ArrayBufferLike }, bytes: number): number {
  const level = wordAt(memory, core.currentArea() + LAYOUT.CpuArea.level);
  return level > CONSTANTS.SOFTIRQ ? ERRNO.ENOMEM : core.allocateBytes(bytes) >>> 0;
}

/** A map that is open, and ends with the thread's place. */
export interface Tenant {
  readonly info: MapInfo;
  /** The arena is detached: from now on nothing of it is touched any more. */
  end(): void;
  close(): void;
}

export interface MapHost {
  readonly instance: CoreInstance;
  readonly memory: SharedMemory;
  readonly cpu: number;
  /** The read section that `read` began: a number of its own, 0 outside. */
  readonly readSection: number;
  read<T>(act: () => T): T;
  /** The thread's own, for walks. */
  readonly room: Room;
  /** As `room`, for batches: larger, if there is memory. */
  batchRoom(): Room;
  /** `end` is called when the arena is detached, unless the tenant has left before. */
  enter(tenant: Tenant): void;
  leave(tenant: Tenant): void;
}

/**
 * An allocator for objects of one's own in an arena's memory: the caches behind the maps, without a map. Every thread
 * of the arena can allocate and free, in any context; what it costs is a few memory accesses and the call.
 *
 * Two halves. `allocate`, `free`, `freeRcu` and `prefill` are the data plane: they return numbers and never throw. The
 * rest is the control plane and throws AnyctxError.
 */

import { AnyctxError, ERRNO, errnoName, LOCK_NOT_LET_GO } from "../error.ts";
import { decodeUtf8 } from "../maps/codec.ts";
import { CONSTANTS, LAYOUT } from "../wasm/face.ts";
import { type AllocatorStatistics, allocatorStatistics } from "./allocator-statistics.ts";
import type { Attachment } from "./attachment.ts";
import { encodeName } from "./name.ts";
import { prefillHeldCpus } from "./prefill.ts";

declare const addressBrand: unique symbol;

/**
 * Where an object lies in the arena's memory, 8-byte aligned. What `allocate` returns is one, or -errno: an address is
 * positive, an errno negative, and 0 is neither.
 */
export type Address = number & { readonly [addressBrand]: true };

/** How an allocation looks for its object. The slab is reached only where deferred work may run. */
export const ALLOCATE = { cacheFirst: 0, slabFirst: 1, slabOnly: 2 } as const;
export type AllocateFlags = (typeof ALLOCATE)[keyof typeof ALLOCATE];

export type AllocatorOptions = {
  /** For whoever looks at statistics; up to 63 bytes. */
  readonly name?: string;
  /** Each object has a copy for every CPU, zeroed when it is allocated. */
  readonly perCpu?: boolean;
  /** Bytes that the allocator may own, in use and cached. Default and most: 2 GiB. */
  readonly capacityBytes?: number;
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

/** The most that an account can count, core/alloc/account.ts. */
const LARGEST_CAPACITY = 2 ** 31 - 1;
/** No object lies below; an errno does. */
const FIRST_ADDRESS = 65536;
const MOST_OBJECTS = 2 ** 28;

/** Why there is no new allocator. */
const REASONS: Readonly<Record<string, string>> = {
  E2BIG: "its objects are too large",
  ENOMEM: "the arena's memory is out",
  ETIMEDOUT: LOCK_NOT_LET_GO,
};

const GRACE_PERIODS = ["normal", "tasks-trace"] as const;

function destroyed(): AnyctxError {
  return new AnyctxError("EINVAL", "The allocator is destroyed");
}

function refused(code: "EINVAL" | "E2BIG" | "ENOMEM" | "EBUSY", why: string): AnyctxError {
  return new AnyctxError(code, why);
}

/** Made by `arena.createAllocator` and `arena.openAllocator`. */
export class ObjectAllocator {
  /** What another thread opens it by. 0 once it is destroyed. */
  #address: number;
  /** Largest request: the objects' size, or what any size allows. */
  readonly largest: number;
  readonly #arena: Attachment;
  readonly #defaultSize: number;
  #limit: number;

  /** @internal */
  constructor(arena: Attachment, address: number) {
    this.#arena = arena;
    this.#address = address;
    this.largest = arena.word(address + LAYOUT.ObjectAllocator.largest);
    this.#limit = this.largest;
    this.#defaultSize = arena.word(address + LAYOUT.ObjectAllocator.size);
  }

  /** @internal */
  static create(arena: Attachment, options: AllocatorOptions): ObjectAllocator {
    const { name = "", perCpu = false, capacityBytes = LARGEST_CAPACITY, objectSize, any, prefill } = options;
    if (any !== true && !(Number.isInteger(objectSize) && objectSize !== undefined && objectSize >= 1))
      throw refused("EINVAL", `An allocator needs an objectSize of at least 1 byte, or any: true, not ${objectSize}`);
    if (any === true && objectSize !== undefined)
      throw refused("EINVAL", "An allocator has an objectSize or any: true, not both");
    if (!(capacityBytes >= 0)) throw refused("EINVAL", `capacityBytes is a number of bytes, not ${capacityBytes}`);
    const text = encodeName("An allocator", name, CONSTANTS.NAME_BYTES, 0);
    const size = objectSize ?? 0;
    const limit = Math.min(Math.floor(capacityBytes), LARGEST_CAPACITY);
    const address = size >= 2 ** 31 ? ERRNO.E2BIG : arena.core.createObjectAllocator(size, perCpu ? 1 : 0, limit) >>> 0;
    if (address < FIRST_ADDRESS) {
      const code = errnoName(address) ?? "EINVAL";
      const why = REASONS[code] ?? code;
      throw new AnyctxError(code, `Cannot create an allocator for ${size} bytes on ${arena.cpus} CPUs: ${why}`);
    }
    new Uint8Array(arena.memory.buffer, address + CONSTANTS.NAME_AT, text.length).set(text);
    const made = new ObjectAllocator(arena, address);
    if (prefill !== undefined) made.#prefillOrDestroy(prefill);
    return made;
  }

  /** @internal */
  static open(arena: Attachment, address: number): ObjectAllocator {
    if (!Number.isInteger(address) || address < 0 || address >= 2 ** 32 || arena.core.isObjectAllocator(address) === 0)
      throw new AnyctxError("ENOENT", `There is no allocator at ${address} in the arena`);
    return new ObjectAllocator(arena, address);
  }

  /** What another thread opens it by (`arena.openAllocator`). */
  get address(): number {
    return this.#address;
  }

  get name(): string {
    const { memory } = this.#arena;
    if (this.#address === 0) return "";
    return decodeUtf8(new Uint8Array(memory.buffer, this.#address + CONSTANTS.NAME_AT, CONSTANTS.NAME_BYTES));
  }

  /**
   * Allocates an object; its bytes are what its last owner left (per-CPU: zero). Any context.
   * @param size of a fixed-size allocator, its objects' size if not given
   * @returns its address, or -EINVAL (no size, unknown flags), -E2BIG (larger than `largest`), -ENOMEM, -ETIMEDOUT (a
   * dead thread has a lock of the memory)
   */
  allocate(size: number = this.#defaultSize, flags: AllocateFlags = ALLOCATE.cacheFirst): Address {
    if (!(size >= 1)) return -ERRNO.EINVAL as Address;
    if (size > this.#limit) return -ERRNO.E2BIG as Address;
    const found = this.#arena.core.objectAllocate(this.#address, size, flags) >>> 0;
    return (found < FIRST_ADDRESS ? -found : found) as Address;
  }

  /** Gives an object back, on whatever thread; it may be handed out again at once. Not an address: ignored. */
  free(address: Address): void {
    if (address >= FIRST_ADDRESS) this.#arena.core.objectFree(address);
  }

  /** Gives an object back that readers may still be in: handed out again after a normal grace period. */
  freeRcu(address: Address): void {
    if (address >= FIRST_ADDRESS) this.#arena.core.objectFreeRcu(address);
  }

  /** Bytes that can be used at an allocated object's address: its class's, at least what was asked for. */
  sizeOf(address: Address): number {
    return address >= FIRST_ADDRESS ? this.#arena.core.objectSize(address) >>> 0 : 0;
  }

  /**
   * An object's bytes. The view stays good while the object lives, also when the memory grows.
   * @param cpu whose copy of a per-CPU object, this thread's by default
   */
  bytes(address: Address, cpu: number = this.#arena.cpu): Uint8Array {
    if (address < FIRST_ADDRESS) throw refused("EINVAL", `${address} is no object's address`);
    if (!Number.isInteger(cpu) || cpu < 0 || cpu >= this.#arena.cpus)
      throw refused("EINVAL", `The arena has no CPU ${cpu}`);
    const copy = this.#arena.core.objectCopy(address, cpu) >>> 0;
    return new Uint8Array(this.#arena.memory.buffer, copy, this.sizeOf(address));
  }

  /**
   * Prefills: the next `count` allocations of `size` bytes on this thread's current CPU succeed in any context, whatever
   * happens to the memory. A later prefill for the same size replaces it; 0 withdraws it.
   * @returns 0; or -EINVAL, -E2BIG, -ENOMEM or -ETIMEDOUT: then nothing is prefilled
   */
  prefill(count: number, size: number = this.#defaultSize): number {
    if (!(size >= 1) || !(count >= 0)) return -ERRNO.EINVAL;
    if (size > this.#limit) return -ERRNO.E2BIG;
    if (count > MOST_OBJECTS) return -ERRNO.ENOMEM;
    return this.#arena.core.objectPrefill(this.#address, size, count);
  }

  /** As `prefill`, on every CPU that this thread holds: on all of them or on none. */
  prefillAll(count: number, size: number = this.#defaultSize): number {
    const set = size >= 1 && size <= this.#limit ? this.#arena.core.objectSet(this.#address, size) >>> 0 : 0;
    return prefillHeldCpus(this.#arena, set === 0 ? [] : [set], () => this.prefill(count, size));
  }

  /**
   * What every cache contains, what is prefilled, and what could not be had. Reads without a lock: a snapshot that may be a few
   * off. Beside another thread that destroys the allocator: the statistics, or EINVAL.
   */
  statistics(): AllocatorStatistics {
    const { core } = this.#arena;
    const address = this.#living();
    // In a read section, so that what lives now goes only afterwards.
    core.readEnter();
    try {
      if (core.isObjectAllocator(address) === 0) throw destroyed();
      return allocatorStatistics(this.#arena, address, this.name);
    } finally {
      core.readLeave();
    }
  }

  /**
   * Moves what this thread's CPUs cache towards the pages, except what was prefilled. Memory that waits for a grace
   * period goes back when the next call finds it over. Never waits.
   */
  trim(): void {
    const address = this.#living();
    this.#arena.onHeldCpus(() => {
      this.#arena.core.objectTrim(address);
      return true;
    });
    this.#arena.core.trimSlabs();
  }

  /**
   * Gives all memory back. No thread may use the allocator any more. Waits for nothing: if something is in the way, it
   * throws and the allocator lives on, so that destroying can be tried again.
   * @throws {AnyctxError} EBUSY: objects are allocated, a reader holds a grace period up, or another CPU has work due;
   * ETIMEDOUT: a dead thread has a lock
   */
  destroy(): void {
    const address = this.#living();
    this.#arena.poll();
    this.#refuseWhileObjectsLive();
    for (const [flavour, name] of GRACE_PERIODS.entries())
      if (this.#arena.core.gracePeriodOver(flavour, this.#arena.core.gracePeriodStart(flavour)) === 0)
        throw refused(
          "EBUSY",
          `Cannot destroy the allocator${this.#quoted()}: a reader holds up the ${name} grace period`,
        );
    if (this.#arena.core.objectAllocatorIdle(address) === 0)
      throw refused(
        "EBUSY",
        `Cannot destroy the allocator${this.#quoted()}: a CPU of another thread has work due for it`,
      );
    this.#refuseUnless(this.#arena.core.destroyObjectAllocator(address));
    this.#address = 0;
    this.#limit = 0;
    this.#arena.core.trimSlabs();
  }

  /** @param result of the core: 0, objects and maps in the way, or -errno */
  #refuseUnless(result: number): void {
    if (result === 0) return;
    const what = `Cannot destroy the allocator${this.#quoted()}`;
    if (result === -ERRNO.ETIMEDOUT) throw new AnyctxError("ETIMEDOUT", `${what}: ${LOCK_NOT_LET_GO}`);
    const why = result < 0 ? "a thread is reading it" : `${result} objects are allocated or maps share it`;
    throw refused("EBUSY", `${what}: ${why}`);
  }

  #refuseWhileObjectsLive(): void {
    const { inUse } = this.statistics();
    if (inUse.length === 0) return;
    const list = inUse.map(({ count, size }) => `${count} of ${size} bytes`).join(", ");
    throw refused("EBUSY", `Cannot destroy the allocator${this.#quoted()}: objects are allocated, ${list}`);
  }

  #living(): number {
    if (this.#address === 0) throw destroyed();
    return this.#address;
  }

  #quoted(): string {
    return this.name === "" ? "" : ` "${this.name}"`;
  }

  #prefillOrDestroy(prefill: number | { readonly count: number; readonly size: number }): void {
    const { count, size } = typeof prefill === "number" ? { count: prefill, size: this.#defaultSize } : prefill;
    const result = this.prefillAll(count, size);
    if (result === 0) return;
    this.destroy();
    const code = errnoName(result) ?? "EINVAL";
    throw new AnyctxError(code, `Cannot create an allocator with ${count} objects of ${size} bytes on each CPU`);
  }
}

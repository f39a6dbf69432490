/**
 * An allocator for objects of one's own in an arena's memory: the caches behind the maps, without a map. Every thread
 * of the arena can allocate and free, in any context; what it costs is a few memory accesses and the call.
 *
 * Two halves. `allocate`, `free`, `freeRcu` and `prefill` are the data plane: they return numbers and never throw. The
 * rest is the control plane and throws AnyctxError.
 */

/// <reference lib="esnext.disposable" preserve="true" />
import { show } from "../arguments.ts";
import { AnyctxError, ERRNO, errnoName, LOCK_NOT_LET_GO } from "../error.ts";
import { holdsU32 } from "../maps/codec/scalar.ts";
import { decodeUtf8 } from "../maps/codec/utf8.ts";
import { NOT_SENT, showAs } from "../maps/inspect.ts";
import { CONSTANTS, type Core, LAYOUT } from "../wasm/face.ts";
import { inReadSection } from "../wasm/reader.ts";
import { type AllocatorOptions, checkAllocatorOptions, requestOf } from "./allocator-options.ts";
import { type AllocatorStatistics, allocatorStatistics } from "./allocator-statistics.ts";
import type { Attachment } from "./attachment.ts";
import { checkMayLock } from "./contexts.ts";
import { encodeName } from "./name.ts";
import { prefillHeldCpus } from "./prefill.ts";

declare const addressBrand: unique symbol;

/** Where an object lies in the arena's memory, 8-byte aligned: a positive number. */
export type Address = number & { readonly [addressBrand]: true };

/** Why `allocate` has no object: -EBADF, -EINVAL, -E2BIG, -ENOMEM or -ETIMEDOUT. */
export type AllocateErrno = -9 | -22 | -7 | -12 | -110;

/** Tells an address from what else `allocate` returns. */
export function isAddress(result: Address | AllocateErrno): result is Address {
  return typeof result === "number" && result >= FIRST_ADDRESS;
}

/** How an allocation looks for its object. The slab is reached only where deferred work may run. */
export const ALLOCATE = { cacheFirst: 0, slabFirst: 1, slabOnly: 2 } as const;
export type AllocateFlags = (typeof ALLOCATE)[keyof typeof ALLOCATE];

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

/** What the debug mode finds when an object is freed. */
const MISUSES: Readonly<Record<number, string>> = {
  [ERRNO.EINVAL]: "it is no object of this allocator",
  [ERRNO.ENOENT]: "it is freed already",
  [ERRNO.EFAULT]: "somebody has written behind its end",
};

function destroyed(): AnyctxError {
  return new AnyctxError("EBADF", "The allocator is destroyed");
}

function refused(code: "EINVAL" | "E2BIG" | "ENOMEM" | "EBUSY", why: string): AnyctxError {
  return new AnyctxError(code, why);
}

/**
 * Made by `arena.createAllocator` and `arena.openAllocator`. Once it is destroyed, by whichever thread, or the arena detached,
 * it is dead: the data plane returns -EBADF, the rest throws EBADF.
 *
 * @example
 * ```ts
 * import { Arena, isAddress } from "anyctx";
 *
 * const arena = await Arena.create({ maximumBytes: 64 << 20 });
 * const nodes = arena.createAllocator({ name: "nodes", objectSize: 48 });
 * const node = nodes.allocate();
 * if (isAddress(node)) {
 *   nodes.bytes(node).fill(0);
 *   console.log(nodes.free(node)); // 0
 * }
 * nodes.destroy();
 * ```
 */
export class ObjectAllocator {
  /** @internal */
  readonly sent: symbol = NOT_SENT;
  /** 0 once this object has destroyed it. */
  #address: number;
  /** Largest request: the objects' size, or what any size allows. */
  readonly largest: number;
  readonly #arena: Attachment;
  readonly #core: Core;
  readonly #defaultSize: number;
  /** What the debug mode has behind each object, 0: it is off. */
  readonly #debugBytes: number;
  /** The allocator's serial as it was opened, and as it lies in memory. */
  readonly #serial: number;
  readonly #serialNow: Uint32Array;
  /** Whether this object has created it. */
  readonly #isCreator: boolean;

  /** @internal */
  constructor(arena: Attachment, address: number, isCreator = false) {
    const field = (name: keyof (typeof LAYOUT)["ObjectAllocator"]): number =>
      arena.word(address + LAYOUT.ObjectAllocator[name]);
    this.#arena = arena;
    this.#core = arena.core;
    this.#address = address;
    this.#isCreator = isCreator;
    this.#serial = field("serial");
    this.#serialNow = new Uint32Array(arena.memory.buffer, address + LAYOUT.ObjectAllocator.serial, 1);
    this.#debugBytes = field("debugBytes");
    this.largest = field("largest") - this.#debugBytes;
    this.#defaultSize = Math.max(field("size") - this.#debugBytes, 0);
  }

  /** @internal */
  static create(arena: Attachment, options: AllocatorOptions, debugByDefault: boolean): ObjectAllocator {
    checkAllocatorOptions(options);
    checkMayLock(arena, "create an allocator");
    const { name = "", perCpu = false, capacityBytes = LARGEST_CAPACITY, prefill, debug = debugByDefault } = options;
    const { size, debugBytes } = requestOf(options, debug);
    const text = encodeName("An allocator", name, CONSTANTS.NAME_BYTES, 0);
    const limit = Math.min(Math.floor(capacityBytes), LARGEST_CAPACITY);
    const address = size >= 2 ** 31 ? ERRNO.E2BIG : arena.core.createObjectAllocator(size, perCpu ? 1 : 0, limit) >>> 0;
    if (address < FIRST_ADDRESS) {
      const code = errnoName(address) ?? "EINVAL";
      const why = REASONS[code] ?? code;
      throw new AnyctxError(code, `Cannot create an allocator for ${size} bytes on ${arena.cpus} CPUs: ${why}`);
    }
    new Uint8Array(arena.memory.buffer, address + CONSTANTS.NAME_AT, text.length).set(text);
    arena.core.setAllocatorDebug(address, debugBytes);
    const made = new ObjectAllocator(arena, address, true);
    if (prefill !== undefined) made.#prefillOrDestroy(prefill);
    return made;
  }

  /** @internal */
  static open(arena: Attachment, address: number): ObjectAllocator {
    const { core } = arena;
    if (!Number.isInteger(address) || address < 0 || address >= 2 ** 32 || core.isObjectAllocator(address) === 0)
      throw new AnyctxError("ENOENT", `There is no allocator at ${show(address)} in the arena`);
    return new ObjectAllocator(arena, address);
  }

  /** Whether nothing may be done with it: another allocator may lie at its address, or the CPU be another thread's. */
  #isDead(): boolean {
    return this.#arena.isDetached || this.#address === 0 || this.#serialNow[0] !== this.#serial;
  }

  /** What another thread opens it by (`arena.openAllocator`); 0 once it is destroyed. */
  get address(): number {
    return this.#isDead() ? 0 : this.#address;
  }

  get name(): string {
    const { memory } = this.#arena;
    if (this.#isDead()) return "";
    return decodeUtf8(new Uint8Array(memory.buffer, this.#address + CONSTANTS.NAME_AT, CONSTANTS.NAME_BYTES));
  }

  /**
   * Allocates an object; its bytes are what its last owner left (per-CPU: zero). Any context.
   * @param size of a fixed-size allocator, its objects' size if not given
   * @returns its address (`isAddress` tells), or -EINVAL (no size, unknown flags), -E2BIG (larger than `largest`), -ENOMEM,
   * -ETIMEDOUT (a dead thread has a lock of the memory), -EBADF
   */
  allocate(size: number = this.#defaultSize, flags: AllocateFlags = ALLOCATE.cacheFirst): Address | AllocateErrno {
    if (this.#isDead()) return -ERRNO.EBADF as AllocateErrno;
    if (typeof size !== "number" || !(size >= 1) || !holdsU32(flags)) return -ERRNO.EINVAL as AllocateErrno;
    if (size > this.largest) return -ERRNO.E2BIG as AllocateErrno;
    if (!Number.isInteger(size)) return -ERRNO.EINVAL as AllocateErrno;
    const found = this.#core.objectAllocate(this.#address, size + this.#debugBytes, flags) >>> 0;
    if (found < FIRST_ADDRESS) return -found as AllocateErrno;
    if (this.#debugBytes !== 0) this.#core.objectArm(found, size);
    return found as Address;
  }

  /**
   * Gives an object back, on whatever thread; it may be handed out again at once. Any context.
   * @returns 0; or -EINVAL: no object of this allocator, as far as its header tells; -EBADF. Then nothing has happened. In debug
   * mode it throws instead, also for what is freed twice or has been written behind its end
   * @throws {AnyctxError} in debug mode: EINVAL, ENOENT, EFAULT
   */
  free(address: Address): number {
    if (this.#isDead()) return -ERRNO.EBADF;
    if (this.#debugBytes !== 0) this.#disarm(address);
    return holdsU32(address) ? this.#core.objectFreeOf(this.#address, address) : -ERRNO.EINVAL;
  }

  /** As `free`, of an object that readers may still be in: it is handed out again after a normal grace period. */
  freeRcu(address: Address): number {
    if (this.#isDead()) return -ERRNO.EBADF;
    if (this.#debugBytes !== 0) this.#disarm(address);
    return holdsU32(address) ? this.#core.objectFreeRcuOf(this.#address, address) : -ERRNO.EINVAL;
  }

  /** Debug mode: an object may be freed, and from now on is. */
  #disarm(address: Address): void {
    const found = holdsU32(address) ? this.#core.objectDisarm(this.#address, address) : -ERRNO.EINVAL;
    if (found === 0) return;
    const code = errnoName(found) ?? "EINVAL";
    throw new AnyctxError(code, `Cannot free ${show(address)} of the allocator${this.#quoted()}: ${MISUSES[-found]}`);
  }

  /**
   * Bytes that can be used at an allocated object's address: its class's, at least what was asked for; in debug mode exactly that.
   * 0 for what is no object of this allocator.
   */
  sizeOf(address: Address): number {
    if (!holdsU32(address) || this.#isDead()) return 0;
    if (this.#debugBytes !== 0) return this.#core.objectArmedSize(this.#address, address) >>> 0;
    return this.#core.objectSizeOf(this.#address, address) >>> 0;
  }

  /**
   * An object's bytes. The view stays good while the object lives.
   * @param cpu whose copy of a per-CPU object, this thread's by default
   * @throws {AnyctxError} EINVAL, EBADF
   */
  bytes(address: Address, cpu: number = this.#arena.cpu): Uint8Array {
    this.#living();
    const size = this.sizeOf(address);
    if (size === 0) throw refused("EINVAL", `${show(address)} is no object's address`);
    if (!Number.isInteger(cpu) || cpu < 0 || cpu >= this.#arena.cpus)
      throw refused("EINVAL", `The arena has no CPU ${show(cpu)}`);
    const copy = this.#core.objectCopyOf(this.#address, address, cpu) >>> 0;
    return new Uint8Array(this.#arena.memory.buffer, copy, size);
  }

  /**
   * Prefills: the next `count` allocations of `size` bytes on this thread's current CPU succeed in any context, whatever
   * happens to the memory. A later prefill for the same size replaces it; 0 withdraws it.
   * @returns 0; or -EINVAL, -E2BIG, -ENOMEM, -ETIMEDOUT or -EBADF: then nothing is prefilled
   */
  prefill(count: number, size: number = this.#defaultSize): number {
    if (this.#isDead()) return -ERRNO.EBADF;
    if (typeof size !== "number" || typeof count !== "number" || !(size >= 1) || !(count >= 0)) return -ERRNO.EINVAL;
    if (size > this.largest) return -ERRNO.E2BIG;
    if (count > MOST_OBJECTS) return -ERRNO.ENOMEM;
    if (!Number.isInteger(size) || !Number.isInteger(count)) return -ERRNO.EINVAL;
    return this.#core.objectPrefill(this.#address, size + this.#debugBytes, count);
  }

  /** As `prefill`, on every CPU that this thread holds: on all of them or on none. */
  prefillAll(count: number, size: number = this.#defaultSize): number {
    if (this.#isDead()) return -ERRNO.EBADF;
    const isRequest = Number.isInteger(size) && size >= 1 && size <= this.largest;
    const set = isRequest ? this.#core.objectSet(this.#address, size + this.#debugBytes) >>> 0 : 0;
    return prefillHeldCpus(this.#arena, set === 0 ? [] : [set], () => this.prefill(count, size));
  }

  /**
   * What every cache contains, what is prefilled, and what could not be had. Reads without a lock: a snapshot that may be a few
   * off. Beside another thread that destroys the allocator: the statistics, or EBADF.
   */
  statistics(): AllocatorStatistics {
    const { core } = this.#arena;
    const address = this.#living();
    return inReadSection(core, () => {
      if (core.isObjectAllocator(address) === 0) throw destroyed();
      return allocatorStatistics(this.#arena, address, this.name);
    });
  }

  /**
   * Moves what this thread's CPUs cache towards the pages, except what was prefilled. Memory that waits for a grace
   * period goes back when the next call finds it over. Never waits.
   */
  trim(): void {
    const address = this.#living();
    checkMayLock(this.#arena, "trim an allocator");
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
    checkMayLock(this.#arena, "destroy an allocator");
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

  /**
   * Destroys the allocator if this object has created it; one that was opened is left to its creator.
   * @throws {AnyctxError} as `destroy`, unless it is dead already
   */
  [Symbol.dispose](): void {
    if (this.#isCreator && !this.#isDead()) this.destroy();
  }

  static {
    showAs<ObjectAllocator>(ObjectAllocator, (allocator) => allocator.#show());
  }

  /** One line, how `console.log` shows it. Never throws. */
  #show(): string {
    if (this.#isDead()) return "ObjectAllocator (destroyed)";
    const objects =
      this.#defaultSize === 0 ? `any size up to ${this.largest}` : `objects of ${this.#defaultSize} bytes`;
    return `ObjectAllocator${this.#quoted()} (${objects}${this.#debugBytes === 0 ? "" : ", debug mode"})`;
  }

  #living(): number {
    this.#arena.checkAttached();
    if (this.#isDead()) throw destroyed();
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

/**
 * An arena: one shared memory with its CPUs, and this thread's place in it. Created once, attached by every other
 * thread that is sent its handle.
 */
import { AnyctxError, errnoName } from "../error.ts";
import { type Codec, codecFrom, type Description } from "../maps/codec.ts";
import type { MapType, PercpuMapType } from "../maps/kinds.ts";
import { ArenaMap, type MapInfo } from "../maps/map.ts";
import { CONSTANTS, LAYOUT } from "../wasm/face.ts";
import { type CoreInstance, instantiateCore } from "../wasm/instance.ts";
import { compileCore } from "../wasm/load-core.ts";
import type { CoreModule, CoreSource, SharedMemory } from "../wasm/types.ts";
import { type AllocatorOptions, ObjectAllocator } from "./allocator.ts";
import { Attachment, isToken, newToken } from "./attachment.ts";
import { type ContextName, setContext } from "./contexts.ts";
import { Directory, type MapOptions, type OpenMap } from "./directory.ts";
import { createMemory } from "./memory.ts";
import { prefillHeldCpus } from "./prefill.ts";
import { type Service, serve } from "./serve.ts";

const WASM_PAGE_BYTES = 65536;
/** The core's own first pages: guard, superblock, room to format (tools/core.ts). */
const INITIAL_WASM_PAGES = 4;
/** The last 64 KiB of 4 GiB stay unused, so that an errno is never an address. */
const LARGEST_WASM_PAGES = 65535;

export interface ArenaOptions {
  /** Upper bound of the shared memory in bytes; it grows on demand. Default 1 GiB. */
  readonly maximumBytes?: number;
  /**
   * Bytes that may be in use at once, in pages of 16 KiB; no bound but `maximumBytes` if not given. What would go beyond
   * fails as if memory were out; `setLimit` changes it.
   */
  readonly limitBytes?: number;
  /** CPU slots: threads that can be attached at once (virtual CPUs in a replay). Default 4. */
  readonly cpus?: number;
  /** Every hash becomes dynamic, whatever its creator asked for (the kernel series' bpf_force_dyn_alloc). */
  readonly forceDynamic?: boolean;
  /**
   * Semantics that programs can see. `linux`: as Linux 6.18 has them (an element is allocated with interrupts off, an
   * update always makes a new one, watermarks follow Linux's element size); `anyctx` (default): an update in task or
   * softirq context fails only when memory is out, small values are overwritten in place.
   */
  readonly profile?: Profile;
  /**
   * As on PREEMPT_RT: deferred work never runs right after an operation, a thread of its own does it later
   * (`core.workThreadRuns`, or `core.serveCpu` from another thread).
   */
  readonly realTime?: boolean;
  /**
   * Watermarks of the caches: `fixed` (default) are Linux's constants, `adaptive` follow the bursts that were observed
   * in contexts that cannot refill (docs/thresholds.md).
   */
  readonly thresholds?: "fixed" | "adaptive";
  /** Seed of hash functions and random numbers; from `Math.random` if not given. */
  readonly seed?: number;
  /**
   * The core, if not the one that the package brings along: its bytes (`anyctx/core.wasm`), what is compiled of them, or a URL. For
   * pages that load it on its own, and for threads that may import nothing.
   */
  readonly core?: CoreSource;
}

export type Profile = "anyctx" | "linux";

/** What another thread needs to attach; goes through postMessage and workerData. */
export interface ArenaHandle {
  readonly memory: SharedMemory;
  readonly core: CoreModule;
  /** Names the thread that attaches with it, for `Arena.reap`: 1 to 2^31 - 1. */
  readonly token: number;
}

/** A map's value type: per-CPU kinds have one value for each CPU. */
type ValueOf<T extends MapType, V> = T extends PercpuMapType ? V[] : V;

export class Arena extends Attachment {
  readonly #module: CoreModule;
  readonly #directory: Directory;

  /** Takes a slot: the first free one, or `cpu`. It is given back if there is no memory to begin with. */
  private constructor(handle: ArenaHandle, instance: CoreInstance, seed: number, cpu?: number) {
    super(handle.memory, instance, handle.token);
    this.#module = handle.core;
    this.takeCpu(cpu);
    try {
      this.#directory = new Directory(this, seed);
    } catch (error) {
      this.detach();
      throw error;
    }
  }

  /** Creates an arena; the calling thread holds CPU 0. */
  static async create(options: ArenaOptions = {}): Promise<Arena> {
    const { maximumBytes = 2 ** 30, cpus = 4, forceDynamic = false, profile = "anyctx", realTime = false } = options;
    const { thresholds = "fixed" } = options;
    const seed = options.seed ?? Math.floor(Math.random() * 2 ** 32);
    if (!Number.isInteger(cpus) || cpus < 1 || cpus > 1024)
      throw new AnyctxError("EINVAL", `An arena has 1 to 1024 CPUs, not ${cpus}`);
    const pages = Math.min(Math.ceil(maximumBytes / WASM_PAGE_BYTES), LARGEST_WASM_PAGES);
    if (!(pages > INITIAL_WASM_PAGES) || maximumBytes > 2 ** 32)
      throw new AnyctxError("EINVAL", `An arena's maximum is between 320 KiB and 4 GiB, not ${maximumBytes} bytes`);
    const module = await compileCore(options.core);
    const memory = createMemory(INITIAL_WASM_PAGES, pages);
    const instance = await instantiateCore(module, memory);
    const { core } = instance;
    const failed = core.arenaFormat(cpus, pages, seed);
    if (failed !== 0)
      throw new AnyctxError(
        errnoName(failed) ?? "EINVAL",
        `Cannot format an arena of ${maximumBytes} bytes for ${cpus} CPUs: it is too small`,
      );
    core.setForceDynamic(forceDynamic ? 1 : 0);
    core.setAdaptive(thresholds === "adaptive" ? 1 : 0);
    core.setRealTime(realTime ? 1 : 0);
    core.setProfile(profile === "linux" ? CONSTANTS.PROFILE_LINUX : CONSTANTS.PROFILE_ANYCTX);
    const arena = new Arena({ memory, core: module, token: newToken() }, instance, seed);
    if (options.limitBytes !== undefined) arena.setLimit(options.limitBytes);
    return arena;
  }

  /**
   * Attaches this thread to an arena that another one created.
   * @param cpu the slot to take; the first free one by default
   * @throws {AnyctxError} BAD_ARENA for anything that is no arena of this version, EBUSY when no slot is free; ENOMEM, ETIMEDOUT
   * (a dead thread has a lock, waited for as `detach` says): then no slot is taken
   */
  static async attach(handle: ArenaHandle, cpu?: number): Promise<Arena> {
    const { memory, core: module, token } = handle;
    if (!(memory instanceof WebAssembly.Memory) || !(module instanceof WebAssembly.Module) || !isToken(token))
      throw new AnyctxError("BAD_ARENA", "Cannot attach: this is no arena handle");
    if (memory.buffer.byteLength < INITIAL_WASM_PAGES * WASM_PAGE_BYTES)
      throw new AnyctxError("BAD_ARENA", "Cannot attach: the memory is too small for an arena");
    const instance = await instantiateCore(module, memory);
    const version = instance.core.arenaVersion();
    if (version !== CONSTANTS.LAYOUT_VERSION)
      throw new AnyctxError(
        "BAD_ARENA",
        version === 0
          ? "Cannot attach: this memory holds no arena"
          : `Cannot attach: the arena has layout ${version}, this version knows ${CONSTANTS.LAYOUT_VERSION}`,
      );
    return new Arena(handle, instance, Math.floor(Math.random() * 2 ** 32), cpu);
  }

  /** What to send to another thread: one for each, so that `reap` can tell them apart. */
  handle(): ArenaHandle {
    return { memory: this.memory, core: this.#module, token: newToken() };
  }

  /**
   * Creates a map that every thread can open by its name.
   * @throws {AnyctxError} EEXIST (name), EINVAL, E2BIG (sizes), ENOMEM; ETIMEDOUT (a dead thread has a lock, waited for as
   * `detach` says): then there is no map
   */
  createMap<T extends MapType, K, V>(options: MapOptions<K, V> & { readonly type: T }): ArenaMap<K, ValueOf<T, V>> {
    const { key, value } = options;
    const description = JSON.stringify([key.description, value.description]);
    const open = this.#directory.create({ ...options, keySize: key.size, valueSize: value.size }, description);
    return this.#bind(open, key, value as unknown as Codec<ValueOf<T, V>>);
  }

  /** Opens a map that any thread created, with the codecs it was created with. ENOENT if there is none of the name. */
  openMap<K = unknown, V = unknown>(name: string): ArenaMap<K, V> {
    const open = this.#directory.open(name);
    try {
      const [key, value] = JSON.parse(this.#directory.descriptionOf(open.info.address)) as [Description, Description];
      return this.#bind(open, codecFrom(key) as Codec<K>, codecFrom(value) as Codec<V>);
    } catch (error) {
      this.core.freeBytes(open.room);
      this.core.closeMap(open.info.address, this.cpu);
      throw error;
    }
  }

  /** What TypeScript has of a map that is open. */
  #bind<K, V>(open: OpenMap, key: Codec<K>, value: Codec<V>): ArenaMap<K, V> {
    return new ArenaMap(this.instance, this.memory, open, key, value, this.cpu, this.#directory.room);
  }

  /**
   * Takes a map off the arena: nobody finds it by its name any more. Its memory goes back when no reader is left in it and
   * every thread that has it open has closed it or is gone.
   * @throws {AnyctxError} ENOENT: there is none of the name; ETIMEDOUT as createMap, and it is still there
   */
  destroyMap(name: string): void {
    this.#directory.destroy(name);
    this.poll();
  }

  /** What there is to know of a map, which is not opened by that: it may be destroyed at any time. */
  findMap(name: string): MapInfo {
    return this.#directory.find(name);
  }

  /** All living maps, newest first. */
  maps(): MapInfo[] {
    return this.#directory.maps();
  }

  /**
   * `map.prefill` on every CPU that this thread holds: on all of them or on none.
   * @returns 0, -EINVAL or -ENOMEM
   */
  prefillAll(map: Pick<ArenaMap<unknown, unknown>, "info" | "prefill">, count: number): number {
    const { address } = map.info;
    const sets = [LAYOUT.MapHeader.elements, LAYOUT.MapHeader.values].map((field) => this.word(address + field));
    return prefillHeldCpus(
      this,
      sets.filter((set) => set !== 0),
      () => map.prefill(count),
    );
  }

  /**
   * Creates an allocator for objects of one's own (src/arena/allocator.ts, docs/allocator.md).
   * @throws {AnyctxError} EINVAL, E2BIG (sizes), ENOMEM (also: the prefill cannot be had), ETIMEDOUT as createMap
   */
  createAllocator(options: AllocatorOptions): ObjectAllocator {
    return ObjectAllocator.create(this, options);
  }

  /** Opens an allocator that any thread created, by its address. ENOENT if there is none. */
  openAllocator(address: number): ObjectAllocator {
    return ObjectAllocator.open(this, address);
  }

  /** All allocators of objects, newest first. */
  allocators(): ObjectAllocator[] {
    const living = this.#directory.allocators().filter((address) => this.core.isObjectAllocator(address) !== 0);
    return living.map((address) => new ObjectAllocator(this, address));
  }

  /**
   * Says what kind of thread this is, from now on: what its operations may do follows from it. An AudioWorklet is `nmi`: it opens
   * and prefills its maps first, as a task, and says so before its first callback.
   * @throws {AnyctxError} EINVAL: there is no such context
   */
  context(name: ContextName): void {
    setContext(this, name);
  }

  /**
   * Keeps threads in NMI context supplied with what they allocate, on this thread's timers, until `stop` or `detach`: on a worker
   * that is not busy for long, or on the main thread (in a browser only as long as the page is in front: timers of others come
   * once a second). A thread that serves at a time is enough; where there are several, each CPU has one at a time.
   * @throws {AnyctxError} UNSUPPORTED: the thread has no timers
   */
  serve(): Service {
    return serve(this);
  }

  /**
   * Makes every hash that is created from now on dynamic, or as its creator asks (the kernel series'
   * bpf_force_dyn_alloc). EBUSY once there are maps: they would be what the setting says they are not.
   */
  setForceDynamic(on: boolean): void {
    const [first] = this.maps();
    if (first !== undefined)
      throw new AnyctxError("EBUSY", `Cannot change forceDynamic: the arena has maps already ("${first.name}")`);
    this.core.setForceDynamic(on ? 1 : 0);
  }

  /**
   * Sets how many bytes may be in use at once from now on. What is in use already stays; what is asked for beyond fails
   * with ENOMEM until enough has been freed.
   */
  setLimit(bytes: number): void {
    if (!(bytes >= 0)) throw new AnyctxError("EINVAL", `An arena's limit is a number of bytes, not ${bytes}`);
    this.core.setLimit(Math.min(Math.floor(bytes / CONSTANTS.PAGE_BYTES), 2 ** 31));
  }
}

/**
 * An arena: one shared memory with its CPUs, and this thread's place in it. Created once, attached by every other
 * thread that is sent its handle.
 */
import { checkBooleans, checkOneOf, checkOptions, refuse, show } from "../arguments.ts";
import { AnyctxError, ERRNO, errnoName, LOCK_NOT_LET_GO } from "../error.ts";
import { type Codec, checkCodec, codecFrom, type Description, isForKeys } from "../maps/codec/codec.ts";
import { MapEntries } from "../maps/entries.ts";
import type { Room } from "../maps/host.ts";
import { showAs } from "../maps/inspect.ts";
import type { MapType } from "../maps/kinds.ts";
import { makeMap } from "../maps/make-map.ts";
import type { ArenaMap, MapInfo } from "../maps/map.ts";
import type { ExpiringMapOf, MapOf } from "../maps/map-of.ts";
import { type MapOptions, mapOptions, type ValueOf } from "../maps/options.ts";
import { checkKey, plainDescription, shapeOf, valueCodecOf } from "../maps/shape.ts";
import { CONSTANTS, LAYOUT } from "../wasm/face.ts";
import { type CoreInstance, instantiateCore } from "../wasm/instance.ts";
import { compileCore } from "../wasm/load-core.ts";
import type { CoreModule } from "../wasm/types.ts";
import { ObjectAllocator } from "./allocator.ts";
import type { AllocatorOptions } from "./allocator-options.ts";
import { ARENA_OPTIONS, type ArenaOptions, PROFILES, THRESHOLDS } from "./arena-options.ts";
import { Attachment, newToken } from "./attachment.ts";
import { type ContextName, setContext } from "./contexts.ts";
import { Directory } from "./directory.ts";
import { type ArenaHandle, checkHandle } from "./handle.ts";
import { openedMaps } from "./inner-maps.ts";
import { createMemory } from "./memory.ts";
import { prefillHeldCpus } from "./prefill.ts";
import { type Service, serve } from "./serve.ts";

const WASM_PAGE_BYTES = 65536;
/** The core's own first pages: guard, superblock, room to format (tools/make/core.ts). */
const LEAST_WASM_PAGES = 5;
/** The last 64 KiB of 4 GiB stay unused, so that an errno is never an address. */
const LARGEST_WASM_PAGES = 65535;

export type { ArenaOptions, Profile } from "./arena-options.ts";
export type { ArenaHandle } from "./handle.ts";

/** How a map is read, and what kind it is of: what `openMap` compares with what it was created with. */
export interface MapCodecs<T extends MapType, K, V> {
  readonly key: Codec<K>;
  readonly value: Codec<V>;
  /** Must be given for a per-CPU kind: its values are arrays. */
  readonly type?: T;
}

/**
 * A shared memory with maps and allocators in it, as this thread sees it.
 *
 * @example
 * ```ts
 * import { once } from "node:events";
 * import { isMainThread, Worker, workerData } from "node:worker_threads";
 * import { Arena, type ArenaHandle, string, u32 } from "anyctx";
 *
 * if (isMainThread) {
 *   const arena = await Arena.create({ maximumBytes: 64 << 20, cpus: 2 });
 *   const hits = arena.createMap({ type: "hash", name: "hits", key: string(64), value: u32, maxEntries: 1000 });
 *   await once(new Worker(new URL(import.meta.url), { workerData: arena.handle() }), "exit");
 *   console.log(hits.get("/")); // 1
 *   arena.detach();
 * } else {
 *   const arena = await Arena.attach(workerData as ArenaHandle);
 *   arena.openMap("hits", { key: string(64), value: u32 }).add("/", 1);
 *   arena.detach();
 * }
 * ```
 */
export class Arena extends Attachment {
  readonly #module: CoreModule;
  readonly #directory: Directory;
  readonly #debug: boolean;

  /** Takes a slot: the first free one, or `cpu`. It is given back if there is no memory to begin with. */
  private constructor(handle: ArenaHandle, instance: CoreInstance, seed: number, debug: boolean, cpu?: number) {
    super(handle.memory, instance, handle.token);
    this.#module = handle.core;
    this.#debug = debug;
    this.takeCpu(cpu);
    try {
      enrolled(instance.core.enroll(handle.token));
      this.#directory = new Directory(this, seed);
    } catch (error) {
      this.detach();
      throw error;
    }
  }

  /**
   * Creates an arena; the calling thread holds CPU 0.
   * @throws {AnyctxError} EINVAL: an option that there is not, or a value that it cannot have; ENOMEM: so large a memory cannot be
   * reserved, or is too small for so many CPUs
   */
  static async create(options: ArenaOptions = {}): Promise<Arena> {
    checkOptions("Arena.create", options, ARENA_OPTIONS);
    checkBooleans("Arena.create", options, ["forceDynamic", "realTime", "debug"]);
    const { maximumBytes = 2 ** 30, cpus = 4, forceDynamic = false, profile = "anyctx", realTime = false } = options;
    const { thresholds = "fixed", limitBytes, debug = false } = options;
    const seed = options.seed ?? Math.floor(Math.random() * 2 ** 32);
    checkOneOf("profile", profile, PROFILES);
    checkOneOf("choice of thresholds", thresholds, THRESHOLDS);
    if (!Number.isSafeInteger(seed)) refuse("Arena.create", "a whole number", "seed", seed);
    if (!Number.isInteger(cpus) || cpus < 1 || cpus > 1024)
      throw new AnyctxError("EINVAL", `An arena has 1 to 1024 CPUs, not ${show(cpus)}`);
    checkLimit(limitBytes ?? 0);
    const pages = typeof maximumBytes === "number" ? Math.ceil(maximumBytes / WASM_PAGE_BYTES) : 0;
    if (!(pages >= LEAST_WASM_PAGES) || maximumBytes > 2 ** 32)
      throw new AnyctxError(
        "EINVAL",
        `An arena's maximumBytes is between 320 KiB and 4 GiB, not ${show(maximumBytes)} bytes`,
      );
    const module = await compileCore(options.core);
    const memory = createMemory(Math.min(pages, LARGEST_WASM_PAGES));
    const instance = await instantiateCore(module, memory);
    const { core } = instance;
    const failed = core.arenaFormat(cpus, seed);
    if (failed !== 0)
      throw new AnyctxError(
        errnoName(failed) ?? "EINVAL",
        `Cannot format an arena of ${maximumBytes} bytes for ${cpus} CPUs: it is too small`,
      );
    core.setForceDynamic(forceDynamic ? 1 : 0);
    core.setAdaptive(thresholds === "adaptive" ? 1 : 0);
    core.setRealTime(realTime ? 1 : 0);
    core.setProfile(profile === "linux" ? CONSTANTS.PROFILE_LINUX : CONSTANTS.PROFILE_ANYCTX);
    const arena = new Arena({ memory, core: module, token: newToken() }, instance, seed, debug);
    if (limitBytes !== undefined) arena.setLimit(limitBytes);
    return arena;
  }

  /**
   * Attaches this thread to an arena that another one created.
   * @param cpu the slot to take; the first free one by default
   * @throws {AnyctxError} BAD_ARENA for anything that is no arena of this version in one piece; EBUSY when no slot is free, or
   * a thread that has attached with this very handle lives; ENOMEM, ETIMEDOUT (a dead thread has a lock, waited for as `detach`
   * says): then no slot is taken
   */
  static async attach(handle: ArenaHandle, cpu?: number): Promise<Arena> {
    checkHandle(handle);
    if (cpu !== undefined && (!Number.isInteger(cpu) || cpu < 0))
      refuse("Arena.attach", "the number of a CPU", "cpu", cpu);
    const { memory, core: module } = handle;
    if (memory.buffer.byteLength < LEAST_WASM_PAGES * WASM_PAGE_BYTES)
      throw new AnyctxError("BAD_ARENA", "Cannot attach: the memory is too small for an arena");
    const instance = await instantiateCore(module, memory);
    try {
      checkVersion(instance.core.checkArena());
      return new Arena(handle, instance, Math.floor(Math.random() * 2 ** 32), false, cpu);
    } catch (cause) {
      if (cause instanceof AnyctxError) throw cause;
      // A trap: something further inside that only a damaged arena has.
      throw damaged(cause);
    }
  }

  /** What to send to another thread: one for each, so that `reap` can tell them apart. */
  handle(): ArenaHandle {
    this.checkAttached();
    return { memory: this.memory, core: this.#module, token: newToken() };
  }

  /**
   * Creates a map that every thread can open by its name.
   * @throws {AnyctxError} EEXIST (name), EINVAL, E2BIG (sizes), ENOMEM; ETIMEDOUT (a dead thread has a lock, waited for as
   * `detach` says): then there is no map; EPERM: the context (`context`)
   */
  createMap<T extends MapType, K, V>(
    options: MapOptions<K, V> & { readonly type: T; readonly expireAfter: number },
  ): ExpiringMapOf<T, K, V>;
  createMap<T extends MapType, K, V>(options: MapOptions<K, V> & { readonly type: T }): MapOf<T, K, V>;
  createMap<T extends MapType, K, V>(given: MapOptions<K, V> & { readonly type: T }): MapOf<T, K, V> {
    const options = mapOptions(given);
    const { key } = options;
    checkCodec("createMap needs a codec as key", key);
    checkCodec("createMap needs a codec as value", options.value);
    const value = valueCodecOf(options);
    if (!isForKeys(key.description))
      throw new AnyctxError("EINVAL", "createMap cannot have json() in key: two texts may mean the same");
    checkKey(options);
    const description = JSON.stringify([key.description, value.description]);
    const like = value.like?.isOpen === true ? value.like.info.address : 0;
    const { lock } = value;
    const open = this.#directory.create({ ...options, ...shapeOf({ ...options, value }), like, lock }, description);
    return makeMap(this, open, key, value as unknown as Codec<ValueOf<T, V>>) as MapOf<T, K, V>;
  }

  /**
   * Opens a map that any thread created. With its codecs the compiler knows its types, and they are compared with those that
   * it was created with; without them it is read as it was created.
   * @throws {AnyctxError} ENOENT if there is none of the name; EINVAL: it was created with other codecs, or is of another kind
   */
  openMap<K = unknown, V = unknown>(name: string): ArenaMap<K, V>;
  openMap<K, V, T extends MapType = "hash">(name: string, codecs: MapCodecs<T, K, V>): MapOf<T, K, V>;
  openMap(name: string, codecs?: MapCodecs<MapType, unknown, unknown>): ArenaMap<unknown, unknown> {
    if (codecs !== undefined) {
      checkOptions("openMap", codecs, ["key", "value", "type"]);
      checkCodec("openMap needs a codec as key", codecs.key);
      checkCodec("openMap needs a codec as value", codecs.value);
    }
    const open = this.#directory.open(name);
    try {
      const description = JSON.parse(this.#directory.descriptionOf(open.info.address)) as [Description, Description];
      if (codecs !== undefined) checkSame(open.info, description, codecs);
      const [key, value] = description;
      const isOuter = open.info.kind.inner === true;
      return makeMap(this, open, codecFrom(key), isOuter ? openedMaps(this) : codecFrom(value));
    } catch (error) {
      this.core.freeBytes(open.room);
      this.core.closeMap(open.info.address, this.cpu);
      throw error;
    }
  }

  /** @internal Opens a map with codecs that only this thread knows. */
  openMapAs<K, V>(name: string, key: Codec<K>, value: Codec<V>): ArenaMap<K, V> {
    return makeMap(this, this.#directory.open(name), key, value);
  }

  /** @internal */
  get room(): Room {
    return this.#directory.room;
  }

  /** @internal */
  batchRoom(): Room {
    return this.#directory.batchRoom();
  }

  /**
   * Takes a map off the arena: nobody finds it by its name any more. What this thread has open of it is closed; other threads
   * may go on with what they have open. Its memory goes back when no reader is left in it and every thread that has it open has
   * closed it or is gone.
   * @throws {AnyctxError} ENOENT: there is none of the name; ETIMEDOUT as createMap, and it is still there
   */
  destroyMap(name: string): void {
    this.#directory.destroy(name);
    for (const { info, close } of this.tenants())
      if (info.name === name && this.word(info.address + LAYOUT.MapHeader.dyingTarget) !== 0) close();
    this.poll();
  }

  /** What there is to know of a map, which is not opened by that: it may be destroyed at any time. */
  findMap(name: string): MapInfo {
    return this.#directory.find(name);
  }

  /** @internal What there is to know of the map at an address. */
  infoAt(address: number): MapInfo {
    return this.#directory.info(address);
  }

  /** All living maps, newest first. */
  maps(): MapInfo[] {
    return this.#directory.maps();
  }

  /**
   * `map.prefill` on every CPU that this thread holds: on all of them or on none.
   * @returns 0, -EINVAL (also: it is no map of this arena), -ENOMEM, or -EBADF (closed)
   */
  prefillAll(map: Pick<ArenaMap<unknown, unknown>, "info" | "isOpen" | "prefill">, count: number): number {
    if (!(map instanceof MapEntries) || !MapEntries.liesIn(map, this.memory)) return -ERRNO.EINVAL;
    if (this.isDetached || !map.isOpen) return -ERRNO.EBADF;
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
    return ObjectAllocator.create(this, options, this.#debug);
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
   * and prefills its maps first, as a task, and says so before its first callback. What takes the arena's own locks (`createMap`,
   * `openMap`, `destroyMap`, `createAllocator`, `reap`, `trim`, `serve`) is EPERM in `hardirq` and `nmi`.
   * @throws {AnyctxError} EINVAL: there is no such context
   */
  context(name: ContextName): void {
    setContext(this, name);
  }

  /**
   * Keeps threads in NMI context supplied with what they allocate, on this thread's timers, until `stop` or `detach`: on a worker
   * that is not busy for long, or on the main thread (in a browser only as long as the page is in front: timers of others come
   * once a second). A thread that serves at a time is enough; where there are several, each CPU has one at a time. While this thread
   * itself is in `hardirq` or `nmi` it brings nothing.
   * @throws {AnyctxError} UNSUPPORTED: the thread has no timers; EPERM: the context
   */
  serve(): Service {
    return serve(this);
  }

  /**
   * Makes every hash that is created from now on dynamic, or as its creator asks (the kernel series'
   * bpf_force_dyn_alloc). EBUSY once there are maps: they would be what the setting says they are not.
   */
  setForceDynamic(on: boolean): void {
    checkBooleans("setForceDynamic", { on: on ?? null }, ["on"]);
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
    checkLimit(bytes);
    this.core.setLimit(Math.min(Math.floor(bytes / CONSTANTS.PAGE_BYTES), 2 ** 31));
  }

  static {
    showAs<Arena>(Arena, (arena) => arena.#show());
  }

  /** One line, how `console.log` shows it. Never throws. */
  #show(): string {
    if (this.isDetached) return "Arena (detached)";
    const { maximum, used } = this.#directory.pages();
    const mebibytes = (pages: number): string => `${((pages * CONSTANTS.PAGE_BYTES) / 2 ** 20).toFixed(1)} MiB`;
    return `Arena (CPU ${this.cpu} of ${this.cpus}, ${mebibytes(used)} of ${mebibytes(maximum)} in use)`;
  }
}

function checkLimit(bytes: number): void {
  if (typeof bytes !== "number" || !(bytes >= 0))
    throw new AnyctxError("EINVAL", `An arena's limit is a number of bytes, not ${show(bytes)}`);
}

function damaged(cause?: unknown): AnyctxError {
  return new AnyctxError("BAD_ARENA", "Cannot attach: the arena in this memory is damaged", { cause });
}

/** @param version as the core's `checkArena` says */
function checkVersion(version: number): void {
  if (version === CONSTANTS.LAYOUT_VERSION) return;
  if (version === -ERRNO.EINVAL) throw damaged();
  throw new AnyctxError(
    "BAD_ARENA",
    version === 0
      ? "Cannot attach: this memory holds no arena"
      : `Cannot attach: the arena has layout ${version}, this version knows ${CONSTANTS.LAYOUT_VERSION}`,
  );
}

/** @param result of the core's `enroll` */
function enrolled(result: number): void {
  if (result === 0) return;
  if (result === -ERRNO.EINVAL) throw damaged();
  if (result === -ERRNO.ETIMEDOUT) throw new AnyctxError("ETIMEDOUT", `Cannot attach: ${LOCK_NOT_LET_GO}`);
  throw new AnyctxError("EBUSY", "Cannot attach: a thread has attached with this handle already, each needs its own");
}

/** @param description of key and value that the map was created with */
function checkSame(
  info: MapInfo,
  description: readonly Description[],
  codecs: MapCodecs<MapType, unknown, unknown>,
): void {
  const { key, value, type = info.kind.perCpu ? undefined : info.kind.type } = codecs;
  if (type !== info.kind.type && !(type === "hash" && info.kind.variable === true))
    throw new AnyctxError("EINVAL", `Map "${info.name}" is ${info.kind.type}, openMap has ${show(type)} as type`);
  for (const [index, name] of (["key", "value"] as const).entries()) {
    const given = JSON.stringify({ key, value }[name].description);
    const there = JSON.stringify(index === 1 ? plainDescription(description[index]) : description[index]);
    if (given !== there)
      throw new AnyctxError("EINVAL", `Map "${info.name}" has ${there} as ${name}, openMap was given ${given}`);
  }
}

/**
 * An arena: one shared memory with its CPUs, and this thread's place in it. Created once, attached by every other
 * thread that is sent its handle.
 */
import { AnyctxError, ERRNO, type ErrorCode, errnoName } from "../error.ts";
import { type Codec, codecFrom, type Description, decodeUtf8, encodeUtf8 } from "../maps/codec.ts";
import { MAP_KINDS, type MapKind, type MapType, mapKindByType } from "../maps/kinds.ts";
import { ArenaMap, type MapInfo } from "../maps/map.ts";
import { CONSTANTS, type Core, LAYOUT } from "../wasm/face.ts";
import { type CoreInstance, compileCore, instantiateCore } from "../wasm/instance.ts";
import { type AllocatorOptions, ObjectAllocator } from "./allocator.ts";
import { encodeName } from "./name.ts";

const WASM_PAGE_BYTES = 65536;
/** Bytes of a page of the arena (core/mem/pages.ts). */
const PAGE_BYTES = 16384;
/** The core's own first pages: guard, superblock, room to format (tools/build.ts). */
const INITIAL_WASM_PAGES = 4;
/** The last 64 KiB of 4 GiB stay unused, so that an errno is never an address. */
const LARGEST_WASM_PAGES = 65535;
/** Bit of a slot's owner that is none of the token's (core/cpu/area.ts). */
const BORROWED = 2 ** 31;

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
}

function newToken(): number {
  return Math.floor(Math.random() * (BORROWED - 1)) + 1;
}

export type Profile = "anyctx" | "linux";

export interface MapOptions<K, V> {
  readonly type: MapType;
  readonly name: string;
  readonly key: Codec<K>;
  readonly value: Codec<V>;
  readonly maxEntries: number;
  /** Allocate every element now. Hashes only; the default is dynamic. */
  readonly prealloc?: boolean;
  /** Extra flags for `info.flags`, as a program's map definition has them. */
  readonly flags?: number;
  /**
   * Elements straight from the slab, each free through a grace-period callback: what dynamic maps were before per-CPU
   * caches. For comparison.
   */
  readonly withoutCache?: boolean;
  /**
   * An allocator whose capacity the map's elements count against, together with its own objects and other maps that share
   * it. Dynamic hashes only. The allocator cannot be destroyed before the map.
   */
  readonly allocator?: ObjectAllocator;
}

/** What another thread needs to attach; goes through postMessage and workerData. */
export interface ArenaHandle {
  readonly memory: WebAssembly.Memory;
  readonly core: WebAssembly.Module;
  /** Names the thread that attaches with it, for `Arena.reap`: 1 to 2^31 - 1. */
  readonly token: number;
}

/** A map's value type: per-CPU kinds have one value for each CPU. */
type ValueOf<T extends MapType, V> = T extends "percpu_hash" | "percpu_array" ? V[] : V;

export class Arena {
  readonly memory: WebAssembly.Memory;
  readonly core: Core;
  readonly #module: WebAssembly.Module;
  readonly #instance: CoreInstance;
  readonly #token: number;
  readonly #heldCpus = new Set<number>();
  /** CPUs of dead threads that could not be freed yet. */
  readonly #unreaped = new Set<number>();
  #cpu = -1;
  /** Where names to be looked up are written: finding a map needs no memory of its own. */
  #nameRoom = 0;
  #seed: number;

  private constructor(
    memory: WebAssembly.Memory,
    module: WebAssembly.Module,
    instance: CoreInstance,
    seed: number,
    token: number,
  ) {
    this.memory = memory;
    this.#module = module;
    this.#instance = instance;
    this.core = instance.core;
    this.#token = token;
    this.#seed = seed;
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
    const module = await compileCore();
    const memory = new WebAssembly.Memory({ initial: INITIAL_WASM_PAGES, maximum: pages, shared: true });
    const arena = new Arena(memory, module, await instantiateCore(module, memory), seed, newToken());
    const failed = arena.core.arenaFormat(cpus, pages, seed);
    if (failed !== 0)
      throw new AnyctxError(
        errnoName(failed) ?? "EINVAL",
        `Cannot format an arena of ${maximumBytes} bytes for ${cpus} CPUs: it is too small`,
      );
    if (options.limitBytes !== undefined) arena.setLimit(options.limitBytes);
    arena.core.setForceDynamic(forceDynamic ? 1 : 0);
    arena.core.setAdaptive(thresholds === "adaptive" ? 1 : 0);
    arena.core.setRealTime(realTime ? 1 : 0);
    arena.core.setProfile(profile === "linux" ? 1 : 0);
    arena.takeCpu();
    return arena;
  }

  /**
   * Attaches this thread to an arena that another one created.
   * @param cpu the slot to take; the first free one by default
   * @throws {AnyctxError} BAD_ARENA for anything that is no arena of this version, EBUSY when no slot is free
   */
  static async attach(handle: ArenaHandle, cpu?: number): Promise<Arena> {
    const { memory, core: module, token } = handle;
    const isToken = Number.isInteger(token) && token > 0 && token < BORROWED;
    if (!(memory instanceof WebAssembly.Memory) || !(module instanceof WebAssembly.Module) || !isToken)
      throw new AnyctxError("BAD_ARENA", "Cannot attach: this is no arena handle");
    if (memory.buffer.byteLength < INITIAL_WASM_PAGES * WASM_PAGE_BYTES)
      throw new AnyctxError("BAD_ARENA", "Cannot attach: the memory is too small for an arena");
    const seed = Math.floor(Math.random() * 2 ** 32);
    const arena = new Arena(memory, module, await instantiateCore(module, memory), seed, token);
    const version = arena.core.arenaVersion();
    if (version !== CONSTANTS.LAYOUT_VERSION)
      throw new AnyctxError(
        "BAD_ARENA",
        version === 0
          ? "Cannot attach: this memory holds no arena"
          : `Cannot attach: the arena has layout ${version}, this version knows ${CONSTANTS.LAYOUT_VERSION}`,
      );
    arena.takeCpu(cpu);
    return arena;
  }

  /** What to send to another thread: one for each, so that `reap` can tell them apart. */
  handle(): ArenaHandle {
    return { memory: this.memory, core: this.#module, token: newToken() };
  }

  /** Whether deferred work belongs to threads, as on PREEMPT_RT. */
  get realTime(): boolean {
    return this.word(CONSTANTS.SUPERBLOCK + LAYOUT.Superblock.realTime) !== 0;
  }

  get cpus(): number {
    return this.core.cpuCount();
  }

  /** The CPU this thread acts as. */
  get cpu(): number {
    return this.#cpu;
  }

  /**
   * Takes a further CPU slot for this thread and acts as it: a replay holds all of them.
   * @throws {AnyctxError} EBUSY when the slot, or every slot, is held
   */
  takeCpu(cpu?: number): number {
    const taken = this.core.takeCpu(cpu ?? -1, this.#token);
    if (taken < 0)
      throw new AnyctxError(
        "EBUSY",
        cpu === undefined ? `All ${this.cpus} CPU slots of the arena are held` : `CPU slot ${cpu} is held or not there`,
      );
    this.#heldCpus.add(taken);
    this.switchCpu(taken);
    if (this.#nameRoom === 0) this.#nameRoom = this.allocate(CONSTANTS.NAME_BYTES);
    return taken;
  }

  /** Acts as another CPU that this thread holds. */
  switchCpu(cpu: number): void {
    if (cpu === this.#cpu) return;
    if (!this.#heldCpus.has(cpu)) throw new AnyctxError("EINVAL", `This thread does not hold CPU ${cpu}`);
    this.core.switchCpu(cpu);
    this.#cpu = cpu;
  }

  /** The CPU this thread acts as is back in a task with interrupts on: raised work runs, on RT by the CPU's thread. */
  settle(): void {
    this.core.contextSet(0, 0);
    if (this.realTime) this.core.workThreadRuns();
    else this.core.interruptsCameOn();
  }

  /** Gives this thread's CPUs back; deferred work that waits on them runs first. The arena is not usable afterwards. */
  detach(): void {
    this.core.freeBytes(this.#nameRoom);
    this.#nameRoom = 0;
    for (const cpu of this.#heldCpus) {
      this.switchCpu(cpu);
      this.settle();
      this.core.releaseCpu(cpu);
    }
    this.#heldCpus.clear();
  }

  /**
   * Creates a map that every thread can open by its name.
   * @throws {AnyctxError} EEXIST (name), EINVAL, E2BIG (sizes), ENOMEM
   */
  createMap<T extends MapType, K, V>(options: MapOptions<K, V> & { readonly type: T }): ArenaMap<K, ValueOf<T, V>> {
    const { key, value, name } = options;
    const description = JSON.stringify([key.description, value.description]);
    const info = this.#create({ ...options, keySize: key.size, valueSize: value.size }, name, description);
    try {
      return new ArenaMap(this.#instance, this.memory, info, key, value as unknown as Codec<ValueOf<T, V>>, this.#cpu);
    } catch (error) {
      // By its address: looking the name up would need memory.
      this.core.closeMap(info.address, this.#cpu);
      this.core.destroyMap(info.address);
      this.poll();
      throw error;
    }
  }

  /** Opens a map that any thread created, with the codecs it was created with. ENOENT if there is none of the name. */
  openMap<K = unknown, V = unknown>(name: string): ArenaMap<K, V> {
    const info = this.#find(name, this.core.openMap);
    try {
      const [key, value] = JSON.parse(this.#describe(info.address)) as [Description, Description];
      const codecs = [codecFrom(key) as Codec<K>, codecFrom(value) as Codec<V>] as const;
      return new ArenaMap(this.#instance, this.memory, info, ...codecs, this.#cpu);
    } catch (error) {
      this.core.closeMap(info.address, this.#cpu);
      throw error;
    }
  }

  /**
   * Takes a map off the arena: nobody finds it by its name any more. Its memory goes back when no reader is left in it and
   * every thread that has it open has closed it or is gone. ENOENT if it is not there.
   */
  destroyMap(name: string): void {
    const { address } = this.findMap(name);
    const result = this.core.destroyMap(address);
    if (result === -ERRNO.ETIMEDOUT) throw new AnyctxError("ETIMEDOUT", lockedByDead("destroy", name));
    if (result !== 0) throw new AnyctxError("ENOENT", `Map "${name}" is already destroyed`);
    this.poll();
  }

  /**
   * `map.prefill` on every CPU that this thread holds: on all of them or on none.
   * @returns 0, -EINVAL or -ENOMEM
   */
  prefillAll(map: Pick<ArenaMap<unknown, unknown>, "info" | "prefill">, count: number): number {
    const before = this.#cpu;
    const kept: (readonly [cpu: number, promised: number])[] = [];
    let result = 0;
    for (const cpu of this.#heldCpus) {
      this.switchCpu(cpu);
      if (!map.info.kind.indexed)
        kept.push([
          cpu,
          this.word(
            this.word(map.info.address + LAYOUT.MapHeader.elements) +
              cpu * CONSTANTS.CACHE_BYTES +
              LAYOUT.Cache.prefilled,
          ),
        ]);
      result = map.prefill(count);
      if (result !== 0) break;
    }
    // What was fetched beyond the promise of before is trimmed like any free object.
    for (const [cpu, promised] of result === 0 ? [] : kept) {
      this.switchCpu(cpu);
      map.prefill(promised);
    }
    this.switchCpu(before);
    return result;
  }

  /**
   * Creates an allocator for objects of one's own (src/arena/allocator.ts, docs/allocator.md).
   * @throws {AnyctxError} EINVAL, E2BIG (sizes), ENOMEM (also: the prefill cannot be had)
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
    const found = new Set<number>();
    let caches = this.word(CONSTANTS.SUPERBLOCK + LAYOUT.Superblock.cacheSets);
    for (; caches !== 0; caches = this.word(caches + LAYOUT.Cache.nextSet)) {
      const account = this.word(caches + LAYOUT.Cache.account);
      if (account !== 0 && this.core.isObjectAllocator(account) !== 0) found.add(account);
    }
    return [...found].map((address) => this.openAllocator(address));
  }

  /** The CPUs that this thread holds. */
  heldCpus(): number[] {
    return [...this.#heldCpus];
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
    this.core.setLimit(Math.min(Math.floor(bytes / PAGE_BYTES), 2 ** 31));
  }

  /** Lets due work happen on this thread's CPUs: deferred work, callbacks, destroyed maps. Never waits. */
  poll(): void {
    const before = this.#cpu;
    for (const cpu of this.#heldCpus) {
      this.switchCpu(cpu);
      if (this.realTime) this.core.workThreadRuns();
      this.core.timerTick();
    }
    this.switchCpu(before);
    if (this.#unreaped.size !== 0) this.#reapAll();
    this.core.reapMaps();
  }

  /**
   * Gives back what is cached and not in use: the caches of this thread's CPUs and of CPUs that nobody holds, what waited
   * for a grace period that is over, empty slabs. Other threads' caches are theirs, and what was promised stays. Never
   * waits for a reader: what one still holds up goes with a later trim.
   * @returns bytes that the arena's pages in use went down by
   */
  trim(): number {
    const before = this.core.pagesInUse();
    this.poll();
    this.core.trimCpus(this.#token);
    return (before - this.core.pagesInUse()) * PAGE_BYTES;
  }

  /**
   * Frees the slots of a thread that is dead: its locks are released, its half-done operation is finished or undone, what
   * it had cached or in hand is there for others. Call it when the thread has ended for sure, at any moment after: in Node
   * when the worker's `exit` event has come, in a browser after `terminate()`. Until then nobody waits for the dead thread
   * for longer than about half a second: an operation that needs a bucket it has locked returns -ETIMEDOUT.
   *
   * A slot may have to wait for another thread to finish an operation; `poll` then goes on with it.
   * @param thread the handle that was sent to the thread, or the number of one CPU that it held
   * @returns the CPUs that are free again now
   * @throws {AnyctxError} EINVAL: nobody holds that CPU, or it is the one this thread acts as
   */
  reap(thread: ArenaHandle | number): number[] {
    if (typeof thread === "number") {
      if (!Number.isInteger(thread) || this.#owner(thread) === 0 || this.#heldCpus.has(thread))
        throw new AnyctxError("EINVAL", `CPU ${thread} is not one that another thread holds`);
      this.#unreaped.add(thread);
    } else {
      for (let cpu = 0; cpu < this.cpus; cpu++)
        if ((this.#owner(cpu) & ~BORROWED) === thread.token) this.#unreaped.add(cpu);
    }
    return this.#reapAll();
  }

  /** All living maps, newest first. */
  maps(): MapInfo[] {
    const found: MapInfo[] = [];
    let address = this.word(CONSTANTS.SUPERBLOCK + LAYOUT.Superblock.maps);
    for (; address !== 0; address = this.word(address + LAYOUT.MapHeader.next)) found.push(this.#info(address));
    return found;
  }

  /** What there is to know of a map, which is not opened by that: it may be destroyed at any time. */
  findMap(name: string): MapInfo {
    return this.#find(name, this.core.findMap);
  }

  #find(name: string, find: Core["findMap"]): MapInfo {
    const bytes = encodeName("A map", name, CONSTANTS.NAME_BYTES, 1);
    new Uint8Array(this.memory.buffer, this.#nameRoom, bytes.length).set(bytes);
    const address = find(this.#nameRoom) >>> 0;
    if (address === 0) throw new AnyctxError("ENOENT", `There is no map "${name}" in the arena`);
    if (address === ERRNO.ETIMEDOUT) throw new AnyctxError("ETIMEDOUT", lockedByDead("look for", name));
    return this.#info(address);
  }

  /** Zeroed memory of this arena for the control plane; give it back with `core.freeBytes`. */
  allocate(bytes: number): number {
    const address = this.core.allocateBytes(bytes) >>> 0;
    if (address === 0) throw new AnyctxError("ENOMEM", `The arena has no ${bytes} bytes left`);
    return address;
  }

  /** A u32 field of a structure in shared memory. */
  word(address: number): number {
    return new Uint32Array(this.memory.buffer, address, 1)[0] ?? 0;
  }

  /** The token of the thread that holds a CPU, 0 if nobody does or there is no such CPU. */
  #owner(cpu: number): number {
    return cpu >= 0 && cpu < this.cpus ? this.word(this.core.cpuAreaAddress(cpu) + LAYOUT.CpuArea.owner) : 0;
  }

  #reapAll(): number[] {
    // A CPU that was only borrowed for a trim first: the dead thread took its locks as that one.
    const isBorrowed = (cpu: number): number => (this.#owner(cpu) >= BORROWED ? 0 : 1);
    const order = [...this.#unreaped].sort((a, b) => isBorrowed(a) - isBorrowed(b));
    const free = order.filter((cpu) => this.core.reapCpu(cpu) !== -ERRNO.EAGAIN);
    for (const cpu of free) this.#unreaped.delete(cpu);
    return free;
  }

  #create(
    options: Omit<MapOptions<unknown, unknown>, "key" | "value"> & { keySize: number; valueSize: number },
    name: string,
    description: string,
  ): MapInfo {
    const kind = mapKindByType(options.type);
    if (kind === undefined) throw new AnyctxError("EINVAL", `There is no map type "${options.type}"`);
    const { keySize, valueSize, maxEntries, flags = 0, prealloc = false, withoutCache = false } = options;
    if (!Number.isInteger(maxEntries) || maxEntries < 1 || maxEntries > 2 ** 31)
      throw new AnyctxError("EINVAL", `Map "${name}" needs max_entries from 1 to 2^31, not ${maxEntries}`);
    const supply = withoutCache ? SUPPLY.slab : prealloc ? SUPPLY.pool : SUPPLY.cache;
    const nameBytes = encodeName("A map", name, CONSTANTS.NAME_BYTES, 1);
    // ASCII needs one byte a character, UTF-8 three at most for a UTF-16 unit.
    const text = new Uint8Array(description.length * 3);
    const length = encodeUtf8(description, text);
    const seed = this.#nextSeed();
    const address = this.core.createMap(kind.bpfType, keySize, valueSize, maxEntries, flags, supply, seed) >>> 0;
    if (address < WASM_PAGE_BYTES) throw createError(address, name, kind, options);
    let described: number;
    try {
      if (options.allocator !== undefined) this.#shareAccount(address, name, options.allocator);
      described = this.#allocateCopy(text.subarray(0, length));
    } catch (error) {
      this.core.discardMap(address);
      throw error;
    }
    new Uint8Array(this.memory.buffer, address + CONSTANTS.HEADER_SIZE, nameBytes.length).set(nameBytes);
    new Uint32Array(this.memory.buffer, address + LAYOUT.MapHeader.description, 2).set([described, length]);
    const result = this.core.publishMap(address);
    if (result === -ERRNO.ETIMEDOUT) throw new AnyctxError("ETIMEDOUT", lockedByDead("create", name));
    if (result === -ERRNO.ENOMEM)
      throw new AnyctxError("ENOMEM", `Cannot create map "${name}": its allocator's capacity is used up`);
    if (result !== 0) throw new AnyctxError("EEXIST", `There is a map "${name}" in the arena already`);
    return this.#info(address);
  }

  #shareAccount(map: number, name: string, allocator: ObjectAllocator): void {
    if (this.core.shareAccount(map, allocator.address) !== 0)
      throw new AnyctxError(
        "EINVAL",
        `Map "${name}" cannot share an allocator: it is no dynamic hash, or there is none`,
      );
  }

  /** xorshift32: every map has its own hash seed, reproducible from the arena's. */
  #nextSeed(): number {
    let seed = this.#seed | 1;
    seed ^= seed << 13;
    seed ^= seed >>> 17;
    seed ^= seed << 5;
    this.#seed = seed >>> 0;
    return this.#seed;
  }

  /** Memory with a copy of these bytes. */
  #allocateCopy(bytes: Uint8Array): number {
    const address = this.allocate(bytes.length);
    new Uint8Array(this.memory.buffer, address, bytes.length).set(bytes);
    return address;
  }

  #describe(map: number): string {
    const address = this.word(map + LAYOUT.MapHeader.description);
    const length = this.word(map + LAYOUT.MapHeader.descriptionBytes);
    return decodeUtf8(new Uint8Array(this.memory.buffer, address, length));
  }

  #info(address: number): MapInfo {
    const field = (offset: number): number => this.word(address + offset);
    const bpfType = field(LAYOUT.MapHeader.kind);
    const kind = MAP_KINDS.find((each) => each.bpfType === bpfType);
    if (kind === undefined) throw new AnyctxError("BAD_ARENA", `The map at ${address} has the unknown type ${bpfType}`);
    return {
      name: decodeUtf8(new Uint8Array(this.memory.buffer, address + CONSTANTS.HEADER_SIZE, CONSTANTS.NAME_BYTES)),
      kind,
      address,
      keySize: field(LAYOUT.MapHeader.keySize),
      valueSize: field(LAYOUT.MapHeader.valueSize),
      maxEntries: field(LAYOUT.MapHeader.maxEntries),
      flags: field(LAYOUT.MapHeader.flags),
      valueStride: field(LAYOUT.MapHeader.valueStride),
      copies: kind.perCpu ? this.cpus : 1,
    };
  }
}

/** Where a hash's elements come from: SUPPLY_ constants of core/maps/map.ts. */
export const SUPPLY = { cache: 0, pool: 1, slab: 2 } as const;

function lockedByDead(what: string, name: string): string {
  return `Cannot ${what} map "${name}": a thread has not let go of the arena's lists; if it is dead, reap it`;
}

function createError(
  errno: number,
  name: string,
  kind: MapKind,
  sizes: { keySize: number; valueSize: number; maxEntries: number },
): AnyctxError {
  const code: ErrorCode = errnoName(errno) ?? "EINVAL";
  const { keySize, valueSize, maxEntries } = sizes;
  const what = `${kind.type} map "${name}" (key ${keySize}, value ${valueSize}, max_entries ${maxEntries})`;
  const why: Readonly<Record<string, string>> = {
    E2BIG: "it is larger than Linux allows",
    ENOMEM: "the arena's memory is out",
    EINVAL: kind.indexed ? "an array needs a 4-byte key and a value" : "key, value and max_entries must not be empty",
  };
  return new AnyctxError(code, `Cannot create ${what}: ${why[code] ?? code}`);
}

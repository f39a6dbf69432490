/**
 * The arena of a scenario: its memory, an instance of the instrumented core for each virtual CPU, and calls that are
 * not scheduled, for setting up and for looking.
 */

import { AnyctxError } from "../error.ts";
import { CONSTANTS, type Core, LAYOUT } from "../wasm/face.ts";
import type { SimCore, SiteTable } from "./core.ts";
import { SimMemory } from "./memory.ts";

/** Structures of the core and their fields, by the names that its source has. */
export type StructureName = keyof typeof LAYOUT;
export type FieldOf<S extends StructureName> = keyof (typeof LAYOUT)[S];

export interface WorldOptions {
  readonly cpus: number;
  /** Size of the memory in pages of 64 KiB. All of it exists from the start; it never grows. Default 16. */
  readonly pages?: number;
  /** PREEMPT_RT: deferred work belongs to a thread of its own. */
  readonly realTime?: boolean;
  readonly profile?: "anyctx" | "linux";
  /** Tasks of one CPU may preempt each other where interrupts are on. */
  readonly preemptible?: boolean;
}

/** Called before every access: address, bytes, site. */
export type Step = (address: number, size: number, site: number) => void;

type CoreFunction = (...args: number[]) => number;

export interface Instance {
  readonly functions: Readonly<Record<string, CoreFunction>>;
  readonly startUnwind: (stack: number) => void;
  readonly stopUnwind: () => void;
  readonly startRewind: (stack: number) => void;
  readonly stopRewind: () => void;
}

const DEFAULT_PAGES = 16;

/** Fibers' stacks and the arguments of calls lie below the superblock, where the core has nothing. */
const STACKS_AT = 1024;
/** What a suspended fiber needs at least; a core that is not optimized needs twice as much where it is deep. */
const LEAST_STACK_BYTES = 3072;
export const SCRATCH_AT: number = 56 << 10;
const SCRATCH_END = 64 << 10;
export const MOST_FIBERS: number = Math.floor((SCRATCH_AT - STACKS_AT) / LEAST_STACK_BYTES);

/** Where one of `fibers` fibers is kept while it is suspended: they share the room evenly. */
export function stackOf(fiber: number, fibers: number): { readonly from: number; readonly to: number } {
  const bytes = Math.floor((SCRATCH_AT - STACKS_AT) / fibers) & ~7;
  return { from: STACKS_AT + fiber * bytes, to: STACKS_AT + (fiber + 1) * bytes };
}

export interface HashOptions {
  readonly keySize?: number;
  readonly valueSize?: number;
  readonly maxEntries?: number;
  readonly supply?: "cache" | "pool" | "slab";
  readonly perCpu?: boolean;
  /** An entry goes where there is no room: of all, or of those that the CPU put in. */
  readonly lru?: "common" | "own";
  /** Keys and values have lengths of their own: then the sizes say nothing. */
  readonly variable?: boolean;
}

/** What a map of any kind is created with. */
export interface MapShape {
  /** A KIND_ constant of the core. */
  readonly kind: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly supply?: "cache" | "pool" | "slab";
  readonly flags?: number;
  /** Of a map of maps: a map that its inner maps are like. */
  readonly inner?: number;
  /** Where a lock lies in values. */
  readonly lock?: number;
}

/** Kinds of hashes with one value, and with one for each CPU. */
const HASH_KINDS = [CONSTANTS.KIND_HASH, CONSTANTS.KIND_PERCPU_HASH] as const;
const LRU_KINDS = [CONSTANTS.KIND_LRU_HASH, CONSTANTS.KIND_LRU_PERCPU_HASH] as const;

const SUPPLIES = ["cache", "pool", "slab"];

/** By this the keys 1 to 12 (of 4 bytes) lie in one bucket of a table of two. */
const HASH_SEED = 153;

/** The first of a kind needs no number. */
function nameAfter(kind: string, count: number): string {
  return count === 0 ? kind : `${kind} ${count + 1}`;
}

/**
 * The memory that a scenario's CPUs share, and the core of each. A scenario is given it to prepare.
 *
 * @example
 * ```ts
 * import { simulate, task } from "anyctx/sim";
 *
 * const report = await simulate({
 *   name: "two CPUs set one key",
 *   cpus: 2,
 *   prepare(world) {
 *     const map = world.createHash({ keySize: 4, valueSize: 8 });
 *     const key = world.words(7);
 *     const [value, into] = [world.words(1, 0), world.scratch(8)];
 *     return () => {
 *       function* set() {
 *         yield ["hashUpdate", map, key, value, 0] as const;
 *       }
 *       const atRest = () => {
 *         if (world.call("hashGet", map, key, into) !== 0) throw new Error("the key is lost");
 *       };
 *       return { fibers: [task(0, set), task(1, set)], atRest };
 *     };
 *   },
 * });
 * console.log(report.failure); // undefined
 * ```
 */
export class World {
  readonly options: WorldOptions;
  /** Says that a schedule came to what `Scenario.reaches` names by these words. */
  readonly saw: (what: string) => void;
  readonly table: SiteTable;
  readonly memory: SimMemory;
  readonly instances: readonly Instance[];
  /** Field offsets of CPU areas that scheduling looks at. */
  readonly areas: readonly number[];
  readonly interruptsOffAt: number;
  readonly workingAt: number;
  /** CPUs whose thread was killed in this run. */
  readonly dead: Set<number> = new Set();
  /** What was created, for names in traces. */
  readonly maps: { readonly address: number; readonly name: string }[] = [];
  readonly allocators: { readonly address: number; readonly name: string }[] = [];
  #scratch: number = SCRATCH_AT;
  /** Hashes of memories from which what a name stands for went well. */
  readonly #done = new Map<string, Set<number>>();

  constructor(core: SimCore, options: WorldOptions, step: Step, saw: (what: string) => void) {
    this.options = options;
    this.saw = saw;
    this.table = core.table;
    this.memory = new SimMemory(options.pages ?? DEFAULT_PAGES);
    this.interruptsOffAt = LAYOUT.CpuArea.interruptsOff;
    this.workingAt = LAYOUT.CpuArea.working;
    const imports = { env: { memory: this.memory.memory }, sim: { step } };
    this.instances = Array.from({ length: options.cpus }, () => {
      const { exports } = new WebAssembly.Instance(core.module, imports);
      const functions = exports as Record<string, CoreFunction>;
      return {
        functions,
        startUnwind: functions["asyncify_start_unwind"] as (stack: number) => void,
        stopUnwind: functions["asyncify_stop_unwind"] as () => void,
        startRewind: functions["asyncify_start_rewind"] as (stack: number) => void,
        stopRewind: functions["asyncify_stop_rewind"] as () => void,
      };
    });
    const refused = this.call("arenaFormat", options.cpus, 1);
    if (refused !== 0) throw new AnyctxError("ENOMEM", `A simulated arena of ${options.cpus} CPUs does not fit`);
    this.areas = this.instances.map(({ functions }, cpu) => {
      this.callOn(cpu, "switchCpu", cpu);
      this.callOn(cpu, "takeCpu", cpu, cpu + 1);
      return (functions["currentArea"] as CoreFunction)();
    });
    if (options.realTime === true) this.call("setRealTime", 1);
    if (options.profile === "linux") this.call("setProfile", CONSTANTS.PROFILE_LINUX);
  }

  /** Calls an exported function of the core on CPU 0, all in one go. */
  call(name: keyof Core, ...args: number[]): number {
    return this.callOn(0, name, ...args);
  }

  callOn(cpu: number, name: keyof Core, ...args: number[]): number {
    const callee = this.instances[cpu]?.functions[name];
    if (callee === undefined) throw new AnyctxError("EINVAL", `CPU ${cpu} has no function ${name}`);
    return callee(...args) >>> 0;
  }

  /** Does what follows at rest, unless it went well from the same memory before: from the same the same follows. */
  once(what: string, follow: () => void): void {
    const done = this.#done.get(what) ?? new Set();
    this.#done.set(what, done);
    const state = this.memory.hash();
    if (done.has(state)) return;
    follow();
    done.add(state);
  }

  /** A field of a structure by the names that the core's source has. */
  field<S extends StructureName>(address: number, structure: S, name: FieldOf<S>): number {
    return this.memory.load(address + (LAYOUT[structure][name] as number));
  }

  setField<S extends StructureName>(address: number, structure: S, name: FieldOf<S>, value: number): void {
    this.memory.store(address + (LAYOUT[structure][name] as number), value);
  }

  /** What a map keeps for a CPU. */
  mapCpu(map: number, cpu: number): number {
    return map + CONSTANTS.MAP_BYTES + cpu * CONSTANTS.MAP_CPU_BYTES;
  }

  /** Room for the arguments of calls, 8-byte aligned, for as long as the world lives. Only while setting up. */
  scratch(bytes: number): number {
    const address = this.#scratch;
    this.#scratch += (bytes + 7) & ~7;
    if (this.#scratch > SCRATCH_END) throw new AnyctxError("ENOMEM", "A scenario's arguments take more than 8 KiB");
    return address;
  }

  /** Scratch that holds words. */
  words(...values: readonly number[]): number {
    const address = this.scratch(values.length * 4);
    values.forEach((value, index) => {
      this.memory.words[(address >>> 2) + index] = value;
    });
    return address;
  }

  createAllocator(size: number, limit: number = 1 << 30): number {
    const address = this.#created("allocator", this.call("createObjectAllocator", size, 0, limit));
    this.allocators.push({ address, name: nameAfter("allocator", this.allocators.length) });
    return address;
  }

  createHash({
    keySize = 4,
    valueSize = 8,
    maxEntries = 64,
    supply = "cache",
    perCpu = false,
    variable = false,
    lru,
  }: HashOptions = {}): number {
    const kind = (lru === undefined ? HASH_KINDS : LRU_KINDS)[perCpu ? 1 : 0];
    const flags = lru === "own" ? CONSTANTS.NO_COMMON_LRU : 0;
    if (variable)
      return this.createMap({ kind: CONSTANTS.KIND_VARIABLE_HASH, keySize: 0, valueSize: 0, maxEntries, supply });
    return this.createMap({ kind, keySize, valueSize, maxEntries, supply, flags });
  }

  /** A map of any kind. */
  createMap({ kind, keySize, valueSize, maxEntries, supply = "cache", flags = 0, inner = 0, lock }: MapShape): number {
    const from = SUPPLIES.indexOf(supply);
    const map = this.call("createMap", kind, keySize, valueSize, maxEntries, flags, from, HASH_SEED, inner);
    this.#created("map", map);
    if (lock !== undefined && this.call("setValueLock", map, lock) !== 0)
      throw new AnyctxError("EINVAL", "The scenario's map cannot have a lock in its values");
    // The name: each map's is another one.
    this.memory.store(map + CONSTANTS.HEADER_SIZE, this.maps.length);
    const refused = this.call("publishMap", map) | 0;
    if (refused !== 0) throw new AnyctxError("EINVAL", `The scenario's map cannot be published: errno ${refused}`);
    // Nobody here holds a map open: it is freed as soon as no reader is left.
    for (const cpu of this.areas.keys()) this.call("closeMap", map, cpu);
    this.maps.push({ address: map, name: nameAfter("map", this.maps.length) });
    return map;
  }

  #created(what: string, address: number): number {
    if (address < 65536) throw new AnyctxError("EINVAL", `The scenario's ${what} cannot be created: errno ${address}`);
    return address;
  }
}

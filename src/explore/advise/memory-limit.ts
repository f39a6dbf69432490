/**
 * A memory cgroup's limit. A refill asks for memory without waiting (GFP_NOWAIT): at the limit nothing is reclaimed for it, it gets
 * nothing, and updates fail as soon as the caches are empty. Each object costs a pointer more than the slab takes. Not all of the
 * limit is there for maps: every other CPU keeps what it has charged ahead, which only somebody who may wait takes from it, and the
 * process itself has tables, stacks and heap.
 */
import type { Arena } from "../../arena/arena.ts";
import type { ObjectSpec } from "../../bpf/object/spec.ts";
import { AnyctxError } from "../../error.ts";
import { mapKindByBpfType } from "../../maps/kinds.ts";
import { dynamicBytes, linuxUnits, NOTHING_OWNED } from "../../replay/linux-memory.ts";
import { LAYOUT } from "../../wasm/face.ts";
import type { Watched } from "./watched.ts";

/** `obj_cgroup` of each object. */
const CHARGE_HEADER = 8;
/** MEMCG_CHARGE_BATCH: 64 pages. */
const CHARGED_AHEAD = 64 * 4096;
/** A small process that does nothing but insert: fitted to the failures that were recorded at 2 MiB, measured nowhere. */
const PROCESS = 288 * 1024;

/** What a limit leaves for maps. */
export function leftForMaps(limit: number, cpus: number): number {
  return limit - PROCESS - (cpus - 1) * CHARGED_AHEAD;
}

/** Allocators by the names of maps. */
export type ChargedAllocators = ReadonlyMap<string, { readonly address: number }>;

/** Allocators whose capacity is the limit's: one for each map of an object that may be dynamic. Made before the maps. */
export function chargedAllocators(arena: Arena, object: ObjectSpec): ChargedAllocators {
  const charged = object.maps.filter(({ bpfType }) => mapKindByBpfType(bpfType)?.mayBeDynamic === true);
  return new Map(
    charged.map(({ name }) => [name, arena.createAllocator({ any: true, name: `of ${name}`.slice(0, 15) })]),
  );
}

interface Charged {
  readonly hash: Watched;
  /** Where the account's limit is. */
  readonly limitAt: number;
  /** Bytes that the arena counts for an entry, and that Linux charges for it. */
  readonly counted: number;
  readonly charged: number;
}

export class MemoryLimit {
  readonly #arena: Arena;
  readonly #left: number;
  readonly #hashes: readonly Charged[];
  /** The arena's memory, which is another buffer when it has grown. */
  #words: Uint32Array;

  /**
   * @param allocatorOf what a hash is charged to
   * @throws {AnyctxError} EINVAL: the limit is too small for the empty maps
   */
  constructor(
    arena: Arena,
    hashes: readonly Watched[],
    allocatorOf: (hash: Watched) => { readonly address: number } | undefined,
    limit: number,
  ) {
    this.#arena = arena;
    this.#words = new Uint32Array(arena.memory.buffer);
    const empty = hashes.reduce((sum, { loaded }) => sum + emptyBytes(loaded.map.info, arena.cpus), 0);
    this.#left = leftForMaps(limit, arena.cpus) - empty;
    if (this.#left < 0)
      throw new AnyctxError(
        "EINVAL",
        `a memory cgroup of ${limit} bytes leaves no room for the object's hashes: with nothing in them they take ${empty}`,
      );
    this.#hashes = hashes.map((hash) => chargedOf(arena, hash, allocatorOf(hash)?.address ?? 0));
    this.apply();
  }

  /** Lets each hash have what is left now. After every event, as what one takes the others lack. */
  apply(): void {
    const owned = this.#hashes.map(({ hash }) => hash.state().ownedElements);
    const taken = this.#hashes.reduce((sum, { charged }, index) => sum + (owned[index] ?? 0) * charged, 0);
    const left = Math.max(0, this.#left - taken);
    const { buffer } = this.#arena.memory;
    if (this.#words.buffer !== buffer) this.#words = new Uint32Array(buffer);
    for (const [index, { limitAt, counted, charged }] of this.#hashes.entries())
      this.#words[limitAt >> 2] = Math.min(2 ** 31, ((owned[index] ?? 0) + Math.floor(left / charged)) * counted);
  }
}

function emptyBytes(info: Watched["loaded"]["map"]["info"], cpus: number): number {
  return dynamicBytes(info, cpus, NOTHING_OWNED).total;
}

function chargedOf(arena: Arena, hash: Watched, account: number): Charged {
  const { info } = hash.loaded.map;
  const { slabElement, slabValue } = linuxUnits(info, arena.cpus);
  const unit = (set: "elements" | "values"): number =>
    arena.word(arena.word(info.address + LAYOUT.MapHeader[set]) + LAYOUT.CacheSet.unit);
  return {
    hash,
    limitAt: account + LAYOUT.ObjectAllocator.limit,
    counted: unit("elements") + (info.kind.perCpu ? unit("values") * arena.cpus : 0),
    charged: slabElement + CHARGE_HEADER + (info.kind.perCpu ? slabValue + CHARGE_HEADER : 0),
  };
}

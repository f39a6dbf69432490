/**
 * A thread is killed at any step of what the control plane does: creating, publishing and destroying maps and allocators,
 * and memory of its own. After its CPU is reaped nothing of what it had not finished is left.
 */

import { type Body, task } from "../../../src/sim/fiber.ts";
import { Finding } from "../../../src/sim/finding.ts";
import type { Place } from "../../../src/sim/reach.ts";
import type { Scenario } from "../../../src/sim/scenario.ts";
import type { World } from "../../../src/sim/world.ts";
import { CONSTANTS } from "../../../src/wasm/face.ts";
import { DIES, withDeath } from "./death.ts";

interface Plan {
  readonly name: string;
  readonly doc: string;
  readonly reaches: readonly Place[];
  readonly dies: (world: World) => () => Body;
  readonly other?: (world: World) => () => Body;
  readonly pages?: number;
  readonly profile?: "linux";
}

/** A map goes once no reader is left. */
function* mapEnd(map: number): Body {
  yield ["destroyMap", map];
  for (let count = 0; count < 4; count++) if ((yield ["reapMaps"]) === 0) return;
}

/** A map from its creation to its end. */
function* mapLife(kind: number, supply: number, key: number, cpu = 0): Body {
  const map = (yield ["createMap", kind, 4, 8, 4, 0, supply, 1]) >>> 0;
  if (map < 65536) throw new Finding("errno", `a map was refused: errno ${map}`);
  if ((yield ["publishMap", map]) !== 0) return;
  yield ["closeMap", map, cpu];
  if (kind !== 2) yield ["hashUpdate", map, key, key, 0];
  yield* mapEnd(map);
}

/** An arena map with two runs of pages, from its creation to its end. */
function* arenaLife(): Body {
  const { ARENA_NOWHERE, KIND_ARENA, MMAPABLE, PAGE_BYTES, ARENA_PAGE_BYTES } = CONSTANTS;
  const most = (2 * PAGE_BYTES) / ARENA_PAGE_BYTES;
  const map = (yield ["createMap", KIND_ARENA, 0, 0, most, MMAPABLE, 0, 1]) >>> 0;
  if (map < 65536) throw new Finding("errno", `an arena map was refused: errno ${map}`);
  if ((yield ["publishMap", map]) !== 0) return;
  yield ["closeMap", map, 0];
  yield ["arenaAllocatePages", map, ARENA_NOWHERE, most];
  yield* mapEnd(map);
}

function* allocatorLife(size: number): Body {
  const allocator = (yield ["createObjectAllocator", size, 0, 1 << 30]) >>> 0;
  if (allocator < 65536) throw new Finding("errno", `an allocator was refused: errno ${allocator}`);
  const object = (yield ["objectAllocate", allocator, 100, 0]) >>> 0;
  yield ["objectFree", object];
  yield ["destroyObjectAllocator", allocator];
}

function* bytesLife(): Body {
  const small = (yield ["allocateBytes", 40]) >>> 0;
  const large = (yield ["allocateBytes", 20_000]) >>> 0;
  yield ["freeBytes", small];
  yield ["freeBytes", large];
  yield ["allocateBytes", 3000];
}

const PLANS: readonly Plan[] = [
  {
    name: "killed-in-map-life",
    doc: "Killed while a dynamic hash is created, published, used, destroyed and freed.",
    reaches: [DIES.building, DIES.lock, DIES.run, { in: "settleMap" }],
    dies(world) {
      const key = world.words(1, 1);
      return () => mapLife(CONSTANTS.KIND_HASH, 0, key);
    },
  },
  {
    name: "killed-in-pool-life",
    doc: "The same of a preallocated hash.",
    reaches: [DIES.building, DIES.lock, { in: "settleMap" }],
    dies(world) {
      const key = world.words(1, 1);
      return () => mapLife(CONSTANTS.KIND_HASH, 1, key);
    },
  },
  {
    name: "killed-in-percpu-life",
    doc: "The same of a per-CPU hash, which has two allocators.",
    reaches: [DIES.building, DIES.lock, { in: "settleMap" }],
    pages: 24,
    dies(world) {
      const key = world.words(1, 1);
      return () => mapLife(CONSTANTS.KIND_PERCPU_HASH, 0, key);
    },
  },
  {
    name: "killed-in-percpu-end",
    doc: "Killed while a per-CPU hash with an entry goes whose elements do not keep their values: both go one by one.",
    profile: "linux",
    reaches: [DIES.run, { in: "emptySlot" }, { in: "settleMap" }],
    pages: 24,
    dies(world) {
      const map = world.createHash({ perCpu: true, maxEntries: 4 });
      const key = world.words(1, 1);
      world.call("hashUpdate", map, key, key, 0);
      return () => mapEnd(map);
    },
  },
  {
    name: "killed-in-array-life",
    doc: "The same of an array, while another thread creates one of the same name.",
    reaches: [DIES.building, DIES.lock, { in: "settleMap" }],
    dies: () => () => mapLife(2, 0, 0),
    other: () => () => mapLife(2, 0, 0, 1),
  },
  {
    name: "killed-in-arena-life",
    doc: "The same of an arena map, with pages in it.",
    reaches: [DIES.building, DIES.run, { in: "emptyArenaMap" }],
    dies: () => arenaLife,
  },
  {
    name: "killed-in-allocator-life",
    doc: "Killed while an allocator is created and destroyed.",
    reaches: [DIES.building, DIES.lock, { in: "settleAllocator" }],
    dies: () => () => allocatorLife(100),
    other: () => () => allocatorLife(100),
  },
  {
    name: "killed-in-bytes",
    doc: "Killed with memory of the control plane: what belongs to the thread goes with it.",
    reaches: [DIES.run, DIES.lock, { in: "freeManaged" }],
    dies: () => bytesLife,
    other: () => bytesLife,
  },
];

/** What is left after a death, a living thread finishes: maps that were published, allocators that were finished. */
function destroyLeft(world: World): void {
  const block = CONSTANTS.SUPERBLOCK;
  for (const cpu of world.areas.keys()) world.callOn(cpu, "releaseCpu", cpu);
  for (const cpu of world.areas.keys()) world.callOn(cpu, "takeCpu", cpu, cpu + 1);
  for (let map = world.field(block, "Superblock", "maps"); map !== 0; map = world.field(block, "Superblock", "maps"))
    world.call("destroyMap", map);
  for (let count = 0; count < 8; count++) world.call("reapMaps");
  const page = 1 << CONSTANTS.PAGE_SHIFT;
  for (let set = world.field(block, "Superblock", "cacheSets"); set !== 0; ) {
    const allocator = set - (set % page);
    if (world.call("isObjectAllocator", allocator) === 0)
      throw new Finding("leak", "an allocator of nothing is on the list of all");
    const live = world.call("destroyObjectAllocator", allocator);
    if (live > 1) throw new Finding("leak", `${live} objects are in use that nobody has`);
    if (live === 1) freeLast(world, set, allocator);
    set = world.field(block, "Superblock", "cacheSets");
  }
}

/** The object that the dead thread had from the allocator: in use by right, at an address that only it knew. */
function freeLast(world: World, set: number, allocator: number): void {
  const size = world.field(set, "CacheSet", "unit");
  const pages = world.memory.bytes.length;
  const header = CONSTANTS.HEADER_BYTES;
  for (let object = 65536; object + size <= pages; object += 8)
    if (world.memory.load(object + 4) === set && isInUse(world, set, object)) {
      world.call("objectFree", object + header);
      if (world.call("destroyObjectAllocator", allocator) === 0) return;
    }
  throw new Finding("leak", "an allocator has an object in use that is nowhere");
}

function isInUse(world: World, set: number, object: number): boolean {
  const page = object >>> CONSTANTS.PAGE_SHIFT;
  const descriptors = world.field(CONSTANTS.SUPERBLOCK, "Superblock", "descriptors");
  const descriptor = descriptors + page * CONSTANTS.DESCRIPTOR_BYTES;
  if (world.memory.bytes[descriptor] !== CONSTANTS.PAGE_SLAB) return false;
  if (world.memory.bytes[descriptor + 1] !== world.field(set, "CacheSet", "slabClass")) return false;
  for (let free = world.field(descriptor, "PageDescriptor", "free"); free !== 0; free = world.memory.load(free))
    if (free === object) return false;
  return true;
}

function scenarioOf({ name, doc, reaches, dies, other, pages, profile }: Plan): Scenario {
  return {
    name,
    doc,
    reaches,
    cpus: other === undefined ? 2 : 3,
    bound: other === undefined ? 0 : 1,
    ...(pages === undefined ? {} : { pages }),
    ...(profile === undefined ? {} : { profile }),
    prepare(world) {
      const before = world.call("pagesInUse");
      const first = dies(world);
      const second = other?.(world);
      return () =>
        withDeath(world, {
          fibers: [task(0, first), ...(second === undefined ? [] : [task(1, second)])],
          check: () => {},
          giveBack: () => destroyLeft(world),
          pages: before,
        });
    },
  };
}

export const KILLED_IN_CONTROL: readonly Scenario[] = PLANS.map(scenarioOf);

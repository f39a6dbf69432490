/** Where a hash's elements and values are, by where they come from: each in one place. At rest. */
import { CONSTANTS } from "../../wasm/face.ts";
import { setBytes } from "../../wasm/sets.ts";
import { Finding } from "../finding.ts";
import { hex } from "../objects.ts";
import type { FieldOf, World } from "../world.ts";
import { cachesOf, checkLists } from "./lists.ts";
import { checkLru } from "./lru.ts";

/** Where an element's header has the operation that put it where it is. */
const OPERATION_AT = 4;

/** A preallocated map: every element it was cut into is in the map, in a CPU's cache, its list or its spare, and once. */
function checkPool(world: World, map: number, inUse: ReadonlySet<number>): void {
  const places = new Map<number, string>();
  const put = (element: number, place: string): void => {
    const other = places.get(element);
    if (other !== undefined) throw new Finding("two lists", `${hex(element)} is ${other} and ${place}`);
    places.set(element, place);
  };
  for (const element of inUse) {
    put(element, "in use");
    // Who reaps would take it for one that lies on a list.
    if ((world.memory.load(element + OPERATION_AT) & CONSTANTS.FREED) !== 0)
      throw new Finding("header", `${hex(element)} is in use and says that it is free`);
  }
  world.areas.forEach((_, cpu) => {
    const own = map + CONSTANTS.MAP_BYTES + cpu * CONSTANTS.MAP_CPU_BYTES;
    const spare = world.field(own, "MapCpu", "spare");
    if (spare !== 0) put(spare, `the spare of CPU ${cpu}`);
    for (let each = world.field(own, "MapCpu", "pool"); each !== 0; each = world.memory.load(each))
      put(each, `in the pool of CPU ${cpu}`);
  });
  const caches = cachesOf(world, world.field(map, "MapHeader", "elements"));
  for (const [cpu, cache] of caches.entries())
    for (let each = world.field(cache, "Cache", "free"); each !== 0; each = world.memory.load(each))
      put(each, `in the cache of CPU ${cpu}`);
  const most = world.field(map, "MapHeader", "maxEntries");
  const cpus = world.areas.length;
  const perCpu = Math.min(Math.max(Math.floor(most / (cpus * 4)), 2), CONSTANTS.MOST_POOLED);
  const whole = most + cpus * (perCpu + 1);
  if (places.size !== whole) throw new Finding("pool", `${places.size} elements are somewhere, ${whole} were made`);
}

/**
 * A map that takes each element from the slab: what its caches own is in use, or was gathered when a CPU was reaped. A thread
 * that dies between counting an element off and queueing it leaves the count, which nothing goes by, one off.
 */
function checkOwned(world: World, map: number, inUse: ReadonlySet<number>): void {
  const caches = cachesOf(world, world.field(map, "MapHeader", "elements"));
  const sum = (field: FieldOf<"Cache">): number =>
    caches.reduce((all, cache) => all + (world.field(cache, "Cache", field) | 0), 0);
  const kept = inUse.size + sum("byGpCount") + sum("waitingCount");
  const owned = sum("owned");
  if (Math.abs(owned - kept) > world.dead.size)
    throw new Finding("list equation", `${kept} elements are in use or waiting, the caches own ${owned}`);
}

/** A set for each class, and each element of the one that a cache of its header's is of. */
function checkSets(world: World, map: number, inUse: ReadonlySet<number>): void {
  const setOf = (element: number): number => world.field(world.memory.load(element), "Cache", "set");
  const bytes = setBytes(world.areas.length);
  for (let index = 0; index < CONSTANTS.VARIABLE_SETS; index++) {
    const set = world.field(map, "MapHeader", "elements") + index * bytes;
    checkLists(world, { set, inUse: new Set([...inUse].filter((element) => setOf(element) === set)) });
  }
}

/** An LRU map's elements and values: those with a slot are in use, as far as the allocator knows. */
function checkEvicting(world: World, map: number, inUse: ReadonlySet<number>): void {
  const field = (name: FieldOf<"MapHeader">): number => world.field(map, "MapHeader", name);
  const held = checkLru(world, map, inUse);
  if (field("supply") === CONSTANTS.SUPPLY_POOL) return;
  const elements = checkLists(world, { set: field("elements"), inUse: held }).keys();
  if (field("values") === 0) return;
  const payloads = [...elements].map((element) => world.memory.load(element + field("valueOffset")));
  const values = payloads.flatMap((payload) => (payload === 0 ? [] : [payload - CONSTANTS.HEADER_BYTES]));
  if (new Set(values).size !== values.length) throw new Finding("value twice", "two elements have the same value");
  checkLists(world, { set: field("values"), inUse: new Set(values) });
}

/** @param inUse elements that are in buckets */
export function checkElements(world: World, map: number, inUse: ReadonlySet<number>): void {
  const field = (name: FieldOf<"MapHeader">): number => world.field(map, "MapHeader", name);
  const supply = field("supply");
  if (field("ring") !== 0) checkEvicting(world, map, inUse);
  else if (supply === CONSTANTS.SUPPLY_POOL) checkPool(world, map, inUse);
  else if (supply === CONSTANTS.SUPPLY_SLAB) checkOwned(world, map, inUse);
  else if (field("kind") === CONSTANTS.KIND_VARIABLE_HASH) checkSets(world, map, inUse);
  else checkLists(world, { set: field("elements"), inUse });
  if (field("kind") !== CONSTANTS.KIND_PERCPU_HASH || supply !== 0) return;
  const header = CONSTANTS.HEADER_BYTES;
  // In profile anyctx elements keep their values, wherever they are.
  const isKept = field("keepsValues") !== 0;
  const elements = isKept ? checkLists(world, { set: field("elements"), inUse }).keys() : inUse;
  const values = [...elements].flatMap((element) => {
    const payload = world.memory.load(element + field("valueOffset"));
    return payload === 0 && isKept ? [] : [payload - header];
  });
  if (new Set(values).size !== values.length) throw new Finding("value twice", "two elements have the same value");
  checkLists(world, { set: field("values"), inUse: new Set(values) });
}

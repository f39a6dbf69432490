/** Where a hash's elements and values are, by where they come from: each in one place. At rest. */
import { CONSTANTS } from "../../wasm/face.ts";
import { Finding } from "../finding.ts";
import { hex } from "../objects.ts";
import type { FieldOf, World } from "../world.ts";
import { cachesOf, checkLists } from "./lists.ts";

/** A preallocated map: every element it was cut into is in the map, in a CPU's list or its spare, and once. */
function checkPool(world: World, map: number, inUse: ReadonlySet<number>): void {
  const places = new Map<number, string>();
  const put = (element: number, place: string): void => {
    const other = places.get(element);
    if (other !== undefined) throw new Finding("two lists", `${hex(element)} is ${other} and ${place}`);
    places.set(element, place);
  };
  for (const element of inUse) put(element, "in use");
  cachesOf(world, world.field(map, "MapHeader", "elements")).forEach((cache, cpu) => {
    const spare = world.field(cache, "Cache", "spare");
    if (spare !== 0) put(spare, `the spare of CPU ${cpu}`);
    for (let each = world.field(cache, "Cache", "pool"); each !== 0; each = world.memory.load(each))
      put(each, `in the pool of CPU ${cpu}`);
  });
  const whole = world.field(map, "MapHeader", "maxEntries") + world.areas.length;
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

/** @param inUse elements that are in buckets */
export function checkElements(world: World, map: number, inUse: ReadonlySet<number>): void {
  const field = (name: FieldOf<"MapHeader">): number => world.field(map, "MapHeader", name);
  const supply = field("supply");
  if (supply === CONSTANTS.SUPPLY_POOL) checkPool(world, map, inUse);
  else if (supply === CONSTANTS.SUPPLY_SLAB) checkOwned(world, map, inUse);
  else checkLists(world, { caches: field("elements"), inUse });
  if (field("kind") !== CONSTANTS.KIND_PERCPU_HASH || supply !== 0) return;
  const header = CONSTANTS.HEADER_BYTES;
  const values = [...inUse].map((element) => world.memory.load(element + field("valueOffset")) - header);
  checkLists(world, { caches: field("values"), inUse: new Set(values) });
}

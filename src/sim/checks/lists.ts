/**
 * The list equation at rest: each object of an allocator is on one list and once, every list is as long as its count
 * says, and lists and objects in use add up to what the caches own.
 */
import { CONSTANTS, LAYOUT } from "../../wasm/face.ts";
import { OBJECT_LISTS } from "../../wasm/lists.ts";
import { cacheAddress } from "../../wasm/sets.ts";
import { Finding } from "../finding.ts";
import { hex, type Objects } from "../objects.ts";
import type { World } from "../world.ts";

/** Goes through a list that is linked through first words. */
function* walk(world: World, head: number, what: string): Generator<number> {
  const end = world.memory.bytes.length;
  let count = 0;
  for (let object = head; object !== 0; object = world.memory.load(object)) {
    if (object < 65536 || object >= end || object % 8 !== 0)
      throw new Finding("list", `${what} leads to ${hex(object)}, which is no object`);
    if (++count > 100_000) throw new Finding("list", `${what} goes in circles`);
    yield object;
  }
}

/** Caches of a set, by CPU. */
export function cachesOf(world: World, set: number): number[] {
  return world.areas.map((_, cpu) => cacheAddress(set, cpu));
}

/** Whether an object is ready to be handed out on some CPU. */
export function isReady(world: World, set: number, object: number): boolean {
  return cachesOf(world, set).some((cache) =>
    [...walk(world, world.field(cache, "Cache", "free"), "free")].includes(object),
  );
}

export interface Held {
  /** The set of an allocator: an address. */
  readonly set: number;
  /** Headers of the objects in use. */
  readonly inUse: ReadonlySet<number>;
  /** Headers of objects that are in use if they are on no list. */
  readonly maybeInUse?: ReadonlySet<number>;
}

/** Whether an object lies in a page of a class of the slab, or begins a run. */
export function isOfClass(world: World, object: number, slabClass: number): boolean {
  const descriptors = world.field(CONSTANTS.SUPERBLOCK, "Superblock", "descriptors");
  const page = descriptors + Math.floor(object / CONSTANTS.PAGE_BYTES) * CONSTANTS.DESCRIPTOR_BYTES;
  const { state, slabClass: at } = LAYOUT.PageDescriptor;
  const { bytes } = world.memory;
  if (slabClass === CONSTANTS.CLASS_RUN) return bytes[page + state] === CONSTANTS.PAGE_RUN;
  return bytes[page + state] === CONSTANTS.PAGE_SLAB && bytes[page + at] === slabClass;
}

/** Checks the lists of one allocator. Where each object was found is the result. */
export function checkLists(world: World, { set, inUse, maybeInUse }: Held): ReadonlyMap<number, string> {
  const places = new Map<number, string>();
  const slabClass = world.field(set, "CacheSet", "slabClass");
  const put = (object: number, place: string): void => {
    const other = places.get(object);
    if (other !== undefined) throw new Finding("two lists", `${hex(object)} is ${other} and ${place}`);
    if (!isOfClass(world, object, slabClass))
      throw new Finding("class", `${hex(object)}, ${place}, is of another size`);
    places.set(object, place);
  };
  for (const object of inUse) put(object, "in use");
  let owned = 0;
  cachesOf(world, set).forEach((cache, cpu) => {
    owned += world.field(cache, "Cache", "owned") | 0;
    for (const list of OBJECT_LISTS) {
      if (list.of === "set" && cpu !== 0) continue;
      const place = `on ${list.name} of CPU ${cpu}`;
      const [head, count] =
        list.of === "set"
          ? [world.field(set, "CacheSet", list.head), world.field(set, "CacheSet", list.count)]
          : [world.field(cache, "Cache", list.head), list.count && world.field(cache, "Cache", list.count)];
      let length = 0;
      for (const object of walk(world, head, place)) {
        put(object, place);
        length++;
      }
      if (count !== undefined && count !== length)
        throw new Finding("count", `${list.name} of CPU ${cpu} has ${length} objects, ${count | 0} by its count`);
    }
  });
  for (const object of maybeInUse ?? []) if (!places.has(object)) places.set(object, "in use");
  if (places.size !== owned)
    throw new Finding("list equation", `${places.size} objects are on lists or in use, the caches own ${owned}`);
  return places;
}

/** The same for objects that bodies hold, and that nobody wrote to what is free. */
export function checkObjects(world: World, objects: Objects): void {
  const header = CONSTANTS.HEADER_BYTES;
  const headers = (addresses: ReadonlySet<number>): Set<number> =>
    new Set([...addresses].map((address) => address - header));
  const held = { set: objects.set, inUse: headers(objects.held), maybeInUse: headers(objects.freeing) };
  for (const [object, place] of checkLists(world, held)) if (place !== "in use") objects.checkFree(object + header);
}

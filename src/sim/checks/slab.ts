/** What the slab holds, seen from outside. */
import { constantOf } from "../core.ts";
import type { World } from "../world.ts";

/**
 * Whether an object is on its slab's free list, or its page is no slab any more. Somebody may be changing the list just
 * now: then the answer is no.
 */
export function returnedToSlab(world: World, object: number): boolean {
  const { table, memory } = world;
  const at = (name: string): number => constantOf(table, name);
  const descriptors = world.field(at("SUPERBLOCK"), "Superblock", "descriptors");
  const page = descriptors + (object >>> at("PAGE_SHIFT")) * at("DESCRIPTOR_BYTES");
  if (memory.bytes[page] !== at("PAGE_SLAB")) return true;
  const slab = at("SLAB_CLASSES") + (memory.bytes[page + 1] as number) * at("SLAB_CLASS_BYTES");
  if (world.field(slab, "SlabClass", "lockWord") !== 0) return false;
  let free = world.field(page, "PageDescriptor", "free");
  for (let count = 0; free !== 0 && count < 2000; count++) {
    if (free === object) return true;
    free = memory.load(free);
  }
  return false;
}

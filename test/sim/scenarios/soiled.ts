/** Memory as it is in an arena that has been used for a while: what was freed last says something else than zero. */
import type { World } from "../../../src/sim/world.ts";
import { CONSTANTS } from "../../../src/wasm/face.ts";

/** No multiple of 8, and beyond every simulated memory. */
const SOIL = 0x5a5a5a5b;

/** Fills every free object of the slabs, but for the link to the next one. */
export function soilSlabs(world: World): void {
  const descriptors = world.field(CONSTANTS.SUPERBLOCK, "Superblock", "descriptors");
  for (let index = 0; index < 2 * CONSTANTS.CLASS_COUNT; index++) {
    const each = CONSTANTS.SLAB_CLASSES + index * CONSTANTS.SLAB_CLASS_BYTES;
    const size = world.field(each, "SlabClass", "size");
    for (let page = world.field(each, "SlabClass", "partial"); page !== 0; ) {
      const descriptor = descriptors + page * CONSTANTS.DESCRIPTOR_BYTES;
      let object = world.field(descriptor, "PageDescriptor", "free");
      for (; object !== 0; object = world.memory.load(object))
        for (let at = object + 4; at < object + size; at += 4) world.memory.store(at, SOIL);
      page = world.field(descriptor, "PageDescriptor", "next");
    }
  }
}

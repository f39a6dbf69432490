/** The runs of pages of an arena (core/mem/pages.ts), for whoever has it to himself. */
import { CONSTANTS, LAYOUT } from "./face.ts";

/**
 * Where the pages end that are in use: what lies behind is free, and whoever takes it expects nothing of it.
 * @param word reads a u32 of shared memory
 * @returns bytes from the memory's beginning on
 */
export function endOfUse(word: (address: number) => number): number {
  const field = (name: "firstPage" | "pages" | "descriptors"): number =>
    word(CONSTANTS.SUPERBLOCK + LAYOUT.Superblock[name]);
  const descriptors = field("descriptors");
  const pages = field("pages");
  let end = field("firstPage");
  for (let page = end; page < pages; ) {
    const descriptor = descriptors + page * CONSTANTS.DESCRIPTOR_BYTES;
    page += word(descriptor + LAYOUT.PageDescriptor.length);
    // The state is the lowest byte of its word.
    if ((word(descriptor + LAYOUT.PageDescriptor.state) & 0xff) !== CONSTANTS.PAGE_FREE) end = page;
  }
  return end * CONSTANTS.PAGE_BYTES;
}

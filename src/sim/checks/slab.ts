/** What the slab holds, seen from outside. */
import { CONSTANTS } from "../../wasm/face.ts";
import { Finding } from "../finding.ts";
import type { FieldOf, World } from "../world.ts";

/**
 * Whether an object is on its slab's free list, or its page is no slab any more. Somebody may be changing the list just
 * now: then the answer is no.
 */
export function returnedToSlab(world: World, object: number): boolean {
  const { memory } = world;
  const descriptors = world.field(CONSTANTS.SUPERBLOCK, "Superblock", "descriptors");
  const page = descriptors + (object >>> CONSTANTS.PAGE_SHIFT) * CONSTANTS.DESCRIPTOR_BYTES;
  if (memory.bytes[page] !== CONSTANTS.PAGE_SLAB) return true;
  const slab = CONSTANTS.SLAB_CLASSES + (memory.bytes[page + 1] as number) * CONSTANTS.SLAB_CLASS_BYTES;
  if (world.field(slab, "SlabClass", "lockWord") !== 0) return false;
  let free = world.field(page, "PageDescriptor", "free");
  for (let count = 0; free !== 0 && count < 2000; count++) {
    if (free === object) return true;
    free = memory.load(free);
  }
  return false;
}

/** One free or used run of pages after the other. */
interface PageRun {
  readonly page: number;
  readonly length: number;
  readonly state: number;
  readonly descriptor: number;
}

function pageRuns(world: World): PageRun[] {
  const { memory } = world;
  const block = CONSTANTS.SUPERBLOCK;
  const descriptors = world.field(block, "Superblock", "descriptors");
  const end = world.field(block, "Superblock", "pages");
  const runs: PageRun[] = [];
  for (let page = world.field(block, "Superblock", "firstPage"); page < end; ) {
    const descriptor = descriptors + page * CONSTANTS.DESCRIPTOR_BYTES;
    const length = world.field(descriptor, "PageDescriptor", "length");
    if (length === 0 || page + length > end) throw new Finding("pages", `the run of page ${page} has length ${length}`);
    runs.push({ page, length, state: memory.bytes[descriptor] as number, descriptor });
    page += length;
  }
  return runs;
}

/** A list of pages, each behind the one that its `previous` names. */
function linkedPages(world: World, first: number, what: string): Set<number> {
  const descriptors = world.field(CONSTANTS.SUPERBLOCK, "Superblock", "descriptors");
  const pages = new Set<number>();
  let previous = 0;
  for (let page = first; page !== 0; ) {
    const descriptor = descriptors + page * CONSTANTS.DESCRIPTOR_BYTES;
    if (pages.has(page)) throw new Finding("pages", `${what} has page ${page} twice`);
    if (previous !== 0 && world.field(descriptor, "PageDescriptor", "previous") !== previous)
      throw new Finding("pages", `page ${page} in ${what} does not know that ${previous} is before it`);
    pages.add(page);
    previous = page;
    page = world.field(descriptor, "PageDescriptor", "next");
  }
  return pages;
}

function expectSame(what: string, is: number, shouldBe: number): void {
  if (is !== shouldBe) throw new Finding("slab", `${what} is ${is}, counted anew it is ${shouldBe}`);
}

/** Free runs are joined, each in its bin; the rest adds up to the pages in use. */
function checkPages(world: World, runs: readonly PageRun[]): void {
  const { memory } = world;
  const block = CONSTANTS.SUPERBLOCK;
  const isFree = ({ state }: PageRun): boolean => state === CONSTANTS.PAGE_FREE;
  runs.forEach((run, index) => {
    const next = runs[index + 1];
    if (isFree(run) && next !== undefined && isFree(next))
      throw new Finding("pages", `the free runs of pages ${run.page} and ${next.page} are not joined`);
  });
  const used = runs.filter((run) => !isFree(run)).reduce((sum, { length }) => sum + length, 0);
  expectSame("usedPages", world.field(block, "Superblock", "usedPages"), used);
  expectSame("returnedRuns", world.field(block, "Superblock", "returnedRuns"), 0);
  for (let bin = 0; bin < CONSTANTS.RUN_BINS; bin++) {
    const linked = linkedPages(world, memory.load(CONSTANTS.BINS + 4 * bin), `bin ${bin}`);
    const due = runs.filter((run) => isFree(run) && Math.floor(Math.log2(run.length)) === bin);
    expectSame(`the length of bin ${bin}`, linked.size, due.length);
    for (const { page } of due) if (!linked.has(page)) throw new Finding("pages", `page ${page} is not in bin ${bin}`);
  }
}

/** A slab's chain of free objects: as long as its count, all of them its own. */
function checkSlab(world: World, { page, descriptor }: PageRun, size: number): number {
  const start = page << CONSTANTS.PAGE_SHIFT;
  const total = world.field(descriptor, "PageDescriptor", "total");
  const free = new Set<number>();
  for (let object = world.field(descriptor, "PageDescriptor", "free"); object !== 0; ) {
    if ((object - start) % size !== 0 || object < start || object >= start + total * size)
      throw new Finding("slab", `page ${page} has ${object} on its list, which is none of its objects`);
    if (free.has(object)) throw new Finding("slab", `the free list of page ${page} goes in circles`);
    free.add(object);
    object = world.memory.load(object);
  }
  expectSame(`freeCount of page ${page}`, world.field(descriptor, "PageDescriptor", "freeCount"), free.size);
  return free.size;
}

/** Pages, bins, slabs and their classes: everything is what it would be if it were made anew. At rest. */
export function checkMemory(world: World): void {
  const { memory } = world;
  const runs = pageRuns(world);
  checkPages(world, runs);
  for (let index = 0; index < 2 * CONSTANTS.CLASS_COUNT; index++) {
    const each = CONSTANTS.SLAB_CLASSES + index * CONSTANTS.SLAB_CLASS_BYTES;
    const field = (name: FieldOf<"SlabClass">): number => world.field(each, "SlabClass", name);
    const slabs = runs.filter(
      ({ state, descriptor }) => state === CONSTANTS.PAGE_SLAB && memory.bytes[descriptor + 1] === index,
    );
    const partial = linkedPages(world, field("partial"), `class ${index}`);
    let inUse = 0;
    let empty = 0;
    for (const slab of slabs) {
      const free = checkSlab(world, slab, field("size"));
      const total = world.field(slab.descriptor, "PageDescriptor", "total");
      inUse += total - free;
      if (free === total) empty++;
      if (free > 0 !== partial.delete(slab.page))
        throw new Finding("slab", `page ${slab.page} has ${free} free objects, its class's list is wrong about it`);
    }
    expectSame(`the list of class ${index} beyond its slabs`, partial.size, 0);
    expectSame(`slabs of class ${index}`, field("slabs"), slabs.length);
    expectSame(`emptySlabs of class ${index}`, field("emptySlabs"), empty);
    expectSame(`objectsInUse of class ${index}`, field("objectsInUse"), inUse);
    expectSame(`returned of class ${index}`, field("returned"), 0);
  }
}

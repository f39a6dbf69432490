/** Runs of pages against a plain list of what is in use: after each step the descriptors and bins say exactly what it says. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { CONSTANTS, LAYOUT } from "../../src/wasm/face.ts";
import { compileInside, type Inside } from "../testing.ts";

interface Functions {
  arenaFormat(cpus: number, seed: number): number;
  switchCpu(id: number): void;
  allocatePages(length: number): number;
  freePages(address: number): void;
  isReturned(run: number): number;
  usedPages(): number;
}

const make = compileInside<Functions>(`
  export { arenaFormat } from "./arena";
  export { switchCpu } from "./cpu/area";
  export { allocatePages, freePages, isReturned, usedPages } from "./mem/pages";
`);
const { SUPERBLOCK, SUPERBLOCK_BYTES, BINS, RUN_BINS, PAGE_BYTES, DESCRIPTOR_BYTES, PAGE_FREE, PAGE_RUN } = CONSTANTS;
const { PageDescriptor, Superblock } = LAYOUT;

/** Runs in use: first page to length. */
type Model = Map<number, number>;
type Run = readonly [page: number, length: number, state: number];

class Pages {
  readonly inside: Inside<Functions>;
  readonly first: number;
  readonly count: number;

  constructor(bytes = 4 << 20) {
    this.inside = make(bytes);
    assert.equal(this.inside.core.arenaFormat(2, 1), 0);
    this.inside.core.switchCpu(0);
    this.first = this.field("firstPage");
    this.count = this.field("pages");
  }

  field(name: keyof typeof Superblock): number {
    return this.inside.words(SUPERBLOCK + Superblock[name])[0] ?? 0;
  }

  setField(name: keyof typeof Superblock, value: number): void {
    this.inside.words(SUPERBLOCK + Superblock[name])[0] = value;
  }

  /** The run that CPU 0 is at. */
  inHand(): number {
    const transfer = this.field("areas") + LAYOUT.CpuArea.intents + CONSTANTS.LEVELS * CONSTANTS.INTENT_BYTES;
    return this.inside.words(transfer + LAYOUT.Transfer.run)[0] ?? 0;
  }

  descriptor(page: number): { state: number; length: number; next: number } {
    const address = this.field("descriptors") + page * DESCRIPTOR_BYTES;
    const view = new DataView(this.inside.memory.buffer, address);
    const word = (offset: number): number => view.getUint32(offset, true);
    const state = view.getUint8(PageDescriptor.state);
    return { state, length: word(PageDescriptor.length), next: word(PageDescriptor.next) };
  }

  /** The page of a new run, 0 if there is none. */
  allocate(length: number): number {
    return (this.inside.core.allocatePages(length) >>> 0) / PAGE_BYTES;
  }

  free(page: number): void {
    this.inside.core.freePages(page * PAGE_BYTES);
  }

  /** All runs by their descriptors. */
  walk(): Run[] {
    const runs: Run[] = [];
    for (let page = this.first; page < this.field("pages"); ) {
      const { state, length } = this.descriptor(page);
      assert.ok(length > 0, `page ${page} begins no run`);
      runs.push([page, length, state]);
      page += length;
    }
    return runs;
  }

  /** Free runs by the bins: each in that of its length. */
  binned(): Run[] {
    const runs: Run[] = [];
    for (let bin = 0; bin < RUN_BINS; bin++)
      for (let page = this.inside.words(BINS + bin * 4)[0] ?? 0; page !== 0; page = this.descriptor(page).next) {
        const { length, state } = this.descriptor(page);
        assert.equal(Math.floor(Math.log2(length)), bin, `a run of ${length} pages`);
        runs.push([page, length, state]);
      }
    return runs.sort(([a], [b]) => a - b);
  }

  /** What the model says of all runs; whatever is not in use is one free run as long as can be. */
  expected(model: Model): Run[] {
    const runs: Run[] = [];
    let end = this.first;
    const used = [...model].sort(([a], [b]) => a - b);
    for (const [page, length] of [...used, [this.field("pages"), 0] as const]) {
      if (page > end) runs.push([end, page - end, PAGE_FREE]);
      if (length > 0) runs.push([page, length, PAGE_RUN]);
      end = page + length;
    }
    return runs;
  }

  assertMatches(model: Model): void {
    const expected = this.expected(model);
    assert.deepEqual(this.walk(), expected);
    const free = expected.filter(([, , state]) => state === PAGE_FREE);
    assert.deepEqual(this.binned(), free);
    assert.equal(
      this.inside.core.usedPages(),
      [...model.values()].reduce((sum, length) => sum + length, 0),
    );
  }

  /** Everything that is kept of pages. */
  tables(): Uint8Array {
    const length = SUPERBLOCK_BYTES + this.count * DESCRIPTOR_BYTES;
    return new Uint8Array(this.inside.memory.buffer, SUPERBLOCK, length).slice();
  }
}

/** Allocates so many pages (positive), or frees the run of that number. */
const steps = fc.array(
  fc.oneof(
    {
      weight: 3,
      arbitrary: fc.record({ allocate: fc.oneof(fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 60 })) }),
    },
    { weight: 2, arbitrary: fc.record({ free: fc.nat() }) },
  ),
  { maxLength: 80, size: "max" },
);

test("any allocations and frees: runs never overlap, free neighbours are one run, out of memory changes nothing", () => {
  let refused = 0;
  fc.assert(
    fc.property(steps, (sequence) => {
      const pages = new Pages(2 << 20);
      const model: Model = new Map();
      for (const step of sequence) {
        if ("free" in step) {
          const page = [...model.keys()][step.free % model.size];
          if (page === undefined) continue;
          pages.free(page);
          model.delete(page);
        } else {
          const before = pages.tables();
          const longest = Math.max(0, ...pages.binned().map(([, length]) => length));
          const page = pages.allocate(step.allocate);
          if (page !== 0) model.set(page, step.allocate);
          else {
            refused++;
            assert.ok(step.allocate > longest, "there was room");
            assert.deepEqual(pages.tables(), before);
          }
        }
        pages.assertMatches(model);
      }
      for (const page of [...model.keys()]) pages.free(page);
      pages.assertMatches(new Map());
    }),
    { numRuns: 60 },
  );
  assert.ok(refused > 20, `memory has been out ${refused} times`);
});

test("what is asked for beyond the arena's pages or its limit is refused until there is room", () => {
  const pages = new Pages();
  const most = pages.count - pages.first;
  for (const length of [0, most + 1, pages.count, pages.count + 1, 0xffffffff]) assert.equal(pages.allocate(length), 0);
  pages.setField("limitPages", 10);
  const [six, four] = [pages.allocate(6), pages.allocate(4)];
  assert.ok(six !== 0 && four !== 0);
  assert.equal(pages.allocate(1), 0);
  pages.free(four);
  assert.equal(pages.allocate(5), 0);
  assert.equal(pages.allocate(4), four, "the run that has just been freed fits");
  pages.setField("limitPages", 4);
  assert.equal(pages.inside.core.usedPages(), 10, "what is in use stays");
  pages.free(six);
  assert.equal(pages.allocate(1), 0);
});

test("pages come from the memory's beginning as long as there are some: the rest is never touched", () => {
  const pages = new Pages(8 << 20);
  const held = Array.from({ length: 20 }, (_, index) => pages.allocate(1 + (index % 5)));
  const end = Math.max(...held) + 5;
  const written = new Uint8Array(pages.inside.memory.buffer, end * PAGE_BYTES);
  for (let round = 0; round < 200; round++) {
    const index = (round * 7) % held.length;
    pages.free(held[index] ?? 0);
    held[index] = pages.allocate(1 + ((index + round) % 5));
    assert.ok((held[index] ?? 0) < end + 20, `round ${round}`);
  }
  assert.ok(!written.some((byte) => byte !== 0));
});

test("a run that is freed while a dead thread has the lock waits for the next who has it", () => {
  const pages = new Pages();
  const [kept, freed] = [pages.allocate(2), pages.allocate(3)];
  pages.setField("pagesLock", 2);
  pages.free(freed);
  assert.equal(pages.inside.core.isReturned(freed * PAGE_BYTES), 1);
  assert.equal(pages.inside.core.usedPages(), 5);
  assert.equal(pages.inHand(), 0, "it may be another CPU's run soon");
  pages.setField("pagesLock", 0);
  const next = pages.allocate(1);
  assert.equal(pages.inside.core.isReturned(freed * PAGE_BYTES), 0);
  pages.assertMatches(
    new Map([
      [kept, 2],
      [next, 1],
    ]),
  );
});

test("one run may have all pages, and again once it is free", () => {
  const pages = new Pages(4 << 20);
  const { core } = pages.inside;
  const all = pages.count - pages.first;
  const run = core.allocatePages(all) >>> 0;
  assert.notEqual(run, 0);
  assert.equal(core.allocatePages(1), 0);
  core.freePages(run);
  assert.equal(core.allocatePages(all + 1), 0);
  assert.equal(core.allocatePages(all) >>> 0, run);
});

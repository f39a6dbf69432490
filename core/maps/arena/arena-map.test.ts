/** Arena maps: pages against a naive model, what Linux refuses to create, memory that comes back, and accesses at edges. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ERRNO } from "../../../src/error.ts";
import { none, u32 } from "../../../src/maps/codec/codec.ts";
import type { MapOf } from "../../../src/maps/map-of.ts";
import { CONSTANTS } from "../../../src/wasm/face.ts";
import { LEVEL, makeArena } from "../../testing.ts";

const { MMAPABLE, SEGV_ON_FAULT, NO_USER_CONV, KIND_ARENA, PAGE_BYTES } = CONSTANTS;
const { E2BIG, EBUSY, EFAULT, EINVAL, ERANGE } = ERRNO;
const PAGE = CONSTANTS.ARENA_PAGE_BYTES;
const NOWHERE = CONSTANTS.ARENA_NOWHERE;
const arena = await makeArena();
const { core } = arena;

type Pages = MapOf<"arena", undefined, undefined>;

function make(maxEntries: number, more: { extra?: bigint; flags?: number; name?: string } = {}): Pages {
  return arena.createMap({ type: "arena", name: "pages", key: none, value: none, maxEntries, ...more });
}

function destroy(map: Pages): void {
  const { name } = map.info;
  map.close();
  arena.destroyMap(name);
  arena.poll();
}

/** What Linux 6.18 answers to creations: key, value, max_entries, flags, the lower half of map_extra. */
const CREATIONS: readonly (readonly [number, number, number, number, number, number])[] = [
  [0, 0, 10, MMAPABLE, 0, 0],
  [0, 0, 10, 0, 0, EINVAL],
  [4, 0, 10, MMAPABLE, 0, EINVAL],
  [0, 8, 10, MMAPABLE, 0, EINVAL],
  [0, 0, 0, MMAPABLE, 0, EINVAL],
  [0, 0, 10, MMAPABLE | SEGV_ON_FAULT, 0, 0],
  [0, 0, 10, MMAPABLE | NO_USER_CONV, 0, 0],
  ...[1, 4, 8, 16, 128, 256, 1 << 16].map((flag) => [0, 0, 10, MMAPABLE | flag, 0, EINVAL] as const),
  [0, 0, 1 << 20, MMAPABLE, 0, 0],
  [0, 0, (1 << 20) + 1, MMAPABLE, 0, E2BIG],
  [0, 0, (1 << 20) + 1, MMAPABLE, 4096, E2BIG],
  [0, 0, (1 << 20) + 1, MMAPABLE, 1, EINVAL],
  [0, 0, 10, MMAPABLE, 1, EINVAL],
  [0, 0, 10, MMAPABLE, 4096, 0],
  [0, 0, 10, MMAPABLE, 0xffff_6000, 0],
  [0, 0, 10, MMAPABLE, 0xffff_a000, ERANGE],
  [0, 0, 1 << 20, MMAPABLE, 4096, ERANGE],
];

test("creations are refused as Linux 6.18 refuses them", () => {
  for (const [key, value, entries, flags, extra, errno] of CREATIONS) {
    const made = core.createMap(KIND_ARENA, key, value, entries, flags, 0, 1, extra) >>> 0;
    assert.equal(made < CONSTANTS.SUPERBLOCK ? made : 0, errno, `${[key, value, entries, flags, extra]}`);
    if (errno === 0) core.discardMap(made);
  }
});

/** Which pages are given out, as a list of owners. */
class Model {
  readonly given: boolean[];
  readonly there: (number | undefined)[];

  constructor(pages: number) {
    this.given = Array(pages).fill(false);
    this.there = Array(pages).fill(undefined);
  }

  isFree(page: number, count: number): boolean {
    return page + count <= this.given.length && !this.given.slice(page, page + count).includes(true);
  }

  find(count: number): number {
    return this.given.findIndex((_, page) => this.isFree(page, count));
  }

  set(page: number, count: number, given: boolean, value?: number): void {
    for (let each = page; each < Math.min(page + count, this.given.length); each++) {
      this.given[each] = given;
      this.there[each] = value;
    }
  }
}

const PAGES = 23;
const number = fc.integer({ min: 0, max: PAGES + 2 });
const count = fc.integer({ min: 0, max: 9 });
const step = fc.oneof(
  fc.tuple(fc.constant("any" as const), fc.constant(0), count),
  fc.tuple(fc.constantFrom("at" as const, "free" as const, "reserve" as const), number, count),
  fc.tuple(fc.constant("touch" as const), number, fc.constant(1)),
);

function play(map: Pages, model: Model, [what, page, pages]: readonly [string, number, number], value: number): void {
  const first = 0x1000_0001_0000n;
  const pointer = first + BigInt(page * PAGE);
  if (what === "any" || what === "at") {
    const found = what === "any" ? model.find(pages) : model.isFree(page, pages) ? page : -1;
    const isThere = pages > 0 && found >= 0;
    const given = map.allocatePages(pages, what === "any" ? 0n : pointer);
    assert.equal(given, isThere ? first + BigInt(found * PAGE) : undefined, `${what} ${page} ${pages}`);
    if (isThere) model.set(found, pages, true, 0);
  } else if (what === "free") {
    map.freePages(pointer, pages);
    model.set(page, pages, false);
  } else if (what === "reserve") {
    const isInside = page + pages <= PAGES;
    const result = pages === 0 ? 0 : !isInside ? -EINVAL : model.isFree(page, pages) ? 0 : -EBUSY;
    assert.equal(core.arenaReservePages(map.info.address, page, pages), result);
    if (result === 0 && pages > 0) model.set(page, pages, true);
  } else if (page < PAGES && (model.there[page] !== undefined || !model.given[page])) {
    assert.equal(map.writeBytes(pointer + 5n, Uint8Array.of(value)), 0);
    model.set(page, 1, true, value);
  }
}

test("any sequence of allocations, frees, reservations and writes is that of a list of pages", () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const map = make(PAGES);
      const model = new Model(PAGES);
      try {
        for (const [index, each] of steps.entries()) {
          play(map, model, each, (index % 255) + 1);
          const there = model.there.flatMap((value, page) => (value === undefined ? [] : [page]));
          assert.deepEqual(
            [...map.pages()].map((pointer) => Number(pointer - 0x1000_0001_0000n) / PAGE),
            there,
          );
          assert.equal(map.size, there.length);
          const all = map.readBytes(0x1000_0001_0000n, PAGES * PAGE);
          assert.deepEqual(
            model.there.map((value) => value ?? 0),
            model.there.map((_, page) => all[page * PAGE + 5]),
          );
        }
      } finally {
        destroy(map);
      }
    }),
    { numRuns: 200 },
  );
});

test("pointers are where the creator says, or where no page's lower half is 0", () => {
  const placed = make(10, { extra: (1n << 44n) | 0xffff_6000n });
  assert.equal(placed.allocatePages(10), (1n << 44n) | 0xffff_6000n);
  destroy(placed);
  const whole = make(1 << 20);
  assert.equal(whole.allocatePages(), 0x1000_0000_0000n, "all of the lower half is the map's");
  assert.equal(whole.allocatePages(1, 0x1000_ffff_f000n), 0x1000_ffff_f000n, "its last page");
  assert.equal(core.arenaRunCount(whole.info.address), 2);
  destroy(whole);
  assert.throws(() => make(10, { extra: 1n }), { code: "EINVAL", message: /an extra that is a multiple of 4096/ });
  assert.throws(() => make(10, { extra: 0xffff_a000n }), {
    code: "ERANGE",
    message: /both sides of a multiple of 4 GiB/,
  });
  assert.throws(() => make(10, { extra: -1n }), { code: "EINVAL", message: /64 bits as extra, not -1n?$/ });
});

test("accesses across two runs are whole, or nothing where a page is not there", () => {
  const map = make(10);
  const { address } = map.info;
  const first = 0x1000_0001_0000n;
  // The second run is taken first, so that it does not lie behind the other.
  map.allocatePages(1, first + BigInt(PAGE_BYTES));
  assert.equal(map.allocatePages(4), first);
  const edge = Number(first & 0xffff_ffffn) + PAGE_BYTES;
  assert.equal(core.arenaAt(address, edge, -4, 8), 0, "in two runs");
  core.arenaStore(address, edge, -3, 8, 0x1122_3344_5566_7788n);
  assert.equal(BigInt.asUintN(64, core.arenaLoad(address, edge, -3, 8)), 0x1122_3344_5566_7788n);
  assert.deepEqual(
    [...map.readBytes(first + BigInt(PAGE_BYTES) - 3n, 8)],
    [0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11],
  );
  for (const bytes of [1, 2, 4, 8]) {
    core.arenaStore(address, edge, -4, 8, -1n);
    core.arenaStore(address, edge, 4, 8, -1n);
    core.arenaStore(address, edge, -1, bytes, 0n);
    const expected = Array.from({ length: 16 }, (_, at) => (at >= 3 && at < 3 + bytes ? 0 : 0xff));
    assert.deepEqual([...map.readBytes(first + BigInt(PAGE_BYTES) - 4n, 16)], expected, `${bytes} bytes and no more`);
  }
  const end = Number(first & 0xffff_ffffn) + 5 * PAGE;
  core.arenaStore(address, end, -2, 4, 0xffffffffn);
  assert.equal(core.arenaLoad(address, end, -2, 2), 0n, "half of it is not there: nothing was written");
  assert.equal(core.arenaLoad(address, end, -2, 4), 0n);
  for (const beyond of [-(edge - PAGE_BYTES), -1 - PAGE_BYTES, 0x7fffffff])
    assert.equal(core.arenaLoad(address, edge, beyond, 8), 0n, `${beyond}`);
  destroy(map);
});

test("runs without pages go back after a grace period, all of them with the map", () => {
  for (let round = 0; round < 3; round++) arena.trim();
  const before = core.pagesInUse();
  const map = make(400);
  const first = map.allocatePages(400) as bigint;
  assert.equal(core.arenaRunCount(map.info.address), 100);
  map.freePages(first, 398);
  core.readEnter();
  for (let round = 0; round < 5; round++) arena.trim();
  assert.equal(core.arenaRunCount(map.info.address), 100, "a reader may be in them");
  core.readLeave();
  for (let round = 0; round < 3; round++) arena.trim();
  assert.equal(core.arenaRunCount(map.info.address), 1);
  assert.deepEqual([...map.readBytes(first, 3)], [0, 0, 0]);
  assert.equal(map.allocatePages(8), first, "and come again");
  destroy(map);
  for (let round = 0; round < 3; round++) arena.trim();
  assert.equal(core.pagesInUse(), before);
});

test("of however many runs: a map that goes gives back its own and no other", () => {
  const other = make(4, { name: "other" });
  const kept = other.allocatePages(4) as bigint;
  other.writeBytes(kept, new Uint8Array(4 * PAGE).fill(7));
  const settle = (): number => {
    for (let round = 0; round < 4; round++) arena.trim();
    return core.pagesInUse();
  };
  for (let runs = 1; runs <= 40; runs++) {
    const before = settle();
    // Side by side: behind the words of one lie those of the other.
    const maps = ["one", "beside", "third"].map((name) => make(runs * 4, { name }));
    for (const map of maps) map.allocatePages(runs * 4);
    for (const map of maps) destroy(map);
    assert.equal(settle(), before, `${runs} runs`);
  }
  assert.ok(other.readBytes(kept, 4 * PAGE).every((byte) => byte === 7));
  destroy(other);
});

test("where runs may not be taken pages come from those that are there", () => {
  const map = make(20);
  const { address } = map.info;
  const allocate = (count: number): number => core.arenaAllocatePages(address, NOWHERE, count) >>> 0;
  for (const level of [LEVEL.hardirq, LEVEL.nmi]) {
    const below = core.contextEnter(level);
    assert.equal(allocate(1), NOWHERE, "there is no run yet");
    core.contextLeave(below);
  }
  assert.equal(allocate(1), 0);
  const below = core.contextEnter(LEVEL.nmi);
  assert.deepEqual([allocate(1), allocate(2), allocate(1)], [1, 2, NOWHERE]);
  core.contextLeave(below);
  destroy(map);
});

test("what is no page, no count or no arena map is refused", () => {
  const map = make(4, { flags: SEGV_ON_FAULT });
  const first = 0x1000_0001_0000n;
  assert.equal(map.writeBytes(first, Uint8Array.of(1)), -EFAULT, "created so that user space faults");
  assert.equal(map.allocatePages(1, first + 1n), undefined);
  assert.equal(map.allocatePages(5), undefined);
  assert.throws(() => map.readBytes(first - 1n, 2), {
    code: "EINVAL",
    message: /There are no 2 bytes at 0x10000000ffff/,
  });
  assert.throws(() => map.readBytes(first, 4 * PAGE + 1), { code: "EINVAL" });
  assert.throws(() => map.allocatePages(-1), { code: "EINVAL", message: /-1 is no count/ });
  assert.throws(() => map.freePages(5 as never), { code: "EINVAL", message: /5 is no pointer, which is a bigint/ });
  assert.throws(() => map.writeBytes(first, "x" as never), { code: "EINVAL", message: /needs a Uint8Array/ });
  const queue = arena.createMap({ type: "queue", name: "queue", key: none, value: u32, maxEntries: 4 });
  assert.throws(() => (queue as never as Pages).allocatePages(), {
    code: "EINVAL",
    message: /has no pages: it is queue/,
  });
  assert.equal(core.arenaAllocatePages(queue.info.address, 0, 1) >>> 0, NOWHERE);
  core.arenaFreePages(queue.info.address, 0, 1);
  assert.equal(core.arenaReservePages(queue.info.address, 0, 1), -EINVAL);
  destroy(map);
  assert.throws(() => map.pages(), { code: "EBADF" });
});

test("out of memory: nothing is given out", async () => {
  const small = await makeArena({ maximumBytes: 2 << 20 });
  const map = small.createMap({ type: "arena", name: "pages", key: none, value: none, maxEntries: 4096 });
  const before = small.core.pagesInUse();
  assert.equal(map.allocatePages(4096), undefined);
  assert.equal(map.size, 0);
  for (let round = 0; round < 3; round++) small.trim();
  assert.equal(small.core.pagesInUse(), before);
  assert.equal(map.allocatePages(1), 0x1000_0001_0000n);
});

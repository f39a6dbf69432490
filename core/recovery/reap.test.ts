/**
 * Reaping without luck: what a thread would have left at a certain instruction is planted, then its CPU is reaped. The
 * second thread is a second `Arena` on the same memory: it has a core instance and a CPU of its own.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { isAddress } from "../../src/arena/allocator.ts";
import { Arena, type ArenaHandle } from "../../src/arena/arena.ts";
import { cacheStatistics } from "../../src/arena/statistics.ts";
import { ERRNO } from "../../src/error.ts";
import { bytes, u32, u64 } from "../../src/maps/codec/codec.ts";
import type { ArenaMap } from "../../src/maps/map.ts";
import { CONSTANTS, LAYOUT } from "../../src/wasm/face.ts";
import { makeArena, makeHash, take } from "../testing.ts";

const { SLAB_CLASSES, SLAB_CLASS_BYTES, ELEMENTS, BINS, RUN_BINS } = CONSTANTS;
const PAGES_LOCK = CONSTANTS.SUPERBLOCK + LAYOUT.Superblock.pagesLock;
const CONTROL_LOCK = CONSTANTS.SUPERBLOCK + LAYOUT.Superblock.controlLock;
const USED_PAGES = CONSTANTS.SUPERBLOCK + LAYOUT.Superblock.usedPages;
/** Class of 256 bytes. */
const CLASS = 6;
const MAYBE = CONSTANTS.MAYBE;
/** Bits of the upper half of a hand. */
const REMOVES = CONSTANTS.REMOVES / 2 ** 32;
const COUNTS = CONSTANTS.COUNTS / 2 ** 32;
/** The parity of a CPU's first operation on a map. */
const PARITY = CONSTANTS.PARITY / 2 ** 32;

interface Victim {
  readonly arena: Arena;
  readonly thread: ArenaHandle;
  readonly cpu: number;
}

/** A thread of the arena that is going to die: it simply does nothing any more. */
async function attachVictim(arena: Arena): Promise<Victim> {
  const thread = arena.handle();
  const victim = await Arena.attach(thread);
  return { arena: victim, thread, cpu: victim.cpu };
}

function words(arena: Arena, address: number, count = 1): Uint32Array {
  return new Uint32Array(arena.memory.buffer, address, count);
}

/** The victim has this lock when it dies. */
function plantLock(arena: Arena, lock: number, cpu: number): void {
  words(arena, lock)[0] = cpu + 1;
}

/** The one of a map's two buckets that has its keys. */
function bucketOf(arena: Arena, map: ArenaMap<number, unknown>): number {
  const first = arena.word(map.info.address + LAYOUT.MapHeader.buckets);
  const isUsed = (arena.word(first) & CONSTANTS.SLOT_MASK) !== 0;
  return isUsed ? first : first + CONSTANTS.BUCKET_BYTES;
}

/** The address of the element in a bucket's first slot. */
function firstElement(arena: Arena, map: ArenaMap<number, unknown>): number {
  return arena.word(bucketOf(arena, map) + ELEMENTS);
}

/** The victim has an element of the map in its first hand, as an operation with these bits has it. */
function plantHand(victim: Victim, map: ArenaMap<number, unknown>, element: number, bits: number): void {
  const { arena, cpu } = victim;
  const hands = words(arena, arena.core.cpuAreaAddress(cpu) + LAYOUT.CpuArea.intents, 2);
  hands[0] = element | MAYBE;
  hands[1] =
    arena.word(map.info.address + LAYOUT.MapHeader.elements) +
    CONSTANTS.SET_BYTES +
    cpu * CONSTANTS.CACHE_BYTES +
    bits +
    PARITY;
}

/** Destroys everything and leaves: bytes that are still in use then were lost. */
function assertNothingLost(arena: Arena): void {
  for (const { name } of arena.maps()) arena.destroyMap(name);
  for (let round = 0; round < 4; round++) arena.trim();
  const { core } = arena;
  arena.detach();
  core.trimSlabs();
  assert.equal(core.pagesInUse(), 0);
}

/** Elements that a map's caches own but nobody has. */
function lostElements(arena: Arena, map: ArenaMap<number, unknown>): number {
  const caches = cacheStatistics(arena, map.info).filter(({ objects }) => objects === "elements");
  const held = caches.reduce((sum, { free, waiting, extra, surplus }) => sum + free + waiting + extra + surplus, 0);
  return arena.core.allocatorOwned(arena.word(map.info.address + LAYOUT.MapHeader.elements)) - held - map.size;
}

test("a bucket that a dead thread has locked: updates and deletes give up after a bounded time, and work once it is reaped", async () => {
  const arena = await makeArena();
  const map = arena.createMap({ type: "hash", name: "map", key: u32, value: u64, maxEntries: 10 });
  map.set(1, 10n);
  const victim = await attachVictim(arena);
  const control = words(arena, bucketOf(arena, map));
  control[0] = (control[0] ?? 0) | ((victim.cpu + 1) << CONSTANTS.OWNER_SHIFT);
  assert.equal(map.update(1, 11n), -ERRNO.ETIMEDOUT);
  const others = [2, 3, 4, 5, 6].map((key) => map.update(key, 20n));
  assert.ok(others.includes(-ERRNO.ETIMEDOUT) && others.includes(0), "a key of the same bucket, not one of another");
  const message = /has not been reaped/;
  assert.throws(() => map.delete(1), { code: "ETIMEDOUT", message });
  assert.equal(map.get(1), 10n, "a lookup does not wait");
  const [, sequence = 0] = words(arena, control.byteOffset, 2);
  assert.deepEqual(arena.reap(victim.thread), [victim.cpu]);
  assert.equal(
    words(arena, control.byteOffset, 2)[1],
    sequence + 1,
    "what lookups saw before is not what they see now",
  );
  assert.equal(map.update(1, 11n), 0);
  for (const key of [2, 3, 4, 5, 6]) assert.equal(map.update(key, 20n), 0);
  assert.equal(map.delete(1), true);
  assert.deepEqual([...map.keys()].sort(), [2, 3, 4, 5, 6]);
  assertNothingLost(arena);
});

test("an element that the victim was about to unlink, but had not: its key stays", async () => {
  const arena = await makeArena();
  const map = arena.createMap({ type: "hash", name: "map", key: u32, value: u64, maxEntries: 4 });
  map.set(1, 10n);
  const victim = await attachVictim(arena);
  plantHand(victim, map, firstElement(arena, map), REMOVES | COUNTS);
  arena.reap(victim.thread);
  assert.deepEqual([...map], [[1, 10n]]);
  assert.equal(map.size, 1);
  assert.equal(lostElements(arena, map), 0);
  assertNothingLost(arena);
});

test("an element that the victim had unlinked and not yet given back: the delete is finished, counted, nothing is lost", async () => {
  const arena = await makeArena();
  const map = arena.createMap({ type: "hash", name: "map", key: u32, value: u64, maxEntries: 4 });
  map.set(1, 10n);
  const victim = await attachVictim(arena);
  plantHand(victim, map, firstElement(arena, map), REMOVES | COUNTS);
  // The one store of `removeAt`: slot 0 is no longer in use, the sequence moves on.
  const control = words(arena, bucketOf(arena, map), 2);
  control[0] = (control[0] ?? 0) & ~(1 << CONSTANTS.SLOT_SHIFT);
  control[1] = (control[1] ?? 0) + 1;
  assert.equal(map.size, 1);
  arena.reap(victim.thread);
  assert.equal(map.size, 0);
  assert.equal(map.has(1), false);
  assert.equal(lostElements(arena, map), 0);
  for (let key = 0; key < 4; key++) assert.equal(map.update(key, 1n), 0, `its place is free again: key ${key}`);
  assert.equal(map.update(4, 1n), -ERRNO.E2BIG);
  assertNothingLost(arena);
});

test("the pages' lock, with the lists behind it torn: allocations fail cleanly, frees wait, and all is there after the reap", async () => {
  const arena = await makeArena();
  const before = makeHash(arena, { name: "before", valueSize: 20_000, maxEntries: 8 });
  for (let key = 0; key < 8; key++) before.set(key, new Uint8Array(20_000));
  const victim = await attachVictim(arena);
  plantLock(arena, PAGES_LOCK, victim.cpu);
  words(arena, BINS, RUN_BINS).fill(0);
  words(arena, USED_PAGES)[0] = arena.core.pagesInUse() + 3;
  assert.throws(() => makeHash(arena, { name: "refused" }), { code: "ETIMEDOUT" });
  assert.equal(arena.core.allocateBytes(100_000), ERRNO.ETIMEDOUT);
  arena.destroyMap("before");
  const bytesBefore = arena.memory.buffer.byteLength;
  assert.deepEqual(arena.reap(victim.thread), [victim.cpu]);
  const after = makeHash(arena, { name: "after", valueSize: 20_000, maxEntries: 8 });
  for (let key = 0; key < 8; key++) assert.equal(after.update(key, new Uint8Array(20_000).fill(key)), 0);
  for (let key = 0; key < 8; key++) assert.deepEqual(after.get(key), new Uint8Array(20_000).fill(key));
  assert.equal(arena.memory.buffer.byteLength, bytesBefore, "the free runs were found again");
  assertNothingLost(arena);
});

test("a slab class's lock, with the lists behind it torn: allocations fail cleanly, frees wait, and all is there after the reap", async () => {
  const arena = await makeArena();
  const allocator = arena.createAllocator({ objectSize: 240, debug: false });
  const objects = Array.from({ length: 300 }, () => take(allocator));
  assert.equal(arena.word(SLAB_CLASSES + CLASS * SLAB_CLASS_BYTES + 4), 256, "the class of 256 bytes");
  const victim = await attachVictim(arena);
  const lock = SLAB_CLASSES + CLASS * SLAB_CLASS_BYTES;
  plantLock(arena, lock, victim.cpu);
  words(arena, lock + LAYOUT.SlabClass.partial)[0] = 0;
  let taken = 0;
  while (taken < 1000) {
    const object = allocator.allocate();
    if (!isAddress(object)) break;
    objects.push(object);
    taken++;
  }
  assert.ok(taken < 200, `what was cached: ${taken}`);
  assert.equal(allocator.allocate(), -ERRNO.ETIMEDOUT);
  for (const object of objects) allocator.free(object);
  assert.deepEqual(arena.reap(victim.thread), [victim.cpu]);
  const again = Array.from({ length: 1000 }, () => take(allocator));
  assert.equal(new Set(again).size, 1000);
  assert.ok(again.every((object) => object > 0));
  for (const object of again) allocator.free(object);
  allocator.destroy();
  assertNothingLost(arena);
});

test("the control plane's lock: whoever needs it says that a thread has not let go, and goes on once it is reaped", async () => {
  const arena = await makeArena();
  const map = makeHash(arena);
  const victim = await attachVictim(arena);
  plantLock(arena, CONTROL_LOCK, victim.cpu);
  const message = /if it is dead, reap it/;
  assert.throws(() => arena.findMap("map"), { code: "ETIMEDOUT", message });
  assert.equal(map.update(1, new Uint8Array(8)), 0, "no operation of a map needs it");
  assert.deepEqual(arena.reap(victim.thread), [victim.cpu]);
  assert.equal(arena.findMap("map").address, map.info.address);
  arena.destroyMap("map");
  assertNothingLost(arena);
});

for (const [flavour, name, enter] of [
  [0, "normal", "readEnter"],
  [1, "tasks-trace", "traceEnter"],
] as const)
  test(`a ${name} read section left open holds its grace period until the reap`, async () => {
    const arena = await makeArena();
    const victim = await attachVictim(arena);
    victim.arena.core[enter]();
    victim.arena.core[enter]();
    const target = arena.core.gracePeriodStart(flavour);
    for (let turn = 0; turn < 5; turn++) assert.equal(arena.core.gracePeriodOver(flavour, target), 0);
    arena.reap(victim.thread);
    assert.equal(arena.core.gracePeriodOver(flavour, target), 1);
    assertNothingLost(arena);
  });

test("the next holder of a reaped CPU begins in a task, with interrupts on, outside every section", async () => {
  const arena = await makeArena();
  const map = makeHash(arena);
  const victim = await attachVictim(arena);
  victim.arena.core.readEnter();
  victim.arena.core.contextEnter(3);
  arena.reap(victim.thread);
  const next = await attachVictim(arena);
  assert.equal(next.cpu, victim.cpu);
  const theirs = next.arena.openMap<number, Uint8Array>("map");
  for (let key = 0; key < 500; key++) assert.equal(theirs.update(key, new Uint8Array(8)), 0, `key ${key}`);
  const target = arena.core.gracePeriodStart(0);
  assert.equal(arena.core.gracePeriodOver(0, target), 1);
  assert.equal(map.size, 500);
  next.arena.detach();
  assertNothingLost(arena);
});

test("a cache that the victim was at work on is nobody's work after the reap: the next holder frees to it as ever", async () => {
  const arena = await makeArena({ cpus: 2 });
  const map = makeHash(arena);
  const victim = await attachVictim(arena);
  victim.arena.openMap<number, Uint8Array>("map").set(1, new Uint8Array(8));
  const elements = arena.word(map.info.address + LAYOUT.MapHeader.elements);
  const cache = elements + CONSTANTS.SET_BYTES + victim.cpu * CONSTANTS.CACHE_BYTES;
  words(arena, cache + LAYOUT.Cache.active)[0] = 1;
  arena.reap(victim.thread);
  const next = await Arena.attach(arena.handle());
  assert.equal(next.cpu, victim.cpu);
  const own = next.openMap<number, Uint8Array>("map");
  for (let key = 2; key < 10; key++) own.set(key, new Uint8Array(8));
  for (let key = 2; key < 10; key++) assert.ok(own.delete(key));
  const field = (name: keyof typeof LAYOUT.Cache): number => arena.word(cache + LAYOUT.Cache[name]);
  assert.deepEqual([field("active"), field("extra"), field("extraCount")], [0, 0, 0]);
  assert.ok(field("freeCount") >= 8);
});

test("what the victim had cached, on whichever list, is given back by trim", async () => {
  const arena = await makeArena();
  const map = makeHash(arena, { valueSize: 1000 });
  const victim = await attachVictim(arena);
  const theirs = victim.arena.openMap<number, Uint8Array>("map");
  for (let key = 0; key < 400; key++) theirs.set(key, new Uint8Array(1000));
  // A reader, so that what is trimmed waits.
  arena.core.readEnter();
  for (let key = 0; key < 400; key++) theirs.delete(key);
  const cache =
    arena.word(map.info.address + LAYOUT.MapHeader.elements) + CONSTANTS.SET_BYTES + victim.cpu * CONSTANTS.CACHE_BYTES;
  const { freeCount, byGpCount, waitingCount } = LAYOUT.Cache;
  for (const count of [freeCount, byGpCount, waitingCount]) assert.ok(arena.word(cache + count) > 0);
  arena.reap(victim.thread);
  assert.equal(lostElements(arena, map), 0);
  arena.core.readLeave();
  for (let round = 0; round < 3; round++) arena.trim();
  assert.equal(arena.core.allocatorOwned(arena.word(map.info.address + LAYOUT.MapHeader.elements)), 0);
  assertNothingLost(arena);
});

test("a CPU that nobody holds, one's own and one that is not there cannot be reaped", async () => {
  const arena = await makeArena({ cpus: 3 });
  await attachVictim(arena);
  for (const cpu of [2, 0, 3, -1, 1.5, Number.NaN]) {
    const message = `CPU ${cpu} is not one that another thread holds`;
    assert.throws(() => arena.reap(cpu), { code: "EINVAL", message });
  }
  for (const cpu of [0, 2, 3]) assert.equal(arena.core.reapCpu(cpu, 0), -ERRNO.EINVAL);
  assert.deepEqual(arena.reap(1), [1]);
  assert.throws(() => arena.reap(1), { code: "EINVAL" });
});

test("a handle names the CPUs of its thread and of no other; of a thread that left in peace there are none", async () => {
  const arena = await makeArena({ cpus: 5 });
  const first = await attachVictim(arena);
  const second = await attachVictim(arena);
  const peaceful = await attachVictim(arena);
  assert.equal(first.arena.takeCpu(), 4);
  const map = second.arena.createMap({ type: "hash", name: "map", key: u32, value: u64, maxEntries: 100 });
  peaceful.arena.detach();
  assert.deepEqual(arena.reap(peaceful.thread), []);
  assert.deepEqual(arena.reap(first.thread), [1, 4]);
  assert.deepEqual(arena.reap(first.thread), []);
  map.set(1, 1n);
  assert.throws(() => arena.reap(1), { code: "EINVAL" });
  second.arena.detach();
  assertNothingLost(arena);
});

test("more threads than slots are refused; after a reap the next one gets the slot", async () => {
  const arena = await makeArena({ cpus: 2 });
  const victim = await attachVictim(arena);
  await assert.rejects(Arena.attach(arena.handle()), { code: "EBUSY", message: /All 2 CPU slots/ });
  arena.reap(victim.thread);
  const next = await Arena.attach(arena.handle());
  assert.equal(next.cpu, victim.cpu);
});

test("a map that the victim had created and not published is gone", async () => {
  const arena = await makeArena();
  const victim = await attachVictim(arena);
  const before = arena.core.pagesInUse();
  const HASH = 1;
  assert.ok(victim.arena.core.createMap(HASH, 4, 64, 10_000, 0, 1, 1, 0) >>> 0 > 65536);
  assert.ok(arena.core.pagesInUse() > before + 40);
  arena.reap(victim.thread);
  arena.poll();
  assert.ok(arena.core.pagesInUse() <= before, `${before} pages, then ${arena.core.pagesInUse()}`);
  assert.deepEqual(arena.maps(), []);
  assertNothingLost(arena);
});

// Its description is the victim's memory and the map's: given back with the first, it must not be with the second.
test("a map that the victim had described and not published gives its description back once", async () => {
  const arena = await makeArena();
  const victim = await attachVictim(arena);
  const HASH = 1;
  const map = victim.arena.core.createMap(HASH, 4, 64, 100, 0, 0, 1, 0) >>> 0;
  const description = victim.arena.allocate(40);
  words(arena, map + LAYOUT.MapHeader.description, 2).set([description, 40]);
  arena.reap(victim.thread);
  arena.poll();
  const addresses = Array.from({ length: 600 }, () => arena.allocate(40));
  assert.equal(new Set(addresses).size, 600);
  for (const address of addresses) arena.core.freeBytes(address);
  assertNothingLost(arena);
});

test("memory of the control plane goes with the victim; what has become a map's stays", async () => {
  const arena = await makeArena();
  const victim = await attachVictim(arena);
  const before = arena.core.pagesInUse();
  const mine = arena.allocate(50_000);
  words(arena, mine)[0] = 7;
  for (let index = 0; index < 10; index++) victim.arena.allocate(50_000);
  victim.arena
    .createMap({ type: "hash", name: "map", key: u32, value: bytes(24), maxEntries: 10 })
    .set(1, new Uint8Array(24));
  assert.ok(arena.core.pagesInUse() > before + 40);
  arena.reap(victim.thread);
  assert.equal(arena.word(mine), 7);
  const map = arena.openMap<number, Uint8Array>("map");
  assert.deepEqual(map.get(1), new Uint8Array(24));
  arena.core.freeBytes(mine);
  assertNothingLost(arena);
});

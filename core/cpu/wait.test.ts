/**
 * How long one waits for what a dead thread holds. Waiting is counted in loads: what an operation has used of its budget.
 * The dead threads are real ones: they take a lock as their CPU would, and end.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import type { ObjectAllocator } from "../../src/arena/allocator.ts";
import { Arena, type ArenaHandle } from "../../src/arena/arena.ts";
import { ERRNO } from "../../src/error.ts";
import { u32, u64 } from "../../src/maps/codec/codec.ts";
import type { ArenaMap } from "../../src/maps/map.ts";
import { CONSTANTS, LAYOUT } from "../../src/wasm/face.ts";
import { makeArena, RawMap } from "../testing.ts";

const { LOCK_SPINS, SLAB_CLASSES, SLAB_CLASS_BYTES, SUPERBLOCK, STALLED_AT, IN_BUCKET } = CONSTANTS;
const PAGES_LOCK = SUPERBLOCK + LAYOUT.Superblock.pagesLock;
const CONTROL_LOCK = SUPERBLOCK + LAYOUT.Superblock.controlLock;
/** Class of 256 bytes. */
const CLASS_LOCK = SLAB_CLASSES + 6 * SLAB_CLASS_BYTES;

function words(arena: Arena, address: number, count = 1): Uint32Array {
  return new Uint32Array(arena.memory.buffer, address, count);
}

/** Loads that an operation of this thread spends of its budget. One that waits for nothing may not even renew it. */
function spentBy(arena: Arena, operate: () => void): number {
  const budget = arena.core.currentArea() + LAYOUT.CpuArea.spinsLeft;
  words(arena, budget)[0] = LOCK_SPINS;
  operate();
  return LOCK_SPINS - arena.word(budget);
}

/** What a CPU is known not to have let go of. */
function stalledOf(arena: Arena, cpu: number): number {
  return arena.word(arena.core.cpuAreaAddress(cpu) + STALLED_AT);
}

/** A thread that dies with words of its arena locked. */
async function dieHolding(arena: Arena, held: readonly number[]): Promise<{ thread: ArenaHandle; cpu: number }> {
  const source = `
    const { parentPort, workerData } = require("node:worker_threads");
    import(workerData.entry).then(async ({ Arena }) => {
      const arena = await Arena.attach(workerData.thread);
      const view = new Uint32Array(arena.memory.buffer);
      for (const word of workerData.held)
        Atomics.or(view, word >> 2, (arena.cpu + 1) << (word & 1 ? workerData.shift : 0));
      parentPort.postMessage(arena.cpu);
      setInterval(() => {}, 1000);
    });`;
  const entry = new URL("../../dist/index.js", import.meta.url).href;
  const thread = arena.handle();
  const worker = new Worker(source, { eval: true, workerData: { entry, thread, held, shift: CONSTANTS.OWNER_SHIFT } });
  const [cpu] = (await once(worker, "message")) as [number];
  await worker.terminate();
  return { thread, cpu };
}

interface Survivor {
  readonly arena: Arena;
  readonly map: ArenaMap<number, bigint>;
  readonly allocator: ObjectAllocator;
}

async function makeSurvivor(): Promise<Survivor> {
  const arena = await makeArena({ cpus: 4 });
  const map = arena.createMap({ type: "hash", name: "map", key: u32, value: u64, maxEntries: 4 });
  map.set(1, 1n);
  const allocator = arena.createAllocator({ objectSize: 240, debug: false });
  return { arena, map, allocator };
}

/** The one of the map's two buckets that has its key. */
function bucketOf({ arena, map }: Survivor): number {
  const first = arena.word(map.info.address + LAYOUT.MapHeader.buckets);
  return (arena.word(first) & CONSTANTS.SLOT_MASK) !== 0 ? first : first + CONSTANTS.BUCKET_BYTES;
}

/** The set of the allocator's only class. */
function setOf({ arena, allocator }: Survivor): number {
  return arena.core.objectSet(allocator.address, 240) >>> 0;
}

/** What is held, and operations that meet it. */
const HOLDERS: readonly {
  readonly name: string;
  readonly held: (survivor: Survivor) => number;
  readonly operate: (survivor: Survivor) => void;
}[] = [
  {
    name: "a bucket",
    held: (survivor) => bucketOf(survivor) + IN_BUCKET,
    operate: ({ map }) => assert.equal(map.update(1, 1n), -ERRNO.ETIMEDOUT),
  },
  {
    name: "a slab class",
    held: () => CLASS_LOCK,
    operate: ({ allocator }) => void allocator.allocate(),
  },
  {
    name: "the pages",
    held: () => PAGES_LOCK,
    operate: ({ allocator }) => void allocator.allocate(),
  },
  {
    name: "the control plane",
    held: () => CONTROL_LOCK,
    operate: ({ arena }) => assert.throws(() => arena.findMap("map"), { code: "ETIMEDOUT" }),
  },
  {
    name: "a depot",
    held: (survivor) => {
      // Something is in it, so that a refill looks there: a chain of one.
      words(survivor.arena, setOf(survivor) + LAYOUT.CacheSet.depot)[0] = survivor.arena.allocate(8);
      return setOf(survivor) + LAYOUT.CacheSet.depotLock;
    },
    operate: ({ allocator }) => assert.ok(allocator.allocate() > 0, "the slab is open"),
  },
];

for (const { name, held, operate } of HOLDERS)
  test(`a thread dies with ${name}: a thousand operations wait one budget in all, and after the reap none`, async () => {
    const survivor = await makeSurvivor();
    const { arena } = survivor;
    const word = held(survivor);
    const { thread, cpu } = await dieHolding(arena, [word]);
    let sum = 0;
    for (let turn = 0; turn < 1000; turn++) {
      sum += spentBy(arena, () => operate(survivor));
    }
    assert.equal(sum, LOCK_SPINS);
    assert.equal(stalledOf(arena, cpu), word, "it is known what it holds");
    arena.reap(thread);
    assert.equal(stalledOf(arena, cpu), 0);
  });

test("two dead threads: one operation that meets both waits one budget", async () => {
  const survivor = await makeSurvivor();
  const { arena, allocator } = survivor;
  const first = await dieHolding(arena, [CLASS_LOCK]);
  const second = await dieHolding(arena, [CONTROL_LOCK]);
  // Out of memory, a refill looks for what other allocators have cached: under the control plane's lock.
  let result = 0;
  for (let turn = 0; turn < 200 && result >= 0; turn++) {
    const spent = spentBy(arena, () => {
      result = allocator.allocate();
    });
    assert.ok(spent <= LOCK_SPINS);
  }
  assert.equal(result, -ERRNO.ETIMEDOUT);
  let sum = 0;
  for (let turn = 0; turn < 100; turn++) {
    sum += spentBy(arena, () => allocator.allocate());
  }
  assert.ok(sum <= LOCK_SPINS, "the second death is paid for by the operation after the first one");
  arena.reap(first.thread);
  arena.reap(second.thread);
  const healed = spentBy(arena, () => assert.ok(allocator.allocate() > 0));
  assert.equal(healed, 0);
});

test("a thread that dies with a class and the pages is waited for once, whichever of the two is met", async () => {
  const survivor = await makeSurvivor();
  const { arena, allocator } = survivor;
  const { thread } = await dieHolding(arena, [CLASS_LOCK, PAGES_LOCK]);
  let sum = 0;
  for (let turn = 0; turn < 200; turn++) {
    sum += spentBy(arena, () => allocator.allocate());
  }
  const pages = spentBy(arena, () => assert.equal(arena.core.allocateBytes(100_000), ERRNO.ETIMEDOUT));
  assert.equal(pages, 0);
  assert.equal(sum, LOCK_SPINS);
  arena.reap(thread);
});

test("a thread that was only slow: once it lets go its mark is stale, and it is waited for as ever", async () => {
  const survivor = await makeSurvivor();
  const { arena, map } = survivor;
  const slow = await Arena.attach(arena.handle());
  words(arena, PAGES_LOCK)[0] = slow.cpu + 1;
  assert.equal(arena.core.allocateBytes(100_000), ERRNO.ETIMEDOUT);
  assert.equal(stalledOf(arena, slow.cpu), PAGES_LOCK);
  words(arena, PAGES_LOCK)[0] = 0;
  // It has something else now: the mark says nothing of that.
  const control = words(arena, bucketOf(survivor));
  control[0] = (control[0] ?? 0) | ((slow.cpu + 1) << CONSTANTS.OWNER_SHIFT);
  const again = spentBy(arena, () => assert.equal(map.update(1, 2n), -ERRNO.ETIMEDOUT));
  assert.equal(again, LOCK_SPINS, "waited for with a whole budget");
  control[0] = (control[0] ?? 0) & 0xff;
  assert.equal(map.update(1, 2n), 0);
  assert.equal(stalledOf(arena, slow.cpu), bucketOf(survivor) + IN_BUCKET, "nobody has looked since");
  slow.detach();
  assert.equal(stalledOf(arena, slow.cpu), 0);
});

test("trim of many CPUs, with the control plane's lock held by a dead thread, waits one budget", async () => {
  const arena = await makeArena({ cpus: 16 });
  const { thread } = await dieHolding(arena, [CONTROL_LOCK]);
  const trim = (): void => arena.core.trimCpus(arena.handle().token);
  assert.equal(spentBy(arena, trim), LOCK_SPINS);
  assert.equal(spentBy(arena, trim), 0);
  arena.reap(thread);
});

test("who reaps a CPU that died while it gave an object back pays for the wait, as that CPU, from its own budget", async () => {
  const { arena } = await makeSurvivor();
  const dead = await Arena.attach(arena.handle());
  const area = arena.core.cpuAreaAddress(dead.cpu);
  const transfer = area + LAYOUT.CpuArea.intents + CONSTANTS.LEVELS * CONSTANTS.INTENT_BYTES;
  const object = dead.core.allocateBytes(240) - CONSTANTS.HEADER_BYTES;
  // Off the list of what the thread has, on its way to the slab.
  words(arena, transfer + LAYOUT.Transfer.managed)[0] = arena.word(object + 4);
  words(arena, transfer + LAYOUT.Transfer.objects, 2).set([object, 1]);
  words(arena, transfer + LAYOUT.Transfer.active)[0] = 1;
  const holder = await dieHolding(arena, [CLASS_LOCK]);
  const owner = arena.word(area + LAYOUT.CpuArea.owner);
  assert.equal(
    spentBy(arena, () => assert.equal(arena.core.reapCpu(dead.cpu, owner), 0)),
    LOCK_SPINS,
  );
  assert.equal(stalledOf(arena, holder.cpu), CLASS_LOCK);
  arena.reap(holder.thread);
});

/** Operations that begin with a budget of their own, on a hash and its arena. */
const BEGINNINGS: Readonly<Record<string, (map: RawMap, name: number) => void>> = {
  freeBytes: ({ arena }) => arena.core.freeBytes(0),
  allocateBytes: ({ arena }) => arena.core.allocateBytes(8),
  findMap: ({ arena }, name) => arena.core.findMap(name),
  openMap: ({ arena }, name) => arena.core.openMap(name),
  reapMaps: ({ arena }) => arena.core.reapMaps(),
  trimSlabs: ({ arena }) => arena.core.trimSlabs(),
  trimCpus: ({ arena }) => arena.core.trimCpus(arena.handle().token),
  reapCpu: ({ arena }) => arena.core.reapCpu(1, 1),
  enroll: ({ arena }) => arena.core.enroll(arena.handle().token),
  serveCpu: ({ arena }) => arena.core.serveCpu(1),
  workThreadRuns: ({ arena }) => arena.core.workThreadRuns(),
  timerTick: ({ arena }) => arena.core.timerTick(),
  contextLeave: ({ arena }) => arena.core.contextLeave(arena.core.contextEnter(1)),
  createObjectAllocator: ({ arena }) => arena.core.createObjectAllocator(64, 0, 0),
  listAllocators: ({ arena, address }) => arena.core.listAllocators(address, 0),
  createMap: ({ arena }) => void arena.core.createMap(CONSTANTS.KIND_ARRAY, 4, 8, 4, 0, 0, 1, 0),
  publishMap: ({ arena, address }) => void arena.core.publishMap(address),
  discardMap: ({ arena, address }) => arena.core.discardMap(address),
  destroyMap: ({ arena, address }) => void arena.core.destroyMap(address),
  destroyNamed: ({ arena }, name) => arena.core.destroyNamed(name),
  mapPrefill: ({ arena, address }) => arena.core.mapPrefill(address, 1),
  hashUpdate: (map) => void map.update(1, 1, CONSTANTS.EXIST),
  hashDelete: (map) => void map.delete(7),
};

for (const [operation, begin] of Object.entries(BEGINNINGS))
  test(`${operation} has a budget of its own, whatever the operation before it has spent and given up`, async () => {
    const arena = await makeArena();
    const map = new RawMap(arena, { kind: CONSTANTS.KIND_HASH, maxEntries: 8, name: "hash" });
    const name = arena.core.allocateBytes(CONSTANTS.NAME_BYTES);
    const area = arena.core.currentArea();
    words(arena, area + LAYOUT.CpuArea.spinsLeft)[0] = 7;
    words(arena, area + LAYOUT.CpuArea.gaveUp)[0] = 1;
    begin(map, name);
    assert.equal(arena.word(area + LAYOUT.CpuArea.spinsLeft), LOCK_SPINS);
    assert.equal(arena.word(area + LAYOUT.CpuArea.gaveUp), 0);
  });

/** Objects of one's own: sizes and classes, contexts, prefills, bounds, and that every object is accounted for. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Address, ALLOCATE, isAddress, type ObjectAllocator } from "../../src/arena/allocator.ts";
import type { ObjectCacheStatistics } from "../../src/arena/allocator-statistics.ts";
import type { Arena } from "../../src/arena/arena.ts";
import { ERRNO } from "../../src/error.ts";
import { CONSTANTS, LAYOUT } from "../../src/wasm/face.ts";
import { LEVEL, makeArena as makeTestArena, take } from "../testing.ts";

/** Sizes and counts here are those of objects as they are: without the debug mode. */
const makeArena: typeof makeTestArena = (options) => makeTestArena({ debug: false, ...options });

const ENOMEM = -ERRNO.ENOMEM;
const CLASSES = [16, 32, 64, 96, 128, 192, 256, 512, 1024, 2048, 4096];

/** What Linux takes for a payload: the smallest class that also holds the header. */
const payloadOf = (size: number): number => (CLASSES.find((each) => each >= size + 8) ?? 0) - 8;

function cacheOf(allocator: ObjectAllocator, size: number, cpu = 0): ObjectCacheStatistics {
  const found = allocator.statistics().caches.find((each) => each.size === size && each.cpu === cpu);
  if (found === undefined) throw new Error(`no cache of ${size} bytes on CPU ${cpu}`);
  return found;
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, each) => total + each, 0);

const idle = ({ free, extra, byGp, waiting, byRcu, waitingRcu, surplus, promised }: ObjectCacheStatistics): number =>
  free + extra + byGp + waiting + byRcu + waitingRcu + surplus + promised;

/** The list equation for every size; in use as the caller counts. */
function assertEquation(allocator: ObjectAllocator, live: ReadonlyMap<number, number>): void {
  const { caches } = allocator.statistics();
  for (const size of new Set(caches.map((each) => each.size))) {
    const ofSize = caches.filter((each) => each.size === size);
    assert.equal(sum(ofSize.map(idle)) + (live.get(size) ?? 0), sum(ofSize.map((each) => each.owned)), `size ${size}`);
    for (const each of ofSize)
      for (const [name, count] of Object.entries(each))
        if (typeof count === "number" && name !== "owned") assert.ok(count >= 0, `${name} of ${size} is ${count}`);
  }
}

function allocateMany(allocator: ObjectAllocator, count: number, size?: number): Address[] {
  return Array.from({ length: count }, () => take(allocator, size));
}

/** Allocates until refused; the addresses and the errno. */
function exhaust(allocator: ObjectAllocator, size?: number): { addresses: Address[]; errno: number } {
  const addresses: Address[] = [];
  for (;;) {
    const address = allocator.allocate(size);
    if (!isAddress(address)) return { addresses, errno: address };
    addresses.push(address);
  }
}

test("any size: every size from 1 to 4088 comes from its class and goes back to it", async () => {
  const arena = await makeArena();
  const allocator = arena.createAllocator({ any: true });
  for (let size = 1; size <= 4088; size++) {
    const payload = payloadOf(size);
    const address = take(allocator, size);
    assert.equal(allocator.sizeOf(address), payload, `${size} bytes`);
    assert.equal(address % 8, 0);
    assertEquation(allocator, new Map([[payload, 1]]));
    const { free } = cacheOf(allocator, payload);
    allocator.free(address);
    assert.equal(cacheOf(allocator, payload).free, free + 1, `${size} bytes`);
    assert.equal(allocator.allocate(size), address, "last freed, first used");
    allocator.free(address);
  }
  allocator.destroy();
});

test("sizes that cannot be had are refused: 0 EINVAL, too large E2BIG, nonsense too", async () => {
  const arena = await makeArena();
  const any = arena.createAllocator({ any: true });
  const fixed = arena.createAllocator({ objectSize: 24 });
  const perCpu = arena.createAllocator({ any: true, perCpu: true });
  const { core } = arena;
  assert.equal(core.objectAllocate(any.address, 0, 0), ERRNO.EINVAL);
  assert.equal(core.objectAllocate(any.address, 4089, 0), ERRNO.E2BIG);
  assert.equal(core.objectAllocate(any.address, -1, 0), ERRNO.E2BIG);
  for (const [allocator, largest] of [
    [any, 4088],
    [fixed, 24],
    [perCpu, 512],
  ] as const) {
    assert.ok(allocator.allocate(largest) > 0);
    assert.equal(allocator.largest, largest);
    for (const size of [largest + 1, 2 ** 32 + 8, Number.POSITIVE_INFINITY])
      assert.equal(allocator.allocate(size), -ERRNO.E2BIG, `${size}`);
    for (const size of [0, -1, -(2 ** 32) + 8, Number.NaN]) assert.equal(allocator.allocate(size), -ERRNO.EINVAL);
    assert.equal(allocator.prefill(1, largest + 1), -ERRNO.E2BIG);
    assert.equal(allocator.prefill(1, 0), -ERRNO.EINVAL);
    assert.equal(allocator.allocate(8, 3 as never), -ERRNO.EINVAL, "unknown flags");
  }
  assert.equal(any.allocate(), -ERRNO.EINVAL, "any size needs one");
  // With a full cache the core's fast path decides.
  for (const [allocator, largest] of [
    [any, 4088],
    [fixed, 24],
  ] as const) {
    assert.equal(allocator.prefill(100, largest), 0);
    assert.equal(core.objectAllocate(allocator.address, largest + 1, 0), ERRNO.E2BIG);
    assert.equal(core.objectAllocate(allocator.address, 0, 0), ERRNO.EINVAL);
  }
});

for (const size of [1, 8, 9, 21, 248, 249, 1000, 4088, 4089, 16_376, 16_377, 100_000])
  test(`objects of ${size} bytes: what is written stays, memory comes back`, async () => {
    const arena = await makeArena();
    arena.core.trimSlabs();
    const before = arena.core.pagesInUse();
    const allocator = arena.createAllocator({ objectSize: size });
    const addresses = allocateMany(allocator, 50);
    for (const [index, address] of addresses.entries()) allocator.bytes(address).fill(index + 1);
    for (const [index, address] of addresses.entries()) {
      const bytes = allocator.bytes(address);
      assert.equal(bytes.length, size);
      assert.ok(bytes.every((byte) => byte === index + 1));
    }
    for (const address of addresses) allocator.free(address);
    allocator.destroy();
    assert.equal(arena.core.pagesInUse(), before);
  });

test("a per-CPU object is zero in every copy each time, 1/3/1, and charged with all copies", async () => {
  const arena = await makeArena();
  for (const size of [24, 512]) {
    const allocator = arena.createAllocator(
      size === 24 ? { objectSize: 24, perCpu: true } : { any: true, perCpu: true },
    );
    const first = take(allocator, size);
    const payload = allocator.sizeOf(first);
    assert.deepEqual([cacheOf(allocator, payload).low, cacheOf(allocator, payload).high], [1, 3]);
    for (const cpu of [0, 1]) allocator.bytes(first, cpu).fill(7);
    assert.ok(
      allocator.bytes(first, 0).every((byte) => byte === 7),
      "the copies are apart",
    );
    allocator.free(first);
    assert.equal(allocator.allocate(size), first);
    for (const cpu of [0, 1]) assert.ok(allocator.bytes(first, cpu).every((byte) => byte === 0));
    const { bytes, caches } = allocator.statistics();
    assert.equal(bytes, sum(caches.map((each) => each.owned * (each.size + 8) * arena.cpus)));
    allocator.free(first);
    allocator.destroy();
  }
});

test("flags: slab first and slab only leave the cache alone; only where the slab may be reached", async () => {
  const arena = await makeArena();
  const allocator = arena.createAllocator({ objectSize: 56 });
  for (const flags of [ALLOCATE.slabFirst, ALLOCATE.slabOnly]) {
    const { free } = cacheOf(allocator, 56);
    const address = take(allocator, 56, flags);
    assert.equal(cacheOf(allocator, 56).free, free);
    arena.core.contextSet(LEVEL.hardirq, 0);
    const inHardirq = allocator.allocate(56, flags);
    assert.equal(inHardirq > 0, flags === ALLOCATE.slabFirst, "the cache is the fallback of slab first");
    arena.core.contextSet(LEVEL.task, 0);
    if (isAddress(inHardirq)) allocator.free(inHardirq);
    allocator.free(address);
  }
  assert.equal(cacheOf(allocator, 56).misses.hardirq, 1);
});

test("whoever comes in while the list is in use gets nothing and frees to extra, which comes back", async () => {
  const arena = await makeArena();
  const allocator = arena.createAllocator({ objectSize: 56 });
  const [address = -1 as Address] = allocateMany(allocator, 1);
  const set = arena.core.objectSet(allocator.address, 56) >>> 0;
  const active = new Uint32Array(arena.memory.buffer, set + CONSTANTS.SET_BYTES, 3);
  assert.equal(active[1], cacheOf(allocator, 56).free, "the second word is freeCount, the third active");
  arena.core.contextSet(LEVEL.nmi, 0);
  active[2] = 1;
  assert.equal(allocator.allocate(), ENOMEM);
  allocator.free(address);
  assert.equal(cacheOf(allocator, 56).extra, 1);
  assert.equal(active[2], 1, "nesting is as it was");
  arena.core.contextSet(LEVEL.task, 0);
  active[2] = 0;
  assert.equal(allocator.prefill(1), 0);
  active[2] = 1;
  arena.core.contextSet(LEVEL.nmi, 0);
  // What was prefilled is had all the same.
  const prefilled = take(allocator);
  assert.equal(allocator.allocate(), ENOMEM);
  arena.core.contextSet(LEVEL.task, 0);
  active[2] = 0;
  allocator.free(prefilled);
  assertEquation(allocator, new Map());
  arena.poll();
  allocator.trim();
  assert.equal(cacheOf(allocator, 56).extra, 0);
  assertEquation(allocator, new Map());
});

for (const level of ["task", "softirq", "hardirq", "nmi"] as const)
  test(`prefill: in ${level} context the next n allocations succeed in an exhausted arena, the next one does not`, async () => {
    for (const [count, size] of [
      [5, 56],
      [100, 56],
      [1000, 56],
      [7, 4080],
      [3, 20_000],
    ] as const) {
      const arena = await makeArena({ maximumBytes: 4 << 20 });
      const allocator = arena.createAllocator({ objectSize: size });
      const others = [16_000, size].map((objectSize) => arena.createAllocator({ objectSize }));
      assert.equal(allocator.prefill(count), 0);
      for (const other of others) exhaust(other);
      arena.core.contextSet(LEVEL[level], 0);
      const { addresses, errno } = exhaust(allocator);
      assert.ok(addresses.length >= count, `${addresses.length} of ${count} objects of ${size} bytes`);
      assert.ok(level === "task" || level === "softirq" || addresses.length <= count + 4);
      assert.equal(errno, ENOMEM);
      assert.equal(new Set(addresses).size, addresses.length);
    }
  });

test("a prefill survives frees, trims and deferred work; withdrawing it lets the objects go", async () => {
  const arena = await makeArena();
  const allocator = arena.createAllocator({ objectSize: 56 });
  assert.equal(allocator.prefill(300), 0);
  const addresses = allocateMany(allocator, 250);
  for (const address of addresses) allocator.free(address);
  for (let round = 0; round < 5; round++) {
    arena.poll();
    allocator.trim();
  }
  assert.equal(cacheOf(allocator, 56).promised, 300);
  assert.equal(allocator.prefill(0), 0);
  for (let round = 0; round < 5; round++) allocator.trim();
  assert.equal(
    sum(
      allocator
        .statistics()
        .caches.filter(({ cpu }) => cpu === 0)
        .map(({ owned }) => owned),
    ),
    0,
  );
});

test("a refused prefill reserves nothing, on one CPU and on all", async () => {
  const arena = await makeArena({ maximumBytes: 4 << 20 });
  arena.takeCpu(1);
  const allocator = arena.createAllocator({ objectSize: 1000, capacityBytes: 1_000_000 });
  const before = allocator.statistics();
  assert.equal(allocator.prefill(2000), ENOMEM);
  assert.deepEqual({ ...allocator.statistics(), refused: 0 }, before);
  // 600 fit on one CPU, not on both.
  assert.equal(allocator.prefillAll(600), ENOMEM);
  assert.deepEqual({ ...allocator.statistics(), refused: 0 }, before);
  assert.equal(arena.cpu, 1);
  assert.equal(allocator.prefillAll(400), 0);
  assert.deepEqual(
    allocator.statistics().caches.map(({ free, promised }) => [free, promised]),
    [
      [0, 400],
      [0, 400],
    ],
  );
  const owned = (): number[] => allocator.statistics().caches.map((each) => each.owned);
  const prefilled = owned();
  assert.equal(allocator.prefillAll(600), ENOMEM);
  assert.deepEqual(owned(), prefilled);
  assert.deepEqual(
    allocator.statistics().caches.map((each) => each.promised),
    [400, 400],
    "the earlier prefill stands",
  );
});

test("a capacity is kept to the byte, refusals are counted, and what is freed can be had again", async () => {
  const arena = await makeArena();
  const allocator = arena.createAllocator({ objectSize: 56, capacityBytes: 64 * 1000 });
  const { addresses, errno } = exhaust(allocator);
  assert.equal(errno, ENOMEM);
  const { bytes, limitBytes, refused, caches } = allocator.statistics();
  assert.equal(limitBytes, 64_000);
  assert.equal(bytes, 64_000, "single objects fill what a batch does not fit in");
  assert.equal(addresses.length, 1000 - (caches.find(({ cpu }) => cpu === 1)?.free ?? 0));
  assert.ok(refused > 0);
  for (const address of addresses) allocator.free(address);
  assert.equal(exhaust(allocator).addresses.length, addresses.length);
});

test("allocated on one CPU and freed on the other, memory stays bounded", async () => {
  const arena = await makeArena();
  arena.takeCpu(1);
  const allocator = arena.createAllocator({ objectSize: 56 });
  let most = 0;
  for (let round = 0; round < 2000; round++) {
    arena.switchCpu(0);
    const addresses = allocateMany(allocator, 100);
    arena.switchCpu(1);
    for (const address of addresses) allocator.free(address);
    most = Math.max(most, allocator.statistics().bytes);
  }
  assertEquation(allocator, new Map());
  // 200,000 objects passed by; what is held is a few watermarks.
  assert.ok(most <= 64 * 700, `${most} bytes`);
});

test("in an exhausted arena what is owned is what there is, and all of it comes back", async () => {
  const arena = await makeArena({ maximumBytes: 4 << 20 });
  const before = arena.core.pagesInUse();
  const allocator = arena.createAllocator({ objectSize: 120 });
  const { addresses, errno } = exhaust(allocator);
  assert.equal(errno, ENOMEM);
  assert.ok(addresses.length > 10_000);
  assertEquation(allocator, new Map([[120, addresses.length]]));
  const { bytes, caches } = allocator.statistics();
  assert.equal(bytes, 128 * sum(caches.map((each) => each.owned)));
  for (const address of addresses) allocator.free(address);
  allocator.destroy();
  assert.equal(arena.core.pagesInUse(), before);
});

test("where memory is out, the last empty slab of what is idle is had too", async () => {
  // On one CPU: another one would keep what it has cached.
  const had = async (idleSize: number): Promise<number> => {
    const arena = await makeArena({ maximumBytes: 4 << 20, cpus: 1 });
    const [idle, allocator] = [idleSize, 4080].map((objectSize) => arena.createAllocator({ objectSize }));
    assert.ok(idle !== undefined && allocator !== undefined);
    assert.ok(cacheOf(idle, idleSize).owned > 0);
    const { length } = exhaust(allocator).addresses;
    assert.equal(cacheOf(idle, idleSize).owned, 0);
    return length;
  };
  assert.equal(await had(1000), await had(4080));
});

type Step =
  | { readonly kind: "context"; readonly level: number; readonly interruptsOff: number }
  | { readonly kind: "cpu"; readonly cpu: number }
  | { readonly kind: "allocate"; readonly size: number; readonly flags: 0 | 1 | 2; readonly count: number }
  | { readonly kind: "free" | "freeRcu"; readonly pick: number; readonly count: number }
  | { readonly kind: "prefill"; readonly size: number; readonly count: number }
  | { readonly kind: "tick" | "trim" | "reader" };

const STEP: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ kind: fc.constant("context" as const), level: fc.nat(3), interruptsOff: fc.nat(1) }),
  fc.record({ kind: fc.constant("cpu" as const), cpu: fc.nat(1) }),
  fc.record({
    kind: fc.constant("allocate" as const),
    size: fc.integer({ min: 1, max: 4088 }),
    flags: fc.constantFrom(0 as const, 1 as const, 2 as const),
    count: fc.integer({ min: 1, max: 120 }),
  }),
  fc.record({ kind: fc.constantFrom("free" as const, "freeRcu" as const), pick: fc.nat(), count: fc.nat(150) }),
  fc.record({ kind: fc.constant("prefill" as const), size: fc.integer({ min: 1, max: 4088 }), count: fc.nat(200) }),
  fc.record({ kind: fc.constantFrom("tick" as const, "trim" as const, "reader" as const) }),
);

/** The naive model: which objects are allocated, and the byte each is filled with. */
class Model {
  readonly live: { readonly address: Address; readonly size: number; readonly canary: number }[] = [];
  #next = 0;
  #reading = [false, false];
  readonly #arena: Arena;
  readonly #allocator: ObjectAllocator;

  constructor(arena: Arena, allocator: ObjectAllocator) {
    this.#arena = arena;
    this.#allocator = allocator;
  }

  step(step: Step): void {
    const { core } = this.#arena;
    if (step.kind === "context") core.contextSet(step.level, step.interruptsOff);
    else if (step.kind === "cpu") this.#arena.switchCpu(step.cpu);
    else if (step.kind === "allocate") this.#allocate(step.size, step.flags, step.count);
    else if (step.kind === "free" || step.kind === "freeRcu") this.#free(step.kind, step.pick, step.count);
    else if (step.kind === "prefill") this.#allocator.prefill(step.count, step.size);
    else if (step.kind === "tick") core.timerTick();
    else if (step.kind === "trim") this.#trim();
    else this.#toggleReader();
  }

  #trim(): void {
    const level = this.#arena.word(this.#arena.core.currentArea() + LAYOUT.CpuArea.level);
    if (level < LEVEL.hardirq) this.#allocator.trim();
    else assert.throws(() => this.#allocator.trim(), { code: "EPERM" });
  }

  #allocate(size: number, flags: 0 | 1 | 2, count: number): void {
    for (let index = 0; index < count; index++) {
      const address = this.#allocator.allocate(size, flags);
      if (!isAddress(address)) {
        assert.equal(address, ENOMEM);
        return;
      }
      const canary = ++this.#next & 0xff;
      this.#allocator.bytes(address).fill(canary);
      this.live.push({ address, size, canary });
    }
  }

  #free(kind: "free" | "freeRcu", pick: number, count: number): void {
    for (let index = 0; index < count && this.live.length > 0; index++) {
      const [object] = this.live.splice((pick + index * 7) % this.live.length, 1);
      if (object === undefined) return;
      this.check(object);
      this.#allocator[kind](object.address);
    }
  }

  /** Readers come and go on both CPUs: grace periods last. */
  #toggleReader(): void {
    const { core, cpu } = this.#arena;
    if (this.#reading[cpu]) core.readLeave();
    else core.readEnter();
    this.#reading[cpu] = !this.#reading[cpu];
  }

  check({ address, size, canary }: Model["live"][number]): void {
    const bytes = this.#allocator.bytes(address);
    assert.equal(bytes.length, payloadOf(size));
    assert.ok(
      bytes.every((byte) => byte === canary),
      `object at ${address} was overwritten`,
    );
  }

  counts(): Map<number, number> {
    const counts = new Map<number, number>();
    for (const { size } of this.live) counts.set(payloadOf(size), (counts.get(payloadOf(size)) ?? 0) + 1);
    return counts;
  }

  /** Everything is freed, readers leave, contexts end: the allocator can be destroyed. */
  finish(): void {
    for (const cpu of [0, 1]) {
      this.#arena.switchCpu(cpu);
      this.#arena.core.contextSet(LEVEL.task, 0);
      if (this.#reading[cpu]) this.#toggleReader();
    }
    for (const object of this.live) this.check(object);
    for (const { address } of this.live) this.#allocator.free(address);
  }
}

test("random operations in random contexts on two CPUs: nothing overlaps, every object is accounted for, all comes back", async () => {
  const steps = fc.array(STEP, { maxLength: 60 });
  await fc.assert(
    fc.asyncProperty(steps, fc.constantFrom(2 ** 31, 400_000), async (list, capacityBytes) => {
      const arena = await makeArena({ maximumBytes: 16 << 20 });
      arena.takeCpu(1);
      const before = arena.core.pagesInUse();
      const allocator = arena.createAllocator({ any: true, capacityBytes });
      const model = new Model(arena, allocator);
      for (const step of list) {
        model.step(step);
        assertEquation(allocator, model.counts());
      }
      const { inUse } = allocator.statistics();
      assert.deepEqual(
        new Map(inUse.map(({ size, count }) => [size, count])),
        new Map([...model.counts()].sort(([a], [b]) => a - b)),
      );
      model.finish();
      allocator.destroy();
      assert.equal(arena.core.pagesInUse(), before);
    }),
    { numRuns: 150 },
  );
});

test("objects are one or one for each CPU: nothing else is taken", async () => {
  const { core } = await makeArena();
  for (const perCpu of [2, 3, 2 ** 31]) assert.equal(core.createObjectAllocator(64, perCpu, 2 ** 31), ERRNO.EINVAL);
});

/** What is done wrong with objects: found in debug mode, refused without it, and never a trap. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { take } from "../../core/testing.ts";
import { u32, u64 } from "../maps/codec/codec.ts";
import { type Address, type AllocateErrno, isAddress, type ObjectAllocator } from "./allocator.ts";
import type { AllocatorOptions } from "./allocator-options.ts";
import { Arena } from "./arena.ts";

const makeArena = (debug = true): Promise<Arena> => Arena.create({ cpus: 2, maximumBytes: 64 << 20, seed: 1, debug });

const KINDS: readonly AllocatorOptions[] = [
  { objectSize: 13 },
  { objectSize: 48 },
  { objectSize: 40_000 },
  { any: true },
  { objectSize: 24, perCpu: true },
  { any: true, perCpu: true },
];

function titleOf({ objectSize, perCpu = false }: AllocatorOptions): string {
  return `${objectSize ?? "any size"}${perCpu ? ", per CPU" : ""}`;
}

function sizeOf({ objectSize }: AllocatorOptions): number {
  return objectSize ?? 21;
}

/** Addresses that are no object of the allocator. */
function foreign(arena: Arena, allocator: ObjectAllocator, live: Address): readonly unknown[] {
  const other = arena.createAllocator({ objectSize: 48, name: "other" });
  const map = arena.createMap({ type: "hash", name: "map", key: u32, value: u64, maxEntries: 100 });
  map.set(1, 1n);
  const bytes = arena.memory.buffer.byteLength;
  return [
    ...[0, 1, 8, 4096, 65_536, 65_537, 65_544, 70_000, 12_345, 131_072],
    ...[live + 1, live + 4, live + 8, live - 8, live + 16_384],
    ...[take(other), allocator.address, allocator.address + 8, other.address, map.info.address, arena.allocate(100)],
    ...[bytes - 8, bytes, bytes + 8, 2 ** 32 - 8, 2 ** 32 - 1, 2 ** 32, 2 ** 32 + live, 2 ** 53],
    ...[-1, -12, -22, 0.5, live + 0.5, Number.NaN, Number.POSITIVE_INFINITY],
    ...[undefined, null, "x", String(live), 5n, BigInt(live), {}, [], [live], Symbol("s"), true],
  ];
}

for (const options of KINDS)
  for (const debug of [false, true])
    test(`${titleOf(options)}, debug ${debug}: what is no object of the allocator is refused, and nothing has happened`, async () => {
      const arena = await makeArena(debug);
      const allocator = arena.createAllocator(options);
      const live = take(allocator, sizeOf(options));
      const wrong = foreign(arena, allocator, live) as Address[];
      const before = new Uint8Array(arena.memory.buffer).slice();
      for (const address of wrong) {
        for (const free of ["free", "freeRcu"] as const)
          if (debug)
            assert.throws(() => allocator[free](address), {
              name: "AnyctxError",
              message: /^Cannot free .*: it is no object/,
            });
          else assert.equal(allocator[free](address), -22, String(address as never));
        assert.equal(allocator.sizeOf(address), 0);
        assert.throws(() => allocator.bytes(address), { code: "EINVAL" });
      }
      assert.equal(Buffer.compare(before, new Uint8Array(arena.memory.buffer)), 0);
      assert.equal(allocator.free(live), 0);
    });

for (const options of KINDS)
  test(`${titleOf(options)}: the debug mode finds a double free, and what is written behind the end`, async () => {
    const arena = await makeArena();
    arena.takeCpu(1);
    const allocator = arena.createAllocator({ ...options, name: "nodes" });
    const size = sizeOf(options);
    for (const free of ["free", "freeRcu"] as const) {
      const object = take(allocator, size);
      assert.equal(allocator.sizeOf(object), size);
      for (const cpu of [0, 1]) assert.equal(allocator.bytes(object, cpu).length, size);
      allocator.bytes(object).fill(0xfd);
      assert.equal(allocator[free](object), 0);
      for (const again of ["free", "freeRcu"] as const)
        assert.throws(() => allocator[again](object), { code: "ENOENT", message: /"nodes": it is freed already$/ });
      assert.equal(allocator.sizeOf(object), 0);
      const next = take(allocator, size);
      const copies = options.perCpu === true ? [0, 1] : [0];
      for (const cpu of copies) {
        const { byteOffset } = allocator.bytes(next, cpu);
        const behind = new Uint8Array(arena.memory.buffer, byteOffset + size, 4);
        for (const at of [0, 3]) {
          const was = behind[at] as number;
          behind[at] = was ^ 1;
          assert.throws(() => allocator[free](next), { code: "EFAULT", message: /written behind its end$/ });
          behind[at] = was;
        }
      }
      // The end itself, as a write of many bytes does.
      const { byteOffset } = allocator.bytes(next);
      const tail = new Uint8Array(arena.memory.buffer, byteOffset + size, 16);
      const was = tail.slice();
      tail.fill(0);
      assert.throws(() => allocator[free](next), { code: "EFAULT" });
      tail.set(was);
      assert.equal(allocator[free](next), 0);
    }
    for (let round = 0; round < 4; round++) arena.poll();
    assert.deepEqual(allocator.statistics().inUse, []);
    allocator.destroy();
  });

test("the debug mode is of the allocator, for every thread that opens it; its default is the arena's", async () => {
  const arena = await makeArena();
  const other = await Arena.attach(arena.handle());
  const allocator = arena.createAllocator({ objectSize: 48 });
  const theirs = other.openAllocator(allocator.address);
  const object = take(allocator);
  assert.equal(theirs.free(object), 0);
  assert.throws(() => theirs.free(object), { code: "ENOENT" });
  assert.throws(() => allocator.free(object), { code: "ENOENT" });
  assert.equal(theirs.largest, 48);
  const plain = arena.createAllocator({ objectSize: 48, debug: false });
  plain.free(take(plain));
  assert.equal(other.createAllocator({ objectSize: 48 }).statistics().caches[0]?.size, 48);
  const { objectSize, caches } = allocator.statistics();
  assert.deepEqual([objectSize, caches[0]?.size], [48, 48]);
});

test("random use in debug mode finds nothing where nothing is wrong", async () => {
  const arena = await makeArena();
  arena.takeCpu(1);
  for (const options of KINDS) {
    const allocator = arena.createAllocator({
      ...options,
      prefill: options.any === true ? { count: 5, size: 9 } : 5,
    } as never);
    const live: { object: Address; size: number; byte: number }[] = [];
    let state = 1;
    const random = (below: number): number => {
      state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
      return (state >>> 8) % below;
    };
    for (let step = 0; step < 3000; step++) {
      if (random(50) === 0) arena.switchCpu(random(2));
      if (random(100) === 0) arena.poll();
      if (live.length < 40 && random(2) === 0) {
        const size = 1 + random(options.any === true ? Math.min(allocator.largest, 600) : allocator.largest);
        const object = take(allocator, size);
        const byte = random(256);
        allocator.bytes(object).fill(byte);
        live.push({ object, size, byte });
      } else if (live.length > 0) {
        const [{ object, size, byte }] = live.splice(random(live.length), 1) as [(typeof live)[0]];
        const { cpu } = arena;
        if (options.perCpu !== true) {
          const bytes = allocator.bytes(object, cpu);
          assert.equal(bytes.length, size);
          assert.ok(bytes.every((each) => each === byte));
        }
        if (random(4) === 0) allocator.freeRcu(object);
        else allocator.free(object);
      }
    }
    for (const { object } of live) allocator.free(object);
    arena.switchCpu(0);
    for (let round = 0; round < 6; round++) {
      arena.poll();
      allocator.trim();
    }
    assert.deepEqual(allocator.statistics().inUse, []);
    allocator.destroy();
  }
});

test("what allocate returns has to be told apart before it can be used", async () => {
  const arena = await makeArena(false);
  const allocator = arena.createAllocator({ objectSize: 24 });
  const result: Address | AllocateErrno = allocator.allocate();
  // @ts-expect-error it may be an errno
  assert.equal(allocator.free(result), 0);
  const again = allocator.allocate();
  assert.ok(isAddress(again));
  assert.equal(allocator.free(again), 0);
  for (const [size, flags, errno] of [
    [0, 0, -22],
    [1.5, 0, -22],
    [25, 0, -7],
    [2 ** 40, 0, -7],
    ["8", 0, -22],
    [8n, 0, -22],
    [Symbol("s"), 0, -22],
    [8, 3, -22],
    [8, 2 ** 32, -22],
    [8, 0.5, -22],
    [8, 1n, -22],
  ] as unknown as readonly [never, never, number][])
    assert.equal(allocator.allocate(size, flags), errno, `${String(size)} ${String(flags)}`);
  for (const [count, size] of [
    [-1, 8],
    [0.5, 8],
    ["1", 8],
    [1n, 8],
    [1, 0],
    [1, 1n],
    [1, 0.5],
  ] as unknown as [never, never][]) {
    assert.equal(allocator.prefill(count, size), -22);
    assert.equal(allocator.prefillAll(count, size), -22);
  }
});

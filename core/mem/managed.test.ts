/** Control-plane memory: zeroed, its CPU's until that is given back, and a clean 0 when memory is out. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Arena } from "../../src/arena/arena.ts";
import { ERRNO } from "../../src/error.ts";
import { CONSTANTS } from "../../src/wasm/face.ts";
import { makeArena, makeHash } from "../testing.ts";

const { PAGE_BYTES } = CONSTANTS;

/** Pages in use without the empty slabs that classes keep. */
function pagesInUse({ core }: Arena): number {
  core.trimSlabs();
  return core.pagesInUse();
}

const memoryAt = (arena: Arena, address: number, size: number): Uint8Array =>
  new Uint8Array(arena.memory.buffer, address, size);

test("memory is aligned and zeroed whatever was there before, and nobody else's", async () => {
  const arena = await makeArena();
  const before = pagesInUse(arena);
  const sizes = fc.array(fc.oneof(fc.integer({ min: 0, max: 300 }), fc.integer({ min: 4000, max: 50_000 })), {
    maxLength: 30,
    size: "max",
  });
  fc.assert(
    fc.property(sizes, fc.infiniteStream(fc.nat()), (wanted, random) => {
      const live: { address: number; size: number; mark: number }[] = [];
      const free = ({ address, size, mark }: (typeof live)[number]): void => {
        assert.ok(Buffer.alloc(size, mark).equals(memoryAt(arena, address, size)));
        arena.core.freeBytes(address);
      };
      for (const [index, size] of wanted.entries()) {
        const address = arena.core.allocateBytes(size);
        assert.equal(address % 8, 0);
        assert.ok(Buffer.alloc(size).equals(memoryAt(arena, address, size)), `${size} bytes`);
        memoryAt(arena, address, size).fill(index + 1);
        live.push({ address, size, mark: index + 1 });
        const choice = (random.next().value ?? 0) % (2 * live.length);
        for (const each of live.splice(choice, 1)) free(each);
      }
      for (const each of live) free(each);
      assert.equal(pagesInUse(arena), before);
    }),
  );
});

test("however small, two pieces share no cache line", async () => {
  const { core } = await makeArena();
  const lines = Array.from({ length: 200 }, (_, index) => core.allocateBytes(index % 24) >>> 6);
  assert.equal(new Set(lines).size, lines.length);
});

test("nothing is freed for the address 0 and for an errno", async () => {
  const arena = await makeArena();
  const before = pagesInUse(arena);
  for (const address of [0, ERRNO.ENOMEM, ERRNO.ETIMEDOUT]) arena.core.freeBytes(address);
  assert.equal(pagesInUse(arena), before);
});

test("out of memory is an errno and takes nothing, for objects, runs and sizes that wrap around", async () => {
  for (const size of [100, 4000, 5 * PAGE_BYTES]) {
    const arena = await makeArena({ maximumBytes: 2 << 20 });
    const before = pagesInUse(arena);
    assert.equal(arena.core.allocateBytes(2 << 20), ERRNO.ENOMEM);
    for (const huge of [0xffffffff, 0xfffffff8, 0xfffffff0]) assert.equal(arena.core.allocateBytes(huge), ERRNO.ENOMEM);
    const addresses: number[] = [];
    for (
      let address = arena.core.allocateBytes(size);
      address >= CONSTANTS.SUPERBLOCK;
      address = arena.core.allocateBytes(size)
    )
      addresses.push(address);
    const most = arena.core.pagesInUse();
    assert.ok(addresses.length * size > 1 << 19, `${addresses.length} times ${size} bytes`);
    assert.equal(arena.core.allocateBytes(size), ERRNO.ENOMEM);
    assert.equal(arena.core.pagesInUse(), most);
    for (const address of addresses) arena.core.freeBytes(address);
    assert.equal(pagesInUse(arena), before);
  }
});

test("what a CPU's holder has goes when the CPU is given back, what others have stays", async () => {
  const arena = await makeArena();
  const other = await Arena.attach(arena.handle());
  const before = pagesInUse(arena);
  const sizes = [8, 1000, 4088, 4089, 100_000];
  const kept = sizes.map((size) => arena.allocate(size));
  const withKept = pagesInUse(arena);
  for (const size of sizes) other.allocate(size);
  arena.core.freeBytes(other.allocate(50_000));
  assert.ok(pagesInUse(arena) > withKept, "the other has memory too");
  other.core.releaseCpu(other.cpu);
  assert.equal(pagesInUse(arena), withKept);
  for (const address of kept) arena.core.freeBytes(address);
  // What attaching took is the other's as well.
  assert.ok(pagesInUse(arena) <= before);
});

test("a map's description is the map's: it outlives the CPU that wrote it and goes with the map", async () => {
  const arena = await makeArena();
  const before = pagesInUse(arena);
  const other = await Arena.attach(arena.handle());
  makeHash(other, { name: "kept", valueSize: 24 });
  other.detach();
  // Would be written over the description if that had gone with the CPU.
  const bytes = arena.allocate(64);
  memoryAt(arena, bytes, 64).fill(0xff);
  const map = arena.openMap<number, Uint8Array>("kept");
  assert.deepEqual([map.update(1, new Uint8Array(24).fill(7)), map.get(1)], [0, new Uint8Array(24).fill(7)]);
  map.close();
  arena.core.freeBytes(bytes);
  arena.destroyMap("kept");
  for (let round = 0; round < 4; round++) arena.trim();
  assert.equal(pagesInUse(arena), before);
});

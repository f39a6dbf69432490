import assert from "node:assert/strict";
import { test } from "node:test";
import { type AnyctxError, errnoName } from "../error.ts";
import { bytes, u32, u64 } from "../maps/codec/codec.ts";
import { MAP_KINDS } from "../maps/kinds.ts";
import { CONSTANTS, LAYOUT } from "../wasm/face.ts";
import { instantiateCore } from "../wasm/instance.ts";
import { compileCore } from "../wasm/load-core.ts";
import { isAddress } from "./allocator.ts";
import { Arena, type ArenaHandle } from "./arena.ts";
import { cacheStatistics, mapStatistics } from "./statistics.ts";

test("bad sizes are refused with what and why", async () => {
  await assert.rejects(Arena.create({ cpus: 0 }), { code: "EINVAL", message: /1 to 1024 CPUs, not 0/ });
  await assert.rejects(Arena.create({ maximumBytes: 100 }), { code: "EINVAL" });
  await assert.rejects(Arena.create({ maximumBytes: 2 ** 33 }), { code: "EINVAL" });
  await assert.rejects(Arena.create({ maximumBytes: Number.NaN }), { code: "EINVAL" });
  await assert.rejects(Arena.create({ maximumBytes: 400_000, cpus: 1024 }), { code: "ENOMEM", message: /too small/ });
});

test("the largest arena can be made: memory is reserved, not used", async () => {
  const before = process.memoryUsage.rss();
  const arena = await Arena.create({ maximumBytes: 2 ** 32, cpus: 2 });
  const map = arena.createMap({ type: "hash", name: "map", key: u32, value: u64, maxEntries: 10 });
  assert.equal(map.set(1, 2n).get(1), 2n);
  assert.equal(arena.memory.buffer.byteLength, 2 ** 32 - 65536, "but for the end, where an address could be an errno");
  assert.ok(process.memoryUsage.rss() - before < 64 << 20);
});

test("attaching to anything that is no arena says so", async () => {
  const { core, token } = (await Arena.create({ cpus: 1 })).handle();
  const memory = (initial: number): WebAssembly.Memory =>
    new WebAssembly.Memory({ initial, maximum: 100, shared: true });
  const refused = { name: "AnyctxError", code: "BAD_ARENA" };
  await assert.rejects(Arena.attach({} as ArenaHandle), refused);
  await assert.rejects(Arena.attach({ memory: memory(1), core, token }), refused);
  await assert.rejects(Arena.attach({ memory: memory(10), core, token }), { ...refused, message: /holds no arena/ });
  const empty = new WebAssembly.Module(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0));
  await assert.rejects(Arena.attach({ memory: memory(10), core: empty, token }), refused);
});

test("an arena of another layout version is refused", async () => {
  const arena = await Arena.create({ cpus: 2 });
  new Uint32Array(arena.memory.buffer, 65536, 2)[1] = 99;
  await assert.rejects(Arena.attach(arena.handle()), { code: "BAD_ARENA", message: /layout 99/ });
});

test("a CPU slot has one holder; detaching gives it to the next", async () => {
  const first = await Arena.create({ cpus: 2 });
  const second = await Arena.attach(first.handle());
  assert.deepEqual([first.cpu, second.cpu], [0, 1]);
  await assert.rejects(Arena.attach(first.handle()), { code: "EBUSY", message: /All 2 CPU slots/ });
  assert.throws(() => first.switchCpu(1), { code: "EINVAL" });
  second.detach();
  const third = await Arena.attach(first.handle(), 1);
  assert.equal(third.cpu, 1);
});

test("maps are found by name from every instance, once", async () => {
  const arena = await Arena.create({ cpus: 2 });
  const made = arena.createMap({ type: "hash", name: "flows", key: u32, value: u64, maxEntries: 10 });
  made.set(7, 8n);
  const other = await Arena.attach(arena.handle());
  assert.equal(other.openMap<number, bigint>("flows").get(7), 8n);
  assert.throws(() => other.openMap("none"), { code: "ENOENT", message: /no map "none"/ });
  const again = { type: "hash", name: "flows", key: u32, value: u64, maxEntries: 10 } as const;
  assert.throws(() => other.createMap(again), { code: "EEXIST" });
  const pages = arena.core.pagesInUse();
  for (const name of ["", "x".repeat(64), "a\0b"]) {
    assert.throws(() => arena.createMap({ ...again, name }), { code: "EINVAL", message: /name/ });
    assert.throws(() => arena.openMap(name), { code: "EINVAL", message: /name/ });
  }
  assert.equal(arena.core.pagesInUse(), pages, "a refused name leaves nothing behind");
  arena.destroyMap("flows");
  assert.throws(() => other.openMap("flows"), { code: "ENOENT" });
  assert.throws(() => arena.destroyMap("flows"), { code: "ENOENT" });
});

test("creating a map refuses what Linux refuses, and leaves nothing behind", async () => {
  const arena = await Arena.create({ cpus: 2, maximumBytes: 8 << 20 });
  const options = { type: "hash", name: "map", key: u32, value: u64, maxEntries: 10 } as const;
  const before = arena.core.pagesInUse();
  assert.throws(() => arena.createMap({ ...options, maxEntries: 0 }), { code: "EINVAL" });
  assert.throws(() => arena.createMap({ ...options, type: "array", key: u64 as never }), { code: "EINVAL" });
  assert.throws(() => arena.createMap({ ...options, type: "queue" as never }), { code: "EINVAL" });
  assert.throws(() => arena.createMap({ ...options, maxEntries: 2 ** 28, prealloc: true }), { code: "ENOMEM" });
  assert.throws(() => arena.createMap({ ...options, maxEntries: 2 ** 28 + 1 }), { code: "E2BIG" });
  assert.throws(() => arena.createMap({ ...options, maxEntries: 600_000, prealloc: true }), { code: "ENOMEM" });
  assert.equal(arena.core.pagesInUse(), before);
  assert.deepEqual(arena.maps(), []);
});

test("a map whose transfer buffer cannot be had is not left behind", async () => {
  const arena = await Arena.create({ cpus: 1, maximumBytes: 2 << 20 });
  const value = bytes(200_000);
  // Large objects use the arena up until the map itself still fits and its buffer does not.
  const held: number[] = [];
  for (
    let address = arena.core.allocateBytes(16_000);
    address >= CONSTANTS.SUPERBLOCK;
    address = arena.core.allocateBytes(16_000)
  )
    held.push(address >>> 0);
  let created = 0;
  for (const address of held) {
    arena.core.freeBytes(address);
    try {
      arena.createMap({ type: "hash", name: "map", key: u32, value, maxEntries: 4 }).close();
      created++;
      arena.destroyMap("map");
    } catch (error) {
      assert.equal((error as AnyctxError).code, "ENOMEM");
    }
    assert.deepEqual(arena.maps(), [], "neither created nor refused is a map there now");
  }
  assert.ok(created > 0, "at last there is room");
});

test("forceDynamic makes every hash dynamic and its flags show it", async () => {
  const options = { type: "hash", key: u32, value: u64, maxEntries: 10, prealloc: true } as const;
  for (const forceDynamic of [false, true]) {
    const arena = await Arena.create({ cpus: 1, forceDynamic });
    assert.equal(arena.createMap({ ...options, name: "map" }).info.flags, forceDynamic ? 1 : 0);
    assert.throws(() => arena.setForceDynamic(!forceDynamic), { code: "EBUSY", message: /"map"/ });
    arena.destroyMap("map");
    arena.setForceDynamic(!forceDynamic);
    assert.equal(arena.createMap({ ...options, name: "map" }).info.flags, forceDynamic ? 0 : 1);
  }
});

test("the core exports what the registry of map kinds names, and nothing of a JavaScript runtime", async () => {
  const module = await compileCore();
  assert.deepEqual(
    WebAssembly.Module.imports(module).map((row) => row.name),
    ["memory"],
  );
  const memory = new WebAssembly.Memory({ initial: 4, maximum: 65536, shared: true });
  const { functions } = await instantiateCore(module, memory);
  for (const kind of MAP_KINDS)
    for (const name of [...Object.values(kind.program), ...Object.values(kind.system)])
      assert.equal(typeof functions[name], "function", `${kind.type}: ${name}`);
});

test("a second instance on the same memory changes none of its bytes: the core has no data of its own", async () => {
  const arena = await Arena.create({ cpus: 2, maximumBytes: 8 << 20 });
  arena.createMap({ type: "hash", name: "map", key: u32, value: u64, maxEntries: 10 }).set(1, 1n);
  const before = Uint8Array.from(new Uint8Array(arena.memory.buffer));
  await instantiateCore(arena.handle().core, arena.memory);
  assert.deepEqual(Buffer.compare(before, Uint8Array.from(new Uint8Array(arena.memory.buffer))), 0);
});

test("trim gives back what is cached and not in use, as far as no reader is inside", async () => {
  const arena = await Arena.create({ cpus: 2, maximumBytes: 64 << 20 });
  const value = bytes(500);
  const map = arena.createMap({ type: "hash", name: "map", key: u32, value, maxEntries: 10_000 });
  arena.trim();
  const empty = arena.core.pagesInUse();
  for (let key = 0; key < 5000; key++) map.set(key, new Uint8Array(500));
  for (let key = 0; key < 5000; key++) map.delete(key);
  arena.takeCpu(1);
  arena.core.readEnter();
  arena.switchCpu(0);
  arena.trim();
  const held = arena.core.pagesInUse();
  assert.ok(held > empty, "a reader on another CPU may still be in what was trimmed");
  arena.switchCpu(1);
  arena.core.readLeave();
  arena.switchCpu(0);
  assert.equal(arena.trim(), (held - empty) * 16384);
  assert.equal(map.set(1, new Uint8Array(500)).size, 1);
});

test("a destroyed map's memory stays while a thread has it open, and closed it answers nothing", async () => {
  const arena = await Arena.create({ cpus: 2, maximumBytes: 64 << 20 });
  const other = await Arena.attach(arena.handle());
  const map = arena.createMap({ type: "hash", name: "map", key: u32, value: u64, maxEntries: 1000 });
  const theirs = other.openMap<number, bigint>("map");
  const again = other.openMap<number, bigint>("map");
  theirs.set(1, 1n);
  arena.destroyMap("map");
  map.close();
  again.close();
  for (let round = 0; round < 3; round++) arena.poll();
  const next = arena.createMap({ type: "hash", name: "map", key: u32, value: u64, maxEntries: 1000 });
  assert.notEqual(next.info.address, map.info.address, "the destroyed one is still there");
  theirs.set(2, 2n);
  assert.deepEqual([theirs.get(1), theirs.get(2), next.size], [1n, 2n, 0]);
  theirs.close();
  theirs.close();
  assert.equal(theirs.update(3, 3n), -9);
  for (const use of [() => theirs.get(1), () => theirs.delete(1)]) assert.throws(use, { code: "EBADF" });
  assert.throws(() => theirs.set(3, 3n), { code: "EBADF" });
  for (let round = 0; round < 3; round++) arena.poll();
  const last = arena.createMap({ type: "hash", name: "last", key: u32, value: u64, maxEntries: 1000 });
  assert.equal(last.info.address, map.info.address, "its memory has come back");
});

test("a map whose codecs cannot be read is not left open", async () => {
  const arena = await Arena.create({ cpus: 1, maximumBytes: 64 << 20 });
  const map = arena.createMap({ type: "array", name: "map", key: u32, value: u64, maxEntries: 100_000 });
  const description = arena.word(map.info.address + LAYOUT.MapHeader.description);
  new Uint8Array(arena.memory.buffer, description, 1)[0] = 0x7b;
  assert.throws(() => arena.openMap("map"));
  map.close();
  const before = arena.core.pagesInUse();
  arena.destroyMap("map");
  arena.poll();
  assert.ok(arena.core.pagesInUse() < before - 40);
});

test("what a thread has open is closed when it detaches", async () => {
  const arena = await Arena.create({ cpus: 2, maximumBytes: 64 << 20 });
  const other = await Arena.attach(arena.handle());
  arena.createMap({ type: "array", name: "map", key: u32, value: u64, maxEntries: 100_000 }).close();
  other.openMap("map");
  const before = arena.core.pagesInUse();
  arena.destroyMap("map");
  assert.equal(arena.core.pagesInUse(), before);
  other.detach();
  arena.poll();
  assert.ok(arena.core.pagesInUse() < before - 40);
});

test("a wrong call of what is not opened first is one sentence that names the argument", async () => {
  const arena = await Arena.create({ maximumBytes: 8 << 20 });
  const map = arena.createMap({ type: "hash", name: "map", key: u32, value: u32, maxEntries: 10 });
  const odd = [undefined, null, -1, 1.5, Number.NaN, 2 ** 53, 1n, "1", Symbol("s"), {}, [1]];
  const calls: readonly [RegExp, (value: never) => unknown][] = [
    [/^mapStatistics needs an arena as arena, not /, (value) => mapStatistics(value, map.info)],
    [/^cacheStatistics needs an arena as arena, not /, (value) => cacheStatistics(value, map.info)],
    [/^mapStatistics needs the info of a map as map, not /, (value) => mapStatistics(arena, value)],
    [/^cacheStatistics needs the info of a map as map, not /, (value) => cacheStatistics(arena, value)],
    [/^word needs a multiple of 4 inside of the arena as address, not /, (value) => arena.word(value)],
    [/^allocate needs a whole number of 32 bits as bytes, not /, (value) => arena.allocate(value)],
    [/^onHeldCpus needs a function as act, not /, (value) => arena.onHeldCpus(value)],
    [/^read needs a function as act, not /, (value) => arena.read(value)],
  ];
  for (const [message, call] of calls)
    for (const value of odd)
      assert.throws(() => call(value as never), { name: "AnyctxError", code: "EINVAL", message });
  assert.throws(() => mapStatistics(arena, map as never), {
    message: /needs the info of a map as map, not an object$/,
  });
  for (const value of odd) {
    assert.equal(isAddress(value as never), value === 2 ** 53);
    assert.equal(errnoName(value as never), value === -1 ? "EPERM" : undefined);
  }
});

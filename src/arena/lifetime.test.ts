/**
 * Dead handles: every method of an arena that was detached, of a map that was closed or destroyed, of an allocator that was
 * destroyed throws or answers -EBADF, and no byte of the memory changes. The methods are asked of the classes, so that a new one
 * is tried as well.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import { take } from "../../core/testing.ts";
import { AnyctxError, ERRNO } from "../error.ts";
import { array, bytes, none, string, struct, u32, u64 } from "../maps/codec/codec.ts";
import { MAP_KINDS } from "../maps/kinds.ts";
import type { ArenaMap } from "../maps/map.ts";
import { type Address, isAddress, type ObjectAllocator } from "./allocator.ts";
import { Arena } from "./arena.ts";
import { innerMaps } from "./inner-maps.ts";
import { cacheStatistics, mapStatistics } from "./statistics.ts";

/** As Node calls the symbol: 20 has one of its own. */
const DISPOSE = String(Symbol.dispose);

type Uses = Readonly<Record<string, (() => unknown) | "says it is dead">>;

/** Methods and getters of an object's classes, up to Object's. */
function membersOf(object: object): string[] {
  const names = new Set<string>();
  for (let each = Object.getPrototypeOf(object); each !== Object.prototype; each = Object.getPrototypeOf(each))
    for (const name of Reflect.ownKeys(each)) names.add(String(name));
  for (const name of ["constructor", "toJSON", "Symbol(nodejs.util.inspect.custom)"]) names.delete(name);
  return [...names].sort();
}

/** Uses everything that a dead object has. */
function assertDead(object: object, uses: Uses, codes: readonly string[] = ["EBADF"]): void {
  assert.deepEqual(Object.keys(uses).sort(), membersOf(object), "every member is tried");
  for (const [name, use] of Object.entries(uses)) {
    if (use === "says it is dead") continue;
    try {
      assert.equal(use(), -ERRNO.EBADF, name);
    } catch (error) {
      if (!(error instanceof AnyctxError)) throw new Error(name, { cause: error });
      assert.ok(codes.includes(error.code), `${name}: ${error.code}`);
    }
  }
}

function usesOfMap<K, V>(map: ArenaMap<K, V>, key: K, value: V): Uses {
  return {
    add: () => map.add(key, value as V & bigint),
    addMany: () => map.addMany([key], [value as V & bigint]),
    scan: () => map.scan([key], [value]),
    clear: () => map.clear(),
    close: "says it is dead",
    compareExchange: () => map.compareExchange(key, value, value),
    compute: () => map.compute(key, () => value),
    delete: () => map.delete(key),
    deleteMany: () => map.deleteMany([key]),
    dump: () => [...map.dump()],
    entries: () => [...map.entries()],
    forEach: () => {
      map.forEach(() => {
        assert.fail("called");
      });
    },
    get: () => map.get(key),
    getOrInsert: () => map.getOrInsert(key, value),
    getOrInsertComputed: () => map.getOrInsertComputed(key, () => value),
    getMany: () => map.getMany([key]),
    has: () => map.has(key),
    isOpen: "says it is dead",
    keys: () => [...map.keys()],
    consume: () => map.consume(),
    output: () => map.output(new Uint8Array(8)),
    takeRecords: () => map.takeRecords(),
    openPerfBuffer: () => map.openPerfBuffer(),
    getLocked: () => map.getLocked(key),
    allocatePages: () => map.allocatePages(),
    freePages: () => map.freePages(4096n),
    readBytes: () => map.readBytes(4096n, 1),
    writeBytes: () => map.writeBytes(4096n, new Uint8Array(1)),
    pages: () => map.pages(),
    mayHave: () => map.mayHave(value),
    push: () => map.push(value),
    pop: () => map.pop(),
    peek: () => map.peek(),
    prefill: () => map.prefill(1),
    prefix: () => map.prefix(key),
    range: () => map.range(),
    read: () => map.read(() => 1),
    set: () => map.set(key, value),
    setMany: () => map.setMany([key], [value]),
    size: () => map.size,
    take: () => map.take(key),
    update: () => map.update(key, value),
    values: () => [...map.values()],
    view: () => map.view(key),
    [DISPOSE]: "says it is dead",
    "Symbol(Symbol.iterator)": () => [...map],
    "Symbol(Symbol.toStringTag)": "says it is dead",
    // What the class itself calls.
    checkOpen: "says it is dead",
    find: "says it is dead",
    bytesIf: "says it is dead",
    replace: "says it is dead",
    walk: "says it is dead",
    load: "says it is dead",
    loadedKey: "says it is dead",
    loadedValue: "says it is dead",
    remove: "says it is dead",
    insert: "says it is dead",
  };
}

function usesOfAllocator(allocator: ObjectAllocator, address: Address): Uses {
  return {
    address: "says it is dead",
    allocate: () => allocator.allocate(8),
    bytes: () => allocator.bytes(address),
    destroy: () => allocator.destroy(),
    free: () => allocator.free(address),
    freeRcu: () => allocator.freeRcu(address),
    name: "says it is dead",
    prefill: () => allocator.prefill(1, 8),
    prefillAll: () => allocator.prefillAll(1, 8),
    sizeOf: "says it is dead",
    statistics: () => allocator.statistics(),
    trim: () => allocator.trim(),
    [DISPOSE]: "says it is dead",
  };
}

function usesOfArena(arena: Arena, map: ArenaMap<unknown, unknown>): Uses {
  const tenant = { info: map.info, end: () => undefined, close: () => undefined };
  return {
    allocate: () => arena.allocate(8),
    allocators: () => arena.allocators(),
    batchRoom: () => arena.batchRoom(),
    checkAttached: () => arena.checkAttached(),
    context: () => arena.context("task"),
    core: () => arena.core,
    cpu: "says it is dead",
    cpus: () => arena.cpus,
    createAllocator: () => arena.createAllocator({ any: true }),
    createMap: () => arena.createMap({ type: "hash", name: "new", key: u32, value: u64, maxEntries: 1 }),
    destroyMap: () => arena.destroyMap("map"),
    detach: "says it is dead",
    enter: "says it is dead",
    findMap: () => arena.findMap("map"),
    infoAt: () => arena.infoAt(map.info.address),
    handle: () => arena.handle(),
    heldCpus: "says it is dead",
    instance: () => arena.instance,
    isDetached: "says it is dead",
    leave: () => arena.leave(tenant) ?? -ERRNO.EBADF,
    maps: () => arena.maps(),
    onHeldCpus: () => arena.onHeldCpus(() => true),
    openAllocator: () => arena.openAllocator(1),
    openMap: () => arena.openMap("map"),
    openMapAs: () => arena.openMapAs("map", u32, u64),
    poll: () => arena.poll(),
    prefillAll: () => arena.prefillAll(map, 1),
    read: () => arena.read(() => 1),
    readSection: "says it is dead",
    realTime: () => arena.realTime,
    reap: () => arena.reap(1),
    room: "says it is dead",
    serve: () => arena.serve(),
    setForceDynamic: () => arena.setForceDynamic(true),
    setLimit: () => arena.setLimit(1),
    settle: () => arena.settle(),
    switchCpu: () => arena.switchCpu(0),
    takeCpu: () => arena.takeCpu(),
    tenants: "says it is dead",
    trim: () => arena.trim(),
    word: () => arena.word(65536),
    [DISPOSE]: "says it is dead",
  };
}

/** Runs what must not touch shared memory. */
function assertUntouched(memory: WebAssembly.Memory, run: () => void): void {
  const before = new Uint8Array(memory.buffer).slice();
  run();
  assert.equal(Buffer.compare(before, new Uint8Array(memory.buffer)), 0, "a byte of the memory has changed");
}

/** A map of each kind, and of each sort of codec, with something in it. */
function makeMaps(arena: Arena): readonly [map: ArenaMap<unknown, unknown>, key: unknown, value: unknown][] {
  // Those that nothing can be put into are tried where they are made.
  const kinds = MAP_KINDS.filter(
    ({ system, records, pages }) => system.update !== undefined || records !== undefined || pages === true,
  );
  const like = arena.createMap({ type: "hash", name: "inner", key: u32, value: u64, maxEntries: 10 });
  const made = kinds.map(({ type, keys, perCpu, records, pages, inner }) => {
    const prefix = struct({ length: u32, bits: u32 });
    const codec = { none, prefix, bytes: u32, index: u32, owner: u64 }[keys];
    const key = { none: undefined, prefix: { length: 8, bits: 3 }, bytes: 3, index: 3, owner: 3n }[keys];
    const holdsNothing = records !== undefined || pages === true;
    const value = (holdsNothing ? none : inner ? innerMaps(arena, like) : u64) as typeof u64;
    const maxEntries = records !== undefined ? 4096 : 10;
    const map = arena.createMap({ type, name: type, key: codec as typeof u32, value, maxEntries });
    return [map, key, inner ? like : perCpu ? Array(arena.cpus).fill(5n) : 5n] as const;
  });
  const point = struct({ x: u32, tags: array(string(4), 2), raw: bytes(3) });
  const rich = arena.createMap({ type: "hash", name: "rich", key: point, value: point, maxEntries: 10 });
  const value = { x: 1, tags: ["a", "b"], raw: new Uint8Array(3) };
  const all = [...made, [rich, value, value] as const, [like, 3, 5n] as const];
  for (const [map, key, each] of all as [ArenaMap<unknown, unknown>, unknown, unknown][])
    if (map.info.kind.pages === true) map.allocatePages();
    else if (map.info.kind.system.update === undefined) map.output(new Uint8Array(5));
    else map.set(key, each);
  return all as unknown as [ArenaMap<unknown, unknown>, unknown, unknown][];
}

test("a detached arena, with all that was opened by it, is dead in every method; the next holder of its slot notices nothing", async () => {
  const arena = await Arena.create({ maximumBytes: 16 << 20, cpus: 2, seed: 1 });
  const maps = makeMaps(arena);
  const allocator = arena.createAllocator({ any: true });
  const address = take(allocator, 8);
  (maps[0] as (typeof maps)[0])[0].set(4, 4n);
  const walk = (maps[0] as (typeof maps)[0])[0].entries();
  walk.next();
  const { info } = (maps[0] as (typeof maps)[0])[0];
  const handle = arena.handle();
  arena.detach();
  const next = await Arena.attach(handle);
  assert.equal(next.cpu, 0);
  assertUntouched(next.memory, () => {
    for (const [map, key, value] of maps) assertDead(map, usesOfMap(map, key, value), ["EBADF", "EINVAL"]);
    assertDead(allocator, usesOfAllocator(allocator, address));
    assertDead(arena, usesOfArena(arena, (maps[0] as (typeof maps)[0])[0]));
    for (const [map] of maps) map.close();
    assert.throws(() => walk.next(), { code: "EBADF" });
    arena.detach();
    for (const statistics of [mapStatistics, cacheStatistics])
      assert.throws(() => statistics(arena, info), { code: "EBADF" });
    assert.deepEqual([arena.cpu, arena.heldCpus(), allocator.address, allocator.name], [-1, [], 0, ""]);
    assert.deepEqual([inspect(arena), inspect(allocator)], ["Arena (detached)", "ObjectAllocator (destroyed)"]);
    assert.equal(JSON.stringify([arena, allocator]), '["Arena (detached)","ObjectAllocator (destroyed)"]');
    for (const [map] of maps) {
      assert.match(inspect(map), /\(closed\)$/);
      assert.equal(JSON.stringify({ map }), JSON.stringify({ map: inspect(map) }));
    }
  });
  next.detach();
});

test("a closed map is dead in every method, of every kind, also once another map lies in its place", async () => {
  const arena = await Arena.create({ maximumBytes: 16 << 20, cpus: 2, seed: 1 });
  const maps = makeMaps(arena);
  for (const [map] of maps) map.close();
  for (const [map] of maps) arena.destroyMap(map.info.name);
  for (let round = 0; round < 4; round++) arena.poll();
  const again = makeMaps(arena);
  assert.ok(again.some(([map]) => maps.some(([old]) => old.info.address === map.info.address)));
  assertUntouched(arena.memory, () => {
    for (const [map, key, value] of maps) assertDead(map, usesOfMap(map, key, value), ["EBADF", "EINVAL"]);
    for (const [map] of maps) assert.equal(arena.prefillAll(map, 3), -ERRNO.EBADF);
    for (const [map] of maps) map.close();
  });
});

test("destroyMap closes what its own thread has open; another thread goes on until it closes, and nobody reads what is gone", async () => {
  const arena = await Arena.create({ maximumBytes: 16 << 20, cpus: 2, seed: 1 });
  const other = await Arena.attach(arena.handle());
  const create = { type: "hash", name: "map", key: u32, value: u64, maxEntries: 100 } as const;
  const map = arena.createMap(create);
  const again = arena.openMap<number, bigint>("map");
  const theirs = other.openMap<number, bigint>("map");
  theirs.set(1, 1n);
  const { info } = theirs;
  arena.destroyMap("map");
  for (const each of [map, again])
    assertDead(each, usesOfMap(each as ArenaMap<number, bigint>, 1, 1n), ["EBADF", "EINVAL"]);
  assert.deepEqual([...theirs], [[1, 1n]]);
  const gone = { code: "EBADF", message: /it has been destroyed/ };
  for (const each of [arena, other])
    for (const statistics of [mapStatistics, cacheStatistics]) assert.throws(() => statistics(each, info), gone);
  theirs.close();
  for (let round = 0; round < 3; round++) arena.poll();
  const next = arena.createMap(create);
  assert.equal(next.info.address, info.address, "another map lies in its place");
  assert.notEqual(next.info.serial, info.serial);
  for (const statistics of [mapStatistics, cacheStatistics]) assert.throws(() => statistics(arena, info), gone);
  assert.equal(mapStatistics(arena, next.info).entries, 0);
  for (const address of [0, 1, 0.5, -16384, 2 ** 40, Number.NaN])
    assert.throws(() => mapStatistics(arena, { ...next.info, address }), gone, `${address}`);
});

test("an allocator that any thread has destroyed is dead in every method, also once another lies in its place", async () => {
  const arena = await Arena.create({ maximumBytes: 16 << 20, cpus: 2, seed: 1 });
  const other = await Arena.attach(arena.handle());
  for (const debug of [false, true]) {
    const allocator = arena.createAllocator({ objectSize: 40, debug });
    const theirs = other.openAllocator(allocator.address);
    const { address: place } = allocator;
    const object = take(allocator);
    allocator.free(object);
    allocator.destroy();
    const next = arena.createAllocator({ objectSize: 40, debug });
    assert.equal(next.address, place);
    const live = take(next);
    assertUntouched(arena.memory, () => {
      for (const each of [allocator, theirs])
        for (const at of [object, live]) {
          assertDead(each, usesOfAllocator(each, at));
          assert.deepEqual([each.sizeOf(at), each.address, each.name], [0, 0, ""]);
        }
    });
    next.free(live);
    next.destroy();
  }
});

test("using: an arena detaches, a map closes, an allocator is destroyed by whoever created it", async () => {
  const arena = await Arena.create({ cpus: 2 });
  const map = arena.createMap({ type: "hash", name: "map", key: u32, value: u64, maxEntries: 1 });
  map[Symbol.dispose]();
  assert.equal(map.isOpen, false);
  const allocator = arena.createAllocator({ any: true });
  const opened = arena.openAllocator(allocator.address);
  opened[Symbol.dispose]();
  assert.ok(isAddress(allocator.allocate(8)));
  assert.throws(() => allocator[Symbol.dispose](), { code: "EBUSY" });
  const other = arena.createAllocator({ any: true });
  other[Symbol.dispose]();
  other[Symbol.dispose]();
  assert.equal(other.address, 0);
  arena[Symbol.dispose]();
  assert.ok(arena.isDetached);
  arena[Symbol.dispose]();
});

test("code that runs while a value is read cannot make a map write to what is no longer its own", async () => {
  const arena = await Arena.create({ maximumBytes: 16 << 20, cpus: 2, seed: 1 });
  const point = struct({ x: u32, y: u32 });
  for (const stop of ["close", "detach"] as const) {
    const thread = await Arena.attach(arena.handle());
    const map = thread.createMap({ type: "hash", name: stop, key: point, value: point, maxEntries: 10 });
    let before: Uint8Array | undefined;
    const evil = {
      x: 1,
      get y(): number {
        if (stop === "close") map.close();
        else thread.detach();
        before ??= new Uint8Array(arena.memory.buffer).slice();
        return 0x41424344;
      },
    };
    assert.equal(map.update({ x: 1, y: 1 }, evil), -ERRNO.EBADF);
    assert.throws(() => map.set(evil, evil), { code: "EBADF" });
    assert.equal(Buffer.compare(before as Uint8Array, new Uint8Array(arena.memory.buffer)), 0);
    thread.detach();
    arena.destroyMap(stop);
  }
  const map = arena.createMap({ type: "hash", name: "map", key: u32, value: point, maxEntries: 10 });
  const reentrant = {
    x: 1,
    get y(): number {
      map.set(2, { x: 7, y: 7 });
      return 2;
    },
  };
  // All of a value has been read before anything of it is written.
  map.set(1, reentrant);
  assert.deepEqual(
    [map.get(1), map.get(2)],
    [
      { x: 1, y: 2 },
      { x: 7, y: 7 },
    ],
  );
  const long = arena.createMap({ type: "hash", name: "long", key: u32, value: array(u32, 17), maxEntries: 10 });
  const value = Array<number>(17).fill(1);
  const evilAt = Object.defineProperty([...value], 3, {
    get() {
      long.set(2, value);
      return 2;
    },
  });
  // This one is written as it is read, and the buffer has room for one.
  assert.throws(() => long.set(1, evilAt), { code: "EINVAL", message: /uses the map itself/ });
  assert.deepEqual([...long], [[2, value]]);
  arena.detach();
});

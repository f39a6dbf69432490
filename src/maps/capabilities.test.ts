/** What the compiler lets one do with each kind of map, beside what a map of that kind does. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Arena } from "../arena/arena.ts";
import { CAPABILITIES, METHODS } from "./capabilities.ts";
import { none, spinLock, struct, u32, u64 } from "./codec/codec.ts";
import { MAP_KINDS, type MapKind } from "./kinds.ts";
import { ArenaMap } from "./map.ts";
import { sampleMap } from "./testing.ts";

type Method = (typeof METHODS)[keyof typeof METHODS][number];

/** An arena with one map of a kind, with room for eight, and what it can hold. */
async function make(kind: MapKind) {
  const arena = await Arena.create({ maximumBytes: 64 << 20, cpus: 2, seed: 1 });
  const { map, keyFor, valueFor } = sampleMap(arena, kind, 8);
  return { arena, map, key: keyFor(1), value: valueFor(1) };
}

type Made = Awaited<ReturnType<typeof make>>;

/** A map of the same kind whose values have a lock, if there are such. */
function lockedMap(arena: Arena, { info: { kind } }: ArenaMap<unknown, unknown>): ArenaMap<unknown, unknown> {
  const options = { type: kind.type, name: "locked", key: kind.keys === "owner" ? u64 : u32, maxEntries: 8 };
  return arena.createMap({ ...options, value: struct({ lock: spinLock, number: u32 }) } as never) as never;
}

const USES: Readonly<Record<Method, (made: Made) => unknown>> = {
  get: ({ map, key }) => map.get(key),
  has: ({ map, key }) => map.has(key),
  set: ({ map, key, value }) => map.set(key, value),
  update: ({ map, key, value }) => map.update(key, value),
  getLocked: ({ arena, map, key }) => lockedMap(arena, map).getLocked(key),
  getMany: ({ map, key }) => map.getMany([key]),
  setMany: ({ map, key, value }) => map.setMany([key], [value]),
  delete: ({ map, key }) => map.delete(key),
  deleteMany: ({ map, key }) => map.deleteMany([key]),
  clear: ({ map }) => map.clear(),
  take: ({ map, key }) => map.take(key),
  entries: ({ map }) => [...map.entries()],
  keys: ({ map }) => [...map.keys()],
  values: ({ map }) => [...map.values()],
  forEach: ({ map }) => {
    map.forEach(() => {});
  },
  dump: ({ map }) => [...map.dump()],
  range: ({ map }) => [...map.range()],
  prefix: ({ map, key }) => [...map.prefix(key)],
  getOrInsert: ({ map, key, value }) => map.getOrInsert(key, value),
  getOrInsertComputed: ({ map, key, value }) => map.getOrInsertComputed(key, () => value),
  compareExchange: ({ map, key, value }) => map.compareExchange(key, value, value),
  compute: ({ map, key, value }) => map.compute(key, () => value),
  add: ({ map, key }) => (map as unknown as ArenaMap<unknown, bigint>).add(key, 1n),
  addMany: ({ map, key }) => (map as unknown as ArenaMap<unknown, bigint>).addMany([key], [1n]),
  scan: ({ map }) => map.scan(new Uint32Array(8) as never, new BigUint64Array(8) as never),
  view: ({ arena, map, key }) => arena.read(() => map.view(key)),
  prefill: ({ map }) => map.prefill(1),
  push: ({ map, value }) => map.push(value),
  pop: ({ map }) => map.pop(),
  peek: ({ map }) => map.peek(),
  mayHave: ({ map, value }) => map.mayHave(value),
  output: ({ map }) => map.output(new Uint8Array(4)),
  takeRecords: ({ map }) => map.takeRecords(),
  consume: ({ map }) => map.consume(),
  openPerfBuffer: ({ map }) => map.openPerfBuffer(),
  allocatePages: ({ map }) => map.allocatePages(),
  freePages: ({ map }) => map.freePages(0x1000_0001_0000n),
  readBytes: ({ map }) => map.readBytes(0x1000_0001_0000n, 1),
  writeBytes: ({ map }) => map.writeBytes(0x1000_0001_0000n, new Uint8Array(1)),
  pages: ({ map }) => map.pages(),
};

/** Whether a use works: it neither throws nor returns an errno. */
function works(use: () => unknown): boolean {
  try {
    const result = use();
    return typeof result !== "number" || result >= 0;
  } catch {
    return false;
  }
}

/**
 * What may work although it is not offered: bpf(2) gets, updates and takes a queue's values without a key, finds nothing where nothing
 * can be, and an entry of an array of maps is found where it is, but not made.
 */
const HIDDEN: readonly Method[] = [
  "getOrInsert",
  "getOrInsertComputed",
  "get",
  "has",
  "set",
  "update",
  "getMany",
  "setMany",
  "delete",
  "deleteMany",
  "take",
];

for (const kind of MAP_KINDS)
  test(`${kind.type}: what is offered works, what is not is refused`, async () => {
    const able: readonly string[] = CAPABILITIES[kind.type];
    const offered: Method[] = [];
    for (const [each, names] of Object.entries(METHODS)) if (able.includes(each)) offered.push(...names);
    for (const [name, use] of Object.entries(USES) as [Method, (made: Made) => unknown][]) {
      if (!offered.includes(name) && HIDDEN.includes(name)) continue;
      const made = await make(kind);
      // Some want an entry that is there.
      if (able.includes("keyed")) made.map.update(made.key, made.value);
      assert.equal(
        works(() => use(made)),
        offered.includes(name),
        name,
      );
    }
  });

test("the compiler refuses what a kind has not, and knows what it has", async () => {
  const arena = await Arena.create({ maximumBytes: 64 << 20 });
  const queue = arena.createMap({ type: "queue", name: "queue", key: none, value: u32, maxEntries: 4 });
  assert.equal(queue.push(5), 0);
  const first: number | undefined = queue.peek();
  assert.deepEqual([first, queue.pop(), queue.pop()], [5, 5, undefined]);
  // @ts-expect-error a queue has no set
  queue.set(undefined, 1);
  // @ts-expect-error nor anything to go through
  assert.throws(() => [...queue]);
  assert.throws(() => {
    // @ts-expect-error the same
    for (const entry of queue) assert.fail(String(entry));
  });
  // @ts-expect-error nor an order of keys
  assert.throws(() => queue.range());
  const opened = arena.openMap("queue", { type: "queue", key: none, value: u32 });
  // @ts-expect-error as it was created
  opened.set(undefined, 2);
  const hash = arena.createMap({ type: "hash", name: "hash", key: u32, value: u64, maxEntries: 4 });
  hash.set(1, 2n).compute(1, (value) => value);
  // @ts-expect-error its keys have no order
  assert.throws(() => hash.range());
  // @ts-expect-error it has no records
  assert.throws(() => hash.consume());
  const filled = ArenaMap.from(arena, { type: "hash", name: "filled", key: u32, value: u64, maxEntries: 4 }, [[1, 2n]]);
  assert.equal(filled.add(1, 1n), 3n);
  // @ts-expect-error it is a hash as well
  assert.throws(() => filled.pop());
  const plain: ArenaMap<number, bigint> = hash;
  assert.equal(plain.get(1), 2n);
  const someKind = (type: "array" | "hash") =>
    arena.createMap({ type, name: `a ${type}`, key: u32, value: u64, maxEntries: 4 });
  assert.equal(someKind("array").get(1), 0n);
});

/** What a caller gives may run code in the middle of an operation, and that code may end the map: nothing is touched from then on. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Arena } from "../arena/arena.ts";
import { AnyctxError, ERRNO } from "../error.ts";
import { array, type Codec, none, spinLock, struct, u32, u64 } from "./codec/codec.ts";
import { json } from "./codec/json.ts";
import { ArenaMap, EXIST } from "./map.ts";

const cpus = 2;
const point = struct({ x: u32, y: u32 });
type Point = { x: number; y: number };

/** Values of which each has a way of its own through the operations. */
const VALUES: Readonly<Record<string, { readonly value: Codec<unknown>; readonly sample: unknown }>> = {
  "an own operation": { value: u64 as Codec<unknown>, sample: 5n },
  "a shared operation": { value: array(u32, 17) as Codec<unknown>, sample: Array(17).fill(3) },
  json: { value: json(40) as Codec<unknown>, sample: { a: 1 } },
  "any length": { value: json() as Codec<unknown>, sample: { a: 1 } },
  "a lock": { value: struct({ lock: spinLock, n: u32 }) as Codec<unknown>, sample: { n: 1 } },
};

const USES: Readonly<Record<string, (map: ArenaMap<Point, unknown>, key: Point, value: unknown) => unknown>> = {
  get: (map, key) => map.get(key),
  getLocked: (map, key) => map.getLocked(key),
  has: (map, key) => map.has(key),
  set: (map, key, value) => map.set(key, value),
  update: (map, key, value) => map.update(key, value),
  replace: (map, key, value) => map.update(key, value, EXIST),
  delete: (map, key) => map.delete(key),
  take: (map, key) => map.take(key),
  view: (map, key) => map.read(() => map.view(key)),
  add: (map, key) => map.add(key, 1n as never),
  compute: (map, key, value) => map.compute(key, () => value),
  compareExchange: (map, key, value) => map.compareExchange(key, value, undefined),
  getOrInsert: (map, key, value) => map.getOrInsert(key, value),
  getMany: (map, key) => map.getMany([key]),
  setMany: (map, key, value) => map.setMany([key], [value]),
  deleteMany: (map, key) => map.deleteMany([key]),
};

/** What the map cannot do anyhow is EINVAL. */
function assertEnded(use: () => unknown, what: string): void {
  try {
    assert.equal(use(), -ERRNO.EBADF, what);
  } catch (error) {
    if (!(error instanceof AnyctxError)) throw error;
    assert.ok(
      error.code === "EBADF" || /no lock|cannot|expire|no numbers|no views|Nothing can be/.test(error.message),
      what,
    );
  }
}

test("a key that ends its map while it is read: every operation says so, and no byte changes", async () => {
  const arena = await Arena.create({ maximumBytes: 16 << 20, cpus, seed: 1 });
  const kinds = ["hash", "lru_hash", "percpu_hash", "expiring"] as const;
  for (const kind of kinds)
    for (const [sort, { value, sample }] of Object.entries(VALUES))
      for (const [name, use] of Object.entries(USES))
        for (const stop of ["close", "detach"] as const) {
          const isHash = kind === "hash" || kind === "expiring";
          if ((sort === "any length" || sort === "a lock") && !isHash) continue;
          if (sort === "a lock" && kind === "expiring") continue;
          const thread = await Arena.attach(arena.handle());
          const type = kind === "expiring" ? "hash" : kind;
          const more = kind === "expiring" ? { expireAfter: 1e6 } : {};
          const map = thread.createMap({
            type,
            name: "map",
            key: point,
            value,
            maxEntries: 4,
            ...more,
          }) as never as ArenaMap<Point, unknown>;
          const whole = kind === "percpu_hash" ? Array(cpus).fill(sample) : sample;
          // A dead map's key is zeroes.
          map.set({ x: 0, y: 0 }, whole);
          let before: Uint8Array | undefined;
          const evil = {
            x: 0,
            get y(): number {
              if (stop === "close") map.close();
              else thread.detach();
              before ??= new Uint8Array(arena.memory.buffer).slice(0, 1 << 20);
              return 0;
            },
          };
          const what = `${name} of ${kind} with ${sort}, ${stop}`;
          assertEnded(() => use(map, evil, whole), what);
          if (before !== undefined && name !== "view")
            assert.equal(Buffer.compare(before, new Uint8Array(arena.memory.buffer, 0, 1 << 20)), 0, what);
          thread.detach();
          arena.destroyMap("map");
        }
});

test("entries that end the map that is made of them: another one's place is left alone", async () => {
  const arena = await Arena.create({ maximumBytes: 16 << 20, cpus, seed: 1 });
  const options = { type: "hash", key: u32, value: u32, maxEntries: 4 } as const;
  let other: ArenaMap<number, number> | undefined;
  function* entries(): Generator<[number, number]> {
    yield [1, 1];
    const { address } = arena.findMap("map");
    arena.destroyMap("map");
    for (let round = 0; round < 4; round++) arena.poll();
    other = arena.createMap({ ...options, name: "other" });
    assert.equal(other.info.address, address, "it lies in its place");
    yield [2, 2];
  }
  assert.throws(() => ArenaMap.from(arena, { ...options, name: "map" }, entries()), { code: "EBADF" });
  assert.deepEqual(
    arena.maps().map(({ name }) => name),
    ["other"],
  );
  assert.equal(other?.set(3, 4).get(3), 4);
});

test("pages are gone through no further once their map is closed", async () => {
  const arena = await Arena.create({ maximumBytes: 16 << 20, cpus, seed: 1 });
  const map = arena.createMap({ type: "arena", name: "pages", key: none, value: none, maxEntries: 10 });
  map.allocatePages(3);
  const [begun, fresh] = [map.pages(), map.pages()];
  assert.equal(begun.next().done, false);
  map.close();
  for (const pages of [begun, fresh]) assert.throws(() => pages.next(), { code: "EBADF" });
});

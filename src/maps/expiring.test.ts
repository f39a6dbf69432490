/** Maps whose values expire, against a Map of values with times, by a clock that the test sets. */
import assert from "node:assert/strict";
import { mock, test } from "node:test";
import fc from "fast-check";
import { Arena } from "../arena/arena.ts";
import { ERRNO } from "../error.ts";
import { none, string, struct, u32, u64 } from "./codec/codec.ts";
import { json } from "./codec/json.ts";
import { ExpiringMap } from "./expiring.ts";
import { type ArenaMap, EXIST, NOEXIST } from "./map.ts";

const arena = await Arena.create({ maximumBytes: 64 << 20, cpus: 2, seed: 4 });
const AGE = 100;
mock.timers.enable({ apis: ["Date"], now: 1_000_000 });

const STEP = fc.record({
  what: fc.constantFrom(
    "set",
    "get",
    "has",
    "delete",
    "update",
    "compute",
    "exchange",
    "insert",
    "take",
    "wait" as const,
  ),
  key: fc.nat(5),
  value: fc.nat(3),
  flags: fc.constantFrom(0, NOEXIST, EXIST),
});

for (const [type, codecs] of [
  ["hash", { key: u32, value: u32 }],
  ["lru_hash", { key: u32, value: u32 }],
  ["ordered", { key: u32, value: json() }],
  ["hash", { key: u32, value: json() }],
] as const)
  test(`${type} of ${JSON.stringify(codecs.value.description)}: what is over is as what is not there`, () => {
    fc.assert(
      fc.property(fc.array(STEP, { maxLength: 60 }), (steps) => {
        const options = { type, name: "expiring", ...codecs, maxEntries: 10, expireAfter: AGE };
        const map = arena.createMap(options as never) as unknown as ArenaMap<number, number>;
        const model = new Map<number, { value: number; until: number }>();
        const there = (key: number): number | undefined => {
          const entry = model.get(key);
          return entry === undefined || entry.until <= Date.now() ? undefined : entry.value;
        };
        const write = (key: number, value: number): void => void model.set(key, { value, until: Date.now() + AGE });
        try {
          for (const { what, key, value, flags } of steps) {
            const before = there(key);
            if (what === "wait") mock.timers.tick(value * 30);
            else if (what === "set") {
              map.set(key, value);
              write(key, value);
            } else if (what === "get") assert.equal(map.get(key), before);
            else if (what === "has") assert.equal(map.has(key), before !== undefined);
            else if (what === "delete") {
              assert.equal(map.delete(key), before !== undefined);
              model.delete(key);
            } else if (what === "take") {
              if (map.info.kind.system.take === undefined) continue;
              assert.equal(map.take(key), before);
              model.delete(key);
            } else if (what === "update") {
              const expected =
                before === undefined ? (flags === EXIST ? -ERRNO.ENOENT : 0) : flags === NOEXIST ? -ERRNO.EEXIST : 0;
              assert.equal(map.update(key, value, flags), expected);
              if (expected === 0) write(key, value);
            } else if (what === "compute") {
              assert.equal(
                map.compute(key, (old) => (old === undefined ? value : undefined)),
                before === undefined ? value : undefined,
              );
              if (before === undefined) write(key, value);
              else model.delete(key);
            } else if (what === "exchange") {
              assert.equal(map.compareExchange(key, value, value + 1), before === value);
              if (before === value) write(key, value + 1);
            } else {
              assert.equal(map.getOrInsert(key, value), before ?? value);
              if (before === undefined) write(key, value);
            }
          }
          const good = [...model.keys()].filter((key) => there(key) !== undefined).sort();
          assert.deepEqual([...map.keys()].sort(), good);
          assert.deepEqual(
            [...map].sort(([a], [b]) => a - b),
            good.map((key) => [key, there(key)]),
          );
          assert.ok(map instanceof ExpiringMap);
          map.removeExpired();
          assert.equal(map.size, good.length);
        } finally {
          map.close();
          arena.destroyMap("expiring");
          arena.poll();
        }
      }),
    );
  });

test("a full hash makes room of what is over, and of nothing else", () => {
  const map = arena.createMap({ type: "hash", name: "full", key: u32, value: u64, maxEntries: 100, expireAfter: AGE });
  for (let key = 0; key < 100; key++) {
    if (key === 60) mock.timers.tick(50);
    map.set(key, 1n);
  }
  assert.equal(map.update(100, 1n), -ERRNO.E2BIG);
  assert.throws(() => map.set(100, 1n), { code: "E2BIG" });
  mock.timers.tick(50);
  assert.equal(map.update(100, 1n, NOEXIST), 0);
  assert.equal(map.size, 41);
  assert.deepEqual([map.get(59), map.get(60), map.get(100)], [undefined, 1n, 1n]);
  map.close();
  arena.destroyMap("full");
});

test("a hash that was looked through when nothing in it was good makes room again", () => {
  const options = { type: "hash", name: "again", key: u32, value: u32, maxEntries: 2, expireAfter: AGE } as const;
  const map = arena.createMap(options);
  assert.equal(map.removeExpired(), 0);
  for (let round = 0; round < 3; round++) {
    map.set(3 * round, 1).set(3 * round + 1, 1);
    assert.equal(map.update(3 * round + 2, 1), -ERRNO.E2BIG);
    mock.timers.tick(AGE);
  }
  assert.equal(map.update(9, 9), 0);
  assert.deepEqual([...map], [[9, 9]]);
  arena.destroyMap("again");
});

test("a clock that is set back keeps no room from what is over by it", () => {
  const options = { type: "hash", name: "back", key: u32, value: u32, maxEntries: 2, expireAfter: AGE } as const;
  const map = arena.createMap(options).set(1, 1).set(2, 2);
  const now = Date.now();
  assert.equal(map.update(3, 3), -ERRNO.E2BIG);
  mock.timers.setTime(now - 100 * AGE);
  map.deleteMany([1, 2]);
  map.set(1, 1).set(2, 2);
  assert.equal(map.update(3, 3), -ERRNO.E2BIG);
  mock.timers.tick(AGE);
  assert.equal(map.update(3, 3), 0);
  assert.deepEqual([...map], [[3, 3]]);
  mock.timers.setTime(now);
  arena.destroyMap("back");
});

test("delete takes out what is over, and not what another thread has written since it looked", () => {
  const point = struct({ x: u32, y: u32 });
  for (const value of [u32, json()]) {
    const options = { type: "hash", name: "race", key: point, value, maxEntries: 10, expireAfter: AGE } as never;
    const map = arena.createMap(options) as unknown as ArenaMap<unknown, number>;
    const theirs = arena.openMap("race") as ArenaMap<unknown, number>;
    map.set({ x: 1, y: 2 }, 3);
    mock.timers.tick(AGE + 1);
    let looks = 0;
    const key = {
      x: 1,
      get y(): number {
        // It has been looked at, and now it is to be taken out.
        if (++looks === 2) theirs.set({ x: 1, y: 2 }, 4);
        return 2;
      },
    };
    assert.equal(map.delete(key), false);
    assert.equal(looks, 2);
    assert.equal(map.get({ x: 1, y: 2 }), 4);
    assert.equal(map.delete({ x: 1, y: 2 }), true);
    arena.destroyMap("race");
  }
});

test("another thread opens it by its name alone, or with the codecs that it was created with", async () => {
  const value = struct({ hits: u32 });
  const map = arena.createMap({
    type: "lru_hash",
    name: "shared",
    key: string(8),
    value,
    maxEntries: 100,
    expireAfter: AGE,
  });
  map.set("a", { hits: 1 });
  const other = await Arena.attach(arena.handle());
  for (const opened of [
    other.openMap("shared"),
    other.openMap("shared", { type: "lru_hash", key: string(8), value }),
  ]) {
    assert.deepEqual(opened.get("a"), { hits: 1 });
    assert.ok(opened instanceof ExpiringMap);
  }
  mock.timers.tick(AGE);
  assert.equal(other.openMap("shared").get("a"), undefined);
  other.detach();
});

test("what cannot expire is refused, and so is what is no time, and a number that is changed where it lies", () => {
  const create = (options: object): unknown =>
    arena.createMap({
      type: "hash",
      name: "odd",
      key: u32,
      value: u32,
      maxEntries: 10,
      expireAfter: AGE,
      ...options,
    } as never);
  for (const expireAfter of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, "1", null])
    assert.throws(() => create({ expireAfter }), { code: "EINVAL", message: /a number of milliseconds above 0/ });
  assert.throws(() => create({ type: "array" }), { code: "EINVAL", message: /cannot expire: it is array/ });
  assert.throws(() => create({ type: "queue", key: none }), { code: "EINVAL", message: /cannot expire/ });
  const map = create({}) as ArenaMap<number, number>;
  assert.throws(() => map.add(1, 1), { code: "EINVAL", message: /by compute/ });
  assert.equal(map.update(1, -1), -ERRNO.EINVAL);
  assert.equal(map.update(-1, 1, EXIST), -ERRNO.EINVAL);
  assert.throws(() => map.set(1, -1), { code: "EINVAL" });
  map.close();
  assert.equal(map.update(1, 1, EXIST), -ERRNO.EBADF);
  assert.throws(() => map.has(1), { code: "EBADF" });
});

test("the compiler knows what a map with expireAfter has and has not; of an opened one instanceof tells", () => {
  const map = arena.createMap({ type: "hash", name: "typed", key: u32, value: u32, maxEntries: 9, expireAfter: AGE });
  assert.equal(map.set(1, 2).removeExpired(), 0);
  // @ts-expect-error A number is not changed where it lies.
  assert.throws(() => map.add(1, 1), { code: "EINVAL" });
  // @ts-expect-error As add.
  assert.throws(() => map.addMany([1], [1]), { code: "EINVAL" });
  // @ts-expect-error A hash is no queue.
  assert.throws(() => map.pop(), { code: "EINVAL" });
  const value: number | undefined = map.get(1);
  const opened = arena.openMap("typed", { key: u32, value: u32 });
  assert.ok(opened instanceof ExpiringMap);
  mock.timers.tick(AGE);
  assert.deepEqual([value, map.get(1), opened.size, opened.removeExpired(), map.size], [2, undefined, 1, 1, 0]);
  const plain = arena.createMap({ type: "hash", name: "plain", key: u32, value: u32, maxEntries: 9 });
  // @ts-expect-error Its values do not expire.
  assert.throws(() => plain.removeExpired());
});

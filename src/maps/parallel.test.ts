/**
 * Many tasks on one map, on real threads, as Linux's `test_maps` has them (tools/testing/selftests/bpf): each task its share of the keys,
 * put in, found and deleted, with walks beside it; and what happens at the limit. Here 100 tasks are shared by eight threads.
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, test } from "node:test";
import { Worker } from "node:worker_threads";
import { Arena } from "../arena/arena.ts";
import { ERRNO } from "../error.ts";
import { none, u32 } from "./codec/codec.ts";
import { NOEXIST } from "./map.ts";

const THREADS = 8;
const TASKS = 100;
const ROUNDS = 3;
const ENTRIES = 8 * 1024;

/** Workers run compiled: Node 20 loads no .ts there. */
const ENTRY = new URL("../../dist/index.js", import.meta.url).href;

/** Carries out what it is told: `me` is its number, `tasks` are its own of all tasks; what `assert` finds it answers. */
const THREAD = `
  const { parentPort, workerData } = await import("node:worker_threads");
  const { default: assert } = await import("node:assert/strict");
  const { Arena, ArenaMap, NOEXIST, EXIST, array, u32, errnoName } = await import(${JSON.stringify(ENTRY)});
  const arena = await Arena.attach(workerData.handle);
  const me = workerData.number;
  const tasks = Array.from({ length: ${TASKS} }, (_, task) => task).filter((task) => task % ${THREADS} === me);
  const E = { E2BIG: -7, ENOENT: -2, EEXIST: -17, EINVAL: -22 };
  /** test_hashmap_walk: a map of its own, filled to the limit, gone through, changed on the way and gone through again. */
  function walkOwn(type) {
    const entries = 2000;
    const map = arena.createMap({ type: "hash", name: "walked " + me, key: u32, value: array(u32, 6), maxEntries: entries });
    for (let key = 0; key < entries; key++) assert.equal(map.update(key, [key, 1, 2, 3, 4, 5], NOEXIST), 0);
    assert.equal(map.update(entries, [0, 0, 0, 0, 0, 0], NOEXIST), E.E2BIG);
    let seen = 0;
    for (const [key, [value]] of map) {
      assert.equal(value, key);
      assert.equal(map.update(key, [key + 1, 1, 2, 3, 4, 5], EXIST), 0);
      seen++;
    }
    assert.equal(seen, entries);
    for (const [key, [value]] of map) {
      assert.equal(value, key + 1);
      seen--;
    }
    assert.equal(seen, 0);
    arena.destroyMap("walked " + me);
  }
  parentPort.on("message", ({ body, input }) => {
    if (body === undefined) {
      arena.detach();
      parentPort.close();
      return;
    }
    const map = arena.openMap("map");
    try {
      const act = new Function("map", "input", "me", "tasks", "assert", "E", "NOEXIST", "EXIST", "walkOwn", body);
      parentPort.postMessage({ result: act(map, input, me, tasks, assert, E, NOEXIST, EXIST, walkOwn) });
    } catch (error) {
      parentPort.postMessage({ error: String(error?.stack ?? error) });
    }
    map.close();
  });
  parentPort.postMessage({});`;

let arena: Arena;
let threads: Worker[] = [];

before(async () => {
  arena = await Arena.create({ cpus: THREADS + 1, maximumBytes: 512 << 20 });
  const url = new URL(`data:text/javascript,${encodeURIComponent(THREAD)}`);
  threads = Array.from(
    { length: THREADS },
    (_, number) => new Worker(url, { workerData: { handle: arena.handle(), number } }),
  );
  await Promise.all(threads.map((thread) => once(thread, "message")));
});

after(async () => {
  for (const thread of threads) thread.postMessage({});
  await Promise.all(threads.map((thread) => once(thread, "exit")));
});

/** Runs a body on all threads at once; what each returns. */
async function inParallel(body: string, input: unknown = undefined): Promise<unknown[]> {
  const answers = threads.map((thread) => once(thread, "message"));
  for (const thread of threads) thread.postMessage({ body, input });
  const results = (await Promise.all(answers)).map(([answer]) => answer as { result?: unknown; error?: string });
  for (const { error } of results) if (error !== undefined) assert.fail(error);
  return results.map(({ result }) => result);
}

const HASHES = [
  { type: "hash", prealloc: false },
  { type: "hash", prealloc: true },
  { type: "percpu_hash", prealloc: false },
  { type: "percpu_hash", prealloc: true },
] as const;

/** A value is its key, of a per-CPU map on each CPU. */
const HELPERS = `
  const valueOf = (key) => (input.copies > 1 ? Array(input.copies).fill(key) : key);
  const isValueOf = (value, key) => [value].flat().every((each) => each === key);`;

const PUT_IN = `${HELPERS}
  if (me % 2 === 1) walkOwn();
  for (const task of tasks)
    for (let key = task; key < input.entries; key += ${TASKS}) {
      assert.equal(map.update(key, valueOf(key), NOEXIST), 0);
      assert.equal(map.update(key, valueOf(key), EXIST), 0);
    }
  // Beside the others' updates: what is there is its key's, and comes once.
  const seen = new Set();
  for (const [key, value] of map) {
    assert.ok(isValueOf(value, key) && !seen.has(key));
    seen.add(key);
  }
  for (const task of tasks) assert.ok(seen.has(task));`;

const DELETE = `
  if (me % 2 === 1) walkOwn();
  for (const task of tasks)
    for (let key = task; key < input.entries; key += ${TASKS}) assert.equal(map.delete(key), true);`;

for (const { type, prealloc } of HASHES)
  test(`${prealloc ? "preallocated" : "dynamic"} ${type}: ${TASKS} tasks put their keys in, walk and delete them, ${ROUNDS} times`, async () => {
    const map = arena.createMap({ type, name: "map", key: u32, value: u32, maxEntries: ENTRIES, prealloc });
    const { copies } = map.info;
    const value = (key: number): never => (copies > 1 ? Array<number>(copies).fill(key) : key) as never;
    for (let round = 0; round < ROUNDS; round++) {
      await inParallel(PUT_IN, { entries: ENTRIES, copies });
      assert.equal(map.update(0, value(0), NOEXIST), -ERRNO.EEXIST);
      assert.equal(map.update(ENTRIES, value(0), NOEXIST), -ERRNO.E2BIG);
      assert.equal([...map.keys()].length, ENTRIES);
      for (let key = ENTRIES - 1; key >= 0; key--) assert.deepEqual(map.get(key), value(key));
      await inParallel(DELETE, { entries: ENTRIES });
      assert.deepEqual([[...map.keys()], map.size, map.get(0)], [[], 0, undefined]);
    }
    arena.destroyMap("map");
  });

const AT_THE_LIMIT = `${HELPERS}
  // Half of all keys that the threads have are more than there is room for.
  let [put, refused, there] = [0, 0, new Set()];
  for (let turn = 0; turn < 20_000; turn++) {
    const key = me * 1000 + ((turn * 7) % input.each);
    if (there.has(key)) {
      if (turn % 3 !== 0) {
        assert.equal(map.update(key, valueOf(key), NOEXIST), E.EEXIST);
        assert.equal(map.update(key, valueOf(key), EXIST), 0);
        assert.ok(isValueOf(map.get(key), key));
      } else {
        assert.equal(map.delete(key), true);
        there.delete(key);
      }
      continue;
    }
    assert.equal(map.update(key, valueOf(key), EXIST), E.ENOENT);
    assert.equal(map.delete(key), false);
    const result = map.update(key, valueOf(key), NOEXIST);
    if (result === 0) there.add(key);
    else assert.equal(result, E.E2BIG);
    if (result !== 0) refused++;
    else put++;
  }
  return { there: there.size, refused, put };`;

for (const { type, prealloc } of HASHES)
  test(`${prealloc ? "preallocated" : "dynamic"} ${type}: at the limit an update is done or -E2BIG, and no more entries are there than may be`, async () => {
    const most = 256;
    const map = arena.createMap({ type, name: "map", key: u32, value: u32, maxEntries: most, prealloc });
    const { copies } = map.info;
    const results = (await inParallel(AT_THE_LIMIT, { each: 64, copies })) as { there: number; refused: number }[];
    const sum = (of: (each: { there: number; refused: number }) => number): number =>
      results.reduce((total, each) => total + of(each), 0);
    assert.ok(sum(({ refused }) => refused) > 0);
    assert.equal(
      map.size,
      sum(({ there }) => there),
    );
    assert.ok(map.size <= most);
    // What was full and is emptied has room for all again, and for no more.
    map.clear();
    const value = (copies > 1 ? Array<number>(copies).fill(1) : 1) as never;
    for (let key = 0; key < most; key++) assert.equal(map.update(key, value, NOEXIST), 0);
    assert.equal(map.update(most, value, NOEXIST), -ERRNO.E2BIG);
    arena.destroyMap("map");
  });

for (const flags of [0, 2])
  test(`lru_hash${flags === 2 ? ", an order for each CPU" : ""}: tasks that put in four times as much are never refused, and find what is theirs`, async () => {
    const most = 4096;
    const map = arena.createMap({ type: "lru_hash", name: "map", key: u32, value: u32, maxEntries: most, flags });
    await inParallel(
      `for (let round = 0; round < 3; round++)
        for (const task of tasks)
          for (let key = task; key < input.keys; key += ${TASKS}) {
            assert.equal(map.update(key, key), 0);
            const seen = map.get(key);
            assert.ok(seen === undefined || seen === key);
            if (key % 5 === 0) map.delete(key);
          }
        for (const [key, value] of map) assert.equal(value, key);`,
      { keys: most * 4 },
    );
    const keys = [...map.keys()];
    assert.equal(new Set(keys).size, keys.length);
    assert.ok(map.size === keys.length && keys.length <= map.info.maxEntries && keys.length > most / 2);
    arena.destroyMap("map");
  });

test("array: tasks write their places, none can be made or deleted, and what they add together is all there", async () => {
  const map = arena.createMap({ type: "array", name: "map", key: u32, value: u32, maxEntries: ENTRIES });
  await inParallel(
    `for (const task of tasks)
      for (let key = task; key < input.entries; key += ${TASKS}) {
        assert.equal(map.update(key, key, NOEXIST), E.EEXIST);
        assert.equal(map.update(key, key, EXIST), 0);
        assert.equal(map.delete(key), false);
      }
    assert.equal(map.update(input.entries, 1), E.E2BIG);
    assert.equal(map.get(input.entries), undefined);`,
    { entries: ENTRIES },
  );
  assert.equal(map.size, ENTRIES);
  for (const [key, value] of map) assert.equal(value, key);
  map.set(7, 0);
  await inParallel("for (let turn = 0; turn < 20_000; turn++) map.add(7, 1);");
  assert.equal(map.get(7), THREADS * 20_000);
  arena.destroyMap("map");
});

const PUSH_AND_POP = `
  const got = [];
  let next = 0;
  for (let turn = 0; next < input.values || turn % 50 !== 0; turn++) {
    if (next < input.values) {
      const result = map.push(me * 1e6 + next);
      if (result === 0) next++;
      else assert.equal(result, E.E2BIG);
    }
    if (turn % 3 === 0) {
      const value = map.pop();
      if (value !== undefined) got.push(value);
    }
    assert.ok(map.size <= input.most);
  }
  return got;`;

for (const type of ["queue", "stack"] as const)
  test(`${type}: of tasks that push and pop at the limit each value goes to one${type === "queue" ? ", in the order of who pushed" : ""}`, async () => {
    const [most, values] = [200, 5000];
    const map = arena.createMap({ type, name: "map", key: none, value: u32, maxEntries: most });
    const popped = inParallel(PUSH_AND_POP, { values, most }) as Promise<number[][]>;
    let isOver = false;
    void popped.finally(() => {
      isOver = true;
    });
    const mine: number[] = [];
    // One more task, which makes room for those that only push by now.
    while (!isOver) {
      for (let value = map.pop(); value !== undefined; value = map.pop()) mine.push(value);
      await new Promise((resolve) => setImmediate(resolve));
    }
    for (let value = map.pop(); value !== undefined; value = map.pop()) mine.push(value);
    const lists = [...(await popped), mine];
    const all = lists.flat();
    assert.equal(all.length, THREADS * values);
    assert.equal(new Set(all).size, all.length);
    if (type === "queue")
      for (const list of lists) {
        const last = new Map<number, number>();
        for (const value of list) {
          const from = Math.floor(value / 1e6);
          assert.ok((last.get(from) ?? -1) < value);
          last.set(from, value);
        }
      }
    assert.equal(map.size, 0);
    assert.equal(map.pop(), undefined);
    arena.destroyMap("map");
  });

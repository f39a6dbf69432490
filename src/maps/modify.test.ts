/** Read-modify-write from TypeScript: what each answers and refuses, against a Map; and that threads lose nothing of each other's. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import fc from "fast-check";
import { Arena } from "../arena/arena.ts";
import { AnyctxError, type ErrorCode } from "../error.ts";
import { array, f32, f64, i16, string, struct, u8, u32, u64 } from "./codec/codec.ts";
import { type ArenaMap, EXIST } from "./map.ts";

const make = (): Promise<Arena> => Arena.create({ maximumBytes: 64 << 20, cpus: 3 });
const refuses = (act: () => unknown, code: ErrorCode, why: RegExp): void =>
  assert.throws(act, (error) => error instanceof AnyctxError && error.code === code && why.test(error.message));

test("add: a number, or a field; a new entry begins as zeroes; what cannot be held changes nothing", async () => {
  const arena = await make();
  const options = { type: "hash", maxEntries: 100 } as const;
  const counts = arena.createMap({ ...options, name: "counts", key: string(8), value: u64 });
  assert.equal(counts.add("a", 5n), 5n);
  assert.equal(counts.add("a", -2n), 3n);
  refuses(() => counts.add("a", -4n), "ERANGE", /u64 of map "counts" cannot hold the sum with -4n/);
  refuses(() => counts.add("a", 2n ** 64n - 3n), "ERANGE", /cannot hold/);
  refuses(() => counts.add("b", -1n), "ERANGE", /cannot hold/);
  refuses(() => counts.add("a", 1 as never), "EINVAL", /a bigint can be added/);
  assert.deepEqual([...counts], [["a", 3n]]);

  const flow = struct({ tag: u8, packets: u32, load: f64, drift: i16, cells: array(u8, 3) });
  const flows = arena.createMap({ ...options, name: "flows", key: u32, value: flow });
  assert.equal(flows.add(7, "packets", 2), 2);
  assert.equal(flows.add(7, "load", 0.1), 0.1);
  assert.equal(flows.add(7, "load", 0.2), 0.1 + 0.2);
  assert.equal(flows.add(7, "drift", -32768), -32768);
  refuses(() => flows.add(7, "drift", -1), "ERANGE", /i16/);
  refuses(() => flows.add(7, "packets", 0.5), "EINVAL", /a whole number can be added to u32/);
  refuses(
    () => flows.add(7, "cells" as never, 1 as never),
    "EINVAL",
    /no number "cells": there are tag, packets, load, drift/,
  );
  refuses(() => (flows as never as { add(key: number, by: number): void }).add(7, 1), "EINVAL", /name a field/);
  assert.deepEqual(flows.get(7), { tag: 0, packets: 2, load: 0.1 + 0.2, drift: -32768, cells: [0, 0, 0] });
  assert.equal(flows.compareExchange(7, "packets", 3, 4), false);
  assert.equal(flows.compareExchange(7, "packets", 2, 4), true);
  assert.equal(flows.compareExchange(8, "packets", 0, 4), false);
  assert.equal(flows.get(7)?.packets, 4);
});

test("arrays: numbers and values of one word; others, per-CPU maps and queues are refused", async () => {
  const arena = await make();
  const words = arena.createMap({ type: "array", name: "words", key: u32, value: f32, maxEntries: 4 });
  assert.equal(words.add(1, 1.5), 1.5);
  assert.equal(words.compareExchange(1, 1.5, 2.5), true);
  assert.equal(
    words.compute(1, (value) => (value ?? 0) * 2),
    5,
  );
  refuses(() => words.add(4, 1), "E2BIG", /the index is not below 4/);
  refuses(() => words.addMany([4], [1]), "E2BIG", /the index is not below 4/);
  refuses(() => words.compareExchange(1, 5, undefined), "EINVAL", /it is array/);
  const wide = struct({ a: u64, b: u64 });
  const large = arena.createMap({ type: "array", name: "large", key: u32, value: wide, maxEntries: 4 });
  assert.equal(large.add(3, "b", 1n), 1n);
  refuses(() => large.compute(3, (value) => value), "EINVAL", /it is array, which cannot do that/);
  const each: ArenaMap<number, bigint[]> = arena.createMap({
    type: "percpu_hash",
    name: "each",
    key: u32,
    value: u64,
    maxEntries: 4,
  });
  refuses(() => each.add(1, 1n as never), "EINVAL", /it is percpu_hash/);
  refuses(() => each.compute(1, (value) => value), "EINVAL", /it is percpu_hash/);
});

test("a full LRU map has no entry go for a new value of its own", async () => {
  const value = struct({ a: u64, b: u64 });
  for (const isUsed of [false, true])
    for (const maxEntries of [2, 3, 40])
      for (let key = 0; key < maxEntries; key++) {
        using arena = await Arena.create({ maximumBytes: 8 << 20, cpus: 2 });
        const map = arena.createMap({ type: "lru_hash", name: "lru", key: u32, value, maxEntries });
        for (let each = 0; each < maxEntries; each++) map.set(each, { a: 1n, b: 1n });
        if (isUsed) map.getMany([...map.keys()]);
        if (key % 3 === 0) assert.equal(map.compareExchange(key, { a: 1n, b: 1n }, { a: 2n, b: 1n }), true);
        else if (key % 3 === 1) assert.equal(map.update(key, { a: 2n, b: 1n }, EXIST), 0);
        else map.compute(key, (before) => before && { ...before, a: before.a + 1n });
        assert.ok(map.size >= maxEntries - 1);
        map.set(maxEntries, { a: 1n, b: 1n });
        assert.equal(map.compareExchange(key, { a: 1n, b: 1n }, { a: 3n, b: 1n }), false);
        assert.equal(map.size, maxEntries, "nobody goes for a value that is not written");
        assert.deepEqual(map.get(key), { a: 2n, b: 1n }, `${key} of ${maxEntries}, used: ${isUsed}`);
      }
});

type Step = readonly ["exchange" | "compute" | "insert", number, number | undefined, number | undefined];
const small = fc.option(fc.nat(2), { nil: undefined });
const steps = fc.array(fc.tuple(fc.constantFrom("exchange", "compute", "insert"), fc.nat(3), small, small), {
  minLength: 10,
  maxLength: 60,
});

for (const [title, value, of, from] of [
  ["one word", u32, (n: number) => n, (v: unknown) => v as number],
  [
    "several",
    struct({ n: u32, text: string(20) }),
    (n: number) => ({ n, text: `${n}` }),
    (v: unknown) => (v as { n: number }).n,
  ],
] as const)
  test(`compareExchange, compute and getOrInsert of ${title} do what they do to a Map`, async () => {
    const arena = await make();
    const map = arena.createMap({ type: "hash", name: "map", key: u32, value: value as never, maxEntries: 8 });
    const wrap = (n: number | undefined): never => (n === undefined ? undefined : of(n)) as never;
    fc.assert(
      fc.property(steps, (sequence) => {
        map.clear();
        const model = new Map<number, number>();
        const put = (key: number, n: number | undefined): unknown =>
          n === undefined ? model.delete(key) : model.set(key, n);
        for (const [what, key, first, second] of sequence as readonly Step[]) {
          if (what === "insert") {
            const there = model.get(key) ?? first ?? 0;
            assert.equal(from(map.getOrInsert(key, () => wrap(first ?? 0))), there);
            model.set(key, there);
          } else if (what === "exchange") {
            const same = model.get(key) === first;
            assert.equal(map.compareExchange(key, wrap(first), wrap(second)), same);
            if (same) put(key, second);
          } else {
            const seen = map.compute(key, (before: unknown) => {
              assert.equal(before === undefined ? undefined : from(before), model.get(key));
              return wrap(second);
            });
            assert.equal(seen === undefined ? undefined : from(seen), second);
            put(key, second);
          }
          assert.deepEqual([...map].map(([each, v]) => [each, from(v)]).sort(), [...model].sort());
        }
      }),
    );
  });

test("getOrInsertComputed gives its function the key that Map keeps: of -0 it is 0", async () => {
  const map = (await make()).createMap({ type: "hash", name: "floats", key: f64, value: f64, maxEntries: 4 });
  assert.ok(
    Object.is(
      map.getOrInsertComputed(-0, (key) => key),
      0,
    ),
  );
  assert.ok(Object.is(map.get(0), 0));
});

test("a change that throws, is refused, or uses the map itself", async () => {
  const arena = await make();
  const map = arena.createMap({ type: "hash", name: "map", key: u32, value: string(16), maxEntries: 8 });
  map.set(1, "one");
  assert.throws(
    () =>
      map.compute(1, () => {
        throw new RangeError("mine");
      }),
    RangeError,
  );
  refuses(() => map.compute(1, () => "x".repeat(17)), "EINVAL", /value of map "map" is refused/);
  assert.equal(map.get(1), "one");
  let asked = 0;
  const after = map.compute(1, (value) => {
    if (asked++ === 0) map.set(1, "another");
    map.get(2);
    return `${value}!`;
  });
  assert.deepEqual([after, asked, map.get(1)], ["another!", 2, "another!"]);
  const itself = (value = ""): string => map.compute(1, () => `${value}?`) ?? "";
  refuses(() => map.compute(1, itself), "EINVAL", /of map "map" computes that entry itself/);
  assert.deepEqual(
    [map.get(1), map.compute(2, () => map.compute(3, () => "three")), map.get(3)],
    ["another!", "three", "three"],
  );
  const closes = (): string => {
    map.close();
    return "late";
  };
  refuses(() => map.compute(1, closes), "EBADF", /closed/);
  for (const act of [
    () => map.add(1, "x" as never),
    () => map.compareExchange(1, "a", "b"),
    () => map.getOrInsert(1, "c"),
  ])
    refuses(act, "EBADF", /closed/);
});

const ENTRY = new URL("../../dist/index.js", import.meta.url).href;

function increments(arena: Arena, body: string): Promise<unknown> {
  const source = `
    const { parentPort, workerData } = await import("node:worker_threads");
    const { Arena } = await import(${JSON.stringify(ENTRY)});
    const arena = await Arena.attach(workerData);
    const map = arena.openMap("map");
    for (let step = 0; step < 10000; step++) { ${body} }
    arena.detach();
    parentPort.postMessage("done");`;
  const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`), {
    workerData: arena.handle(),
  });
  return new Promise((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
  });
}

for (const [title, body] of [
  ["add", `map.add(1, "n", 1);`],
  ["compute", `map.compute(1, (value) => ({ n: (value?.n ?? 0) + 1, text: "t" }));`],
  [
    "compareExchange",
    `while (true) { const { n } = map.getOrInsert(1, { n: 0, text: "" }); if (map.compareExchange(1, "n", n, n + 1)) break; }`,
  ],
] as const)
  test(`two threads of 10,000 increments by ${title} make 20,000`, async () => {
    const arena = await make();
    const value = struct({ n: u32, text: string(20) });
    const map = arena.createMap({ type: "hash", name: "map", key: u32, value, maxEntries: 8 });
    await Promise.all([increments(arena, body), increments(arena, body)]);
    assert.equal(map.get(1)?.n, 20_000);
  });

/** Values that belong to tasks: one each, from when a program asks for it until one deletes it. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Arena } from "../arena/arena.ts";
import { readObject } from "../bpf/object/object.ts";
import { u64 } from "../maps/codec/codec.ts";
import { DirectRuns } from "./direct.ts";
import { loadSpec } from "./load.ts";

const OBJECT = "src/bpf/fixtures/storage.bpf.o";

/** An int of -1 as the program returns it. */
const NONE = 0xffff_ffffn;

async function setUp(mapEntries?: ReadonlyMap<string, number>) {
  const arena = await Arena.create({ cpus: 1, maximumBytes: 64 << 20, seed: 1 });
  const options = { engine: "interpreter", verify: true, ...(mapEntries && { mapEntries }) } as const;
  const loaded = loadSpec(arena, readObject(readFileSync(OBJECT), OBJECT), options);
  assert.deepEqual(loaded.skipped, []);
  const runs = new DirectRuns(arena, loaded);
  const run = (program: string, pid: number, time?: bigint) =>
    runs.run({ program, task: { pid, tgid: pid }, ...(time === undefined ? {} : { time }) }).result;
  const map = loaded.maps.find(({ spec }) => spec.name === "tasks")?.map;
  assert.ok(map);
  return { arena, run, map };
}

test("a task has a value of its own, which begins as the program says; without the flag none is made", async () => {
  const { run, map } = await setUp();
  assert.equal(run("leave", 5), NONE);
  for (const pid of [5, 6, 5, 5]) assert.equal(run("enter", pid, BigInt(100 * pid)), 0n);
  assert.deepEqual([run("leave", 5), run("leave", 6), run("leave", 7)], [3n, 1n, NONE]);
  const firsts = [...map.values()].map((value) => new DataView((value as Uint8Array).buffer).getBigUint64(8, true));
  assert.deepEqual(firsts.sort(), [500n, 600n]);
  assert.equal(run("gone", 5), 0n);
  assert.equal(run("gone", 5), -2n);
  assert.deepEqual([run("leave", 5), run("leave", 6), map.size], [NONE, 1n, 1]);
});

test("a bound that is given holds; keys are addresses, and other keys make no such map", async () => {
  const { arena, run, map } = await setUp(new Map([["tasks", 2]]));
  assert.deepEqual(
    [1, 2, 3].map((pid) => run("enter", pid)),
    [0n, 0n, 1n],
  );
  assert.equal(map.size, 2);
  for (const type of ["task_storage", "sk_storage", "inode_storage", "cgrp_storage"] as const) {
    const own = arena.createMap({ type, name: type, key: u64, value: u64, maxEntries: 4 });
    own.set(0xffff_8880_0000_0000n, 7n).add(1n, 2n);
    assert.deepEqual([...own].sort(), [
      [1n, 2n],
      [0xffff_8880_0000_0000n, 7n],
    ]);
    for (const options of [
      { key: u64, prealloc: true },
      { key: u64, withoutCache: true },
      { key: u64, flags: 1 << 10 },
    ])
      assert.throws(() => arena.createMap({ type, name: "odd", value: u64, maxEntries: 4, ...options }), {
        code: "EINVAL",
        message: /8 bytes, its owner's address/,
      });
  }
});

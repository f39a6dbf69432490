/** What maps keep of programs: objects for each CPU, tasks; and programs that end themselves. Verified and compiled, and interpreted. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Arena } from "../arena/arena.ts";
import { type Answers, FRAME_BYTES, MAX_FRAMES } from "../bpf/host.ts";
import { readObject } from "../bpf/object/object.ts";
import { programHost } from "./host.ts";
import { instantiateImage, loadSpec } from "./load.ts";

const OBJECT = "src/bpf/fixtures/kept.bpf.o";
const CPUS = 4;

async function setUp(engine: "jit" | "interpreter") {
  const arena = await Arena.create({ cpus: CPUS, maximumBytes: 64 << 20, seed: 1 });
  const loaded = loadSpec(arena, readObject(readFileSync(OBJECT), OBJECT), { engine, verify: true });
  const plain = programHost(arena, () => undefined);
  const stack = arena.allocate(FRAME_BYTES * MAX_FRAMES) + FRAME_BYTES * MAX_FRAMES;
  const context = arena.allocate(16);
  /** What a program returned, and what it has written behind its argument. */
  const call = (program: string, argument = 0n, answers: Answers = new Map()): readonly [bigint, bigint] => {
    const image = loaded.programs.find(({ name }) => name === program);
    assert.ok(image, program);
    const view = new DataView(arena.memory.buffer, context, 16);
    view.setBigUint64(0, argument, true);
    view.setBigUint64(8, 0n, true);
    const run = instantiateImage(image, { ...plain, answers });
    arena.core.readEnter();
    try {
      const result = run(context, arena.core.currentArea() >>> 0, stack, 16);
      return [BigInt.asIntN(32, result), view.getBigUint64(8, true)];
    } finally {
      arena.core.readLeave();
    }
  };
  return { arena, call };
}

for (const engine of ["jit", "interpreter"] as const) {
  test(`${engine}: each CPU counts in its own copy of an object that a map keeps`, async () => {
    const { arena, call } = await setUp(engine);
    assert.deepEqual(call("count", 1n), [-1n, 0n]);
    assert.deepEqual(call("keep_counters"), [0n, 0n]);
    assert.deepEqual(call("count", 5n), [1n, 0n]);
    assert.deepEqual(call("count", 6n), [2n, 0n]);
    arena.takeCpu(1);
    assert.deepEqual(call("count", 100n), [1n, 0n]);
    assert.deepEqual(call("sum"), [BigInt(CPUS), 111n]);
    assert.deepEqual(call("keep_counters"), [1n, 0n], "the ones before come back, and are dropped");
    assert.deepEqual(call("sum"), [BigInt(CPUS), 0n], "a new object is all zeroes");
  });

  test(`${engine}: a map keeps a task, which comes back when another is put in its place`, async () => {
    const { call } = await setUp(engine);
    const task = (address: bigint): Answers => new Map([["bpf_task_from_pid", address]]);
    const [first, second] = [0xffff888000001000n, 0xffff888000002000n];
    assert.deepEqual(call("kept_task"), [-1n, 0n]);
    assert.deepEqual(call("keep_task", 7n, task(0n)), [-1n, 0n]);
    assert.deepEqual(call("keep_task", 7n, task(first)), [0n, 0n]);
    assert.deepEqual(call("kept_task"), [1n, 0n]);
    assert.deepEqual(call("keep_task", 8n, task(second)), [1n, first]);
    assert.deepEqual(call("keep_task", 9n, task(first)), [1n, second]);
    assert.throws(() => call("keep_task", 7n), { code: "EFAULT", message: /which nobody says/ });
  });

  test(`${engine}: what a program ends itself with goes through its function, if it has one`, async () => {
    const { call } = await setUp(engine);
    assert.deepEqual(call("ends", 5n), [0n, 1n]);
    assert.deepEqual(call("ends", 21n), [42n, 1n]);
    assert.deepEqual(call("ends_plainly", 5n), [0n, 0n]);
    assert.deepEqual(call("ends_plainly", 21n), [21n, 0n]);
  });
}

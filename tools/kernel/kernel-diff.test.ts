/** The comparison with the running kernel: it runs where the kernel can be asked, and a wrong answer of ours is a difference. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { replaySequences } from "../../test/maps/replay.ts";
import type { Operation, Sequence } from "../../test/maps/vectors.ts";
import { KernelMaps } from "./bpf.ts";
import { KIND_PLANS, sequences } from "./generate.ts";
import { SystemCalls } from "./loader.ts";
import { Recorder } from "./record.ts";

const isLinux = process.platform === "linux" && process.arch === "x64";

test("the program that makes system calls makes them, one after the other", { skip: !isLinux }, async () => {
  const calls = new SystemCalls();
  const getpid = 39;
  const [first, second] = [
    await calls.call(getpid, [0, 0, 0], new Uint8Array(0)),
    await calls.call(getpid, [0, 0, 0], Uint8Array.of(1, 2, 3)),
  ];
  assert.ok(first.result > 0);
  assert.deepEqual(second, { result: first.result, bytes: Uint8Array.of(1, 2, 3) });
  assert.equal((await calls.call(9999, [0, 0, 0], new Uint8Array(0))).result, -38);
  calls.close();
});

test("sequences are the same for the same seed, and begin with a map", () => {
  for (const plan of KIND_PLANS) {
    const [one, other] = [1, 1].map((seed) => [...sequences(plan, 300, seed, 2)]);
    assert.deepEqual(one, other);
    assert.ok(one?.every(([line]) => line?.startsWith("c ")));
  }
});

test("what the kernel answers is what we answer, and another answer is a difference", {
  skip: !isLinux,
}, async (context) => {
  const calls = new SystemCalls();
  const kernel = new KernelMaps(calls);
  try {
    if ((await kernel.create([2, 4, 4, 1, 0, 0, 0], 0n)) < 0) return context.skip("bpf(2) wants root");
    const [plan] = KIND_PLANS;
    assert.ok(plan);
    for (const lines of sequences(plan, 100, 3, 2)) {
      const recorder = new Recorder(kernel, 2);
      const operations: Operation[] = [];
      for (const line of lines) operations.push(await recorder.record(line));
      await recorder.close();
      const sequence: Sequence = { name: plan.name, noEvict: undefined, operations };
      assert.deepEqual((await replaySequences([sequence])).differences, []);
      const wrong = operations.map((each, index) => (index === 50 ? { ...each, answer: ["wrong"] } : each));
      assert.equal((await replaySequences([{ ...sequence, operations: wrong }])).differences.length, 1);
    }
  } finally {
    calls.close();
  }
});

test("a kind or a number that makes no sense is refused with those that there are", () => {
  const run = (...args: string[]): string => {
    try {
      return execFileSync(process.execPath, ["--import", "tsx", "tools/kernel/kernel-diff.ts", ...args], {
        stdio: "pipe",
      }).toString();
    } catch (error) {
      return (error as { stderr: Buffer }).stderr.toString();
    }
  };
  assert.match(run("--kind", "cuckoo"), /no kind is called cuckoo: hash, percpu_hash/);
  assert.match(run("--operations", "many"), /--operations is a whole number, not many/);
});

/** What each role gives back and leaves behind. How threads meet is the simulator's and src/arena/threads.test.ts. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { compileInside } from "../testing.ts";

type Word = (address: number, ...values: number[]) => number;
interface Functions {
  acquire: Word;
  peek: Word;
  publish: Word;
  claim: Word;
  exchange: Word;
  addAndFetch: Word;
  acquire64(address: number): bigint;
  peek64(address: number): bigint;
  publish64(address: number, value: bigint): void;
  claim64(address: number, expected: bigint, replacement: bigint): number;
}

const make = compileInside<Functions>(`export * from "./base/atomics";`);

test("words: what each role returns, and what is there afterwards", () => {
  const { core, words } = make();
  const steps: [string, () => unknown, number | undefined, number][] = [
    ["publish", () => core.publish(64, 7), undefined, 7],
    ["acquire", () => core.acquire(64), 7, 7],
    ["peek", () => core.peek(64), 7, 7],
    ["claim of what is there", () => core.claim(64, 7, 8), 1, 8],
    ["claim of what was there", () => core.claim(64, 7, 9), 0, 8],
    ["exchange", () => core.exchange(64, 10), 8, 10],
    ["addAndFetch up", () => core.addAndFetch(64, 5), 15, 15],
    ["addAndFetch down, below zero", () => core.addAndFetch(64, -16), -1, 0xffffffff],
  ];
  for (const [name, act, returned, left] of steps)
    assert.deepEqual([act(), words(64)[0], words(68)[0]], [returned, left, 0], name);
});

test("long words: upper half included", () => {
  const { core } = make();
  core.publish64(64, 0x1_00000002n);
  assert.equal(core.claim64(64, 0x2_00000002n, 5n), 0);
  assert.deepEqual([core.acquire64(64), core.peek64(64)], [0x1_00000002n, 0x1_00000002n]);
  assert.equal(core.claim64(64, 0x1_00000002n, 0x7_00000003n), 1);
  assert.equal(core.acquire64(64), 0x7_00000003n);
});

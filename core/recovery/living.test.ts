/** What shows that a thread lives: any word of its area that its work changes, and none that others write. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { Arena } from "../../src/arena/arena.ts";
import { CONSTANTS, LAYOUT } from "../../src/wasm/face.ts";
import { makeArena } from "../testing.ts";

const { LEVELS, INTENT_BYTES, STALLED_AT } = CONSTANTS;
const { CpuArea, Intents } = LAYOUT;
const FIRST_FLIP = 1 << 20;

/** Flips a word of the memory again and again, as a thread does that works; until it is told to end. */
const FLIP = `
  const { workerData: { memory, word, control } } = require("node:worker_threads");
  const words = new Int32Array(memory.buffer);
  const state = new Int32Array(control);
  for (let turn = 0; Atomics.load(state, 0) === 0; turn++) {
    Atomics.xor(words, word >> 2, 1);
    Atomics.store(state, 1, turn);
    Atomics.notify(state, 1);
  }
  Atomics.store(words, word >> 2, 0);
  Atomics.store(state, 0, 2);
  Atomics.notify(state, 0);`;

/** Whether CPU 1 is seen alive while nothing but a word of its area changes. */
function seenWhileFlipping({ core, memory }: Arena, word: number): boolean {
  const control = new SharedArrayBuffer(8);
  const state = new Int32Array(control);
  const worker = new Worker(FLIP, { eval: true, workerData: { memory, word, control } });
  Atomics.wait(state, 1, 0, 10_000);
  let seen = false;
  // A machine that gives the thread no core meanwhile leaves nothing to be seen.
  for (let turn = 0; turn < 20 && !seen; turn++) seen = core.isSeenAlive(1, FIRST_FLIP) !== 0;
  Atomics.store(state, 0, 1);
  Atomics.wait(state, 0, 1, 10_000);
  void worker.terminate();
  return seen;
}

const intentsAt = (level: number): number => CpuArea.intents + level * INTENT_BYTES;

const SIGNS: readonly (readonly [what: string, offset: number])[] = [
  ...Array.from({ length: LEVELS }, (_, level) => [
    [`the first intent of level ${level}`, intentsAt(level) + Intents.first] as const,
    [`what the second intent of level ${level} says`, intentsAt(level) + Intents.second + 4] as const,
  ]).flat(),
  ["the level", CpuArea.level],
  ["interrupts", CpuArea.interruptsOff],
  ["deferred work", CpuArea.working],
  ["random numbers", CpuArea.random],
  ["the budget", CpuArea.spinsLeft],
  ["read sections", CpuArea.readEpoch],
];

const OTHERS: readonly (readonly [what: string, offset: number])[] = [
  ["work that was raised, which a helper takes", CpuArea.work],
  ["the token", CpuArea.attached],
  ["what others waited for in vain", STALLED_AT],
];

for (const [signs, expected] of [
  [SIGNS, true],
  [OTHERS, false],
] as const)
  for (const [what, offset] of signs)
    test(`${what}: ${expected ? "a sign" : "no sign"} of life`, async () => {
      const arena = await makeArena();
      assert.equal(arena.core.takeCpu(1, FIRST_FLIP), 1);
      assert.equal(seenWhileFlipping(arena, arena.core.cpuAreaAddress(1) + offset), expected);
    });

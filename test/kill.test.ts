/** Threads that die in the middle of whatever they do, one or two at a time: the others go on, and nothing is lost. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type KillResult, kill } from "../tools/machine/kill.ts";

const seed = Math.floor(Math.random() * 2 ** 31);
const results: KillResult[] = [];

for (const { trials, deaths } of [
  { trials: 40, deaths: 1 },
  { trials: 25, deaths: 2 },
] as const)
  test(`${deaths} at a time, ${trials} times, at any moment, by any cause: survivors do 200 operations within a second`, async () => {
    const { lostBytes, ...result } = await kill(trials, seed, { deaths });
    results.push({ ...result, lostBytes });
    assert.deepEqual(result, { trials, deaths, survived: trials, hung: 0, threw: 0 }, `seed ${seed}`);
  });

test("no byte is lost by any death", () => {
  assert.deepEqual(
    results.map(({ lostBytes }) => lostBytes),
    [0, 0],
    `seed ${seed}`,
  );
});

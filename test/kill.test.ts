/** Threads that die in the middle of whatever they do: the others go on, and nothing is lost. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { kill } from "../tools/kill.ts";

test("50 threads die at any moment, by any cause: survivors do 200 operations within a second, no byte is lost", async () => {
  const result = await kill(50, Math.floor(Math.random() * 2 ** 31));
  assert.deepEqual(result, { trials: 50, survived: 50, hung: 0, threw: 0, lostBytes: 0 });
});

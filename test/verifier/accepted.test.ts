/**
 * Random and changed programs that the verifier accepts, on the interpreter.
 *
 * Invariant: no access outside of what a run was granted, each run ends, what was reserved is given back, and each belief holds.
 * `npm run soundness` does the same for a million.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { runAccepted } from "./run-accepted.ts";

const PROGRAMS = 20_000;

test(`${PROGRAMS} accepted programs do nothing that was not proven`, () => {
  const { accepted, offered, runs, wrong } = runAccepted(1, PROGRAMS);
  assert.deepEqual(wrong, []);
  assert.equal(accepted, PROGRAMS);
  console.log(`# ${offered} programs offered, ${accepted} accepted, ${runs} runs`);
});

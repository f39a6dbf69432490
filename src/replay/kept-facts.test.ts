/** What is kept of objects: the nearest before an address, by itself or by what led there. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { KeptFacts } from "./kept-facts.ts";

const OUTER = 0xffff_8880_1000_0000n;

test("what lies inside of an object is told of with it, and once that is forgotten it is not in the way of what begins before", () => {
  const facts = new KeptFacts();
  facts.keep(OUTER, ["sock"], "state", 1n);
  facts.lead(OUTER + 0x1000n, OUTER);
  assert.equal(facts.around(OUTER + 0x1008n)?.address, OUTER);
  // So many that those are forgotten; they lie elsewhere.
  for (let index = 0n; index < 1n << 16n; index++) facts.lead(OUTER + 0x100_0000n + index * 64n, OUTER);
  assert.equal(facts.around(OUTER + 0x1008n)?.address, OUTER);
  assert.equal(facts.around(OUTER - 8n), undefined);
});

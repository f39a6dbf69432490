/** Stacks and the chains on them, against a plain array: last in, first out, and every change of a tagged head counts. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { compileInside } from "../testing.ts";

interface Functions {
  push(stack: number, first: number, link: number): void;
  pushTagged(stack: number, first: number, link: number): void;
  topOf(head: bigint): number;
  tagOf(head: bigint): number;
  nextHead(head: bigint, first: number): bigint;
  chainLength(first: number): number;
  chainContains(first: number, object: number): number;
}

const make = compileInside<Functions>(`
  export { push, pushTagged, topOf, tagOf, nextHead } from "./base/stack";
  export { chainLength, chainContains } from "./base/chain";
`);
const { core, memory, words } = make();
const STACK = 1024;
const objectAt = (index: number): number => 4096 + index * 16;

/** The objects of a chain, first to last. */
function chainOf(first: number): number[] {
  const chain: number[] = [];
  for (let object = first; object !== 0; object = words(object)[0] ?? 0) chain.push(object);
  return chain;
}

/** Links objects to a chain; the last one's link is not an end yet. */
function link(objects: readonly number[]): { first: number; last: number } {
  for (const [index, object] of objects.entries()) words(object)[0] = objects[index + 1] ?? 0xdead;
  return { first: objects[0] ?? 0, last: objects.at(-1) ?? 0 };
}

/** Lengths of the chains that are pushed one after the other. */
const lengths = fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1, maxLength: 20 });

for (const tagged of [false, true])
  test(`chains pushed on ${tagged ? "a tagged" : "a plain"} head lie on top of those before them, in their own order`, () => {
    fc.assert(
      fc.property(lengths, (chains) => {
        words(STACK, 2).fill(0);
        let model: number[] = [];
        let next = 0;
        for (const [pushes, length] of chains.entries()) {
          const objects = Array.from({ length }, () => objectAt(next++));
          const { first, last } = link(objects);
          if (tagged) core.pushTagged(STACK, first, last);
          else core.push(STACK, first, last);
          model = [...objects, ...model];
          assert.deepEqual(chainOf(words(STACK)[0] ?? 0), model);
          assert.equal(words(STACK + 4)[0], tagged ? pushes + 1 : 0, "a tagged head counts its changes");
        }
        const top = words(STACK)[0] ?? 0;
        assert.equal(core.chainLength(top), model.length);
        for (const object of model) assert.equal(core.chainContains(top, object), 1);
        assert.equal(core.chainContains(top, objectAt(next)), 0);
      }),
    );
  });

test("a head that is popped and pushed back is not the head that it was", () => {
  const head = (): bigint => new BigUint64Array(memory.buffer, STACK, 1)[0] ?? 0n;
  words(STACK, 2).fill(0);
  core.pushTagged(STACK, objectAt(0), objectAt(0));
  const before = head();
  const popped = core.nextHead(before, 0);
  assert.deepEqual([core.topOf(popped), core.tagOf(popped)], [0, 2]);
  new BigUint64Array(memory.buffer, STACK, 1)[0] = popped;
  core.pushTagged(STACK, objectAt(0), objectAt(0));
  assert.equal(core.topOf(head()), core.topOf(before));
  assert.notEqual(head(), before);
});

test("the tag begins anew after 2^32 changes and leaves the object alone", () => {
  const next = core.nextHead(0xffffffff_00001230n, 0xfffffff8 | 0);
  assert.deepEqual([core.tagOf(next) >>> 0, core.topOf(next) >>> 0], [0, 0xfffffff8]);
});

test("no object is in the empty chain", () => {
  assert.deepEqual([core.chainLength(0), core.chainContains(0, objectAt(0)), core.chainContains(0, 0)], [0, 0, 0]);
});

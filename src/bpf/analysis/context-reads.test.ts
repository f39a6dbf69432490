import assert from "node:assert/strict";
import { test } from "node:test";
import { assemble } from "../isa/assemble.ts";
import { linkProgram } from "../link.ts";
import { specOfInstructions } from "../object/spec.ts";
import { contextReads } from "./context-reads.ts";

function readsOf(text: string): (readonly [number, number])[] | undefined {
  const program = linkProgram(specOfInstructions("p", assemble(text)), "p", new Map());
  const reads = contextReads(program);
  if (reads === undefined) return undefined;
  const places = new Set(reads.map(({ offset, bytes }) => `${offset} ${bytes}`));
  return [...places].map((place) => place.split(" ").map(Number) as [number, number]);
}

test("loads through the context, moved and kept on the stack", () => {
  const text = `r6 = r1
*(u64 *)(r10 - 8) = r1
r2 = *(u32 *)(r6 + 16)
r6 += 8
r3 = *(u8 *)(r6 + 1)
r4 = *(u64 *)(r10 - 8)
r5 = *(u16 *)(r4 + 40)
r0 = 0
exit`;
  assert.deepEqual(readsOf(text), [
    [16, 4],
    [9, 1],
    [40, 2],
  ]);
});

test("what cannot be followed may read anywhere", () => {
  const anywhere = [
    "r2 = *(u64 *)(r1 + 0)\nr1 += r2\nr0 = *(u8 *)(r1 + 0)\nexit",
    "r2 = r1\ncall f\nexit\nf:\nr0 = 0\nexit",
    "r6 = r1\nr0 = 0\nif r0 == 0 goto a\nr6 += 8\ngoto b\na:\nr6 += 16\nb:\nr0 = *(u64 *)(r6 + 0)\nexit",
  ];
  for (const text of anywhere) assert.equal(readsOf(text), undefined, text);
});

test("a program that reads nothing", () => {
  assert.deepEqual(readsOf("r6 = r1\ncall ktime_get_ns\nr0 = 0\nexit"), []);
});

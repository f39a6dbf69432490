/**
 * Random and changed programs that the verifier accepts, on the interpreter and compiled.
 *
 * Invariant: no access outside of what a run was granted, each run ends, what was reserved is given back, and each belief holds; both
 * engines return the same and leave the same in memory.
 * `npm run soundness` does the same for a million.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { verifyObject } from "../../src/load/verify.ts";
import { objectOf } from "./object.ts";
import { runAccepted } from "./run-accepted.ts";

const PROGRAMS = 20_000;

test(`${PROGRAMS} accepted programs do nothing that was not proven, and the same by both engines`, () => {
  const { accepted, offered, runs, wrong } = runAccepted(1, PROGRAMS);
  assert.deepEqual(wrong, []);
  assert.equal(accepted, PROGRAMS);
  console.log(`# ${offered} programs offered, ${accepted} accepted, ${runs} runs`);
});

/** Found by a long run: the path past the first branch ends at line 18, where r7 was another number. */
const IGNORED = `r6 = *(u64 *)(r1 + 112)
r7 = *(u32 *)(r1 + 96)
r8 = *(u64 *)(r1 + 0)
*(u64 *)(r10 - 32) = r6
*(u32 *)(r10 - 4) = 0
r2 = r10
r2 += -4
r1 = &counts
call map_lookup_elem
if r0 == 0 goto out
r9 = r0
r8 >>= r7
w8 += w6
if r8 s>= 63 goto +2
r8 = *(u32 *)(r10 - 32)
*(u64 *)(r10 - 32) = r7
r7 = *(u64 *)(r10 - 32)
w6 s>>= w8
if r8 <= r6 goto +2
r6 &= 15
r9 += r6
*(u8 *)(r9 + 0) = r7
out:
r0 = 0
exit`;

/** Registers of which something is believed at a line of a program that is accepted. */
function believedAt(text: string, line: string): number[] {
  const [verdict] = verifyObject(objectOf("kprobe/f", text), { beliefs: true });
  assert.equal(verdict?.verdict, "accepted");
  const place = text.split("\n").indexOf(line) + 1;
  return (verdict?.linked?.beliefs ?? []).flatMap(({ at, register }) => (at === place ? [register] : []));
}

test("what was not looked at when a path ended is not believed of the path that it ended on", () => {
  assert.deepEqual(believedAt(IGNORED, "*(u8 *)(r9 + 0) = r7"), [9]);
});

/** Of soundness, seed 71: a number of which a range matters to the path that it came by, and nothing behind the place where others end. */
const RELIED_ELSEWHERE = `r6 = *(u64 *)(r1 + 112)
r7 = *(u32 *)(r1 + 96)
r8 = *(u64 *)(r1 + 0)
*(u64 *)(r10 - 24) = 0
*(u64 *)(r10 - 32) = r6
*(u64 *)(r10 - 40) = r7
*(u32 *)(r10 - 4) = 0
r2 = r10
r2 += -4
r1 = &counts
call map_lookup_elem
if r0 == 0 goto out
r9 = r0
r8 = be16 r8
if w8 > 255 goto +0
w6 s%= w7
w7 s/= w7
r7 = r6
if w6 < 1 goto +1
w6 >>= 1
w6 &= 15
if r6 > r8 goto +0
if r7 < r7 goto +0
w7 -= 0
r6 = (s8)r8
r6 = *(u32 *)(r10 - 24)
r7 = *(u64 *)(r10 - 24)
*(u16 *)(r10 - 40) = r8
r8 = *(u16 *)(r10 - 40)
r7 = *(u32 *)(r10 - 24)
r8 %= 63
r6 >>= r7
w6 /= w6
r6 = *(u32 *)(r10 - 24)
r7 = *(u16 *)(r10 - 40)
w6 s>>= 16
r7 s/= r6
if r6 s<= -1 goto +2
w6 >>= 29
r9 += r6
*(u8 *)(r9 + 0) = r7
out:
r0 = 0
exit`;

test("what matters to others that have the same number is not believed where it does not", () => {
  assert.deepEqual(believedAt(RELIED_ELSEWHERE, "r6 = (s8)r8"), []);
});

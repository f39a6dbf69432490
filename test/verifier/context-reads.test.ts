/** Which loads of their context programs may do, against what Linux lets them. */
import assert from "node:assert/strict";
import { release } from "node:os";
import { test } from "node:test";
import { verifyObject } from "../../src/load/verify.ts";
import { askReads, READS, readReads } from "./kernel/context-reads.ts";
import { objectOf } from "./object.ts";

/** `egress_ifindex`, which Linux shows to programs of a map of devices alone. */
const ONLY_HERE = ["xdp: 4 bytes at 20"];

test("as Linux 6.18 lets them", () => {
  const { taken } = readReads();
  assert.equal(taken.length, READS.length, "other loads were recorded: npm run verdicts");
  const different = READS.flatMap(({ section, at, bytes, text }, index) => {
    const [verdict] = verifyObject(objectOf(section, text));
    const here = verdict?.verdict === "accepted";
    return here === taken[index] ? [] : [`${section}: ${bytes} bytes at ${at}`];
  });
  assert.deepEqual(different, ONLY_HERE);
});

test("a field that is read otherwise is said to be", () => {
  const messageOf = (section: string, at: number): string => {
    const [verdict] = verifyObject(objectOf(section, `r2 = *(u64 *)(r1 + ${at})\nr0 = 1\nexit`));
    return verdict?.message ?? "";
  };
  assert.match(messageOf("tc", 0), /at offset 0, which programs of type sched_cls read as 1 or 2 or 4 bytes$/);
  assert.match(messageOf("tc", 104), /at offset 104, which programs of type sched_cls are not shown$/);
});

test("as the running kernel lets them", (context) => {
  const taken = askReads();
  if (typeof taken === "string") return context.skip(taken);
  const recorded = readReads();
  if (recorded.kernel !== release()) return context.skip(`it is no ${recorded.kernel}`);
  assert.deepEqual(taken, recorded.taken);
});

/** Linux's own allocator, recorded: profile `linux` does the same step for step and list for list. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { compareGolden } from "./golden/compare.ts";

const RECORDINGS = [
  { file: "golden-bpf_mem_alloc-6.18.tsv", rows: 1800 },
  { file: "golden-state-6.18.tsv", rows: 6720 },
];

for (const { file, rows } of RECORDINGS) {
  const text = readFileSync(`test/data/${file}`, "utf8");

  test(`profile linux replays all ${rows} rows of ${file}`, async () => {
    assert.deepEqual(await compareGolden(text, "linux"), { match: rows, differences: [], unexplained: [] });
  });

  test(`profile anyctx on ${file}: no failure with interrupts on, one rule with interrupts off`, async () => {
    const { differences, unexplained } = await compareGolden(text, "anyctx");
    assert.deepEqual(unexplained, []);
    // What differs follows from interrupts off before: elements of another size, overwriting without a new element. And a
    // cache keeps more before it trims, which nobody is answered differently for.
    assert.ok(differences.length > 0);
    for (const line of differences)
      assert.ok(line.includes("irq off") || line.includes(",-2 instead") || isOnlyCached(line), line);
  });
}

/** Of a row of states: the answer is Linux's, and no more is free than the high watermark. */
function isOnlyCached(line: string): boolean {
  const [, answer, free, linux] = /: (-?\d+),(\d+),.* instead of (-?\d+),/.exec(line) ?? [];
  return answer === linux && Number(free) <= 160;
}

test("text that is no recording is refused", async () => {
  await assert.rejects(compareGolden("a\tb\n1\t2\n", "linux"), /no recording/);
  await assert.rejects(compareGolden("", "linux"), /no recording/);
});

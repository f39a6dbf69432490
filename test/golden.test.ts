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
    assert.deepEqual(await compareGolden(text, "linux"), { match: rows, differences: [] });
  });

  test(`profile anyctx differs from ${file} only where interrupts are off`, async () => {
    const { differences } = await compareGolden(text, "anyctx");
    assert.ok(differences.length > 0, "smaller elements and overwriting in place must show");
    // A state row does not say irq, its script does: those with interrupts on have no failed row.
    const failures = differences.filter((line) => !/irq off|seed \d+ step/.test(line));
    assert.deepEqual(failures, []);
    for (const line of differences.filter((each) => each.includes("irq on"))) assert.match(line, /errno \d+,0,0 /);
  });
}

test("text that is no recording is refused", async () => {
  await assert.rejects(compareGolden("a\tb\n1\t2\n", "linux"), /no recording/);
  await assert.rejects(compareGolden("", "linux"), /no recording/);
});

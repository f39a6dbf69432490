/** Small bad programs: each is refused with its reason, its twin is accepted, and bad accesses fault with an input that is found. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { CATEGORIES, isMemorySafety } from "../../src/bpf/verifier/refusal.ts";
import { findCounterexample } from "../../src/explore/counterexample/counterexample.ts";
import { type ProgramVerdict, verifyObject } from "../../src/load/verify.ts";
import { BAD_PROGRAMS } from "./bad-programs.ts";
import { objectOf } from "./object.ts";

function verdictOf(section: string, text: string): ProgramVerdict {
  const [verdict] = verifyObject(objectOf(section, text));
  return verdict ?? assert.fail("no verdict");
}

const LEAST_PROGRAMS = 150;

test(`there are at least ${LEAST_PROGRAMS}, no two alike, and some for each category`, () => {
  assert.ok(BAD_PROGRAMS.length >= LEAST_PROGRAMS, `${BAD_PROGRAMS.length}`);
  assert.equal(new Set(BAD_PROGRAMS.map(({ name }) => name)).size, BAD_PROGRAMS.length);
  assert.equal(new Set(BAD_PROGRAMS.map(({ section, bad }) => section + bad)).size, BAD_PROGRAMS.length);
  const used = new Set(BAD_PROGRAMS.map(({ category }) => category));
  assert.deepEqual([...used].sort(), Object.keys(CATEGORIES).sort());
});

for (const { name, section, bad, category, says } of BAD_PROGRAMS)
  test(`refused: ${name}`, () => {
    const verdict = verdictOf(section, bad);
    assert.equal(verdict.verdict, "rejected");
    assert.equal(verdict.category, category, verdict.message);
    assert.match(verdict.message ?? "", says);
    assert.ok((verdict.suggestion ?? "").length > 0 && verdict.at !== undefined);
  });

for (const { name, section, good } of BAD_PROGRAMS.filter((row) => row.good !== undefined))
  test(`accepted: the right way of "${name}"`, () => {
    const verdict = verdictOf(section, good ?? "");
    assert.equal(verdict.verdict, "accepted", `${verdict.category}: ${verdict.message}`);
  });

/** The least part of refused accesses for which an input is found. */
const LEAST_FOUND = 0.8;

test("for refused accesses inputs are found with which they fault", async () => {
  const missing: string[] = [];
  const rows = BAD_PROGRAMS.filter(({ category }) => isMemorySafety(category));
  for (const { name, section, bad } of rows) {
    const object = objectOf(section, bad);
    const [verdict] = verifyObject(object);
    const search = await findCounterexample(object, verdict ?? assert.fail());
    if ("why" in search) missing.push(`${name}: ${search.why}`);
    else assert.match(search.found.fault, new RegExp(`instruction ${verdict?.at?.instruction} `));
  }
  assert.ok(
    1 - missing.length / rows.length >= LEAST_FOUND,
    `${missing.length} of ${rows.length}: ${missing.join("\n")}`,
  );
  console.log(
    `# ${rows.length - missing.length} of ${rows.length} refused accesses have an input; not: ${missing.join("; ")}`,
  );
});

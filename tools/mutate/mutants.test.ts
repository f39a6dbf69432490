/** Where mutants are found, and that they are the same for the same seed. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { EQUIVALENT } from "../../test/sim/equivalent.ts";
import { applyMutant, mutantsOf, sampleOf } from "./mutants.ts";

function changesOf(text: string): string[] {
  return mutantsOf("core/x.ts", text).map((mutant) => applyMutant(text, mutant));
}

const inFunction = (body: string): string => `function f(a: u32): u32 {\n  ${body}\n}\n`;

test("operators, constants, statements, their order and guards are changed, one at a time", () => {
  assert.deepEqual(changesOf(inFunction("return a + b;")), [inFunction("return a - b;")]);
  assert.deepEqual(changesOf(inFunction("return a && !b;")), [
    inFunction("return a || !b;"),
    inFunction("return a && b;"),
  ]);
  assert.deepEqual(changesOf("const MOST: u32 = 16;\n"), ["const MOST: u32 = 0;\n", "const MOST: u32 = 17;\n"]);
  assert.deepEqual(changesOf("const NONE: u32 = 0;\n"), ["const NONE: u32 = 1;\n"]);
  assert.deepEqual(changesOf(inFunction("a();\n  b();")), [
    inFunction("b();\n  a();"),
    inFunction(";\n  b();"),
    inFunction("a();\n  ;"),
  ]);
  assert.deepEqual(changesOf(inFunction("if (a) return;\n  if (b) c = d;")), [
    inFunction(";\n  if (b) c = d;"),
    inFunction("if (a) return;\n  if (b) ;"),
  ]);
  assert.deepEqual(changesOf(inFunction("a++;")), [inFunction(";"), inFunction("a--;")]);
});

test("declarations and checks are left alone, and lines stay where they are", () => {
  assert.deepEqual(changesOf('import { a } from "./b";\n'), []);
  assert.deepEqual(changesOf(inFunction("expect(a != 0);\n  check(a < 3);")), []);
  const text = inFunction("g(\n    a,\n  );\n  return a;");
  for (const changed of changesOf(text)) assert.equal(changed.split("\n").length, text.split("\n").length);
});

test("a sample has each mutant at most once and is the same for the same seed", () => {
  const all = Array.from({ length: 50 }, (_, index) => index);
  assert.deepEqual(sampleOf(all, 20, 7), sampleOf(all, 20, 7));
  assert.notDeepEqual(sampleOf(all, 20, 7), sampleOf(all, 20, 8));
  assert.equal(new Set(sampleOf(all, 50, 7)).size, 50);
});

test("every row of the equivalent ones is a mutant of today's core", () => {
  const files = readdirSync("core", { recursive: true, encoding: "utf8" }).filter((name) => /^[^.]+\.ts$/.test(name));
  const changes = files.flatMap((name) => mutantsOf(join("core", name), readFileSync(join("core", name), "utf8")));
  for (const { file, change, why } of EQUIVALENT) {
    assert.ok(
      changes.some((mutant) => mutant.file === file && mutant.change === change),
      `${file}: ${change}`,
    );
    assert.ok(why.length > 20, change);
  }
});

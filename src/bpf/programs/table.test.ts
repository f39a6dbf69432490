/** The table of program types: what each row has to have. What holds for sections and contexts is in `testing.ts`. */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { test } from "node:test";
import { PROGRAM_TYPES, programKind, programType } from "./table.ts";

test("every row says what its programs are and return, and has a file and a test", () => {
  const files = readdirSync("src/bpf/programs");
  for (const type of PROGRAM_TYPES) {
    assert.match(type.name, /^[a-z_]+$/);
    assert.match(type.doc, /^[A-Z].*\.$/s, type.name);
    assert.match(type.result.doc, /^[A-Z].*\.$/s, type.name);
    const parts = type.section.split("/");
    const isKnown = [parts[0], parts.slice(0, 2).join("/")].some((prefix) => type.prefixes.includes(prefix ?? ""));
    assert.ok(isKnown, `${type.name}: ${type.section}`);
    const file = type.name.replaceAll("_", "-");
    for (const name of [`${file}.ts`, `${file}.test.ts`]) assert.ok(files.includes(name), name);
  }
});

test("no prefix means two things", () => {
  const prefixes = PROGRAM_TYPES.flatMap((row) => row.prefixes);
  assert.deepEqual([...new Set(prefixes)].sort(), prefixes.sort());
});

test("a section that is not known says what is", () => {
  const kind = programKind("custom/x");
  assert.ok("reason" in kind && kind.reason.startsWith("section custom/x names no kind of program known here"));
  for (const { section } of PROGRAM_TYPES) assert.ok(kind.reason.includes(section));
});

test("a kind that no row has is refused", () => {
  assert.throws(() => programType({ type: "made_up", target: {} }), {
    code: "EINVAL",
    message: /program type made_up/,
  });
});

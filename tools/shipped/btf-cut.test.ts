/** A cut says of what it has what the whole says, and of the rest that it does not know. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { layoutsOf } from "../../src/bpf/kernel/layout.ts";
import { type Btf, readBtf, sizeOf } from "../../src/bpf/object/btf.ts";
import { relocateTypes } from "../../src/bpf/object/core-relocate.ts";
import { readObject } from "../../src/bpf/object/object.ts";
import type { ObjectSpec } from "../../src/bpf/object/spec.ts";
import { cutTypes, encodeTypes, type Roots } from "./btf-cut.ts";

const read = (name: string): ObjectSpec => {
  const path = `src/bpf/fixtures/${name}.bpf.o`;
  return readObject(readFileSync(path), path);
};

const OBJECT = read("core");
const WHOLE = read("core-target").btf ?? assert.fail();
const NAMES = ["outer", "missing", "both", "color", "plain_t", "inner"];

function cut(types: readonly string[], without?: readonly string[], functions: Roots["functions"] = new Set()): Btf {
  const { btf } = readBtf(encodeTypes(cutTypes(WHOLE, { types: new Set(types), functions })), "cut");
  return without === undefined ? btf : { ...btf, without: new Set(without) };
}

test("with all that is asked for a program is made right for a cut as for the whole", () => {
  const [whole, part] = [relocateTypes(OBJECT, WHOLE), relocateTypes(OBJECT, cut(NAMES, ["missing"]))];
  assert.deepEqual(part.missing, whole.missing);
  assert.deepEqual(part.unknown, []);
  assert.deepEqual(
    part.object.programs.map(({ instructions }) => instructions),
    whole.object.programs.map(({ instructions }) => instructions),
  );
  const layout = layoutsOf(WHOLE, WHOLE).get("outer");
  assert.ok((layout?.places.length ?? 0) > 5);
  assert.deepEqual(layoutsOf(OBJECT.btf, cut(NAMES)).get("outer"), layout);
});

test("of a type that is neither there nor known to be missing the object's own stands for it, and is named", () => {
  const { object, unknown } = relocateTypes(OBJECT, cut(["outer"], ["color"]));
  assert.ok(unknown.includes("missing") && unknown.includes("plain_t") && !unknown.includes("color"));
  const own = relocateTypes(OBJECT).object.functions;
  const whole = relocateTypes(OBJECT, WHOLE).object.functions;
  for (const [index, { coreRelocations, instructions }] of object.functions.entries())
    for (const { instruction, typeId } of coreRelocations) {
      const { name = "" } = OBJECT.btf?.types[typeId] ?? {};
      const like = unknown.includes(name) ? own : whole;
      if (["outer", ...unknown].includes(name))
        assert.deepEqual(instructions[instruction], like[index]?.instructions[instruction], name);
    }
  assert.ok(layoutsOf(OBJECT.btf, cut(["outer"], ["color"])).has("missing"));
  assert.ok(!layoutsOf(OBJECT.btf, cut(["outer"], ["missing"])).has("missing"));
});

test("what lies in a type comes whole, what a pointer leads to by its name, and every size stays", () => {
  const part = cut(["outer"]);
  for (const [id, type] of part.types.entries()) {
    if (type.kind !== "struct" && type.kind !== "union") continue;
    const before = WHOLE.types.findIndex(
      (each) => each.kind === type.kind && each.name === type.name && type.name !== "",
    );
    if (before > 0) assert.equal(sizeOf(part, id), sizeOf(WHOLE, before), type.name);
  }
  assert.ok(part.types.length < WHOLE.types.length);
});

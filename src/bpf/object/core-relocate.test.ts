/** CO-RE against another kernel's types: what the compiler says of those is what a program finds. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import type { Btf } from "./btf.ts";
import { accessText, essentialName } from "./core-access.ts";
import { relocateTypes } from "./core-relocate.ts";
import { readObject } from "./object.ts";
import type { ObjectSpec } from "./spec.ts";

const read = (name: string): ObjectSpec => {
  const path = `src/bpf/fixtures/${name}.bpf.o`;
  return readObject(readFileSync(path), path);
};
const btfOf = ({ btf }: ObjectSpec): Btf => btf ?? assert.fail();

/** What `ask` stores one after the other: constants, as relocation leaves them, or 0. */
function stored(object: ObjectSpec): Map<number, number> {
  const { instructions } = object.functions.find(({ name }) => name === "ask") ?? assert.fail();
  const registers = new Map<number, number>();
  const found = new Map<number, number>();
  for (const { code, dst, src, offset, imm } of instructions) {
    // A constant into a register; a register into memory.
    if (code === 0xb7 || code === 0xb4 || code === 0x18) registers.set(dst, imm);
    if (code === 0x7b) found.set(offset / 8, registers.get(src) ?? Number.NaN);
  }
  return found;
}

test("a program finds what the compiler says of the kernel's types", () => {
  const target = read("core-target");
  const { object, missing } = relocateTypes(read("core"), btfOf(target));
  const { contents, variables } = target.maps.find(({ name }) => name === ".rodata") ?? assert.fail();
  const at = variables?.find(({ name }) => name === "expected")?.offset ?? assert.fail();
  const view = new DataView((contents ?? assert.fail()).buffer);
  const found = stored(object);
  assert.ok(found.size > 15, `${found.size} constants`);
  for (const [index, value] of found)
    assert.equal(BigInt(value), view.getBigUint64(at + index * 8, true), `out[${index}]`);
  assert.deepEqual(
    missing.map(({ function: name, what }) => `${name}: ${what}`),
    ["ask: byte_off of outer.gone", "needs: byte_off of outer.gone"],
  );
});

test("a load is as wide as the field is there, and what is not there is a trap", () => {
  const { object } = relocateTypes(read("core"), btfOf(read("core-target")));
  const first = (name: string) => object.programs.find((program) => program.name === name)?.instructions[0];
  // narrow is a u8 at byte 4 here, and a u16 there.
  const here = read("core").programs.find(({ name }) => name === "reads")?.instructions[0];
  assert.deepEqual([here?.code, here?.offset], [0x71, 4]);
  assert.equal(first("reads")?.code, 0x69);
  assert.notEqual(first("reads")?.offset, 4);
  assert.equal(first("needs")?.code, 0x85);
});

test("names go by what they have in common, and ways by their members", () => {
  for (const [name, expected] of [
    ["task_struct___old", "task_struct"],
    ["a___b___c", "a___b"],
    ["plain", "plain"],
    ["___x", "___x"],
    ["x____y", "x____y"],
  ] as const)
    assert.equal(essentialName(name), expected);
  const object = read("core");
  const outer = btfOf(object).types.findIndex(({ name, kind }) => name === "outer" && kind === "struct");
  assert.equal(accessText(btfOf(object), outer, "0:2:2:1"), "outer.inside[2].second");
});

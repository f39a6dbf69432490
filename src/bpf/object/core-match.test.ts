/** What libbpf 1.1 says of such types, declared by a program and by a kernel. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Btf, BtfMember, BtfType } from "./btf.ts";
import { areTypesCompatible, doTypesMatch } from "./core-match.ts";

const table = (...types: BtfType[]): Btf => ({ what: "types", types: [{ name: "void", kind: "void" }, ...types] });
const member = (name: string, type: number): BtfMember => ({ name, type, bitOffset: 0, bitSize: 0 });
const struct = (name: string, ...members: BtfMember[]): BtfType => ({ name, kind: "struct", size: 8, members });
const pointer = (type: number): BtfType => ({ name: "", kind: "pointer", type });
const int = (name: string, size: number, encoding: "signed" | "unsigned"): BtfType => ({
  ...{ name, kind: "int", size, encoding },
});
const enumeration = (...names: string[]): BtfType => ({
  ...{ name: "color", kind: "enum", size: 4, signed: false },
  values: names.map((name, index) => ({ name, value: BigInt(index) })),
});

/** What the program asks about is its first type, the kernel's is that table's first. */
const ask = (local: readonly BtfType[], target: readonly BtfType[]): [boolean, boolean] => {
  const pair = { local: table(...local), localId: 1, target: table(...target), targetId: 1 };
  return [areTypesCompatible(pair), doTypesMatch(pair)];
};
const list = [struct("list", member("next", 2), member("prev", 2)), pointer(1)];

test("a struct matches one that has all its members", () => {
  const node: BtfType = { name: "list", kind: "fwd", union: false };
  assert.deepEqual(ask([struct("list___a", member("next", 2)), pointer(3), node], list), [true, true]);
  assert.deepEqual(ask([struct("list___a", member("prev___b", 2)), pointer(1)], list), [true, true]);
  const more = [struct("list", member("next", 2), member("prev", 2), member("more", 2)), pointer(1)];
  assert.deepEqual(ask(more, list), [true, false]);
  assert.deepEqual(ask([struct("list", member("next", 2)), int("int", 4, "signed")], list), [true, false]);
  assert.deepEqual(ask([{ name: "list", kind: "union", size: 8, members: [] }], list), [false, false]);
});

test("behind a pointer a name and a kind are enough, elsewhere members count", () => {
  const holder = struct("path", member("mount", 2));
  const mount = struct("mount", member("flags", 4));
  const target = [holder, pointer(3), mount, int("int", 4, "signed")];
  assert.deepEqual(ask([holder, pointer(3), struct("mount")], target), [true, true]);
  assert.deepEqual(ask([holder, pointer(3), { name: "mount", kind: "fwd", union: true }], target), [true, false]);
  assert.deepEqual(ask([holder, pointer(3), struct("other")], target), [true, false]);
  const inside = struct("path", member("mount", 3));
  const other = [inside, pointer(3), struct("mount", member("gone", 4)), int("int", 4, "signed")];
  assert.deepEqual(ask(other, [inside, ...target.slice(1)]), [true, false]);
});

test("numbers by size and sign, arrays by length, enums by their names, functions by what they take", () => {
  assert.deepEqual(ask([int("long", 8, "signed")], [int("long", 8, "unsigned")]), [true, false]);
  assert.deepEqual(ask([int("unsigned long", 8, "unsigned")], [int("long unsigned int", 8, "unsigned")]), [
    true,
    false,
  ]);
  const byte = int("char", 1, "signed");
  const array = (count: number): BtfType => ({ name: "", kind: "array", element: 2, count });
  assert.deepEqual(ask([array(8), byte], [array(16), byte]), [true, false]);
  assert.deepEqual(ask([array(8), byte], [array(8), byte]), [true, true]);
  assert.deepEqual(ask([enumeration("RED___a")], [enumeration("BLUE", "RED")]), [true, true]);
  assert.deepEqual(ask([enumeration("GONE")], [enumeration("BLUE", "RED")]), [true, false]);
  const takes = (...types: number[]): BtfType => ({
    ...{ name: "", kind: "func_proto", type: 2, parameters: types.map((type) => ({ type })) },
  });
  assert.deepEqual(ask([takes(2), byte], [takes(2), byte]), [true, true]);
  assert.deepEqual(ask([takes(2), byte], [takes(2, 2), byte]), [false, false]);
});

test("a typedef stands for what it names", () => {
  const alias: BtfType = { name: "counter_t", kind: "alias", type: 2 };
  const counter = struct("", member("value", 3));
  const number = int("int", 4, "signed");
  assert.deepEqual(ask([alias, counter, number], [alias, counter, number]), [true, true]);
  assert.deepEqual(ask([alias, number], [alias, counter, number]), [false, false]);
});

test("types that name each other many times over are compared once", () => {
  const deep = Array.from({ length: 30 }, (_, level) => struct("", member("", level + 2), member("", level + 2)));
  assert.deepEqual(ask([...deep, struct("end")], [...deep, struct("stop")]), [true, false]);
  assert.deepEqual(ask([...deep, struct("end")], [...deep, struct("end")]), [true, true]);
});

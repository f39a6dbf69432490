/** Fields that are no plain memory, and what global functions take, as BTF says. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Btf, BtfType } from "./btf.ts";
import { fieldsOf, fieldsOfVariables, objectTypes } from "./fields.ts";
import { prototypeOf } from "./prototypes.ts";

function struct(name: string, size: number, ...members: [type: number, offset: number, name: string][]): BtfType {
  const rows = members.map(([type, offset, member]) => ({ name: member, type, bitOffset: offset * 8, bitSize: 0 }));
  return { name, kind: "struct", size, members: rows };
}

const TYPES: readonly BtfType[] = [
  { name: "void", kind: "void" },
  { name: "int", kind: "int", size: 4, encoding: "signed" },
  struct("bpf_spin_lock", 4, [1, 0, "val"]),
  struct("bpf_list_head", 16),
  struct("bpf_list_node", 24),
  struct("item", 32, [1, 0, "number"], [4, 8, "node"]),
  struct("inner", 24, [2, 0, "lock"], [3, 8, "list"]),
  { name: "", kind: "array", element: 6, count: 2 },
  struct("value", 56, [1, 0, "count"], [7, 8, "parts"]),
  { name: "contains:item:node", kind: "decl_tag", type: 6, part: 1 },
  { name: "kptr", kind: "alias", type: 5, tag: true },
  { name: "", kind: "pointer", type: 10 },
  struct("kept", 16, [11, 8, "place"]),
  { name: "guard", kind: "variable", type: 2, static: false },
  struct("__sk_buff", 192),
  { name: "", kind: "pointer", type: 14 },
  { name: "", kind: "pointer", type: 5 },
  { name: "", kind: "func_proto", type: 1, parameters: [{ type: 15 }, { type: 16 }, { type: 1 }] },
  { name: "global", kind: "func", type: 17, global: true },
  { name: "local", kind: "func", type: 17, global: false },
  { name: "arg:nonnull", kind: "decl_tag", type: 18, part: 1 },
  { name: "", kind: "pointer", type: 0 },
  { name: "", kind: "func_proto", type: 1, parameters: [{ type: 21 }] },
  { name: "vague", kind: "func", type: 22, global: true },
];
const BTF: Btf = { what: "made-up", types: TYPES };

test("fields are found in members of members and in elements, with what lists hold", () => {
  const list = { kind: "list", bytes: 16, holds: { type: 5, node: 8 } };
  assert.deepEqual(fieldsOf(BTF, 8), [
    { name: "parts[0].lock", offset: 8, kind: "lock", bytes: 4 },
    { name: "parts[0].list", offset: 16, ...list },
    { name: "parts[1].lock", offset: 32, kind: "lock", bytes: 4 },
    { name: "parts[1].list", offset: 40, ...list },
  ]);
  assert.deepEqual(fieldsOf(BTF, 1), []);
});

test("a pointer with a tag is one that is kept; a variable may be a lock itself", () => {
  assert.deepEqual(fieldsOf(BTF, 12), [
    { name: "place", offset: 8, kind: "pointer", bytes: 8, holds: { type: 5, node: 0 } },
  ]);
  assert.deepEqual(fieldsOfVariables(BTF, [{ name: "guard", offset: 64, typeId: 13 }]), [
    { name: "guard", offset: 64, kind: "lock", bytes: 4 },
  ]);
});

test("types come with those that they lead to", () => {
  assert.deepEqual([...objectTypes(BTF, [12, 1]).keys()].sort(), [12, 5]);
  assert.equal(objectTypes(BTF, [5]).get(5)?.bytes, 32);
});

test("a global function takes what its types say; others are not known by their types", () => {
  assert.deepEqual(prototypeOf(BTF, "global"), [
    { type: "context" },
    { type: "memory", bytes: 32, maybeNull: false },
    { type: "number" },
  ]);
  for (const name of ["local", "vague", "missing"]) assert.equal(prototypeOf(BTF, name), undefined);
  assert.equal(prototypeOf(undefined, "global"), undefined);
});

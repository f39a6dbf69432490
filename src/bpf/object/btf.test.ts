import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { AnyctxError } from "../../error.ts";
import { type Btf, type BtfType, decodeBtf, resolveType, sizeOf } from "./btf.ts";
import { readObject } from "./object.ts";

const spec = readObject(readFileSync(new URL("../fixtures/tracing.bpf.o", import.meta.url)), "tracing.bpf.o");
const fails = (message: RegExp) => (error: unknown) =>
  error instanceof AnyctxError && error.code === "BAD_OBJECT" && message.test(error.message);

function typesOf(name: string): { btf: Btf; key: number; value: number } {
  const map = spec.maps.find((candidate) => candidate.name === name);
  assert.ok(spec.btf !== undefined && map?.keyTypeId !== undefined && map.valueTypeId !== undefined);
  return { btf: spec.btf, key: map.keyTypeId, value: map.valueTypeId };
}

test("keys and values of a map are decoded: structs, enums, bit fields, text", () => {
  const { btf, key, value } = typesOf("flows");
  assert.equal(sizeOf(btf, key), 8);
  assert.equal(sizeOf(btf, value), 40);
  assert.deepEqual(decodeBtf(btf, key, Uint8Array.from([1, 2, 0, 0, 7, 0, 0, 0])), { pid: 513, color: "GREEN" });
  assert.deepEqual(decodeBtf(btf, key, Uint8Array.from([0, 0, 0, 128, 5, 0, 0, 0])), { pid: 2 ** 31, color: 5 });
  const bytes = new Uint8Array(40);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, 2n ** 63n, true);
  view.setUint32(16, (0xabc << 20) | 0x54321, true);
  bytes.set(new TextEncoder().encode("dd"), 20);
  const decoded = decodeBtf(btf, value, bytes);
  assert.deepEqual(decoded, { count: 2n ** 63n, bytes: 0n, last: 0x54321, flags: 0xabc, comm: "dd" });
  assert.throws(() => decodeBtf(btf, value, bytes.subarray(0, 10)), fails(/needs 16 bytes but there are 10/));
});

/** BTF of hand-written types after void. */
function btfOf(...types: BtfType[]): Btf {
  return { what: "test", types: [{ name: "void", kind: "void" }, ...types] };
}

const u32: BtfType = { name: "u32", kind: "int", size: 4, encoding: "unsigned" };
const struct = (name: string, size: number, ...types: number[]): BtfType => ({
  name,
  kind: "struct",
  size,
  members: types.map((type, index) => ({ name: `m${index}`, type, bitOffset: 0, bitSize: 0 })),
});

test("integers, arrays, floats, bools, pointers and unnamed members", () => {
  const btf = btfOf(
    u32,
    { name: "s64", kind: "int", size: 8, encoding: "signed" },
    { name: "", kind: "array", element: 1, count: 2 },
    { name: "f", kind: "float", size: 8 },
    { name: "bool", kind: "int", size: 1, encoding: "bool" },
    { name: "", kind: "pointer", type: 0 },
    {
      name: "outer",
      kind: "struct",
      size: 8,
      members: [{ name: "", type: 8, bitOffset: 0, bitSize: 0 }],
    },
    struct("", 8, 1),
    { name: "s16", kind: "int", size: 2, encoding: "signed" },
  );
  const bytes = Uint8Array.from([255, 255, 255, 255, 255, 255, 255, 255]);
  assert.equal(decodeBtf(btf, 1, bytes), 2 ** 32 - 1);
  assert.equal(decodeBtf(btf, 2, bytes), -1n);
  assert.deepEqual(decodeBtf(btf, 3, bytes), [2 ** 32 - 1, 2 ** 32 - 1]);
  assert.ok(Number.isNaN(decodeBtf(btf, 4, bytes)));
  assert.equal(decodeBtf(btf, 5, bytes), true);
  assert.equal(decodeBtf(btf, 6, bytes), 2n ** 64n - 1n);
  assert.deepEqual(decodeBtf(btf, 7, bytes), { m0: 2 ** 32 - 1 });
  assert.equal(decodeBtf(btf, 9, bytes), -1);
});

test("cyclic, bottomless and exploding types end in an error", () => {
  const cycle = btfOf({ name: "a", kind: "alias", type: 2 }, { name: "b", kind: "alias", type: 1 });
  assert.throws(() => resolveType(cycle, 1), fails(/more than 32 typedefs deep/));
  const inside = btfOf(struct("s", 8, 1));
  assert.throws(() => decodeBtf(inside, 1, new Uint8Array(8)), fails(/nested more than 32 deep/));
  const arrays = btfOf({ name: "", kind: "array", element: 1, count: 2 });
  assert.throws(() => sizeOf(arrays, 1), fails(/more than 32 dimensions/));
  // Each level has the next one eight times at the same place: 8^30 values.
  const levels = Array.from({ length: 30 }, (_, level) =>
    struct(`l${level}`, 4, ...new Array<number>(8).fill(level + 2)),
  );
  assert.throws(() => decodeBtf(btfOf(...levels, u32), 1, new Uint8Array(4)), fails(/parts/));
  const huge = btfOf({ name: "", kind: "array", element: 2, count: 2 ** 31 }, u32);
  assert.throws(() => decodeBtf(huge, 1, new Uint8Array(4)), fails(/has 8589934592 bytes|beyond the value's/));
  const nothing = btfOf({ name: "", kind: "array", element: 2, count: 2 ** 31 }, struct("empty", 0));
  assert.deepEqual(decodeBtf(nothing, 1, new Uint8Array(0)), []);
  assert.throws(() => sizeOf(btfOf(), 4), fails(/no type 4/));
  assert.throws(() => sizeOf(btfOf(), 0), fails(/has no size/));
});

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ByteWriter, encodeModule, OP, TYPE } from "./encode.ts";

/** The textbook decoder, written independently of the encoder. */
function decodeSigned(bytes: Uint8Array): bigint {
  let value = 0n;
  let shift = 0n;
  for (const byte of bytes) {
    value |= BigInt(byte & 0x7f) << shift;
    shift += 7n;
    if ((byte & 0x80) === 0) return (byte & 0x40) !== 0 ? value - (1n << shift) : value;
  }
  throw new Error("no end");
}

test("LEB128 numbers decode to themselves", () => {
  fc.assert(
    fc.property(fc.integer(), fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (small, large) => {
      assert.equal(decodeSigned(new ByteWriter().s32(small).bytes()), BigInt(small));
      assert.equal(decodeSigned(new ByteWriter().s64(large).bytes()), large);
      const unsigned = [...new ByteWriter().u32(small).bytes(), 0];
      assert.equal(
        decodeSigned(Uint8Array.from(unsigned.with(-2, (unsigned.at(-2) ?? 0) | 0x80))),
        BigInt(small >>> 0),
      );
    }),
  );
});

test("a writer grows beyond its first buffer", () => {
  const out = new ByteWriter();
  for (let at = 0; at < 5000; at++) out.byte(at & 255);
  out.append(new Uint8Array(20000).fill(7));
  assert.equal(out.length, 25000);
  assert.equal(out.bytes()[4999], 4999 & 255);
  assert.equal(out.bytes()[24999], 7);
});

test("an encoded module runs: imports, constants, globals, locals, exports", () => {
  const { i32, i64 } = TYPE;
  const code = new ByteWriter();
  // constant + local + imported(parameter), kept in the global on the way
  code.op(OP.globalGet, 0, OP.localGet, 0, OP.call, 0, OP.i32Add, OP.globalSet, 1);
  code.op(OP.localGet, 0).byte(OP.localSet).u32(2);
  code.op(OP.globalGet, 1, OP.localGet, 2, OP.i32Add, OP.i64ExtendI32U);
  const bytes = encodeModule({
    imports: [{ module: "host", name: "double", type: { parameters: [i32], results: [i32] } }],
    constants: ["base"],
    globals: 1,
    functions: [{ type: { parameters: [i32], results: [i64] }, locals: [i64, i32, i32], code: code.bytes() }],
    exports: [{ name: "go", index: 0 }],
  });
  const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), {
    env: { memory: new WebAssembly.Memory({ initial: 1, maximum: 4, shared: true }) },
    layout: { base: 1000 },
    host: { double: (value: number) => value * 2 },
  });
  const go = instance.exports["go"] as (value: number) => bigint;
  assert.equal(go(5), 1015n);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { array, bytes, type Codec, codecFrom, f32, f64, i16, i64, string, struct, u8, u16, u32, u64 } from "./codec.ts";
import { decodeUtf8, encodeUtf8 } from "./utf8.ts";

function roundTrip<T>(codec: Codec<T>, value: T): T {
  const buffer = new SharedArrayBuffer(codec.size + 8);
  const place = codec.bind(buffer, 8);
  place.write(value);
  return codecFrom(JSON.parse(JSON.stringify(codec.description)))
    .bind(buffer, 8)
    .read() as T;
}

test("scalars round-trip at their edges, also through their description", () => {
  assert.equal(roundTrip(u8, 255), 255);
  assert.equal(roundTrip(i16, -32768), -32768);
  assert.equal(roundTrip(u32, 0xffffffff), 0xffffffff);
  assert.equal(roundTrip(u64, 0xffff_ffff_ffff_ffffn), 0xffff_ffff_ffff_ffffn);
  assert.equal(roundTrip(i64, -1n), -1n);
  assert.equal(roundTrip(f32, 0.5), 0.5);
  assert.equal(roundTrip(f64, Math.PI), Math.PI);
});

test("structs are laid out as C lays them out", () => {
  const codec = struct({ a: u8, b: u64, c: u16, d: struct({ e: u32, f: u8 }), g: bytes(3) });
  // a at 0, b at 8, c at 16, d at 20 (8 bytes, align 4), g at 28 to 31, the whole rounded up to 8.
  assert.deepEqual([codec.size, codec.align], [32, 8]);
  const buffer = new SharedArrayBuffer(32);
  const value = { a: 1, b: 2n, c: 3, d: { e: 4, f: 5 }, g: Uint8Array.of(6, 7, 8) };
  codec.bind(buffer, 0).write(value);
  const seen = [...new Uint8Array(buffer)].flatMap((byte, at) => (byte === 0 ? [] : [[at, byte]]));
  assert.deepEqual(seen, [
    [0, 1],
    [8, 2],
    [16, 3],
    [20, 4],
    [24, 5],
    [28, 6],
    [29, 7],
    [30, 8],
  ]);
  assert.deepEqual(roundTrip(codec, value), value);
});

test("arrays, bytes and strings refuse values of another length", () => {
  assert.deepEqual(roundTrip(array(struct({ x: u16 }), 3), [{ x: 1 }, { x: 2 }, { x: 3 }]), [
    { x: 1 },
    { x: 2 },
    { x: 3 },
  ]);
  assert.throws(() => roundTrip(array(u8, 2), [1]), { code: "EINVAL" });
  assert.throws(() => roundTrip(bytes(2), Uint8Array.of(1)), { code: "EINVAL" });
  assert.throws(() => roundTrip(string(3), "four"), { code: "EINVAL" });
  assert.throws(() => bytes(0), { code: "EINVAL" });
  assert.throws(() => struct({}), { code: "EINVAL" });
  assert.equal(roundTrip(string(4), "four"), "four");
});

test("UTF-8 by hand is what TextEncoder and TextDecoder make of it", () => {
  const text = fc.string({ unit: "grapheme", maxLength: 40 }).filter((each) => !each.includes("\0"));
  fc.assert(
    fc.property(text, (each) => {
      const room = new Uint8Array(400);
      const length = encodeUtf8(each, room);
      assert.deepEqual(room.subarray(0, length), new TextEncoder().encode(each));
      assert.equal(decodeUtf8(room), each);
    }),
  );
  fc.assert(fc.property(fc.uint8Array({ maxLength: 30 }), (any) => typeof decodeUtf8(any) === "string"));
});

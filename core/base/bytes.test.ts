/** Copies, equality, rounding and hashes of bytes, against JavaScript's own. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { compileInside } from "../testing.ts";

interface Functions {
  roundUp(value: number, unit: number): number;
  powerOfTwoAtLeast(value: number): number;
  copyBytes(destination: number, source: number, size: number): void;
  copyOutWords(destination: number, source: number, size: number): void;
  equalBytes(a: number, b: number, size: number): number;
  hashBytes(key: number, size: number, multiplier: bigint): number;
  hashWords(key: number, size: number, multiplier: bigint): number;
  hashKey32(key: number, multiplier: bigint): number;
  hashKey64(key: bigint, multiplier: bigint): number;
}

const make = compileInside<Functions>(`
  import { hashKey } from "./base/bytes";
  export { roundUp, powerOfTwoAtLeast, copyBytes, copyOutWords, equalBytes, hashBytes, hashWords } from "./base/bytes";
  export function hashKey32(key: u32, multiplier: u64): u32 { return hashKey<u32>(key, multiplier); }
  export function hashKey64(key: u64, multiplier: u64): u32 { return hashKey<u64>(key, multiplier); }
`);
const { core, memory } = make();
const A = 1024;
const B = 4096;
const at = (address: number, size: number): Uint8Array => new Uint8Array(memory.buffer, address, size);

const someBytes = fc.uint8Array({ maxLength: 80 });
const multiplier = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }).map((random) => random | 1n);

test("rounding up to a power of two, and the power of two above", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: 2 ** 30 }), fc.nat(14), (value, shift) => {
      const unit = 2 ** shift;
      assert.equal(core.roundUp(value, unit), Math.ceil(value / unit) * unit);
    }),
  );
  const powers = fc.oneof(fc.integer({ min: 1, max: 2 ** 31 }), fc.constantFrom(1, 2, 3, 2 ** 30 + 1, 2 ** 31));
  fc.assert(
    fc.property(powers, (value) => {
      assert.equal(core.powerOfTwoAtLeast(value) >>> 0, 2 ** Math.ceil(Math.log2(value)));
    }),
  );
});

test("a copy is all of the bytes and none beside them", () => {
  fc.assert(
    fc.property(someBytes, (source) => {
      at(A, source.length).set(source);
      for (const [copy, size] of [
        [core.copyBytes, source.length],
        [core.copyOutWords, source.length & ~7],
      ] as const) {
        at(B - 8, 104).fill(0xaa);
        copy(B, A, size);
        assert.deepEqual(at(B, size), source.slice(0, size));
        assert.ok(at(B - 8, 8).every((byte) => byte === 0xaa) && at(B + size, 8).every((byte) => byte === 0xaa));
      }
    }),
  );
});

test("bytes are equal unless any one of them differs; those behind do not count", () => {
  for (let size = 1; size <= 40; size++) {
    at(A, 48).fill(7);
    at(B, 48).fill(7);
    at(B + size, 1).fill(8);
    assert.equal(core.equalBytes(A, B, size), 1, `${size} bytes`);
    for (let place = 0; place < size; place++) {
      at(B + place, 1).fill(9);
      assert.equal(core.equalBytes(A, B, size), 0, `${size} bytes, other at ${place}`);
      at(B + place, 1).fill(7);
    }
  }
});

test("a key has one hash, wherever it lies and also from a register; another map's multiplier gives another", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 40 }), multiplier, (key, random) => {
      at(A, key.length).set(key);
      at(B + 1, key.length).set(key);
      at(B + 1 + key.length, 1).fill(key[0] ?? 0);
      const hash = core.hashBytes(A, key.length, random);
      assert.equal(core.hashBytes(B + 1, key.length, random), hash);
      const view = new DataView(memory.buffer, A);
      if (key.length === 4) assert.equal(core.hashKey32(view.getUint32(0, true), random), hash);
      if (key.length === 8) assert.equal(core.hashKey64(view.getBigUint64(0, true), random), hash);
    }),
    { numRuns: 400 },
  );
  at(A, 40).fill(1);
  for (const size of [1, 4, 8, 12, 33])
    assert.notEqual(core.hashBytes(A, size, 3n), core.hashBytes(A, size, 0x9e3779b97f4a7c15n), `${size} bytes`);
});

test("a key of whole words has that hash by its halves as well", () => {
  const words = fc.constantFrom(2, 3, 5).chain((count) => {
    const length = count * 8;
    return fc.uint8Array({ minLength: length, maxLength: length });
  });
  fc.assert(
    fc.property(words, multiplier, (key, random) => {
      at(A, key.length).set(key);
      assert.equal(core.hashWords(A, key.length, random), core.hashBytes(A, key.length, random));
    }),
  );
});

test("no two keys of 4 bytes have one hash", () => {
  const COUNT = 1 << 14;
  fc.assert(
    fc.property(multiplier, fc.integer(), fc.nat(16), (random, first, shift) => {
      // Neighbours, and keys that differ in their upper bits only: what the first round alone would handle badly.
      const hashes = Uint32Array.from({ length: COUNT }, (_, index) =>
        core.hashKey32(first ^ (index << shift), random),
      );
      hashes.sort();
      for (let index = 1; index < COUNT; index++) assert.notEqual(hashes[index], hashes[index - 1]);
    }),
    { numRuns: 20 },
  );
});

/** A map's multiplier, as core/maps/lifecycle.ts makes it of a seed. */
function multiplierOf(seed: number): bigint {
  const half = (factor: number): bigint => BigInt(Math.imul(seed, factor) >>> 0);
  return (((half(0x9e3779b1) << 32n) | half(0x85ebca6b)) ^ 0x9e3779b97f4a7c15n) | 1n;
}

test("consecutive keys of every size spread over the upper bits, whatever the map's seed", () => {
  const BUCKETS = 1024;
  const view = new DataView(memory.buffer, A);
  at(A, 16).fill(0);
  for (const size of [4, 8, 12, 16])
    for (let seed = 0; seed < 60; seed++) {
      const used = new Set<number>();
      for (let key = 0; key < BUCKETS; key++) {
        view.setUint32(0, key, true);
        used.add(core.hashBytes(A, size, multiplierOf(seed)) >>> 22);
      }
      // Keys at random would meet 647 of 1024, give or take a dozen.
      assert.ok(used.size > 550, `${used.size} of ${BUCKETS} buckets, ${size} bytes, seed ${seed}`);
    }
});

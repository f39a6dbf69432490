/** Typed arrays that are not what they seem: their buffer is another thread's by now, or they say of themselves what is not so. */
import assert from "node:assert/strict";
import { test } from "node:test";
import vm from "node:vm";
import { Arena } from "../../arena/arena.ts";
import { ERRNO } from "../../error.ts";
import type { ArenaMap } from "../map.ts";
import { bytes, none, string, struct, u8, u32 } from "./codec.ts";
import { json } from "./json.ts";
import { bytesOf } from "./typed-array.ts";

const arena = await Arena.create({ maximumBytes: 16 << 20, cpus: 2, seed: 1 });

function transferred(length: number): Uint8Array {
  const array = new Uint8Array(length);
  structuredClone(array, { transfer: [array.buffer] });
  return array;
}

/** An array of 4 that says that it has others. */
function lying(lengths: readonly number[]): Uint8Array {
  let looks = 0;
  return Object.defineProperty(Uint8Array.of(1, 2, 3, 4), "length", { get: () => lengths[looks++ % lengths.length] });
}

test("the bytes of an array, whatever it says of itself; of one that has none, nothing", () => {
  class Sly extends Uint8Array {
    override subarray(): never {
      throw new Error("asked");
    }
    static get [Symbol.species](): never {
      throw new Error("asked");
    }
  }
  for (const given of [lying([500]), Sly.of(1, 2, 3, 4), vm.runInNewContext("Uint8Array.of(1, 2, 3, 4)")])
    assert.deepEqual(bytesOf(given), Uint8Array.of(1, 2, 3, 4));
  // Resizable buffers are newer than the types.
  const Resizable = ArrayBuffer as unknown as new (bytes: number, options: object) => ArrayBuffer;
  const shrunk = new Resizable(8, { maxByteLength: 8 });
  const beyond = new Uint8Array(shrunk, 4, 4);
  (shrunk as unknown as { resize(bytes: number): void }).resize(2);
  for (const given of [
    transferred(4),
    transferred(0),
    beyond,
    new Uint8ClampedArray(4),
    new ArrayBuffer(4),
    [1],
    "x",
    null,
  ])
    assert.equal(bytesOf(given), undefined);
});

test("a record has the bytes that there are; a refused one leaves no place in the buffer", () => {
  const ring = arena.createMap({ type: "ringbuf", name: "ring", key: none, value: none, maxEntries: 4096 });
  assert.throws(() => ring.output(transferred(4)), { code: "EINVAL", message: /output needs a Uint8Array/ });
  for (const lengths of [[500], [1], [4, 4, 3000]]) assert.equal(ring.output(lying(lengths)), 0);
  assert.deepEqual(ring.takeRecords(), Array(3).fill(Uint8Array.of(1, 2, 3, 4)));
});

test("pages are written with the bytes that there are", () => {
  const pages = arena.createMap({ type: "arena", name: "pages", key: none, value: none, maxEntries: 2, extra: 4096n });
  assert.throws(() => pages.writeBytes(4096n, transferred(4)), { code: "EINVAL", message: /writeBytes needs/ });
  assert.equal(pages.writeBytes(4096n, Uint8Array.of(9, 9, 9, 9, 9)), 0);
  assert.equal(pages.writeBytes(4096n, lying([8192, 1])), 0);
  assert.deepEqual(pages.readBytes(4096n, 5), Uint8Array.of(1, 2, 3, 4, 9));
});

test("keys and values of any length are the bytes that there are when they are written", () => {
  const map = arena.createMap({ type: "hash", name: "map", key: bytes(), value: bytes(), maxEntries: 10 });
  const one = Uint8Array.of(1);
  for (const use of [
    () => map.set(transferred(4), one),
    () => map.set(one, transferred(4)),
    () => map.get(transferred(4)),
    () => map.compareExchange(one, undefined, transferred(4)),
  ])
    assert.throws(use, { code: "EINVAL", message: /^The (key|value) of map "map" is refused/ });
  assert.equal(map.update(transferred(4), one), -ERRNO.EINVAL);
  map.set(lying([4, 4, 100_000]), lying([500]));
  assert.deepEqual([...map], [[Uint8Array.of(1, 2, 3, 4), Uint8Array.of(1, 2, 3, 4)]]);
});

test("bytes that code takes away while the other half is read are refused", () => {
  const value = new Uint8Array(4);
  const key = {
    get a(): number {
      structuredClone(value, { transfer: [value.buffer] });
      return 1;
    },
  };
  const map = arena.createMap({ type: "hash", name: "half", key: struct({ a: u8 }), value: bytes(), maxEntries: 10 });
  assert.throws(() => map.set(key, value), { code: "EINVAL", message: /^The value of map "half" is refused/ });
  assert.equal(map.size, 0);
});

test("a value that uses its map while it is read is never put together of two", () => {
  const point = struct({ x: u8, y: u8 });
  const long = arena.createMap({ type: "hash", name: "keys", key: point, value: json(), maxEntries: 10 });
  const key = {
    x: 1,
    get y(): number {
      long.has({ x: 9, y: 9 });
      return 2;
    },
  };
  assert.throws(() => long.set(key, 5), { code: "EINVAL", message: /to read it uses the map itself/ });
  assert.equal(long.size, 0);
  const map = arena.createMap({ type: "hash", name: "values", key: u8, value: point, maxEntries: 10 });
  map.set(1, { x: 1, y: 1 }).set(2, { x: 7, y: 7 });
  for (const within of [
    () => map.compareExchange(2, { x: 7, y: 7 }, { x: 7, y: 7 }),
    () => map.compute(2, (other) => other),
  ]) {
    const next = {
      x: 5,
      get y(): number {
        within();
        return 6;
      },
    };
    assert.throws(() => map.compareExchange(1, { x: 1, y: 1 }, next), {
      code: "EINVAL",
      message: /uses the map itself/,
    });
    assert.throws(() => map.compute(1, () => next), { code: "EINVAL" });
    assert.deepEqual(map.get(1), { x: 1, y: 1 });
  }
});

test("batches: an array that was transferred is refused, whatever it is for, and nothing has happened", () => {
  const away = (): Uint32Array => {
    const array = new Uint32Array(2);
    structuredClone(array, { transfer: [array.buffer] });
    return array;
  };
  const options = { type: "hash", key: u32, value: u32, maxEntries: 10 } as const;
  const words = arena.createMap({ ...options, name: "words" });
  const texts = arena.createMap({ ...options, value: string(8), name: "texts" });
  const refused = { code: "EINVAL", message: /^A batch (of \d keys )?needs/ };
  for (const map of [words, texts] as unknown as ArenaMap<number, never>[]) {
    for (const use of [
      () => map.getMany(away()),
      () => map.deleteMany(away()),
      () => map.setMany(away(), [1 as never]),
      () => map.setMany([1], away() as never),
      () => map.addMany(away(), [1 as never]),
      () => map.getMany([1], away() as never),
      () => map.scan(away(), [1 as never]),
    ])
      assert.throws(use, refused);
    for (const length of [-1, 0.5, Number.NaN, 2 ** 32, Number.POSITIVE_INFINITY, "1"])
      for (const use of [
        () => map.getMany({ length } as never),
        () => map.setMany({ length } as never, []),
        () => map.deleteMany({ length } as never),
      ])
        assert.throws(use, refused, `${length}`);
    for (const found of [[0], "x", 5, new Uint32Array(1), new Uint8Array(0), transferred(1)])
      assert.throws(() => map.getMany([1], [1 as never], found as never), { code: "EINVAL", message: /as found/ });
    assert.throws(() => map.getMany([1], "x" as never), { code: "EINVAL", message: /^Values of / });
    assert.equal(map.size, 0);
  }
  const sly = Object.defineProperty(Uint32Array.of(1, 2), "length", { value: 1000 });
  words.setMany(sly, Uint32Array.of(3, 4));
  assert.deepEqual(
    new Map(words),
    new Map([
      [1, 3],
      [2, 4],
    ]),
  );
});

test("arrays that run code when they are written to: an ended map is not read on, and what was read stays", () => {
  const options = { type: "hash", key: u32, value: u32, maxEntries: 100_000 } as const;
  const keys = Uint32Array.from({ length: 50_000 }, (_, index) => index);
  for (const isScan of [true, false]) {
    const name = `end ${isScan}`;
    const map = arena.createMap({ ...options, name });
    map.setMany(keys, keys);
    const other = arena.openMap(name) as ArenaMap<number, number>;
    const values = new Proxy(Array<number>(50_000), {
      set(target, index, value) {
        if (index === "3") assert.deepEqual(other.getMany([20, 30]), [20, 30]);
        return Reflect.set(target, index, value);
      },
    });
    // The numbers that were there are theirs, though the room was used again meanwhile.
    if (isScan) map.scan(values, new Uint32Array(50_000));
    else assert.equal(map.getMany([...keys, 60_000].slice(0, 50_000), values), 50_000);
    if (isScan) assert.equal(new Set(values.slice(0, 1000)).size, 1000);
    else assert.deepEqual(values.slice(0, 1000), [...keys.subarray(0, 1000)]);
    const ending = new Proxy(Array<number>(50_000), {
      set() {
        map.close();
        return true;
      },
    });
    assert.throws(() => (isScan ? map.scan(ending, ending) : map.getMany(keys, ending)), { code: "EBADF" });
    arena.destroyMap(name);
  }
});

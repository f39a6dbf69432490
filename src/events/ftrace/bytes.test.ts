import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { ByteCache } from "./byte-cache.ts";
import { bytesOf, endOfLine, findOnLine, isEndOfLine, scanDecimal, scanHex, textOf } from "./bytes.ts";

const SIZES = [1, 2, 4, 8] as const;
const view = new DataView(new ArrayBuffer(16));

/** The stored number, after checking that the bytes around it were left alone. */
function stored(size: number, signed: boolean): bigint {
  const value = view.getBigUint64(4, true);
  assert.equal(view.getUint32(0, true), 0);
  if (size < 8) assert.equal(value >> BigInt(size * 8), 0n);
  return signed ? BigInt.asIntN(size * 8, value) : value;
}

function scan(read: typeof scanDecimal, text: string, size: number): number {
  view.setBigUint64(0, 0n, true);
  view.setBigUint64(8, 0n, true);
  return read(bytesOf(`x${text}\n`), 1, view, 4, size) - 1;
}

test("property: every number that fits is read, every other refused", () => {
  const numbers = fc.oneof(fc.bigInt(-(2n ** 66n), 2n ** 66n), fc.bigInt(-300n, 300n), fc.bigInt(-70000n, 70000n));
  const property = fc.property(numbers, fc.constantFrom(...SIZES), (number, size) => {
    const bits = BigInt(size * 8);
    const fits = number < 2n ** bits && number >= -(2n ** (bits - 1n));
    const end = scan(scanDecimal, String(number), size);
    assert.equal(end, fits ? String(number).length : -2);
    if (fits) assert.equal(stored(size, number < 0n), number);
    if (number < 0n) return;
    const hex = number.toString(16);
    assert.equal(scan(scanHex, hex, size), fits ? hex.length : -2);
    if (fits) assert.equal(stored(size, false), number);
  });
  fc.assert(property, { numRuns: 2000 });
});

test("numbers need a digit; leading zeros and a plus are fine", () => {
  for (const text of ["", "-", "+", "x1", " 1"]) assert.equal(scan(scanDecimal, text, 4), -2, text);
  assert.equal(scan(scanDecimal, "+007", 4), 4);
  assert.equal(stored(4, false), 7n);
  assert.equal(scan(scanHex, "0000000066da3c29", 8), 16);
  assert.equal(stored(8, false), 0x66da3c29n);
  assert.equal(scan(scanHex, "00000000000000001", 8), 17);
  assert.equal(scan(scanHex, "g", 8), -2);
});

test("a search stays on its line", () => {
  const text = bytesOf("one two\r\nthree\n");
  assert.equal(findOnLine(text, 0, bytesOf("two")), 4);
  assert.equal(findOnLine(text, 0, bytesOf("three")), -1);
  assert.equal(findOnLine(text, 0, bytesOf("four")), -1);
  assert.equal(textOf(text, 4, endOfLine(text, 4)), "two");
  assert.deepEqual(
    [7, 8, 6, 14].map((position) => isEndOfLine(text, position)),
    [true, true, false, true],
  );
});

test("the cache finds what was added, and forgets rather than grows", () => {
  const cache = new ByteCache();
  const put = (text: string, value: bigint): number => cache.add(bytesOf(text), 0, text.length, value);
  const get = (text: string): bigint | undefined => {
    const entry = cache.find(bytesOf(text), 0, text.length);
    return entry < 0 ? undefined : (BigInt(cache.high(entry) >>> 0) << 32n) | BigInt(cache.low(entry) >>> 0);
  };
  for (let index = 0; index < 16_384; index++) put(`word ${index}`, BigInt(index) << 30n);
  for (let index = 0; index < 16_384; index++) assert.equal(get(`word ${index}`), BigInt(index) << 30n);
  assert.equal(get("word"), undefined);
  put("one more", 2n ** 64n - 1n);
  assert.equal(get("one more"), 2n ** 64n - 1n);
  assert.equal(get("word 1"), undefined);
});

test("nothing that sources.ts loads needs Node", () => {
  const seen = new Set<string>();
  const visit = (path: string): void => {
    if (seen.has(path)) return;
    seen.add(path);
    // A line of a doc comment begins with a star: an example imports as its reader does.
    for (const [, target = ""] of readFileSync(path, "utf8").matchAll(/^(?!\s*\*).*from "([^"]+)"/gm)) {
      assert.match(target, /^\./, `${path} imports ${target}`);
      visit(join(dirname(path), target));
    }
  };
  visit("src/events/sources.ts");
  assert.ok(seen.size > 10);
});

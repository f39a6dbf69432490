/** What is checked is what is written: each part of a value is read once, and nothing is asked for a form of its own. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { jsonText } from "./json-text.ts";

test("the text is JSON's own, whatever is escaped in it", () => {
  fc.assert(
    fc.property(fc.jsonValue({ stringUnit: "binary" }), (value) => {
      const text = jsonText(value);
      if (text !== undefined) assert.equal(text, JSON.stringify(value));
      else assert.notDeepStrictEqual(JSON.parse(JSON.stringify(value)), value, "only -0 is refused");
    }),
  );
  const odd = { '"\\\n\u2028': "\0\x1f\x7f\ud83d\udc00\udc00", 1: [1e21, 5e-324, 0.1, -1], "": {} };
  assert.equal(jsonText(odd), JSON.stringify(odd));
});

test("a part that is another one each time it is read is the one that was checked, or refused", () => {
  for (const [first, ...others] of [
    [1, Number.NaN],
    [1, undefined],
    ["a", new Date(0)],
    [{}, () => 1],
  ]) {
    let reads = 0;
    const value = {
      a: {
        get b() {
          return reads++ === 0 ? first : others[0];
        },
      },
    };
    assert.equal(jsonText(value), JSON.stringify({ a: { b: first } }));
    assert.equal(reads, 1);
  }
});

test("nobody's toJSON is asked, and what is inherited is not lost", () => {
  for (const prototype of [Array.prototype, Object.prototype] as object[])
    try {
      Object.defineProperty(prototype, "toJSON", { value: () => "other", configurable: true });
      assert.equal(jsonText({ a: [1, { b: 2 }] }), '{"a":[1,{"b":2}]}');
    } finally {
      Reflect.deleteProperty(prototype, "toJSON");
    }
  assert.equal(jsonText(Object.create(Object.create(null, { a: { value: 1, enumerable: true } }))), undefined);
});

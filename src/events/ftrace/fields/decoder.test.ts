/** Functions that are made for events against the steps that they are made of. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import fc from "fast-check";
import { BatchWriter, type Target } from "../../batch.ts";
import { KERNEL_FORMATS } from "../../tracepoints/kernel-formats.ts";
import { bytesOf } from "../bytes.ts";
import { printItems } from "../format/print.ts";
import type { PrintItem } from "../format/print-item.ts";
import { createSymbols } from "../symbols.ts";
import { decoderOf } from "./decoder.ts";
import { createMatcher, type Matcher } from "./matcher.ts";
import { stepsOf } from "./steps.ts";

const RECORD_BYTES = 8192;
const START = 64;

/** Where numbers stop to fit. */
const EDGES = [8n, 16n, 31n, 32n, 50n, 63n, 64n].flatMap((bits) => [2n ** bits - 1n, 2n ** bits, -(2n ** bits)]);
const number = fc.oneof(
  fc.constantFrom(...EDGES),
  fc.bigInt(-300n, 300n),
  fc.bigInt(-(2n ** 31n), 2n ** 33n),
  fc.bigInt(-(2n ** 63n), 2n ** 66n),
);
const word = fc.stringMatching(/^[a-zA-Z_ ,=0-9]{0,20}$/);
const symbol = fc.constantFrom("do_exit+0x1a/0x60", "here+0x141/0x2a0 [mod]", "0xffffffff81000000", "x", "81", "+");
const hex = (value: bigint, digits: number): string => BigInt.asUintN(64, value).toString(16).padStart(digits, "0");
const pointer = fc.oneof(
  number.map((value) => hex(value, 16)),
  number.map((value) => `0x${hex(value, 1)}`),
  fc.constantFrom("(null)", "(____ptrval____)", "(nil)"),
);

/** What an item may print, and now and then something else. */
function printed(item: PrintItem): fc.Arbitrary<string> {
  if (item.kind === "literal") return fc.constant(item.text);
  if (item.kind === "symbol") return symbol;
  if (item.kind === "pointer") return pointer;
  if (item.kind === "character") return fc.constantFrom("R", "W", "d", "0");
  if (item.kind === "bytes") return fc.constantFrom("127.0.0.1", "::1", "00 ff", "{0x1,0x2}", "00000001", "x");
  if (item.kind === "words") {
    const words = item.sets.flatMap(({ words: known }) => [...known.keys()]);
    const several = fc.array(fc.constantFrom(...words, "0x80"), { minLength: 1, maxLength: 3 });
    return several.map((each) => each.join(item.sets[0]?.delimiter ?? ""));
  }
  if (item.kind !== "number") return word;
  const { base, padded, prefixed } = item;
  return number.map((value) => {
    const digits = base === 10 ? String(value) : BigInt.asUintN(64, value).toString(base);
    return `${prefixed && value !== 0n ? "0x" : ""}${digits}`.padStart(padded ? 5 : 0);
  });
}

/** A line's fields, whole, cut or with a byte that does not belong there. */
function fieldsOf(items: readonly PrintItem[]): fc.Arbitrary<string> {
  const whole = fc.tuple(...items.map(printed)).map((parts) => parts.join(""));
  const damage = fc.option(fc.tuple(fc.nat(200), fc.constantFrom("", " ", "x", "=", "\r")), {
    nil: undefined,
    freq: 3,
  });
  return fc.tuple(whole, damage, fc.boolean()).map(([text, broken, isCut]) => {
    if (broken === undefined) return text;
    const [at, byte] = broken;
    return text.slice(0, at) + byte + (isCut ? "" : text.slice(at + 1));
  });
}

/** All that a matcher makes of a line. */
function madeOf(matcher: Matcher, line: Uint8Array, from: number): unknown {
  const target: Target = new BatchWriter(RECORD_BYTES, RECORD_BYTES).target;
  target.start = START;
  const end = matcher.match(line, from, target);
  const { unreadLow, unreadHigh } = matcher.unread;
  const told = end < 0 ? undefined : [target.end, unreadLow, unreadHigh];
  return { end, told, bytes: Buffer.from(target.bytes).toString("latin1").replace(/\0+$/, "") };
}

test("property: a function made for an event reads what its steps read, of any line", () => {
  const formats = KERNEL_FORMATS.map((format) => ({ format, items: printItems(format) }));
  let read = 0;
  const property = fc.property(
    fc.nat(formats.length - 1).chain((index) => {
      const { format, items } = formats[index] as (typeof formats)[number];
      const lines = fc.array(fieldsOf(items), { minLength: 1, maxLength: 6 });
      return fc.record({ format: fc.constant(format), lines });
    }),
    ({ format, lines }) => {
      const compiled = createMatcher(format, createSymbols());
      const run = createMatcher(format, createSymbols(), "", () => undefined);
      for (const text of lines) {
        const line = bytesOf(`head: ${text}\nnext line`);
        const made = madeOf(compiled, line, 6);
        assert.deepEqual(made, madeOf(run, line, 6), `${format.name}: ${text}`);
        if ((made as { readonly end: number }).end >= 0) read++;
      }
    },
  );
  fc.assert(property, { numRuns: 3000 });
  assert.ok(read > 5000, `only ${read} lines were read`);
});

test("where no code may be made of text, the steps are run", () => {
  const door = new URL("../../../../dist/events/file.js", import.meta.url).href;
  const source = `
    const { openEvents } = await import(${JSON.stringify(door)});
    const { batches, counts } = await openEvents("examples/data/kernel-events.trace.gz");
    for await (const _ of batches);
    console.log(counts.read, counts.skipped.length);`;
  const flags = ["--disallow-code-generation-from-strings", "--input-type=module", "--eval", source];
  assert.equal(execFileSync(process.execPath, flags, { encoding: "utf8" }).trim(), "148959 0");
});

test("of the kernel's events all that print one line have a function", () => {
  for (const format of KERNEL_FORMATS) {
    const items = printItems(format);
    const isOneLine = items.length > 0 && items.every((item) => item.kind !== "literal" || !item.text.includes("\n"));
    assert.equal(decoderOf(stepsOf(items, format.fields)) !== undefined, isOneLine, format.name);
  }
});

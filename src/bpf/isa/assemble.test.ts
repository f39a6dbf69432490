import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { AnyctxError } from "../../error.ts";
import { assemble } from "./assemble.ts";
import { disassemble, disassembleAt } from "./disassemble.ts";
import {
  decodeInstructions,
  encodeInstructions,
  type Instruction,
  isWide,
  OPERATIONS,
  type Operation,
  operationOf,
  wideTail,
} from "./instructions.ts";

const int16 = fc.integer({ min: -32768, max: 32767 });
const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const register = fc.integer({ min: 0, max: 10 });
const field = (rule: number | "any", values: fc.Arbitrary<number>): fc.Arbitrary<number> =>
  rule === "any" ? values : fc.constant(rule);

function slotsOf(operation: Operation): fc.Arbitrary<Instruction[]> {
  const hasImmediate = operation.text.includes("{imm64}");
  const slot = fc.record(
    {
      code: fc.constant(operation.code),
      dst: field(operation.dst, register),
      src: field(operation.src, register),
      offset: operation.text.includes("kfunc") ? fc.constant(0) : field(operation.offset, int16),
      imm: field(operation.imm, int32),
    },
    { noNullPrototype: true },
  );
  return (
    fc
      .tuple(slot, int32)
      // A text with a distance in place of the immediate has no place for a second half that is not zero.
      .map(([first, high]) => (isWide(first) ? [first, wideTail(hasImmediate ? BigInt(high) << 32n : 0n)] : [first]))
  );
}

test("every opcode row is found by its own slot and survives text and bytes", () => {
  for (const operation of OPERATIONS) {
    if (operation.name === "callx") continue; // its source register is not written
    fc.assert(
      fc.property(slotsOf(operation), (slots) => {
        const [first] = slots;
        assert.ok(first !== undefined);
        assert.equal(operationOf(first)?.name, operation.name);
        const text = disassembleAt(slots, 0);
        assert.deepEqual(assemble(text), slots, text);
        assert.deepEqual(decodeInstructions(encodeInstructions(slots), "test"), slots);
      }),
      { numRuns: 40 },
    );
  }
});

test("names of opcode rows are unique, and so is what tells rows of one opcode apart", () => {
  assert.equal(new Set(OPERATIONS.map(({ name }) => name)).size, OPERATIONS.length);
  const shapes = OPERATIONS.map(({ code, dst, src, offset, imm }) => [code, dst, src, offset, imm].join());
  assert.equal(new Set(shapes).size, shapes.length);
});

test("a listing written by the disassembler assembles to the same program", () => {
  const slots = assemble(`
    r6 = r1               ; keep the context
    r1 = 0x123456789abcdef ll
    again:
    w2 = w6
    if w2 s> -3 goto again
    *(u64 *)(r10 - 8) = r1
    r0 = cmpxchg_64(r10 - 8, r0, r1)
    call ktime_get_ns
    call sub
    exit
    sub:
    r0 = (s16)r1
    exit`);
  assert.deepEqual(assemble(disassemble(slots)), slots);
  assert.match(disassemble(slots), /4: if w2 s> -3 goto -2\n/);
});

test("assembly errors name the line and the problem", () => {
  const cases: readonly (readonly [string, RegExp])[] = [
    ["r0 = 1\nr0 ?= 2", /line 2 "r0 \?= 2": this is no BPF instruction/],
    ["r11 = 1", /11 is not between 0 and 10/],
    ["goto nowhere", /there is no label nowhere/],
    ["goto +40000", /40000 is not between/],
    ["x:\nx:", /defined before/],
    ["call nothing", /no label nothing/],
    ["r0 = 4294967296", /not between/],
    ["r0 = 12q", /12q is not a number/],
  ];
  for (const [text, message] of cases)
    assert.throws(
      () => assemble(text),
      (error) => error instanceof AnyctxError && error.code === "EINVAL" && message.test(error.message),
      text,
    );
});

test("any slot at all disassembles to one line", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 255 }), { minLength: 8, maxLength: 8 }), (bytes) => {
      const slots = decodeInstructions(Uint8Array.from(bytes), "test");
      const text = disassembleAt(slots, 0);
      assert.ok(text.length > 0 && !text.includes("\n") && !text.includes("{"), text);
    }),
  );
});

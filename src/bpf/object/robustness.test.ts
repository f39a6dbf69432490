/**
 * Whatever passes the linker compiles, and running it ends in a number or an AnyctxError.
 *
 * Strategy: slots from every runnable opcode row with arbitrary registers, small distances and immediates, ended by
 * `exit`; most are refused by the linker, the rest go through both engines. Nothing is said about results here.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { AnyctxError } from "../../error.ts";
import { HELPERS } from "../helpers/table.ts";
import { assemble } from "../isa/assemble.ts";
import { type Instruction, isWide, OPERATIONS, wideTail } from "../isa/instructions.ts";
import { linkProgram } from "../link.ts";
import type { LinkedProgram } from "../linked.ts";
import { CONTEXT, CPU, ENGINES, fakeHost, STACK_TOP } from "../testing.ts";
import { specOfInstructions } from "./spec.ts";

/** A map's descriptor and first value on a fake host whose first map it is. */
const { address, firstValue } = fakeHost().add({ name: "array", bpfType: 2 });

const register = fc.integer({ min: 0, max: 10 });
const distance = fc.integer({ min: -6, max: 9 });
const number = fc.oneof(fc.integer({ min: -16, max: 16 }), fc.constantFrom(address, firstValue), fc.integer());
const rows = OPERATIONS.filter(({ effect }) => effect.type !== "refused");

const slot = fc.constantFrom(...rows).chain((row) => {
  const { effect } = row;
  const imm =
    effect.type === "goto" || (effect.type === "call" && effect.target === "local")
      ? distance
      : effect.type === "call"
        ? fc.constantFrom(...HELPERS.map(({ id }) => id))
        : effect.type === "constant" && effect.holds !== "number"
          ? fc.constant(effect.holds === "map" ? address : firstValue)
          : number;
  const pick = (field: number | "any", values: fc.Arbitrary<number>): fc.Arbitrary<number> =>
    field === "any" ? values : fc.constant(field);
  const shape = {
    code: fc.constant(row.code),
    dst: pick(row.dst, register),
    src: pick(row.src, register),
    offset: pick(
      row.offset,
      effect.type === "load" || effect.type === "store" ? fc.integer({ min: -64, max: 8 }) : distance,
    ),
    imm: pick(row.imm, imm),
  };
  return fc.record(shape).map((one): Instruction[] => (isWide(one) ? [one, wideTail(0n)] : [one]));
});

const program = fc
  .array(slot, { minLength: 1, maxLength: 24 })
  .map((slots) => [...slots.flat(), ...assemble("exit\nr0 = 1\nexit")]);

const expected = (error: unknown): boolean => error instanceof AnyctxError;

function link(slots: readonly Instruction[]): LinkedProgram | undefined {
  const host = fakeHost();
  host.add({ name: "array", bpfType: 2 });
  try {
    return linkProgram(specOfInstructions("any", slots), "any", host.bindings);
  } catch (error) {
    assert.ok(expected(error), String(error));
    return undefined;
  }
}

test("whatever passes the linker runs by both engines or ends in an AnyctxError", () => {
  let linked = 0;
  fc.assert(
    fc.property(program, (slots) => {
      const one = link(slots);
      if (one === undefined) return;
      linked++;
      for (const { make } of ENGINES) {
        const host = fakeHost();
        host.add({ name: "array", bpfType: 2 });
        host.setContext(new Uint8Array(64));
        const run = make(one, host, { budget: 20_000 });
        try {
          assert.equal(typeof run(CONTEXT, CPU, STACK_TOP), "bigint");
        } catch (error) {
          assert.ok(expected(error), String(error));
        }
      }
    }),
    { numRuns: 3000 },
  );
  assert.ok(linked > 100, `only ${linked} programs passed the linker`);
});

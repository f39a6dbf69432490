/** `may_goto`: loops that end after so many turns of their function, in both engines and for the verifier. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { createInterpreter } from "./interpreter/interpreter.ts";
import { assemble } from "./isa/assemble.ts";
import { disassembleAt } from "./isa/disassemble.ts";
import { MOST_TURNS } from "./isa/instructions.ts";
import { compileProgram } from "./jit/compile.ts";
import { instantiateProgram } from "./jit/instantiate.ts";
import { linkProgram } from "./link.ts";
import type { LinkedProgram } from "./linked.ts";
import { specOfInstructions } from "./object/spec.ts";
import { CONTEXT, CPU, fakeHost, STACK_TOP } from "./testing.ts";
import { verifyProgram } from "./verifier/verify.ts";

const link = (text: string): LinkedProgram => linkProgram(specOfInstructions("p", assemble(text)), "p", new Map());
const COUNT = "r0 = 0\nl:\nmay_goto done\nr0 += 1\ngoto l\ndone:\nexit";
/** Another function has turns of its own. */
const NESTED = `call f\nr6 = r0\ncall f\nr0 += r6\nexit\nf:\n${COUNT}`;

test("it is written and read as the compiler makes it", () => {
  const [slot] = assemble("may_goto +3");
  assert.deepEqual(slot, { code: 0xe5, dst: 0, src: 0, offset: 3, imm: 0 });
  assert.equal(disassembleAt(assemble("may_goto +3"), 0), "may_goto +3");
});

test("jit: a loop without an end of its own ends after all turns, in each call", () => {
  const run = (text: string): bigint =>
    instantiateProgram(compileProgram(link(text)), fakeHost())(CONTEXT, CPU, STACK_TOP);
  assert.equal(run(COUNT), BigInt(MOST_TURNS));
});

test("interpreter: the same, with the turns that are left", () => {
  for (const [text, expected] of [
    [COUNT, 5n],
    [NESTED, 10n],
  ] as const) {
    const watch: NonNullable<Parameters<typeof createInterpreter>[2]>["watch"] = (_, state) => {
      if (state.turns === MOST_TURNS) state.turns = 5;
    };
    assert.equal(createInterpreter(link(text), fakeHost(), { watch })(CONTEXT, CPU, STACK_TOP), expected);
  }
});

test("the verifier looks at a turn until it is like one before", () => {
  const accepted = verifyProgram(link(COUNT));
  assert.equal(accepted.verdict, "accepted");
  assert.ok(accepted.instructions < 100, `${accepted.instructions}`);
  const beyond = link(
    "r1 = r10\nr1 += -8\nl:\nmay_goto done\n*(u8 *)(r1 + 0) = 1\nr1 += 1\ngoto l\ndone:\nr0 = 0\nexit",
  );
  const refused = verifyProgram(beyond);
  assert.ok(refused.verdict === "rejected" && refused.category === "bounds");
});

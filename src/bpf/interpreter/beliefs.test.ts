/** What the verifier believed, compared with runs: what holds is silent, what does not is said with the register. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { assemble } from "../isa/assemble.ts";
import { linkProgram } from "../link.ts";
import type { Belief, LinkedProgram } from "../linked.ts";
import { specOfInstructions } from "../object/spec.ts";
import { CONTEXT, CPU, fakeHost, STACK_TOP } from "../testing.ts";
import { verifyProgram } from "../verifier/verify.ts";
import { createInterpreter } from "./interpreter.ts";

const TEXT =
  "r6 = *(u64 *)(r1 + 0)\nr6 &= 7\nr2 = r10\nr7 = 0\nr7 -= r6\nr2 += r7\nif r6 > 3 goto out\ncall f\nout:\nr0 = r6\nexit\nf:\nr0 = *(u8 *)(r2 - 1)\nexit";

function believed(): { program: LinkedProgram; beliefs: readonly Belief[] } {
  const spec = specOfInstructions("p", assemble(TEXT));
  const kind = { type: "raw_tracepoint", target: { event: "x" } };
  const linked = linkProgram(
    { ...spec, programs: spec.programs.map((program) => ({ ...program, kind })) },
    "p",
    new Map(),
  );
  const found = verifyProgram(linked, { beliefs: true });
  assert.ok(found.verdict === "accepted" && found.program.beliefs !== undefined);
  return { program: found.program, beliefs: found.program.beliefs };
}

function run(program: LinkedProgram, number: number): bigint {
  const host = fakeHost();
  const context = new Uint8Array(96);
  context[0] = number;
  host.setContext(context);
  return createInterpreter(program, host)(CONTEXT, CPU, STACK_TOP);
}

test("what is believed of numbers, the stack and the context holds", () => {
  const { program, beliefs } = believed();
  assert.deepEqual([...new Set(beliefs.map(({ holds }) => holds))].sort(), ["context", "number", "stack"]);
  for (const number of [0, 3, 4, 7, 255]) assert.equal(run(program, number), BigInt(number & 7));
});

const WRONG: Readonly<Record<string, (belief: Belief) => Partial<Belief>>> = {
  "an upper bound": () => ({ umax: 1n }),
  "a signed bound": ({ smax }) => ({ smin: smax }),
  "a bit": () => ({ value: 0n, mask: 5n }),
};

for (const [name, change] of Object.entries(WRONG))
  test(`a run says that ${name} is wrong`, () => {
    const { program, beliefs } = believed();
    const [at] = beliefs.filter(({ holds, smax }) => holds === "number" && smax === 7n);
    assert.ok(at !== undefined);
    const wrong = beliefs.map((belief) => (belief === at ? { ...belief, ...change(belief) } : belief));
    assert.throws(
      () => run({ ...program, beliefs: wrong }, 6),
      /instruction \d+ .*: the verifier was wrong: r6 is 0x6, and was believed/,
    );
  });

test("a run says that a place on the stack is another one", () => {
  const { program, beliefs } = believed();
  const wrong = beliefs.map((belief) => (belief.holds === "stack" ? { ...belief, frames: belief.frames + 1 } : belief));
  assert.throws(() => run({ ...program, beliefs: wrong }, 0), /the verifier was wrong: r\d+ is 0x/);
});

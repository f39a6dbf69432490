import assert from "node:assert/strict";
import { test } from "node:test";
import { findBlocks } from "../analysis/blocks.ts";
import { createInterpreter } from "../interpreter/interpreter.ts";
import { assemble } from "../isa/assemble.ts";
import { linkProgram } from "../link.ts";
import { specOfInstructions } from "../object/spec.ts";
import { CONTEXT, CPU, fakeHost, STACK_TOP } from "../testing.ts";
import { compileProgram } from "./compile.ts";
import { type FlowStep, structure } from "./flow.ts";
import { instantiateProgram } from "./instantiate.ts";

function flow(text: string): FlowStep[] {
  const slots = assemble(text);
  return structure(findBlocks(slots, 0, slots.length));
}

const count = (steps: readonly FlowStep[], type: FlowStep["type"]): number =>
  steps.filter((step) => step.type === type).length;

test("a program without backward jumps is nested blocks", () => {
  const steps = flow("if r1 == 0 goto a\nr0 = 1\ngoto b\na:\nr0 = 2\nb:\nif r0 == 1 goto c\nr0 = 3\nc:\nexit");
  assert.equal(count(steps, "loop") + count(steps, "dispatch"), 0);
  assert.equal(count(steps, "body"), 6);
  assert.equal(count(steps, "block"), 2);
});

test("nested loops become nested loops, each block written once", () => {
  const steps = flow("a:\nr1 -= 1\nb:\nr2 -= 1\nif r2 != 0 goto b\nif r1 != 0 goto a\nexit");
  assert.equal(count(steps, "loop"), 2);
  assert.equal(count(steps, "dispatch"), 0);
  assert.equal(count(steps, "body"), 4);
});

test("a loop with two entries is dispatched", () => {
  const steps = flow("if r1 == 0 goto b\na:\nr1 += 1\nb:\nr1 += 2\nif r1 != 9 goto a\nexit");
  assert.equal(count(steps, "dispatch"), 1);
  assert.equal(count(steps, "loop"), 1);
});

test("unreachable code is left out", () => {
  const blocks = findBlocks(assemble("goto b\na:\nr0 = 1\ngoto a\nb:\nexit"), 0, 4);
  assert.deepEqual(
    blocks.map(({ start, dominator }) => [start, dominator]),
    [
      [0, 0],
      [3, 0],
    ],
  );
});

/** Programs whose control flow is deep or wide: neither may exhaust a stack. */
const LARGE: Readonly<Record<string, (size: number) => string>> = {
  "early exits": (size) =>
    `${Array.from({ length: size }, (_, i) => `r0 += 1\nif r0 == ${-i - 1} goto end`).join("\n")}\nend:\nexit`,
  diamonds: (size) =>
    `${Array.from({ length: size }, (_, i) => `if r0 & 1 goto a${i}\nr0 += 3\ngoto b${i}\na${i}:\nr0 += 5\nb${i}:`).join("\n")}\nexit`,
  "loops in a row": (size) =>
    `${Array.from({ length: size }, (_, i) => `r1 = 2\nl${i}:\nr0 += 1\nr1 -= 1\nif r1 != 0 goto l${i}`).join("\n")}\nexit`,
  "nested branches": (size) => {
    const half = Math.min(size, 4000);
    const opening = Array.from({ length: half }, (_, i) => `r0 += 1\nif r0 == ${-i - 1} goto x${i}`);
    const closing = Array.from({ length: half }, (_, i) => `x${half - 1 - i}:\nr0 += 2`);
    return [...opening, ...closing, "exit"].join("\n");
  },
};

for (const [name, make] of Object.entries(LARGE))
  test(`large programs compile and run as interpreted: ${name}`, () => {
    const spec = specOfInstructions(name, assemble(`r0 = 0\n${make(5000)}`));
    const host = fakeHost();
    const linked = linkProgram(spec, name, new Map());
    const expected = createInterpreter(linked, host)(CONTEXT, CPU, STACK_TOP);
    assert.equal(instantiateProgram(compileProgram(linked), host)(CONTEXT, CPU, STACK_TOP), expected);
  });

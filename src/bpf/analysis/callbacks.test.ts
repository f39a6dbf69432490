/** Functions that are called by a helper which is given their address: they are the program's as called ones are. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { AnyctxError } from "../../error.ts";
import { assemble } from "../isa/assemble.ts";
import { disassembleAt } from "../isa/disassemble.ts";
import { type Instruction, operationOf, PSEUDO } from "../isa/instructions.ts";
import { linkProgram } from "../link.ts";
import type { LinkedProgram, Subprogram } from "../linked.ts";
import {
  type FunctionSpec,
  type ObjectSpec,
  type ProgramSpec,
  specOfInstructions,
  subprogramsOf,
} from "../object/spec.ts";
import { CONTEXT, CPU, ENGINES, fakeHost, STACK_TOP } from "../testing.ts";
import { findBlocks } from "./blocks.ts";
import { type Edge, edgeOf } from "./edges.ts";
import { findSubprograms } from "./subprograms.ts";

function edgesOf(slots: readonly Instruction[]): Edge[] {
  return slots.flatMap((slot, at) => {
    const effect = operationOf(slot)?.effect;
    return (effect === undefined ? undefined : edgeOf(effect, slot, at)) ?? [];
  });
}

/** The functions of a program that linking would cut it into, were there a helper that takes a callback. */
function functionsOf(slots: readonly Instruction[]): Subprogram[] {
  return findSubprograms(
    slots.map((slot) => operationOf(slot)),
    [{ name: "p", start: 0 }],
    edgesOf(slots),
    (at, why) => {
      throw new AnyctxError("BAD_OBJECT", `instruction ${at}: ${why}`);
    },
  );
}

const TAKES_ADDRESS = assemble(`
  r2 = function(body) ll
  r0 = r2
  exit
  body:
  r0 = 1
  if r1 == 0 goto +1
  r0 = 2
  exit`);

test("a load of a function's address is an edge to its first slot", () => {
  assert.deepEqual(edgesOf(TAKES_ADDRESS), [
    { type: "callback", at: 0, target: 4 },
    { type: "jump", at: 5, target: 7 },
  ]);
  assert.equal(TAKES_ADDRESS[0]?.src, PSEUDO.function);
  assert.equal(disassembleAt(TAKES_ADDRESS, 0), "r2 = function(pc+3) ll");
});

test("a callback's function is a part of the program of its own", () => {
  assert.deepEqual(functionsOf(TAKES_ADDRESS), [
    { name: "p", start: 0, end: 4 },
    { name: "p+4", start: 4, end: 8 },
  ]);
});

test("taking an address does not end a block, and the callback's blocks are its own", () => {
  const own = findBlocks(TAKES_ADDRESS, 0, 4).map(({ start, end }) => [start, end]);
  assert.deepEqual(own, [[0, 4]]);
  const callback = findBlocks(TAKES_ADDRESS, 4, 8).map(({ start, end }) => [start, end]);
  assert.deepEqual(callback.sort(), [
    [4, 6],
    [6, 7],
    [7, 8],
  ]);
});

/** A chain of functions, each of which takes the next one's address. */
function chain(frames: number): Instruction[] {
  const functions = Array.from({ length: frames }, (_, level) =>
    level + 1 < frames ? `f${level}:\nr2 = function(f${level + 1}) ll\nexit` : `f${level}:\nexit`,
  );
  return assemble(functions.join("\n"));
}

test("a callback counts as a frame, and may not come back", () => {
  assert.equal(functionsOf(chain(8)).length, 8);
  assert.throws(() => functionsOf(chain(9)), /instruction 21: calls are more than 8 frames deep/);
  const circle = assemble("r2 = function(f) ll\nexit\nf:\ncall g\nexit\ng:\nr2 = function(f) ll\nexit");
  assert.throws(() => functionsOf(circle), /instruction 5: functions may not call each other in a circle/);
  assert.throws(() => functionsOf(assemble("l:\nr2 = function(l) ll\nexit")), /in a circle/);
});

test("a callback's function is whole: nothing runs or jumps into it, and it ends", () => {
  assert.throws(() => functionsOf(assemble("r2 = function(f) ll\nf:\nr0 = 0\nexit")), /function p runs off its end/);
  assert.throws(() => functionsOf(assemble("r2 = function(f) ll\nexit\nf:\nr0 = 0")), /function p\+3 runs off its end/);
  const jump = "r2 = function(f) ll\ngoto g\nf:\nr0 = 0\ng:\nexit";
  assert.throws(() => functionsOf(assemble(jump)), /instruction 2: it jumps into another function/);
});

const refused = (message: RegExp) => (error: unknown) =>
  error instanceof AnyctxError && error.code === "UNSUPPORTED" && message.test(error.message);

test("without a helper that takes it, an address is refused with the function's name", () => {
  const linkOf = (slots: readonly Instruction[]) => () => linkProgram(specOfInstructions("p", slots), "p", new Map());
  const message =
    /p, instruction 0 \(r2 = function\(pc\+3\) ll\): the address of function slot 4 \(a callback\) is not supported: no helper/;
  assert.throws(linkOf(TAKES_ADDRESS), refused(message));
  // A helper that takes none is no help.
  const helper = assemble("r2 = function(f) ll\ncall ktime_get_ns\nexit\nf:\nexit");
  assert.throws(linkOf(helper), refused(/the address of function slot 4/));
});

/** An object with a program that takes the address of a function, which calls another. */
function objectOf(relocation: FunctionSpec["relocations"][number], text: string): ObjectSpec {
  const spec = specOfInstructions("p", assemble(text));
  const functionOf = (name: string, body: string, relocations: FunctionSpec["relocations"]): FunctionSpec => ({
    ...{ name, section: ".text", instructions: assemble(body), relocations, coreRelocations: [], lines: [] },
  });
  const functions = [
    functionOf("body", "call pc-1\nexit", [{ type: "call", instruction: 0, callee: 1, entry: 0 }]),
    functionOf("leaf", "r0 = 0\nexit", []),
  ];
  const [program] = spec.programs;
  assert.ok(program !== undefined);
  const own: ProgramSpec = { ...program, relocations: [relocation] };
  return { ...spec, programs: [own], functions };
}

test("what a callback's function calls belongs to the program too", () => {
  const object = objectOf({ type: "function", instruction: 0, callee: 0 }, "r2 = 0 ll\nexit");
  const [program] = object.programs;
  assert.ok(program !== undefined);
  assert.deepEqual(
    subprogramsOf(object, program).map(({ name }) => name),
    ["body", "leaf"],
  );
  const message = /instruction 0 \(r2 = function\(pc\+2\) ll\): the address of function body \(a callback\)/;
  assert.throws(() => linkProgram(object, "p", new Map()), refused(message));
});

test("an address goes into whole 64-bit loads only, and into a function of the object", () => {
  const bad = (relocation: FunctionSpec["relocations"][number], text: string) => () =>
    linkProgram(objectOf(relocation, text), "p", new Map());
  assert.throws(bad({ type: "function", instruction: 0, callee: 0 }, "r2 = 0\nexit"), /whole 64-bit load/);
  assert.throws(bad({ type: "function", instruction: 0, callee: 9 }, "r2 = 0 ll\nexit"), /not in the object/);
  const [load, , ...rest] = TAKES_ADDRESS;
  assert.ok(load !== undefined);
  const high = [load, { code: 0, dst: 0, src: 0, offset: 0, imm: 1 }, ...rest];
  assert.throws(
    () => linkProgram(specOfInstructions("p", high), "p", new Map()),
    /second half of a function's address/,
  );
});

for (const { name, make } of ENGINES)
  test(`${name}: a function's address is its first slot, and the function is there to be called`, () => {
    const program: LinkedProgram = {
      ...linkProgram(specOfInstructions("p", assemble("exit")), "p", new Map()),
      instructions: TAKES_ADDRESS,
      subprograms: functionsOf(TAKES_ADDRESS),
    };
    assert.equal(make(program, fakeHost())(CONTEXT, CPU, STACK_TOP), 4n);
  });

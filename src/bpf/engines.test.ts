/** What the engines promise besides results: the interpreter can be resumed, a compiled program can be posted. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { MessageChannel, receiveMessageOnPort } from "node:worker_threads";
import { AnyctxError } from "../error.ts";
import { FRAME_BYTES, MAX_FRAMES } from "./host.ts";
import { prepare, start } from "./interpreter/interpreter.ts";
import { END, step } from "./interpreter/state.ts";
import { assemble } from "./isa/assemble.ts";
import { type CompiledProgram, compileProgram } from "./jit/compile.ts";
import { instantiateProgram } from "./jit/instantiate.ts";
import { linkProgram } from "./link.ts";
import type { LinkedProgram } from "./linked.ts";
import { specOfInstructions } from "./object/spec.ts";
import { Ranges } from "./ranges.ts";
import { CONTEXT, CPU, fakeHost, STACK_TOP } from "./testing.ts";

function link(text: string): LinkedProgram {
  return linkProgram(specOfInstructions("p", assemble(text)), "p", new Map());
}

test("two runs of one interpreter interleave instruction by instruction", () => {
  const host = fakeHost();
  host.setContext(Uint8Array.from([5, 0, 0, 0, 0, 0, 0, 0]));
  const text =
    "r1 = *(u64 *)(r1 + 0)\n*(u64 *)(r10 - 8) = r1\ncall f\nr1 = *(u64 *)(r10 - 8)\nr0 += r1\nexit\nf:\nr0 = 1\nl:\nr0 *= 3\nr1 -= 1\nif r1 != 0 goto l\nexit";
  const interpreter = prepare(link(text), host);
  const states = [STACK_TOP, STACK_TOP + MAX_FRAMES * FRAME_BYTES].map((top) => start(interpreter, CONTEXT, CPU, top));
  let steps = 0;
  for (; states.some(({ next }) => next !== END); steps++)
    for (const state of states) if (state.next !== END) step(interpreter, state);
  assert.deepEqual(
    states.map(({ registers }) => registers[0]),
    [243n + 5n, 243n + 5n],
  );
  assert.equal(steps, 3 + 1 + 5 * 3 + 1 + 3);
});

test("a compiled program survives a message to another thread", () => {
  const { port1, port2 } = new MessageChannel();
  port1.postMessage(compileProgram(link("r0 = 41\nr0 += 1\nexit")));
  const message = receiveMessageOnPort(port2)?.message as CompiledProgram;
  assert.equal(instantiateProgram(message, fakeHost())(CONTEXT, CPU, STACK_TOP), 42n);
  port1.close();
});

test("a core without a function the program needs is refused by name", () => {
  const compiled = compileProgram(link("r1 = r10\nr1 += -16\nr2 = 16\ncall get_current_comm\nexit"));
  const host = { ...fakeHost(), core: {} };
  const expected = (error: unknown): boolean =>
    error instanceof AnyctxError && error.code === "UNSUPPORTED" && /needs taskComm/.test(error.message);
  assert.throws(() => instantiateProgram(compiled, host), expected);
});

test("a host whose memory is not shared is refused", () => {
  const compiled = compileProgram(link("r0 = 1\nexit"));
  const host = { ...fakeHost(), memory: new WebAssembly.Memory({ initial: 1 }) };
  const expected = (error: unknown): boolean =>
    error instanceof AnyctxError && error.code === "UNSUPPORTED" && /program p does not fit/.test(error.message);
  assert.throws(() => instantiateProgram(compiled, host), expected);
});

test("ranges answer for their own bytes only", () => {
  const ranges = new Ranges();
  for (const at of [300, 100, 200, 0]) ranges.grant(at, 50, at !== 200);
  assert.ok(ranges.allows(100, 50, true));
  assert.ok(ranges.allows(349, 1, true));
  assert.ok(ranges.allows(200, 8, false) && !ranges.allows(200, 8, true));
  assert.ok(!ranges.allows(149, 2, false) && !ranges.allows(99, 1, false) && !ranges.allows(350, 1, false));
  ranges.revoke(100);
  assert.ok(!ranges.allows(100, 1, false) && ranges.allows(300, 1, false));
  ranges.grant(300, 8, true);
  assert.ok(!ranges.allows(300, 9, false));
});

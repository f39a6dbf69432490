import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { AnyctxError } from "../error.ts";
import { assemble } from "./isa/assemble.ts";
import { disassembleAt } from "./isa/disassemble.ts";
import type { Instruction } from "./isa/instructions.ts";
import { linkProgram } from "./link.ts";
import type { LinkedProgram } from "./linked.ts";
import { readObject } from "./object/object.ts";
import { type CoreRelocation, type FunctionSpec, type ObjectSpec, specOfInstructions } from "./object/spec.ts";
import { fakeHost, hostFor } from "./testing.ts";

const object = (): ObjectSpec =>
  readObject(readFileSync(new URL("fixtures/tracing.bpf.o", import.meta.url)), "tracing.bpf.o");

const fails = (code: string, message: RegExp) => (error: unknown) =>
  error instanceof AnyctxError && error.code === code && message.test(error.message);

function link(slots: readonly Instruction[]): LinkedProgram {
  return linkProgram(specOfInstructions("p", slots), "p", new Map());
}

test("addresses of maps and variables and called functions are filled in", () => {
  const spec = object();
  const { bindings } = hostFor(spec);
  const linked = linkProgram(spec, "on_kmalloc", bindings);
  assert.deepEqual(
    linked.subprograms.map(({ name }) => name),
    ["on_kmalloc", "account", "scale"],
  );
  const text = linked.instructions.map((_, at) => disassembleAt(linked.instructions, at));
  assert.ok(text.includes(`r1 = map(0x${bindings.get("flows")?.address.toString(16)}) ll`));
  assert.ok(text.includes(`r1 = value(0x${bindings.get(".bss")?.firstValue.toString(16)}) ll`));
  const call = text.findIndex((one) => one.startsWith("call pc"));
  assert.equal(text[call], `call pc+${(linked.subprograms[1]?.start ?? 0) - call - 1}`);
  const maps = linked.maps.map(({ name, direct, readOnly }) => [name, direct, readOnly].join(" "));
  assert.deepEqual(maps.sort(), [
    ".bss true false",
    ".data true false",
    ".rodata true true",
    "flows false false",
    "totals false false",
  ]);
  assert.deepEqual(linked.helpers, [14, 1, 16, 2, 8, 6]);
  assert.deepEqual(structuredClone(linked), linked);
});

test("a map that is not bound is named with the instruction that needs it", () => {
  const spec = object();
  const { bindings } = hostFor(spec);
  bindings.delete("flows");
  const message = /tracing\.bpf\.o: program on_kmalloc, instruction 24 \(.*\): map flows is not bound/;
  assert.throws(() => linkProgram(spec, "on_kmalloc", bindings), fails("BAD_OBJECT", message));
});

test("structure is validated", () => {
  const exit = assemble("exit");
  const slot = (fields: Partial<Instruction>): Instruction => ({
    code: 0,
    dst: 0,
    src: 0,
    offset: 0,
    imm: 0,
    ...fields,
  });
  const cases: readonly (readonly [string, readonly Instruction[], string, RegExp])[] = [
    ["empty", [], "BAD_OBJECT", /no instructions/],
    [
      "unknown opcode",
      [slot({ code: 0xff }), ...exit],
      "BAD_OBJECT",
      /instruction 0 \(\.slot 0xff .*no instruction of RFC 9669/,
    ],
    ["reserved field", [slot({ code: 0x95, imm: 1 })], "BAD_OBJECT", /reserved field/],
    ["register 11", [slot({ code: 0xb7, dst: 11 }), ...exit], "BAD_OBJECT", /r0 to r10/],
    ["r10 written by a wide load", assemble("r10 = 1 ll\nexit"), "BAD_OBJECT", /r10, the frame pointer/],
    ["above its frame", assemble("r0 = *(u64 *)(r10 + 0)\nexit"), "BAD_OBJECT", /512 bytes below r10/],
    ["half above its frame", assemble("*(u64 *)(r10 - 4) = 1\nexit"), "BAD_OBJECT", /512 bytes below r10/],
    ["below its frame", assemble("r0 = 1\nlock *(u64 *)(r10 - 520) += r0\nexit"), "BAD_OBJECT", /512 bytes below r10/],
    [
      "into its caller's frame",
      assemble("call f\nexit\nf:\n*(u64 *)(r10 + 8) = 1\nr0 = 0\nexit"),
      "BAD_OBJECT",
      /instruction 2 .*512 bytes below r10/,
    ],
    ["half a wide load", [slot({ code: 0x18 })], "BAD_OBJECT", /second half/],
    ["jump out", assemble("goto +5\nexit"), "BAD_OBJECT", /it goes to slot 6/],
    ["jump before", assemble("goto -2\nexit"), "BAD_OBJECT", /it goes to slot -1/],
    ["jump into a wide load", assemble("goto +1\nr1 = 5 ll\nexit"), "BAD_OBJECT", /slot 2, where no instruction/],
    ["falls off", assemble("r0 = 1"), "BAD_OBJECT", /runs off its end/],
    ["branch at the end", assemble("r0 = 1\nif r0 == 1 goto -1"), "BAD_OBJECT", /runs off its end/],
    [
      "unknown helper",
      assemble("call 9999\nexit"),
      "UNSUPPORTED",
      /instruction 0 \(call 9999\): helper 9999 is unknown/,
    ],
    ["no such map", assemble("r1 = map(4096) ll\nexit"), "BAD_OBJECT", /no map at this address/],
    ["into another function", assemble("call f\ngoto g\nf:\nr0 = 1\ng:\nexit"), "BAD_OBJECT", /another function/],
    ["recursion", assemble("call f\nexit\nf:\ncall f\nexit"), "BAD_OBJECT", /in a circle/],
    ["callx", [slot({ code: 0x8d, dst: 2 }), ...exit], "UNSUPPORTED", /callx/],
  ];
  for (const [what, slots, code, message] of cases) assert.throws(() => link(slots), fails(code, message), what);
});

test("eight frames are allowed, nine are not", () => {
  const chain = (frames: number): Instruction[] => {
    const functions = Array.from({ length: frames }, (_, level) => {
      return `f${level}:\n${level + 1 < frames ? `call f${level + 1}` : "r0 = 7"}\nexit`;
    });
    return assemble(functions.join("\n"));
  };
  assert.equal(link(chain(8)).subprograms.length, 8);
  assert.throws(() => link(chain(9)), fails("BAD_OBJECT", /more than 8 frames deep/));
});

test("CO-RE relocations stay as they are compiled", () => {
  const spec = specOfInstructions("p", assemble("r0 = *(u32 *)(r1 + 8)\nexit"));
  const core: CoreRelocation = { instruction: 0, type: "task_struct", typeId: 1, access: "0:12", kind: "byte_off" };
  const [program] = spec.programs;
  assert.ok(program !== undefined);
  const object = { ...spec, programs: [{ ...program, coreRelocations: [core] }] };
  assert.deepEqual(linkProgram(object, "p", new Map()).instructions, program.instructions);
});

test("relocations that cannot be applied say why", () => {
  const { bindings } = fakeHost();
  const refuse = (relocation: FunctionSpec["relocations"][number], text: string) => {
    const spec = specOfInstructions("p", assemble(text));
    const [program] = spec.programs;
    assert.ok(program !== undefined);
    return () => linkProgram({ ...spec, programs: [{ ...program, relocations: [relocation] }] }, "p", bindings);
  };
  const host = fakeHost();
  host.add({ name: "h", bpfType: 1 });
  bindings.set("h", host.bindings.get("h") ?? assert.fail());
  const wide = "r1 = 0 ll\nexit";
  const cases = [
    refuse({ type: "unsupported", instruction: 0, reason: "because" }, wide),
    refuse({ type: "data", instruction: 0, map: "h", offset: 0 }, wide),
    refuse({ type: "map", instruction: 2, map: "h" }, wide),
    refuse({ type: "call", instruction: 0, callee: 5, entry: 0 }, "call +0\nexit".replace("+0", "pc+0")),
    refuse({ type: "map", instruction: 9, map: "h" }, wide),
  ];
  const messages = [/because/, /holds variables but is no array/, /whole 64-bit load/, /not in the object/, /outside/];
  cases.forEach((attempt, index) => {
    const message = messages[index] ?? assert.fail();
    assert.throws(attempt, (error) => error instanceof AnyctxError && message.test(error.message), String(message));
  });
});

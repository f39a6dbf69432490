/** Every opcode row, run by both engines on random operands: same registers, same memory, same refusal. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { AnyctxError } from "../../error.ts";
import { linkProgram } from "../link.ts";
import { specOfInstructions } from "../object/spec.ts";
import { CONTEXT, CPU, ENGINES, fakeHost, STACK_TOP } from "../testing.ts";
import { assemble } from "./assemble.ts";
import { type Instruction, isWide, OPERATIONS, type Operation, wideTail } from "./instructions.ts";

const REGISTER_VALUES = [0n, 1n, 2n ** 31n, 2n ** 32n - 1n, 2n ** 63n, 2n ** 64n - 1n];
const value64 = fc.oneof(fc.constantFrom(...REGISTER_VALUES), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }));
const value32 = fc.oneof(fc.constantFrom(0, 1, -1, -(2 ** 31), 2 ** 31 - 1), fc.integer());

/** Where atomics and stores may go: 8-aligned context cells. */
const CELLS = 8;

function wide(register: number, value: bigint): Instruction[] {
  return [{ code: 0x18, dst: register, src: 0, offset: 0, imm: Number(BigInt.asIntN(32, value)) }, wideTail(value)];
}

const JUMPS: ReadonlySet<string> = new Set(["branch", "goto", "mayGoto"]);

/** Runs the operation on given operands and reports r0, r3, r4 and the context in one number's worth of memory. */
function programFor(operation: Operation, slot: Instruction, a: bigint, b: bigint, r0: bigint): Instruction[] {
  const { effect } = operation;
  const memory = effect.type === "load" || effect.type === "store" || effect.type === "atomic";
  const body: Instruction[] = isWide(slot) ? [slot, wideTail(a)] : [slot];
  const branch = JUMPS.has(effect.type);
  return [
    ...assemble("r6 = r1"),
    ...wide(3, a),
    ...wide(4, b),
    ...wide(0, r0),
    // The pointer of a memory operation goes where its slot says the pointer is.
    ...(memory ? assemble(effect.type === "load" ? "r4 = r6" : "r3 = r6") : []),
    ...body,
    ...(branch ? assemble("r0 = 100\nr0 += 23") : []),
    ...assemble(memory ? "" : "*(u64 *)(r6 + 48) = r3"),
    ...assemble(effect.type === "load" ? "*(u64 *)(r6 + 48) = r3" : "*(u64 *)(r6 + 56) = r4"),
    ...assemble("exit"),
  ];
}

/** Loads from the packet are in test/packet-loads.test.ts. */
const RUNNABLE = OPERATIONS.filter(({ effect }) => !["refused", "call", "exit", "packet"].includes(effect.type));

function slotFor(operation: Operation, imm: number, cell: number): Instruction {
  const { effect } = operation;
  const offset = JUMPS.has(effect.type) ? 1 : effect.type === "alu" ? operation.offset : cell * CELLS;
  return {
    code: operation.code,
    dst: operation.dst === "any" ? 3 : operation.dst,
    src: operation.src === "any" ? 4 : operation.src,
    offset: operation.offset === "any" || effect.type === "alu" ? Number(offset) : operation.offset,
    imm: operation.imm === "any" ? (effect.type === "goto" ? 1 : imm) : operation.imm,
  };
}

for (const operation of RUNNABLE) {
  if (operation.effect.type === "constant" && operation.effect.holds !== "number") continue; // helpers.test.ts, callbacks.test.ts
  test(`${operation.name} gives the same by interpreter and JIT`, () => {
    const context = fc.uint8Array({ minLength: 64, maxLength: 64 });
    fc.assert(
      fc.property(value64, value64, value64, value32, fc.nat({ max: 4 }), context, (a, b, r0, imm, cell, bytes) => {
        const program = programFor(operation, slotFor(operation, imm, cell), a, b, r0);
        const linked = linkProgram(specOfInstructions("row", program), "row", new Map());
        const [interpreted, compiled] = ENGINES.map(({ make }) => {
          const host = fakeHost();
          host.setContext(bytes);
          const result = make(linked, host)(CONTEXT, CPU, STACK_TOP);
          return { result, memory: Buffer.from(host.bytes.slice(CONTEXT, CONTEXT + 64)).toString("hex") };
        });
        assert.deepEqual(compiled, interpreted);
      }),
      { numRuns: 12 },
    );
  });
}

test("rows that are refused are refused when linked, with their reason", () => {
  for (const operation of OPERATIONS) {
    const { effect } = operation;
    if (effect.type !== "refused") continue;
    const slot = slotFor(operation, 1, 0);
    const program = [slot, ...(isWide(slot) ? [wideTail(0n)] : []), ...assemble("exit")];
    assert.throws(
      () => linkProgram(specOfInstructions("row", program), "row", new Map()),
      (error) => error instanceof AnyctxError && error.code === "UNSUPPORTED" && error.message.includes(effect.reason),
      operation.name,
    );
  }
});

/** Results that RFC 9669 states in words, so that both engines cannot be wrong together. */
const STATED: readonly (readonly [string, bigint])[] = [
  ["r0 = 7\nr1 = 0\nr0 /= r1", 0n],
  ["r0 = 7\nr1 = 0\nr0 %= r1", 7n],
  ["r0 = -7\nw1 = 0\nw0 %= w1", 0xfffffff9n],
  ["r0 = 0x8000000000000000 ll\nr1 = -1\nr0 s/= r1", 2n ** 63n],
  ["r0 = 0x8000000000000000 ll\nr1 = -1\nr0 s%= r1", 0n],
  ["w0 = -2147483648\nw1 = -1\nw0 s/= w1", 2n ** 31n],
  ["r0 = -13\nr0 s%= 3", 2n ** 64n - 1n],
  ["r0 = 1\nr1 = 65\nr0 <<= r1", 2n],
  ["w0 = 1\nw1 = 33\nw0 <<= w1", 2n],
  ["r0 = -8\nw0 s>>= 1", 0xfffffffcn],
  ["r1 = 0x80\nr0 = (s8)r1", 2n ** 64n - 128n],
  ["r1 = 0x80\nw0 = (s8)w1", 0xffffff80n],
  ["r0 = 0x0123456789abcdef ll\nr0 = be64 r0", 0xefcdab8967452301n],
  ["r0 = 0x0123456789abcdef ll\nr0 = bswap32 r0", 0xefcdab89n],
  ["r0 = 0x0123456789abcdef ll\nr0 = le16 r0", 0xcdefn],
  ["r0 = -1\nif w0 == -1 goto +1\nr0 = 5", 2n ** 64n - 1n],
];

for (const { name, make } of ENGINES)
  test(`${name}: results that RFC 9669 states`, () => {
    for (const [text, expected] of STATED) {
      const spec = specOfInstructions("stated", assemble(`${text}\nexit`));
      const run = make(linkProgram(spec, "stated", new Map()), fakeHost());
      assert.equal(run(CONTEXT, CPU, STACK_TOP), expected, text);
    }
  });

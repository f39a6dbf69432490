/** Numbers on the stack whose address nobody has are locals; all others lie in memory. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { FRAME_BYTES } from "../host.ts";
import { assemble } from "../isa/assemble.ts";
import { linkProgram } from "../link.ts";
import { specOfInstructions } from "../object/spec.ts";
import { programKind } from "../programs/table.ts";
import { CONTEXT, CPU, fakeHost, STACK_TOP } from "../testing.ts";
import { verifyProgram } from "../verifier/verify.ts";
import { compileProgram } from "./compile.ts";
import { instantiateProgram } from "./instantiate.ts";

/** Runs a program: its result, and the bytes of its frame, which were all 0xee. */
function run(text: string): { result: bigint; frame: Uint8Array } {
  const host = fakeHost();
  const spec = specOfInstructions("p", assemble(`${text}\nexit`));
  const kind = programKind("tp/sched/sched_switch");
  const programs = spec.programs.map((program) => ({ ...program, kind }));
  const found = verifyProgram(linkProgram({ ...spec, programs }, "p", host.bindings));
  assert.equal(found.verdict, "accepted", "message" in found ? found.message : "");
  const frame = host.bytes.subarray(STACK_TOP - FRAME_BYTES, STACK_TOP).fill(0xee);
  const program = "program" in found ? found.program : assert.fail();
  return { result: instantiateProgram(compileProgram(program), host)(CONTEXT, CPU, STACK_TOP, 64), frame };
}

const isUntouched = ({ frame }: { frame: Uint8Array }): boolean => frame.every((byte) => byte === 0xee);

const NUMBER = "r1 = 0x8899aabbccddeeff ll\n";

for (const [bytes, unsigned, signed] of [
  [1, 0xffn, -1n],
  [2, 0xeeffn, -0x1101n],
  [4, 0xccddeeffn, -0x33221101n],
] as const)
  test(`a number of ${bytes} bytes is cut as memory cuts it, and is in no memory`, () => {
    const bits = bytes * 8;
    const store = `${NUMBER}*(u${bits} *)(r10 - 8) = r1\n`;
    const [plain, extended] = [run(`${store}r0 = *(u${bits} *)(r10 - 8)`), run(`${store}r0 = *(s${bits} *)(r10 - 8)`)];
    assert.deepEqual([plain.result, BigInt.asIntN(64, extended.result)], [unsigned, signed]);
    assert.ok(isUntouched(plain) && isUntouched(extended));
  });

test("what overlaps, is read by another size, or has an address, is in memory", () => {
  const stored = `${NUMBER}*(u64 *)(r10 - 8) = r1\n`;
  const rows: [string, bigint][] = [
    [`${stored}r0 = *(u32 *)(r10 - 8)`, 0xccddeeffn],
    [`${stored}r0 = *(u32 *)(r10 - 4)`, 0x8899aabbn],
    [`${stored}r2 = r10\nr0 = *(u64 *)(r2 - 8)`, 0x8899aabbccddeeffn],
    [`${stored}*(u64 *)(r10 - 16) = r10\nr2 = *(u64 *)(r10 - 16)\nr0 = *(u64 *)(r2 - 8)`, 0x8899aabbccddeeffn],
    [`${stored}r2 = 1\nlock *(u64 *)(r10 - 8) += r2\nr0 = *(u64 *)(r10 - 8)`, 0x8899aabbccddef00n],
  ];
  for (const [text, expected] of rows) {
    const ended = run(text);
    assert.deepEqual([ended.result, isUntouched(ended)], [expected, false], text);
  }
});

test("only what overlaps is in memory", () => {
  const { result, frame } = run(
    `${NUMBER}*(u64 *)(r10 - 8) = r1\n*(u32 *)(r10 - 16) = r1\n*(u16 *)(r10 - 14) = 1\nr0 = *(u64 *)(r10 - 8)`,
  );
  assert.equal(result, 0x8899aabbccddeeffn);
  assert.deepEqual([...frame.subarray(-16)], [0xff, 0xee, 1, 0, ...new Array<number>(12).fill(0xee)]);
});

test("property: loads and stores of any size and place do what memory does", () => {
  const size = fc.constantFrom(1, 2, 4, 8);
  const place = fc.tuple(size, fc.nat({ max: 7 })).map(([bytes, at]) => ({ bytes, at: at * 8 + (bytes % 8) }));
  const step = fc.record({ place, imm: fc.integer(), loads: fc.boolean() });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 24 }), (steps) => {
      const memory = new DataView(new ArrayBuffer(80));
      const lines = ["r0 = 0"];
      let sum = 0n;
      for (const { place, imm, loads } of steps) {
        const { bytes, at } = place;
        const cell = `*(u${bytes * 8} *)(r10 - ${80 - at})`;
        lines.push(`${cell} = ${imm}`);
        for (let index = 0; index < bytes; index++)
          memory.setUint8(at + index, Number((BigInt(imm) >> BigInt(index * 8)) & 0xffn));
        if (!loads) continue;
        lines.push(`r1 = ${cell}`, "r0 *= 31", "r0 += r1");
        let value = 0n;
        for (let index = bytes; index-- > 0; ) value = (value << 8n) | BigInt(memory.getUint8(at + index));
        sum = BigInt.asUintN(64, sum * 31n + value);
      }
      assert.equal(run(lines.join("\n")).result, sum);
    }),
    { numRuns: 200 },
  );
});

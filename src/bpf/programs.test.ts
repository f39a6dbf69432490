/**
 * Random programs by both engines.
 *
 * Strategy: blocks of random arithmetic, stack and context accesses, joined by random branches in any direction (so
 * nested, overlapping and irreducible loops all occur), with a counter in r9 that ends every run.
 * Invariant: r0 and the memory are the same by interpreter and JIT, or both refuse.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { AnyctxError } from "../error.ts";
import { assemble } from "./isa/assemble.ts";
import { linkProgram } from "./link.ts";
import { specOfInstructions } from "./object/spec.ts";
import { CONTEXT, CPU, ENGINES, fakeHost, STACK_TOP } from "./testing.ts";

const register = fc.integer({ min: 0, max: 5 });
const number = fc.oneof(fc.integer({ min: -9, max: 9 }), fc.integer());
const operator = fc.constantFrom(
  "+=",
  "-=",
  "*=",
  "/=",
  "s/=",
  "%=",
  "s%=",
  "|=",
  "&=",
  "^=",
  "<<=",
  ">>=",
  "s>>=",
  "=",
);
const cell = fc.integer({ min: 0, max: 7 }).map((index) => index * 8);
const size = fc.constantFrom("u8", "u16", "u32", "u64");

const line = fc.oneof(
  fc.tuple(register, operator, register).map(([a, op, b]) => `r${a} ${op} r${b}`),
  fc.tuple(register, operator, number).map(([a, op, b]) => `r${a} ${op} ${b}`),
  fc.tuple(register, operator, register).map(([a, op, b]) => `w${a} ${op} w${b}`),
  fc.tuple(size, cell, register).map(([type, at, a]) => `*(${type} *)(r10 - ${at + 8}) = r${a}`),
  fc.tuple(size, cell, register).map(([type, at, a]) => `r${a} = *(${type} *)(r10 - ${at + 8})`),
  fc.tuple(size, cell, register).map(([type, at, a]) => `*(${type} *)(r6 + ${at}) = r${a}`),
  fc.tuple(size, cell, register).map(([type, at, a]) => `r${a} = *(${type} *)(r6 + ${at})`),
  fc.tuple(cell, register).map(([at, a]) => `r${a} = atomic_fetch_add((u64 *)(r6 + ${at}), r${a})`),
  fc
    .tuple(register, fc.constantFrom("be16", "be32", "be64", "bswap64", "le32"))
    .map(([a, op]) => `r${a} = ${op} r${a}`),
  // A pointer to the stack that moves with data: checked at run time.
  fc.tuple(register, register).map(([a, b]) => `r8 = r${a}\nr8 &= 56\nr7 = r10\nr7 -= r8\nr${b} = *(u64 *)(r7 - 8)`),
  // The context pointer through a spill slot.
  fc.tuple(register).map(([a]) => `*(u64 *)(r10 - 80) = r6\nr7 = *(u64 *)(r10 - 80)\nr${a} = *(u32 *)(r7 + 4)`),
);

const comparison = fc.constantFrom("==", "!=", ">", ">=", "<", "<=", "s>", "s>=", "s<", "s<=", "&");

interface Part {
  readonly lines: readonly string[];
  readonly jump: { readonly text: string; readonly to: number } | undefined;
}

const part = (count: number): fc.Arbitrary<Part> =>
  fc.record({
    lines: fc.array(line, { maxLength: 6 }),
    jump: fc.option(
      fc.record({
        text: fc
          .tuple(
            fc.constantFrom("r", "w"),
            register,
            comparison,
            fc.oneof(
              number,
              register.map((r) => `r${r}`),
            ),
          )
          .map(([kind, a, op, b]) => `if ${kind}${a} ${op} ${String(b).replace("r", kind)} goto`),
        to: fc.nat({ max: count }),
      }),
      { nil: undefined },
    ),
  });

const program = fc.integer({ min: 1, max: 9 }).chain((count) =>
  fc.array(part(count), { minLength: count, maxLength: count }).map((parts) => {
    const blocks = parts.flatMap(({ lines, jump }, index) => [
      `b${index}:`,
      "r9 -= 1",
      "if r9 s<= 0 goto done",
      ...lines,
      ...(jump === undefined ? [] : [`${jump.text} ${jump.to < count ? `b${jump.to}` : "done"}`]),
    ]);
    const start = "r6 = r1\nr9 = 40\nr7 = 0\nr8 = 0\nr0 = 1\nr1 = 2\nr2 = 3\nr3 = 4\nr4 = 5\nr5 = 6";
    return [start, ...blocks, "done:", "exit"].join("\n");
  }),
);

const CONTEXT_BYTES = 64;

function outcome(text: string, bytes: Uint8Array, engine: (typeof ENGINES)[number]) {
  const host = fakeHost();
  host.setContext(bytes);
  const linked = linkProgram(specOfInstructions("random", assemble(text)), "random", new Map());
  const result = engine.make(linked, host)(CONTEXT, CPU, STACK_TOP);
  const memory = Buffer.from(host.bytes.slice(CONTEXT, CONTEXT + CONTEXT_BYTES)).toString("hex");
  const stack = Buffer.from(host.bytes.slice(STACK_TOP - 96, STACK_TOP)).toString("hex");
  return { result, memory, stack };
}

test("random branching programs give the same by interpreter and JIT", () => {
  const context = fc.uint8Array({ minLength: CONTEXT_BYTES, maxLength: CONTEXT_BYTES });
  fc.assert(
    fc.property(program, context, (text, bytes) => {
      const [interpreted, compiled] = ENGINES.map((engine) => outcome(text, bytes, engine));
      assert.deepEqual(compiled, interpreted);
    }),
    { numRuns: 300 },
  );
});

function run(text: string, engine: (typeof ENGINES)[number], context: Uint8Array = new Uint8Array(16)): bigint {
  return outcome(text, context, engine).result;
}

const fails = (code: string, message: RegExp) => (error: unknown) =>
  error instanceof AnyctxError && error.code === code && message.test(error.message);

/** Two loops that enter each other's middle: no dominator holds them together. */
const IRREDUCIBLE = `
  r0 = 0
  r2 = *(u32 *)(r1 + 0)
  if r2 > 5 goto b
  a:
  r0 += 3
  if r0 > 50 goto done
  b:
  r0 += 4
  if r0 <= 60 goto a
  done:
  exit`;

const FIBONACCI = `
  r1 = 10
  call fibonacci_pair
  exit
  fibonacci_pair:
  r0 = 0
  r2 = 1
  loop:
  r3 = r0
  r3 += r2
  r0 = r2
  r2 = r3
  r1 -= 1
  if r1 != 0 goto loop
  exit`;

for (const engine of ENGINES) {
  test(`${engine.name}: an irreducible loop runs`, () => {
    assert.equal(run(IRREDUCIBLE, engine), 52n);
    assert.equal(run(IRREDUCIBLE, engine, Uint8Array.from([9, ...new Uint8Array(15)])), 56n);
  });

  test(`${engine.name}: functions have registers and a frame of their own`, () => {
    assert.equal(run(FIBONACCI, engine), 55n);
    const frames = `
      r6 = 1
      *(u64 *)(r10 - 8) = 11
      r1 = r10
      call callee
      r1 = *(u64 *)(r10 - 8)
      r0 += r1
      r0 += r6
      exit
      callee:
      r6 = 100
      *(u64 *)(r10 - 8) = 1000
      *(u64 *)(r1 - 8) = 12
      r0 = *(u64 *)(r10 - 8)
      exit`;
    assert.equal(run(frames, engine), 1013n);
  });

  test(`${engine.name}: who writes to r10 is stopped, and not before`, () => {
    const written = "if r1 == 0 goto +1\nr10 = 0\nr0 = 3\nexit";
    assert.throws(() => run(written, engine), /it writes to r10, the frame pointer, which is read-only/);
    assert.equal(run(`r1 = 0\n${written}`, engine), 3n);
  });

  test(`${engine.name}: an endless loop is stopped`, () => {
    assert.throws(() => run("l:\ngoto l\nexit", engine), fails("ETIMEDOUT", /program random was stopped after/));
    const nested = "o:\nr6 = 3000\ni:\nr6 -= 1\nif r6 != 0 goto i\ncall f\ngoto o\nf:\nr0 = 0\nexit";
    assert.throws(() => run(nested, engine), fails("ETIMEDOUT", /endless/));
  });

  test(`${engine.name}: accesses outside what a program may touch are refused with the instruction`, () => {
    const cases: readonly string[] = [
      "r1 = 0\nr0 = *(u64 *)(r1 + 8)\nexit",
      "r1 = -1\n*(u8 *)(r1 + 0) = 1\nexit",
      "r1 = 0x100000000 ll\nr0 = *(u8 *)(r1 + 0)\nexit",
      "r1 = r10\nr0 = *(u64 *)(r1 + 0)\nexit",
      "r1 = r10\nr0 = *(u64 *)(r1 - 520)\nexit",
      "r1 = 4096\nr0 = 1\nlock *(u64 *)(r1 + 0) += r0\nexit",
      "r0 = *(u64 *)(r10 - 8)\nr1 = r10\nr1 += -4\nr0 = *(u64 *)(r1 + 0)\nexit",
    ];
    for (const text of cases)
      assert.throws(() => run(text, engine), fails("EFAULT", /program random, instruction \d+ \(.+\): it/), text);
  });

  test(`${engine.name}: memory that does not exist and misaligned atomics are refused`, () => {
    assert.throws(() => run("r1 = 0xfffffff0 ll\nr0 = *(u64 *)(r1 + 0)\nexit", engine), fails("EFAULT", /random/));
    const misaligned = "r0 = 1\nr1 += 1\nlock *(u32 *)(r1 + 0) += w0\nexit";
    assert.throws(() => run(misaligned, engine), fails("EFAULT", /random/));
  });
}

test("only the interpreter knows exactly how large the context is", () => {
  const [interpreter] = ENGINES;
  assert.ok(interpreter !== undefined);
  assert.equal(run("r0 = *(u64 *)(r1 + 8)\nexit", interpreter), 0n);
  const beyond = "r0 = *(u64 *)(r1 + 9)\nexit";
  assert.throws(() => run(beyond, interpreter), fails("EFAULT", /reads 8 bytes at address 0x11049/));
});

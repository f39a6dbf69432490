/** What the verifier has proven costs no check, and what nobody has verified writes to what is its own only. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { AnyctxError } from "../../error.ts";
import { assemble } from "../isa/assemble.ts";
import { linkProgram } from "../link.ts";
import type { LinkedProgram } from "../linked.ts";
import { specOfInstructions } from "../object/spec.ts";
import { programKind } from "../programs/table.ts";
import { CONTEXT, CPU, fakeHost, STACK_TOP } from "../testing.ts";
import { verifyProgram } from "../verifier/verify.ts";
import { compileProgram } from "./compile.ts";
import { instantiateProgram } from "./instantiate.ts";

type Host = ReturnType<typeof fakeHost>;

function linked(text: string, host: Host, section = "tp/sched/sched_switch"): LinkedProgram {
  const spec = specOfInstructions("p", assemble(text));
  const kind = programKind(section);
  return linkProgram({ ...spec, programs: spec.programs.map((program) => ({ ...program, kind })) }, "p", host.bindings);
}

function verified(program: LinkedProgram): LinkedProgram {
  const found = verifyProgram(program);
  return found.verdict === "accepted" ? found.program : assert.fail(found.message);
}

function run(program: LinkedProgram, host: Host, bytes = 64): bigint {
  return instantiateProgram(compileProgram(program), host)(CONTEXT, CPU, STACK_TOP, bytes);
}

function isFault(error: unknown): boolean {
  return error instanceof AnyctxError && error.code === "EFAULT";
}

/** Writes to a byte of a value that the context says, in a loop, and reads it. */
const INDEXED = (map: number): string => `r6 = *(u64 *)(r1 + 8)
*(u32 *)(r10 - 4) = 0
r2 = r10
r2 += -4
r1 = map(${map}) ll
call map_lookup_elem
if r0 == 0 goto out
r7 = 0
l:
r6 &= 15
r1 = r0
r1 += r6
*(u8 *)(r1 + 0) = 7
r7 += 1
if r7 < 100 goto l
r0 = *(u8 *)(r1 + 0)
out:
exit`;

test("proven accesses and loops have no checks, and do the same", () => {
  const host = fakeHost();
  const { address } = host.add({ name: "a", bpfType: 2, valueSize: 16 });
  const program = linked(INDEXED(address), host);
  const [checked, proven] = [compileProgram(program), compileProgram(verified(program))];
  assert.ok(proven.bytes < checked.bytes * 0.9, `${proven.bytes} of ${checked.bytes}`);
  assert.deepEqual([proven.confined, checked.confined], [false, true]);
  assert.deepEqual([run(program, host), run(verified(program), host)], [7n, 7n]);
});

test("an unverified program writes to values that it has looked up, wherever in them", () => {
  for (const bpfType of [1, 2]) {
    const host = fakeHost();
    const { address } = host.add({ name: "a", bpfType, valueSize: 16 });
    host.view.setUint32(STACK_TOP, 0, true);
    host.core["hashUpdate"]?.(address, STACK_TOP, STACK_TOP, 0);
    assert.equal(run(linked(INDEXED(address), host), host), 7n);
  }
});

test("it writes to nothing else that lies in memory, by itself or through a helper", () => {
  const host = fakeHost();
  host.add({ name: "a", bpfType: 1 });
  const target = 0x40800;
  for (const text of [
    `r1 = ${target}\n*(u64 *)(r1 + 0) = 1\nr0 = 0\nexit`,
    `r1 = ${target}\nr2 = *(u64 *)(r1 + 0)\n*(u64 *)(r1 + 0) = 1\nr0 = 0\nexit`,
    `r1 = ${target}\nr2 = 1\nlock *(u64 *)(r1 + 0) += r2\nr0 = 0\nexit`,
    `r1 = ${target}\nr2 = 8\ncall get_current_comm\nr0 = 0\nexit`,
  ]) {
    const before = host.view.getBigUint64(target, true);
    assert.throws(() => run(linked(text, host), host), isFault, text);
    assert.equal(host.view.getBigUint64(target, true), before);
  }
});

test("a context whose length only a run knows ends where it ends", () => {
  const host = fakeHost();
  const text = "r0 = *(u64 *)(r1 + 16)\nexit";
  const open = linked(text, host, "tp/made/up");
  for (const program of [open, verified(open)]) {
    assert.throws(() => run(program, host, 23), isFault);
    assert.equal(run(program, host, 24), host.view.getBigUint64(CONTEXT + 16, true));
  }
});

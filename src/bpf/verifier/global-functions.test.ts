/** Where global functions may be called: as Linux 6.18 has it, which was offered the same in C. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { assemble } from "../isa/assemble.ts";
import { linkProgram } from "../link.ts";
import type { Subprogram } from "../linked.ts";
import { specOfInstructions } from "../object/spec.ts";
import { programKind } from "../programs/table.ts";
import { type Accepted, type Refused, verifyProgram } from "./verify.ts";

const FUNCTIONS = `
through:
  call sleeping
  exit
sleeping:
  r1 = r10
  r1 += -8
  *(u64 *)(r10 - 8) = 0
  w2 = 8
  r3 = 0
  call copy_from_user
  r0 = 0
  exit
plain:
  call ktime_get_ns
  exit`;

/** A program that may sleep, and calls a global function that takes a number within a section. */
function verify(name: string, begin = "", end = ""): Accepted | Refused {
  const program = `${begin}\nr1 = 1\ncall ${name}\n${end}\nr0 = 0\nexit${FUNCTIONS}`;
  const spec = specOfInstructions("p", assemble(program));
  const programs = spec.programs.map((each) => ({ ...each, kind: programKind("syscall"), section: "syscall" }));
  const linked = linkProgram({ ...spec, programs }, "p", new Map());
  const [main, ...functions] = linked.subprograms;
  const takes = [{ type: "number" }] as const;
  return verifyProgram({
    ...linked,
    subprograms: [main as Subprogram, ...functions.map((each) => ({ ...each, takes }))],
  });
}

for (const [section, begin, end] of [
  ["an RCU read section", "call bpf_rcu_read_lock", "call bpf_rcu_read_unlock"],
  ["a section without preemption", "call bpf_preempt_disable", "call bpf_preempt_enable"],
] as const) {
  test(`in ${section} a global function may be called`, () => {
    assert.equal(verify("plain", begin, end).verdict, "accepted");
  });

  for (const name of ["sleeping", "through"])
    test(`in ${section} ${name}() may not: it may sleep`, () => {
      const { category, message } = verify(name, begin, end) as Refused;
      assert.equal(category, "sleep");
      assert.match(message, new RegExp(`may sleep, and is called in ${section}$`));
    });
}

test("a program that may sleep calls a global function that may", () => {
  assert.equal(verify("through").verdict, "accepted");
});

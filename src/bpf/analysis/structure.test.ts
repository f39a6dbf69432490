import assert from "node:assert/strict";
import { test } from "node:test";
import { AnyctxError } from "../../error.ts";
import { HELPERS } from "../helpers/table.ts";
import { assemble } from "../isa/assemble.ts";
import type { ProgramKind } from "../programs/program-type.ts";
import { programKind, programType } from "../programs/table.ts";
import { validate } from "./structure.ts";

function helpersOf(text: string, kind: ProgramKind | undefined): readonly number[] {
  const placed = [{ name: "p", start: 0 }];
  return validate({ object: "o", program: "p", kind, instructions: assemble(text), maps: [], placed }).helpers;
}

function kindOf(section: string): ProgramKind {
  const kind = programKind(section);
  return "reason" in kind ? assert.fail(kind.reason) : kind;
}

test("a program calls the helpers whose rows have it among their callers", () => {
  for (const section of ["tp/a/b", "cgroup/connect4", "iter/task", "xdp"]) {
    const kind = kindOf(section);
    const caller = programType(kind).caller(kind.target) ?? assert.fail(section);
    for (const { id, name, callers } of HELPERS) {
      const call = `call ${name}\nexit`;
      const refused = (error: unknown): boolean =>
        error instanceof AnyctxError &&
        error.code === "UNSUPPORTED" &&
        error.message.includes(`(call ${name}): helper ${name} is not for programs of type ${caller}`);
      if (callers?.includes(caller) ?? true) assert.deepEqual(helpersOf(call, kind), [id]);
      else assert.throws(() => helpersOf(call, kind), refused, `${section}: ${name}`);
    }
  }
});

test("a program of no type calls all, and so does one that stands in for any other", () => {
  for (const { id, name } of HELPERS)
    for (const kind of [undefined, kindOf("freplace/f")]) assert.deepEqual(helpersOf(`call ${name}\nexit`, kind), [id]);
});

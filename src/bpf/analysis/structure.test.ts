import assert from "node:assert/strict";
import { test } from "node:test";
import { AnyctxError } from "../../error.ts";
import { HELPERS } from "../helpers/table.ts";
import { assemble } from "../isa/assemble.ts";
import type { ProgramType } from "../programs/program-type.ts";
import { RAW_TRACEPOINT } from "../programs/raw-tracepoint.ts";
import { TRACEPOINT } from "../programs/tracepoint.ts";
import { validate } from "./structure.ts";

function helpersOf(text: string, type: ProgramType | undefined): readonly number[] {
  const placed = [{ name: "p", start: 0 }];
  return validate({ object: "o", program: "p", type, instructions: assemble(text), maps: [], placed }).helpers;
}

test("a program calls helpers of its type's groups only", () => {
  const onlyBase: ProgramType = { ...TRACEPOINT, name: "made_up", helpers: ["base"] };
  for (const { id, name, group, onlyFor } of HELPERS) {
    const call = `call ${name}\nexit`;
    assert.deepEqual(helpersOf(call, undefined), [id]);
    const refused = (error: unknown): boolean =>
      error instanceof AnyctxError &&
      error.code === "UNSUPPORTED" &&
      error.message.includes(`instruction 0 (call ${name}): helper ${name} is not for programs of type made_up`);
    if (group === "base" && onlyFor === undefined) assert.deepEqual(helpersOf(call, onlyBase), [id]);
    else assert.throws(() => helpersOf(call, onlyBase), refused, name);
  }
});

test("tracing programs may call every helper but those on packets and those that say so", () => {
  for (const type of [TRACEPOINT, RAW_TRACEPOINT])
    for (const { id, name, notFor, onlyFor } of HELPERS.filter(({ group }) => type.helpers.includes(group)))
      if (notFor?.includes(type.name) === true || onlyFor?.includes(type.name) === false)
        assert.throws(() => helpersOf(`call ${name}\nexit`, type), /is not for/);
      else assert.deepEqual(helpersOf(`call ${name}\nexit`, type), [id]);
});

/** Helpers' rows against the core that carries them out: what programs import is what the core exports. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { MAP_KINDS } from "../../maps/kinds.ts";
import { SIGNATURES } from "../../wasm/face.ts";
import { signatureOf } from "./helper.ts";
import { HELPERS } from "./table.ts";

const EXPORTED: Readonly<Record<string, unknown>> = SIGNATURES;

test("every core function that a helper calls has the types of the helper's row", () => {
  for (const helper of HELPERS) {
    const { action, name } = helper;
    if (action.type === "core") assert.deepEqual(EXPORTED[action.name], signatureOf(helper), name);
    if (action.type !== "map") continue;
    for (const { type, program } of MAP_KINDS) {
      const callee: string | undefined = program[action.role];
      if (callee !== undefined)
        assert.deepEqual(EXPORTED[callee], signatureOf(helper), `${name} of ${type}: ${callee}`);
    }
  }
});

/** The one error of the control plane. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { AnyctxError } from "./error.ts";

test("a message is one line, whatever names are in it", () => {
  const cause = new Error("below");
  const error = new AnyctxError("BAD_OBJECT", "section a\nb\r\u001b[2J: no\ttab é", { cause });
  assert.equal(error.message, "section a\\x0ab\\x0d\\x1b[2J: no\ttab é");
  assert.deepEqual([error.name, error.code, error.cause], ["AnyctxError", "BAD_OBJECT", cause]);
});

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { withKinds } from "./kinds.ts";

test("docs/maps.md has the table that npm run kinds writes", () => {
  const document = readFileSync("docs/maps.md", "utf8");
  assert.ok(document.includes("| `ordered` |"));
  assert.equal(document, withKinds(document));
});

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { withSources } from "./event-sources.ts";

test("docs/events.md has the tables that npm run event-sources writes", () => {
  const document = readFileSync("docs/events.md", "utf8");
  assert.ok(document.includes("| `tracedat` |"));
  assert.equal(document, withSources(document));
});

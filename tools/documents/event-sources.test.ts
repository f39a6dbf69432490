import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { MADE, withSources } from "./event-sources.ts";

for (const [path, parts] of Object.entries(MADE))
  test(`${path} has the tables that npm run event-sources writes`, () => {
    const document = readFileSync(path, "utf8");
    for (const name of Object.keys(parts)) assert.ok(document.includes(`<!-- ${name}: `), name);
    assert.equal(document, withSources(document, parts));
  });

import assert from "node:assert/strict";
import { test } from "node:test";
import { describeApi, readSnapshot } from "./api.ts";

test("the public API is what test/api.txt says; if the change is meant, `npm run api` writes it anew", () => {
  assert.equal(describeApi(), readSnapshot());
});

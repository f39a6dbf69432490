/** Where the pages in use end: what a snapshot of an arena has to keep. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Arena } from "../arena/arena.ts";
import { endOfUse } from "./pages.ts";

test("the end of use follows the last page that anybody has, and what lies behind is none of anybody's", async () => {
  const arena = await Arena.create({ cpus: 1, maximumBytes: 2 ** 31 });
  const end = (): number => endOfUse((at) => arena.word(at));
  const before = end();
  assert.ok(before < 32 << 20, `${before} bytes of an arena that has nothing`);
  const [first, last] = [arena.allocate(100_000), arena.allocate(3 << 20)];
  assert.ok(end() >= last + (3 << 20) && end() < last + (4 << 20));
  arena.core.freeBytes(first);
  assert.ok(end() >= last + (3 << 20), "what is free in between is kept");
  arena.core.freeBytes(last);
  assert.ok(end() <= first + (1 << 20));
});

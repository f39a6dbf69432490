/** Whether a memory is large enough for plays. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Arena } from "../arena/arena.ts";
import { hasRoom } from "./snapshot.ts";

test("a memory that has not what plays may use is told from one that has, and nothing of it is kept", async () => {
  for (const [maximumBytes, has] of [
    [1 << 22, false],
    [1 << 24, true],
  ] as const) {
    const arena = await Arena.create({ cpus: 1, maximumBytes });
    const before = arena.core.pagesInUse();
    assert.equal(hasRoom(arena, [], 10), has, `${maximumBytes}`);
    arena.core.trimSlabs();
    assert.equal(arena.core.pagesInUse(), before);
  }
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { CONTEXTS, contextOf, LEVELS } from "./record.ts";

test("every context is named by a level and flags", () => {
  const all = LEVELS.flatMap((_, level) => [contextOf(level, 0), contextOf(level, 1)]);
  assert.deepEqual([...new Set(all)].sort(), [...CONTEXTS].sort());
  assert.deepEqual([contextOf(0, 2), contextOf(0, 3), contextOf(1, 1)], ["task", "irqsOff", "softirq"]);
});

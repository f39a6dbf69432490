import assert from "node:assert/strict";
import { test } from "node:test";
import { ERRNO } from "../../error.ts";
import { INSERTS, measureContexts } from "./contexts.ts";

/**
 * The seed's table, and what Linux 6.18 was measured to do: 4 inserts on a fresh map, 48 after a refill, where nothing
 * may refill inside the context. On PREEMPT_RT that is everywhere.
 */
const REFILLS_INSIDE = new Set(["task", "softirq"]);

const cells = await measureContexts();

test("every cell of the context table was measured: two profiles, RT and not, five contexts", () => {
  const names = cells.map(({ profile, realTime, context }) => `${profile} ${realTime} ${context}`);
  assert.equal(new Set(names).size, 20);
});

for (const { profile, realTime, context, first, second, errno, refilledInside } of cells)
  test(`profile ${profile}, ${realTime ? "RT" : "non-RT"}, ${context}`, () => {
    if (!realTime && REFILLS_INSIDE.has(context)) {
      assert.deepEqual([first, second, errno, refilledInside], [INSERTS, INSERTS, 0, true]);
      return;
    }
    assert.deepEqual([first, second, errno, refilledInside], [4, 48, -ERRNO.ENOMEM, false]);
  });

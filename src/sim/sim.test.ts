/** The parts of the machine, and the library as its users have it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { checkHistory, type Operation } from "./checks/linearizable.ts";
import { checkObjects, Finding, interrupt, Objects, replay, type Scenario, simulate, task } from "./index.ts";
import { formatSchedule, parseSchedule } from "./schedule.ts";

test("a schedule is read as it was written", () => {
  const decisions = [
    { fiber: -1, step: 0, to: 1 },
    { fiber: 1, step: 17, to: 0 },
  ];
  assert.equal(formatSchedule(decisions), "-1@end>1,1@17>0");
  assert.deepEqual(parseSchedule("-1@end>1,1@17>0"), decisions);
  assert.deepEqual(parseSchedule("none"), []);
  assert.equal(parseSchedule("1@x>2"), undefined);
});

const update = (value: number, called: number, returned: number): Operation => ({
  what: { type: "update", key: 1, flags: 0, value },
  called,
  returned,
  result: { errno: 0, value: 0 },
});
const get = (value: number, called: number, returned: number): Operation => ({
  what: { type: "get", key: 1 },
  called,
  returned,
  result: value === 0 ? { errno: -2, value: 0 } : { errno: 0, value },
});

test("a history that no order explains is refused, one that some order explains is not", () => {
  checkHistory([update(5, 0, 3), get(0, 1, 2)], new Map([[1, 5]]));
  checkHistory([update(5, 0, 3), get(5, 1, 2)], new Map([[1, 5]]));
  assert.throws(() => checkHistory([update(5, 0, 1), get(0, 2, 3)], new Map([[1, 5]])), Finding);
  assert.throws(() => checkHistory([update(5, 0, 3), get(5, 1, 2), get(0, 4, 5)], new Map([[1, 5]])), Finding);
  assert.throws(() => checkHistory([update(5, 0, 1)], new Map()), Finding);
});

/** A counter that a task reads and writes in two steps, beside the core's lists. */
function counter(level: "nmi" | undefined): Scenario {
  return {
    name: "counter",
    cpus: 1,
    prepare(world) {
      const allocator = world.createAllocator(64);
      return () => {
        const objects = new Objects(world, allocator, 64);
        let count = 0;
        function* use() {
          const before = count;
          const object = yield* objects.allocate();
          if (object !== 0) yield* objects.free(object);
          count = before + 1;
        }
        return {
          fibers: level === undefined ? [task(0, use)] : [task(0, use), interrupt(level, 0, use)],
          atRest() {
            checkObjects(world, objects);
            assert.equal(count, level === undefined ? 1 : 2);
          },
        };
      };
    },
  };
}

test("simulate finds nothing where nothing is wrong", async () => {
  const { failure, complete } = await simulate(counter(undefined), { milliseconds: 50 });
  assert.equal(failure, undefined);
  assert.ok(complete);
});

test("simulate finds an update that an interrupt makes lost; replay runs its schedule again", async () => {
  const { failure } = await simulate(counter("nmi"), { milliseconds: 500 });
  assert.equal(failure?.kind, "assertion");
  assert.equal(failure?.schedule.split(",").length, 1);
  const again = await replay(counter("nmi"), failure?.schedule ?? "");
  assert.deepEqual(again?.trace, failure?.trace);
  assert.equal(await replay(counter("nmi"), "none"), undefined);
});

test("replay refuses what is no schedule", async () => {
  await assert.rejects(replay(counter("nmi"), "now"), /now is no schedule/);
});

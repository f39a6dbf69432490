/** The parts of the machine, and the library as its users have it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { CONSTANTS } from "../wasm/face.ts";
import { runScenario } from "./campaign.ts";
import { checkHistory, type Operation } from "./checks/linearizable.ts";
import { loadSimCore } from "./core.ts";
import {
  checkObjects,
  type FiberSpec,
  Finding,
  interrupt,
  Objects,
  type Place,
  replay,
  type Scenario,
  simulate,
  task,
  unreached,
  type World,
} from "./index.ts";
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
  const { failure, complete } = await simulate(counter(undefined), { milliseconds: 2000 });
  assert.equal(failure, undefined);
  assert.ok(complete);
});

test("simulate finds an update that an interrupt makes lost; replay runs its schedule again", async () => {
  const { failure } = await simulate(counter("nmi"), { milliseconds: 10_000 });
  assert.equal(failure?.kind, "assertion");
  assert.equal(failure?.schedule.split(",").length, 1);
  const again = await replay(counter("nmi"), failure?.schedule ?? "");
  assert.deepEqual(again?.trace, failure?.trace);
  assert.equal(await replay(counter("nmi"), "none"), undefined);
});

/** Frees an object while another CPU reads, with what the run has to reach. */
function freeing(reaches: readonly Place[], atRest?: (world: World) => void): Scenario {
  return {
    name: "freeing",
    cpus: 1,
    reaches,
    prepare(world) {
      const allocator = world.createAllocator(64);
      return () => {
        const objects = new Objects(world, allocator, 64);
        function* use() {
          yield* objects.freeRcu(yield* objects.allocate());
          world.saw("freed");
        }
        return { fibers: [task(0, use)], atRest: () => atRest?.(world) };
      };
    },
  };
}

test("a place that is reached is counted, one that is not is told; what prepares and checks counts for nothing", async () => {
  const places = [{ in: "cacheTake" }, { in: "startRcu", text: "acquire(word)" }, "freed"];
  const report = await simulate(freeing(places), { milliseconds: 20 });
  assert.deepEqual(unreached(report), []);
  assert.ok((report.reached["freed"] ?? 0) >= report.schedules);
  const missing = [{ in: "cacheTake", text: "no such text" }, { in: "noSuchFunction" }, { in: "createMap" }, "never"];
  const names = ["cacheTake(): no such text", "noSuchFunction()", "createMap()", "never"];
  const other = freeing(missing, (world) => world.call("createMap", 2, 4, 8, 8, 0, 0, 1));
  const begun = performance.now();
  assert.deepEqual(unreached(await simulate(other, { milliseconds: 20 })), names);
  assert.ok(performance.now() - begun < 60_000);
});

test("what would wait for ever is found", async () => {
  // As if its work had been lost: the list is there, the mark says that it is queued, and it is not.
  const lost = (world: World): void => {
    const area = world.areas[0] as number;
    const cache = world.field(CONSTANTS.SUPERBLOCK, "Superblock", "cacheSets") + CONSTANTS.SET_BYTES;
    world.setField(area, "CpuArea", "work", 0);
    world.setField(cache, "Cache", "workRaised", 1);
  };
  const { failure } = await simulate(freeing([], lost), { milliseconds: 20 });
  assert.match(failure?.message ?? "", /^workRaised of CPU 0's cache 0x\w+ is left after 24 ticks$/);
  assert.equal((await simulate(freeing([]), { milliseconds: 20 })).failure, undefined);
});

test("a body that does not do the same each time is found", async () => {
  let calls = 0;
  const scenario = freeing([]);
  const random: Scenario = {
    ...scenario,
    prepare(world) {
      const start = scenario.prepare(world);
      return () => {
        const run = start();
        const [first] = run.fibers;
        return {
          ...run,
          fibers: calls++ % 2 === 0 ? run.fibers : [...run.fibers, { ...first, name: "more" } as FiberSpec],
        };
      };
    },
  };
  const budget = { seed: 1, exhaustiveMilliseconds: 0, seedMilliseconds: 20, raceMilliseconds: 0 };
  const core = await loadSimCore();
  assert.equal(runScenario(core, random, { ...budget, replays: true }).failure?.kind, "not deterministic");
});

test("replay refuses what is no schedule", async () => {
  await assert.rejects(replay(counter("nmi"), "now"), /now is no schedule/);
});

test("wrong calls of the door: one sentence that names the argument", async () => {
  type Loose = (...given: readonly unknown[]) => Promise<unknown>;
  const [run, again] = [simulate as Loose, replay as Loose];
  const scenario = counter("nmi");
  const wrong: readonly (readonly [call: () => Promise<unknown>, says: RegExp])[] = [
    [() => run(), /^the scenario of simulate needs an object as options, not undefined$/],
    [() => run({ ...scenario, cpu: 1 }), /^the scenario of simulate has no option cpu, only name, doc, prepare, /],
    [() => run({ ...scenario, cpus: 0 }), /^the scenario of simulate needs a whole number from 1 on as cpus, not 0$/],
    [() => run({ ...scenario, prepare: 1 }), /^the scenario of simulate needs a function as prepare, not 1$/],
    [() => run({ ...scenario, name: 7 }), /^the scenario of simulate needs a text as name, not 7$/],
    [() => run({ ...scenario, profile: "windows" }), /^There is no profile "windows", only anyctx and linux$/],
    [() => run({ ...scenario, realTime: 1 }), /^the scenario of simulate needs true or false as realTime, not 1$/],
    [() => run(scenario, { milliseconds: "1" }), /^simulate needs a whole number from 0 on as milliseconds, not "1"$/],
    [() => run(scenario, { minutes: 1 }), /^simulate has no option minutes, only seed and milliseconds$/],
    [() => again(scenario), /^replay needs a text as schedule, not undefined$/],
    [() => again(5, "none"), /^the scenario of replay needs an object as options, not 5$/],
  ];
  for (const [call, message] of wrong) await assert.rejects(call, { code: "EINVAL", message }, `${message}`);
});

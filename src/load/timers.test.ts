/** Timers in virtual time, and what user space puts into maps of programs. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Arena } from "../arena/arena.ts";
import { readObject } from "../bpf/object/object.ts";
import { DirectRuns } from "./direct.ts";
import { type LoadedObject, loadSpec } from "./load.ts";
import { verifyObject } from "./verify.ts";

const OBJECT = "src/bpf/fixtures/timers.bpf.o";

async function runsOf(): Promise<{ runs: DirectRuns; loaded: LoadedObject }> {
  const arena = await Arena.create({ cpus: 1, maximumBytes: 64 << 20, seed: 1 });
  const loaded = loadSpec(arena, readObject(readFileSync(OBJECT), OBJECT), { engine: "interpreter" });
  assert.deepEqual(loaded.skipped, []);
  return { runs: new DirectRuns(arena, loaded), loaded };
}

const key = (number: number): Uint8Array => new Uint8Array(Uint32Array.of(number).buffer);

/** How often the timer of a key has fired, and when last. */
function firedOf({ maps }: LoadedObject, number: number): readonly bigint[] {
  const value = maps.find(({ spec }) => spec.name === "timers")?.map.get(key(number));
  assert.ok(value instanceof Uint8Array);
  const view = new DataView(value.buffer, value.byteOffset);
  return [view.getBigUint64(16, true), view.getBigUint64(24, true)];
}

test("timers fire as time passes, at their time, and again where they are started again", async () => {
  const { runs, loaded } = await runsOf();
  const run = (program: string, number: number) => runs.run({ program, context: key(number) }).result;
  assert.equal(run("arm", 4), 0n);
  assert.deepEqual(runs.advance(499n).printed, []);
  assert.deepEqual(firedOf(loaded, 4), [0n, 0n]);
  assert.deepEqual(runs.advance(1n).printed, ["timer 4"]);
  assert.deepEqual(firedOf(loaded, 4), [1n, 500n]);
  const { printed, error } = runs.advance(100_000n);
  assert.deepEqual([printed, error], [["timer 4", "timer 4"], undefined]);
  assert.deepEqual(firedOf(loaded, 4), [3n, 2500n]);
});

test("a timer that is cancelled does not fire, nor one whose entry is gone", async () => {
  const { runs } = await runsOf();
  const run = (program: string, number: number) => runs.run({ program, context: key(number) }).result;
  for (const number of [1, 2, 3]) assert.equal(run("arm", number), 0n);
  assert.equal(run("disarm", 1), 1n);
  assert.equal(run("disarm", 1), 0n);
  assert.equal(run("forget", 2), 0n);
  assert.deepEqual(runs.advance(600n).printed, ["timer 3"]);
});

test("a timer is not cancelled by its own function, which Linux would wait for", async () => {
  const { runs, loaded } = await runsOf();
  assert.equal(runs.run({ program: "arm_ending", context: key(5) }).result, 0n);
  assert.equal(runs.advance(500n).error, undefined);
  assert.deepEqual(firedOf(loaded, 5), [1n, BigInt.asUintN(64, -35n)]);
  assert.equal(runs.run({ program: "disarm", context: key(5) }).result, 0n);
});

test("a program goes on in what user space has put into the table, and helpers answer what they are to", async () => {
  const { runs } = await runsOf();
  const helpers = new Map([["get_current_task", 41n]]);
  assert.equal(runs.run({ program: "begins", helpers }).result, 7n);
  runs.setProgram("table", 1, "goes_on");
  assert.equal(runs.run({ program: "begins", helpers }).result, 42n);
  runs.setProgram("table", 1, "begins");
  assert.equal(runs.run({ program: "begins", helpers }).result, 7n, "after 33 of them");
  assert.throws(() => runs.setProgram("table", 2, "begins"), { code: "EINVAL", message: /places 0 to 1, not 2/ });
  assert.throws(() => runs.setProgram("timers", 0, "begins"), { code: "EINVAL", message: /no map of programs/ });
  assert.throws(() => runs.setProgram("table", 0, "none"), { code: "EINVAL", message: /no program none/ });
});

test("no program goes on in one of another type, which would take its context for its own", async () => {
  const { runs } = await runsOf();
  assert.throws(() => runs.setProgram("table", 0, "arm"), {
    code: "EINVAL",
    message: "arm cannot be put into table: a program of another type than syscall goes on by it",
  });
});

test("a timer, or a workqueue, belongs to the map whose value it is in", () => {
  const object = readObject(readFileSync("src/bpf/fixtures/owners.bpf.o"), "owners");
  const messages = Object.fromEntries(
    verifyObject(object).map(({ program, message }) => [program, message ?? "accepted"]),
  );
  for (const program of ["own_timer", "own_queue"]) assert.equal(messages[program], "accepted");
  for (const program of ["anothers_timer", "anothers_queue"])
    assert.match(messages[program] ?? "", /is given (timer|queue) of a value of map mine and map others/);
});

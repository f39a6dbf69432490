/** Workqueues: works run as tasks once a program has ended, each once for each time that it was started. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Arena } from "../arena/arena.ts";
import { loadObject } from "./typed-object.ts";

interface Works {
  maps: { works: { key: number; value: { done: bigint } } };
  globals: { again: number };
  programs: "begin" | "forgets" | "refused";
}

const arena = await Arena.create({ maximumBytes: 64 << 20 });
const load = () => loadObject<Works>(arena, readFileSync("src/bpf/fixtures/workqueues.bpf.o"));

test("works run when the program has ended, and what they start when time passes", async () => {
  const object = await load();
  object.globals.again = 1;
  const { result, error, printed } = object.programs.begin.run({ context: "nmi", raw: new Uint8Array(64) });
  assert.deepEqual([result, error, printed], [0n, undefined, ["begun", "work 1", "work 2"]]);
  assert.deepEqual(
    [1, 2].map((key) => object.maps.works.get(key)?.done),
    [1n, 1n],
  );
  assert.deepEqual(object.advance(0).printed, ["work 1", "work 2"]);
  assert.deepEqual(
    [1, 2].map((key) => object.maps.works.get(key)?.done),
    [2n, 2n],
  );
  assert.deepEqual(object.advance(1000).printed, []);
  object.close();
});

test("a work whose entry is gone does not run; a second queue in a place, and flags, are refused", async () => {
  const object = await load();
  object.programs.begin.run({ raw: new Uint8Array(64) });
  const { result, printed } = object.programs.forgets.run();
  assert.deepEqual([result, printed], [0n, []]);
  assert.equal(BigInt.asIntN(32, object.programs.refused.run().result ?? 0n), -16n * 10_000n - 22n);
  object.close();
});

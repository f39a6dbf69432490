/** Helpers and kernel functions as Linux 6.18 carried them out: what programs returned, and the packets they left, by both engines. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Arena } from "../arena/arena.ts";
import { readObject } from "../bpf/object/object.ts";
import type { Engine } from "./choices.ts";
import { DirectRuns } from "./direct.ts";
import { loadSpec } from "./load.ts";

interface Recorded {
  readonly packet: string;
  /** In the order in which they ran, on the same maps. */
  readonly runs: readonly { readonly program: string; readonly result: number; readonly packet: string }[];
}

const RECORDED: Recorded = JSON.parse(readFileSync("test/data/helpers-6.18.json", "utf8"));
const OBJECT = "src/bpf/fixtures/helpers.bpf.o";

for (const engine of ["interpreter", "jit"] as const satisfies readonly Engine[])
  test(`${engine}: programs return what they returned in the kernel, and leave the same packets`, async () => {
    const arena = await Arena.create({ cpus: 1, maximumBytes: 64 << 20, seed: 1 });
    const object = readObject(readFileSync(OBJECT), OBJECT);
    const loaded = loadSpec(arena, object, { engine });
    assert.deepEqual(loaded.skipped, []);
    assert.ok(RECORDED.runs.length > 50 && RECORDED.runs.length === loaded.programs.length);
    const runs = new DirectRuns(arena, loaded);
    const wrong = RECORDED.runs.flatMap(({ program, result, packet }) => {
      const run = runs.run({ program, packet: Buffer.from(RECORDED.packet, "hex") });
      const found = [
        run.error ?? Number(BigInt.asUintN(32, run.result ?? 0n)),
        Buffer.from(run.packet ?? []).toString("hex"),
      ];
      const expected = [result, packet];
      return String(found) === String(expected) ? [] : [{ program, found, expected }];
    });
    assert.deepEqual(wrong, []);
  });

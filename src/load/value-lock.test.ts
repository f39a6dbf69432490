/** Maps of objects whose values have a lock: their type says so, and programs and threads take the same one. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Arena } from "../arena/arena.ts";
import { readObject } from "../bpf/object/object.ts";
import { LOCK } from "../maps/map.ts";
import { LAYOUT } from "../wasm/face.ts";
import { DirectRuns } from "./direct.ts";
import { loadSpec } from "./load.ts";

const OBJECT = "src/bpf/fixtures/helpers.bpf.o";
const KEY = Uint8Array.of(9, 0, 0, 0);

for (const engine of ["interpreter", "jit"] as const)
  test(`${engine}: a program's lock is the one that threads wait for, and let go of after a run`, async () => {
    const arena = await Arena.create({ cpus: 2, maximumBytes: 64 << 20 });
    const loaded = loadSpec(arena, readObject(readFileSync(OBJECT), OBJECT), { engine });
    const map = loaded.maps.find(({ spec }) => spec.name === "values")?.map ?? assert.fail();
    assert.equal(map.info.lock, 0);
    assert.deepEqual(
      loaded.maps.filter((each) => each.map.info.lock !== undefined).map(({ spec }) => spec.name),
      ["values"],
    );
    const runs = new DirectRuns(arena, loaded);
    assert.equal(runs.run({ program: "under_lock", packet: new Uint8Array(64), cpu: 1 }).result, 5n);
    assert.equal(map.getLocked(KEY)?.[4], 5);
    assert.equal(map.update(KEY, new Uint8Array(72).fill(255), LOCK), 0);
    assert.deepEqual([...(map.getLocked(KEY) ?? [])].slice(0, 5), [0, 0, 0, 0, 255]);
    for (const cpu of [0, 1])
      assert.equal(arena.word((arena.core.cpuAreaAddress(cpu) >>> 0) + LAYOUT.CpuArea.spinLockOfTask), 0);
    assert.equal(arena.word(arena.core.currentArea() + LAYOUT.CpuArea.interruptsOff), 0);
  });

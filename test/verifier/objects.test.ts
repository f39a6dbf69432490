/** Real objects: all that run here are accepted, but for those that no kernel would take, with what is wrong with those. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Arena } from "../../src/arena/arena.ts";
import { readObject } from "../../src/bpf/object/object.ts";
import { openEvents } from "../../src/events/file.ts";
import { loadSpec } from "../../src/load/load.ts";
import { verifyObject } from "../../src/load/verify.ts";
import { DEFAULT_RULE } from "../../src/replay/interrupts.ts";
import { replay } from "../../src/replay/ordered.ts";

const FOLDERS = ["examples/bpf", "src/bpf/fixtures", "test/data/stories/src"];

/** Programs that are wrong for a kernel too, by object and name; the fixtures of loops are there to be measured. */
const REFUSED: Readonly<Record<string, string>> = {
  "iproute2.bpf.o sized": "bounds",
  "legacy.bpf.o pointer": "type",
  "legacy.bpf.o supported": "argument",
  "limits.bpf.o unset": "uninitialized",
  "core.bpf.o follows": "result",
  "declared.bpf.o makes_both": "object",
  "declared.bpf.o passes_pointer": "argument",
  "declared.bpf.o passes_struct": "argument",
  "loops.bpf.o xorshift": "context",
  "loops.bpf.o arx": "context",
  "loops.bpf.o muldiv": "context",
  "loops.bpf.o stack": "context",
  "maps-of-maps.bpf.o put": "argument",
  "owners.bpf.o anothers_queue": "argument",
  "owners.bpf.o anothers_timer": "argument",
  "maps-of-maps.bpf.o unchecked": "argument",
  "refused.bpf.o missing": "null",
  "refused.bpf.o outside": "bounds",
  "refused.bpf.o forgotten": "reference",
  "refused.bpf.o packet": "bounds",
  "sleeping.bpf.o by_timer": "sleep",
  "timers.bpf.o disarm": "argument",
  "timers.bpf.o forget": "argument",
};

/** An address in a variable's first value is filled in by no loader; loops whose bound is an input end, but nobody can know when. */
test("example objects, fixtures and stories", () => {
  const refused: Record<string, string> = {};
  let accepted = 0;
  for (const folder of FOLDERS)
    for (const file of readdirSync(folder).filter((name) => name.endsWith(".o"))) {
      for (const verdict of verifyObject(readObject(readFileSync(join(folder, file)), file))) {
        if (verdict.verdict === "accepted") accepted++;
        else if (verdict.category !== "unsupported") refused[`${file} ${verdict.program}`] = verdict.category ?? "";
      }
    }
  assert.deepEqual(refused, REFUSED);
  assert.ok(accepted >= 25, `${accepted}`);
});

test("the examples on a recorded trace: whatever was believed holds in each run", async () => {
  for (const name of ["memleak", "runqlat", "syslat"]) {
    const object = readObject(readFileSync(`examples/bpf/${name}.bpf.o`), `${name}.bpf.o`);
    const arena = await Arena.create({ cpus: 8, maximumBytes: 1 << 28, seed: 1 });
    const loaded = loadSpec(arena, object, { engine: "interpreter", verify: true });
    for (const { code } of loaded.programs) assert.ok("beliefs" in code && (code.beliefs?.length ?? 0) > 10);
    const stream = await openEvents("examples/data/kernel-events.trace.gz", { cpus: 8 });
    const { counts } = await replay(
      arena,
      loaded.programs,
      stream,
      DEFAULT_RULE,
      () => {},
      () => {},
    );
    assert.ok(counts.programs.some(({ runs }) => runs > 0));
    assert.deepEqual(
      counts.programs.map(({ firstError }) => firstError),
      counts.programs.map(() => undefined),
    );
    arena.detach();
  }
});

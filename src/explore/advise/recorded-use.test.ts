import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { Readable } from "node:stream";
import { test } from "node:test";
import { readObject } from "../../bpf/object/object.ts";
import { openEvents } from "../../events/file.ts";
import { DEFAULT_RULE, type InterruptSign } from "../../replay/interrupts.ts";
import { type RecordedUse, recordedUse } from "./recorded-use.ts";

const FIELDS = "ptr=00000000a24d681d bytes_req=8 bytes_alloc=8 gfp_flags=GFP_ATOMIC node=-1 accounted=false";
const MEMLEAK = readObject(readFileSync("examples/bpf/memleak.bpf.o"), "memleak.bpf.o");

/** Allocations: CPU, flags, microseconds. */
function use(
  lines: readonly (readonly [cpu: number, flags: string, time: number])[],
  signs: InterruptSign[],
): Promise<RecordedUse> {
  const text = lines.map(
    ([cpu, flags, time]) =>
      ` bash-7 [00${cpu}] ${flags} 1.${String(time).padStart(6, "0")}: kmalloc: call_site=f+0x1/0x2 ${FIELDS}\n`,
  );
  const programs = MEMLEAK.programs.flatMap(({ name, kind }) => ("reason" in kind ? [] : [{ name, kind }]));
  return openEvents(Readable.from([Buffer.from(text.join(""))])).then((stream) =>
    recordedUse(programs, stream, { ...DEFAULT_RULE, signs }),
  );
}

const INTERRUPT = [
  [0, "d.h1.", 1],
  [0, "d.h1.", 2],
  [1, "d....", 3],
  [0, "d.h1.", 4],
  [0, "d.h2.", 5],
  [0, "d.h2.", 6],
] as const;

test("a stretch is what one program runs on one CPU until a sign comes", async () => {
  assert.equal((await use(INTERRUPT, ["enabled", "task", "gap"])).longestStretch, 5);
  assert.equal((await use(INTERRUPT, ["preempt"])).longestStretch, 3);
  assert.equal((await use([...INTERRUPT, [0, ".....", 7]], ["enabled"])).longestStretch, 5);
  assert.equal((await use([...INTERRUPT, [0, "d.h2.", 1007]], ["gap"])).longestStretch, 5);
  assert.equal((await use([...INTERRUPT, [0, "d.h2.", 1006]], ["gap"])).longestStretch, 6);
});

test("contexts are those of the program's own events", async () => {
  const { contexts } = await use(INTERRUPT, []);
  assert.deepEqual([...(contexts.get("on_kmalloc") ?? [])].sort(), ["hardirq", "irqsOff"]);
  assert.deepEqual([...(contexts.get("on_kfree") ?? [])], []);
});

/** Objects that run together: what each has for itself stays its own, also where both use the same names. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Arena } from "../arena/arena.ts";
import { readObject } from "../bpf/object/object.ts";
import { type ObjectSpec, setVariable } from "../bpf/object/spec.ts";
import { BatchWriter } from "../events/batch.ts";
import { PACKET_EVENT, writePacket } from "../events/packet.ts";
import type { Engine } from "../load/choices.ts";
import type { LoadedObject } from "../load/load.ts";
import { labelsOf, loadSeveral } from "../load/several.ts";
import { Timers } from "../load/timers.ts";
import { DEFAULT_RULE } from "./interrupts.ts";
import { type ReplayResult, replay } from "./ordered.ts";
import { makeReport, type Report } from "./report.ts";

const OBJECT = "src/bpf/fixtures/pinned.bpf.o";

function objectWith(step: number): ObjectSpec {
  const object = readObject(readFileSync(OBJECT), OBJECT);
  setVariable(object, "step", step);
  return object;
}

interface Replayed {
  readonly loaded: LoadedObject;
  readonly result: ReplayResult;
  readonly report: Report;
}

/** Two of the same, which step by 1 and by 100, on packets a microsecond and more apart. */
async function replayed(engine: Engine, packets: number): Promise<Replayed> {
  const arena = await Arena.create({ cpus: 1, maximumBytes: 64 << 20, seed: 1 });
  const wanted = [1, 100].map((step) => ({
    object: objectWith(step),
    options: { engine, verify: true, label: `by${step}` },
  }));
  const loaded = loadSeveral(arena, wanted);
  const batch = new BatchWriter(1 << 16, 4096);
  for (let index = 0; index < packets; index++) {
    const place = { time: BigInt(index + 1) * 5000n, cpu: 0, level: "softirq", wireLength: 64, event: 0 } as const;
    writePacket(batch, new Uint8Array(0), new Uint8Array(64), place);
  }
  async function* batches() {
    const all = batch.take();
    if (all !== undefined) yield all;
  }
  const counts = { skipped: [], lost: 0, unreadable: [] };
  const stream = { events: [PACKET_EVENT], batches: batches(), counts };
  const watch = { timers: new Timers(arena, loaded) };
  const quiet = (): void => undefined;
  const result = await replay(arena, loaded.programs, stream as never, DEFAULT_RULE, quiet, quiet, watch);
  const report = makeReport({ arena, loaded, stream: stream as never, result, rule: DEFAULT_RULE, dump: true });
  return { loaded, result, report };
}

/** Bytes of the only entry of a map as numbers of 64 bits. */
function numbersIn({ maps }: Report, objects: readonly string[], name: string): bigint[] {
  const map = maps.find((each) => each.name === name && each.objects?.join() === objects.join());
  const { value = "" } = map?.items?.[0] ?? assert.fail(`there is no ${name} of ${objects.join()}`);
  const bytes = Buffer.from(String(value), "hex");
  return Array.from({ length: bytes.length / 8 }, (_, index) => bytes.readBigUInt64LE(index * 8));
}

for (const engine of ["jit", "interpreter"] as const satisfies readonly Engine[])
  test(`${engine}: tail calls, timers and variables are each object's own, a pinned map is both's`, async () => {
    const { report } = await replayed(engine, 3);
    const named = report.programs.map(({ object, name, runs, errors, fired }) => [object, name, runs, errors, fired]);
    assert.deepEqual(named, [
      ["by1", "last", 3, 0, undefined],
      ["by1", "first", 3, 0, 2],
      ["by100", "last", 3, 0, undefined],
      ["by100", "first", 3, 0, 2],
    ]);
    // `last` runs by itself and as what `first` goes on in.
    assert.deepEqual(numbersIn(report, ["by1"], ".bss").sort(), [2n, 6n].sort());
    assert.deepEqual(numbersIn(report, ["by100"], ".bss").sort(), [200n, 600n].sort());
    assert.deepEqual(numbersIn(report, ["by1", "by100"], "seen"), [303n]);
    assert.equal(report.maps.filter(({ name }) => name === "seen").length, 1);
  });

test("objects are called as their files are, or by the ways to them where that is not enough", () => {
  const named = (...names: string[]): string[] => labelsOf(names.map((name) => ({ name })));
  assert.deepEqual(named("a/memleak.bpf.o", "runqlat.o"), ["memleak", "runqlat"]);
  assert.deepEqual(named("a/x.bpf.o", "b/x.bpf.o", "y.o"), ["a/x.bpf.o", "b/x.bpf.o", "y"]);
});

test("of objects of which the last does not load nothing is left, but what was there before", async () => {
  const arena = await Arena.create({ cpus: 1, maximumBytes: 64 << 20, seed: 1 });
  const before = arena.core.pagesInUse();
  const wanted = [1, 100].map((step) => ({ object: objectWith(step), options: { label: `by${step}` } }));
  const wrong = { object: objectWith(1), options: { label: "wrong", mapEntries: new Map([["no such map", 1]]) } };
  assert.throws(() => loadSeveral(arena, [...wanted, wrong]), { code: "EINVAL", message: /no such map/ });
  assert.deepEqual(arena.maps(), []);
  for (let round = 0; round < 6; round++) arena.trim();
  assert.equal(arena.core.pagesInUse(), before);
  const kept = loadSeveral(arena, wanted);
  assert.throws(() => loadSeveral(arena, [{ ...wrong, object: objectWith(2) }]), { code: "EINVAL" });
  assert.equal(arena.maps().length, kept.maps.length);
});

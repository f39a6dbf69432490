/** Timers in an ordered replay: they fire between events, at their time and on their CPU. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Arena } from "../arena/arena.ts";
import { readObject } from "../bpf/object/object.ts";
import { BatchWriter } from "../events/batch.ts";
import { openEventStream } from "../events/open.ts";
import { PACKET_EVENT, writePacket } from "../events/packet.ts";
import type { Engine } from "../load/choices.ts";
import { loadSpec } from "../load/load.ts";
import { Timers } from "../load/timers.ts";
import { DEFAULT_RULE } from "./interrupts.ts";
import { type ReplayResult, replay } from "./ordered.ts";

/** Its `keep_session` ends a session, here there is one of them, a millisecond after its last packet. */
const OBJECT = "test/programs/times.bpf.o";
const MILLISECOND = 1_000_000n;

interface Replayed {
  readonly result: ReplayResult;
  /** Packets of sessions that have ended. */
  readonly expired: bigint;
  readonly printed: readonly string[];
}

async function replayed(times: readonly bigint[], engine: Engine, cpuOf: (index: number) => number): Promise<Replayed> {
  const arena = await Arena.create({ cpus: 2, maximumBytes: 64 << 20, seed: 1 });
  const object = readObject(readFileSync(OBJECT), "times");
  const programs = object.programs.filter(({ name }) => name === "keep_session");
  const loaded = loadSpec(arena, { ...object, programs }, { engine });
  const batch = new BatchWriter(1 << 16, 4096);
  for (const [index, time] of times.entries()) {
    const place = { time, cpu: cpuOf(index), level: "softirq", wireLength: 64, event: 0 } as const;
    writePacket(batch, new Uint8Array(0), new Uint8Array(64), place);
  }
  async function* batches() {
    const all = batch.take();
    if (all !== undefined) yield all;
  }
  const printed: string[] = [];
  const stream = { events: [PACKET_EVENT], batches: batches() };
  const watch = { timers: new Timers(arena, loaded) };
  const print = (line: string): void => void printed.push(line);
  const result = await replay(arena, loaded.programs, stream as never, DEFAULT_RULE, print, () => undefined, watch);
  const bss = loaded.maps.find(({ spec }) => spec.name === ".bss") ?? assert.fail();
  const { offset } = bss.spec.variables?.find(({ name }) => name === "expired") ?? assert.fail();
  const value = bss.map.get(new Uint8Array(4)) as Uint8Array;
  const expired = new DataView(value.buffer, value.byteOffset).getBigUint64(offset, true);
  arena.detach();
  return { result, expired, printed };
}

for (const engine of ["jit", "interpreter"] as const satisfies readonly Engine[]) {
  test(`${engine}: a timer fires before the first event behind its time, and one that is started again later`, async () => {
    // Two sessions: of three packets, the last of which comes just before the end, and of one.
    const times = [1n, 2n, 1n + MILLISECOND, 3n * MILLISECOND, 5n * MILLISECOND];
    const { result, expired } = await replayed(times, engine, (index) => index % 2);
    assert.deepEqual([expired, result.counts.replayed], [4n, 5]);
    const [counts] = result.counts.programs;
    assert.deepEqual([counts?.runs, counts?.errors, counts?.fired], [5, 0, 2]);
  });

  test(`${engine}: what is due behind the last event does not fire`, async () => {
    const { result, expired } = await replayed([1n, MILLISECOND], engine, () => 1);
    assert.deepEqual([expired, result.counts.programs[0]?.fired], [0n, 0]);
  });
}

test("a work runs as a task once the programs of its event have ended, on their CPU; none is lost", async () => {
  const arena = await Arena.create({ cpus: 2, maximumBytes: 64 << 20, seed: 1 });
  const loaded = loadSpec(arena, readObject(readFileSync("src/bpf/fixtures/workqueues.bpf.o"), "works"), {
    engine: "jit",
  });
  const lines = [0, 1].map((cpu) => `            bash-7     [00${cpu}] .....     1.00000${cpu}: sys_getpid()\n`);
  async function* text() {
    yield new TextEncoder().encode(`# tracer: nop\n#\n${lines.join("")}`);
  }
  const stream = await openEventStream(text());
  const printed: string[] = [];
  const print = (line: string): void => void printed.push(line);
  const watch = { timers: new Timers(arena, loaded) };
  const { counts } = await replay(arena, loaded.programs, stream, DEFAULT_RULE, print, () => undefined, watch);
  assert.deepEqual(printed, ["begun", "work 1", "work 2", "begun", "work 1", "work 2"]);
  const begin = counts.programs.find(({ name }) => name === "begin");
  assert.deepEqual([begin?.runs, begin?.errors, begin?.fired], [2, 0, 4]);
  arena.detach();
});

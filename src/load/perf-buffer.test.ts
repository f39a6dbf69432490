/** Programs that hand records over, and who has opened them: on the thread of the programs, and on another one. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { Arena } from "../arena/arena.ts";
import { assemble } from "../bpf/isa/assemble.ts";
import { type ObjectSpec, specOfInstructions } from "../bpf/object/spec.ts";
import { programKind } from "../bpf/programs/table.ts";
import { u32 } from "../maps/codec/codec.ts";
import type { PerfRecord } from "../maps/perf-buffer.ts";
import type { Engine } from "./choices.ts";
import { DirectRuns } from "./direct.ts";
import { programHost } from "./host.ts";
import { instantiateImage, loadSpec } from "./load.ts";

/** A program that hands over 3 bytes, 7 0 0, with flags; its map has places for `maxEntries` CPUs. */
function objectWithEvents(flags: string, section = "syscall", maxEntries = 8): ObjectSpec {
  const text = `r2 = 0 ll\n*(u64 *)(r10 - 8) = 7\nr3 = ${flags} ll\nr4 = r10\nr4 += -8\nr5 = 3\ncall perf_event_output\nexit`;
  const spec = specOfInstructions("p", assemble(text));
  const maps = [{ name: "events", bpfType: 4, keySize: 4, valueSize: 4, maxEntries, flags: 0, readOnly: false }];
  const relocations = [{ type: "map", instruction: 0, map: "events" } as const];
  const kind = programKind(section);
  return { ...spec, maps, programs: spec.programs.map((program) => ({ ...program, relocations, kind })) };
}

const CURRENT = "0xffffffff";

function load(arena: Arena, engine: Engine, spec: ObjectSpec) {
  const loaded = loadSpec(arena, spec, { engine });
  const runs = new DirectRuns(arena, loaded);
  const map = loaded.maps[0]?.map ?? assert.fail();
  return { map, run: (cpu: number) => runs.run({ program: "p", cpu }) };
}

for (const engine of ["interpreter", "jit"] satisfies Engine[]) {
  test(`${engine}: what a program hands over goes to whoever has opened it, with its CPU, and a direct run shows it as before`, async () => {
    const arena = await Arena.create({ cpus: 2 });
    const { map, run } = load(arena, engine, objectWithEvents(CURRENT));
    const bytes = Uint8Array.of(7, 0, 0);
    assert.deepEqual([...run(0).records], [["events", [bytes]]], "who runs it directly looks on");
    using buffer = map.openPerfBuffer({ bytes: 4096 });
    assert.deepEqual(buffer.take(), []);
    for (const cpu of [1, 0, 1]) {
      const { result, records } = run(cpu);
      assert.deepEqual([result, [...records]], [0n, [["events", [bytes]]]]);
    }
    assert.deepEqual(buffer.take(), [
      { cpu: 0, bytes, lost: 0 },
      { cpu: 1, bytes, lost: 0 },
      { cpu: 1, bytes, lost: 0 },
    ]);
    // 16 bytes each: 256 of them are all that fit.
    let handed = 0;
    while (run(0).result === 0n) handed++;
    const full = run(0);
    assert.deepEqual([handed, BigInt.asIntN(32, full.result ?? 0n), full.records.size], [256, -28n, 0]);
    assert.deepEqual(buffer.lost, [2, 0]);
    assert.equal(buffer.take().length, 256);
    run(0);
    assert.deepEqual(buffer.take(), [{ cpu: 0, bytes, lost: 2 }]);
  });

  test(`${engine}: without anybody who looks on it is as in Linux: what is not there, another CPU's, and beyond the map`, async () => {
    const answers: Readonly<Record<string, readonly [closed: bigint, open: bigint]>> = {
      [CURRENT]: [-2n, 0n],
      "0": [-2n, 0n],
      "1": [-2n, -95n],
      "2": [-2n, -2n],
      "8": [-7n, -7n],
      "0x10000000ffffffff": [-22n, -22n],
    };
    for (const [flags, [closed, open]] of Object.entries(answers)) {
      const arena = await Arena.create({ cpus: 2 });
      const { programs, maps } = loadSpec(arena, objectWithEvents(flags), { engine });
      const [image, stack] = [programs[0] ?? assert.fail(), arena.allocate(4096) + 4096];
      const host = programHost(arena, () => undefined);
      const run = (): bigint =>
        BigInt.asIntN(32, instantiateImage(image, host)(arena.allocate(64), arena.core.currentArea(), stack, 0));
      assert.equal(run(), closed, flags);
      const buffer = maps[0]?.map.openPerfBuffer() ?? assert.fail();
      assert.equal(run(), open, flags);
      buffer.close();
      assert.equal(run(), closed, flags);
    }
  });

  test(`${engine}: the part of the packet that is asked for follows`, async () => {
    const arena = await Arena.create({ cpus: 1 });
    const spec = objectWithEvents("0x4ffffffff", "tc");
    const text =
      "r6 = r1\nr2 = 0 ll\nr1 = r6\n*(u64 *)(r10 - 8) = 7\nr3 = 0x4ffffffff ll\nr4 = r10\nr4 += -8\nr5 = 3\ncall perf_event_output\nexit";
    const program = specOfInstructions("p", assemble(text)).programs[0] ?? assert.fail();
    const relocations = [{ type: "map", instruction: 1, map: "events" } as const];
    const whole = { ...spec, programs: [{ ...program, relocations, kind: programKind("tc") }] };
    const loaded = loadSpec(arena, whole, { engine });
    using buffer = (loaded.maps[0]?.map ?? assert.fail()).openPerfBuffer();
    const packet = Uint8Array.from({ length: 60 }, (_, index) => index + 1);
    assert.equal(new DirectRuns(arena, loaded).run({ program: "p", packet }).result, 0n);
    assert.deepEqual(buffer.take(), [{ cpu: 0, bytes: Uint8Array.of(7, 0, 0, 1, 2, 3, 4), lost: 0 }]);
  });
}

/** What a program on another thread does, as often as it is told: each time the next number. */
const PRODUCER = `
  const { workerData } = await import("node:worker_threads");
  const { Arena } = await import(${JSON.stringify(new URL("../../dist/index.js", import.meta.url).href)});
  const arena = await Arena.attach(workerData.handle);
  const map = arena.openMap("events");
  const room = arena.allocate(8);
  const words = new Uint32Array(arena.memory.buffer, room, 1);
  // Neither is gone before the other has a CPU of its own.
  const attached = new Int32Array(workerData.attached);
  Atomics.add(attached, 0, 1);
  while (Atomics.load(attached, 0) < 2);
  for (let number = 0; number < workerData.records; number++) {
    words[0] = number;
    arena.core.perfOutput(map.info.address, room, 4, 0, 0);
  }
  arena.detach();`;

test("records of other threads come in the order of each CPU, and every one of them comes or is counted", async () => {
  const arena = await Arena.create({ cpus: 3 });
  const options = { type: "perf_event_array", name: "events", key: u32, value: u32, maxEntries: 3 } as const;
  const buffer = arena.createMap(options).openPerfBuffer({ bytes: 4096 });
  const records = 100_000;
  const url = new URL(`data:text/javascript,${encodeURIComponent(PRODUCER)}`);
  const attached = new SharedArrayBuffer(4);
  const workers = [1, 2].map(() => new Worker(url, { workerData: { handle: arena.handle(), records, attached } }));
  const signal = { aborted: false };
  void Promise.all(workers.map((worker) => once(worker, "exit"))).then(() => {
    signal.aborted = true;
  });
  const reached = [0, 0, 0];
  const see = ({ cpu, bytes, lost }: PerfRecord): void => {
    const expected = (reached[cpu] as number) + lost;
    assert.equal(new DataView(bytes.buffer).getUint32(0, true), expected);
    reached[cpu] = expected + 1;
  };
  for await (const record of buffer.consume({ signal })) see(record);
  for (const record of buffer.take()) see(record);
  assert.equal(reached[0], 0);
  // Behind the last record that came some may have been lost: they are counted, as those before it are.
  for (const cpu of [1, 2]) {
    const behind = records - (reached[cpu] as number);
    assert.ok(behind >= 0 && behind <= (buffer.lost[cpu] as number), `CPU ${cpu}: ${reached}, lost ${buffer.lost}`);
    assert.ok((reached[cpu] as number) > 0);
  }
});

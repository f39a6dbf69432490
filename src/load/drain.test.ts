/** Records that threads put into a user ring buffer, and a program takes out. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Arena } from "../arena/arena.ts";
import { FRAME_BYTES, MAX_FRAMES } from "../bpf/host.ts";
import { readObject } from "../bpf/object/object.ts";
import { ERRNO } from "../error.ts";
import { none } from "../maps/codec/codec.ts";
import { LAYOUT } from "../wasm/face.ts";
import { programHost } from "./host.ts";
import { instantiateImage, loadSpec } from "./load.ts";

const OBJECT = "src/bpf/fixtures/drain.bpf.o";

/** What a program returned, and what it has written down: bytes, records, and the result of a call within. */
type Drain = (program: string, flags?: bigint) => { result: bigint; bytes: bigint; records: bigint; within: bigint };

async function setUp(engine: "jit" | "interpreter") {
  const arena = await Arena.create({ cpus: 2, maximumBytes: 64 << 20, seed: 1 });
  const loaded = loadSpec(arena, readObject(readFileSync(OBJECT), OBJECT), { engine });
  const host = programHost(arena, () => undefined);
  const stack = arena.allocate(FRAME_BYTES * MAX_FRAMES) + FRAME_BYTES * MAX_FRAMES;
  const context = arena.allocate(32);
  const drain: Drain = (program, flags = 0n) => {
    const image = loaded.programs.find(({ name }) => name === program);
    assert.ok(image);
    const view = new DataView(arena.memory.buffer, context, 32);
    view.setBigUint64(0, flags, true);
    const result = BigInt.asIntN(64, instantiateImage(image, host)(context, arena.core.currentArea() >>> 0, stack, 32));
    const [bytes, records, within] = [8, 16, 24].map((at) => view.getBigInt64(at, true)) as [bigint, bigint, bigint];
    return { result, bytes, records, within };
  };
  const commands = loaded.maps[0]?.map;
  assert.ok(commands);
  return {
    arena,
    drain,
    commands,
    put: (...words: number[]) => commands.output(new Uint8Array(Uint32Array.from(words).buffer)),
  };
}

for (const engine of ["jit", "interpreter"] as const) {
  test(`${engine}: a program is called with each record, in their order, until it has enough`, async () => {
    const { drain, put } = await setUp(engine);
    assert.deepEqual(drain("drain"), { result: 0n, bytes: 0n, records: 0n, within: 0n });
    for (const word of [5, 7, 0, 9]) assert.equal(put(word), 0);
    assert.deepEqual(drain("drain"), { result: 3n, bytes: 12n, records: 3n, within: 0n });
    // One without a number in it.
    assert.equal(put(), 0);
    assert.deepEqual(drain("drain"), { result: 2n, bytes: 9n, records: 2n, within: 0n });
    assert.equal(drain("drain").result, 0n);
  });

  test(`${engine}: what is passed makes room; one drains at a time, and another is told so`, async () => {
    const { drain, put } = await setUp(engine);
    let sent = 0;
    while (put(1) === 0) sent++;
    assert.equal(sent, 255);
    assert.equal(drain("drain").result, 255n);
    assert.equal(put(1, 2, 3), 0);
    assert.deepEqual(drain("drain_within"), { result: 1n, bytes: 0n, records: 0n, within: BigInt(-ERRNO.EBUSY) });
    assert.equal(put(4), 0);
    assert.equal(drain("drain", 4n).result, BigInt(-ERRNO.EINVAL));
    assert.equal(drain("drain", 3n).result, 1n);
  });
}

test("threads take nothing out of it; one that died while it drained is reaped, and its record is there again", async () => {
  const { arena, drain, commands, put } = await setUp("jit");
  for (const method of ["takeRecords", "consume"] as const)
    assert.throws(() => commands[method](), { code: "EINVAL", message: /for programs to take: it is user_ringbuf/ });
  assert.throws(() => arena.createMap({ type: "user_ringbuf", name: "odd", key: none, value: none, maxEntries: 100 }), {
    code: "EINVAL",
  });
  assert.equal(put(6), 0);
  const { core } = arena;
  const { address } = commands.info;
  const other = arena.takeCpu();
  assert.equal(core.userRingbufBegin(address), 0);
  const record = core.userRingbufNext(address);
  assert.notEqual(record, 0);
  arena.switchCpu(0);
  assert.equal(drain("drain").result, BigInt(-ERRNO.EBUSY));
  assert.equal(core.reapCpu(other, arena.word(core.cpuAreaAddress(other) + LAYOUT.CpuArea.owner)), 0);
  assert.equal(core.userRingbufBegin(address), 0);
  assert.equal(core.userRingbufNext(address), record);
  core.userRingbufEnd(address);
});

/** What programs ask of the CPU they run on, to the last byte. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { RECORD } from "../../src/events/record.ts";
import { LAYOUT } from "../../src/wasm/face.ts";
import { makeArena } from "../testing.ts";

test("the task's name: NUL at the end of whatever room there is, NULs behind it, and no byte beyond", async () => {
  const arena = await makeArena();
  const record = arena.allocate(128);
  const out = arena.allocate(64);
  const memory = Buffer.from(arena.memory.buffer);
  const taskComm = (size: number): { result: number; text: string } => {
    memory.fill("#", out, out + 32);
    const result = arena.core.taskComm(out, size);
    return { result, text: memory.toString("latin1", out, out + 22) };
  };
  assert.deepEqual(taskComm(4), { result: -14, text: `${"\0".repeat(4)}${"#".repeat(18)}` }, "no event is current");
  memory.write("sixteen letters!beyond", record + RECORD.comm, "latin1");
  arena.core.setCurrentTask(record);
  const expected: Readonly<Record<number, string>> = {
    0: "",
    1: "\0",
    5: "sixt\0",
    15: "sixteen letter\0",
    16: "sixteen letters\0",
    20: "sixteen letters!\0\0\0\0",
  };
  for (const [size, text] of Object.entries(expected))
    assert.deepEqual(taskComm(Number(size)), { result: 0, text: text.padEnd(22, "#") }, `${size} bytes`);
});

test("random numbers: each CPU's begin elsewhere, never at 0, and again there from the same seed", async () => {
  for (const seed of [1, 2, 0x7fffffff, 0xffffffff]) {
    const { core, memory } = await makeArena({ cpus: 3, seed });
    const states = [0, 1, 2].map((cpu) => {
      const area = core.cpuAreaAddress(cpu) >>> 0;
      return new DataView(memory.buffer).getUint32(area + LAYOUT.CpuArea.random, true);
    });
    assert.deepEqual(
      states,
      [0, 1, 2].map((cpu) => ((seed + Math.imul(cpu, 0x9e3779b9)) | 1) >>> 0),
    );
  }
});

test("a text is copied up to its NUL or to the end of the room, and is no text where memory ends before it does", async () => {
  const arena = await makeArena();
  const [from, out] = [arena.allocate(64), arena.allocate(64)];
  const memory = Buffer.from(arena.memory.buffer);
  memory.write("some text\0behind", from, "latin1");
  const copied = (source: number, size: number): { result: number; text: string } => {
    memory.fill("#", out, out + 16);
    const result = arena.core.probeReadString(out, size, BigInt(source));
    return { result, text: memory.toString("latin1", out, out + 12) };
  };
  assert.deepEqual(copied(from, 16), { result: 10, text: "some text\0##" });
  assert.deepEqual(copied(from, 5), { result: 5, text: "some\0#######" });
  assert.deepEqual(copied(from, 0), { result: 0, text: "############" });
  const end = arena.memory.buffer.byteLength;
  memory.write("end", end - 3, "latin1");
  assert.deepEqual(copied(end - 3, 3), { result: 3, text: "en\0#########" });
  for (const size of [4, 8])
    assert.deepEqual(copied(end - 3, size), { result: -14, text: "\0".repeat(size).padEnd(12, "#") });
  for (const source of [0, 7, end, 2 ** 40]) assert.equal(copied(source, 4).result, -14, `${source}`);
});

test("what cannot be read of the kernel's memory is -ERANGE where that cannot be, as Linux 6.18 answers", async () => {
  const arena = await makeArena();
  const { core } = arena;
  const out = arena.allocate(16);
  const [kernel, user, neither] = [0xffff800000000000n, 0x7fffffffffffn, 0xdead000000000000n];
  const rows: readonly [address: bigint, size: number, user: number, kernel: number, either: number][] = [
    [0n, 8, -14, -34, -14],
    [0n, 0, -14, -34, -14],
    [user, 8, -14, -34, -14],
    [user + 1n, 8, -14, -34, -34],
    [neither, 8, -14, -34, -34],
    [kernel, 8, -14, -14, -14],
    [2n ** 64n - 1n, 1, -14, -14, -14],
    [kernel, 0, -14, 0, 0],
  ];
  for (const [address, size, ...expected] of rows) {
    const ways = [core.probeRead, core.probeReadKernel, core.probeReadEither];
    assert.deepEqual(
      ways.map((read) => read(out, size, address)),
      expected,
      `${size} bytes at ${address}`,
    );
    if (size === 0) continue;
    const texts = [core.probeReadString, core.probeReadKernelString, core.probeReadEitherString];
    assert.deepEqual(
      texts.map((read) => read(out, size, address)),
      expected,
      `a text at ${address}`,
    );
  }
});

test("what is there is read, whichever way it is asked for", async () => {
  const arena = await makeArena();
  const { core } = arena;
  const [from, to] = [arena.allocate(16), arena.allocate(16)];
  const memory = Buffer.from(arena.memory.buffer);
  memory.write("a text", from, "latin1");
  for (const read of [core.probeRead, core.probeReadKernel, core.probeReadEither]) {
    memory.fill("#", to, to + 8);
    assert.equal(read(to, 4, BigInt(from)), 0);
    assert.equal(memory.toString("latin1", to, to + 8), "a te####");
  }
  for (const read of [core.probeReadString, core.probeReadKernelString, core.probeReadEitherString]) {
    memory.fill("#", to, to + 8);
    assert.equal(read(to, 8, BigInt(from)), 7);
    assert.equal(memory.toString("latin1", to, to + 8), "a text\0#");
  }
});

/** Attaching: what may attach, with which handle, and to what. Damaged memory is refused, whatever is wrong with it. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import vm from "node:vm";
import { MessageChannel, moveMessagePortToContext, Worker } from "node:worker_threads";
import { AnyctxError } from "../error.ts";
import { u32, u64 } from "../maps/codec/codec.ts";
import { CONSTANTS, LAYOUT } from "../wasm/face.ts";
import { Arena, type ArenaHandle } from "./arena.ts";

const { SUPERBLOCK } = CONSTANTS;
/** What is used of the superblock: fields, epochs, bins, slab classes. */
const USED_BYTES = 512 + 2 * CONSTANTS.CLASS_COUNT * 64;

/** xorshift32: the same damage every time. */
function randomNumbers(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

async function usedArena(): Promise<Arena> {
  const arena = await Arena.create({ maximumBytes: 16 << 20, cpus: 3, seed: 1 });
  const map = arena.createMap({ type: "hash", name: "map", key: u32, value: u64, maxEntries: 1000 });
  for (let key = 0; key < 500; key++) map.set(key, BigInt(key));
  for (let key = 0; key < 500; key += 2) map.delete(key);
  const allocator = arena.createAllocator({ any: true });
  for (let size = 1; size < 2000; size += 300) allocator.allocate(size);
  arena.createMap({ type: "array", name: "gone", key: u32, value: u64, maxEntries: 10 });
  arena.openMap("gone");
  return arena;
}

/** What comes of attaching: nothing, or a code. Anything but an AnyctxError is a fault. */
async function attachTo(handle: ArenaHandle): Promise<string> {
  try {
    (await Arena.attach(handle)).detach();
    return "attached";
  } catch (error) {
    if (error instanceof AnyctxError) return error.code;
    throw error;
  }
}

type Damage = (superblock: Uint8Array, random: (below: number) => number) => string;

const DAMAGES: readonly Damage[] = [
  (bytes, random) => {
    const at = random(USED_BYTES / 4) * 4;
    new DataView(bytes.buffer, bytes.byteOffset).setUint32(at, random(2 ** 31) * 2 + random(2), true);
    return `word at ${at}`;
  },
  (bytes, random) => {
    const at = random(USED_BYTES);
    bytes[at] = (bytes[at] ?? 0) ^ (1 << random(8));
    return `bit of byte ${at}`;
  },
  (bytes, random) => {
    const at = random(USED_BYTES);
    const length = 1 + random(64);
    for (let index = at; index < at + length; index++) bytes[index] = random(256);
    return `${length} bytes at ${at}`;
  },
  (bytes, random) => {
    const at = random(USED_BYTES / 4) * 4;
    new DataView(bytes.buffer, bytes.byteOffset).setUint32(at, random(300), true);
    return `small word at ${at}`;
  },
];

test("3,000 superblocks damaged at random: refused as BAD_ARENA, or there was nothing wrong with what attaching needs", async () => {
  const arena = await usedArena();
  const whole = new Uint8Array(arena.memory.buffer).slice();
  const random = randomNumbers(0x5eed);
  const counts = new Map<string, number>();
  for (let turn = 0; turn < 3000; turn++) {
    new Uint8Array(arena.memory.buffer).set(whole);
    const superblock = new Uint8Array(arena.memory.buffer, SUPERBLOCK, 4096);
    const what = DAMAGES[turn % DAMAGES.length]?.(superblock, random);
    const result = await attachTo(arena.handle()).catch((error) => {
      throw new Error(`turn ${turn}, ${what}`, { cause: error });
    });
    counts.set(result, (counts.get(result) ?? 0) + 1);
    assert.ok(["attached", "BAD_ARENA", "ENOMEM"].includes(result), `turn ${turn}, ${what}: ${result}`);
  }
  assert.ok((counts.get("BAD_ARENA") ?? 0) > 1500, JSON.stringify([...counts]));
  new Uint8Array(arena.memory.buffer).set(whole);
  assert.equal(await attachTo(arena.handle()), "attached");
});

test("settings that there are not, and lists that lead nowhere: BAD_ARENA, each by itself", async () => {
  const wrong: readonly (readonly [keyof typeof LAYOUT.Superblock, readonly number[]])[] = [
    ...(["realTime", "forceDynamic", "profile", "adaptive"] as const).map((name) => [name, [2, 4, 2 ** 31]] as const),
    // Addresses in no page, and where no set can be in one.
    ["cacheSets", [3, 8, 4096 * 2 ** 19, 2 ** 20 + 8]],
  ];
  for (const [field, values] of wrong)
    for (const value of values) {
      const arena = await usedArena();
      const place = SUPERBLOCK + LAYOUT.Superblock[field];
      const view = new DataView(arena.memory.buffer);
      assert.notEqual(view.getUint32(place, true), value);
      view.setUint32(place, value, true);
      assert.equal(await attachTo(arena.handle()), "BAD_ARENA", `${field} = ${value}`);
    }
});

test("damage behind the superblock: an arena in pieces is refused or attached, and nothing traps", async () => {
  const arena = await usedArena();
  const whole = new Uint8Array(arena.memory.buffer).slice();
  const random = randomNumbers(77);
  const firstPage = arena.word(SUPERBLOCK + LAYOUT.Superblock.firstPage) * CONSTANTS.PAGE_BYTES;
  for (let turn = 0; turn < 500; turn++) {
    const memory = new Uint8Array(arena.memory.buffer);
    memory.set(whole);
    // CPU areas and the heap: whatever is not the superblock.
    const at = arena.core.cpuAreaAddress(0) + 4 * random((firstPage - arena.core.cpuAreaAddress(0)) / 4);
    new DataView(memory.buffer).setUint32(at, random(2 ** 31), true);
    const result = await attachTo(arena.handle());
    assert.ok(["attached", "BAD_ARENA", "ENOMEM", "EBUSY", "ETIMEDOUT"].includes(result), `word at ${at}: ${result}`);
  }
});

test("memory that is no arena, and what is no handle, is BAD_ARENA in one sentence", async () => {
  const { memory, core, token } = (await Arena.create({ cpus: 1 })).handle();
  const other = new WebAssembly.Memory({ initial: 10, maximum: 100, shared: true });
  new Uint8Array(other.buffer).fill(0x41);
  const unshared = new WebAssembly.Memory({ initial: 10 });
  const fake = { [Symbol.toStringTag]: "WebAssembly.Memory", buffer: memory.buffer };
  const wrong: readonly unknown[] = [
    undefined,
    null,
    7,
    "handle",
    {},
    { memory, core },
    { memory: other, core, token },
    { memory: unshared, core, token },
    { memory: fake, core, token },
    { memory: Object.create(WebAssembly.Memory.prototype), core, token },
    { memory, core: Object.create(WebAssembly.Module.prototype), token },
    ...[0, -1, 0.5, 2 ** 31, "7", CONSTANTS.LEAVING].map((each) => ({ memory, core, token: each })),
  ];
  for (const handle of wrong)
    await assert.rejects(Arena.attach(handle as ArenaHandle), { name: "AnyctxError", code: "BAD_ARENA" });
});

test("a handle of another realm attaches", async () => {
  const arena = await Arena.create({ maximumBytes: 16 << 20, cpus: 2 });
  const { port1, port2 } = new MessageChannel();
  const port = moveMessagePortToContext(port2, vm.createContext({}));
  const received = new Promise<ArenaHandle>((resolve) => {
    Object.assign(port, { onmessage: (event: { data: ArenaHandle }) => resolve(event.data) });
  });
  port.start();
  port1.postMessage(arena.handle());
  const handle = await received;
  assert.ok(!(handle.memory instanceof WebAssembly.Memory));
  const other = await Arena.attach(handle);
  other.createMap({ type: "hash", name: "map", key: u32, value: u64, maxEntries: 10 }).set(1, 2n);
  assert.equal(arena.openMap<number, bigint>("map").get(1), 2n);
  other.detach();
  port1.close();
});

test("a handle is for one thread: a second attach is refused while the first lives, and takes no slot", async () => {
  const arena = await Arena.create({ cpus: 3 });
  const handle = arena.handle();
  const first = await Arena.attach(handle);
  for (let turn = 0; turn < 4; turn++)
    await assert.rejects(Arena.attach(handle), { code: "EBUSY", message: /attached with this handle already/ });
  first.detach();
  const second = await Arena.attach(handle);
  assert.equal(second.cpu, first.cpu === -1 ? 1 : first.cpu);
  assert.deepEqual(arena.reap(handle), [1]);
  (await Arena.attach(handle)).detach();
});

test("of threads that attach with one handle at the same time exactly one does", async () => {
  const arena = await Arena.create({ cpus: 4 });
  const entry = new URL("../../dist/index.js", import.meta.url).href;
  const source = `
    const { parentPort, workerData } = require("node:worker_threads");
    import(workerData.entry).then(({ Arena }) => {
      const turn = new Int32Array(workerData.turns);
      let arena;
      parentPort.on("message", async (handle) => {
        if (handle === "end") {
          arena?.detach();
          arena = undefined;
          parentPort.postMessage("ended");
          return;
        }
        Atomics.add(turn, 0, 1);
        while (Atomics.load(turn, 0) % 3 !== 0);
        try { arena = await Arena.attach(handle); parentPort.postMessage("attached"); }
        catch (error) { parentPort.postMessage(error.code); }
      });
      parentPort.postMessage("ready");
    });`;
  const turns = new SharedArrayBuffer(4);
  const workers = [0, 1, 2].map(() => new Worker(source, { eval: true, workerData: { entry, turns } }));
  await Promise.all(workers.map((worker) => once(worker, "message")));
  const ask = async (what: unknown): Promise<string[]> => {
    const answers = workers.map((worker) => once(worker, "message"));
    for (const worker of workers) worker.postMessage(what);
    return (await Promise.all(answers)).map(([answer]) => answer as string).sort();
  };
  for (let round = 0; round < 20; round++) {
    // Who is attached stays so until all have tried, however late one of them comes.
    assert.deepEqual(await ask(arena.handle()), ["EBUSY", "EBUSY", "attached"], `round ${round}`);
    assert.deepEqual(await ask("end"), ["ended", "ended", "ended"]);
  }
  for (const worker of workers) await worker.terminate();
});

test("a thread that is seen at work is not reaped", async () => {
  const arena = await Arena.create({ cpus: 2 });
  arena.createMap({ type: "hash", name: "map", key: u32, value: u64, maxEntries: 1000 });
  const entry = new URL("../../dist/index.js", import.meta.url).href;
  const source = `
    const { parentPort, workerData } = require("node:worker_threads");
    import(workerData.entry).then(async ({ Arena }) => {
      const arena = await Arena.attach(workerData.thread);
      const map = arena.openMap("map");
      parentPort.postMessage("on");
      for (let key = 0; ; key = (key + 1) % 900) { map.set(key, 1n); map.delete(key); }
    });`;
  // A machine that gives the thread no core meanwhile leaves nothing to be seen: then once more.
  for (let turn = 0; turn < 50; turn++) {
    const thread = arena.handle();
    const worker = new Worker(source, { eval: true, workerData: { entry, thread } });
    await once(worker, "message");
    try {
      assert.deepEqual(arena.reap(turn % 2 === 0 ? thread : 1), [1]);
    } catch (error) {
      assert.equal((error as AnyctxError).code, "EBUSY");
      assert.match((error as AnyctxError).message, /CPU 1: it is at work/);
      worker.terminate();
      await once(worker, "exit");
      assert.deepEqual(arena.reap(thread), [1]);
      return;
    }
    worker.terminate();
    await once(worker, "exit");
  }
  assert.fail("never seen");
});

test("a reap needs the handle of a thread or the number of a CPU", async () => {
  const arena = await Arena.create({ cpus: 2 });
  for (const thread of [undefined, null, {}, "1", 1.5, -1, 7])
    assert.throws(() => arena.reap(thread as never), { code: "EINVAL" });
});

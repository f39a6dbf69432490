/** An object's life: what it has given out ends with it, nothing of it runs in the middle of another run, and nothing of it stays. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { Arena } from "../arena/arena.ts";
import { u32, u64 } from "../maps/codec/codec.ts";
import { method } from "./live/functions.ts";
import { loadObject, type RunResult } from "./typed-object.ts";

const LATENCY = await readFile("examples/bpf/latency.bpf.o");
const EBADF = { code: "EBADF", message: /its object is closed$/ };

async function make(maximumBytes = 1 << 24) {
  const arena = await Arena.create({ maximumBytes });
  const object = await loadObject(arena, LATENCY);
  return { arena, object, program: object.programs["on_call"] ?? assert.fail() };
}

test("every method of a closed object says that it is closed", async () => {
  const { object, program } = await make();
  object.close();
  object.close();
  assert.throws(() => program.run({ args: [1] }), EBADF);
  assert.throws(() => program.prepare(), EBADF);
  assert.throws(() => program.attach({ attach: () => assert.fail() }), EBADF);
  assert.throws(() => object.advance(1), EBADF);
  for (const map of Object.values(object.maps)) assert.equal(map.isOpen, false);
});

test("an object that cannot be closed in some context is closed by the next attempt", async () => {
  const { arena, object, program } = await make();
  arena.context("nmi");
  assert.throws(() => object.close(), { code: "EPERM" });
  assert.throws(() => program.run({ args: [1] }), EBADF);
  arena.context("task");
  object.close();
  assert.deepEqual([...arena.maps()], []);
});

test("a source runs a program no more once its object is closed: where its maps were are others", async () => {
  const { arena, object, program } = await make();
  const owner = { call: (id: number): number => id };
  const { call } = owner;
  const link = program.attach(method(owner, "call"));
  owner.call(1);
  object.close();
  arena.poll();
  assert.equal(owner.call, call);
  const map = arena.createMap({ type: "hash", name: "others", key: u32, value: u64, maxEntries: 1000 });
  for (let key = 0; key < 100; key++) map.set(key, BigInt(key));
  for (let id = 0; id < 100; id++) owner.call(id);
  assert.deepEqual([link.runs, link.errors], [1, 0]);
  for (let key = 0; key < 100; key++) assert.equal(map.get(key), BigInt(key));
});

test("a program whose map was destroyed does not run", async () => {
  const { arena, object, program } = await make();
  const prepared = program.prepare();
  arena.destroyMap("began");
  assert.throws(() => program.run({ args: [1] }), { code: "EBADF", message: /map "began" is closed or destroyed$/ });
  prepared.run();
  assert.deepEqual([prepared.runs, prepared.errors], [0, 1]);
  assert.equal(prepared.firstError, "map began has been closed or destroyed");
  object.close();
});

test("a prepared program that is closed writes nowhere", async () => {
  const { arena, program } = await make();
  const prepared = program.prepare();
  prepared.close();
  const all = new Uint8Array(arena.memory.buffer);
  const before = all.slice();
  prepared.setArgument(0, 0x5a5a5a5an);
  prepared.setReturned(0, 0x5a5a5a5an);
  prepared.setPeriod(0x5a5a5a5a);
  prepared.run();
  assert.equal(Buffer.compare(before, all), 0);
});

test("a program may close itself in the middle of its run, and its memory goes when that is over", async () => {
  const { arena, program } = await make();
  const [first] = arena.allocators();
  assert.equal(first, undefined);
  const owner = { call: (id: number): number => id };
  const seen: number[] = [];
  const link = program.attach(
    method(owner, "call", {
      take: (id: number) => {
        seen.push(id);
        link.close();
        return [id];
      },
    }),
  );
  owner.call(1);
  owner.call(2);
  assert.deepEqual([seen, link.errors], [[1], 0]);
});

test("in the middle of a run nothing else of an object runs on this thread, and no object is closed", async () => {
  const arena = await Arena.create({ maximumBytes: 1 << 24 });
  const refused: unknown[] = [];
  const attempt = (act: () => unknown): void => {
    try {
      act();
    } catch (error) {
      refused.push((error as { code: string }).code);
    }
  };
  const helpers = {
    ktime_get_ns: (): bigint => {
      attempt(() => program.run({ args: [2] }));
      attempt(() => object.advance(1));
      attempt(() => object.close());
      prepared.run();
      return 7n;
    },
  };
  const object = await loadObject(arena, LATENCY, { helpers });
  const program = object.programs["on_call"] ?? assert.fail();
  const prepared = program.prepare();
  const { error }: RunResult = program.run({ args: [1] });
  assert.deepEqual([error, refused, prepared.missed], [undefined, ["EBUSY", "EBUSY", "EBUSY"], 1]);
  assert.equal(object.maps["began"]?.size, 1);
  object.close();
});

test("objects that come and go leave no memory behind; one that finds none leaves nothing", async () => {
  const arena = await Arena.create({ maximumBytes: 4 << 20 });
  const cycle = async (): Promise<void> => {
    using object = await loadObject(arena, LATENCY, { mapEntries: { began: 64 } });
    object.programs["on_call"]?.run({ args: [1] });
    object.programs["on_call"]?.prepare();
  };
  for (let count = 0; count < 400; count++) {
    await cycle();
    arena.poll();
  }
  const taken: number[] = [];
  assert.throws(() => {
    while (true) taken.push(arena.allocate(4096));
  });
  for (let given = 0; given < taken.length; given++) {
    try {
      await cycle();
      break;
    } catch (error) {
      assert.equal((error as { code: string }).code, "ENOMEM");
      assert.deepEqual([...arena.maps()], []);
      arena.core.freeBytes(taken.pop() as number);
      arena.poll();
    }
  }
  await cycle();
});

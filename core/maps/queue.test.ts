import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ERRNO } from "../../src/error.ts";
import { bytes, none, u32 } from "../../src/maps/codec.ts";
import { type ArenaMap, EXIST } from "../../src/maps/map.ts";
import { LAYOUT } from "../../src/wasm/face.ts";
import { LEVEL, makeArena } from "../testing.ts";

const arena = await makeArena({ maximumBytes: 256 << 20 });

function makeQueue(valueSize: number, maxEntries: number): ArenaMap<undefined, Uint8Array> {
  return arena.createMap({ type: "queue", name: "queue", key: none, value: bytes(valueSize), maxEntries });
}

test("any sequence of pushes and takes is that of a list", () => {
  const step = fc.oneof(fc.constant("take" as const), fc.constant("peek" as const), fc.nat(255), fc.constant("drop"));
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9 }), fc.array(step, { maxLength: 100 }), (maxEntries, steps) => {
      const queue = makeQueue(5, maxEntries);
      const model: number[] = [];
      try {
        for (const each of steps) {
          if (each === "take") assert.equal(queue.take(undefined)?.[4], model.shift());
          else if (each === "peek") assert.equal(queue.get(undefined)?.[4], model[0]);
          else {
            const value = typeof each === "number" ? each : 7;
            const isFull = model.length === maxEntries;
            const result = queue.update(undefined, new Uint8Array(5).fill(value), each === "drop" ? EXIST : 0);
            assert.equal(result, isFull && each !== "drop" ? -ERRNO.E2BIG : 0);
            if (isFull && each === "drop") model.shift();
            if (result === 0) model.push(value);
          }
          assert.equal(queue.size, model.length);
        }
      } finally {
        queue.close();
        arena.destroyMap("queue");
      }
    }),
  );
});

test("an NMI that interrupts the lock's owner gets -EBUSY; a dead owner's lock goes when it is reaped", () => {
  const queue = makeQueue(8, 4);
  queue.set(undefined, new Uint8Array(8));
  const ring = arena.word(queue.info.address + LAYOUT.MapHeader.storage);
  const lock = new Uint32Array(arena.memory.buffer, ring + LAYOUT.Ring.lock, 1);
  lock[0] = arena.cpu + 1;
  const below = arena.core.contextEnter(LEVEL.nmi);
  assert.equal(queue.update(undefined, new Uint8Array(8)), -ERRNO.EBUSY);
  arena.core.contextLeave(below);
  lock[0] = 0;
  const other = arena.takeCpu();
  lock[0] = other + 1;
  arena.switchCpu(0);
  // The slot is another thread's as far as the core can tell.
  assert.equal(arena.core.reapCpu(other, arena.word(arena.core.cpuAreaAddress(other) + LAYOUT.CpuArea.owner)), 0);
  assert.equal(queue.take(undefined)?.length, 8);
  queue.close();
  arena.destroyMap("queue");
});

test("what a queue cannot do is refused: keys, walks, deletions, prefills", () => {
  assert.throws(() => arena.createMap({ type: "queue", name: "keyed", key: u32, value: bytes(8), maxEntries: 4 }), {
    code: "EINVAL",
  });
  const queue = makeQueue(8, 4);
  assert.throws(() => [...queue], { code: "EINVAL", message: /cannot be walked/ });
  assert.equal(queue.delete(undefined), false);
  assert.equal(queue.prefill(1), -ERRNO.EINVAL);
  assert.equal(queue.info.kind.program.lookup, undefined);
  queue.close();
  arena.destroyMap("queue");
});

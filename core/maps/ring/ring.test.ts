/** Queues and stacks against a JavaScript list, and what the ring's lock does. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ERRNO } from "../../../src/error.ts";
import { bytes, none, u32 } from "../../../src/maps/codec/codec.ts";
import { type ArenaMap, EXIST } from "../../../src/maps/map.ts";
import { LAYOUT } from "../../../src/wasm/face.ts";
import { LEVEL, makeArena } from "../../testing.ts";

const arena = await makeArena({ maximumBytes: 256 << 20 });

type Type = "queue" | "stack";

function makeRing(type: Type, valueSize: number, maxEntries: number): ArenaMap<undefined, Uint8Array> {
  return arena.createMap({ type, name: "ring", key: none, value: bytes(valueSize), maxEntries });
}

/** What a kind takes out of a list to whose end is added. */
const ENDS: Readonly<
  Record<Type, { next(list: number[]): number | undefined; take(list: number[]): number | undefined }>
> = {
  queue: { next: (list) => list[0], take: (list) => list.shift() },
  stack: { next: (list) => list.at(-1), take: (list) => list.pop() },
};

for (const type of ["queue", "stack"] as const) {
  test(`${type}: any sequence of pushes and takes is that of a list`, () => {
    const { next, take } = ENDS[type];
    const step = fc.oneof(fc.constant("take" as const), fc.constant("peek" as const), fc.nat(255), fc.constant("drop"));
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9 }), fc.array(step, { maxLength: 100 }), (maxEntries, steps) => {
        const ring = makeRing(type, 5, maxEntries);
        const model: number[] = [];
        try {
          for (const each of steps) {
            if (each === "take") assert.equal(ring.take(undefined)?.[4], take(model));
            else if (each === "peek") assert.equal(ring.get(undefined)?.[4], next(model));
            else {
              const value = typeof each === "number" ? each : 7;
              const isFull = model.length === maxEntries;
              const result = ring.update(undefined, new Uint8Array(5).fill(value), each === "drop" ? EXIST : 0);
              assert.equal(result, isFull && each !== "drop" ? -ERRNO.E2BIG : 0);
              // Whichever comes out first, what is dropped is the oldest.
              if (isFull && each === "drop") model.shift();
              if (result === 0) model.push(value);
            }
            assert.equal(ring.size, model.length);
          }
        } finally {
          ring.close();
          arena.destroyMap("ring");
        }
      }),
    );
  });

  test(`${type}: an NMI that interrupts the lock's owner gets -EBUSY; a dead owner's lock goes when it is reaped`, () => {
    const map = makeRing(type, 8, 4);
    map.set(undefined, new Uint8Array(8));
    const ring = arena.word(map.info.address + LAYOUT.MapHeader.storage);
    const lock = new Uint32Array(arena.memory.buffer, ring + LAYOUT.Ring.lock, 1);
    lock[0] = arena.cpu + 1;
    const below = arena.core.contextEnter(LEVEL.nmi);
    assert.equal(map.update(undefined, new Uint8Array(8)), -ERRNO.EBUSY);
    arena.core.contextLeave(below);
    lock[0] = 0;
    const other = arena.takeCpu();
    lock[0] = other + 1;
    arena.switchCpu(0);
    // The slot is another thread's as far as the core can tell.
    assert.equal(arena.core.reapCpu(other, arena.word(arena.core.cpuAreaAddress(other) + LAYOUT.CpuArea.owner)), 0);
    assert.equal(map.take(undefined)?.length, 8);
    map.close();
    arena.destroyMap("ring");
  });

  test(`${type}: what it cannot do is refused: keys, walks, deletions, prefills`, () => {
    assert.throws(() => arena.createMap({ type, name: "keyed", key: u32, value: bytes(8), maxEntries: 4 }), {
      code: "EINVAL",
    });
    const map = makeRing(type, 8, 4);
    assert.throws(() => [...map], { code: "EINVAL", message: /cannot be walked/ });
    assert.equal(map.delete(undefined), false);
    assert.equal(map.prefill(1), -ERRNO.EINVAL);
    assert.equal(map.info.kind.program.lookup, undefined);
    map.close();
    arena.destroyMap("ring");
  });
}

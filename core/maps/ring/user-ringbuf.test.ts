/** The user ring buffer: records against a list, drained in parts, some given up, one being filled in front. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ERRNO } from "../../../src/error.ts";
import { none } from "../../../src/maps/codec/codec.ts";
import { LEVEL, makeArena } from "../../testing.ts";

const arena = await makeArena();
const { core } = arena;
const SIZE_BEFORE = 8;

const STEP = fc.oneof(
  fc.record({ what: fc.constant("put" as const), bytes: fc.nat(900) }),
  fc.record({ what: fc.constant("give up" as const), bytes: fc.nat(900) }),
  fc.record({ what: fc.constant("drain" as const), bytes: fc.nat(5) }),
);

test("what is put in is drained in its order, as far as one goes; what is given up is passed over", () => {
  fc.assert(
    fc.property(fc.array(STEP, { maxLength: 200 }), (steps) => {
      const map = arena.createMap({ type: "user_ringbuf", name: "own", key: none, value: none, maxEntries: 4096 });
      const { address } = map.info;
      const inside: Uint8Array[] = [];
      try {
        for (const [index, { what, bytes }] of steps.entries()) {
          if (what === "put") {
            const record = new Uint8Array(bytes).fill(index);
            if (map.output(record) === 0) inside.push(record);
          } else if (what === "give up") {
            const record = core.ringbufReserve(address, bytes, 0) >>> 0;
            if (record !== 0) core.ringbufDiscard(record, 0);
          } else {
            assert.equal(core.userRingbufBegin(address), 0);
            for (let turn = 0; turn < bytes; turn++) {
              const record = core.userRingbufNext(address) >>> 0;
              const expected = inside.shift();
              assert.equal(record !== 0, expected !== undefined);
              if (expected === undefined) break;
              assert.equal(arena.word(record - SIZE_BEFORE), expected.length);
              assert.deepEqual(new Uint8Array(arena.memory.buffer, record, expected.length).slice(), expected);
              core.userRingbufPass(address);
            }
            core.userRingbufEnd(address);
          }
        }
      } finally {
        map.close();
        arena.destroyMap("own");
      }
    }),
  );
});

test("none behind one that is being filled; whoever interrupts a program that drains is told so", () => {
  const map = arena.createMap({ type: "user_ringbuf", name: "own", key: none, value: none, maxEntries: 4096 });
  const { address } = map.info;
  const first = core.ringbufReserve(address, 4, 0) >>> 0;
  assert.equal(map.output(Uint8Array.of(1)), 0);
  assert.equal(core.userRingbufBegin(address), 0);
  assert.equal(core.userRingbufNext(address), 0);
  core.ringbufSubmit(first, 0);
  assert.equal(core.userRingbufNext(address) >>> 0, first);
  for (const level of [LEVEL.softirq, LEVEL.hardirq, LEVEL.nmi]) {
    const below = core.contextEnter(level);
    assert.equal(core.userRingbufBegin(address), -ERRNO.EBUSY);
    core.contextLeave(below);
  }
  core.userRingbufEnd(address);
  map.close();
  arena.destroyMap("own");
});

/** The ring buffer: records against a list, room, the order of reservations, and what a dead producer leaves. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ERRNO } from "../../../src/error.ts";
import { none, u32 } from "../../../src/maps/codec/codec.ts";
import type { ArenaMap } from "../../../src/maps/map.ts";
import { LAYOUT } from "../../../src/wasm/face.ts";
import { LEVEL, makeArena } from "../../testing.ts";

type Ring = ArenaMap<undefined, undefined>;

const SIZE = 4096;
const arena = await makeArena();
const { core } = arena;

function makeRing(maxEntries = SIZE): Ring {
  return arena.createMap({ type: "ringbuf", name: "ring", key: none, value: none, maxEntries });
}

function destroy(ring: Ring): void {
  ring.close();
  arena.destroyMap("ring");
}

function record(length: number, byte: number): Uint8Array {
  return new Uint8Array(length).fill(byte);
}

/** Bytes that a record takes of the buffer. */
const taken = (length: number): number => 8 + Math.ceil(length / 8) * 8;

test("any sequence of records put in and taken out is that of a list, as far as there is room", () => {
  const step = fc.oneof(fc.constant("take" as const), fc.integer({ min: 0, max: 900 }));
  fc.assert(
    fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
      const ring = makeRing();
      let inside: Uint8Array[] = [];
      try {
        for (const [index, each] of steps.entries()) {
          if (each === "take") {
            assert.deepEqual(ring.takeRecords(), inside);
            inside = [];
            continue;
          }
          const given = record(each, index);
          const used = inside.reduce((sum, { length }) => sum + taken(length), 0);
          const fits = used + taken(each) < SIZE;
          assert.equal(ring.output(given), fits ? 0 : -ERRNO.EAGAIN);
          if (fits) inside.push(given);
          assert.equal(core.ringbufQuery(ring.info.address, 0), BigInt(fits ? used + taken(each) : used));
        }
      } finally {
        destroy(ring);
      }
    }),
  );
});

test("a record that is being filled holds up those behind it; a discarded one is passed over", () => {
  const ring = makeRing();
  const { address } = ring.info;
  const [first, second, third] = [1, 2, 3].map((byte) => {
    const at = core.ringbufReserve(address, 3, 0) >>> 0;
    new Uint8Array(arena.memory.buffer, at, 3).fill(byte);
    return at;
  }) as [number, number, number];
  core.ringbufSubmit(third, 0);
  core.ringbufDiscard(second, 0);
  assert.deepEqual(ring.takeRecords(), []);
  core.ringbufSubmit(first, 0);
  assert.deepEqual(ring.takeRecords(), [record(3, 1), record(3, 3)]);
  assert.equal(core.ringbufQuery(address, 0), 0n);
  destroy(ring);
});

test("records larger than what is taken at once come one by one, and none is larger than the buffer", () => {
  const ring = makeRing(1 << 17);
  for (const byte of [1, 2]) assert.equal(ring.output(record(40_000, byte)), 0);
  assert.deepEqual(ring.takeRecords(), [record(40_000, 1)]);
  assert.deepEqual(ring.takeRecords(), [record(40_000, 2)]);
  assert.deepEqual(ring.takeRecords(), []);
  assert.equal(ring.output(record((1 << 17) - 8, 1)), -ERRNO.EAGAIN);
  assert.equal(ring.output(record((1 << 17) - 16, 1)), 0);
  destroy(ring);
});

test("an NMI in the middle of a reservation gets nothing, otherwise it puts in; it takes nothing from a consumer", () => {
  const ring = makeRing();
  const storage = arena.word(ring.info.address + LAYOUT.MapHeader.storage);
  const words = (at: number): Uint32Array => new Uint32Array(arena.memory.buffer, storage + at, 1);
  const below = core.contextEnter(LEVEL.nmi);
  assert.equal(ring.output(record(1, 1)), 0);
  for (const [at, use] of [
    [LAYOUT.Ringbuf.lock, () => assert.equal(ring.output(record(1, 2)), -ERRNO.EAGAIN)],
    [LAYOUT.Ringbuf.consumerLock, () => assert.throws(() => ring.takeRecords(), { code: "EBUSY" })],
  ] as const) {
    words(at)[0] = arena.cpu + 1;
    use();
    words(at)[0] = 0;
  }
  core.contextLeave(below);
  assert.deepEqual(ring.takeRecords(), [record(1, 1)]);
  destroy(ring);
});

test("what a dead thread was filling is discarded when it is reaped, and both locks go", () => {
  const ring = makeRing();
  const { address } = ring.info;
  const other = arena.takeCpu();
  assert.ok(core.ringbufReserve(address, 10, 0) !== 0);
  const storage = arena.word(address + LAYOUT.MapHeader.storage);
  for (const at of [LAYOUT.Ringbuf.lock, LAYOUT.Ringbuf.consumerLock])
    new Uint32Array(arena.memory.buffer, storage + at, 1)[0] = other + 1;
  arena.switchCpu(0);
  assert.equal(core.reapCpu(other, arena.word(core.cpuAreaAddress(other) + LAYOUT.CpuArea.owner)), 0);
  assert.equal(ring.output(record(2, 2)), 0);
  assert.deepEqual(ring.takeRecords(), [record(2, 2)]);
  destroy(ring);
});

test("a consumer gets what comes while it waits, and ends with its signal", async () => {
  const ring = makeRing();
  const signal = { aborted: false };
  const got: number[] = [];
  setTimeout(() => ring.output(record(1, 7)), 5);
  for await (const [byte] of ring.consume({ signal })) {
    got.push(byte as number);
    if (got.length === 3) signal.aborted = true;
    else ring.output(record(1, got.length));
  }
  assert.deepEqual(got, [7, 1, 2]);
  destroy(ring);
});

test("a consumer that always finds records lets the event loop go on", async () => {
  const ring = makeRing();
  let turns = 0;
  const timer = setInterval(() => turns++, 1);
  const end = Date.now() + 200;
  ring.output(record(1, 1));
  for await (const _ of ring.consume()) {
    ring.output(record(1, 1));
    if (turns > 2 || Date.now() > end) break;
  }
  clearInterval(timer);
  assert.ok(turns > 2);
  destroy(ring);
});

test("sizes that are no power of two, keys, values and other kinds are refused", () => {
  for (const maxEntries of [1, 2048, 4095, 12288])
    assert.throws(() => makeRing(maxEntries), { code: "EINVAL" }, `${maxEntries}`);
  const options = { type: "ringbuf", name: "odd", key: none, value: u32, maxEntries: SIZE } as const;
  assert.throws(() => arena.createMap(options), { code: "EINVAL" });
  const hash: ArenaMap<number, number> = arena.createMap({
    type: "hash",
    name: "hash",
    key: u32,
    value: u32,
    maxEntries: 4,
  });
  for (const use of [() => hash.output(record(1, 1)), () => hash.takeRecords(), () => hash.consume()])
    assert.throws(use, { code: "EINVAL", message: /has no records/ });
  hash.close();
  const ring = makeRing();
  assert.throws(() => ring.output("x" as never), { code: "EINVAL" });
  assert.throws(() => ring.set(undefined, undefined), { code: "EINVAL" });
  assert.equal(ring.get(undefined), undefined);
  destroy(ring);
});

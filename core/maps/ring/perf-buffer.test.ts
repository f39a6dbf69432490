/** The rings of a perf event array: records against lists, what is lost, who reads, outputs inside outputs, and what the dead leave. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Arena } from "../../../src/arena/arena.ts";
import { ERRNO } from "../../../src/error.ts";
import { u32 } from "../../../src/maps/codec/codec.ts";
import type { PerfRecord } from "../../../src/maps/perf-buffer.ts";
import { LAYOUT } from "../../../src/wasm/face.ts";
import { LEVEL, makeArena } from "../../testing.ts";

const BYTES = 4096;

/** A perf event array, and a program's output to it from one CPU: two parts, as with some of a packet. */
function makeEvents(arena: Arena, name = "events") {
  const map = arena.createMap({ type: "perf_event_array", name, key: u32, value: u32, maxEntries: 2 });
  const room = arena.allocate(1 << 17);
  const { address } = map.info;
  const output = (record: Uint8Array, split = record.length): number => {
    new Uint8Array(arena.memory.buffer, room, record.length).set(record);
    return arena.core.perfOutput(address, room, split, room + split, record.length - split);
  };
  const on = (cpu: number, act: () => number): number => {
    const before = arena.cpu;
    arena.switchCpu(cpu);
    try {
      return act();
    } finally {
      arena.switchCpu(before);
    }
  };
  return { map, address, output, on };
}

async function makeTwo() {
  const arena = await makeArena();
  arena.takeCpu();
  arena.switchCpu(0);
  return arena;
}

const record = (length: number, byte: number): Uint8Array => new Uint8Array(length).fill(byte);
const taken = (length: number): number => 8 + Math.ceil(length / 8) * 8;

test("any sequence of outputs of two CPUs and of taking out is that of a list for each CPU, and what finds no room is counted", async () => {
  const arena = await makeTwo();
  const { map, output, on } = makeEvents(arena);
  const put = fc.record({ cpu: fc.nat({ max: 1 }), length: fc.nat({ max: 5000 }), split: fc.nat({ max: 5000 }) });
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.constant("take" as const), put), { maxLength: 100 }), (steps) => {
      const buffer = map.openPerfBuffer({ bytes: BYTES });
      const lists: PerfRecord[][] = [[], []];
      const [lost, since] = [
        [0, 0],
        [0, 0],
      ];
      for (const [index, step] of steps.entries()) {
        if (step === "take") {
          assert.deepEqual(
            buffer.take().sort((a, b) => a.cpu - b.cpu),
            lists.flat(),
          );
          for (const list of lists) list.length = 0;
          continue;
        }
        const { cpu, length, split } = step;
        const list = lists[cpu] as PerfRecord[];
        const used = list.reduce((sum, each) => sum + taken(each.bytes.length), 0);
        const fits = used + taken(length) <= BYTES;
        const given = Uint8Array.from({ length }, (_, at) => index + at);
        assert.equal(
          on(cpu, () => output(given, Math.min(split, length))),
          fits ? 0 : -ERRNO.ENOSPC,
        );
        if (fits) list.push({ cpu, bytes: given, lost: since[cpu] as number });
        since[cpu] = fits ? 0 : (since[cpu] as number) + 1;
        if (!fits) lost[cpu] = (lost[cpu] as number) + 1;
        assert.deepEqual(buffer.lost, lost);
      }
      buffer.close();
    }),
  );
});

test("without a reader nothing is handed over; who opens it begins with nothing, and two share what comes", async () => {
  const arena = await makeTwo();
  const { map, address, output } = makeEvents(arena);
  const before = arena.core.pagesInUse();
  assert.equal(output(record(1, 1)), -ERRNO.ENOENT);
  assert.equal(arena.core.pagesInUse(), before, "rings are made when somebody opens them");
  const first = map.openPerfBuffer({ bytes: BYTES });
  assert.deepEqual(
    [0, 1, 2, 0xffffffff].map((cpu) => arena.core.perfIsOpen(address, cpu)),
    [1, 1, 0, 0],
  );
  assert.equal(output(record(1, 1)), 0);
  const second = map.openPerfBuffer();
  assert.deepEqual(second.take(), [{ cpu: 0, bytes: record(1, 1), lost: 0 }]);
  assert.deepEqual(first.take(), []);
  first.close();
  first.close();
  assert.equal(output(record(1, 2)), 0);
  assert.equal(output(record(5000, 2)), -ERRNO.ENOSPC);
  second.close();
  assert.equal(output(record(1, 3)), -ERRNO.ENOENT);
  using third = map.openPerfBuffer();
  assert.deepEqual([third.take(), third.lost], [[], [0, 0]]);
  assert.equal(output(record(1, 4)), 0);
  assert.deepEqual(
    third.take(),
    [{ cpu: 0, bytes: record(1, 4), lost: 0 }],
    "what was lost before it was opened is not its",
  );
  for (const use of [() => first.take(), () => first.consume(), () => first.lost])
    assert.throws(use, { code: "EBADF", message: /perf buffer of map "events"/ });
});

test("an output in the middle of another is shown with it, and not before", async () => {
  const arena = await makeTwo();
  const { map, address, output } = makeEvents(arena);
  using buffer = map.openPerfBuffer({ bytes: BYTES });
  const ring = arena.word(address + LAYOUT.MapHeader.storage);
  const depth = new Uint32Array(arena.memory.buffer, ring + LAYOUT.PerfRing.depth, 1);
  // As an NMI finds it that has interrupted an output.
  depth[0] = 1;
  const below = arena.core.contextEnter(LEVEL.nmi);
  assert.equal(output(record(3, 1)), 0);
  arena.core.contextLeave(below);
  assert.equal(depth[0], 1);
  assert.deepEqual(buffer.take(), []);
  depth[0] = 0;
  assert.equal(output(record(3, 2)), 0);
  assert.deepEqual(
    buffer.take().map(({ bytes }) => bytes[0]),
    [1, 2],
  );
});

test("a dead thread's output is lost and counted, its lock goes, and it reads no more", async () => {
  const arena = await makeArena({ cpus: 3 });
  const { map, address, output } = makeEvents(arena);
  const other = arena.takeCpu();
  const reader = map.openPerfBuffer({ bytes: BYTES });
  assert.equal(output(record(8, 1)), 0);
  const ringBytes = LAYOUT.PerfRing.consumed + 64 + BYTES;
  const ringOf = (cpu: number): number => arena.word(address + LAYOUT.MapHeader.storage) + cpu * ringBytes;
  const word = (cpu: number, field: keyof typeof LAYOUT.PerfRing): Uint32Array =>
    new Uint32Array(arena.memory.buffer, ringOf(cpu) + LAYOUT.PerfRing[field], 1);
  // It reserved a second record, and consumed CPU 0's.
  word(other, "depth")[0] = 1;
  word(other, "reserved")[0] = 32;
  word(0, "lock")[0] = other + 1;
  arena.switchCpu(0);
  const below = arena.core.contextEnter(LEVEL.nmi);
  assert.throws(() => reader.take(), { code: "EBUSY" });
  arena.core.contextLeave(below);
  assert.equal(arena.core.reapCpu(other, arena.word(arena.core.cpuAreaAddress(other) + LAYOUT.CpuArea.owner)), 0);
  assert.equal(output(record(1, 1)), -ERRNO.ENOENT, "the only reader was the dead CPU's");
  const again = map.openPerfBuffer();
  arena.takeCpu(other);
  assert.equal(output(record(8, 2)), 0);
  assert.deepEqual(again.take(), [{ cpu: other, bytes: record(8, 2), lost: 0 }]);
  assert.equal(arena.core.perfLost(address, other), 1);
});

test("what interrupted the end of a dead thread's output is whole: it is shown once it is reaped", async () => {
  const arena = await makeTwo();
  const { map, address, output, on } = makeEvents(arena);
  using buffer = map.openPerfBuffer({ bytes: BYTES });
  const last = record(8, 1);
  on(1, () => output(last));
  // Its outermost output had read how far to show before that, and said that it is at its end.
  const ringBytes = LAYOUT.PerfRing.consumed + 64 + BYTES;
  const ring = arena.word(address + LAYOUT.MapHeader.storage) + ringBytes;
  new Uint32Array(arena.memory.buffer, ring + LAYOUT.PerfRing.produced, 1)[0] = 0;
  assert.deepEqual(buffer.take(), []);
  assert.equal(arena.core.reapCpu(1, arena.word(arena.core.cpuAreaAddress(1) + LAYOUT.CpuArea.owner)), 0);
  assert.deepEqual(buffer.take(), [{ cpu: 1, bytes: last, lost: 0 }]);
  assert.equal(arena.core.perfLost(address, 1), 0);
});

test("an error of one CPU's ring costs no record of another's", async () => {
  const arena = await makeTwo();
  const { map, address, output, on } = makeEvents(arena);
  using buffer = map.openPerfBuffer({ bytes: BYTES });
  const second = arena.word(address + LAYOUT.MapHeader.storage) + 128 + BYTES;
  const lock = new Uint32Array(arena.memory.buffer, second + LAYOUT.PerfRing.lock, 1);
  const put = (): number => output(record(1, 1)) + on(1, () => output(record(1, 2)));
  assert.equal(put(), 0);
  // This very CPU has it, further down.
  lock[0] = 1;
  assert.deepEqual(buffer.take(), [{ cpu: 0, bytes: record(1, 1), lost: 0 }]);
  assert.throws(() => buffer.take(), {
    code: "EBUSY",
    message:
      'Cannot consume the perf buffer of map "events": another thread is in the middle of an operation on it, and this one may not wait',
  });
  lock[0] = 0;
  assert.deepEqual(buffer.take(), [{ cpu: 1, bytes: record(1, 2), lost: 0 }]);
});

test("a consumer gets what comes while it waits, and ends with its buffer, its map, its arena, or a map that another thread destroys", async () => {
  for (const end of ["buffer", "signal", "map", "destroyed", "destroyed elsewhere", "arena"]) {
    const arena = await makeTwo();
    const { map, output } = makeEvents(arena);
    const buffer = map.openPerfBuffer();
    const signal = { aborted: false };
    const ends: Readonly<Record<string, () => void>> = {
      signal: () => {
        signal.aborted = true;
      },
      buffer: () => buffer.close(),
      map: () => map.close(),
      destroyed: () => arena.destroyMap("events"),
      "destroyed elsewhere": () => assert.equal(arena.core.destroyMap(map.info.address), 0),
      arena: () => arena.detach(),
    };
    const got: number[] = [];
    setTimeout(() => output(record(1, 7)), 3);
    for await (const { bytes } of buffer.consume({ signal })) {
      got.push(bytes[0] as number);
      setTimeout(() => ends[end]?.(), 3);
    }
    assert.deepEqual(got, [7], end);
    buffer.close();
    assert.equal(buffer.isOpen, false);
    if (end !== "arena") arena.detach();
  }
});

test("sizes that cannot be, a second size and other kinds are refused, and nothing is half made", async () => {
  const arena = await makeArena({ maximumBytes: 8 << 20 });
  const { map, output } = makeEvents(arena);
  for (const bytes of [0, 1, 4095, 6144, 2 ** 31, 2 ** 32 + 4096, -4096, 4096.5, Number.NaN, "4096"])
    assert.throws(() => map.openPerfBuffer({ bytes: bytes as number }), { code: "EINVAL", message: /power of two/ });
  assert.throws(() => map.openPerfBuffer({ size: 4096 } as never), { code: "EINVAL" });
  assert.throws(() => map.openPerfBuffer({ bytes: 1 << 22 }), { code: "ENOMEM" });
  assert.equal(output(record(1, 1)), -ERRNO.ENOENT);
  map.openPerfBuffer({ bytes: BYTES }).close();
  assert.throws(() => map.openPerfBuffer({ bytes: 2 * BYTES }), {
    code: "EEXIST",
    message: 'Map "events" has rings already, which are not of 8192 bytes',
  });
  const pages = arena.core.pagesInUse();
  arena.destroyMap("events");
  assert.ok(arena.core.pagesInUse() < pages);
  const hash = arena.createMap({ type: "hash", name: "hash", key: u32, value: u32, maxEntries: 4 });
  // @ts-expect-error a hash has none
  assert.throws(() => hash.openPerfBuffer(), { code: "EINVAL", message: 'Map "hash" has no perf buffer: it is hash' });
  const readOnly = { type: "perf_event_array", name: "ro", key: u32, value: u32, maxEntries: 2, flags: 8 } as const;
  assert.throws(() => arena.createMap(readOnly).openPerfBuffer(), { code: "EPERM" });
});

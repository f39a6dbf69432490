import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import fc from "fast-check";
import { AnyctxError } from "../../error.ts";
import { openEventStream } from "../open.ts";
import { chunksIn, drain } from "../testing.ts";
import { KERNEL_FORMATS } from "../tracepoints/kernel-formats.ts";
import { Rounds, type Row } from "./order.ts";
import { pieceOf } from "./records.ts";

const FILE = gunzipSync(readFileSync("test/data/events/perf.data.gz"));
const open = (bytes: Uint8Array) => openEventStream(chunksIn(bytes), { name: "perf.data" });
const refused = (pattern: RegExp) => (error: unknown) => error instanceof AnyctxError && pattern.test(error.message);

test("a perf.data is known by its first bytes", async () => {
  const stream = await open(FILE);
  assert.equal(stream.kind, "perfdata");
  assert.ok((await drain(stream)) > 500);
  assert.deepEqual([stream.counts.lost, stream.counts.skipped], [0, []]);
});

test("what cannot be read is said", async () => {
  await assert.rejects(open(FILE.subarray(0, 90)), refused(/perf\.data is cut or damaged/));
  const big = Uint8Array.from(FILE);
  big.set(new TextEncoder().encode("2ELIFREP"));
  await assert.rejects(open(big), refused(/big-endian machine/));
  const packed = gunzipSync(readFileSync("test/data/events/perf.packed.data.gz"));
  await assert.rejects(open(packed).then(drain), refused(/packed by zstd inside, which is not unpacked here/));
});

const PIPE = gunzipSync(readFileSync("test/data/events/perf.pipe.data.gz"));

test("what perf writes to a pipe is read as it comes, and does not have to end", async () => {
  const whole = await open(PIPE);
  assert.deepEqual([await drain(whole), whole.counts.skipped], [136, []]);
  const rounds = PIPE.subarray(recordsFrom(PIPE));
  async function* endless(): AsyncGenerator<Uint8Array> {
    yield PIPE;
    for (;;) yield rounds;
  }
  const stream = await openEventStream(endless(), { name: "perf.data", asTheyCome: true });
  let read = 0;
  for await (const { count } of stream.batches) {
    read += count;
    if (read > 5000) break;
  }
  assert.deepEqual(stream.counts.skipped, []);
});

/** Where the first sample is. */
function recordsFrom(bytes: Buffer): number {
  for (let at = 16; at < bytes.length; ) {
    const type = bytes.readUInt32LE(at);
    if (type === 9) return at;
    at += bytes.readUInt16LE(at + 6) + (type === 66 ? (bytes.readUInt32LE(at + 8) + 7) & ~7 : 0);
  }
  return -1;
}

test("property: however a recording is cut into chunks, its records are the same", async () => {
  const all = await recordsOf(chunksIn(PIPE));
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 9000 }), { minLength: 1, maxLength: 5 }), async (sizes) => {
      async function* chunks(): AsyncGenerator<Uint8Array> {
        for (let at = 0, turn = 0; at < PIPE.length; turn++) {
          const size = sizes[turn % sizes.length] as number;
          yield PIPE.subarray(at, at + size);
          at += size;
        }
      }
      assert.deepEqual(await recordsOf(chunks()), all);
    }),
    { numRuns: 20 },
  );
});

async function recordsOf(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const { bytes } of (await openEventStream(chunks, { name: "perf.data" })).batches) parts.push(bytes);
  return Buffer.concat(parts);
}

test("rounds: what can go on is in order, and what is later than the round before stays", () => {
  const piece = pieceOf(new Uint8Array(0));
  const rounds = new Rounds();
  const add = (time: number): void =>
    rounds.add({ piece, at: time, size: 0, type: 9 }, 0, { timeLow: time, timeHigh: 0 });
  const times = (rows: readonly Row[]): number[] => rows.map(({ record }) => record.at);
  for (const time of [50, 10, 30]) add(time);
  assert.deepEqual(times(rounds.end()), []);
  for (const time of [40, 70]) add(time);
  assert.deepEqual(times(rounds.end()), [10, 30, 40, 50]);
  add(60);
  assert.deepEqual(times(rounds.end()), [60, 70]);
  add(90);
  add(80);
  assert.deepEqual(times(rounds.rest()), [80, 90]);
});

/** The file with features set or not. */
function withFeature(bit: number, isSet: boolean): Uint8Array {
  const file = Uint8Array.from(FILE);
  const at = 72 + (bit >> 3);
  file[at] = isSet ? (file[at] as number) | (1 << (bit & 7)) : (file[at] as number) & ~(1 << (bit & 7));
  return file;
}

test("numbers of events without what they are: the formats that are given, or one sentence", async () => {
  await assert.rejects(open(withFeature(1, false)), refused(/does not say what its events are.*--formats/));
  const ended = Uint8Array.from(FILE);
  // perf that was killed has not written how long the records are.
  ended.fill(0, 48, 56);
  await assert.rejects(open(ended), refused(/does not say what its events are/));
  const folder = mkdtempSync(join(tmpdir(), "perf-formats-"));
  try {
    mkdirSync(join(folder, "sched"));
    const { id } = KERNEL_FORMATS.find(({ name }) => name === "sched_wakeup") ?? assert.fail();
    const text = `name: sched_wakeup\nID: ${id}\nformat:\n\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\nprint fmt: ""\n`;
    mkdirSync(join(folder, "sched", "sched_wakeup"));
    writeFileSync(join(folder, "sched", "sched_wakeup", "format"), text);
    const stream = await openEventStream(chunksIn(withFeature(1, false)), { name: "perf.data", formats: folder });
    assert.ok((await drain(stream)) > 0);
    assert.deepEqual(
      stream.counts.skipped.map(({ reason }) => reason),
      ["event"],
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("a file of several is called so", async () => {
  await assert.rejects(open(withFeature(24, true)), refused(/of perf record --threads: its events are in the files/));
});

test("what a record has and samples do not is named", async () => {
  const stream = await open(readFileSync("test/data/events/perf.clock.data"));
  await drain(stream);
  assert.deepEqual(
    stream.events.flatMap(({ unprinted }) => unprinted.filter((name) => name.startsWith("("))),
    ["(the record's CPU)"],
  );
});

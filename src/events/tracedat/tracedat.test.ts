import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import fc from "fast-check";
import { AnyctxError } from "../../error.ts";
import { openEventStream } from "../open.ts";
import { RECORD } from "../record.ts";
import { chunksIn, drain } from "../testing.ts";

const FILE = gunzipSync(readFileSync("test/data/events/trace-cmd.v6.dat.gz"));
const open = (bytes: Uint8Array) => openEventStream(chunksIn(bytes), { name: "trace.dat" });
const refused = (pattern: RegExp) => (error: unknown) => error instanceof AnyctxError && pattern.test(error.message);

test("a trace.dat is known by its first bytes, and read in order of time", async () => {
  const stream = await open(FILE);
  assert.equal(stream.kind, "tracedat");
  let last = 0n;
  for await (const { bytes, count } of stream.batches) {
    const first = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
    assert.ok(first >= last && count > 0);
    last = first;
  }
  assert.deepEqual([stream.counts.read, stream.counts.lost, stream.counts.skipped], [1533, 0, []]);
  assert.match(stream.symbols?.nameOf(0xffffffff814352e0n) ?? "", /^tick_nohz_handler\+0x0$/);
});

test("events of CPUs that are not asked for are skipped, with the option that gives them", async () => {
  const stream = await openEventStream(chunksIn(FILE), { cpus: 1 });
  const records = await drain(stream);
  const [row] = stream.counts.skipped;
  assert.deepEqual([row?.reason, row?.option, records + (row?.count ?? 0)], ["cpu", "cpus", 1533]);
});

test("a file that is cut gives what is there, or one sentence", async () => {
  const cut = await open(FILE.subarray(0, FILE.length - 10_000));
  assert.ok((await drain(cut)) < 1533);
  assert.deepEqual(
    cut.counts.skipped.map(({ reason }) => reason),
    ["damaged", "cut"],
  );
  await assert.rejects(open(FILE.subarray(0, 2000)), refused(/trace\.dat is cut or damaged: no .* at byte/));
  const old = Uint8Array.from(FILE);
  old[10] = 0x35;
  await assert.rejects(open(old), refused(/a trace\.dat of version 5; 6 and 7 are read/));
});

/** The file with a second buffer, which has the same pages: an option says where, and a table like the first one's. */
function withBuffer(file: Buffer): Buffer {
  const table = file.indexOf("flyrecord\0");
  const cpus = file.readUInt32LE(file.indexOf("options  \0") - 4);
  const tableBytes = 10 + cpus * 16;
  const option = Buffer.alloc(6 + 12);
  const moved = Buffer.from(file.subarray(table, table + tableBytes));
  for (let cpu = 0; cpu < cpus; cpu++) {
    const at = 10 + cpu * 16;
    moved.writeBigUInt64LE(moved.readBigUInt64LE(at) + BigInt(option.length), at);
  }
  option.writeUInt16LE(3, 0);
  option.writeUInt32LE(12, 2);
  option.writeBigUInt64LE(BigInt(file.length + option.length), 6);
  option.write("foo\0", 14);
  const [front, pages] = [file.subarray(0, table - 2), file.subarray(table + tableBytes)];
  return Buffer.concat([front, option, Buffer.alloc(2), moved, pages, moved]);
}

test("instances have buffers of their own: all are read, in order of time", async () => {
  const stream = await open(withBuffer(FILE));
  let [last, back] = [0n, 0];
  for await (const { bytes } of stream.batches) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    for (let at = 0; at < bytes.byteLength; at += view.getUint32(at + RECORD.size, true)) {
      const time = view.getBigUint64(at + RECORD.time, true);
      if (time < last) back++;
      last = time;
    }
  }
  assert.deepEqual([stream.counts.read, back, stream.counts.skipped], [2 * 1533, 0, []]);
});

test("a machine whose long has 4 bytes is refused", async () => {
  const narrow = Uint8Array.from(FILE);
  narrow[13] = 4;
  await assert.rejects(open(narrow), refused(/a trace\.dat of a machine whose long has 4 bytes; those of 8 are read/));
});

test("property: cut anywhere, a recording gives one sentence, or all but what is said to be missing", async () => {
  const gzipped = (name: string): Buffer => gunzipSync(readFileSync(`test/data/events/${name}`));
  const files = [
    FILE,
    gzipped("perf.data.gz"),
    gzipped("perf.pipe.data.gz"),
    readFileSync("test/data/events/cap.pcap"),
  ];
  const wholes = await Promise.all(files.map(async (file) => drain(await open(file))));
  await fc.assert(
    fc.asyncProperty(fc.nat(files.length - 1), fc.double({ min: 0, max: 1, noNaN: true }), async (which, part) => {
      const file = files[which] as Buffer;
      try {
        const stream = await open(file.subarray(0, Math.floor(file.length * part)));
        const missing = (wholes[which] as number) - (await drain(stream));
        // What has no end of its own (a pipe's, packets) may be cut between two records.
        assert.ok(missing === 0 || stream.counts.skipped.length > 0 || which >= 2);
      } catch (error) {
        assert.ok(error instanceof AnyctxError, String(error));
      }
    }),
    { numRuns: 60 },
  );
});

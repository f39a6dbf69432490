import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { AnyctxError } from "../../error.ts";
import { openEventStream } from "../open.ts";
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

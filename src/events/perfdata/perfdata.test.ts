import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { AnyctxError } from "../../error.ts";
import { openEventStream } from "../open.ts";
import { chunksIn, drain } from "../testing.ts";

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
  await assert.rejects(open(packed), refused(/packed by zstd inside, which is not unpacked here/));
});

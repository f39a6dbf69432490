/** Files read where they lie: the same as in memory, whatever is asked for and however often. */
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { gunzipSync } from "node:zlib";
import fc from "fast-check";
import { UNPACKERS } from "../cli/unpackers.ts";
import { AnyctxError } from "../error.ts";
import { memoryRange } from "./bytes.ts";
import { openEvents } from "./file.ts";
import { fileRange } from "./file-bytes.ts";
import { openEventStream } from "./open.ts";
import { chunksIn } from "./testing.ts";

const folder = mkdtempSync(join(tmpdir(), "bytes-"));
after(() => rmSync(folder, { recursive: true }));

test("property: parts of a file are those of the same bytes in memory", () => {
  const bytes = Uint8Array.from({ length: 600_000 }, (_, index) => (index * 31) ^ (index >> 8));
  const path = join(folder, "bytes");
  writeFileSync(path, bytes);
  const file = fileRange(path, bytes.length);
  const place = fc.nat(700_000);
  fc.assert(
    fc.property(fc.array(fc.tuple(place, fc.nat(300_000), fc.boolean()), { maxLength: 8 }), (asked) => {
      let [one, other] = [file, memoryRange(bytes)];
      for (const [from, length, isPart] of asked) {
        assert.deepEqual(one.subarray(from, from + length), other.subarray(from, from + length));
        if (isPart) [one, other] = [one.part(from, from + length), other.part(from, from + length)];
        assert.equal(one.length, other.length);
      }
    }),
    { numRuns: 50 },
  );
  file.close();
});

for (const [name, read] of [
  ["trace-cmd.v6.dat.gz", (path: string): Uint8Array => gunzipSync(readFileSync(path))],
  ["trace-cmd.v7.dat", (path: string): Uint8Array => readFileSync(path)],
] as const)
  test(`${name} from a file is what it is from a stream`, async () => {
    const bytes = read(`test/data/events/${name}`);
    const path = join(folder, name.replace(".gz", ""));
    writeFileSync(path, bytes);
    const fromFile = await openEvents(path, { unpackers: UNPACKERS });
    const fromStream = await openEventStream(chunksIn(bytes), { unpackers: UNPACKERS });
    const records = async (batches: AsyncIterable<{ readonly bytes: Uint8Array }>): Promise<string[]> => {
      const all: string[] = [];
      for await (const batch of batches) all.push(Buffer.from(batch.bytes).toString("base64"));
      return all;
    };
    assert.deepEqual(await records(fromFile.batches), await records(fromStream.batches));
    assert.deepEqual(fromFile.counts.skipped, []);
    assert.ok(fromFile.progress.read > 0 && fromFile.progress.total === bytes.length);
  });

test("a file that becomes shorter while it is read is one sentence", async () => {
  const bytes = gunzipSync(readFileSync("test/data/events/trace-cmd.v6.dat.gz"));
  const path = join(folder, "shrinks.dat");
  // Enough zeroes behind it that its header's window is not all of it.
  const large = new Uint8Array(bytes.length);
  large.set(bytes);
  writeFileSync(path, large);
  const stream = await openEvents(path);
  truncateSync(path, 5000);
  await assert.rejects(
    async () => {
      for await (const _ of stream.batches);
    },
    (error: unknown) => error instanceof AnyctxError && /has become shorter/.test(error.message),
  );
});

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { AnyctxError } from "../../error.ts";
import { openEventStream } from "../open.ts";
import { chunksIn, drain } from "../testing.ts";

const PCAP = readFileSync("test/data/events/cap.pcap");
const refused = (pattern: RegExp) => (error: unknown) => error instanceof AnyctxError && pattern.test(error.message);

test("captures are known by their first bytes, in either byte order", async () => {
  const swapped = new DataView(Uint8Array.from(PCAP).buffer);
  for (const at of [0, 8, 12, 16, 20]) swapped.setUint32(at, swapped.getUint32(at, true), false);
  for (const at of [4, 6]) swapped.setUint16(at, swapped.getUint16(at, true), false);
  for (let at = 24; at < swapped.byteLength; ) {
    const length = swapped.getUint32(at + 8, true);
    for (const place of [0, 4, 8, 12]) swapped.setUint32(at + place, swapped.getUint32(at + place, true), false);
    at += 16 + length;
  }
  const files = [PCAP, new Uint8Array(swapped.buffer), readFileSync("test/data/events/cap.pcapng")];
  for (const bytes of files) {
    const stream = await openEventStream(chunksIn(bytes, 100));
    assert.deepEqual([stream.kind, await drain(stream), stream.counts.skipped], ["pcap", 12, []]);
  }
});

test("a capture that is cut, or of a link that is not known", async () => {
  const cut = await openEventStream(chunksIn(PCAP.subarray(0, PCAP.length - 3)));
  assert.deepEqual([await drain(cut), cut.counts.skipped.map(({ reason }) => reason)], [11, ["damaged"]]);
  const odd = Uint8Array.from(PCAP);
  odd[20] = 147;
  const stream = await openEventStream(chunksIn(odd), { name: "odd.pcap" });
  await assert.rejects(drain(stream), refused(/odd\.pcap is a capture without a packet that can be read/));
  assert.deepEqual([...(stream.counts.skipped[0]?.names ?? [])], [["147", 12]]);
});

test("packets that were cut while they were captured are counted", async () => {
  const short = Uint8Array.from(PCAP);
  // It was one byte longer on the wire.
  short[24 + 12] = (short[24 + 12] as number) + 1;
  const stream = await openEventStream(chunksIn(short));
  await drain(stream);
  assert.deepEqual(stream.counts.unreadable, [{ event: "packet", field: "data", count: 1 }]);
});

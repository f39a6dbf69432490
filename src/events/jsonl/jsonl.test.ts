import assert from "node:assert/strict";
import { test } from "node:test";
import { openEventStream } from "../open.ts";
import { chunksIn, drain } from "../testing.ts";

const lines = (...objects: readonly unknown[]): Uint8Array =>
  new TextEncoder().encode(objects.map((each) => `${JSON.stringify(each)}\n`).join(""));

test("JSON lines are known by their first line; what a line lacks is 0", async () => {
  const stream = await openEventStream(chunksIn(lines({ packet: "00" }, { time: 5, packet: "0011" }), 3));
  assert.deepEqual([stream.kind, await drain(stream), stream.counts.skipped], ["jsonl", 2, []]);
});

test("values that are not what their names say are skipped, and their lines said", async () => {
  const wrong = [{ cpu: -1 }, { time: "x" }, { level: "irq" }, { comm: 7 }, { packet: "0" }, { pid: 2 ** 40 }];
  const bytes = lines({ packet: "00" }, ...wrong.map((each) => ({ packet: "00", ...each })));
  const stream = await openEventStream(chunksIn(bytes));
  assert.equal(await drain(stream), 1);
  assert.deepEqual(
    stream.counts.skipped.map(({ reason, count, first }) => [reason, count, first]),
    [["value", wrong.length, 2]],
  );
});

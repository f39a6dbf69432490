import assert from "node:assert/strict";
import { test } from "node:test";
import { openEventStream } from "../open.ts";
import { RECORD } from "../record.ts";
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

/** The records of a text, and what was skipped of it. */
async function read(text: string): Promise<{ records: DataView[]; skipped: unknown[] }> {
  const { batches, counts } = await openEventStream(chunksIn(new TextEncoder().encode(text), 50));
  const records: DataView[] = [];
  for await (const { bytes } of batches) {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    for (let at = 0; at < view.byteLength; at += view.getUint32(at + RECORD.size, true))
      records.push(new DataView(bytes.slice(at, at + view.getUint32(at + RECORD.size, true)).buffer));
  }
  return { records, skipped: counts.skipped.map(({ reason, count, names }) => [reason, count, [...names.keys()]]) };
}

test("times are exact, as numbers beyond 2^53 too, or no times", async () => {
  const times = ["1764439012345678901", '"18446744073709551615"', "18446744073709551616", "[5]", "1e3"];
  const { records, skipped } = await read(times.map((time) => `{"packet":"00","time":${time}}\n`).join(""));
  assert.deepEqual(
    records.map((record) => record.getBigUint64(RECORD.time, true)),
    [1764439012345678901n, 18446744073709551615n, 1000n],
  );
  assert.deepEqual(skipped, [["value", 2, []]]);
});

test("packets have the task of their line, and names the bytes that they have in UTF-8", async () => {
  const task = { pid: 7, tgid: 6, uid: 5, gid: 4, preempt: 3 };
  const comms = ['"\\u4e2d"', '"中"'];
  const text = comms.map((comm) => `{"packet":"00",${JSON.stringify(task).slice(1, -1)},"comm":${comm}}\n`).join("");
  for (const record of (await read(text)).records) {
    const numbers = [record.getUint32(RECORD.pidTgid, true), record.getUint32(RECORD.pidTgid + 4, true)];
    const owners = [record.getUint32(RECORD.uidGid, true), record.getUint32(RECORD.uidGid + 4, true)];
    assert.deepEqual([...numbers, ...owners, record.getUint8(RECORD.preempt)], [7, 6, 5, 4, 3]);
    assert.equal(new TextDecoder().decode(new Uint8Array(record.buffer, RECORD.comm, 4)), "中\0");
  }
});

test("a byte order mark is no part of the first line", async () => {
  const { records, skipped } = await read('\ufeff{"packet":"00"}\n');
  assert.deepEqual([records.length, skipped], [1, []]);
});

test("members that lines do not have are named, as are a context and a packet at once", async () => {
  const { records, skipped } = await read('{"packet":"00"}\n{"packet":"00","tme":5}\n{"packet":"00","context":"00"}\n');
  assert.deepEqual([records.length, skipped], [1, [["member", 2, ["tme", "context"]]]]);
});

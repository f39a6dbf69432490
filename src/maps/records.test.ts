/** Records on their way to whoever asks for them: none is lost to a loop that is left, and a wrong call is told what is wrong. */
import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";
import { Arena } from "../arena/arena.ts";
import { none } from "./codec/codec.ts";
import type { ConsumeOptions } from "./records.ts";

const arena = await Arena.create({ maximumBytes: 16 << 20, cpus: 2, seed: 1 });
const ring = arena.createMap({ type: "ringbuf", name: "ring", key: none, value: none, maxEntries: 8192 });

function putIn(count: number): void {
  for (let byte = 0; byte < count; byte++) assert.equal(ring.output(Uint8Array.of(byte)), 0);
}

const bytesOf = (records: readonly Uint8Array[]): number[] => records.map(([byte]) => byte as number);
const range = (from: number, to: number): number[] => Array.from({ length: to - from }, (_, index) => from + index);

test("what a loop that is left has not been handed the next look gives, in its order", async () => {
  putIn(10);
  const seen: Uint8Array[] = [];
  for await (const record of ring.consume()) if (seen.push(record) === 3) break;
  assert.deepEqual(bytesOf(seen), range(0, 3));
  putIn(1);
  await assert.rejects(async () => {
    for await (const record of ring.consume()) if (seen.push(record) === 6) throw new Error("mine");
  }, /mine/);
  // One that is not even ended.
  const { value } = await ring.consume().next();
  assert.deepEqual(bytesOf([...seen, value as Uint8Array]), range(0, 7));
  assert.deepEqual(bytesOf(ring.takeRecords()), range(7, 10));
  assert.deepEqual(bytesOf(ring.takeRecords()), [0]);
  assert.deepEqual(ring.takeRecords(), []);
});

test("a signal ends a loop between two records, and two loops have each record once", async () => {
  putIn(10);
  const signal = { aborted: false };
  const seen: Uint8Array[] = [];
  const all = async (): Promise<void> => {
    for await (const record of ring.consume({ signal })) {
      seen.push(record);
      signal.aborted = seen.length >= 6;
    }
  };
  await Promise.all([all(), all()]);
  assert.deepEqual(bytesOf([...seen, ...ring.takeRecords()]).sort(), range(0, 10));
  assert.ok(seen.length < 10);
});

test("an AbortSignal ends a loop that waits, and is left as it was", async () => {
  const controller = new AbortController();
  const { signal } = controller;
  const begin = Date.now();
  setTimeout(() => controller.abort(), 20);
  for await (const record of ring.consume({ interval: 30_000, signal })) assert.fail(String(record));
  assert.ok(Date.now() - begin < 2000);
  assert.equal(getEventListeners(signal, "abort").length, 0);
});

test("options that there are not, or that cannot be, are refused at once", () => {
  for (const options of [
    null,
    5,
    { intervall: 1 },
    { interval: "1" },
    { interval: -1 },
    { interval: Number.NaN },
    { interval: Number.POSITIVE_INFINITY },
    { signal: null },
    { signal: 5 },
    { signal: {} },
  ])
    assert.throws(() => ring.consume(options as ConsumeOptions), { code: "EINVAL", message: /^consume / });
});

test("a thread without timers is told so", () => {
  const { setTimeout } = globalThis;
  try {
    Reflect.deleteProperty(globalThis, "setTimeout");
    assert.throws(() => ring.consume(), { code: "UNSUPPORTED" });
  } finally {
    globalThis.setTimeout = setTimeout;
  }
});

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import type { SourceEvent } from "../event.ts";
import { cString, takeApart } from "../ftrace/testing.ts";
import type { Trace } from "../ftrace/text.ts";
import { openEventStream } from "../open.ts";
import { chunksIn } from "../testing.ts";
import { parseFormat } from "./format.ts";
import { ProbeEvents } from "./functions.ts";
import { kernelSymbols } from "./symbols.ts";

test("probes that are recorded in binary are events of their functions", async () => {
  const bytes = gunzipSync(readFileSync("test/data/events/charges.perf.pipe.gz"));
  const stream = await openEventStream(chunksIn(bytes), { name: "charges" });
  const records = [];
  for await (const batch of stream.batches) records.push(...takeApart(batch, stream as unknown as Trace));
  const functions = stream.events.flatMap(({ name, function: found }) =>
    found === undefined ? [] : [{ name, found }],
  );
  assert.deepEqual(functions, [
    { name: "charge", found: { name: "charge", offset: 0, at: "entry" } },
    { name: "charge__return", found: { name: "charge", offset: 0, at: "return" } },
  ]);
  assert.deepEqual(
    records.map(({ event }) => event),
    Array.from({ length: 10 }, () => ["charge", "charge__return"]).flat(),
  );
  const fields = stream.events.at(-2)?.format.fields ?? [];
  const offset = (name: string): number => fields.find((field) => field.name === name)?.offset ?? -1;
  const amounts = records
    .filter((_, index) => index % 2 === 0)
    .map(({ payload }) => {
      const who = payload.getUint32(offset("who"), true);
      return [payload.getBigInt64(offset("amount"), true), cString(payload, who & 0xffff, who >>> 16)];
    });
  assert.deepEqual(
    amounts,
    Array.from({ length: 10 }, (_, amount) => [BigInt(amount), "alice"]),
  );
});

const field = (name: string, offset: number): string =>
  `field:unsigned long ${name};\toffset:${offset};\tsize:8;\tsigned:0;\n`;
const rowOf = (index: number, name: string, fields: string): SourceEvent => ({
  ...{ index, name, category: "kprobes", unprinted: [], unreadable: [] },
  format: parseFormat(`name: ${name}\nID: ${index + 1}\n${fields}print fmt: ""\n`, { category: "kprobes" }),
});

test("the kernel's functions are known by their addresses, a row for each", () => {
  const table = [
    rowOf(0, "p_open_0", field("__probe_ip", 8)),
    rowOf(1, "r_open_0", field("__probe_func", 8) + field("__probe_ret_ip", 16)),
    rowOf(2, "other", field("ip", 8)),
  ];
  const probes = new ProbeEvents(
    table,
    kernelSymbols("ffffffff81000000 T vfs_read\nffffffff81000100 T vfs_write\nffffffffc0000000 t go\t[mod]\n"),
  );
  const of = (event: number, address: bigint): number => {
    const entry = new DataView(new ArrayBuffer(32));
    entry.setBigUint64(12, address, true);
    return probes.of(event, new Uint8Array(entry.buffer), 4, 24);
  };
  const found = (event: number, address: bigint): unknown => table[of(event, address)]?.function;
  assert.deepEqual(found(0, 0xffffffff81000000n), { name: "vfs_read", offset: 0, at: "entry" });
  assert.deepEqual(found(0, 0xffffffff81000110n), { name: "vfs_write", offset: 16, at: "entry" });
  assert.deepEqual(found(0, 0xffffffffc0000000n), { name: "go", offset: 0, at: "entry" });
  assert.deepEqual(found(1, 0xffffffff81000000n), { name: "vfs_read", offset: 0, at: "return" });
  // An address that nobody has a name for: the function that the event is named after.
  assert.deepEqual(found(0, 0x4000n), { name: "open", offset: 0, at: "entry" });
  assert.equal(of(2, 0xffffffff81000000n), 2);
  assert.equal(of(0, 0xffffffff81000000n), 3);
  assert.equal(table.length, 8);
  assert.equal(probes.of(0, new Uint8Array(8), 0, 8), 0);
});

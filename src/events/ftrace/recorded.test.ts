/** The recorded trace, read to its end and compared with what regular expressions find in its text. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { openEvents } from "../file.ts";
import { contextOf, RECORD_FLAGS } from "../record.ts";
import { chunksOf, numberField, readText, type Taken, takeApart, textField } from "./testing.ts";
import { readTrace } from "./text.ts";

const PATH = "examples/data/kernel-events.trace.gz";
const TEXT = gunzipSync(readFileSync(PATH));
const lines = TEXT.toString("latin1")
  .split("\n")
  .filter((line) => /^[^#]/.test(line));

const trace = readTrace({ bytes: chunksOf(TEXT, 100_000), name: PATH });
const records: Taken[] = [];
for await (const batch of trace.batches) {
  records.push(...takeApart(batch, trace));
}

test("all 148,959 events of the recorded trace are read, in the contexts they were recorded in", () => {
  const { lines, comments, read, lost, skipped, unreadable } = trace.counts;
  assert.deepEqual([lines, comments, read, lost, skipped], [148_970, 11, 148_959, 0, []]);
  // "handled" is any number but 0.
  assert.deepEqual(unreadable, [{ event: "irq_handler_exit", field: "ret", count: 25 }]);
  assert.equal(records.length, 148_959);
  const contexts = new Map<string, number>();
  for (const { level, flags } of records) {
    const context = contextOf(level, flags);
    contexts.set(context, (contexts.get(context) ?? 0) + 1);
  }
  assert.deepEqual(Object.fromEntries(contexts), { task: 133_877, softirq: 11_528, irqsOff: 3_454, hardirq: 100 });
});

test("the file itself is opened as what it is, with progress in packed bytes", async () => {
  const events = await openEvents(PATH);
  assert.equal(events.progress.total, 1_309_606);
  let count = 0;
  for await (const batch of events.batches) count += batch.count;
  assert.deepEqual([count, events.counts.read, events.progress.read], [148_959, 148_959, 1_309_606]);
});

test("no two of its symbols share a slot, and every event's fields are all printed", () => {
  assert.deepEqual(trace.symbols.collisions, []);
  assert.equal(trace.symbols.size, 171);
  assert.deepEqual(
    trace.events.filter(({ index }) => trace.counts.byEvent[index]).flatMap((event) => event.unprinted),
    [],
  );
});

test("every line's head is what its record says", () => {
  const pattern = /^ *(.*)-(\d+) +\[(\d+)\] (.)(.)(.)(.)(.) +(\d+)\.(\d+): (\w+): /;
  for (const [index, line] of lines.entries()) {
    const [, comm, pid, cpu, irqs, resched, level, preempt, migrate, seconds, micros, event] = pattern.exec(line) ?? [];
    const record = records[index];
    assert.ok(record !== undefined, line);
    const hex = (digit = "."): number => (digit === "." ? 0 : Number.parseInt(digit, 16));
    const actual = [record.comm, record.pid, record.cpu, record.level, record.time, record.event, record.preempt];
    const name = comm === "<idle>" ? `swapper/${Number(cpu)}` : comm;
    const levels: Record<string, number> = { ".": 0, s: 1, h: 2, H: 2 };
    const time = BigInt(`${seconds}${micros}000`);
    assert.deepEqual(actual, [name, Number(pid), Number(cpu), levels[level ?? ""], time, event, hex(preempt)], line);
    assert.equal(record.pidTgid, (BigInt(pid ?? 0) << 32n) | BigInt(pid ?? 0));
    const flags = record.flags;
    assert.deepEqual(
      [(flags & RECORD_FLAGS.irqsOff) !== 0, (flags & RECORD_FLAGS.bhDisabled) !== 0],
      [irqs === "d", irqs === "b"],
      line,
    );
    assert.equal((flags & RECORD_FLAGS.needResched) !== 0, resched === "N" || resched === "n" || resched === "B", line);
    assert.equal(record.payload.getUint8(3), hex(preempt) | (hex(migrate) << 4));
    assert.equal(record.payload.getInt32(4, true), Number(pid));
  }
});

const GFP: Readonly<Record<string, bigint>> = {
  GFP_KERNEL: 0xcc0n,
  GFP_KERNEL_ACCOUNT: 0x400cc0n,
  GFP_NOFS: 0xc40n,
  GFP_NOWAIT: 0x2800n,
  GFP_ATOMIC: 0x820n,
  __GFP_FS: 0x80n,
  __GFP_ZERO: 0x100n,
  __GFP_NOWARN: 0x2000n,
  __GFP_NOFAIL: 0x8000n,
  __GFP_NORETRY: 0x10000n,
  __GFP_COMP: 0x40000n,
  __GFP_NOMEMALLOC: 0x80000n,
  __GFP_HARDWALL: 0x100000n,
  __GFP_ACCOUNT: 0x400000n,
};
const STATES: Readonly<Record<string, bigint>> = { R: 0n, "R+": 0x100n, S: 1n, D: 2n, X: 16n, Z: 32n, I: 128n };

/** How each field is found in the text of a line: the expected value of `name` from what `name=` holds. */
const FIELDS: Readonly<Record<string, (text: string) => bigint | string>> = {
  ptr: (text) => BigInt(`0x${text}`),
  call_site: (text) => text.replace(/\/0x\w+$/, ""),
  gfp_flags: (text) => text.split("|").reduce((bits, word) => bits | (GFP[word] ?? -1n), 0n),
  prev_state: (text) => STATES[text] ?? -1n,
  accounted: (text) => (text === "true" ? 1n : 0n),
  name: (text) => text,
  comm: (text) => text,
  prev_comm: (text) => text,
  next_comm: (text) => text,
  vec: (text) => BigInt(text),
  ret: () => 0n,
};
const NUMBERS = "bytes_req bytes_alloc node pid prio target_cpu prev_pid prev_prio next_pid next_prio irq".split(" ");

test("every field that is printed as name=value is in its place in the struct", () => {
  for (const [index, line] of lines.entries()) {
    const record = records[index];
    if (record === undefined || record.event.startsWith("sys_")) continue;
    const text = line.slice(line.indexOf(`${record.event}: `) + record.event.length + 2);
    for (const [, name = "", value = ""] of text.matchAll(/(\w+)=(\S+)/g)) {
      if (name === "action" || (name === "accounted" && record.event === "kmalloc")) continue;
      const expected = NUMBERS.includes(name) ? BigInt(value.replace(/^0+(?=\d)/, "")) : FIELDS[name]?.(value);
      const isText = typeof expected === "string" && name !== "call_site";
      let actual: bigint | string = isText ? textField(trace, record, name) : numberField(trace, record, name);
      if (name === "call_site") actual = trace.symbols.nameOf(BigInt(actual));
      assert.equal(actual, expected, `${name} of ${line}`);
    }
  }
});

test("every system call's number, arguments and result are in their places", () => {
  for (const [index, line] of lines.entries()) {
    const record = records[index];
    if (record === undefined || !record.event.startsWith("sys_")) continue;
    const [, number = "", list, result] = /NR (-?\d+) (?:\((.*)\)|= (-?\d+))$/.exec(line) ?? [];
    assert.equal(numberField(trace, record, "id"), BigInt(number), line);
    if (result !== undefined) assert.equal(numberField(trace, record, "ret"), BigInt(result), line);
    for (const [position, argument] of (list?.split(", ") ?? []).entries())
      assert.equal(numberField(trace, record, "args", position), BigInt(`0x${argument}`), line);
  }
});

test("the size of chunks and batches changes nothing", async () => {
  const text = `${lines.slice(0, 3000).join("\n")}\n`;
  const whole = await readText(text);
  const total = (taken: readonly Taken[]): bigint =>
    taken.reduce((sum, each) => sum + each.time + BigInt(each.pid), 0n);
  for (const [chunkBytes, batchBytes] of [
    [1, 1 << 20],
    [7, 1],
    [100_000, 50_000],
  ] as const) {
    const again = await readText(text, { batchBytes }, chunkBytes);
    assert.equal(again.records.length, 3000);
    assert.equal(total(again.records), total(whole.records));
  }
});

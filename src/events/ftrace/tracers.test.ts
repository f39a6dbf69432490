/** Lines of tracers that print no event, messages beside them, and the blanks in front of a text. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { numberField, readText, reasons, type Taken, textField } from "./testing.ts";

const HEAD = "            bash-1033    [001] d.s3.  4782.088046: ";
const HEADER =
  "# tracer: nop\n#\n#                                _-----=> irqs-off\n#                               / _----=> need-resched\n#                              | / _---=> hardirq/softirq\n#                              || / _--=> preempt-depth\n#                              ||| / _-=> migrate-disable\n";

test("lines of tracers are told by their tracer, and are no part of a message", async () => {
  const { trace, records } = await readText(
    [
      "tracing_mark_write: hello",
      "#1     inner/outer(us):   11/12    ts:1581527483.343962693 count:6",
      "#1     context thread timer_latency     11700 ns",
      "#1      1000000        190  99.98100       9     18      0   1007     18      1",
      "  8,0    Q   W 12345 + 8 [bash]",
      "    0:120:R   + [003]  2446: 94:R chrt",
    ]
      .map((line) => `${HEAD}${line}\n`)
      .join("")
      .concat("R 4 123.456789 1 0xf0000000 0x1 0x0 0\n"),
  );
  assert.deepEqual(
    records.map(({ event }) => event),
    ["print"],
  );
  assert.equal(textField(trace, records[0] as Taken, "buf").includes("inner"), false);
  assert.deepEqual(
    trace.counts.skipped.map(({ reason, count, names }) => [reason, count, [...names.keys()]]),
    [["tracer", 6, ["hwlat", "timerlat", "osnoise", "blk", "wakeup", "mmiotrace"]]],
  );
});

test("a line with a head is never a further line of the message before it", async () => {
  const { trace } = await readText(
    `${HEAD}tracing_mark_write: hello\nsecond\n${HEAD}init [mymod]: x\n${HEAD}?? what\n`,
  );
  assert.deepEqual(reasons(trace), { continued: 1, event: 1, head: 1 });
});

test("functions of tracers in the latency format", async () => {
  const { trace, records } = await readText(
    "  <idle>-0       3d.h3    1us : ttwu_do_wakeup.constprop.87 <-try_to_wake_up\n  <idle>-0       3d..3   15us+: vfs_read+0x0/0x10 <-schedule\n  <idle>-0       3d..3   16us :      0:120:R ==> [003]  2446: 94:R chrt\n",
  );
  assert.deepEqual(
    records.map(({ event, time, comm }) => [event, time, comm]),
    [
      ["ttwu_do_wakeup.constprop.87", 1000n, "swapper/3"],
      ["vfs_read", 15000n, "swapper/3"],
    ],
  );
  assert.deepEqual(reasons(trace), { tracer: 1 });
});

test("blanks that a text begins with are its own; those of a tool's column are not", async () => {
  const textsOf = async (lines: readonly string[], before = ""): Promise<string[]> => {
    const { trace, records } = await readText(before + lines.map((line) => `${HEAD}${line}\n`).join(""));
    return records.map((record) => textField(trace, record, "bpf_string"));
  };
  assert.deepEqual(await textsOf(["bpf_trace_printk: a", "bpf_trace_printk:  a", "bpf_trace_printk:    a"]), [
    "a",
    " a",
    "   a",
  ]);
  // trace-cmd fills 20 columns behind a name.
  assert.deepEqual(await textsOf(["bpf_trace_printk:     a", "bpf_trace_printk:      a"]), ["a", " a"]);
  assert.deepEqual(await textsOf(["bpf_trace_printk:     a"], HEADER), ["    a"]);
});

test("what was written to trace_marker_raw is its number and its bytes", async () => {
  const { trace, records } = await readText(`${HEAD}# 41 buf: 01 02 03 00\n${HEAD}# 10 buf:\n${HEAD}# 10 buf: 1 2\n`);
  assert.deepEqual(
    records.map((record) => [record.event, numberField(trace, record, "id"), record.payload.byteLength]),
    [
      ["raw_data", 0x41n, 16],
      ["raw_data", 0x10n, 16],
    ],
  );
  assert.equal((records[0] as Taken).payload.getUint32(12, true), 0x030201);
  assert.deepEqual(reasons(trace), { head: 1 });
});

test("losses and stacks in a kernel's log are told as anywhere", async () => {
  const { trace } = await readText(
    "[   12.345682]     bash-17        1d..2. 1000us : irq_handler_exit: irq=4 ret=handled\n[   12.345683] CPU:1 [LOST 5 EVENTS]\n[   12.345684]  => vfs_read\n[   12.345685] [LOST 2 EVENTS]\n",
  );
  assert.deepEqual([trace.counts.lost, reasons(trace)], [7, { lost: 2, annotation: 1 }]);
});

test("events that were written over before the recording was read are lost, as its header says", async () => {
  for (const [header, lost] of [
    ["# entries-in-buffer/entries-written: 176230/178354   #P:2", 2124],
    ["# latency: 0 us, #40/43, CPU#0 | (M:preempt VP:0, KP:0, SP:0 HP:0 #P:2)", 3],
    ["# entries-in-buffer/entries-written: 5/5   #P:2", 0],
  ] as const) {
    const { trace } = await readText(`# tracer: nop\n${header}\n${HEAD}sys_close(fd: 0x3)\n`);
    assert.equal(trace.counts.lost, lost, header);
  }
});

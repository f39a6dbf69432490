/** Lines as perf script prints them with columns that are chosen (`-F`), and what it prints between them; as perf 6.1 does. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { KERNEL_FORMATS } from "../../tracepoints/kernel-formats.ts";
import { numberField, readLines, reasons, textField, unreadOf } from "../testing.ts";

const read = (...lines: readonly string[]): ReturnType<typeof readLines> =>
  readLines(lines, { formats: KERNEL_FORMATS });
const EVENT = "irq:softirq_raise: vec=4 [action=BLOCK]";

test("a line without a task's name is read, one without another column says which is missing", async () => {
  const { trace, records } = await read(
    `10922 [000]     1.000001: ${EVENT}`,
    `   18 [000]     1.000002: ${EVENT}`,
    `   18/19    [000]     1.000003: ${EVENT}`,
  );
  assert.deepEqual(
    records.map(({ comm, pid, pidTgid }) => [comm, pid, pidTgid >> 32n]),
    [
      ["<...>", 10922, 10922n],
      ["<...>", 18, 18n],
      ["<...>", 19, 18n],
    ],
  );
  assert.deepEqual(reasons(trace), {});
  for (const [missing, line] of [
    ["pid", `            perf [000] 71773.853464: ${EVENT}`],
    // A task that is called 12.
    ["pid", `              12 [000] 71773.853464: ${EVENT}`],
    ["cpu", `            perf 10922 71773.853464: ${EVENT}`],
    ["cpu", `    perf 10922   0 71773.853464: ${EVENT}`],
    ["time", `            perf 10922 [000]        ${EVENT}`],
    ["pid, cpu, time", EVENT],
    ["event", "            perf 10922 [000] 71773.853464: vec=4 [action=BLOCK]"],
  ] as const) {
    const { trace: one, error } = await read(line);
    assert.deepEqual([...(one.counts.skipped[0]?.names.keys() ?? [])], [missing], line);
    assert.match(String(error), /line 1: a line that was printed without a column that a record needs \(/);
  }
});

test("more columns in front are stepped over, and the idle task is called as it is", async () => {
  const { trace, records } = await read(
    `         swapper     0 [001] K     71773.853464:        ${EVENT}`,
    `            a b 10922/10922 [001] UE    2026-11-29 20:21:03.123456 71773.853465123:          1        ${EVENT}`,
  );
  assert.deepEqual(reasons(trace), {});
  assert.deepEqual(
    records.map(({ comm, time }) => [comm, time]),
    [
      ["swapper/1", 71773853464000n],
      ["a b", 71773853465123n],
    ],
  );
});

const HEAD = "            node 14433 [001] 72261.812024:    irq:irq_handler_entry: ";
const NUMBERS = "            node 14433 [001] 72261.812024:    irq:softirq_raise: vec=4 [action=BLOCK]";

test("addresses behind the fields are no part of a text", async () => {
  for (const behind of [
    " ffffffff813f6bdc __handle_irq_event_percpu ([kernel.kallsyms])",
    "               0 ffffffff813f6bdc __handle_irq_event_percpu+0x1 ([kernel.kallsyms])",
    "               0 [unknown] ([unknown])",
  ]) {
    const { trace, records } = await read(`${HEAD}irq=36 name=virtio1-req.0${behind}`);
    const [record = assert.fail()] = records;
    assert.deepEqual([textField(trace, record, "name"), unreadOf(trace, record)], ["virtio1-req.0", []]);
  }
  // Where only numbers stand there, another line has to say that they are no text's.
  for (const behind of [" ffffffff813f6bdc", "               0", " ffffffff813f6bdc handle_irq"]) {
    const line = `${HEAD}irq=36 name=virtio1-req.0${behind}`;
    const { trace, records } = await read(line, `${NUMBERS}${behind}`, line);
    assert.deepEqual(
      records.map((record) => unreadOf(trace, record)),
      [["name"], [], []],
    );
    assert.equal(textField(trace, records[2] ?? assert.fail(), "name"), "virtio1-req.0");
  }
  // Where another line has none, there are none.
  const { trace, records } = await read(NUMBERS, `${HEAD}irq=36 name=at ffffffff813f6bdc`);
  assert.equal(textField(trace, records[1] ?? assert.fail(), "name"), "at ffffffff813f6bdc");
});

test("words and numbers in front of addresses are read", async () => {
  const line =
    "kmem:kmalloc: call_site=alloc_bprm+0x45 ptr=0xffff8881d8878800 bytes_req=408 bytes_alloc=512 gfp_flags=GFP_KERNEL|__GFP_ZERO node=-1 accounted=false";
  const { trace, records } = await read(`       perf-exec 14455 [000] 72261.795624: ${line} ffffffff8164e29f`);
  const [record = assert.fail()] = records;
  assert.deepEqual([numberField(trace, record, "gfp_flags"), unreadOf(trace, record)], [0xdc0n, []]);
});

test("times that are distances to the event before are refused, those since the first event are read", async () => {
  const at = (time: string): string => `            perf 10922 [000]     ${time}: ${EVENT}`;
  const distances = await read(at("0.000000"), at("0.000014"), at("0.000002"), at("0.000020"));
  assert.match(String(distances.error), /the trace cannot be read: line 3: its times go back, .*--deltatime/);
  const { records } = await read(at("0.000000"), at("0.000014"), at("0.000014"));
  assert.deepEqual(
    records.map(({ time }) => time),
    [0n, 14000n, 14000n],
  );
  // Two recordings one behind the other.
  assert.equal((await read(at("5.000000"), at("1.000000"))).records.length, 2);
});

test("what perf notes of tasks, memory and losses is no event, and no part of a message", async () => {
  const { trace, records } = await read(
    "     process_api     0 [000]     0.000000: PERF_RECORD_COMM: process_api:1/1",
    "         swapper     0 [000]     0.000000: PERF_RECORD_FORK(2:2):(0:0)",
    "perf 10922 [000]     1.000001: bpf_trace:bpf_trace_printk: hello",
    "\tffffffff8225a6c1 do_syscall_64+0x71 ([kernel.kallsyms])",
    "\t               0 [unknown] ([unknown])",
    "\t           ee137",
    "",
    " memfd:sealed-91     0 [000]     0.000000: PERF_RECORD_MMAP2 8673/8673: [0x7f12ca16f000(0x2000) @ 0 00:00 0 0]: r-xp [vdso]",
    "            perf 10922 [000]     2.000000: PERF_RECORD_LOST lost 77",
    "            perf 10922 [000]     2.000000: PERF_RECORD_NAMESPACES 1/1 - nr_namespaces: 7",
    "\t\t[0/net: 4/0xeffffff9, 1/uts: 4/0xeffffffe, ",
    "\t\t 4/user: 0/0, 5/mnt: 0/0, 6/cgroup: 0/0]",
  );
  assert.deepEqual([records.length, reasons(trace), trace.counts.lost], [1, { annotation: 10, lost: 1 }, 77]);
  assert.equal(textField(trace, records[0] ?? assert.fail(), "bpf_string"), "hello");
});

test("counters are named as they are", async () => {
  const { trace } = await read(
    `            perf 10922 [000]     1.000001: ${EVENT}`,
    "            perf 10922 [000]     1.000002:     250000 cpu-clock:pppH:  ffffffff8123 foo+0x1 ([kernel.kallsyms])",
    "            perf 10922 [000]     1.000003:     250000 cycles:P:  ffffffff8123 foo+0x1 ([kernel.kallsyms])",
    "            perf 10922 [000]     1.000003:     250000 cpu/event=0x3c,umask=1/u: ",
  );
  const [skipped = assert.fail()] = trace.counts.skipped;
  assert.deepEqual(
    [skipped.reason, [...skipped.names.keys()]],
    ["event", ["cpu-clock", "cycles", "cpu/event=0x3c,umask=1/u"]],
  );
});

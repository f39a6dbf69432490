/** Lines that `trace-cmd report` prints with its options, as version 3.1.6 does; and those of the kernel's that lack what a record needs. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { KERNEL_FORMATS } from "../tracepoints/kernel-formats.ts";
import { numberField, readLines, reasons, textField, unreadOf } from "./testing.ts";

const read = (...lines: readonly string[]): ReturnType<typeof readLines> =>
  readLines(lines, { formats: KERNEL_FORMATS });

test("--ts-diff: how long after the event before stands behind the time", async () => {
  const { trace, records } = await read(
    "            bash-29623 [001] 74130.263407:          softirq_exit:         vec=4 [action=BLOCK]",
    "            bash-29623 [001] 74130.263418: (+10560) softirq_exit:         vec=4 [action=BLOCK]",
    "    bash-29623   1..... 74130.263420023: (+2274)  softirq_exit:         vec=4 [action=BLOCK]",
    "    bash-29623   1..... 74130.263421023:          softirq_exit:         vec=4 [action=BLOCK]",
  );
  assert.deepEqual(reasons(trace), {});
  assert.deepEqual(
    records.map(({ time }) => time % 1_000_000_000n),
    [263407000n, 263418000n, 263420023n, 263421023n],
  );
});

test("-w: how long a task waited is no part of its switch", async () => {
  const { trace, records } = await read(
    "cpus=2",
    "            node-28658 [000] 74130.263814: sched_switch:         node:28658 [115] S ==> bash:29626 [120] Latency: 157.235 usecs",
    "            node-28658 [000] 74130.263815: console:         hello Latency: 157.235",
  );
  assert.deepEqual(reasons(trace), { annotation: 1 });
  const [switched = assert.fail(), printed = assert.fail()] = records;
  assert.deepEqual(
    [textField(trace, switched, "next_comm"), numberField(trace, switched, "next_pid")],
    ["bash", 29626n],
  );
  assert.deepEqual([numberField(trace, switched, "next_prio"), unreadOf(trace, switched)], [120n, []]);
  assert.equal(textField(trace, printed, "msg"), "hello Latency: 157.235");
});

test("a flag that tools cannot know the number of is not told", async () => {
  const fields = (state: string): string =>
    `sb_clear_inode_writeback: dev 254,0 ino 4448359 dirtied 4313417458 state ${state} mode 0100644`;
  const tools = [
    "    kworker/u8:4-21871 [001] 74130.362457: ",
    "  kworker-21871   1..... 74130.362457: ",
    "    kworker/u8:4 21871 [001] 74130.362457: writeback:",
  ];
  for (const head of tools) {
    const { trace, records } = await read("cpus=2", `${head}${fields("I_DIRTY_SYNC")}`, `${head}${fields("0x10")}`);
    assert.deepEqual(
      records.map((record) => unreadOf(trace, record)),
      [["state"], []],
      head,
    );
    assert.equal(numberField(trace, records[1] ?? assert.fail(), "state"), 16n);
  }
  const { trace, records } = await read(`    kworker/u8:4-21871   [001] d..2. 74130.362457: ${fields("I_SYNC")}`);
  assert.deepEqual(
    [numberField(trace, records[0] ?? assert.fail(), "state"), unreadOf(trace, records[0] ?? assert.fail())],
    [2n, []],
  );
});

test("flags that tools print of every timer are not told", async () => {
  const fields =
    "timer_start: timer=0xffffc9000007fde8 function=process_timeout expires=4313625399 [timeout=1] bucket_expiry=4313625400 cpu=0 idx=56 flags=D|P|I";
  const { trace, records } = await read(`     rcu_preempt    15 [000] 74932.527092: timer:${fields}`);
  assert.deepEqual(unreadOf(trace, records[0] ?? assert.fail()), ["flags"]);
  const kernel = await read(`     rcu_preempt-15      [000] ..... 74932.527092: ${fields}`);
  assert.equal(numberField(kernel.trace, kernel.records[0] ?? assert.fail(), "flags"), 0xe380000n);
});

test("-R: digits that are a number in base 8 and another in base 10 tell none", async () => {
  const { trace, records } = await read(
    "            bash-29623 [001] 74130.362457: sb_clear_inode_writeback:  dev=266338304 ino=4448359 state=0x0 mode=60000 dirtied_when=0x1011986f2",
    "            bash-29623 [001] 74130.362458: sb_clear_inode_writeback:  dev=266338304 ino=4448359 state=0x0 mode=33188 dirtied_when=0x1011986f2",
  );
  assert.deepEqual(
    records.map((record) => unreadOf(trace, record)),
    [["mode"], []],
  );
  assert.equal(numberField(trace, records[1] ?? assert.fail(), "mode"), 0o100644n);
});

test("lines of options with which something is left out say what and which option", async () => {
  for (const [missing, line] of [
    ["event (options/raw)", "25007 0 73755507123180 type: 442"],
    ["event (options/hex)", "000061af 00000000 000043148acd63ec type: 442"],
    ["task, cpu, time (options/context-info)", "softirq_exit: vec=4 [action=BLOCK]"],
  ] as const) {
    const { trace, error } = await read("# tracer: nop", line);
    assert.deepEqual([...(trace.counts.skipped[0]?.names.keys() ?? [])], [missing]);
    assert.match(String(error), /line 2: a line that was printed without a column that a record needs/);
  }
});

/** Totals of the recorded trace that were also counted by other means (awk and Python over the text). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type Line, readLines, slotOf } from "./lines.ts";
import { memleak } from "./memleak.ts";
import { runqlat } from "./runqlat.ts";
import { syslat } from "./syslat.ts";

const lines = readLines("examples/data/kernel-events.trace.gz");

/** A line as far as the computations look at it. */
function line(event: string, text: string, micros = 0, pid = 1, cpu = 0): Line {
  return { pid, cpu, irqs: ".", level: ".", time: BigInt(micros) * 1000n, event, text };
}

test("the recorded trace has 148,959 events in order of time", () => {
  assert.equal(lines.length, 148_959);
  assert.ok(lines.every((each, index) => index === 0 || each.time >= (lines[index - 1]?.time ?? 0n)));
});

test("memleak: totals of the recorded trace", () => {
  const { allocs, sites, reused, unknownFrees, peak } = memleak(lines);
  assert.deepEqual([allocs.size, sites.size, reused, unknownFrees, peak], [1458, 94, 3663n, 166n, 7035]);
  const sum = [...sites.values()].reduce((total, site) => total + site.bytes, 0n);
  assert.equal(sum, 467_312n);
  assert.equal(
    [...allocs.values()].reduce((total, each) => total + each.size, 0n),
    sum,
    "the sites add up to what is live",
  );
  assert.equal(
    [...sites.values()].reduce((total, site) => total + site.count, 0n),
    BigInt(allocs.size),
  );
});

test("memleak: a pointer seen again replaces the older allocation, limits include both ends", () => {
  const allocate = (ptr: string, bytes: number, site: string): Line =>
    line("kmalloc", `call_site=${site}+0x1/0x9 ptr=${ptr} bytes_req=1 bytes_alloc=${bytes}`);
  const script = [
    allocate("00aa", 64, "one"),
    allocate("00aa", 96, "two"),
    allocate("00bb", 64, "one"),
    allocate("00bb", 8, "two"),
    line("kfree", "call_site=x+0x0/0x1 ptr=00cc"),
    line("kfree", "call_site=x+0x0/0x1 ptr=0000"),
  ];
  const { allocs, sites, reused, unknownFrees } = memleak(script, { minSize: 64n, maxSize: 96n });
  assert.deepEqual([...allocs], [[0xaan, { size: 96n, callSite: "two+0x1" }]]);
  assert.deepEqual(
    [...sites],
    [
      ["one+0x1", { bytes: 0n, count: 0n }],
      ["two+0x1", { bytes: 96n, count: 1n }],
    ],
  );
  assert.deepEqual([reused, unknownFrees], [2n, 1n]);
});

test("syslat: totals of the recorded trace", () => {
  const { latencies, starts, missed } = syslat(lines);
  const all = [...latencies.values()].flatMap((perCpu) => [...perCpu.values()]);
  const total = all.reduce((sum, each) => sum + each.totalNs, 0n);
  const count = all.reduce((sum, each) => sum + each.count, 0n);
  assert.deepEqual([latencies.size, count, total, missed, starts.size], [72, 24_858n, 1_551_641_000n, 71n, 70]);
  for (const each of all)
    assert.equal(
      each.slots.reduce((sum, slot) => sum + slot, 0),
      Number(each.count),
    );
  assert.deepEqual([latencies.get(257)?.get(0)?.count, latencies.get(257)?.get(1)?.count], [1941n, 647n]);
});

test("syslat: entries, exits and returns from signals", () => {
  const script = [
    line("sys_exit", "NR 1 = 0", 1),
    line("sys_enter", "NR 1 (0, 0, 0, 0, 0, 0)", 2),
    line("sys_enter", "NR 2 (0, 0, 0, 0, 0, 0)", 10),
    line("sys_exit", "NR 2 = 0", 13, 1, 1),
    line("sys_enter", "NR 15 (0, 0, 0, 0, 0, 0)", 20),
    line("sys_exit", "NR -1 = 0", 30),
    line("sys_enter", "NR 3 (0, 0, 0, 0, 0, 0)", 40, 7),
  ];
  const { latencies, starts, missed } = syslat(script);
  const latency = latencies.get(2)?.get(1);
  assert.deepEqual(
    [latencies.size, missed, latency?.count, latency?.totalNs, latency?.slots[1]],
    [1, 1n, 1n, 3000n, 1],
  );
  assert.deepEqual([...starts], [[(7n << 32n) | 7n, 40_000n]]);
  assert.equal(syslat(script, { targetTgid: 7 }).missed, 0n);
});

test("runqlat: totals of the recorded trace", () => {
  const { waits, starts, missed } = runqlat(lines);
  const sum = (cpu: number): number => (waits.get(cpu) ?? []).reduce((total, slot) => total + slot, 0);
  assert.deepEqual([sum(0), sum(1), starts.size, missed], [2718, 55, 7, 123n]);
  const switches = lines.filter((each) => each.event === "sched_switch" && !each.text.includes(" next_pid=0 "));
  assert.equal(BigInt(sum(0) + sum(1)) + missed, BigInt(switches.length));
});

test("runqlat: wakeups, preemption and the idle task", () => {
  const change = (micros: number, previous: number, state: string, next: number): Line =>
    line(
      "sched_switch",
      `prev_comm=a prev_pid=${previous} prev_state=${state} ==> next_comm=b next_pid=${next}`,
      micros,
    );
  const script = [
    line("sched_wakeup", "comm=a pid=5 prio=120 target_cpu=000", 10),
    change(12, 0, "R", 5),
    change(20, 5, "R+", 6),
    change(28, 6, "S", 5),
    change(40, 5, "D", 0),
  ];
  const { waits, starts, missed } = runqlat(script);
  assert.deepEqual([waits.get(0)?.[1], waits.get(0)?.[3], missed, starts.size], [1, 1, 1n, 0]);
  assert.equal(runqlat(script, { targetPid: 5 }).missed, 0n);
});

test("slots are powers of two with open ends", () => {
  const slots = [0n, 1n, 2n, 3n, 4n, 7n, 8n, (1n << 25n) - 1n, 1n << 25n, 1n << 60n].map(slotOf);
  assert.deepEqual(slots, [0, 0, 1, 1, 2, 2, 3, 24, 25, 25]);
});

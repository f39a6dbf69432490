import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { gunzipSync, gzipSync } from "node:zlib";
import fc from "fast-check";
import { AnyctxError } from "../../error.ts";
import { openEvents } from "../file.ts";
import { openEventStream } from "../open.ts";
import { type EventStream, skippedIn } from "../source.ts";
import { numberField, readText, reasons, textField, unreadOf } from "./testing.ts";
import type { Trace } from "./text.ts";

const folder = mkdtempSync(join(tmpdir(), "trace-"));
after(() => rmSync(folder, { recursive: true }));

const recorded = gunzipSync(readFileSync("examples/data/kernel-events.trace.gz")).toString("latin1");
const sample = recorded.slice(0, 40_000).replace(/[^\n]*$/, "");

/** Lines behind a head that the kernel prints, each ended. */
const lines = (...texts: string[]): string =>
  texts
    .map((text) => (/^[#C\s]/.test(text) ? text : `            bash-1033    [001] d.s2.     5.000001: ${text}`))
    .map((line) => `${line}\n`)
    .join("");

function assertAddsUp({ counts }: Trace): void {
  assert.equal(counts.lines, counts.comments + counts.read + skippedIn(counts));
}

const badTrace = (pattern: RegExp) => (error: unknown) =>
  error instanceof AnyctxError && error.code === "BAD_TRACE" && pattern.test(error.message);

async function drain(input: string): Promise<EventStream> {
  const events = await openEvents(input);
  for await (const _ of events.batches);
  return events;
}

test("every reason to skip a line is counted, with its first line", async () => {
  const good = "irq_handler_exit: irq=4 ret=handled";
  const { trace, records } = await readText(
    `${lines(
      "# a comment",
      good,
      "CPU:1 [LOST 123 EVENTS]",
      "CPU:0 [LOST EVENTS]",
      "CPU:1 [204600 EVENTS DROPPED]",
      " => do_syscall_64",
      "<stack trace>",
      " ",
      "  no event at all",
      "no_such_event: hello",
      "irq_handler_exit: irq=4 ret=hand",
      "irq_handler_exit: irq=99999999999 ret=handled",
      "irq_handler_exit: nothing of it",
      `            bash-1033    [007] d.s2.     5.000001: ${good}`,
    )}${"x".repeat(20_000)}\n${lines(good)}            bash-1033    [001] d.s2.     5.000001: ${good}`,
    { cpus: 4 },
    1000,
  );
  assert.equal(records.length, 4);
  assertAddsUp(trace);
  assert.deepEqual(reasons(trace), {
    ...{ lost: 3, annotation: 3, head: 1, event: 1, fields: 1, cpu: 1, long: 1, cut: 1 },
  });
  assert.equal(trace.counts.lost, 204_724);
  const half = records.slice(1, 3).map((record) => [numberField(trace, record, "irq"), unreadOf(trace, record)]);
  assert.deepEqual(half, [
    [4n, ["ret"]],
    [0n, ["irq", "ret"]],
  ]);
  const { skipped } = trace.counts;
  assert.equal(skipped.find(({ reason }) => reason === "lost")?.first, 3);
  const names = skipped.flatMap((row) => [...row.names].map(([name, count]) => [row.reason, name, count]));
  assert.deepEqual(names, [["event", "no_such_event", 1]]);
});

test("task names with blanks, dashes, colons and brackets", async () => {
  const names = [
    "a b",
    "-1 [000]",
    "x-12 [003]",
    "kworker/u8:1-ev",
    "a: b=c",
    "(sd-pam)",
    "1-2-3",
    "[001] .....",
    "ab-",
  ];
  for (const trim of [false, true]) {
    const text = names
      .map(
        (name) =>
          `${trim ? name : name.padStart(16)}-42      [003] ..... 12.000001: softirq_exit: vec=3 [action=NET_RX]\n`,
      )
      .join("");
    const { records } = await readText(text);
    assert.deepEqual(
      records.map((record) => [record.comm, record.pid, record.cpu]),
      names.map((name) => [name.slice(0, 15), 42, 3]),
    );
  }
});

test("lines of several buffers or files, which trace-cmd names in front", async () => {
  const behind = "-42      [003] ..... 12.000001: softirq_exit:         vec=3 [action=NET_RX]\n";
  const names = ["bash", "a: b", "Web Content", "<idle>", "fifteen letters"].map((name) => name.slice(0, 15));
  const text = names.flatMap((name) =>
    ["mybuffer: ", "", "trace-host.dat: ", "a:b: "].map((buffer) => `${buffer}${name.padStart(16)}${behind}`),
  );
  const { trace, records } = await readText(text.join(""));
  assert.deepEqual(reasons(trace), {});
  assert.deepEqual(
    records.map(({ comm, pid, cpu }) => `${comm} ${pid} ${cpu}`),
    names.flatMap((name) => new Array<string>(4).fill(`${name} 42 3`)),
  );
});

test("what a kernel writes into its log when it crashes", async () => {
  const waking = (pid: number): string => `sched_waking: comm=c pid=${pid} prio=120 target_cpu=000\n`;
  const { trace, records } = await readText(
    [
      "[   12.345678] Dumping ftrace buffer:\n",
      `[   12.345680]     bash-33        1d..2. 12345us : ${waking(1)}`,
      `[   12.345681][    T1]   <idle>-0       0dNh2. 12346us+: ${waking(2)}`,
      `<4>[   12.345682]             bash-33      [001] d..2.    12.012347: ${waking(3)}`,
    ].join(""),
  );
  assert.deepEqual(reasons(trace), { head: 1 });
  assert.deepEqual(
    records.map((record) => [record.comm, record.cpu, record.time, record.level, numberField(trace, record, "pid")]),
    [
      ["bash", 1, 12_345_000n, 0, 1n],
      ["swapper/0", 0, 12_346_000n, 2, 2n],
      ["bash", 1, 12_012_347_000n, 0, 3n],
    ],
  );
});

test("bits that this format's kernel never prints are not taken for none", async () => {
  const line = (state: string): string =>
    `sched_switch: prev_comm=a prev_pid=1 prev_prio=120 prev_state=${state} ==> next_comm=b next_pid=2 next_prio=120`;
  const { trace, records } = await readText(lines(line("0x400"), line("S|0x400"), line("S|D")));
  const states = records.map((record) => [numberField(trace, record, "prev_state"), unreadOf(trace, record)]);
  assert.deepEqual(states, [
    [0n, ["prev_state"]],
    [0n, ["prev_state"]],
    [3n, []],
  ]);
});

test("names in fields may look like the text around them", async () => {
  const { trace, records } = await readText(
    lines(
      "sched_wakeup: comm=a pid=3 pid=77 prio=120 target_cpu=001",
      "sched_switch: prev_comm=x ==> next_comm prev_pid=1 prev_prio=120 prev_state=S|t ==> next_comm= y next_pid=8 next_prio=-1",
      "irq_handler_entry: irq=1 name=a name=b ",
    ),
  );
  const [wakeup, change, irq] = records;
  assert.ok(wakeup && change && irq);
  assert.deepEqual([textField(trace, wakeup, "comm"), numberField(trace, wakeup, "pid")], ["a pid=3", 77n]);
  assert.deepEqual(
    [textField(trace, change, "prev_comm"), textField(trace, change, "next_comm")],
    ["x ==> next_comm", " y"],
  );
  assert.deepEqual([numberField(trace, change, "prev_state"), numberField(trace, change, "next_prio")], [9n, -1n]);
  assert.equal(textField(trace, irq, "name"), "a name=b ");
});

test("thread groups, a trace without flags, old and RT flag columns, nanoseconds, carriage returns", async () => {
  const event = "softirq_exit: vec=3 [action=NET_RX]";
  const rt = [
    "irqs-off",
    "need-resched",
    "need-resched-lazy",
    "hardirq/softirq",
    "preempt-depth",
    "preempt-lazy-depth",
  ];
  const header = [...rt, "migrate-disable"].map((name, index) => `#${" |".repeat(index)} / _---=> ${name}\n`).join("");
  const cases: readonly (readonly [string, readonly unknown[]])[] = [
    [`            bash-7       (     12) [001] ..h.. 1.000001: ${event}\n`, [(12n << 32n) | 7n, 2, 1_000_001_000n]],
    [`            bash-7       (-------) [001] ..H.. 1.000001: ${event}\n`, [(7n << 32n) | 7n, 2, 1_000_001_000n]],
    [`            bash-7       [001]     1.000001: ${event}\n`, [(7n << 32n) | 7n, 0, 1_000_001_000n]],
    [`            bash-7     [001] d.Z1     1.000000001: ${event}\r\n`, [(7n << 32n) | 7n, 3, 1_000_000_001n]],
    [`${header}            bash-7     [001] d.Ls2.1     1.5: ${event}\n`, [(7n << 32n) | 7n, 1, 1_500_000_000n]],
    [
      `            bash-7   [001] ..z..  1790000000.999999: ${event}\n`,
      [(7n << 32n) | 7n, 3, 1_790_000_000_999_999_000n],
    ],
  ];
  for (const [text, expected] of cases) {
    const { records } = await readText(text);
    assert.deepEqual([records[0]?.pidTgid, records[0]?.level, records[0]?.time], expected, text);
  }
});

test("counts of clocks have 64 bits", async () => {
  const counts = ["9007199254740993", "4611686018427387905", "9223372035999999999"];
  const text = counts.map(
    (count) => `            bash-1033    [001] ..... ${count}: irq_handler_exit: irq=4 ret=handled\n`,
  );
  const { records } = await readText(text.join(""));
  assert.deepEqual(
    records.map(({ time }) => time),
    counts.map(BigInt),
  );
});

test("what an editor puts in front of a text is none of its first line", async () => {
  const { trace, records } = await readText(`\xef\xbb\xbf${lines("irq_handler_exit: irq=4 ret=handled")}`);
  assert.deepEqual([records.length, reasons(trace)], [1, {}]);
});

test("perf's lines of tasks that have gone have their names", async () => {
  const { trace, records } = await readText(
    "             :-1    -1 [001]     5.000001:       irq:irq_handler_exit: irq=4 ret=handled\nCPU 1 is empty\n",
  );
  assert.deepEqual([records.map(({ event }) => event), reasons(trace)], [["irq_handler_exit"], { annotation: 1 }]);
});

test("a short line is not read on into the next one", async () => {
  const { trace, records } = await readText(
    `ab\n              -7     [001] ..... 1.0: softirq_exit: vec=1 [action=TIMER]\n`,
  );
  assert.deepEqual([records.length, reasons(trace)], [1, { head: 1 }]);
});

test("files that are no trace get one error that names them and where", async () => {
  const packed = readFileSync("examples/data/kernel-events.trace.gz");
  const damaged = Uint8Array.from(packed);
  damaged.fill(0xff, 500_000, 500_100);
  const cases: readonly (readonly [string, string | Uint8Array, RegExp])[] = [
    ["plain.gz", sample, /plain\.gz is named \.gz.*byte 0/],
    ["cut.gz", packed.subarray(0, 700_000), /cut\.gz: gzip data is damaged or cut after \d{6,} bytes of text/],
    ["damaged.gz", damaged, /damaged\.gz: gzip data is damaged or cut after \d+ bytes/],
    ["empty", "", /empty is empty/],
    ["empty.gz", "", /empty\.gz is empty/],
    ["nothing.gz", gzipSync(""), /nothing\.gz is empty/],
    ["comments", "# tracer: nop\n#\n", /comments holds no event: 2 lines, all of them comments/],
    ["prose", "Dear reader,\nhello\n", /prose holds no event that can be read in 2 lines; line 1: no event line/],
    ["unknown", lines("no_such_event: x"), /unknown holds no event .*format is not known \(no_such_event\)/],
    ["binary", new Uint8Array(100_000).fill(0x80), /binary holds no event.*longer than a line/],
  ];
  for (const [name, content, pattern] of cases) {
    const path = join(folder, name);
    writeFileSync(path, content);
    await assert.rejects(drain(path), badTrace(pattern), name);
  }
  await assert.rejects(drain(join(folder, "absent")), badTrace(/absent: there is no such file/));
  await assert.rejects(drain(folder), badTrace(/it is a folder/));
});

test("gzip is known by its bytes, whatever the name, also without Node's zlib", async () => {
  const path = join(folder, "packed");
  writeFileSync(path, gzipSync(sample));
  const expected = (await readText(sample)).records.length;
  assert.equal((await drain(path)).counts.read, expected);
  assert.equal((await readText(gzipSync(sample), {}, 1)).records.length, expected);
  const cut = await readText(gzipSync(sample).subarray(0, 2000));
  assert.ok(badTrace(/the trace: gzip data is damaged or cut/)(cut.error), String(cut.error));
});

test("a flood of blank lines, or of short ones, is counted and costs little", async () => {
  const started = performance.now();
  for (const [flood, reason] of [
    ["\n".repeat(20_000_000), "annotation"],
    ["x\n".repeat(500_000), "head"],
  ] as const) {
    const { trace, records } = await readText(
      gzipSync(lines("irq_handler_exit: irq=4 ret=unhandled") + flood),
      {},
      1 << 16,
    );
    assert.deepEqual([records.length, Object.keys(reasons(trace))], [1, [reason]]);
    assertAddsUp(trace);
  }
  assert.ok(performance.now() - started < 30_000);
});

test("reading can be given up half way", async () => {
  const trace = await openEvents("examples/data/kernel-events.trace.gz", { batchBytes: 1 });
  for await (const _ of trace.batches) break;
  assert.ok(trace.counts.read > 0 && trace.counts.read < 148_959);
});

test("property: a mutated or cut trace gives records and counts that add up, or one clear error", async () => {
  const edit = fc.record({
    at: fc.nat(sample.length - 1),
    removed: fc.nat(40),
    inserted: fc.oneof(
      fc.string({ maxLength: 8 }),
      fc.constantFrom("\n", "\0", "-1 [000]", " pid=1", "9".repeat(30), "\r\n"),
    ),
  });
  const property = fc.asyncProperty(
    fc.array(edit, { minLength: 1, maxLength: 30 }),
    fc.nat(sample.length),
    fc.integer({ min: 1, max: 9000 }),
    async (edits, length, chunkBytes) => {
      let text = sample.slice(0, length);
      for (const { at, removed, inserted } of edits) text = text.slice(0, at) + inserted + text.slice(at + removed);
      const { trace, records, error } = await readText(text, {}, chunkBytes);
      if (error !== undefined) assert.ok(badTrace(/the trace/)(error), String(error));
      assertAddsUp(trace);
      assert.equal(records.length, trace.counts.read);
    },
  );
  await fc.assert(property, { numRuns: 150 });
});

test("property: arbitrary bytes never throw anything but BAD_TRACE", async () => {
  const property = fc.asyncProperty(fc.uint8Array({ maxLength: 2000 }), fc.boolean(), async (bytes, gzip) => {
    const content = gzip ? Uint8Array.from([0x1f, 0x8b, 8, 0, ...bytes]) : bytes;
    const { trace, error } = await readText(content);
    assert.ok(badTrace(/the trace/)(error), String(error));
    assertAddsUp(trace);
  });
  await fc.assert(property, { numRuns: 200 });
});

test("asTheyCome: what was read is given out before more is waited for", async () => {
  const line = "            bash-7       [001] ..... 1.000001: softirq_raise: vec=1 [action=TIMER]\n";
  let asked = 0;
  const bytes = async function* (): AsyncGenerator<Uint8Array> {
    for (; asked < 3; asked++) yield new TextEncoder().encode(line.repeat(8));
  };
  const seen: number[] = [];
  const { batches } = await openEventStream(bytes(), { asTheyCome: true });
  for await (const { count } of batches) {
    assert.equal(count, 8);
    seen.push(asked);
  }
  assert.deepEqual(seen, [0, 1, 2]);
});

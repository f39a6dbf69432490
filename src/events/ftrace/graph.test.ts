import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { numberField, readText, reasons, type Taken, unreadOf } from "./testing.ts";
import type { Trace } from "./text.ts";

/** Each record as `function entry|return @nanoseconds`, in order. */
function callsOf(trace: Trace, records: readonly Taken[]): string[] {
  return records.map(({ index, time }) => {
    const found = trace.events[index]?.function;
    return `${found?.name} ${found?.at} @${time}`;
  });
}

test("calls that return at once are two events; without a time the clock is what calls took", async () => {
  const { trace, records } = await readText(
    `# tracer: function_graph
#
# CPU  DURATION                  FUNCTION CALLS
# |     |   |                     |   |   |   |
 0)               |  sys_open() {
 0)               |    do_sys_open() {
 0)   1.382 us    |      kmem_cache_alloc();
 1)   0.500 us    |  idle_cpu [mod]();
 0) + 12.478 us   |    }
 0)   ==========> |
 0)   2.000 us    |    irq_enter();
 0)   <========== |
 0) ! 114.000 us  |  } /* sys_open */
 ------------------------------------------
 0)    bash-1234    =>   sleep-1235
 ------------------------------------------

 0)               |  schedule_tail() {
`,
  );
  assert.deepEqual(callsOf(trace, records), [
    "sys_open entry @0",
    "do_sys_open entry @0",
    "kmem_cache_alloc entry @0",
    "kmem_cache_alloc return @1382",
    "idle_cpu entry @1382",
    "idle_cpu return @1882",
    "do_sys_open return @12478",
    "irq_enter entry @12478",
    "irq_enter return @14478",
    "sys_open return @114000",
    "schedule_tail entry @114000",
  ]);
  assert.deepEqual(
    records.map(({ cpu }) => cpu),
    [0, 0, 0, 0, 1, 1, 0, 0, 0, 0, 0],
  );
  assert.deepEqual([records.at(-2)?.comm, records.at(-1)?.comm, records.at(-1)?.pid], ["<...>", "sleep", 1235]);
  assert.deepEqual(reasons(trace), { annotation: 6 });
});

test("with times, tasks, flags, arguments and results", async () => {
  const { trace, records } = await readText(
    ` 4782.088046 |   1)   bash-1234    |  d.h1.               |  vfs_read(file=0xffff888104b2a000, count=0x20) {
 4782.088050 |   1)   bash-1234    |  d.h1.   0.382 us    |    rw_verify_area(); /* = 0x0 */
 4782.999999 |   1)   bash-1234    |  d.h1. + 12.810 us   |  } /* vfs_read ret=0x20 */
`,
  );
  assert.deepEqual(callsOf(trace, records), [
    "vfs_read entry @4782088046000",
    "rw_verify_area entry @4782088050000",
    "rw_verify_area return @4782088050382",
    "vfs_read return @4782999999000",
  ]);
  const [first, , , last] = records;
  assert.ok(first !== undefined && last !== undefined);
  assert.deepEqual([first.comm, first.pid, first.cpu, first.level], ["bash", 1234, 1, 2]);
  assert.equal(first.payload.getBigUint64(16, true), 0x20n);
  assert.equal(last.payload.getBigUint64(8, true), 0x20n);
});

test("the same as trace-cmd prints it", async () => {
  const { trace, records } = await readText(
    `            bash-1234  [001]  4782.088046: funcgraph_entry:                   |  vfs_read() {
            bash-1234  [001]  4782.088047: funcgraph_entry:        0.382 us   |    rw_verify_area();
            bash-1234  [001]  4782.088049: funcgraph_exit:       + 12.810 us  |  }
`,
  );
  assert.deepEqual(callsOf(trace, records), [
    "vfs_read entry @4782088046000",
    "rw_verify_area entry @4782088047000",
    "rw_verify_area return @4782088047382",
    "vfs_read return @4782088049000",
  ]);
  assert.deepEqual([records[0]?.comm, records[0]?.cpu], ["bash", 1]);
});

test("property: whatever such a line holds, counts add up", async () => {
  const part = fc.constantFrom(
    ...[
      " 0) ",
      "1.382 us",
      " | ",
      "}",
      "{",
      "f()",
      ";",
      "/* ",
      " */",
      "= 0x1",
      "ret=",
      "+ ",
      "bash-12",
      "=>",
      "4.000001 |",
    ],
  );
  await fc.assert(
    fc.asyncProperty(fc.array(fc.array(part, { maxLength: 8 }), { maxLength: 5 }), async (lines) => {
      const text = lines.map((parts) => `${parts.join("")}\n`).join("");
      const { trace } = await readText(` 0)   1.000 us |  f();\n${text}`);
      const skipped = trace.counts.skipped.reduce((sum, { count }) => sum + count, 0);
      assert.equal(trace.counts.read + skipped + trace.counts.comments, trace.counts.lines);
    }),
    { numRuns: 300 },
  );
});

test("all columns of funcgraph's options, and none of them", async () => {
  const forms = [
    "  4154.504500 |   0)    bash-5678   |  d..1. |               |  a() {",
    "  4154.504500 |        12 us |   0)    bash-5678   |  d..1. |               |  a() {",
    "  4154.504500 |   0)    bash-5678   |  a() {",
    "  4154.504500 |   0)  a() {",
    "   0)  d..1. |               |  a() {",
    "   0)  a() {",
  ];
  for (const line of forms) {
    const { trace, records } = await readText(`${line}\n`);
    const [record] = records;
    const isTimed = line.includes("4154");
    const isOfTask = line.includes("bash");
    assert.deepEqual(callsOf(trace, records), [`a entry @${isTimed ? 4154504500000 : 0}`], line);
    assert.deepEqual([record?.comm, record?.pid], isOfTask ? ["bash", 5678] : ["<...>", 0], line);
    assert.equal(record?.flags, line.includes("d..1.") ? 1 : 0, line);
  }
  const { error } = await readText("               |  a() {\n   1.382 us    |    b();\n");
  assert.match(String(error), /without a column that a record needs \(cpu \(options\/funcgraph-cpu\)\)/);
});

test("a return is that of the call as far in, also where others were lost", async () => {
  const { trace, records } = await readText(
    ` 0)               |  a() {
 0)               |    b() {
 0)               |      c() {
CPU:0 [LOST 12 EVENTS]
 0)   2.000 us    |  }
 0)               |  a() {
 0)               |    b() {
CPU:0 [LOST 12 EVENTS]
 0)               |  d() {
 0)   2.000 us    |  }
 0)   2.000 us    |}
`,
  );
  assert.deepEqual(
    callsOf(trace, records).map((call) => call.replace(/ @.*/, "")),
    ["a entry", "b entry", "c entry", "a return", "a entry", "b entry", "d entry", "d return"],
  );
  assert.deepEqual([trace.counts.lost, reasons(trace)], [24, { lost: 2, head: 1 }]);
});

test("events between calls are read, of the task and at the time of the calls", async () => {
  const { trace, records } = await readText(
    ` 0)    bash-1234    =>   sleep-1235
 0)   2.000 us    |  a();
 0)               |  /* sched_wakeup: comm=a pid=1 prio=120 target_cpu=001 */
 0)               |  /* sys_close(fd: 0x3) */
 0)               |  /* no_event: x=1 */
 0)               |  /* a marker */
`,
  );
  assert.deepEqual(
    records.map(({ event, time, comm }) => `${comm} ${event} @${time}`),
    ["sleep a @0", "sleep a @2000", "sleep sched_wakeup @2000", "sleep sys_enter_close @2000"],
  );
  assert.equal(numberField(trace, records[3] as Taken, "fd"), 3n);
  assert.deepEqual(reasons(trace), { annotation: 1, event: 1, head: 1 });
  assert.deepEqual(
    trace.counts.skipped.flatMap(({ names }) => [...names.keys()]),
    ["no_event"],
  );
});

test("arguments whose type is unknown, and structs that fit a register, are numbers", async () => {
  const { trace, records } = await readText(
    " 0)   2.000 us    |  a(x=?0x12, k=(struct)[0x7], s=(struct)[0x1:0x2], y=-3);\n",
  );
  const [record] = records as [Taken];
  assert.deepEqual(
    ["x", "k", "y"].map((name) => numberField(trace, record, name)),
    [18n, 7n, 0xffff_ffff_ffff_fffdn],
  );
  assert.deepEqual(unreadOf(trace, record), ["s"]);
});

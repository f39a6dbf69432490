import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseFormat } from "../tracepoints/format.ts";
import { numberField, readLines, readText, textField, unreadOf } from "./testing.ts";

const head = "            bash-7       [001] ..... 1.000001: ";

const eventsOf = (...lines: readonly string[]): ReturnType<typeof readLines> => readLines(lines, {}, head);

test("lines of kprobes, uprobes and the function tracer become events of their functions", async () => {
  const { trace, records } = await eventsOf(
    "p_vfs_read_0: (vfs_read+0x0/0x1b0) count=0x10 pos=-1",
    "inside: (vfs_read+0x20/0x1b0 [ext4])",
    "r_vfs_read_0: (ksys_read+0x5/0x10 <- vfs_read) ret=16",
    "readline__return: (0x55d1a60c5bd9 <- 0x55d1a61b2f70) ret=0x1",
    "vfs_open: (ffffffff812345) flags=3",
    "vfs_write <-ksys_write",
    "vfs_write(file=0xffff888100, buf=0x7ffc, count=3) <-ksys_write",
    "ext4_file_open.isra.0 [ext4] <-do_dentry_open",
  );
  assert.deepEqual(
    trace.counts.skipped.map(({ reason, count }) => [reason, count]),
    [],
  );
  assert.deepEqual(
    trace.events.slice(-8).map(({ category, function: found }) => [category, found?.name, found?.offset, found?.at]),
    [
      ["probes", "vfs_read", 0, "entry"],
      ["probes", "vfs_read", 32, "entry"],
      ["probes", "vfs_read", 0, "return"],
      ["probes", "readline", 0, "return"],
      ["probes", "vfs_open", 0, "entry"],
      ["function", "vfs_write", 0, "entry"],
      ["function", "vfs_write", 0, "entry"],
      ["function", "ext4_file_open.isra.0", 0, "entry"],
    ],
  );
  const [first, , , , , , called] = records;
  assert.equal(first?.payload.getBigUint64(8, true), 16n);
  assert.equal(first?.payload.getBigInt64(16, true), -1n);
  assert.equal(called?.payload.getBigUint64(24, true), 3n);
});

test("texts, lists of bytes, and what could not be fetched", async () => {
  const line = (name: string, rest: string): string => `open: (do_sys_openat2+0x0/0xa0) name=${name} ${rest}`;
  const { trace, records } = await eventsOf(
    line('"/etc/a b"', "list={0x7f,0x1} n=1"),
    line('"x"', "list={0x2,0x3} n=(fault)"),
  );
  const [one, other] = records;
  assert.equal(records.length, 2);
  const text = (payload: DataView, at: number): string => {
    const place = payload.getUint32(at, true);
    return String.fromCharCode(...new Uint8Array(payload.buffer, payload.byteOffset + (place & 0xffff), place >>> 16));
  };
  assert.ok(one !== undefined && other !== undefined);
  assert.equal(text(one.payload, 8), "/etc/a b\0");
  assert.equal(text(one.payload, 16), "\x7f\x01");
  assert.deepEqual([one.unread, other.unread], [0n, 4n]);
  assert.deepEqual(
    trace.counts.unreadable.map(({ event, field, count }) => [event, field, count]),
    [["open", "n", 1]],
  );
});

test("characters, texts with quotes and backslashes in them, and what is no value", async () => {
  const { trace, records } = await eventsOf(
    `odd: (vfs_read+0x0/0x10) c='a' b=' ' s="say "hi" there" t="C:\\" u="x" n=3`,
    "none: (vfs_read+0x0/0x10) x=0x1ffffffffffffffff y=12abc z=vfs_read+0x1/0x10",
    'cut: (vfs_read+0x0/0x10) s="abc de',
  );
  const [odd, none, cut] = records;
  assert.ok(odd && none && cut);
  assert.deepEqual([numberField(trace, odd, "c"), numberField(trace, odd, "b")], [97n, 32n]);
  assert.deepEqual(
    ["s", "t", "u"].map((name) => textField(trace, odd, name)),
    ['say "hi" there', "C:\\", "x"],
  );
  assert.deepEqual([numberField(trace, odd, "n"), unreadOf(trace, odd)], [3n, []]);
  assert.deepEqual([numberField(trace, none, "x"), numberField(trace, none, "y")], [0n, 0n]);
  assert.deepEqual([unreadOf(trace, none), unreadOf(trace, cut)], [["x", "y"], ["s"]]);
});

test("whatever stands behind a probe's name is an event or skipped with a reason", async () => {
  const part = fc.constantFrom(
    "(",
    ")",
    "vfs_read",
    "+0x0",
    "/0x10",
    " <- ",
    " <-",
    "a=",
    "1",
    '"',
    "{",
    "}",
    ",",
    " ",
    "[m]",
    "=",
  );
  await fc.assert(
    fc.asyncProperty(fc.array(part, { maxLength: 12 }), async (parts) => {
      const { trace } = await eventsOf("p: (vfs_read+0x0/0x10)", `p: ${parts.join("")}`, parts.join(""));
      const { counts } = trace;
      const skipped = counts.skipped.reduce((sum, { count }) => sum + count, 0);
      assert.equal(counts.read + skipped, counts.lines);
    }),
    { numRuns: 300 },
  );
});

test("a probe whose format is known keeps it, and is an event of its function too", async () => {
  const format = parseFormat(
    "name: p_vfs_read_0\nID: 2000\nfield:unsigned long __probe_ip;\toffset:8;\tsize:8;\tsigned:0;\n" +
      'field:u64 count;\toffset:16;\tsize:8;\tsigned:0;\nprint fmt: "(%lx) count=0x%Lx", REC->__probe_ip, REC->count\n',
    { category: "kprobes" },
  );
  const line = (place: string): string => `${head}p_vfs_read_0: (${place}) count=0x10\n`;
  const { trace, records } = await readText(line("vfs_read+0x0/0x1b0") + line("vfs_read+0x0/0x1b0"), {
    formats: [format],
  });
  assert.deepEqual(
    trace.events.map(({ name, category, format: own, function: found }) => [
      name,
      category,
      own === format,
      found?.name,
    ]),
    [
      ["p_vfs_read_0", "kprobes", true, undefined],
      ["p_vfs_read_0", "kprobes", true, "vfs_read"],
    ],
  );
  assert.deepEqual(
    records.map(({ payload }) => payload.getBigUint64(16, true)),
    [16n, 16n],
  );
});

/** Text of a trace inside of something else: a journal's or `dmesg`'s lines, a page of systrace's. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { readText, reasons } from "./testing.ts";

test("lines of a kernel's log are read whoever put a time in front of them", async () => {
  const line = "    bash-17        1d..2. 1000us : irq_handler_exit: irq=4 ret=handled\n";
  for (const stamp of [
    "[  12.345678] ",
    "<4>[  12.345678][  T123] ",
    "[Sun Nov 29 21:00:01 2026] ",
    "2026-11-29T21:00:01,123456+00:00 ",
    "Nov  9 21:00:01 host kernel: [   12.345678] ",
    "Nov 29 21:00:01 host kernel: ",
    "2026-11-29T21:00:01.123456+00:00 host.example kernel: [   12.345678] ",
  ]) {
    const { trace, records } = await readText(`${stamp}${line}`);
    assert.deepEqual(
      [records.map(({ comm, time }) => [comm, time]), reasons(trace)],
      [[["bash", 1000000n]], {}],
      stamp,
    );
  }
});

test("a page around a text is no part of its last message", async () => {
  const { trace, records } = await readText(
    [
      "<!DOCTYPE html>",
      '<script class="trace-data" type="application/text">',
      "# tracer: nop",
      "           bash-1033  (-----) [001] ...1  1.000006: tracing_mark_write: B|1033|hello",
      "second line",
      "</script>",
      "<script>",
      "</html>",
      "",
    ].join("\n"),
  );
  assert.deepEqual(reasons(trace), { annotation: 5, continued: 1 });
  const { payload } = records[0] ?? assert.fail();
  const text = Buffer.from(payload.buffer, payload.byteOffset + 16, payload.byteLength - 16).toString();
  assert.equal(text.replace(/\0+$/, ""), "B|1033|hello\nsecond line\n");
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { differencesOf } from "./differences.ts";
import { parseFormat } from "./tracepoints/format.ts";
import { KERNEL_FORMATS } from "./tracepoints/kernel-formats.ts";

const of = (fields: string): ReturnType<typeof parseFormat> =>
  parseFormat(`name: e\nID: 1\n${fields}\nprint fmt: ""\n`, { category: "test" });

test("fields that moved, grew, changed, came or went are said; equal formats differ in nothing", () => {
  const old = of(
    "field:int a;\toffset:8;\tsize:4;\tsigned:1;\nfield:u32 b;\toffset:12;\tsize:4;\tsigned:0;\nfield:int gone;\toffset:16;\tsize:4;\tsigned:1;",
  );
  const now = of(
    "field:unsigned a;\toffset:8;\tsize:4;\tsigned:0;\nfield:u64 b;\toffset:16;\tsize:8;\tsigned:0;\nfield:int new;\toffset:24;\tsize:4;\tsigned:1;",
  );
  assert.deepEqual(differencesOf(now, old), [
    "a is unsigned (unsigned), not signed (int)",
    "b is at byte 16, not 12, of 8 bytes, not 4",
    "new has come",
    "gone has gone",
  ]);
  for (const format of KERNEL_FORMATS) assert.deepEqual(differencesOf(format, format), []);
});

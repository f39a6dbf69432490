/** What a line tells of a field only in part, or only together with more of the line: told exactly, or named. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { fieldsRead } from "./testing.ts";

test("a word that two tables have for different numbers is neither", async () => {
  const print =
    '"%s", REC->isa == 1 ? __print_symbolic(REC->r, {1,"A"}, {3,"C"}) : __print_symbolic(REC->r, {2,"A"}, {4,"D"})';
  const read = await fieldsRead(
    [
      ["u32 isa", 8, 4],
      ["u32 r", 12, 4],
    ],
    print,
    ["A", "C", "D", "0x9"],
  );
  assert.deepEqual(
    read.map(({ r }) => r),
    ["unread", 3n, 4n, 9n],
  );
});

test("a word of several flags or enumerations is the one that it is of alone", async () => {
  const names = '"%s", __print_symbolic(REC->r, {UNKNOWN_TO_US,"A"}, {5,"A"}, {6,"B"})';
  assert.deepEqual(await fieldsRead([["u32 r", 8, 4]], names, ["A", "B"]), [{ r: "unread" }, { r: 6n }]);
  const flags = '"%s", __print_flags(REC->r, "|", {1,"A"}, {2,"A"}, {4,"B"})';
  assert.deepEqual(await fieldsRead([["u32 r", 8, 4]], flags, ["A|B", "B"]), [{ r: "unread" }, { r: 4n }]);
});

test("a table about some bits of a number does not tell the others", async () => {
  for (const value of ["REC->r & 0xf", "REC->r >> 8", "(u8)REC->r"])
    for (const table of [`__print_flags(${value}, "|", {1,"A"})`, `__print_symbolic(${value}, {1,"A"})`])
      assert.deepEqual(await fieldsRead([["u32 r", 8, 4]], `"%s", ${table}`, ["A"]), [{ r: "unread" }], table);
  const either = '"%s", REC->isa ? __print_symbolic(REC->r & 0xff, {1,"A"}) : __print_symbolic(REC->r, {2,"B"})';
  const read = await fieldsRead(
    [
      ["u32 isa", 8, 4],
      ["u32 r", 12, 4],
    ],
    either,
    ["A", "B", "0x3"],
  );
  assert.deepEqual(
    read.map(({ r }) => r),
    ["unread", 2n, "unread"],
  );
});

test("of an array as many elements are told as are printed", async () => {
  const fields = [
    ["u8 d[4]", 8, 4],
    ["u32 n", 12, 4],
  ] as const;
  const forms = [
    ['"%u %s", REC->n, __print_hex(REC->d, REC->n)', "2 01 02", "4 01 02 03 04"],
    ['"%u %*phN", REC->n, REC->n, REC->d', "2 0102", "4 01020304"],
    ['"%u %s", REC->n, __print_array(REC->d, REC->n, 1)', "2 {0x1,0x2}", "4 {0x1,0x2,0x3,0x4}"],
  ] as const;
  for (const [print, some, all] of forms)
    assert.deepEqual(await fieldsRead(fields, print, [some, all]), [
      { d: "unread", n: 2n },
      { d: "01020304", n: 4n },
    ]);
});

test("a quotient and what it leaves are the number; one of them is not", async () => {
  const both = '"%llu.%09u", __print_ns_to_secs(REC->t), __print_ns_without_secs(REC->t)';
  assert.deepEqual(await fieldsRead([["u64 t", 8, 8]], both, ["12.000000345", "18446744073.709551615"]), [
    { t: 12_000_000_345n },
    { t: 0xffff_ffff_ffff_ffffn },
  ]);
  const divided = '"%d.%03d s", REC->t / 1000, REC->t % 1000';
  assert.deepEqual(await fieldsRead([["int t", 8, 4]], divided, ["10.024 s", "-1.-5 s"]), [
    { t: 10_024n },
    { t: -1005n },
  ]);
  for (const one of ['"%llu", __print_ns_to_secs(REC->t)', '"%llu", REC->t / 1000', '"%llu", REC->t % 1000'])
    assert.deepEqual(await fieldsRead([["u64 t", 8, 8]], one, ["12"]), [{ t: "unread" }]);
});

test("a sum with a field that the line has told is told, and is not without it", async () => {
  const fields = [
    ["unsigned long e", 8, 8],
    ["unsigned long n", 16, 8],
  ] as const;
  const left = '"e=%lu [t=%ld]", REC->e, (long)REC->e - REC->n';
  assert.deepEqual(await fieldsRead(fields, left, ["e=4294967396 [t=100]", "e=10 [t=-5]", "e=? [t=5]"]), [
    { e: 4294967396n, n: 4294967296n },
    { e: 10n, n: 15n },
    { e: "unread", n: "unread" },
  ]);
  const right = '"n=%lu t=%ld", REC->n, REC->e - REC->n';
  assert.deepEqual(await fieldsRead(fields, right, ["n=7 t=3"]), [{ e: 10n, n: 7n }]);
  const sum = '"n=%lu t=%lu", REC->n, REC->n + REC->e';
  assert.deepEqual(await fieldsRead(fields, sum, ["n=7 t=3"]), [{ e: 0xffff_ffff_ffff_fffcn, n: 7n }]);
  for (const print of ['"%lu %d", REC->n, REC->e - REC->n', '"%ld %lu", REC->e - REC->n, REC->n'])
    assert.deepEqual((await fieldsRead(fields, print, ["7 3"]))[0]?.["e"], "unread");
});

test("what an expression cannot have printed is not told", async () => {
  assert.deepEqual(await fieldsRead([["u64 b", 8, 8]], '"%llu", REC->b << 10', ["1024", "1000"]), [
    { b: 1n },
    { b: "unread" },
  ]);
  assert.deepEqual(await fieldsRead([["char c", 8, 1]], '"<%c>", REC->c', ["<a>", "<>"]), [{ c: 97n }]);
});

test("of two sides the one is taken that the kernel took when it was built", async () => {
  const print =
    '"%u", (__u32)(__builtin_constant_p(REC->a) ? ((REC->a & 1) << 24) : __fswab32((__u32)(__be32)(REC->a)))';
  assert.deepEqual(await fieldsRead([["u32 a", 8, 4]], print, ["1"]), [{ a: 0x0100_0000n }]);
});

test("a number that words about itself stand behind ends where its digits do", async () => {
  const print = '"n=%u%s%s m=%u", REC->n, REC->n & 1 ? " odd" : "", REC->n & 2 ? " two" : "", REC->m';
  const fields = [
    ["u32 n", 8, 4],
    ["u32 m", 12, 4],
  ] as const;
  assert.deepEqual(await fieldsRead(fields, print, ["n=3 odd two m=5", "n=0 m=6"]), [
    { n: 3n, m: 5n },
    { n: 0n, m: 6n },
  ]);
  const digits = '"n=%u%s", REC->n, REC->n & 1 ? "1" : ""';
  assert.deepEqual(await fieldsRead([["u32 n", 8, 4]], digits, ["n=31"]), [{ n: "unread" }]);
});

/** What a printed value tells of its field, and no more. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type FtraceFormat, parseFormat } from "../tracepoints/format.ts";
import { numberField, readLines, type Taken, textField, unreadOf } from "./testing.ts";
import type { Trace } from "./text.ts";

const HEAD = "            bash-1033    [001] d.s2.     5.000001: ";

/** A format of an event `e`: declarations with their bytes, `s` in front of signed ones, one behind the other. */
function formatOf(fields: readonly (readonly [string, number])[], print: string): FtraceFormat {
  let offset = 8;
  const list = fields.map(([declaration, size]) => {
    const signed = declaration.startsWith("s ");
    const line = `\tfield:${signed ? declaration.slice(2) : declaration};\toffset:${offset};\tsize:${size};\tsigned:${signed ? 1 : 0};`;
    offset += size;
    return line;
  });
  const common = "\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;";
  const text = `name: e\nID: 77\nformat:\n${common}\n\n${list.join("\n")}\n\nprint fmt: ${print}\n`;
  return parseFormat(text, { category: "test" });
}

interface Line {
  readonly trace: Trace;
  readonly record: Taken;
  /** The numbers of the fields, and those that are not told. */
  readonly numbers: readonly bigint[];
  readonly unread: readonly string[];
}

/** Reads lines of an event. */
async function linesOf(
  fields: readonly (readonly [string, number])[],
  print: string,
  ...lines: readonly string[]
): Promise<readonly Line[]> {
  const formats = [formatOf(fields, print)];
  const { trace, records } = await readLines(lines, { formats }, `${HEAD}e: `);
  assert.equal(records.length, lines.length);
  const own = formats[0]?.fields.filter(({ kind, name }) => kind === "number" && name !== "common_pid") ?? [];
  return records.map((record) => ({
    trace,
    record,
    numbers: own.flatMap(({ name, count }) =>
      Array.from({ length: count }, (_, at) => numberField(trace, record, name, at)),
    ),
    unread: unreadOf(trace, record),
  }));
}

async function lineOf(fields: readonly (readonly [string, number])[], print: string, line: string): Promise<Line> {
  return (await linesOf(fields, print, line))[0] as Line;
}

test("a cast that cuts tells the bits that it leaves", async () => {
  for (const [type, print, printed, low] of [
    ["u32", "(u8)REC->x", "255", 255n],
    ["u64", "(unsigned short)REC->x", "255", 255n],
    ["s s32", "(s8)REC->x", "-1", 255n],
    ["u64", "(unsigned int)(REC->x + 1)", "255", 254n],
    ["u64", "(unsigned int)(REC->x << 9)", "512", 1n],
    ["u64", "(u32)(REC->x >> 10)", "3", 3n << 10n],
  ] as const) {
    const size = type.endsWith("64") ? 8 : 4;
    const { numbers, unread } = await lineOf([[`${type} x`, size]], `"x=%d", ${print}`, `x=${printed}`);
    assert.deepEqual([numbers, unread], [[low], ["x"]], print);
  }
});

test("a cast that cuts nothing changes nothing", async () => {
  const print = '"x=%d y=%lu z=%d", (int)REC->x, (unsigned long)REC->y, (u32)(REC->z >> 4) & 0xf';
  const line = await lineOf([["s s16 x", 2], ["u32 y", 4], ["u8 z", 1]], print, "x=-5 y=7 z=3"); // biome-ignore format: a row
  assert.deepEqual([line.numbers, line.unread], [[-5n, 7n, 0x30n], ["z"]]);
});

test("of an array of which some elements are printed the others are not told", async () => {
  const one = await lineOf([["u32 a[4]", 16]], '"a=%u", REC->a[0]', "a=7");
  assert.deepEqual([one.numbers, one.unread], [[7n, 0n, 0n, 0n], ["a"]]);
  const all = await lineOf([["u32 a[2]", 8]], '"a=%u,%u", REC->a[0], REC->a[1]', "a=7,8");
  assert.deepEqual([all.numbers, all.unread], [[7n, 8n], []]);
  const bytes = await lineOf([["u8 a[4]", 4]], '"a=%s", __print_hex(REC->a, 2)', "a=01 02");
  assert.deepEqual([bytes.numbers, bytes.unread], [[1n, 2n, 0n, 0n], ["a"]]);
  const numbers = await lineOf([["u16 a[4]", 8]], '"a=%s", __print_array(REC->a, 2, 2)', "a={0x1,0x2}");
  assert.deepEqual([numbers.numbers, numbers.unread], [[1n, 2n, 0n, 0n], ["a"]]);
  const sized = await lineOf([["u8 a[2]", 2]], '"a=%s", __print_hex(REC->a, sizeof(REC->a))', "a=01 02");
  assert.deepEqual([sized.numbers, sized.unread], [[1n, 2n], []]);
});

test("an array's elements are as large as they are printed", async () => {
  const print = '"a=%s", __print_array(__get_dynamic_array(a), __get_dynamic_array_len(a), 1)';
  const { record } = await lineOf([["__data_loc u32[] a", 4]], print, "a={0x1,0x2,0x3}");
  const place = record.payload.getUint32(8, true);
  assert.equal(place >>> 16, 3);
  const bytes = Array.from({ length: 3 }, (_, at) => record.payload.getUint8((place & 0xffff) + at));
  assert.deepEqual(bytes, [1, 2, 3]);
});

test("a text that has as many letters as are printed at most may go on", async () => {
  const print = '"n=%.4s m=%.*s", REC->n, 3, __get_str(m)';
  const fields = [
    ["char n[16]", 16],
    ["__data_loc char[] m", 4],
  ] as const;
  const [cut, whole] = await linesOf(fields, print, "n=abcd m=xyz", "n=abc m=xy");
  assert.ok(cut && whole);
  assert.deepEqual([textField(cut.trace, cut.record, "n"), cut.unread], ["abcd", ["n", "m"]]);
  assert.deepEqual([textField(whole.trace, whole.record, "m"), whole.unread], ["xy", []]);
});

test("bytes of %*ph", async () => {
  const fields = [["u8 a[3]", 3], ["u8 b[3]", 3], ["u8 c[3]", 3], ["u8 y", 1]] as const; // biome-ignore format: a row
  const print = '"%*ph %3phC %2phN %d", 3, REC->a, REC->b, REC->c, REC->y';
  const { numbers, unread } = await lineOf(fields, print, "01 02 03 04:05:06 0708 9");
  assert.deepEqual([numbers, unread], [[1n, 2n, 3n, 4n, 5n, 6n, 7n, 8n, 0n, 9n], ["c"]]);
});

test("narrow fields below 0 that are printed without a sign", async () => {
  const fields = [["s s8 x", 1], ["s s16 y", 2], ["s int z", 4]] as const; // biome-ignore format: a row
  const print = '"%u %x 0x%lx", REC->x, REC->y, (unsigned long)REC->z';
  const { numbers, unread } = await lineOf(fields, print, "4294967295 fffffffe 0xfffffffffffffffd");
  assert.deepEqual([numbers, unread], [[-1n, -2n, -3n], []]);
});

test("numbers in columns", async () => {
  const fields = [["s int x", 4], ["s int y", 4], ["s int z", 4], ["s int w", 4]] as const; // biome-ignore format: a row
  const print = '"x=%-5d y=%5d z=%+d w=% d", REC->x, REC->y, REC->z, REC->w';
  const lines = ["x=5     y=  -42 z=+1 w= 7", "x=-12345 y=123456 z=-1 w=-7"];
  const read = await linesOf(fields, print, ...lines);
  assert.deepEqual(
    read.map(({ numbers, unread }) => [...numbers, ...unread]),
    [
      [5n, -42n, 1n, 7n],
      [-12345n, 123456n, -1n, -7n],
    ],
  );
});

test("a pointer of a kind that is not known tells nothing", async () => {
  const fields = [["void * e", 8], ["u32 x", 4]] as const; // biome-ignore format: a row
  const { numbers, unread } = await lineOf(fields, '"e=%pd x=%u", REC->e, REC->x', "e=passwd x=3");
  assert.deepEqual([numbers, unread], [[0n, 3n], ["e"]]);
});

test("a line with a word that is not known keeps the base of its numbers", async () => {
  const fields = [["u32 x", 4], ["u32 f", 4]] as const; // biome-ignore format: a row
  const print = '"x=%x f=%s", REC->x, __print_symbolic(REC->f, {1,"A"})';
  const { numbers, unread } = await lineOf(fields, print, "x=10 f=UNKNOWN");
  assert.deepEqual([numbers, unread], [[0x10n, 0n], ["f"]]);
});

test("the beginning of a word is no number", async () => {
  const fields = [["u64 d", 8], ["u64 m", 8]] as const; // biome-ignore format: a row
  const { numbers, unread } = await lineOf(fields, '"d: 0x%lx, m: 0x%lx", REC->d, REC->m', "d: AT_FDCWD, m: 0x3");
  assert.deepEqual([numbers, unread], [[0n, 3n], ["d"]]);
  const dotted = await lineOf(fields, '"d=%lu m=%lu", REC->d, REC->m', "d=1.5 m=3");
  assert.deepEqual([dotted.numbers, dotted.unread], [[0n, 3n], ["d"]]);
});

test("bytes of a number the other way round, in a kernel's words and in its macros'", async () => {
  for (const [type, size, print, printed, value] of [
    ["u16 x", 2, '"x=%u", ntohs(REC->x)', "258", 0x0201n],
    ["__be32 x", 4, '"x=%08x", be32_to_cpu(REC->x)', "01020304", 0x04030201n],
    ["__be32 x", 4, '"x=%d", (int)ntohl(REC->x)', "-2", 0xfeffffffn],
    ["__be64 x", 8, '"x=%#llX", (__u64)__builtin_bswap64((__u64)(( __u64)(__be64)(REC->x)))', "0X1F", 0x1fn << 56n],
    ["u64 x", 8, '"x=%llu", cpu_to_le64(REC->x)', "258", 258n],
    ["u16 x", 2, '"x=%x", (__builtin_constant_p((__u16)(REC->x)) ? 1 : __fswab16(REC->x))', "102", 0x201n],
    ["u16 x", 2, '"x=%x", ((REC->x & 0xff) << 8) | ((REC->x & 0xff00) >> 8)', "102", 0x201n],
  ] as const) {
    const { numbers, unread } = await lineOf([[type, size]], print, `x=${printed}`);
    assert.deepEqual([numbers, unread], [[value], []], print);
  }
  const cut = await lineOf([["u32 x", 4]], '"x=%u", ntohs(REC->x)', "x=258");
  assert.deepEqual([cut.numbers, cut.unread], [[0x201n], ["x"]]);
});

test("halves of a number that are printed as narrower ones", async () => {
  const print = '"lsn %d/%d", ((uint)((REC->lsn) >> 32)), ((uint)(REC->lsn))';
  const { numbers, unread } = await lineOf([["u64 lsn", 8]], print, "lsn 3/-2");
  assert.deepEqual([numbers, unread], [[0x3_ffff_fffen], []]);
  const plain = await lineOf([["u64 l", 8]], '"%d/%d", REC->l >> 32, REC->l', "3/-2");
  assert.deepEqual([plain.numbers, plain.unread], [[0x3_ffff_fffen], []]);
});

test("a table of a number's middle does not tell the rest of it", async () => {
  const print = '"dm=%s", __print_symbolic(REC->dm >> 8 & 7, {0, "A"}, {7, "B"})';
  const { numbers, unread } = await lineOf([["u16 dm", 2]], print, "dm=B");
  assert.deepEqual([numbers, unread], [[0x700n], ["dm"]]);
});

test("numbers side by side: their least digits say where each ends, or they are not told", async () => {
  const fields = [["u32 a", 4], ["u32 b", 4], ["u32 n", 4]] as const; // biome-ignore format: a row
  const [narrow, wide] = await linesOf(fields, '"%02x%02x n=%u", REC->a, REC->b, REC->n', "0a0b n=3", "10a0b n=3");
  assert.deepEqual([narrow?.numbers, narrow?.unread], [[10n, 11n, 3n], []]);
  assert.deepEqual(
    [wide?.numbers, wide?.unread],
    [
      [0n, 0n, 3n],
      ["a", "b"],
    ],
  );
  const any = await lineOf(fields, '"%x%x n=%u", REC->a, REC->b, REC->n', "1234 n=3");
  assert.deepEqual(
    [any.numbers, any.unread],
    [
      [0n, 0n, 3n],
      ["a", "b"],
    ],
  );
});

test("digits that fixed text goes on with", async () => {
  const fields = [["u32 a", 4], ["u32 b", 4]] as const; // biome-ignore format: a row
  const { numbers, unread } = await lineOf(fields, '"%xbytes %u00us", REC->a, REC->b', "10bytes 500us");
  assert.deepEqual([numbers, unread], [[16n, 5n], []]);
});

test("texts of several pieces in a table, and errors by their names", async () => {
  const print = '"%s %pe %pe", __print_symbolic(REC->r, { 0x20, "APIC_" "ID" }), REC->e, REC->f';
  const fields = [["u32 r", 4], ["void * e", 8], ["void * f", 8]] as const; // biome-ignore format: a row
  const { numbers, unread } = await lineOf(fields, print, "APIC_ID -EPROBE_DEFER 00000000deadbeef");
  assert.deepEqual([numbers, unread], [[0x20n, 2n ** 64n - 517n, 0xdeadbeefn], []]);
});

test("addresses the other way round, sets of bits, four letters", async () => {
  const fields = [["u32 i", 4], ["u8 m[6]", 6], ["u8 s[4]", 4], ["u32 c", 4]] as const; // biome-ignore format: a row
  const print = '"%pI4h %pMR %*pbl %p4cc", &REC->i, REC->m, 32, REC->s, &REC->c';
  const line = "1.2.3.4 06:05:04:03:02:01 0-2,9,31 NV12 little-endian (0x3231564e)";
  const { numbers, unread } = await lineOf(fields, print, line);
  const expected = [0x01020304n, 1n, 2n, 3n, 4n, 5n, 6n, 7n, 2n, 0n, 128n, 0x3231564en];
  assert.deepEqual([numbers, unread], [expected, []]);
});

test("a prefix among the digits of numbers side by side is read as one, and stops nothing", async () => {
  const fields = [["u32 a", 4], ["u32 b", 4]] as const; // biome-ignore format: a row
  const { numbers, unread } = await lineOf(fields, '"%04x%04x", REC->a, REC->b', "0x1f0002");
  assert.deepEqual([numbers, unread], [[0x1fn, 2n], []]);
});

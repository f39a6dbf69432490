/** Texts in columns, and values that are printed by where they lie, as Linux's vsnprintf prints them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseFormat } from "../tracepoints/format.ts";
import { createMatcher } from "./fields/matcher.ts";
import { createSymbols } from "./symbols.ts";

/** The fields that an event of these, from byte 8 on, has of a line; compiled and by steps. */
function read(fields: readonly string[], sizes: readonly number[], print: string, line: string): Buffer[] {
  let offset = 8;
  const list = fields.map((declaration, index) => {
    const size = sizes[index] as number;
    const text = `\tfield:${declaration};\toffset:${offset};\tsize:${size};\tsigned:0;`;
    offset += size;
    return text;
  });
  const text = `name: each\nID: 1\nformat:\n\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n${list.join("\n")}\n\nprint fmt: ${print}\n`;
  const format = parseFormat(text, { category: "test" });
  const results = [undefined, () => undefined].map((compile) => {
    const matcher = createMatcher(format, createSymbols(), "", compile);
    const bytes = new Uint8Array(256);
    const target = {
      bytes,
      view: new DataView(bytes.buffer),
      words: new Int32Array(bytes.buffer),
      start: 0,
      end: 0,
      limit: 256,
    };
    assert.notEqual(matcher.match(Buffer.from(`${line}\nnext line\n`, "latin1"), 0, target), -1, line);
    assert.deepEqual([matcher.unread.unreadLow, matcher.unread.unreadHigh], [0, 0], `${print}: ${line}`);
    return Buffer.from(bytes.subarray(0, target.end));
  });
  assert.deepEqual(results[0], results[1]);
  const [record = assert.fail()] = results;
  return format.fields.slice(1).map(({ offset: at, size, kind }) => {
    if (kind !== "dataLoc") return record.subarray(at, at + size);
    const place = record.readUInt32LE(at);
    return record.subarray(place & 0xffff, (place & 0xffff) + (place >>> 16));
  });
}
const text = (bytes: Buffer | undefined): string => bytes?.toString("latin1").replace(/\0+$/, "") ?? assert.fail();

test("blanks of a column are no part of a text, on either side", () => {
  const chars = ["int a", "char name[32]", "int b"];
  const located = ["int a", "__data_loc char[] name", "int b"];
  for (const [conversion, printed, expected] of [
    ["%10s", "      bash", "bash"],
    ["%-10s", "bash      ", "bash"],
    ["%-10s", "ab cd     ", "ab cd"],
    // Wider than its column: what is behind it is its own.
    ["%-4s", "bashes ", "bashes "],
    ["%4s", "bashes", "bashes"],
    ["%-10s", "          ", ""],
  ] as const)
    for (const behind of [" ", "|"]) {
      const line = `1 ${printed}${behind}7`;
      const print = (value: string): string => `"%d ${conversion}${behind}%d", REC->a, ${value}, REC->b`;
      for (const [a, name, b] of [
        read(chars, [4, 32, 4], print("REC->name"), line),
        read(located, [4, 4, 4], print("__get_str(name)"), line),
      ])
        assert.deepEqual([a?.readInt32LE(), text(name), b?.readInt32LE()], [1, expected, 7], line);
    }
});

test("words, symbols and numbers have columns too", () => {
  const zone = `__print_symbolic(REC->zone, {0, "DMA"}, {1, "DMA32"})`;
  for (const [conversion, printed] of [
    ["%-8s", "DMA32   "],
    ["%8s", "   DMA32"],
  ]) {
    const print = `"node=%d zone=${conversion} order=%d", REC->node, ${zone}, REC->order`;
    const fields = read(["int node", "u32 zone", "int order"], [4, 4, 4], print, `node=0 zone=${printed} order=3`);
    assert.deepEqual(
      fields.map((bytes) => bytes.readInt32LE()),
      [0, 1, 3],
    );
  }
  const symbols = read(["void * f", "int x"], [8, 4], '"f=%-12ps|%d", REC->f, REC->x', "f=schedule    |3");
  const same = read(["void * f", "int x"], [8, 4], '"f=%ps|%d", REC->f, REC->x', "f=schedule|3");
  assert.deepEqual(symbols, same);
  const [wide, narrow] = read(["int a", "int b"], [4, 4], '"%-*d|%d", 6, REC->a, REC->b', "22    |3");
  assert.deepEqual([wide?.readInt32LE(), narrow?.readInt32LE()], [22, 3]);
  const [null0] = read(["void * p"], [8], '"p=%p", REC->p', "p=          (null)");
  assert.equal(null0?.readBigInt64LE(), 0n);
});

test("a text with a precision may fill its array", () => {
  const [code, x] = read(["char code[4]", "int x"], [4, 4], '"%4.4s %d", REC->code, REC->x', "NV12 3");
  assert.deepEqual([text(code), x?.readInt32LE()], ["NV12", 3]);
});

test("what is printed by where it lies: addresses, sockets' addresses, identifiers", () => {
  const hex = (field: string, size: number, print: string, line: string): string | undefined =>
    read([field], [size], print, line)[0]?.toString("hex");
  assert.equal(hex("u32 ip", 4, '"%pI4", &REC->ip', "1.2.3.4"), "01020304");
  assert.equal(hex("struct in6_addr ip", 16, '"%pI6c", &REC->ip', "fe80::1"), `fe80${"0".repeat(26)}01`);
  assert.equal(hex("dma_addr_t bus", 8, '"%pad", &REC->bus', "0x0000000012345678"), "7856341200000000");
  const four = "020000500a000001";
  const socket = '"%pISpc", (struct sockaddr *)&REC->to';
  assert.equal(hex("unsigned char to[28]", 28, socket, "10.0.0.1:80"), four.padEnd(56, "0"));
  const located = '"%pISpc", (struct sockaddr *)__get_sockaddr(to)';
  assert.equal(hex("__data_loc __u8[] to", 4, located, "10.0.0.1:80"), four.padEnd(32, "0"));
  assert.equal(hex("__data_loc __u8[] to", 4, located, "[::1]:80")?.length, 56);
  const bytes = "00112233445566778899aabbccddeeff";
  const text = "00112233-4455-6677-8899-aabbccddeeff";
  assert.equal(hex("uuid_t id", 16, '"%pU", &REC->id', text), bytes);
  assert.equal(hex("__u8 id[16]", 16, '"%pUB", REC->id', text.toUpperCase()), bytes);
  assert.equal(hex("guid_t id", 16, '"%pUl", &REC->id', text), "33221100554477668899aabbccddeeff");
  assert.equal(hex("u32 x", 4, '"%u", (REC->x) & 255', "7"), "07000000");
});

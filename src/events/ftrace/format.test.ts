import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { AnyctxError } from "../../error.ts";
import { parseFormat } from "./format.ts";
import { loadFormats } from "./load-formats.ts";
import { printItems } from "./print.ts";
import { RECORDED_FORMATS } from "./recorded.ts";
import { numberField, readText, reasons, textField } from "./testing.ts";

const folder = mkdtempSync(join(tmpdir(), "formats-"));
after(() => rmSync(folder, { recursive: true }));

/** A format as tracefs prints it: declarations with offset and size. */
function formatText(name: string, fields: readonly (readonly [string, number, number])[], print: string): string {
  const list = fields.map(
    ([declaration, offset, size]) => `\tfield:${declaration};\toffset:${offset};\tsize:${size};\tsigned:0;`,
  );
  return `name: ${name}\nID: 77\nformat:\n\tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;\n\n${list.join("\n")}\n\nprint fmt: ${print}\n`;
}

const badTrace = (pattern: RegExp) => (error: unknown) =>
  error instanceof AnyctxError && error.code === "BAD_TRACE" && pattern.test(error.message);

test("kinds of fields", () => {
  const text = formatText(
    "all",
    [
      ["char comm[16]", 8, 16],
      ["const void * ptr", 24, 8],
      ["__data_loc char[] name", 32, 4],
      ["__rel_loc char[] other", 36, 4],
      ["unsigned long args[6]", 40, 48],
      ["u8 mac[TASK_COMM_LEN]", 88, 6],
    ],
    '""',
  );
  const format = parseFormat(text, { category: "test" });
  assert.deepEqual(
    format.fields.map(({ name, kind, count }) => [name, kind, count]),
    [
      ["common_pid", "number", 1],
      ["comm", "chars", 1],
      ["ptr", "number", 1],
      ["name", "dataLoc", 1],
      ["other", "relLoc", 1],
      ["args", "number", 6],
      ["mac", "other", 1],
    ],
  );
  assert.deepEqual([format.size, format.id, format.category], [94, 77, "test"]);
});

test("a file that is no format is refused by name, part and line", () => {
  const where = { category: "test", file: "x/format" };
  assert.throws(() => parseFormat("hello", where), badTrace(/x\/format: not a tracefs format file: no "name:"/));
  assert.throws(() => parseFormat("\tfield:int a;\tsize:4;", where), badTrace(/x\/format, line 1: not a field/));
  assert.throws(() => parseFormat("field:int a; offset:9999; size:4;", where), badTrace(/line 1: field a lies beyond/));
  assert.throws(
    () => parseFormat("name: a\nID: 1\nfield:int a; offset:0; size:4;", where),
    badTrace(/no "print fmt:"/),
  );
});

test("formats of other events read what their print formats say", async () => {
  const block = formatText(
    "block_rq",
    [
      ["dev_t dev", 8, 4],
      ["sector_t sector", 16, 8],
      ["char rwbs[8]", 24, 8],
      ["__rel_loc char[] cmd", 32, 4],
      ["unsigned int nr", 36, 4],
      ["int hidden", 40, 4],
    ],
    '"%d,%d %s [%s] %llu + %u %5d 0x%02x 100%%", ((unsigned int) ((REC->dev) >> 20)), ((unsigned int) ((REC->dev) & ((1U << 20) - 1))), REC->rwbs, __get_rel_str(cmd), (unsigned long long)REC->sector, REC->nr, some_function(REC->hidden), REC->nr',
  );
  const state = formatText(
    "state",
    [
      ["unsigned short bits", 8, 2],
      ["unsigned long where", 16, 8],
      ["unsigned char kind", 24, 1],
    ],
    '"bits=%s kind=%s at %pS (%ps)", REC->bits ? __print_flags(REC->bits, " ", { 1, "one" }, { (1UL << 1), "two" }, { 1 + 3, "four" }) : "-", __print_symbolic(REC->kind, { 5, "five" }, { 6, "six" }), (void *)REC->where, REC->nowhere',
  );
  const formats = [block, state].map((text) => parseFormat(text, { category: "test" }));
  const head = "            bash-1033    [001] d.s2.     5.000001: ";
  const text = [
    "block_rq: 259,3 WS [a b] 18446744073709551615 + 8    7 0x08 100%",
    "state: bits=one four 0x100 kind=six at here+0x10/0x20 [mod] (anything)",
    "state: bits=- kind=0x9 at here+0x10/0x20 (x)",
    "state: bits=three kind=six at here+0x10/0x20 (x)",
    "state: bits=0x10000 kind=six at here+0x10/0x20 (x)",
  ];
  const { trace, records } = await readText(text.map((line) => `${head}${line}\n`).join(""), { formats });
  assert.deepEqual(reasons(trace), { fields: 2 });
  const [first, second, third] = records;
  assert.ok(first && second && third);
  const numbers = ["dev", "sector", "nr", "hidden"].map((name) => numberField(trace, first, name));
  assert.deepEqual(numbers, [(259n << 20n) | 3n, 18446744073709551615n, 8n, 0n]);
  assert.deepEqual([textField(trace, first, "rwbs"), textField(trace, first, "cmd")], ["WS", "a b"]);
  assert.deepEqual([numberField(trace, second, "bits"), numberField(trace, second, "kind")], [0x105n, 6n]);
  assert.equal(trace.symbols.nameOf(numberField(trace, second, "where")), "here+0x10 [mod]");
  assert.deepEqual([numberField(trace, third, "bits"), numberField(trace, third, "kind")], [0n, 9n]);
  assert.deepEqual(
    trace.events.map((event) => event.missing),
    [["hidden"], []],
  );
});

test("the constants of the kernel's macros are worked out", () => {
  const gfp =
    '"%s", (REC->f) ? __print_flags(REC->f, "|", {( unsigned long)((( gfp_t)(((((1UL))) << (10))|((((1UL))) << (11)))) | (( gfp_t)((((1UL))) << (6))) & ~(( gfp_t)0)), "GFP_NOFS"}, { 0, ((void *)0) } ) : "none"';
  const format = parseFormat(formatText("gfp", [["unsigned long f", 8, 8]], gfp), { category: "test" });
  const [item] = printItems(format);
  assert.ok(item?.kind === "words");
  assert.deepEqual(
    [...(item.sets[0]?.words ?? [])],
    [
      ["GFP_NOFS", 0xc40n],
      ["none", 0n],
    ],
  );
});

test("a print format that cannot be read costs its event only", async () => {
  const broken = [
    "",
    "REC->x",
    '"%s',
    '"%d", ((((',
    `"%d", ${"(".repeat(5000)}1${")".repeat(5000)}`,
    '"%d%s%d", REC->f, REC->g, REC->f',
  ];
  for (const print of broken) {
    const format = parseFormat(formatText("odd", [["unsigned long f", 8, 8]], print || "x"), { category: "test" });
    const text = "  a-1 [000] ..... 1.0: odd: whatever 7\n  a-1 [000] ..... 1.0: softirq_exit: vec=1 [action=TIMER]\n";
    const { trace, error } = await readText(text, { formats: [format, ...RECORDED_FORMATS] });
    assert.equal(error, undefined);
    assert.ok(trace.counts.read >= 1, print);
  }
});

test("a folder of formats, as in tracefs and as plain files", async () => {
  mkdirSync(join(folder, "events/kmem/one"), { recursive: true });
  mkdirSync(join(folder, "plain/irq"), { recursive: true });
  writeFileSync(join(folder, "events/kmem/one/format"), formatText("one", [["int a", 8, 4]], '"a=%d", REC->a'));
  writeFileSync(join(folder, "plain/irq/two.format"), formatText("two", [["int b", 8, 4]], '"b=%d", REC->b'));
  const formats = loadFormats(folder);
  assert.deepEqual(
    formats.map(({ category, name }) => `${category}/${name}`),
    ["kmem/one", "irq/two"],
  );
  writeFileSync(join(folder, "plain/irq/three.format"), "nothing");
  assert.throws(() => loadFormats(folder), badTrace(/three\.format: not a tracefs format/));
  assert.throws(() => loadFormats(join(folder, "events/kmem/one/format/x")), badTrace(/cannot read/));
  mkdirSync(join(folder, "none"));
  assert.throws(() => loadFormats(join(folder, "none")), badTrace(/none holds no tracefs format file/));
});

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { AnyctxError } from "../../error.ts";
import { parseFormat } from "../tracepoints/format.ts";
import { KERNEL_FORMATS } from "../tracepoints/kernel-formats.ts";
import { loadFormats } from "../tracepoints/load-formats.ts";
import { printItems } from "./format/print.ts";
import { numberField, readText, reasons, textField, unreadOf } from "./testing.ts";

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
      ["char table[2][8]", 96, 16],
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
      ["table", "other", 1],
    ],
  );
  assert.deepEqual([format.size, format.id, format.category], [112, 77, "test"]);
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
  assert.deepEqual(reasons(trace), {});
  const [first, second, third, fourth, fifth] = records;
  assert.ok(first && second && third && fourth && fifth);
  // A word that is in no table, and a number that the field cannot hold: the rest of these lines is read.
  for (const record of [fourth, fifth])
    assert.deepEqual(
      [numberField(trace, record, "bits"), numberField(trace, record, "kind"), unreadOf(trace, record)],
      [0n, 6n, ["bits"]],
    );
  assert.deepEqual(trace.counts.unreadable, [
    { event: "block_rq", field: "hidden", count: 1 },
    { event: "state", field: "bits", count: 2 },
  ]);
  const numbers = ["dev", "sector", "nr", "hidden"].map((name) => numberField(trace, first, name));
  assert.deepEqual(numbers, [(259n << 20n) | 3n, 18446744073709551615n, 8n, 0n]);
  assert.deepEqual([textField(trace, first, "rwbs"), textField(trace, first, "cmd")], ["WS", "a b"]);
  assert.deepEqual([numberField(trace, second, "bits"), numberField(trace, second, "kind")], [0x105n, 6n]);
  assert.equal(trace.symbols.nameOf(numberField(trace, second, "where")), "here+0x10 [mod]");
  assert.deepEqual([numberField(trace, third, "bits"), numberField(trace, third, "kind")], [0n, 9n]);
  assert.deepEqual(
    trace.events.map((event) => [event.unprinted, event.unreadable]),
    [
      [[], ["hidden"]],
      [[], []],
    ],
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
      ["GFP_NOFS", { value: 0xc40n, known: 0xffff_ffff_ffff_ffffn }],
      ["none", { value: 0n, known: 0xffff_ffff_ffff_ffffn }],
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
    const { trace, error } = await readText(text, { formats: [format, ...KERNEL_FORMATS] });
    assert.equal(error, undefined);
    assert.ok(trace.counts.read >= 1, print);
  }
});

/** Reads lines of events with these formats on CPU 1 of a trace. */
const readWith = (formats: readonly string[], ...lines: readonly string[]) =>
  readText(lines.map((line) => `            bash-20645   [001] .....  1459.680023: ${line}\n`).join(""), {
    formats: formats.map((text) => parseFormat(text, { category: "test" })),
  });

const pointerSized = (...names: readonly string[]) =>
  names.map((name, index) => [`unsigned long ${name}`, 8 + index * 8, 8] as const);

test("system calls are written without their events' names", async () => {
  const enter = (name: string, fields: readonly string[]): string =>
    formatText(
      `sys_enter_${name}`,
      pointerSized("__syscall_nr", ...fields),
      [
        `"${fields.map((field) => `${field}: 0x%08lx`).join(", ")}"`,
        ...fields.map((field) => `((unsigned long)(REC->${field}))`),
      ].join(", "),
    );
  const exit = formatText("sys_exit_openat", [["long ret", 16, 8]], '"0x%lx", REC->ret');
  const { trace, records } = await readWith(
    [enter("openat", ["dfd", "mode"]), enter("getpid", []), exit],
    "sys_openat(dfd: 0xffffff9c, mode: 0x1b6)",
    "sys_getpid()",
    "sys_openat -> 0xfffffffffffffffe",
    "sys_openat(dfd: 0xffffff9c, mode: 0x1b6",
    "sys_openat: ",
    "sys_close(fd: 0x3)",
  );
  assert.deepEqual(
    records.map(({ event }) => event),
    ["sys_enter_openat", "sys_enter_getpid", "sys_exit_openat", "sys_enter_openat"],
  );
  const [opened, , returned, cut] = records;
  assert.ok(opened && returned && cut);
  assert.deepEqual(
    [numberField(trace, cut, "mode"), numberField(trace, cut, "__syscall_nr"), unreadOf(trace, cut)],
    [0x1b6n, 257n, []],
  );
  assert.deepEqual([numberField(trace, opened, "dfd"), numberField(trace, opened, "mode")], [0xffffff9cn, 0x1b6n]);
  assert.equal(BigInt.asIntN(64, numberField(trace, returned, "ret")), -2n);
  assert.deepEqual(reasons(trace), { event: 2 });
});

test("words for numbers that only the kernel knows keep the line; their field is named where it was not told", async () => {
  const format = formatText(
    "hrtimer_start",
    pointerSized("mode", "expires"),
    '"mode=%s expires=%lu", __print_symbolic(REC->mode, { HRTIMER_MODE_ABS, "ABS" }, { 3, "REL" }), REC->expires',
  );
  const { trace, records } = await readWith(
    [format],
    "hrtimer_start: mode=ABS expires=5",
    "hrtimer_start: mode=REL expires=6",
  );
  assert.deepEqual(
    records.map((record) => [numberField(trace, record, "mode"), numberField(trace, record, "expires")]),
    [
      [0n, 5n],
      [3n, 6n],
    ],
  );
  assert.deepEqual(
    records.map((record) => unreadOf(trace, record)),
    [["mode"], []],
  );
  assert.deepEqual(trace.counts.unreadable, [{ event: "hrtimer_start", field: "mode", count: 1 }]);
});

test("kprobe events print symbols where their format says a number", async () => {
  const entry = formatText("p_open", pointerSized("__probe_ip", "fd"), '"(%lx) fd=0x%Lx", REC->__probe_ip, REC->fd');
  const back = formatText(
    "r_open",
    pointerSized("__probe_func", "__probe_ret_ip", "ret"),
    '"(%lx <- %lx) ret=%Ld", REC->__probe_func, REC->__probe_ret_ip, REC->ret',
  );
  const { trace, records } = await readWith(
    [entry, back],
    "p_open: (do_sys_openat2+0x0/0x130) fd=0xffffff9c",
    "r_open: (__x64_sys_openat+0x54/0x90 <- do_sys_openat2) ret=3",
  );
  const [opened, returned] = records;
  assert.ok(opened && returned);
  assert.equal(numberField(trace, opened, "fd"), 0xffffff9cn);
  assert.equal(numberField(trace, returned, "ret"), 3n);
  assert.equal(numberField(trace, returned, "__probe_ret_ip"), numberField(trace, opened, "__probe_ip"));
  assert.ok(numberField(trace, returned, "__probe_func") > 2n ** 47n);
});

test("uprobe events print addresses; their arrays are declared without a number", async () => {
  const entry = formatText(
    "anyu",
    [
      ["unsigned long __probe_ip", 8, 8],
      ["__data_loc char[] name", 16, 4],
      ["u8 arr[]", 20, 4],
      ["s32 n", 24, 4],
      ["u8 ch", 28, 1],
    ],
    `"(%lx) name=\\"%s\\" arr={0x%x,0x%x,0x%x,0x%x} n=%d ch='%c'", REC->__probe_ip, __get_str(name), REC->arr[0], REC->arr[1], REC->arr[2], REC->arr[3], REC->n, REC->ch`,
  );
  const { trace, records } = await readWith(
    [entry],
    `anyu: (0x7feb33fafe90) name="/tmp" arr={0x2f,0x74,0x6d,0x70} n=-1 ch='/'`,
    "anyu: (0x7feb33fafe90) name=(fault) arr={0x0,0x0,0x0,0x0} n=2 ch='/'",
  );
  const [whole, faulted] = records;
  assert.ok(whole && faulted);
  assert.deepEqual(
    [numberField(trace, whole, "__probe_ip"), textField(trace, whole, "name")],
    [0x7feb33fafe90n, "/tmp"],
  );
  assert.deepEqual(
    [0, 3].map((index) => numberField(trace, whole, "arr", index)),
    [0x2fn, 0x70n],
  );
  assert.deepEqual([numberField(trace, whole, "n"), numberField(trace, whole, "ch")], [0xffffffffn, 0x2fn]);
  assert.deepEqual([unreadOf(trace, faulted), numberField(trace, faulted, "n")], [["name"], 2n]);
});

test("a value where it is shown, and numbers with 0x of their own", async () => {
  const format = formatText(
    "mm_page_alloc",
    pointerSized("pfn", "flags", "order"),
    '"pfn=0x%lx flags=%#lx order=%d", REC->pfn != -1UL ? REC->pfn : 0, REC->flags, REC->order > 4 ? 99 : REC->order',
  );
  const { trace, records } = await readWith(
    [format],
    "mm_page_alloc: pfn=0x117c21 flags=0x40 order=2",
    "mm_page_alloc: pfn=0x0 flags=0 order=0",
  );
  assert.deepEqual(
    records.map((record) => ["pfn", "flags", "order"].map((name) => numberField(trace, record, name))),
    [
      [0x117c21n, 0x40n, 2n],
      [0n, 0n, 0n],
    ],
  );
});

test("clocks that count have no point: order and distances are theirs", async () => {
  const text =
    "  a-1 [000] ..... 1459676000000: softirq_exit: vec=1 [action=TIMER]\n  a-1 [000] ..... 1459676000007: softirq_exit: vec=1 [action=TIMER]\n";
  const { records, error } = await readText(text, { formats: KERNEL_FORMATS });
  assert.equal(error, undefined);
  assert.deepEqual(
    records.map(({ time }) => time),
    [1459676000000n, 1459676000007n],
  );
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

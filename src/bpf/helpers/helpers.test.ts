/** Helpers and maps as programs use them, by both engines on a fake host. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { AnyctxError } from "../../error.ts";
import { RECORD } from "../../events/record.ts";
import { assemble } from "../isa/assemble.ts";
import { linkProgram } from "../link.ts";
import { readObject } from "../object/object.ts";
import { specOfInstructions } from "../object/spec.ts";
import { CONTEXT, CPU, ENGINES, type FakeHost, fakeHost, hostFor, STACK_TOP, TASK } from "../testing.ts";
import { POSITIVE_SIZE, SIZE } from "./parameters/memory.ts";
import { formatLine, parseFormat } from "./print.ts";
import { HELPERS, helperById, helperByName } from "./table.ts";

type Engine = (typeof ENGINES)[number];

function run(text: string, engine: Engine, host: FakeHost = fakeHost()): bigint {
  const spec = specOfInstructions("helpers", assemble(text));
  return engine.make(linkProgram(spec, "helpers", host.bindings), host)(CONTEXT, CPU, STACK_TOP);
}

const unsigned = (value: number): bigint => BigInt.asUintN(64, BigInt(value));

test("helper rows are complete and unique", () => {
  for (const row of HELPERS) {
    assert.equal(helperById(row.id), row);
    assert.equal(helperByName(row.name), row);
    assert.match(row.doc, /^[A-Z].*\.$/s, row.name);
    assert.ok(row.parameters.length <= 5);
    row.parameters.forEach((parameter, index) => {
      const isSize = (kind: unknown): boolean => kind === SIZE || kind === POSITIVE_SIZE;
      if (parameter.sized) assert.ok(isSize(row.parameters[index + 1]), row.name);
      else if (isSize(parameter)) assert.ok(row.parameters[index - 1]?.sized, row.name);
    });
  }
  assert.equal(new Set(HELPERS.map(({ id }) => id)).size, HELPERS.length);
});

for (const engine of ENGINES) {
  test(`${engine.name}: records go to whoever reads them, of the current CPU, as bytes of their own`, () => {
    const host = fakeHost();
    const { address, maxEntries } = host.add({ name: "perf", bpfType: 4, keySize: 4, valueSize: 4 });
    const seen: [map: number, record: string][] = [];
    const reading = {
      ...host,
      output: (map: number, _: number, record: Uint8Array) => seen.push([map, Buffer.from(record).toString("hex")]),
    };
    const output = (flags: string): bigint =>
      run(
        `*(u64 *)(r10 - 8) = 7\nr2 = map(${address}) ll\nr3 = ${flags} ll\nr4 = r10\nr4 += -8\nr5 = 3\ncall perf_event_output\nexit`,
        engine,
        reading as FakeHost,
      );
    assert.equal(output("0xffffffff"), 0n);
    assert.deepEqual(seen, [[address, "070000"]]);
    assert.equal(output(String(maxEntries)), unsigned(-7));
    assert.equal(output("0x10000000000000ff"), unsigned(-22));
    assert.equal(seen.length, 1);
  });

  test(`${engine.name}: flags beyond 32 bits are refused by the core, others passed on`, () => {
    const update = (flags: string): string => `
      *(u64 *)(r10 - 8) = 1
      r1 = map({hash}) ll
      r2 = r10
      r2 += -8
      r3 = r2
      r4 = ${flags} ll
      call map_update_elem
      exit`;
    for (const [flags, expected] of [
      ["0", 0n],
      ["0x100000000", unsigned(-22)],
      ["1", unsigned(0)],
      ["2", unsigned(-2)],
    ] as const) {
      const host = fakeHost();
      const { address } = host.add({ name: "hash", bpfType: 1, keySize: 4, valueSize: 8 });
      assert.equal(run(update(flags).replace("{hash}", String(address)), engine, host), expected, flags);
    }
  });

  test(`${engine.name}: a map chosen at run time is found among the program's maps`, () => {
    const text = (kind: string): string => `
      *(u32 *)(r10 - 4) = 2
      r0 = *(u64 *)(r1 + 0)
      r1 = map({a}) ll
      if r0 == 0 goto +2
      r1 = map({b}) ll
      ${kind}
      r2 = r10
      r2 += -4
      call map_lookup_elem
      if r0 == 0 goto +1
      r0 = *(u64 *)(r0 + 0)
      exit`;
    for (const [choice, expected] of [
      [0, 20n],
      [1, 30n],
    ] as const) {
      const host = fakeHost();
      const [a, b] = [host.add({ name: "a", bpfType: 2 }), host.add({ name: "b", bpfType: 6 })];
      host.view.setBigUint64(a.firstValue + 16, 20n, true);
      host.view.setBigUint64(b.firstValue + 16, 30n, true);
      host.setContext(Uint8Array.from([choice, 0, 0, 0, 0, 0, 0, 0]));
      const place = (source: string): string =>
        source.replace("{a}", String(a.address)).replace("{b}", String(b.address));
      assert.equal(run(place(text("")), engine, host), expected);
      const wrong = (error: unknown): boolean => error instanceof AnyctxError && error.code === "EFAULT";
      if (choice === 1) assert.throws(() => run(place(text("r1 += 1")), engine, host), wrong);
    }
  });

  test(`${engine.name}: an array lookup knows its bounds, a value its size`, () => {
    const text = (index: number, offset: number): string => `
      *(u32 *)(r10 - 4) = ${index}
      r1 = map({a}) ll
      r2 = r10
      r2 += -4
      call map_lookup_elem
      if r0 == 0 goto +2
      *(u64 *)(r0 + ${offset}) = 5
      r0 = *(u64 *)(r0 + ${offset})
      exit`;
    const attempt = (index: number, offset: number): bigint => {
      const host = fakeHost();
      const { address } = host.add({ name: "a", bpfType: 2, maxEntries: 3, valueSize: 16 });
      return run(text(index, offset).replace("{a}", String(address)), engine, host);
    };
    assert.equal(attempt(2, 8), 5n);
    assert.equal(attempt(3, 8), 0n);
    assert.equal(attempt(-1, 8), 0n);
    if (engine.name === "interpreter") assert.throws(() => attempt(0, 16), /EFAULT|may not write/);
  });

  test(`${engine.name}: arguments that are no pointers or sizes are refused`, () => {
    const cases = [
      "r1 = 0\nr2 = 8\nr3 = 0\ncall probe_read\nexit",
      "r1 = r10\nr1 += -8\nr2 = 0x80000000 ll\nr3 = 0\ncall probe_read\nexit",
      "r1 = 5\nr2 = r10\nr2 += -8\ncall map_lookup_elem\nexit",
    ];
    for (const text of cases)
      assert.throws(
        () => run(text, engine),
        (error) => error instanceof AnyctxError && error.code === "EFAULT",
        text,
      );
  });

  test(`${engine.name}: read-only variables cannot be written`, () => {
    const spec = readObject(readFileSync(new URL("../fixtures/tracing.bpf.o", import.meta.url)), "tracing.bpf.o");
    const host = hostFor(spec);
    const rodata = host.bindings.get(".rodata") ?? assert.fail();
    const object = {
      ...specOfInstructions("helpers", assemble(`r1 = value(${rodata.firstValue}) ll\n*(u32 *)(r1 + 0) = 9\nexit`)),
      maps: spec.maps,
    };
    const program = linkProgram(object, "helpers", host.bindings);
    assert.throws(() => engine.make(program, host)(CONTEXT, CPU, STACK_TOP), /instruction 2/);
    assert.equal(host.view.getUint32(rodata.firstValue, true), 3);
  });
}

/** The fixture's programs on a made-up stream of events: maps end up the same by both engines. */
function replay(engine: Engine): string[] {
  const spec = readObject(readFileSync(new URL("../fixtures/tracing.bpf.o", import.meta.url)), "tracing.bpf.o");
  const host = hostFor(spec);
  const kmalloc = engine.make(linkProgram(spec, "on_kmalloc", host.bindings), host);
  const onSwitch = engine.make(linkProgram(spec, "on_switch", host.bindings), host);
  const results: string[] = [];
  for (let event = 0; event < 20; event++) {
    const context = new Uint8Array(40);
    const view = new DataView(context.buffer);
    view.setBigUint64(24, BigInt(event * 3), true);
    view.setBigUint64(32, BigInt(event * 4), true);
    host.setContext(context);
    host.view.setBigUint64(TASK + RECORD.pidTgid, BigInt(event % 3), true);
    results.push(`${kmalloc(CONTEXT, CPU, STACK_TOP)} ${onSwitch(CONTEXT, CPU, STACK_TOP)}`);
  }
  const memory = Buffer.from(host.bytes.slice(0x40000)).toString("hex").replace(/0+$/, "");
  return [...results, memory];
}

test("a clang program leaves the same results and maps by both engines", () => {
  const [interpreted, compiled] = ENGINES.map(replay);
  assert.deepEqual(compiled, interpreted);
  assert.equal(interpreted?.[0], "1 0");
  assert.equal(interpreted?.[1], "0 0");
  assert.equal(interpreted?.[19], "41 0");
});

test("conversions of formats, as Linux 6.18 prints them", () => {
  const host = fakeHost();
  const { bytes } = host;
  bytes.set(new TextEncoder().encode("text\0"), 0x30000);
  bytes.set([0x61, 0xff, 0xe9, 0x7a, 0], 0x30010);
  bytes.set([1, 2, 3, 4], 0x30020);
  bytes.fill(0x78, 0x30100, 0x30400);
  const long = "x".repeat(511);
  const cases: readonly (readonly [string, readonly bigint[], string | number | undefined])[] = [
    ["%d %i %u", [2n ** 32n - 1n, 5n, 2n ** 32n + 7n], "-1 5 7"],
    ["%ld %llx %lu", [2n ** 64n - 1n, 255n, 2n ** 63n], "-1 ff 9223372036854775808"],
    ["%x %08X|%-5d|%5d|%05d|%-05d|", [255n, 0xabcn, 7n, 8n, 9n, 1n], "ff 00000ABC|7    |    8|00009|1    |"],
    ["% d|% 5d|% +d|%+ d|% 05d|% x|%+u", [1n, 1n, 1n, 1n, -5n, 1n, 1n], " 1|    1|+1|+1|-0005|1|1"],
    ["%05d %+d", [-3n, 3n], "-0003 +3"],
    ["%c%% %s|%6s|%05s|%c", [65n, 0x30000n, 0x30000n, 0x30000n, 0xfbn], "A% text|  text| text|\xfb"],
    ["%s|\xc3\xa9", [0x30010n], "a\xff\xe9z|\xc3\xa9"],
    [
      "%p %px|%8px|%08px|%pKabc|",
      [0xabn, 1n, 8n, 8n, 8n].slice(0, 5),
      `${"ab".padStart(16, "0")} ${"1".padStart(16, "0")}|       8|00000008|${"8".padStart(16, "0")}|`,
    ],
    ["%ps|%5pS|%pBx|%15pB|", [1n, 1n, 1n, 1n], "0x1|  0x1|0x1|0x1|"],
    [
      "%pI4 %pi4 %15pI4|%pI4xyz|%pks!",
      [0x30020n, 0x30020n, 0x30020n, 0x30020n, 0x30000n],
      "1.2.3.4 001.002.003.004 1.2.3.4|1.2.3.4|text!",
    ],
    ["%pI6", [0n], "0000:0000:0000:0000:0000:0000:0000:0000"],
    ["%s%s|%pI4", [0n, 2n ** 40n, 0n], "|0.0.0.0"],
    ["%30d|", [1n], `${" ".repeat(29)}1|`],
    ["%1000d", [1n], `${" ".repeat(999)}1`],
    // A width is an int, and at most 2^23 - 1.
    ["%2147483648d|%4294967298d", [1n, 1n], "1| 1"],
    ["%99999999d", [1n], `${" ".repeat(2 ** 23 - 2)}1`],
    ["%s", [0x30100n], long],
    ["%s%d", [0x30100n, 1n], -28],
    ["%d%s", [1n, 0x30100n], `1${long.slice(4)}`],
    ["%d%s%c", [1n, 0x30100n, 1n], -28],
    ["100%%", [], "100%"],
    ["%us", [1n], "1s"],
    ...[
      "%q %d",
      "%d %d",
      "%#x",
      "%*d",
      "%n",
      "%llc",
      "%hd",
      "%zd",
      "%o",
      "%e",
      "%",
      "%.3s",
      "%pI5",
      "%pkx",
      "%pf",
      "%lls",
      "%l",
    ].map((format) => [format, [1n], undefined] as const),
    ...["%sx", "%s%", "%ks", "%d\x01", "%d\x7f"].map((format) => [format, [1n], undefined] as const),
  ];
  for (const [format, values, expected] of cases) {
    const parsed = parseFormat(format, values.length);
    const given = values.map((value) => BigInt.asUintN(64, value));
    assert.equal(parsed && formatLine(parsed, given, host), expected, format);
  }
});

test("interpreter: a record is written within its size and until it is given back, which each run has to do", () => {
  const reserve = "r1 = {ringbuf} ll\nr2 = 8\nr3 = 0\ncall ringbuf_reserve\nr6 = r0\n";
  const submit = "r1 = r6\nr2 = 0\ncall ringbuf_submit\n";
  const attempt = (text: string): { discarded: number; problem: string } => {
    const host = fakeHost();
    const { address } = host.add({ name: "ringbuf", bpfType: 27, keySize: 0, valueSize: 0 });
    let discarded = 0;
    const core = { ...host.core, ringbufDiscard: () => ++discarded };
    const interpreter = ENGINES.find(({ name }) => name === "interpreter") ?? assert.fail();
    try {
      run(`${reserve}${text}exit`.replaceAll("{ringbuf}", `map(${address})`), interpreter, { ...host, core });
    } catch (error) {
      assert.ok(error instanceof AnyctxError);
      return { discarded, problem: error.message };
    }
    return { discarded, problem: "" };
  };
  assert.deepEqual(attempt(`*(u64 *)(r6 + 0) = 1\n${submit}`), { discarded: 0, problem: "" });
  for (const [text, problem, discarded] of [
    ["", /ends with a record that is neither submitted nor discarded/, 1],
    ["*(u64 *)(r6 + 8) = 1\n", /may not write/, 1],
    [`${submit}*(u64 *)(r6 + 0) = 1\n`, /may not write/, 0],
    [`${submit}${submit}`, /is no record that this run has reserved/, 0],
  ] as const) {
    const seen = attempt(text);
    assert.match(seen.problem, problem);
    assert.equal(seen.discarded, discarded, text);
  }
});

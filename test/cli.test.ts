/** The command line as a person or a script meets it: what it prints, and how it ends. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { describe, test } from "node:test";
import type { Headline } from "../src/bench/headline.ts";
import type { MapsRow } from "../src/bench/maps.ts";
import type { AdviceDocument } from "../src/cli/advice/document.ts";
import type { ObjectDescription } from "../src/cli/describe.ts";
import type { CheckDocument } from "../src/cli/print/check.ts";
import type { EventsDocument } from "../src/cli/print/events.ts";
import type { RunDocument } from "../src/cli/print/run.ts";
import type { MapReport, Report } from "../src/replay/report.ts";
import {
  anyctx,
  COMMAND,
  type Ended,
  file,
  firstLines,
  LIMIT_MILLISECONDS,
  MEMLEAK,
  memleakWith,
  TRACE,
} from "./command-line.ts";

const CONCURRENCY = 2;
const RUN = ["run", MEMLEAK, "--events", TRACE, "--no-headline"];
const CONTEXT_NAMES = ["hardirq", "irqsOff", "nmi", "softirq", "task"];

async function report(...args: string[]): Promise<RunDocument> {
  const { code, stdout, stderr } = await anyctx([...args, "--json"]);
  assert.deepEqual([code, stderr], [0, ""]);
  return JSON.parse(stdout) as RunDocument;
}

function mapOf({ maps }: Report, name: string): MapReport {
  const map = maps.find((each) => each.name === name);
  assert.ok(map, `map ${name} is reported`);
  return map;
}

/** The u64 global variables of memleak's .bss, from its dump. */
function counters(document: Report): bigint[] {
  const value = Buffer.from(String(mapOf(document, ".bss").items?.[0]?.value), "hex");
  return [0, 8, 16].map((offset) => value.readBigUInt64LE(offset));
}

describe("run --json", { concurrency: CONCURRENCY }, () => {
  test("the document's shape and figures", async () => {
    const document = await report(...RUN);
    const { events, programs, maps, allocator } = document;
    assert.deepEqual([events.read, events.replayed, events.skipped], [148_959, 148_959, 0]);
    assert.deepEqual(events.byContext, { task: 133_877, softirq: 11_528, irqsOff: 3454, hardirq: 100, nmi: 0 });
    assert.deepEqual(events.byCpu, [109_178, 39_781, 0, 0, 0, 0, 0, 0]);
    assert.deepEqual([events.skippedBy, events.lost], [{}, 0]);
    assert.ok(Math.abs(events.perSecond - events.replayed / events.seconds) <= 1, "events a second of replay");
    assert.deepEqual(
      programs.map(({ name, section, runs, errors, attached }) => [name, section, runs, errors, attached]),
      [
        ["on_kmalloc", "tracepoint/kmem/kmalloc", 3933, 0, true],
        ["on_kmem_cache_alloc", "tracepoint/kmem/kmem_cache_alloc", 39_159, 0, true],
        ["on_kfree", "tracepoint/kmem/kfree", 14_093, 0, true],
        ["on_kmem_cache_free", "tracepoint/kmem/kmem_cache_free", 31_917, 0, true],
      ],
    );
    assert.deepEqual(
      maps.map(({ name, type, keySize, valueSize, maxEntries, entries, dynamic }) => [
        ...[name, type, keySize, valueSize, maxEntries, entries, dynamic],
      ]),
      [
        ["allocs", "hash", 8, 16, 65_536, 1458, true],
        ["sites", "hash", 8, 16, 4096, 94, true],
        [".rodata", "array", 4, 16, 1, 1, false],
        [".bss", "array", 4, 24, 1, 1, false],
      ],
    );
    assert.ok(maps.every(({ items }) => items === undefined));
    const { bytes, preallocatedBytes } = mapOf(document, "allocs");
    assert.ok(bytes > 1458 * 32 && bytes < preallocatedBytes && preallocatedBytes > 65_536 * 32, "memory of allocs");
    assert.equal(allocator.caches.length, 2 * 8, "a cache for each dynamic map and CPU");
    assert.deepEqual(Object.keys(allocator.misses).sort(), CONTEXT_NAMES);
    assert.deepEqual(document.skippedPrograms, []);
    assert.equal(document.headline, undefined);
  });

  test("--dump lists the bytes of every entry", async () => {
    const document = await report(...RUN, "--dump");
    const { items = [] } = mapOf(document, "allocs");
    assert.equal(items.length, 1458);
    assert.ok(items.every(({ key, value }) => /^[0-9a-f]{16}$/.test(key) && /^[0-9a-f]{32}$/.test(String(value))));
    const sum = items.reduce((total, { value }) => total + Buffer.from(String(value), "hex").readBigUInt64LE(0), 0n);
    assert.equal(sum, 467_312n);
    assert.deepEqual(counters(document), [3663n, 166n, 0n]);
  });

  test("--dump lists a per-CPU map's values by CPU", async () => {
    const args = ["run", "examples/bpf/runqlat.bpf.o", "--events", TRACE, "--no-headline", "--dump", "--cpus", "3"];
    const { items = [] } = mapOf(await report(...args), "waits");
    const sums = [0n, 0n, 0n];
    for (const { value } of items)
      for (const [cpu, hex] of [...value].entries())
        sums[cpu] = (sums[cpu] ?? 0n) + Buffer.from(hex, "hex").readBigUInt64LE(0);
    assert.deepEqual([items.length, sums], [26, [2718n, 55n, 0n]]);
  });

  test("--set changes a variable before anything runs", async () => {
    const args = [...RUN, "--dump", "--set", "min_size=0x1000", "--set", "max_size=8192"];
    const { items = [] } = mapOf(await report(...args), "allocs");
    const sizes = items.map(({ value }) => Buffer.from(String(value), "hex").readBigUInt64LE(0));
    assert.ok(sizes.length > 0 && sizes.every((size) => size >= 4096n && size <= 8192n));
  });

  test("--map-entries makes a map smaller, and the program sees its updates fail", async () => {
    const document = await report(...RUN, "--map-entries", "allocs=100", "--dump", "--prealloc");
    const { maxEntries, entries } = mapOf(document, "allocs");
    const [, , failed = 0n] = counters(document);
    assert.equal(maxEntries, 100);
    assert.ok(entries <= 100 && entries > 0, `${entries} entries`);
    assert.ok(failed > 1000n, `${failed} updates failed`);
  });

  test("--prealloc allocates everything at once and finds the same", async () => {
    const document = await report(...RUN, "--prealloc", "--interpreter");
    const allocs = mapOf(document, "allocs");
    assert.deepEqual([allocs.entries, allocs.dynamic], [1458, false]);
    assert.equal(allocs.bytes, allocs.preallocatedBytes);
    assert.deepEqual(document.allocator.caches, []);
  });

  test("--interrupts chooses the signs that are looked for", async () => {
    const { interrupts } = await report(...RUN, "--interrupts", "gap", "--gap-us", "2.5");
    assert.deepEqual([interrupts.signs, interrupts.gapMicroseconds], [["gap"], 2.5]);
    const { enabled, preempt, task } = interrupts.deferred;
    assert.deepEqual([enabled, preempt, task], [0, 0, 0]);
  });

  test("--parallel replays every event with a thread for each CPU", async () => {
    const { events, programs } = await report(...RUN, "--parallel");
    assert.equal(events.threads, 2);
    assert.deepEqual([events.replayed, events.byCpu.slice(0, 2)], [148_959, [109_178, 39_781]]);
    assert.deepEqual(
      programs.map(({ runs, errors }) => [runs, errors]),
      [3933, 39_159, 14_093, 31_917].map((runs) => [runs, 0]),
    );
  });

  test("events of CPUs that are not there are counted as skipped", async () => {
    const { events } = await report(...RUN, "--cpus", "1");
    assert.deepEqual([events.read, events.replayed, events.skipped], [148_959, 109_178, 39_781]);
    assert.deepEqual(events.skippedBy, { cpu: 39_781 });
  });

  test("a trace on standard input, cut in the middle of a line, with events nobody knows", async () => {
    const lines = firstLines(111).split("\n").slice(0, -1);
    const unknown = "   a-1  [000] .....  4782.085101: made_up_event: x=1";
    const input = [...lines.slice(0, 60), unknown, ...lines.slice(60), "   timeout-1032    [001] ...."].join("\n");
    const args = ["run", MEMLEAK, "--events", "-", "--no-headline", "--json"];
    const { code, stdout, stderr } = await anyctx(args, input);
    assert.deepEqual([code, stderr], [0, ""]);
    const { events } = JSON.parse(stdout) as RunDocument;
    assert.deepEqual([events.read, events.replayed, events.skippedBy], [102, 100, { event: 1, cut: 1 }]);
  });
});

interface HeadlineCase {
  readonly what: string;
  readonly args: readonly string[];
  readonly cpus: number;
  readonly rounds: number;
}

const HEADLINES: readonly HeadlineCase[] = [
  {
    what: "bench headline on one slot",
    args: ["bench", "headline", "--cpus", "1", "--rounds", "7"],
    cpus: 1,
    rounds: 7,
  },
  { what: "bench headline on 64", args: ["bench", "headline", "--cpus", "64", "--rounds", "7"], cpus: 64, rounds: 7 },
  { what: "run", args: ["run", MEMLEAK, "--events", TRACE], cpus: 8, rounds: 11 },
  { what: "run on 5 slots", args: ["run", MEMLEAK, "--events", TRACE, "--cpus", "5"], cpus: 5, rounds: 11 },
];

describe("the headline's arena has as many CPU slots as it is told", () => {
  for (const { what, args, cpus, rounds } of HEADLINES)
    test(what, async () => {
      const { code, stdout, stderr } = await anyctx([...args, "--json"]);
      assert.deepEqual([code, stderr], [0, ""]);
      const document = JSON.parse(stdout) as RunDocument | Headline;
      const headline = "headline" in document ? document.headline : (document as Headline);
      assert.ok(headline);
      assert.equal(headline.cpus, cpus);
      assert.deepEqual(headline.fastPath, { dynamic: true, preallocated: true, before: false });
      const threads = Math.min(availableParallelism(), 8, cpus);
      assert.deepEqual(
        headline.rows.map((row) => row.threads),
        threads === 1 ? [1] : [1, threads],
      );
      for (const { nanoseconds } of headline.rows)
        for (const { minimum, runs } of Object.values(nanoseconds)) assert.ok(minimum > 0 && runs === rounds);
    });
});

test("bench maps measures the rows with a text in their names, each in a process of its own", async () => {
  const { code, stdout, stderr } = await anyctx(["bench", "maps", "--only", "get by text", "--rounds", "7", "--json"]);
  assert.deepEqual([code, stderr], [0, ""]);
  const { rows } = JSON.parse(stdout) as { rows: MapsRow[] };
  assert.deepEqual(
    rows.map(({ name, contents, use, entries, beside }) => [name, contents, use, entries, beside]),
    [["string(16) to u32, get by text 1,000", "string(16) to u32", "get by text", 1000, "Map"]],
  );
  for (const { arena, other, ratio } of rows)
    for (const { minimum, median, maximum, runs } of [arena, other, ratio])
      assert.ok(minimum > 0 && minimum <= median && median <= maximum && runs === 7);
});

describe("for people", { concurrency: CONCURRENCY }, () => {
  test("run prints what was found, by name, in 100 columns and without colours", async () => {
    const { code, stdout, stderr } = await anyctx(RUN);
    assert.deepEqual([code, stderr], [0, ""]);
    assert.match(stdout, /148,959 read, 148,959 replayed/);
    assert.match(stdout, /sites {2}top 10 of 94 entries by bytes, 84 more/);
    assert.match(stdout, /mas_preallocate\+0x3ef +193,536 +756\n +copy_process\+0x18a +70,656 +12\n/);
    assert.match(stdout, /\.bss +reused +3663\n/);
    assert.doesNotMatch(stdout, /\p{Cc}(?<!\n)/u);
    const widest = Math.max(...stdout.split("\n").map((line) => line.length));
    assert.ok(widest <= 100, `${widest} columns`);
  });

  test("run says which events it skipped, and how not to", async () => {
    const { stdout } = await anyctx([...RUN, "--cpus", "1"]);
    assert.match(stdout, /39,781 skipped: a CPU number beyond the given number of CPUs \(1; --cpus gives more\)/);
  });

  test("run draws histograms of arrays of numbers", async () => {
    const { stdout } = await anyctx(["run", "examples/bpf/runqlat.bpf.o", "--events", TRACE, "--no-headline"]);
    assert.match(stdout, /waits {2}percpu_array, summed over CPUs\n +0 +59 +█+\n +1 +272 +█+\n/);
  });

  test("check prints the context table of a program, the way to each -ENOMEM and the prefill", async () => {
    const { code, stdout, stderr } = await anyctx(["check", MEMLEAK, "--runs", "20"]);
    assert.deepEqual([code, stderr], [0, ""]);
    assert.match(stdout, /^check {2}memleak\.bpf\.o, profile linux, generated inputs, all different\n/);
    const failing = "-ENOMEM, sites after 4 new keys";
    assert.match(stdout, new RegExp(`  task +never +${failing}\n  softirq +never +${failing}\n`));
    for (const context of ["interrupts off", "hardirq", "nmi"])
      assert.match(stdout, new RegExp(`  ${context} +${failing} +${failing}\n`));
    assert.match(stdout, /non-RT {2}hardirq: 5 runs, no interrupts-on between +refill asked for\n/);
    assert.match(
      stdout,
      /prefill with which 20 runs cannot fail \(anyctx only: Linux 6\.18 has none\)\n +sites 20, allocs 20 on each CPU\n/,
    );
    assert.match(stdout, /on_kfree .*\n {2}it has no map update: nothing in it can fail with -ENOMEM\n/);
    assert.match(
      stdout,
      /\nmaps\n {2}sites {2}keep preallocated: dynamic, its updates can fail \(non-RT: interrupts off,\s/,
    );
    assert.ok(Math.max(...stdout.split("\n").map((line) => line.length)) <= 100);
  });

  test("check enters a program behind a guard, and tells the guard that it cannot enter", async () => {
    const object = "test/data/stories/src/s1_proxy.bpf.o";
    const args = ["check", object, "--runs", "8", "--context", "hardirq", "--rt", "off"];
    const [entered, kept] = await Promise.all([anyctx(args), anyctx([...args, "--set", "go=0"])]);
    assert.deepEqual([entered.code, kept.code], [0, 0]);
    assert.match(
      entered.stdout,
      /\n {2}made up: context \+ 8 holds 321, which instruction 12 \(if r1 != 321 goto \+46\) at\s/,
    );
    assert.match(entered.stdout, /\n {2}hardirq +-ENOMEM, basename_approvers after 4 new keys\n/);
    assert.match(
      kept.stdout,
      /it never gets to an update of a dynamic hash\n {2}the guard: instruction 10 \(if w2 == 0 /,
    );
  });

  test("check takes max_entries, and the CPUs whose events are inputs", async () => {
    const args = ["check", MEMLEAK, "--runs", "20", "--context", "nmi", "--rt", "off", "--program", "on_kmalloc"];
    const [full, fewer] = await Promise.all([
      anyctx([...args, "--map-entries", "sites=3", "--json"]),
      anyctx([...args, "--events", TRACE, "--cpus", "1", "--json"]),
    ]);
    const failing = ({ stdout }: Ended): (string | undefined)[] =>
      (JSON.parse(stdout) as CheckDocument).programs[0]?.cells.map(({ failure }) => failure?.map) ?? [];
    assert.deepEqual(
      [failing(full), failing(fewer)],
      [[undefined], ["sites"]],
      "a full hash says -E2BIG before -ENOMEM",
    );
  });

  test("check --interrupts looks at as many runs as the recording has without a sign", async () => {
    const event =
      "kmalloc: call_site=f+0x1/0x2 ptr=00000000aaaa bytes_req=10 bytes_alloc=16 gfp_flags=GFP_KERNEL node=-1";
    const lines = [1, 2, 3].map((time) => `  cat-100 [000] d.h1. 100.00000${time}: ${event} accounted=false`);
    const path = file("stretch.trace", `${lines.join("\n")}\n`);
    const args = ["check", MEMLEAK, "--rt", "off", "--json"];
    const { stdout } = await anyctx([...args, "--events", path, "--interrupts", "enabled,task"]);
    assert.equal((JSON.parse(stdout) as CheckDocument).runs, 3);
    const alone = await anyctx([...args, "--interrupts", "task"]);
    assert.deepEqual([alone.code, /--interrupts are signs in a recording/.test(alone.stderr)], [1, true]);
  });

  test("check says what the recording lacks: contexts that nobody saw are none of its", async () => {
    const event =
      "kmalloc: call_site=f+0x1/0x2 ptr=00000000aaaa bytes_req=10 bytes_alloc=16 gfp_flags=GFP_KERNEL node=-1";
    const trace = [
      "CPU:0 [LOST 6 EVENTS]",
      `  cat-100 [000] d..1. 100.000001: ${event} accounted=false`,
      "no event",
      "",
    ];
    const path = file("lost.trace", trace.join("\n"));
    const args = ["check", MEMLEAK, "--events", path, "--rt", "off", "--runs", "3"];
    const { stdout } = await anyctx(args);
    assert.match(stdout, /\n {2}6 events lost in the recording: what they would have done is in no figure\n/);
    assert.match(stdout, /\n {2}1 line of the trace skipped: head 1\n/);
    const { missing } = JSON.parse((await anyctx([...args, "--json"])).stdout) as CheckDocument;
    assert.deepEqual([missing?.lost, missing?.skipped], [6, 2]);
  });

  test("check --json has the same as a document, on recorded events", async () => {
    const args = [
      "check",
      MEMLEAK,
      "--events",
      TRACE,
      "--context",
      "task,nmi",
      "--rt",
      "off",
      "--runs",
      "20",
      "--json",
    ];
    const { code, stdout, stderr } = await anyctx(args);
    assert.deepEqual([code, stderr], [0, ""]);
    const { object, inputs, profile, runs, programs } = JSON.parse(stdout) as CheckDocument;
    assert.deepEqual([object, inputs, profile, runs], ["memleak.bpf.o", "recorded", "linux", 20]);
    assert.deepEqual(
      programs[0]?.cells.map(({ context, realTime, failure }) => [context, realTime, failure?.inserted]),
      [
        ["task", false, undefined],
        ["irqsOff", false, 4],
        ["nmi", false, 4],
      ],
    );
  });

  test("check of one program on one given context says that the key stays the same, or that it is too short", async () => {
    const args = ["check", MEMLEAK, "--program", "on_kmalloc", "--runs", "10", "--input"];
    const field = (value: number): string => value.toString(16).padStart(2, "0").padEnd(16, "0");
    const context = [0, 1, 2, 3, 4, 5, 6].map(field).join("");
    const [whole, cut] = await Promise.all([anyctx([...args, context]), anyctx([...args, context.slice(0, 16)])]);
    assert.equal(whole.code, 0);
    assert.doesNotMatch(whole.stdout, /on_kfree/);
    assert.match(whole.stdout, /with this one input it never inserts a second key: the same one comes again and again/);
    assert.deepEqual([cut.code, cut.stdout], [1, ""]);
    assert.match(
      cut.stderr,
      /^anyctx: with an --input of 8 bytes, program on_kmalloc, instruction 0 .* reads 8 bytes[^\n]+\n$/,
    );
  });

  test("advise tells for each hash what to do, and why", async () => {
    const trace = file("short.trace", firstLines(8000));
    const args = ["advise", MEMLEAK, "--events", trace, "--cpus", "2"];
    const [text, json] = await Promise.all([anyctx(args), anyctx([...args, "--json"])]);
    assert.deepEqual([text.code, text.stderr, json.code, json.stderr], [0, "", 0, ""]);
    assert.match(text.stdout, /allocs {2}hash, max_entries 65,536, dynamic in the object\n/);
    assert.match(text.stdout, / go dynamic: no update fails, [\d.]+ % of the memory\n/);
    assert.match(text.stdout, /\.bss {2}array\n {2}does not apply: an array is always there as a whole\n/);
    assert.ok(Math.max(...text.stdout.split("\n").map((line) => line.length)) <= 100);
    const { events, maps } = JSON.parse(json.stdout) as AdviceDocument;
    assert.equal(events, 7989);
    assert.deepEqual(
      maps.map(({ name, kernels }) => [name, kernels?.length]),
      [
        ["allocs", 2],
        ["sites", 2],
        [".rodata", undefined],
        [".bss", undefined],
      ],
    );
  });

  test("bench maps prints both sides and how many times as fast, in groups and in 100 columns", async () => {
    const { code, stdout, stderr } = await anyctx([
      "bench",
      "maps",
      "--only",
      "00 beside single calls",
      "--rounds",
      "7",
    ]);
    assert.deepEqual([code, stderr], [0, ""]);
    const figures = String.raw`[\d.]+ \([\d.]+-[\d.]+\)`;
    assert.match(stdout, /^maps .*median \(least-most\) of 7 rounds/);
    assert.match(stdout, /\n {2}u32 below 2\^31 to u64 +entries +arena, ns +single calls, ns +x as fast\n/);
    assert.match(stdout, new RegExp(`  getMany +1,000,000 +${figures} +${figures} +${figures}\\n\\n  getMany: `));
    assert.ok(Math.max(...stdout.split("\n").map((line) => line.length)) <= 100);
  });

  test("inspect shows programs, maps, variables and instructions with their source", async () => {
    const { code, stdout, stderr } = await anyctx(["inspect", MEMLEAK]);
    assert.deepEqual([code, stderr], [0, ""]);
    assert.match(stdout, /license GPL/);
    assert.match(stdout, /on_kfree +tracepoint kmem:kfree +10\n/);
    assert.match(stdout, /allocs +hash +8 +16 +65,536 +0x1 +dynamic\n/);
    assert.match(stdout, /max_size +8 +18446744073709551615\n/);
    assert.match(stdout, /; if \(!known\) {2}\S+:80\n {4}7: if r0 == 0 goto \+19\n/);
    assert.match(stdout, /r1 = 0 ll {2}# map allocs\n/);
  });

  test("inspect --json has the same as a document", async () => {
    const { stdout } = await anyctx(["inspect", MEMLEAK, "--json"]);
    const { programs, maps, variables, functions } = JSON.parse(stdout) as ObjectDescription;
    assert.deepEqual(programs[0], {
      ...{ name: "on_kmalloc", section: "tracepoint/kmem/kmalloc" },
      ...{ attachesTo: "tracepoint kmem:kmalloc", instructions: 67 },
    });
    assert.deepEqual([maps.length, variables.length, functions.length], [4, 5, 5]);
    assert.equal(functions[0]?.instructions[0]?.source?.line, 77);
  });

  test("help and version go to stdout and are no failure", async () => {
    const { version } = JSON.parse(readFileSync("package.json", "utf8")) as { version: string };
    const [help, version_, run, bench] = await Promise.all(
      [["--help"], ["--version"], ["run", "--help"], ["help", "bench"]].map((args) => anyctx(args)),
    );
    const commands = [...(help?.stdout ?? "").matchAll(/^ {2}([a-z]+) /gm)].map(([, name]) => name);
    assert.deepEqual(commands, [
      ...["run", "verify", "test", "check", "advise", "inspect", "types", "events", "contexts", "bench", "help"],
    ]);
    assert.equal(version_?.stdout, `${version}\n`);
    assert.match(run?.stdout ?? "", /--interrupts <signs>[\s\S]*preempt {2}another preemption depth/);
    assert.match(bench?.stdout ?? "", /headline +update\+delete/);
    for (const ended of [help, version_, run, bench]) assert.deepEqual([ended?.code, ended?.stderr], [0, ""]);
  });

  test("an interrupt ends the trace: what was read until then is reported", async () => {
    const args = [COMMAND, "run", MEMLEAK, "--events", "-", "--no-headline", "--json"];
    const child = spawn(process.execPath, args, {
      stdio: ["pipe", "pipe", "inherit"],
      ...{ timeout: LIMIT_MILLISECONDS, killSignal: "SIGKILL" },
    });
    let stdout = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout += text;
    });
    const closed = once(child, "close");
    // The pipe holds less than this: when all is written, the replay has been reading for a while. It stays open.
    await new Promise((resolve) => child.stdin.write(firstLines(20_011), resolve));
    await new Promise((resolve) => setTimeout(resolve, 300));
    child.kill("SIGINT");
    const [code] = await closed;
    assert.equal(code, 0);
    const { replayed } = (JSON.parse(stdout) as Report).events;
    assert.ok(replayed > 10_000 && replayed <= 20_000, `${replayed} events`);
  });
});

interface Refusal {
  readonly what: string;
  readonly args: readonly string[];
  readonly says: RegExp;
}

const run = (object: string, events: string, ...more: string[]): string[] => {
  return ["run", object, "--events", events, "--no-headline", "--json", ...more];
};

const CALL_LOOKUP = Buffer.from([0x85, 0, 0, 0, 1, 0, 0, 0]);
const SECTION_TABLE = 0x28;
const SECTION_NAMES = 0x3e;
const MACHINE = 18;

/** Replaces every occurrence of a text by another of the same length. */
function rename(bytes: Buffer, from: string, to: string): void {
  for (let at = bytes.indexOf(from); at >= 0; at = bytes.indexOf(from, at + 1)) bytes.write(to, at, "latin1");
}

const REFUSED: readonly Refusal[] = [
  { what: "an object that is not there", args: run("no/such.o", TRACE), says: /cannot read no\/such\.o: there is no/ },
  { what: "a folder as object", args: run("src", TRACE), says: /cannot read src: it is a folder/ },
  { what: "an empty object", args: run(file("empty.o", ""), TRACE), says: /empty\.o: / },
  { what: "text as object", args: run("package.json", TRACE), says: /package\.json: .*ELF/ },
  {
    what: "an object cut off",
    args: run(
      memleakWith("cut.o", () => undefined, 5000),
      TRACE,
    ),
    says: /cut\.o: /,
  },
  {
    what: "an object for another machine",
    args: run(
      memleakWith("x86.o", (bytes) => bytes.writeUInt16LE(62, MACHINE)),
      TRACE,
    ),
    says: /x86\.o: /,
  },
  {
    what: "an object whose section table lies beyond its end",
    args: run(
      memleakWith("far.o", (bytes) => bytes.writeBigUInt64LE(2n ** 63n, SECTION_TABLE)),
      TRACE,
    ),
    says: /far\.o: /,
  },
  {
    what: "an object whose section names are no section",
    args: run(
      memleakWith("names.o", (bytes) => bytes.writeUInt16LE(0xfff0, SECTION_NAMES)),
      TRACE,
    ),
    says: /names\.o: /,
  },
  {
    what: "an object without the definition of its maps",
    args: run(
      memleakWith("nomaps.o", (bytes) => rename(bytes, ".maps\0", ".mops\0")),
      TRACE,
    ),
    says: /nomaps\.o .*(allocs|maps|mops)/,
  },
  {
    what: "a program that calls a helper nobody knows",
    args: run(
      memleakWith("helper.o", (bytes) => bytes.writeInt32LE(9999, bytes.indexOf(CALL_LOOKUP) + 4)),
      TRACE,
    ),
    says: /helper.*9999|9999.*helper/,
  },
  { what: "a trace that is not there", args: run(MEMLEAK, "no-such.trace"), says: /cannot read no-such\.trace: / },
  { what: "an empty trace", args: run(MEMLEAK, file("empty.trace", "")), says: /empty\.trace is empty/ },
  { what: "a trace that is none", args: run(MEMLEAK, "package.json"), says: /package\.json holds no event/ },
  {
    what: "a trace of unknown events only",
    args: run(MEMLEAK, file("unknown.trace", " a-1  [000] .....  1.000001: made_up_event: x=1\n")),
    says: /unknown\.trace holds no event.*made_up_event/,
  },
  {
    what: "a trace of CPUs that are not there",
    args: run(MEMLEAK, file("cpu9.trace", " a-1  [009] .....  1.000001: sys_exit: NR 1 = 0\n")),
    says: /cpu9\.trace holds no event.*CPU/,
  },
  { what: "a .gz that is not gzip", args: run(MEMLEAK, file("plain.gz", firstLines(20))), says: /plain\.gz.*gzip/ },
  {
    what: "gzip that is cut off",
    args: run(MEMLEAK, file("cut.gz", readFileSync(TRACE).subarray(0, 100_000))),
    says: /cut\.gz/,
  },
  { what: "formats that are none", args: run(MEMLEAK, TRACE, "--formats", "docs-no-such"), says: /docs-no-such/ },
  {
    what: "a variable that is not there",
    args: run(MEMLEAK, TRACE, "--set", "max=1"),
    says: /no variable max; .*max_size/,
  },
  {
    what: "a value that is no number",
    args: run(MEMLEAK, TRACE, "--set", "max_size=x"),
    says: /"x" is not an integer/,
  },
  {
    what: "a map that is not there",
    args: run(MEMLEAK, TRACE, "--map-entries", "none=1"),
    says: /no map none; .*sites/,
  },
  {
    what: "more entries than there is memory for",
    args: run(MEMLEAK, TRACE, "--prealloc", "--map-entries", "sites=2000000000"),
    says: /map "sites"/,
  },
  {
    what: "a row that is not there",
    args: ["bench", "maps", "--only", "nothing"],
    says: /"nothing" in its name, as "u32/,
  },
  {
    what: "check of a program that is not there",
    args: ["check", MEMLEAK, "--program", "no"],
    says: /no program no; .*on_kfree/,
  },
  {
    what: "a context without a program",
    args: ["check", MEMLEAK, "--input", "00"],
    says: /--input is the context of one program: --program says which/,
  },
  {
    what: "a trace without an event of the program",
    args: ["check", MEMLEAK, "--events", file("exit.trace", " a-1  [000] .....  1.000001: sys_exit: NR 1 = 0\n")],
    says: /exit\.trace holds no event that a program of the object runs on/,
  },
  { what: "check of what is no object", args: ["check", "package.json"], says: /package\.json: .*ELF/ },
  { what: "check on a trace that is not there", args: ["check", MEMLEAK, "--events", "no"], says: /cannot read no: / },
  {
    what: "advise on a trace that is not there",
    args: ["advise", MEMLEAK, "--events", "no"],
    says: /cannot read no: /,
  },
  { what: "advise on a stream", args: ["advise", MEMLEAK, "--events", "-"], says: /more than once: it takes a file/ },
  { what: "inspect of what is no object", args: ["inspect", "package.json"], says: /package\.json: .*ELF/ },
];

describe("input that does not work: one sentence, exit code 1", { concurrency: CONCURRENCY }, () => {
  for (const { what, args, says } of REFUSED)
    test(what, async () => {
      const { code, stdout, stderr } = await anyctx(args);
      assert.match(stderr, /^anyctx: [^\n]+\n$/, "exactly one line");
      assert.match(stderr, says);
      assert.doesNotMatch(stderr, /internal error|\bat .*:\d+|undefined|\[object/);
      assert.deepEqual([code, stdout], [1, ""]);
    });
});

const MISUSED: readonly (readonly [string, readonly string[], RegExp])[] = [
  ["no command", [], /Usage: anyctx/],
  ["an unknown command", ["walk"], /unknown command 'walk'/],
  ["an unknown option", [...RUN, "--fast"], /unknown option '--fast'/],
  ["no object", ["run", "--events", TRACE], /missing required argument 'object'/],
  ["no events", ["run", MEMLEAK], /'--events <file>' not specified/],
  ["an argument too many", ["types", MEMLEAK, "more"], /too many arguments/],
  ["--set without a value", [...RUN, "--set", "min_size"], /NAME=VALUE/],
  ["--map-entries that is no number", [...RUN, "--map-entries", "sites=many"], /whole number/],
  ["--map-entries of 0", [...RUN, "--map-entries", "sites=0"], /whole number from 1/],
  ["--cpus that is no number", [...RUN, "--cpus", "two"], /whole number from 1 to 1024/],
  ["--cpus of 1025", [...RUN, "--cpus", "1025"], /whole number from 1 to 1024/],
  ["--gap-us that is no number", [...RUN, "--gap-us", "-1"], /not negative/],
  ["an unknown sign of interrupts", [...RUN, "--interrupts", "task,moon"], /"moon".*enabled, preempt, task, gap/],
  ["--prealloc and --dynamic", [...RUN, "--prealloc", "--dynamic"], /cannot be used with/],
  ["check in a context that is none", ["check", MEMLEAK, "--context", "task,user"], /"user" is no context/],
  ["check on a kernel that is none", ["check", MEMLEAK, "--rt", "maybe"], /Allowed choices are both, on, off/],
  ["check without runs", ["check", MEMLEAK, "--runs", "0"], /whole number from 1/],
  ["check with half a byte", ["check", MEMLEAK, "--program", "on_kfree", "--input", "123"], /bytes in hex/],
  ["check with events and an input", ["check", MEMLEAK, "--events", TRACE, "--input", "00"], /cannot be used with/],
  ["advise without events", ["advise", MEMLEAK], /'--events <file>' not specified/],
  ["an unknown bench", ["bench", "speed"], /Allowed choices are headline/],
  ["no CPU slot", ["bench", "headline", "--cpus", "0"], /whole number from 1 to 1024/],
  ["CPU slots of a bench that has its own", ["bench", "maps", "--cpus", "4"], /'--cpus' is not for bench maps/],
  ["rows of a bench that has none", ["bench", "alloc", "--only", "pair"], /'--only' is not for bench alloc/],
  ["too few rounds", ["bench", "--rounds", "6"], /whole number from 7/],
];

describe("a command line that is none: exit code 2 and where to read on", { concurrency: CONCURRENCY }, () => {
  for (const [what, args, says] of MISUSED)
    test(what, async () => {
      const { code, stdout, stderr } = await anyctx(args);
      assert.match(stderr, says);
      assert.match(stderr, /--help|Usage:/);
      assert.deepEqual([code, stdout], [2, ""]);
    });
});

test("events: what is in a recording, for people and for programs", async () => {
  const json = await anyctx(["events", "test/data/events/kinds-6.18.trace.gz", "--json"]);
  assert.deepEqual([json.code, json.stderr], [0, ""]);
  const document = JSON.parse(json.stdout) as EventsDocument;
  const total = Object.values(document.byKind).reduce((sum, number) => sum + number, 0);
  assert.deepEqual([document.source, document.events, total, document.lost], ["ftrace", 1568, 1568, 0]);
  assert.ok(document.unreadable.some(({ event, field }) => event === "irq_handler_exit" && field === "ret"));
  const tables = await anyctx(["events", TRACE]);
  assert.match(tables.stdout, /ftrace: 148,959 events in 148,970 lines/);
  const several = await anyctx(["events", TRACE, "package.json", "--json"]);
  assert.equal(several.code, 1);
  assert.equal((JSON.parse(several.stdout) as EventsDocument[]).length, 1);
  assert.match(several.stderr, /package\.json holds no event/);
});

test("run ends with 3 where runs of programs failed, with 0 where that is allowed", async () => {
  const lines = firstLines(20_000).split("\n");
  const frees = lines.filter((line) => / kfree: /.test(line)).slice(0, 5);
  const trace = file("few.trace", `${[...lines.filter((line) => line.startsWith("#")), ...frees].join("\n")}\n`);
  const args = ["run", "src/bpf/fixtures/refused.bpf.o", "--events", trace, "--no-headline", "--no-verify", "--json"];
  const { code, stdout } = await anyctx([...args, "--interpreter"]);
  const { programs } = JSON.parse(stdout) as { programs: { runs: number; errors: number }[] };
  assert.ok(programs.some(({ runs, errors }) => runs === 5 && errors > 0));
  assert.equal(code, 3);
  assert.equal((await anyctx([...args, "--interpreter", "--allow-errors"])).code, 0);
});

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import type { Profile } from "../../arena/arena.ts";
import { assemble } from "../../bpf/isa/assemble.ts";
import { readObject } from "../../bpf/object/object.ts";
import { type MapSpec, type ObjectSpec, type ProgramSpec, specOfInstructions } from "../../bpf/object/spec.ts";
import { AnyctxError } from "../../error.ts";
import { openEvents } from "../../events/file.ts";
import { CONTEXTS } from "../../events/record.ts";
import { DEFAULT_RULE, RULE_RANGE } from "../../replay/interrupts.ts";
import type { AdviceReport } from "../advise/advice.ts";
import { adviseObjects } from "../advise/advise.ts";
import { recordedUse } from "../advise/recorded-use.ts";
import { keepStream } from "../advise/recording.ts";
import { type CheckedProgram, type CheckReport, checkObject } from "./check.ts";
import { INSERTS, measureContexts } from "./contexts.ts";
import { generatedInputs, givenInputs, type Inputs, recordedInputs } from "./inputs.ts";
import { straight } from "./schedule.ts";
import type { CheckCell } from "./search.ts";
import { Trial } from "./trial.ts";

const RUNS = 60;
const MEMLEAK = readObject(readFileSync("examples/bpf/memleak.bpf.o"), "memleak.bpf.o");

const generated = (object: ObjectSpec): Inputs =>
  new Map(
    object.programs.flatMap(({ name, kind }) =>
      "reason" in kind ? [] : [[name, generatedInputs(kind, RUNS)] as const],
    ),
  );

function check(object: ObjectSpec, profile: Profile = "linux", inputs = generated(object)): Promise<CheckReport> {
  const settings = { profile, contexts: CONTEXTS, realTime: [false, true], dynamic: false, runs: RUNS, inputs };
  return checkObject(object, settings, () => undefined);
}

/** What a cell says, in few words. */
function words({ context, realTime, failure, complete }: CheckCell): string {
  const what = failure === undefined ? "never" : `${failure.map} after ${failure.inserted}: ${failure.schedule}`;
  return `${context}${realTime ? " RT" : ""} ${what}${complete ? "" : " (not all)"}`;
}

function only({ programs }: CheckReport): CheckedProgram {
  const [program] = programs;
  assert.ok(program !== undefined && programs.length === 1);
  return program;
}

const report = await check(MEMLEAK);

test("the kernel series' context table is what checking memleak finds", () => {
  for (const program of report.programs.slice(0, 2)) {
    const off = ", no interrupts-on between";
    const thread = ", no work thread between";
    assert.deepEqual(program.cells.map(words), [
      "task never",
      "softirq never",
      `irqsOff sites after 4: interrupts off: 5 runs${off}`,
      `hardirq sites after 4: hardirq: 5 runs${off}`,
      `nmi sites after 4: nmi: 5 runs${off}`,
      `task RT sites after 4: task: 5 runs${thread}`,
      `softirq RT sites after 4: softirq: 5 runs${thread}`,
      `irqsOff RT sites after 4: interrupts off: 5 runs${thread}`,
      `hardirq RT sites after 4: hardirq: 5 runs${thread}`,
      `nmi RT sites after 4: nmi: 5 runs${thread}`,
    ]);
    assert.ok(
      program.cells.every(({ failure }) => failure?.workRaised !== false),
      "each asked for a refill in vain",
    );
    assert.deepEqual(program.updates, { sites: 1, allocs: 1 });
  }
});

test("it agrees with the allocator's own table, cell by cell, in both profiles", async () => {
  const measured = (await measureContexts()).filter(({ profile }) => profile === "linux");
  for (const cells of [report.programs[0]?.cells, (await check(MEMLEAK, "anyctx")).programs[0]?.cells])
    assert.deepEqual(
      cells?.map(({ context, realTime, failure }) => [context, realTime, failure?.inserted ?? INSERTS]),
      measured.map(({ context, realTime, first }) => [context, realTime, first]),
    );
});

test("programs without an update are said to be so", () => {
  for (const program of report.programs.slice(2)) {
    assert.match(program.note ?? "", /it has no map update/);
    assert.deepEqual(program.cells, []);
  }
});

test("the prefill that is named is enough for so many runs, and one object less of any map is not", async () => {
  const settings = { profile: "linux", dynamic: false, runs: RUNS, inputs: generated(MEMLEAK) } as const;
  for (const realTime of [false, true]) {
    const cell = report.programs[0]?.cells.find((each) => each.context === "hardirq" && each.realTime === realTime);
    assert.deepEqual(cell?.failure?.prefill, { sites: RUNS, allocs: RUNS });
    const trial = await Trial.create(MEMLEAK, { ...settings, realTime });
    const fails = (sites: number, allocs: number): string | undefined => {
      assert.ok(trial.prefill(new Map(Object.entries({ sites, allocs }))));
      return trial.play("on_kmalloc", straight("hardirq", RUNS), "hardirq").failures.get("hardirq")?.map;
    };
    assert.deepEqual([fails(RUNS, RUNS), fails(RUNS - 1, RUNS), fails(RUNS, RUNS - 1)], [undefined, "sites", "allocs"]);
  }
});

const EVENT = { type: "tracepoint", target: { category: "made", event: "up" } };

/** An object of one program and one hash, `map`, which the program refers to wherever it says `0 ll`. */
function objectOf(text: string, map: Partial<MapSpec>): ObjectSpec {
  const instructions = assemble(text);
  const [program] = specOfInstructions("program", instructions).programs;
  const relocations = instructions.flatMap(({ code }, instruction) =>
    code === 0x18 ? [{ type: "map", instruction, map: "map" } as const] : [],
  );
  const spec: ProgramSpec = { ...(program as ProgramSpec), section: "tracepoint/made/up", kind: EVENT, relocations };
  const size = { keySize: 8, valueSize: 8, maxEntries: 100_000, flags: 1 };
  const hash: MapSpec = { ...{ name: "map", bpfType: 1, ...size, readOnly: false }, ...map };
  return { name: "made.bpf.o", license: "", programs: [spec], functions: [], maps: [hash], btf: undefined };
}

const INSERT = `
  r6 = *(u64 *)(r1 + 8)
  *(u64 *)(r10 - 8) = r6
  r1 = 0 ll
  r2 = r10
  r2 += -8
  r3 = r10
  r3 += -400
  r4 = 0
  call map_update_elem`;
const DELETE = `
  r1 = 0 ll
  r2 = r10
  r2 += -8
  call map_delete_elem`;
const END = `
  r0 = 0
  exit`;

test("an element that is held for a moment only runs out where one context interrupts another", async () => {
  // Above 256 bytes each CPU starts with one element: the second one that is held at a time is not there.
  const { cells } = only(await check(objectOf(INSERT + DELETE + END, { valueSize: 264 })));
  assert.deepEqual(cells.slice(0, 5).map(words), [
    "task never",
    "softirq never",
    "irqsOff never",
    "hardirq never",
    "nmi map after 1: interrupts off: run [nmi at instruction 14: run]",
  ]);
  assert.deepEqual(cells[4]?.failure?.prefill, { map: 2 });
  assert.deepEqual(cells[4]?.failure?.interruptedAt, [{ instruction: 14 }]);
  assert.deepEqual(cells.slice(5, 8).map(words), [
    "task RT never",
    "softirq RT map after 1: task: run [softirq at instruction 14: run]",
    "irqsOff RT never",
  ]);
});

test("an element that is held for a moment never runs out where each level finds one", async () => {
  const { cells } = only(await check(objectOf(INSERT + DELETE + END, {})));
  assert.ok(cells.every(({ failure, complete }) => failure === undefined && complete));
});

test("a preallocated hash never gives -ENOMEM, unless it is made dynamic", async () => {
  const object = objectOf(INSERT + END, { flags: 0 });
  assert.match(only(await check(object)).note ?? "", /never gets to an update of a dynamic hash/);
  const settings = { profile: "linux", contexts: CONTEXTS, realTime: [false], runs: RUNS } as const;
  const forced = await checkObject(object, { ...settings, dynamic: true, inputs: generated(object) }, () => undefined);
  assert.deepEqual(
    only(forced).cells.map(({ failure }) => failure?.inserted),
    [undefined, undefined, 4, 4, 4],
  );
});

test("a program that needs what others put into maps runs after them", async () => {
  const object = readObject(readFileSync("examples/bpf/syslat.bpf.o"), "syslat.bpf.o");
  const { programs } = await check(object);
  const exit = programs.find(({ name }) => name === "on_sys_exit");
  assert.match(exit?.note ?? "", /begins after the other programs have run/);
  // A per-CPU hash: each CPU starts with one value.
  const perCpu = exit?.cells.map(({ context, realTime, failure }) => [
    context,
    realTime,
    failure?.map,
    failure?.inserted,
  ]);
  assert.deepEqual(perCpu?.slice(0, 6), [
    ["task", false, undefined, undefined],
    ["softirq", false, undefined, undefined],
    ["irqsOff", false, "latencies", 1],
    ["hardirq", false, "latencies", 1],
    ["nmi", false, "latencies", 1],
    ["task", true, "latencies", 1],
  ]);
});

test("one context again and again: it is said that the key stays the same", async () => {
  const object = objectOf(INSERT + END, {});
  const inputs: Inputs = new Map([["program", givenInputs(EVENT, new Uint8Array(16))]]);
  const { note, cells } = only(await check(object, "linux", inputs));
  assert.match(note ?? "", /with this one input .* the same one comes again and again/);
  assert.ok(cells.every(({ failure }) => failure === undefined));
});

test("a program that reads beyond its context is no result but an error", async () => {
  const object = objectOf(INSERT + END, {});
  const inputs: Inputs = new Map([["program", givenInputs(EVENT, new Uint8Array(8))]]);
  await assert.rejects(check(object, "linux", inputs), (error) => {
    assert.ok(error instanceof AnyctxError && error.code === "EFAULT");
    assert.match(error.message, /program program, instruction 0 .* reads 8 bytes/);
    return true;
  });
});

test("checking twice gives the same", async () => {
  assert.deepEqual(await check(MEMLEAK), report);
});

const STORIES = "test/data/stories";
const STORY = { cpus: 2, formats: `${STORIES}/formats` };

/** A story's advice without PREEMPT_RT, and what a check of the same trace says. */
async function both(file: string, trace: string): Promise<[AdviceReport, CheckReport]> {
  const object = readObject(readFileSync(`${STORIES}/src/${file}.bpf.o`), file);
  const open = keepStream(() => openEvents(`${STORIES}/traces/${trace}.trace.gz`, STORY));
  const options = { cpus: 2, rules: RULE_RANGE, realTime: [false] };
  const advice = await adviseObjects([{ object }], open, options, () => undefined);
  const programs = object.programs.flatMap(({ name, kind }) => ("reason" in kind ? [] : [{ name, kind }]));
  const inputs = await recordedInputs(programs, await open(), 1000);
  const { contexts: recorded } = await recordedUse(programs, await open(), DEFAULT_RULE);
  const settings = { profile: "linux", contexts: CONTEXTS, realTime: [false], dynamic: true, runs: 10 } as const;
  return [advice, await checkObject(object, { ...settings, inputs, recorded }, () => undefined)];
}

for (const [file, trace, verdicts] of [
  ["s5_runq", "s5.dyn", { start: "keep preallocated", stats: "keep preallocated" }],
  ["s1_proxy", "s1_proxy.dyn", { basename_approvers: "go dynamic" }],
  ["s2_execve", "s2.dyn", { execve_map: "go dynamic", override_tasks: "go dynamic" }],
] as const)
  test(`check and advise agree on ${file}: what fails on the trace can fail, and what cannot fail does not`, async () => {
    const [advice, { maps }] = await both(file, trace);
    assert.deepEqual(Object.fromEntries(maps.map(({ name, verdict }) => [name, verdict])), verdicts);
    const rows = advice.maps.flatMap(({ name, kernels = [] }) => kernels.map((kernel) => ({ name, ...kernel })));
    assert.deepEqual(rows.map(({ name }) => name).sort(), maps.map(({ name }) => name).sort());
    for (const { name, misses, verdict } of rows) {
      const checked = maps.find((each) => each.name === name);
      const failed = CONTEXTS.filter((context) => misses[context] > 0);
      const possible = checked?.fails.map(({ context }) => context) ?? [];
      assert.deepEqual(
        failed.filter((context) => !possible.includes(context)),
        [],
        name,
      );
      if (failed.length > 0) assert.deepEqual([verdict, checked?.verdict], ["keep preallocated", "keep preallocated"]);
      if (checked?.verdict === "go dynamic") assert.notEqual(verdict, "keep preallocated");
    }
  });

test("a hash whose updates cannot fail in the contexts that are asked for may go dynamic", async () => {
  const settings = { profile: "linux", contexts: ["task", "softirq"], realTime: [false], dynamic: true } as const;
  const { maps } = await checkObject(MEMLEAK, { ...settings, runs: RUNS, inputs: generated(MEMLEAK) }, () => undefined);
  assert.deepEqual(
    maps.map(({ name, verdict, fails }) => [name, verdict, fails]),
    [
      ["sites", "go dynamic", []],
      ["allocs", "go dynamic", []],
    ],
  );
});

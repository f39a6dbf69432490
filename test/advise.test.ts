/** `anyctx advise` on recorded stories, as a process: what it prints, and how it ends. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { gunzipSync } from "node:zlib";
import type { AdviceDocument } from "../src/cli/advice/document.ts";
import { anyctx, type Ended, file, MEMLEAK } from "./command-line.ts";

const FOLDER = "test/data/stories";

function advise(object: string, trace: string, ...more: readonly string[]): Promise<Ended> {
  const events = trace.includes("/") ? trace : `${FOLDER}/traces/${trace}.trace.gz`;
  const path = `${FOLDER}/src/${object}.bpf.o`;
  return anyctx(["advise", path, "--events", events, "--formats", `${FOLDER}/formats`, ...more]);
}

const traceText = (name: string): string =>
  gunzipSync(readFileSync(`${FOLDER}/traces/${name}.trace.gz`)).toString("latin1");

describe("advise", { concurrency: 2 }, () => {
  test("bursts in hard interrupts: what fails, how often, in one go, and the lines to change", async () => {
    const { code, stdout, stderr } = await advise("s5_slow", "s5_slow.dyn", "--rt", "off");
    assert.deepEqual([code, stderr], [0, ""]);
    assert.match(stdout, /14,947 events on 2 CPUs, 3 replays, as Linux 6\.18\n/, "CPUs are those of the trace");
    assert.match(stdout, /non-RT +20 +176 +5,996 +1,100-1,158 +19 % +77 +1,108\n/);
    assert.match(stdout, /keep preallocated: dynamic, 1100 to 1158 of its updates fail, 18 % to 19 %, up to 77\s/);
    assert.match(stdout, /\n +- +__uint\(map_flags, BPF_F_NO_PREALLOC\);\n/);
    assert.match(stdout, /\ntotal {2}428\.2 KiB as declared, 1\.4 MiB preallocated, /);
    assert.ok(Math.max(...stdout.split("\n").map((line) => line.length)) <= 100);
  });

  test("lost events, skipped lines and programs that never ran are said", async () => {
    const lines = traceText("syn.1").trimEnd().split("\n");
    lines.splice(40, 0, "CPU:1 [LOST 1234 EVENTS]", "nonsense");
    const path = file("lost.trace", `${lines.join("\n")}\n`);
    const [text, json] = await Promise.all([advise("s5_runq", path), advise("s5_runq", path, "--json")]);
    assert.match(text.stdout, /\n {2}1,234 events lost in the recording: /);
    assert.match(text.stdout, /\n {2}1 line of the trace skipped: head 1\n/);
    assert.match(text.stdout, /on_new never ran: the trace has no event of its\n/);
    const { lost, skipped, skippedBy, programs } = JSON.parse(json.stdout) as AdviceDocument;
    assert.deepEqual([lost, skipped, skippedBy], [1234, 2, { lost: 1, head: 1 }]);
    assert.deepEqual(
      programs.map(({ name, runs }) => [name, runs > 0]),
      [
        ["on_wake", true],
        ["on_new", false],
        ["on_switch", false],
      ],
    );
  });

  test("--fail-on: exit code 4 for what is there, 0 for what is not", async () => {
    const one = ["--rt", "off"];
    const [enomem, bytes, small, preallocated] = await Promise.all([
      advise("s5_runq", "syn.1", ...one, "--fail-on", "enomem", "--json"),
      advise("s5_runq", "syn.1", ...one, "--fail-on", "bytes=300k"),
      advise("s5_runq", "syn.1", ...one, "--fail-on", "bytes=1M"),
      advise("s2_execve", "s2.dyn", ...one, "--fail-on", "enomem"),
    ]);
    assert.deepEqual([enomem.code, bytes.code, small.code, preallocated.code], [4, 4, 0, 0]);
    assert.deepEqual((JSON.parse(enomem.stdout) as AdviceDocument).failed, [
      "start is dynamic, and 196 of its updates fail (non-RT)",
    ]);
    assert.match(bytes.stdout, /\nfailed\n {2}the object's maps take [\d,]+ bytes, more than 307,200\n/);
  });

  test("--map-entries, --interrupts and --cpus change the answer as they change a run's", async () => {
    const { stdout } = await advise(
      ...(["s5_runq", "s5.dyn", "--rt", "off", "--json", "--cpus", "1"] as const),
      ...["--map-entries", "start=100", "--interrupts", "gap"],
    );
    const { cpus, skippedBy, maps } = JSON.parse(stdout) as AdviceDocument;
    const [start] = maps;
    assert.deepEqual([cpus, skippedBy], [1, { cpu: 5215 }]);
    assert.deepEqual([start?.maxEntries, start?.kernels?.[0]?.peakEntries], [100, 100]);
    const [kernel] = start?.kernels ?? [];
    assert.equal(kernel?.missesFewest, kernel?.misses.hardirq, "one reading, no range");
    assert.match(start?.advice?.reason ?? "", /it was full: max_entries is too small$/);
  });

  test("--set changes what the program does", async () => {
    const { stdout } = await advise("s5_runq", "syn.1", "--rt", "off", "--set", "go=0", "--json");
    const { maps } = JSON.parse(stdout) as AdviceDocument;
    assert.deepEqual(
      maps.slice(0, 2).map(({ advice, kernels = [] }) => [advice, kernels[0]?.updates]),
      [
        [undefined, 0],
        [undefined, 0],
      ],
    );
  });

  test("--user-inserts with a late interrupt: what an agent met that fills a map from user space", async () => {
    const fill = ["--rt", "off", "--user-inserts", "basename_approvers=1000,batch=50"];
    const [early, late] = await Promise.all([
      advise("s1_proxy", "syn.1", ...fill),
      advise("s1_proxy", "syn.1", ...fill, "--late-ipi", "20"),
    ]);
    assert.match(early.stdout, /go dynamic: no update fails/);
    assert.match(late.stdout, /-ENOMEM, non-RT: 20 in task; 20 of user space/);
    assert.match(late.stdout, /keep preallocated: dynamic, 20 of its updates fail/);
  });

  test("--memcg: what does not fit is said, preallocated as well", async () => {
    const { stdout } = await advise(
      ...(["s2_execve", "s2.dyn", "--rt", "off", "--memcg", "2M"] as const),
      ...["--user-inserts", "execve_map=4096"],
    );
    assert.match(
      stdout.replace(/\s+/g, " "),
      /raise the limit: dynamic, .*preallocated it is not created: it takes 31722240 bytes, the limit leaves/,
    );
  });

  test("--kernel: before 6.1 nothing goes dynamic", async () => {
    const { stdout } = await advise("s2_execve", "s2.dyn", "--rt", "off", "--kernel", "5.15");
    assert.match(stdout, /, as Linux 5\.15\n {2}bytes are those of Linux 6\.18, not of 5\.15\n/);
    assert.doesNotMatch(stdout, /go dynamic|\+ +__uint\(map_flags/);
    assert.match(stdout, /keep preallocated: before 6\.1 a dynamic hash asks the slab at every update/);
  });

  test("--profile linux-nolock is marked as a forecast", async () => {
    const { stdout } = await advise("s5_runq", "syn.1", "--profile", "linux-nolock");
    assert.match(stdout, /\n {2}a forecast: no released kernel /);
    assert.match(stdout, /-ENOMEM, RT: 200 in hardirq\n/);
  });

  test("--format markdown: verdicts in a table, patches as diffs", async () => {
    const { code, stdout } = await advise(
      "s5_runq",
      "syn.1",
      "--rt",
      "off",
      "--format",
      "markdown",
      "--fail-on",
      "enomem",
    );
    assert.equal(code, 4);
    assert.match(stdout, /^# Map memory of s5_runq\.bpf\.o\n/);
    assert.match(stdout, /\n- \*\*failed\*\*: start is dynamic, and 196 /);
    assert.match(stdout, /\n\| `start` \| keep preallocated \| dynamic, 196 of its updates fail/);
    assert.match(stdout, /\n```diff\n(?:[-+] .*\n)*- {2}__uint\(map_flags, BPF_F_NO_PREALLOC\);\n```/);
  });

  test("--format sarif: a run of one tool, each result with its rule and its place", async () => {
    const { stdout } = await advise("s5_runq", "syn.1", "--rt", "off", "--format", "sarif");
    const { version, runs } = JSON.parse(stdout) as Sarif;
    assert.equal(version, "2.1.0");
    const [run] = runs;
    assert.ok(run !== undefined && runs.length === 1);
    const ids = run.tool.driver.rules.map(({ id }) => id);
    assert.equal(new Set(ids).size, ids.length);
    for (const { ruleId, ruleIndex, level, message, locations } of run.results) {
      assert.equal(ids[ruleIndex], ruleId);
      assert.ok(["error", "warning", "note"].includes(level) && message.text.length > 0);
      assert.equal(locations[0]?.physicalLocation.artifactLocation.uri, "s5_runq.bpf.o");
    }
    const of = (id: string): (string | undefined)[] =>
      run.results
        .filter(({ ruleId }) => ruleId === id)
        .map(({ locations }) => locations[0]?.logicalLocations?.[0]?.name);
    assert.deepEqual([of("update-fails"), of("preallocate")], [["start"], ["start"]]);
    assert.equal(of("not-counted").length, 2, "two programs never ran");
  });

  test("run says the same of a hash in Linux by the same names", async () => {
    const run = ["run", `${FOLDER}/src/s1_proxy.bpf.o`, "--events", `${FOLDER}/traces/s1_proxy.dyn.trace.gz`];
    const [ran, advised] = await Promise.all([
      anyctx([
        ...run,
        "--formats",
        `${FOLDER}/formats`,
        "--cpus",
        "2",
        "--profile",
        "linux",
        "--json",
        "--no-headline",
      ]),
      advise("s1_proxy", "s1_proxy.dyn", "--rt", "off", "--json"),
    ]);
    const { maps } = JSON.parse(ran.stdout) as { maps: { linux?: object }[] };
    const { maps: others } = JSON.parse(advised.stdout) as AdviceDocument;
    assert.ok(maps[0]?.linux !== undefined);
    assert.deepEqual(maps[0].linux, others[0]?.kernels?.[0]?.linux);
  });

  const WRONG: readonly (readonly [string, readonly string[], RegExp])[] = [
    ["a condition", ["--fail-on", "much"], /It should be enomem or bytes=N\./],
    ["bytes", ["--memcg", "two"], /It should be a number of bytes, as 2097152 or 2M\./],
    ["inserts", ["--user-inserts", "map"], /It should have the form MAP=N\[,batch=K\]\[,cpu=C\]\./],
    ["an insert's setting", ["--user-inserts", "map=1,by=2"], /It should have the form /],
    ["no inserts", ["--user-inserts", "map=0"], /There should be 1 to /],
    ["a kernel", ["--kernel", "new"], /"new" is no version of a kernel, as 5\.15 is\./],
    ["two formats", ["--format", "sarif", "--json"], /cannot be used with/],
  ];
  for (const [what, args, says] of WRONG)
    test(`a wrong option is a usage error: ${what}`, async () => {
      const { code, stdout, stderr } = await anyctx(["advise", MEMLEAK, "--events", "no", ...args]);
      assert.deepEqual([code, stdout], [2, ""]);
      assert.match(stderr, says);
    });
});

interface Sarif {
  readonly version: string;
  readonly runs: readonly {
    readonly tool: { readonly driver: { readonly rules: readonly { readonly id: string }[] } };
    readonly results: readonly {
      readonly ruleId: string;
      readonly ruleIndex: number;
      readonly level: string;
      readonly message: { readonly text: string };
      readonly locations: readonly {
        readonly physicalLocation: { readonly artifactLocation: { readonly uri: string } };
        readonly logicalLocations?: readonly { readonly name: string }[];
      }[];
    }[];
  }[];
}

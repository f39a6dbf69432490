/** Which programs may use which maps: the series' own table, row by row. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { isSleepable, type Policy, policyFinding } from "./policy.ts";

const [HASH, ARRAY, PERCPU_HASH, TRIE, QUEUE, LRU] = [1, 2, 5, 11, 22, 9];

/** What became of it: program, map, whether the map is dynamic, then by kernel: 6.0, 6.0 with PREEMPT_RT, 6.1 with and without it. */
const TABLE: readonly (readonly [string, number, boolean, string, string, string])[] = [
  ["perf_event", HASH, true, "refuse", "refuse", "allow"],
  ["perf_event", HASH, false, "allow", "allow", "allow"],
  ["kprobe/f", HASH, true, "warn", "refuse", "allow"],
  ["tracepoint/c/e", PERCPU_HASH, true, "warn", "refuse", "allow"],
  ["raw_tp/e", HASH, true, "warn", "refuse", "allow"],
  ["raw_tp/e", HASH, false, "allow", "allow", "allow"],
  ["raw_tp/e", ARRAY, false, "allow", "allow", "allow"],
  ["raw_tp/e", TRIE, true, "allow", "allow", "allow"],
  ["raw_tp/e", LRU, false, "allow", "allow", "allow"],
  ["fentry/f", HASH, true, "allow", "allow", "allow"],
  ["fentry.s/f", HASH, true, "refuse", "refuse", "allow"],
  ["fentry.s/f", HASH, false, "allow", "allow", "allow"],
  ["lsm.s/h", PERCPU_HASH, true, "refuse", "refuse", "allow"],
  ["syscall", HASH, true, "refuse", "refuse", "allow"],
  ["fentry.s/f", TRIE, true, "refuse", "refuse", "refuse"],
  ["fentry.s/f", QUEUE, false, "refuse", "refuse", "allow"],
  ["xdp", HASH, true, "allow", "allow", "allow"],
  ["tc", TRIE, true, "allow", "allow", "allow"],
];

const TYPES: Readonly<Record<string, string>> = {
  raw_tp: "raw_tracepoint",
  fentry: "tracing",
  "fentry.s": "tracing",
  "lsm.s": "lsm",
  tc: "sched_cls",
};

test("the table of what is refused, warned of and allowed", () => {
  const found = TABLE.map(([section, bpfType, dynamic]) => {
    const prefix = section.split("/")[0] ?? "";
    const program = { type: TYPES[prefix] ?? prefix, section };
    const of = (policy: Policy, realTime: boolean): string =>
      policyFinding(policy, realTime, program, { bpfType, dynamic })?.verdict ?? "allow";
    assert.equal(of("linux-6.1", true), of("linux-6.1", false));
    return [section, bpfType, dynamic, of("linux-6.0", false), of("linux-6.0", true), of("linux-6.1", false)];
  });
  assert.deepEqual(found, TABLE);
});

test("a refusal says what the kernel of that time said", () => {
  const say = (type: string, section: string, realTime: boolean): string | undefined =>
    policyFinding("linux-6.0", realTime, { type, section }, { bpfType: HASH, dynamic: true })?.message;
  assert.equal(say("perf_event", "perf_event", true), "perf_event programs can only use preallocated hash map");
  assert.equal(say("kprobe", "kprobe/f", true), "trace type programs can only use preallocated hash map");
  assert.match(
    say("kprobe", "kprobe/f", false) ?? "",
    /^trace type programs with run-time allocated hash maps are unsafe/,
  );
  assert.equal(say("lsm", "lsm.s/h", false), "Sleepable programs can only use preallocated maps.");
});

test("programs that may sleep are known by their sections", () => {
  const sleepable = ["fentry.s/f", "?lsm.s/h", "iter.s/task", "uprobe.s", "syscall"];
  const others = ["fentry/f.s", "xdp.frags", "raw_tp.w", "usdt", "kprobe.session/x"];
  const is = (section: string): boolean => isSleepable({ type: section === "syscall" ? "syscall" : "", section });
  assert.deepEqual([sleepable.filter(is), others.filter(is)], [sleepable, []]);
});

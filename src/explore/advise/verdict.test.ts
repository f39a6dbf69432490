import assert from "node:assert/strict";
import { test } from "node:test";
import { noMisses } from "../../arena/caches.ts";
import type { MapSpec } from "../../bpf/object/spec.ts";
import { mapKindByType } from "../../maps/kinds.ts";
import type { MapInfo } from "../../maps/map.ts";
import { againstDynamic, kernelVersion } from "./kernel-version.ts";
import { patchOf } from "./patch.ts";
import { advisedEntries, sizeTable } from "./sizes.ts";
import { type Findings, type Judgement, judge, safest } from "./verdict.ts";
import type { Observed } from "./watched.ts";

const hash = mapKindByType("hash");
assert.ok(hash);

const infoOf = (maxEntries: number, valueSize = 8): MapInfo => ({
  ...{ name: "m", kind: hash, address: 0, serial: 0, keySize: 4, valueSize, maxEntries, flags: 0 },
  ...{ valueStride: 8, lock: undefined, copies: 1 },
});

function observed(peakEntries: number, more: Partial<Observed> = {}): Observed {
  const state = { entries: peakEntries, ownedElements: peakEntries + 100, ownedValues: 0 };
  return {
    ...{ entries: peakEntries, peakEntries, isSettled: true, state, peakState: state },
    ...{ updates: 1000, misses: noMisses(), userMisses: 0, burst: 0 },
    ...more,
  };
}

const findings = (info: MapInfo, seen: Observed, more: Partial<Findings> = {}): Findings => ({
  ...{ info, cpus: 2, isDynamic: false, observed: seen, missesFewest: 0 },
  ...more,
});

test("a million entries of which 230 are used: fewer entries save more than a dynamic hash, which is all buckets", () => {
  const info = infoOf(1_048_576);
  const seen = observed(230);
  assert.deepEqual(judge(findings(info, seen)), {
    verdict: "lower max_entries",
    reason: "no update fails, 1024 is 4.5 x what it had at once, 0.1 % of the memory",
    maxEntries: 1024,
  });
  const sizes = sizeTable(info, 2, seen);
  assert.deepEqual(
    sizes.map(({ maxEntries }) => maxEntries),
    [512, 1024, 4096, 10_240, 1_048_576],
  );
  const [customary, now] = [sizes[3], sizes[4]];
  assert.equal(customary?.preallocated, 918_544);
  assert.ok(customary.preallocated < (now?.dynamic ?? 0), "0.9 MiB preallocated beat 16 MiB of buckets");
});

test("where large elements are few at a time, dynamic is the best", () => {
  const { verdict, reason, maxEntries } = judge(findings(infoOf(32_768, 896), observed(138)));
  assert.deepEqual([verdict, maxEntries], ["go dynamic", 32_768]);
  assert.match(reason, /^no update fails, [\d.]+ % of the memory$/);
});

test("where events are lost it is not said that no update fails, but that none of the recorded ones does", () => {
  for (const info of [infoOf(32_768, 896), infoOf(1_048_576)])
    assert.match(
      judge(findings(info, observed(138), { lost: 3 })).reason,
      /^no update fails of what was recorded \(3 events are lost\), /,
    );
});

test("updates that fail keep a hash preallocated: how many, at what rate, in one go, and how much memory", () => {
  const misses = { ...noMisses(), hardirq: 150, irqsOff: 50 };
  const seen = observed(900, { misses, burst: 77 });
  const { verdict, reason } = judge(findings(infoOf(1024), seen, { missesFewest: 180 }));
  assert.equal(verdict, "keep preallocated");
  assert.match(reason, /^dynamic, 180 to 200 of its updates fail, 18 % to 20 %, up to 77 between two refills; /);
});

test("a hash that grows to the end of the trace is not made smaller", () => {
  assert.equal(advisedEntries(infoOf(100_000), observed(100)), 512);
  assert.equal(advisedEntries(infoOf(100_000), observed(100, { isSettled: false })), 100_000);
  assert.equal(
    advisedEntries(infoOf(100_000), observed(100, { burst: 100 })),
    1024,
    "what failed would have been there",
  );
  assert.equal(advisedEntries(infoOf(300), observed(100)), 300);
});

test("a hash that was full is said to be too small", () => {
  assert.match(judge(findings(infoOf(100), observed(100))).reason, /it was full: max_entries is too small/);
});

test("nothing seen, no advice", () => {
  assert.equal(judge(findings(infoOf(100), observed(0))).verdict, "no advice");
});

test("what a memory cgroup's limit does not hold is not said to be safe preallocated", () => {
  const misses = { ...noMisses(), task: 200 };
  const { verdict, reason, maxEntries } = judge(
    findings(infoOf(32_768, 896), observed(800, { misses }), { room: 1_500_000 }),
  );
  assert.match(reason, /preallocated it is not created: it takes 31722240 bytes, the limit leaves 1500000$/);
  assert.deepEqual([verdict, maxEntries], ["raise the limit", 32_768]);
});

test("before 6.1 nothing goes dynamic, and RT refuses it to tracing programs", () => {
  const tracing = [{ type: "tracepoint", target: {} }];
  const filter = [{ type: "socket_filter", target: {} }];
  assert.match(againstDynamic(kernelVersion("5.15.0-91-generic"), false, tracing) ?? "", /slow and warns of it/);
  assert.match(againstDynamic(kernelVersion("6.0"), true, tracing) ?? "", /RT kernel refuses/);
  assert.doesNotMatch(againstDynamic(kernelVersion("6.0"), true, filter) ?? "", /refuses|warns/);
  assert.equal(againstDynamic(kernelVersion("6.1"), true, tracing), undefined);
  assert.throws(() => kernelVersion("six"), /"six" is no version/);
  const against = againstDynamic(kernelVersion("5.15"), false, tracing);
  const { verdict, maxEntries } = judge(findings(infoOf(32_768, 896), observed(138), { against }));
  assert.deepEqual([verdict, maxEntries], ["keep preallocated", 1024]);
});

test("of two kernels' verdicts the careful one counts, with the larger size; no advice does not count", () => {
  const made = (verdict: Judgement["verdict"], maxEntries: number): Judgement => ({
    verdict,
    maxEntries,
    reason: verdict,
  });
  assert.deepEqual(safest([made("go dynamic", 100), made("keep preallocated", 50)]), made("keep preallocated", 100));
  assert.deepEqual(safest([made("no advice", 100), made("go dynamic", 80)]), made("go dynamic", 80));
  assert.equal(safest([made("no advice", 1)]), undefined);
});

const spec = (flags: number): MapSpec => ({
  ...{ name: "m", bpfType: 1, keySize: 4, valueSize: 8, maxEntries: 1024, flags, readOnly: false },
});

test("patches change what the verdict changes, and keep other flags", () => {
  const verdict = (name: Judgement["verdict"], maxEntries = 1024): Judgement => ({
    verdict: name,
    maxEntries,
    reason: "",
  });
  assert.deepEqual(patchOf(spec(0), 1024, verdict("go dynamic")), ["+  __uint(map_flags, BPF_F_NO_PREALLOC);"]);
  assert.deepEqual(patchOf(spec(1), 1024, verdict("keep preallocated")), ["-  __uint(map_flags, BPF_F_NO_PREALLOC);"]);
  assert.deepEqual(patchOf(spec(0), 1024, verdict("keep preallocated")), []);
  assert.deepEqual(patchOf(spec(1), 1024, verdict("lower max_entries", 64)), [
    "-  __uint(max_entries, 1024);",
    "+  __uint(max_entries, 64);",
  ]);
  assert.deepEqual(patchOf(spec(0x80), 1024, verdict("go dynamic")), [
    "-  __uint(map_flags, 0x80);",
    "+  __uint(map_flags, BPF_F_NO_PREALLOC | 0x80);",
  ]);
});

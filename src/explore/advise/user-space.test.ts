import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { totalMisses } from "../../arena/caches.ts";
import { readObject } from "../../bpf/object/object.ts";
import type { MapSpec, ObjectSpec } from "../../bpf/object/spec.ts";
import { openEvents } from "../../events/file.ts";
import { RULE_RANGE } from "../../replay/interrupts.ts";
import type { KernelAdvice } from "./advice.ts";
import { type AdviseOptions, adviseObjects } from "./advise.ts";
import { keepStream } from "./recording.ts";

const FOLDER = "test/data/stories";
const OBJECT = readObject(readFileSync(`${FOLDER}/src/s2_execve.bpf.o`), "s2_execve.bpf.o");

/** One hash that no program uses. */
function alone(size: Pick<MapSpec, "keySize" | "valueSize" | "maxEntries">, bpfType = 1): ObjectSpec {
  const map = { name: "filled", bpfType, flags: 1, readOnly: false, ...size };
  return { ...OBJECT, programs: [], functions: [], maps: [map] };
}

const stream = (trace: string) =>
  keepStream(() => openEvents(`${FOLDER}/traces/${trace}.trace.gz`, { cpus: 2, formats: `${FOLDER}/formats` }));

async function filled(object: ObjectSpec, options: Partial<AdviseOptions>, trace = "syn.1"): Promise<KernelAdvice> {
  const settings = { cpus: 2, rules: RULE_RANGE, realTime: [false], ...options };
  const { maps } = await adviseObjects([{ object }], stream(trace), settings, () => undefined);
  const kernel = maps.find(({ name }) => name === "filled")?.kernels?.[0];
  assert.ok(kernel);
  return kernel;
}

const inserts = (count: number, batch = 1, cpu = 0) => [{ map: "filled", count, batch, cpu }];

const SMALL = { keySize: 32, valueSize: 8, maxEntries: 4096 };

test("inserts of user space never fail where the CPU interrupts itself at once, one by one or in batches", async () => {
  for (const batch of [1, 64, 1000]) {
    const userSpace = { inserts: inserts(1000, batch), lateInterrupt: 0 };
    const { entries, updates, misses, userMisses } = await filled(alone(SMALL), { userSpace });
    assert.deepEqual([entries, updates, totalMisses(misses), userMisses], [1000, 1000, 0, 0]);
  }
});

test("a late interrupt: a batch of large elements fails at the second, a batch of small ones at the fifth", async () => {
  for (const [keySize, entries] of [
    [260, 1],
    [8, 4],
  ] as const) {
    const userSpace = { inserts: inserts(7, 7), lateInterrupt: 100 };
    const kernel = await filled(alone({ ...SMALL, keySize }), { userSpace });
    assert.deepEqual([kernel.entries, kernel.userMisses, kernel.misses.task], [entries, 1, 1]);
    assert.equal(kernel.verdict, "keep preallocated");
    assert.equal(kernel.prefill, undefined, "how much of the batch was still to come is not known");
  }
});

test("a late interrupt does no harm to calls that are further apart", async () => {
  const userSpace = { inserts: inserts(100), lateInterrupt: 1 };
  assert.equal(totalMisses((await filled(alone(SMALL), { userSpace })).misses), 0);
});

test("a trie of prefixes, which is always dynamic: its batch fails at the second as a hash's does", async () => {
  const trie = alone({ keySize: 260, valueSize: 8, maxEntries: 100 }, 11);
  for (const [lateInterrupt, entries, failed] of [
    [0, 7, 0],
    [100, 1, 1],
  ] as const) {
    const userSpace = { inserts: inserts(7, 7), lateInterrupt };
    const kernel = await filled(trie, { userSpace });
    assert.deepEqual([kernel.entries, totalMisses(kernel.misses), kernel.verdict], [entries, failed, "keep dynamic"]);
    assert.match(kernel.reason, /it cannot be preallocated$/);
    // What fdinfo showed of tries with such nodes on Linux 6.18: 288 bytes each.
    assert.equal(kernel.linux.dynamic?.memlock, entries * 288);
  }
});

test("calls happen where the trace has bpf(2) being entered: the same map filled by a program stands for it", async () => {
  const userSpace = { inserts: inserts(1003), lateInterrupt: 0 };
  const kernel = await filled(alone(SMALL), { userSpace }, "s1_proxy.dyn");
  assert.deepEqual([kernel.entries, totalMisses(kernel.misses), kernel.peakBytes], [1003, 0, 168_576]);
});

test("a per-CPU hash is filled with a value for each CPU", async () => {
  const userSpace = { inserts: inserts(50, 10, 1), lateInterrupt: 0 };
  const kernel = await filled(alone({ keySize: 4, valueSize: 24, maxEntries: 100 }, 5), { userSpace });
  assert.deepEqual([kernel.entries, totalMisses(kernel.misses)], [50, 0]);
});

test("a map or a CPU that is not there is named", async () => {
  const other = { inserts: [{ map: "no", count: 1, batch: 1, cpu: 0 }], lateInterrupt: 0 };
  await assert.rejects(filled(alone(SMALL), { userSpace: other }), /cannot fill no: the object's hashes are filled/);
  const cpu = { inserts: inserts(1, 1, 2), lateInterrupt: 0 };
  await assert.rejects(filled(alone(SMALL), { userSpace: cpu }), /cannot run on CPU 2 of 2/);
});

// What 5 and 20 processes of 4,096 inserts each met on Linux 6.18 in a memory cgroup with this limit.
const LIMITS = [
  { limit: 2 << 20, size: { keySize: 4, valueSize: 896, maxEntries: 32_768 }, trials: 5, failed: 16_114 },
  { limit: 2 << 20, size: SMALL, trials: 20, failed: 0 },
  { limit: 4 << 20, size: SMALL, trials: 20, failed: 0 },
];

for (const { limit, size, trials, failed } of LIMITS)
  test(`at ${limit} bytes of a memory cgroup ${failed} of ${trials * 4096} inserts of ${size.valueSize} bytes fail`, async () => {
    const userSpace = { inserts: inserts(4096), lateInterrupt: 0 };
    const { userMisses, misses } = await filled(alone(size), { userSpace, memoryLimit: limit });
    assert.ok(Math.abs(userMisses * trials - failed) <= failed * 0.1, `${userMisses * trials}`);
    assert.equal(totalMisses(misses), userMisses);
  });

test("a trie of prefixes is charged to the memory cgroup as a hash is", async () => {
  const trie = alone({ keySize: 260, valueSize: 896, maxEntries: 32_768 }, 11);
  const userSpace = { inserts: inserts(4096), lateInterrupt: 0 };
  const free = await filled(trie, { userSpace });
  const { entries, userMisses } = await filled(trie, { userSpace, memoryLimit: 2 << 20 });
  assert.deepEqual([free.entries, free.userMisses, entries + userMisses], [4096, 0, 4096]);
  // Nodes take 2 KiB, and each entry but the first has a branch before it.
  assert.ok(entries > 300 && entries < 500, `${entries}`);
});

test("a limit that does not hold the empty maps is refused", async () => {
  const userSpace = { inserts: inserts(1), lateInterrupt: 0 };
  await assert.rejects(
    filled(alone(SMALL), { userSpace, memoryLimit: 600_000 }),
    /leaves no room for the object's hashes/,
  );
});

test("a map of a kind that is not there leaves the others their advice", async () => {
  const least: MapSpec = {
    name: "recent",
    bpfType: 14,
    keySize: 8,
    valueSize: 4,
    maxEntries: 16,
    flags: 1,
    readOnly: false,
  };
  const object = { ...OBJECT, maps: [...OBJECT.maps, least] };
  const options = { cpus: 2, rules: RULE_RANGE, realTime: [false] };
  const { maps } = await adviseObjects([{ object }], stream("s2.dyn"), options, () => undefined);
  const rows = maps.map(({ name, type, note, advice }) => [name, type, note ?? advice?.verdict]);
  assert.deepEqual(rows.at(-1), ["recent", "type 14", "map type 14 is not supported yet"]);
  assert.deepEqual(
    rows.find(([name]) => name === "execve_map"),
    ["execve_map", "hash", "go dynamic"],
  );
});

test("an object that has nothing but such a map is no error: the map and the program are named", async () => {
  const least = { name: "recent", bpfType: 14, keySize: 8, valueSize: 4, maxEntries: 16, flags: 1, readOnly: false };
  const [program] = OBJECT.programs;
  assert.ok(program);
  const relocations = [{ type: "map", instruction: 0, map: "recent" } as const];
  const object = { ...OBJECT, functions: [], programs: [{ ...program, relocations }], maps: [least] };
  const options = { cpus: 2, rules: RULE_RANGE, realTime: [false] };
  const { maps, skippedPrograms, total } = await adviseObjects(
    [{ object }],
    stream("s2.dyn"),
    options,
    () => undefined,
  );
  assert.deepEqual(total, { declared: 0, preallocated: 0, dynamic: 0, advised: 0, without: ["recent"] });
  assert.deepEqual(
    [maps.map(({ note }) => note), skippedPrograms],
    [
      ["map type 14 is not supported yet"],
      [{ name: program.name, reason: "it uses recent: map type 14 is not supported yet" }],
    ],
  );
});

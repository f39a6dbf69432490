/** `anyctx test`: steps on one load, what they print, and what is refused. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { anyctx, file, MEMLEAK } from "./command-line.ts";

/** The context of kmem:kmalloc: a call site, an object, its bytes. */
function kmalloc(site: bigint, object: bigint, bytes: bigint): string {
  const view = new DataView(new ArrayBuffer(56));
  for (const [at, value] of [
    [8, site],
    [16, object],
    [24, bytes],
    [32, bytes],
  ] as const)
    view.setBigUint64(at, value, true);
  return Buffer.from(view.buffer).toString("hex");
}

function kfree(object: bigint): string {
  const view = new DataView(new ArrayBuffer(24));
  view.setBigUint64(16, object, true);
  return Buffer.from(view.buffer).toString("hex");
}

interface Document {
  readonly steps: readonly {
    readonly program?: string;
    readonly result?: string;
    readonly printed: readonly string[];
    readonly maps?: Readonly<
      Record<string, { readonly type: string; readonly items?: readonly { readonly key: string }[] }>
    >;
    readonly differs?: readonly string[];
  }[];
  readonly passed: number;
  readonly failed: number;
}

async function run(
  steps: unknown,
  object: string = MEMLEAK,
): Promise<{ code: number | null; stderr: string; document: Document }> {
  const path = file("steps.json", JSON.stringify(steps));
  const { code, stdout, stderr } = await anyctx(["test", object, "--steps", path, "--json"]);
  return { code, stderr, document: JSON.parse(stdout) as Document };
}

/** A map of the fixture iproute2, whose size its loader sets. */
const LONG = "sized_by_a_loader_and_with_a_name_that_is_longer_than_sixty_three_bytes";
const OBJECT = 0xffff888000001000n;
const ALLOCATE = { program: "on_kmalloc", context: kmalloc(7n, OBJECT, 64n) };
const FREE = { program: "on_kfree", context: kfree(OBJECT) };

test("steps run in order on the same maps", async () => {
  const { code, stderr, document } = await run([
    { ...ALLOCATE, expect: { result: 0 } },
    { dump: true },
    {
      ...FREE,
      level: "hardirq",
      cpu: 1,
      task: { pid: 3, comm: "x" },
      expect: { result: "0", maps: { allocs: { items: [] } } },
    },
    { advance: 1000, dump: true },
  ]);
  assert.deepEqual([code, stderr, document.passed, document.failed], [0, "", 4, 0]);
  const keys = (step: number): readonly string[] =>
    document.steps[step]?.maps?.["allocs"]?.items?.map(({ key }) => key) ?? [];
  assert.deepEqual(keys(1), [Buffer.from(new BigUint64Array([OBJECT]).buffer).toString("hex")]);
  assert.deepEqual(keys(3), []);
  assert.deepEqual(document.steps[0], { program: "on_kmalloc", result: "0", printed: [] });
});

test("what is not as expected is said, and the exit code is 1", async () => {
  const { code, stderr, document } = await run([
    { ...ALLOCATE, expect: { result: 1, maps: { allocs: { items: [{ key: "00", value: "00" }] }, none: {} } } },
    { ...FREE, expect: { result: 0 } },
  ]);
  assert.deepEqual([code, document.passed, document.failed], [1, 1, 1]);
  assert.match(stderr, /^anyctx: 1 of 2 steps of .*steps\.json did not go as expected\n$/);
  const differs = document.steps[0]?.differs ?? [];
  assert.equal(differs[0], "result is 0, expected 1");
  assert.ok(differs.includes("map none is not there"));
  assert.ok(differs.includes("map allocs, key 00: no entry, expected 00"));
  const people = await anyctx([
    "test",
    MEMLEAK,
    "--steps",
    file("steps.json", JSON.stringify([{ ...ALLOCATE, dump: true }])),
  ]);
  assert.equal(people.code, 0);
  assert.match(people.stdout, /1 +on_kmalloc +0 +as expected/);
  assert.match(people.stdout, /step 1: allocs 001000008088ffff: 40/);
  assert.ok(people.stdout.split("\n").every((line) => line.length <= 100));
});

test("steps that make no sense: one sentence that names the step and the field", async () => {
  const refused: readonly (readonly [steps: unknown, says: RegExp])[] = [
    ["{", /steps\.json is no JSON/],
    [{}, /should be a list of steps/],
    [[{ program: 7 }], /step 1: program should be a text, not 7/],
    [[ALLOCATE, { program: "on_kfree", packet: "0" }], /step 2: packet should be bytes in hex, not "0"/],
    [[{ programm: "x" }], /step 1 has no field programm, only program, packet/],
    [[{ packet: "00" }], /step 1 has packet and no program/],
    [[{ ...ALLOCATE, level: "irq" }], /step 1: level should be task, softirq, hardirq, nmi, not "irq"/],
    [[{ ...ALLOCATE, time: 1.5 }], /step 1: time should be a whole number/],
    [[{ ...ALLOCATE, time: -1 }], /step 1: time should be nanoseconds from 0 to 2\^64 - 1, not -1/],
    [[{ advance: 1 }, { advance: -1 }], /step 2: advance should be nanoseconds from 0 on, not -1/],
    [[{ ...ALLOCATE, cpu: -1 }], /step 1: cpu should be a number from 0 to \d+, not -1/],
    [
      [{ ...ALLOCATE, task: { pid: 2 ** 32 } }],
      /step 1: pid of a task should be a number from 0 to 2147483647, not 4294967296/,
    ],
    [
      [{ ...ALLOCATE, task: { comm: "a name of 18 bytes" } }],
      /step 1: comm of a task should have at most 15 bytes, not 18/,
    ],
    [[{ ...ALLOCATE, memory: { "0x10000000000000000": "00" } }], /step 1: memory should be a number of 64 bits/],
    [
      [{ ...ALLOCATE, args: [1] }],
      /step 1: A program on a tracepoint is given its context's bytes or fields, not args/,
    ],
    [[{ program: "none" }], /step 1: there is no program none, only on_kmalloc/],
    [[{ set: { none: 1 } }], /has no variable none/],
    [
      [{ ...ALLOCATE, expect: { maps: { allocs: { items: [{ key: "0g" }] } } } }],
      /items 1: key should be bytes in hex/,
    ],
  ];
  for (const [steps, says] of refused) {
    const path = file("steps.json", typeof steps === "string" ? steps : JSON.stringify(steps));
    const { code, stdout, stderr } = await anyctx(["test", MEMLEAK, "--steps", path]);
    assert.match(stderr, says);
    assert.match(stderr, /^anyctx: [^\n]+\n$/);
    assert.deepEqual([code, stdout], [1, ""]);
  }
  assert.match((await anyctx(["test", MEMLEAK, "--steps", "/none"])).stderr, /cannot read \/none: ENOENT/);
});

test("entries are put into maps, runs are repeated, and a fault is expected", async () => {
  const put = { allocs: [{ key: "0700000000000000", value: "05000000000000000000000000000000" }] };
  const found = await run([
    { put, dump: true },
    { program: "on_kmalloc", context: kmalloc(1n, 9n, 3n), times: 5, dump: true },
    { program: "on_kfree", context: "00", expect: { error: "which this run may not read" } },
    { program: "on_kfree", context: kfree(9n), expect: { error: "anything" } },
  ]);
  assert.equal(found.code, 1);
  const [first, second, third, fourth] = found.document.steps;
  assert.deepEqual(
    first?.maps?.["allocs"]?.items?.map(({ key }) => key),
    ["0700000000000000"],
  );
  assert.equal(second?.maps?.["allocs"]?.items?.length, 2);
  assert.equal(third?.differs, undefined);
  assert.deepEqual(fourth?.differs, ["the run is not stopped, expected anything"]);
});

for (const [step, message] of [
  [{ program: "on_kfree", times: 0 }, /step 1: times should be a number from 1 to 1000000, not 0/],
  [{ put: { allocs: [{ key: "0g", value: "00" }] } }, /put allocs 1: key should be bytes in hex/],
  [{ put: { nothing: [] } }, /there is no map nothing to put entries into/],
  [{ put: { allocs: [{ key: "00", value: "00", map: "x" }] } }, /put allocs 1 has a value and a map/],
  [{ times: 3 }, /step 1 has times and no program/],
  [
    { program: "on_kfree", helpers: { bpf_get_current_task: 1 } },
    /helpers has bpf_get_current_task, which is no helper's/,
  ],
] as const)
  test(`refused: ${JSON.stringify(step)}`, async () => {
    const { code, stderr } = await anyctx(["test", MEMLEAK, "--steps", file("bad.json", JSON.stringify([step]))]);
    assert.equal(code, 1);
    assert.match(stderr, message);
  });

test("refused: what stands beside a list of steps", async () => {
  const path = file("bad.json", JSON.stringify({ steps: [], expect: {} }));
  const { code, stderr } = await anyctx(["test", MEMLEAK, "--steps", path]);
  assert.equal(code, 1);
  assert.match(stderr, /bad\.json has no field expect, only steps/);
});

test("memory is named by its address, or by the same number below 0", async () => {
  const bytes = Buffer.alloc(256, 0x34).toString("hex");
  const memory = { "-4096": bytes };
  const { code, stdout } = await runOn("core", [
    { program: "follows", args: [-4096], memory, expect: { result: 0x34 } },
  ]);
  assert.equal(code, 0, stdout);
});

/** Runs steps on one of the fixtures' objects. */
async function runOn(name: string, steps: unknown, ...options: string[]): Promise<Awaited<ReturnType<typeof anyctx>>> {
  const path = file("steps.json", JSON.stringify(steps));
  return anyctx(["test", `src/bpf/fixtures/${name}.bpf.o`, "--steps", path, ...options]);
}

test("helpers answer what a step says, programs are put into maps, and time lets timers fire", async () => {
  const helpers = { get_current_task: "0x29" };
  const { code, stdout } = await runOn("timers", [
    { program: "begins", helpers, expect: { result: 7 } },
    { program: "begins", helpers, programs: { table: { 1: "goes_on" } }, expect: { result: 42 } },
    { program: "arm", context: "05000000", expect: { result: 0 } },
    { advance: 500 },
  ]);
  assert.equal(code, 0, stdout);
  assert.match(stdout, /step 4: prints timer 5/);
  const wrong = await runOn("timers", [{ program: "begins", helpers: { get_current_task: "x" } }]);
  assert.deepEqual(
    [wrong.code, /step 1: helpers get_current_task should be a whole number/.test(wrong.stderr)],
    [1, true],
  );
  const none = await runOn("timers", [{ programs: { table: { 9: "begins" } } }]);
  assert.match(none.stderr, /table has places 0 to 1, not 9/);
});

test("fields are where the kernel has them that the object is for", async () => {
  const steps = (offset: number): unknown => {
    const bytes = Buffer.alloc(512);
    // The program makes a char of it.
    bytes.writeUInt16LE(0x1234, offset);
    const memory = { "0x10000000000": bytes.toString("hex") };
    return [{ program: "follows", args: ["0x10000000000"], memory, expect: { result: 0x34 } }];
  };
  const target = ["--target-btf", "src/bpf/fixtures/core-target.bpf.o"];
  const there = await runOn("core", steps(176), ...target);
  assert.equal(there.code, 0, there.stdout + there.stderr);
  const trap = [{ program: "needs", args: [0] }];
  const { stdout } = await runOn("core", trap, ...target, "--json");
  assert.match(stdout, /what is asked for here is not there/);
  const bad = await runOn("core", trap, "--target-btf", "package.json");
  assert.deepEqual([bad.code, /package\.json/.test(bad.stderr)], [1, true]);
});

test("a policy warns, or keeps programs from loading; a size that a loader sets is taken", async () => {
  const warned = await runOn(
    "iproute2",
    [{ program: "counted" }],
    "--policy",
    "linux-6.0",
    "--value-size",
    `${LONG}=16`,
  );
  assert.deepEqual([warned.code, warned.stderr], [0, ""]);
  const path = file("steps.json", JSON.stringify([{ dump: true }]));
  const tracing = await anyctx(["test", MEMLEAK, "--steps", path, "--policy", "linux-6.0"]);
  assert.match(tracing.stderr, /^anyctx: warning: program on_kmalloc: linux-6\.0, map allocs: trace type programs/);
  const newer = await anyctx(["test", MEMLEAK, "--steps", path, "--policy", "linux-6.1"]);
  assert.deepEqual([newer.code, newer.stderr], [0, ""]);
  assert.equal((await runOn("iproute2", [{ program: "counted" }])).code, 1);
});

test("a step puts the object's maps into a map of maps, and what is in it is shown by name", async () => {
  const counted = { program: "add", context: "03000000" };
  const steps = [
    { put: { by_parity: [{ key: "01000000", map: "loose" }] } },
    {
      ...counted,
      dump: true,
      expect: { maps: { loose: { items: [{ key: "03000000", value: "0100000000000000" }] } } },
    },
  ];
  const { document, code } = await run(steps, "src/bpf/fixtures/maps-of-maps.bpf.o");
  assert.equal(code, 0);
  const { maps } = document.steps[1] ?? {};
  assert.deepEqual(maps?.["by_parity"], {
    type: "array_of_maps",
    items: [
      { key: "00000000", value: "even" },
      { key: "01000000", value: "loose" },
    ],
  });
});

/** Commands on several objects: what each is told apart by, which options are for which, and what they share. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { dirname } from "node:path";
import { describe, test } from "node:test";
import type { AdviceDocument } from "../src/cli/advice/document.ts";
import type { ObjectDescription } from "../src/cli/describe.ts";
import type { RunDocument } from "../src/cli/print/run.ts";
import { anyctx, file, MEMLEAK, TRACE } from "./command-line.ts";

const RUNQLAT = "examples/bpf/runqlat.bpf.o";
const PINNED = "src/bpf/fixtures/pinned.bpf.o";
const RUN = ["run", MEMLEAK, RUNQLAT, "--events", TRACE, "--no-headline"];
const ONE_PACKET = file("packet.jsonl", `{"packet":"${"00".repeat(64)}"}\n`);

async function documentOf<T>(...args: string[]): Promise<T> {
  const { code, stdout, stderr } = await anyctx([...args, "--json"]);
  assert.deepEqual([code, stderr], [0, ""]);
  return JSON.parse(stdout) as T;
}

/** What does not stand still from one run to the next, and what tells objects apart. */
function withoutObjects({ programs, maps }: RunDocument): unknown {
  return [programs.map(({ object: _, ...rest }) => rest), maps.map(({ objects: _, ...rest }) => rest)];
}

test("--target-btf by a name: the same on every machine, and what it does not have is said", async () => {
  const args = [
    "run",
    MEMLEAK,
    "src/bpf/fixtures/legacy.bpf.o",
    "--events",
    TRACE,
    "--no-headline",
    "--target-btf",
    "linux-6.12",
  ];
  const { code, stderr } = await anyctx([...args, "--no-verify", "--json"]);
  assert.deepEqual([code, stderr.match(/warning/g)?.length], [0, 1]);
  assert.match(stderr, /legacy\.bpf\.o: what comes along of linux-6\.12 does not have task: the object's own types/);
  const unknown = await anyctx([...args.slice(0, -1), "linux-9.9"]);
  assert.deepEqual([unknown.code, unknown.stdout], [1, ""]);
  assert.match(unknown.stderr, /cannot read linux-9\.9: there is no such file/);
});

describe("run", { concurrency: 2 }, () => {
  test("each object does what it does alone, and the document says whose programs and maps are", async () => {
    const both = await documentOf<RunDocument>(...RUN, "--dump");
    const alone = await Promise.all(
      [MEMLEAK, RUNQLAT].map((path) =>
        documentOf<RunDocument>("run", path, "--events", TRACE, "--no-headline", "--dump"),
      ),
    );
    const of = (label: string): RunDocument => ({
      ...both,
      programs: both.programs.filter(({ object }) => object === label),
      maps: both.maps.filter(({ objects }) => objects?.join() === label),
    });
    for (const [index, label] of ["memleak", "runqlat"].entries()) {
      const [there, here] = [of(label), alone[index] as RunDocument];
      const items = ({ maps }: RunDocument) =>
        maps.map((map) => [...(map.items ?? [])].map((each) => JSON.stringify(each)).sort());
      assert.deepEqual(items(there), items(here));
      const plain = ({ programs, maps }: RunDocument): RunDocument => ({
        ...both,
        programs,
        maps: maps.map(({ items: _, bytes: __, ...map }) => ({ ...map, bytes: 0 })),
      });
      assert.deepEqual(withoutObjects(plain(there)), withoutObjects(plain(here)));
      assert.ok([...here.programs, ...here.maps].every((row) => !("object" in row) && !("objects" in row)));
    }
    const caches = new Set(both.allocator.caches.map(({ map }) => map));
    assert.deepEqual([...caches], ["memleak:allocs", "memleak:sites", "runqlat:starts"]);
  });

  test("the threads of --parallel run the programs of all", async () => {
    const { programs } = await documentOf<RunDocument>(...RUN, "--parallel");
    assert.deepEqual(
      programs.map(({ object, runs, errors }) => [object, runs, errors]),
      [3933, 39_159, 14_093, 31_917]
        .map((runs) => ["memleak", runs, 0])
        .concat([2373, 2907].map((runs) => ["runqlat", runs, 0])),
    );
  });

  test("a name is that of every object which has it, OBJECT:NAME that of one", async () => {
    const second = file("second.bpf.o", readFileSync(MEMLEAK));
    const sizes = ["--map-entries", "second:allocs=10", "--map-entries", "allocs=20", "--set", "min_size=100000"];
    const args = [
      "run",
      MEMLEAK,
      second,
      "--events",
      TRACE,
      "--no-headline",
      "--dump",
      ...sizes,
      "--set",
      `${second}:min_size=1`,
    ];
    const { maps } = await documentOf<RunDocument>(...args, "--programs", "memleak:on_kfree,second.bpf.o:on_kmalloc");
    const rows = maps.filter(({ name }) => name === "allocs");
    assert.deepEqual(
      rows.map(({ objects, maxEntries, entries }) => [objects, maxEntries, entries]),
      [
        [["memleak"], 20, 0],
        [["second"], 10, 10],
      ],
    );
  });

  test("files of the same name go by the ways to them", async () => {
    const other = file("memleak.bpf.o", readFileSync(MEMLEAK));
    const args = ["run", MEMLEAK, other, "--events", TRACE, "--no-headline", "--programs", "on_kfree"];
    const { programs } = await documentOf<RunDocument>(...args, "--map-entries", `${other}:allocs=7`);
    assert.deepEqual(
      programs.map(({ object }) => object),
      [MEMLEAK, other],
    );
  });

  test("a map that is pinned by its name is one", async () => {
    const second = file("also.bpf.o", readFileSync(PINNED));
    const args = ["run", PINNED, second, "--events", ONE_PACKET, "--no-headline", "--set", "also:step=10"];
    const { maps, programs } = await documentOf<RunDocument>(...args, "--dump");
    const seen = maps.filter(({ name }) => name === "seen");
    assert.deepEqual(
      seen.map(({ objects, items }) => [objects, items]),
      [[["pinned", "also"], [{ key: "00000000", value: "0b00000000000000" }]]],
    );
    assert.equal(programs.length, 4);
    const { stdout } = await anyctx(args);
    assert.match(stdout, /^seen \(pinned, also\)/m);
    assert.match(stdout, /^ {2}also:\.rodata +step +10$/m);
    const differing = await anyctx([...args, "--map-entries", "also:seen=3"]);
    assert.equal(differing.code, 1);
    assert.match(differing.stderr, /map seen is pinned by its name.*max_entries is 16, not 3/);
  });

  const wrong: readonly (readonly [what: string, args: readonly string[], message: RegExp])[] = [
    [
      "a map that none has",
      ["--map-entries", "none=1"],
      /no object has a map none; memleak has allocs, sites; runqlat has starts, waits/,
    ],
    [
      "a map of the other object",
      ["--map-entries", "runqlat:allocs=1"],
      /no object has a map allocs; runqlat has starts, waits/,
    ],
    [
      "an object that there is not",
      ["--value-size", "x:allocs=8"],
      /no object is called x; there are memleak, runqlat/,
    ],
    ["a variable that none has", ["--set", "none=1"], /no object has a variable none; memleak has min_size/],
    ["a program that none has", ["--programs", "none"], /no object has a program none; memleak has on_kmalloc/],
    ["a target for a program that none has", ["--attach", "none=a/b"], /no object has a program none/],
    ["a file that is given twice", [MEMLEAK], /memleak\.bpf\.o is given twice/],
    ["a file that there is not", ["nothing.o"], /cannot read nothing\.o/],
  ];
  for (const [what, args, message] of wrong)
    test(`refused: ${what}`, async () => {
      const { code, stdout, stderr } = await anyctx([...RUN, ...args]);
      assert.deepEqual([code, stdout], [1, ""]);
      assert.match(stderr, message);
    });
});

test("advise: hashes of all objects on the same replays, each by its object's name", async () => {
  const second = file("second.bpf.o", readFileSync(MEMLEAK));
  const args = ["advise", MEMLEAK, second, "--events", TRACE, "--rt", "off", "--map-entries", "second:allocs=1000"];
  const { object, files, maps, programs } = await documentOf<AdviceDocument>(
    ...args,
    "--user-inserts",
    "second:sites=100",
  );
  assert.deepEqual(
    [object, files],
    ["memleak.bpf.o, second.bpf.o", { memleak: "memleak.bpf.o", second: "second.bpf.o" }],
  );
  const entries = maps.flatMap(({ name, objects, maxEntries, kernels = [] }) =>
    kernels.map((kernel) => [objects?.join(), name, maxEntries, kernel.entries]),
  );
  assert.deepEqual(entries, [
    ["memleak", "allocs", 65_536, 1458],
    ["memleak", "sites", 4096, 94],
    ["second", "allocs", 1000, 685],
    ["second", "sites", 4096, 194],
  ]);
  assert.equal(programs.filter((program) => program.object === "second").length, 4);
  const both = await anyctx([...args, "--user-inserts", "sites=100"]);
  assert.deepEqual([both.code, both.stdout], [1, ""]);
  assert.match(both.stderr, /sites is a hash of several objects: say memleak:sites or another/);
});

test("verify and inspect: one object after the other, a list for programs", async () => {
  const rows = await documentOf<{ object: string; program: string }[]>("verify", MEMLEAK, PINNED);
  assert.deepEqual(
    rows.map(({ object, program }) => `${object}:${program}`),
    ["on_kmalloc", "on_kmem_cache_alloc", "on_kfree", "on_kmem_cache_free"]
      .map((name) => `memleak:${name}`)
      .concat("pinned:last", "pinned:first"),
  );
  const steps = await anyctx(["verify", MEMLEAK, PINNED, "--steps", `${dirname(ONE_PACKET)}/steps.json`]);
  assert.deepEqual([steps.code, steps.stdout], [1, ""]);
  assert.match(steps.stderr, /give one/);
  const [first, second] = await documentOf<ObjectDescription[]>("inspect", MEMLEAK, PINNED);
  assert.deepEqual([first?.name, second?.name], [MEMLEAK, PINNED]);
  assert.deepEqual(
    second?.maps.filter(({ pinned }) => pinned).map(({ name }) => name),
    ["seen"],
  );
});

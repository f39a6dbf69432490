/** An object with an arena map: what it lays out there TypeScript follows by the same pointers. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Arena } from "../arena/arena.ts";
import { assemble } from "../bpf/isa/assemble.ts";
import { readObject } from "../bpf/object/object.ts";
import type { MapSpec } from "../bpf/object/spec.ts";
import { programKind } from "../bpf/programs/table.ts";
import { DirectRuns } from "./direct.ts";
import { type LoadedObject, loadSpec } from "./load.ts";
import { type BpfObject, loadObject } from "./typed-object.ts";

const OBJECT = readFileSync("src/bpf/fixtures/arena.bpf.o");
const FIRST = 1n << 44n;
const PAGE = 4096n;

interface Lists {
  maps: { pages: { key: undefined; value: undefined } };
  globals: { head: bigint; added: number; last: bigint; sum: bigint; count: number; filler: string };
  programs: "add" | "total" | "newest" | "count_up";
}

const load = (arena: Arena, globals: Record<string, number> = {}): Promise<BpfObject<Lists>> =>
  loadObject<Lists>(arena, OBJECT, { globals });

const arena = await Arena.create({ maximumBytes: 64 << 20 });

/** The values of the list, the last one first. */
function follow({ maps: { pages }, globals }: BpfObject<Lists>): bigint[] {
  const values: bigint[] = [];
  for (let node = globals.head; node !== 0n; ) {
    const view = new DataView(pages.readBytes(node, 16).buffer);
    values.push(view.getBigUint64(8, true));
    node = view.getBigUint64(0, true);
  }
  return values;
}

const DOWN = (count: number): bigint[] => Array.from({ length: count }, (_, index) => BigInt(count - 1 - index));

test("interpreted: a list of a program's is followed, and one of ours by the program", async () => {
  const object = await load(arena, { last: 9, count: 700 });
  const { add, total, newest, count_up } = object.programs;
  assert.deepEqual([add.run().error, total.run().error], [undefined, undefined]);
  assert.deepEqual(follow(object), DOWN(700));
  const { globals, maps } = object;
  assert.deepEqual([globals.sum, globals.added, globals.last, newest.run().result], [244_650n, 700, 10n, 699n]);
  assert.equal(count_up.run({ raw: new Uint8Array(64) }).error, undefined);
  assert.equal(globals.added, 701);
  // Five pages of variables, and three of nodes.
  assert.deepEqual(
    [...maps.pages.pages()],
    Array.from({ length: 8 }, (_, index) => FIRST + BigInt(index) * PAGE),
  );
  const mine = maps.pages.allocatePages(1) as bigint;
  const node = new DataView(new ArrayBuffer(16));
  node.setBigUint64(0, globals.head, true);
  node.setBigUint64(8, 1000n, true);
  maps.pages.writeBytes(mine, new Uint8Array(node.buffer));
  globals.head = mine;
  total.run();
  assert.equal(globals.sum, 245_650n);
  object.close();
});

test("compiled: the same, and what is over the end of a run is whole", async () => {
  const object = await load(arena, { count: 700 });
  const prepared = (["add", "total"] as const).map((name) => object.programs[name].prepare());
  for (const program of prepared) program.run();
  assert.deepEqual(
    prepared.map(({ runs, firstError }) => [runs, firstError]),
    [
      [1, undefined],
      [1, undefined],
    ],
  );
  assert.deepEqual(follow(object), DOWN(700));
  assert.deepEqual([object.globals.sum, object.globals.last], [244_650n, 8n]);
  const filler = [...object.maps.pages.readBytes(FIRST, 5 * Number(PAGE))];
  assert.deepEqual(
    filler.filter((byte) => byte === 5),
    [5],
  );
  object.close();
});

test("out of pages: the program is told, and lists go on", async () => {
  const object = await load(arena, { count: 5000 });
  assert.equal(BigInt.asIntN(32, object.programs.add.run().result ?? 0n), -12n);
  assert.equal(follow(object).length, (11 * 4096) / 16);
  object.close();
});

test("without the verifier an object with an arena map is verified all the same; all of it comes back", () => {
  for (let round = 0; round < 3; round++) arena.trim();
  const before = arena.core.pagesInUse();
  const loaded = loadSpec(arena, readObject(OBJECT, "arena"), { engine: "jit" });
  assert.deepEqual(
    loaded.programs.map(({ linked }) => linked.proofs !== undefined),
    [true, true, true, true],
  );
  for (const { map } of loaded.maps) arena.destroyMap(map.info.name);
  for (let round = 0; round < 3; round++) arena.trim();
  assert.equal(arena.core.pagesInUse(), before);
});

test("variables that do not fit are refused, and nothing is left", () => {
  const object = readObject(OBJECT, "arena");
  const maps = object.maps.map((map) => (map.firstBytes === undefined ? map : { ...map, maxEntries: 4 }));
  assert.throws(() => loadSpec(arena, { ...object, maps }, { programs: "any" }), {
    code: "BAD_OBJECT",
    message: /arena: 5 pages of variables are more than map pages has/,
  });
  assert.deepEqual(arena.maps(), []);
});

const PAGES: MapSpec = {
  ...{ name: "few", bpfType: 33, keySize: 0, valueSize: 0, maxEntries: 4, flags: 1024, readOnly: false },
};

/** A program that may sleep and names an arena map of four pages in its first instruction. */
function loadOnPages(text: string): LoadedObject {
  const [section, code] = ["syscall", { coreRelocations: [], lines: [] }];
  const instructions = assemble(`r1 = map(0) ll\n${text}\nexit`);
  const relocations = [{ type: "map", instruction: 0, map: "few" } as const];
  const program = { name: "program", section, kind: programKind(section), autoload: true, instructions, relocations };
  const object = { name: "made-up", license: "GPL", functions: [], maps: [PAGES], btf: undefined };
  return loadSpec(
    arena,
    { ...object, programs: [{ ...program, ...code }] },
    { engine: "interpreter", programs: "any", label: `o${labels++}` },
  );
}
let labels = 0;

test("pages are of the one NUMA node that there is, or of none that is named", () => {
  for (const [node, isThere] of [
    [-1, true],
    [0, true],
    [1, false],
    [-2, false],
  ] as const) {
    const loaded = loadOnPages(`r2 = 0\nr3 = 1\nr4 = ${node}\nr5 = 0\ncall bpf_arena_alloc_pages`);
    assert.deepEqual(loaded.skipped, []);
    const { result } = new DirectRuns(arena, loaded).run({ program: "program" });
    assert.equal(result !== 0n, isThere, `node ${node}`);
  }
});

test("what x86-64 has no instruction for is not done to pages", () => {
  const atomic = (text: string): LoadedObject =>
    loadOnPages(`r6 = 0x100000000000 ll\nr6 = addr_space_cast(r6, 0x0, 0x1)\nr8 = 1\n${text}\nr0 = 0`);
  for (const name of ["or", "and", "xor"])
    assert.match(
      atomic(`r8 = atomic_fetch_${name}((u64 *)(r6 + 0), r8)`).skipped[0]?.reason ?? "",
      /asks what was there, which Linux does not do on x86-64/,
    );
  for (const text of ["r8 = atomic_fetch_add((u64 *)(r6 + 0), r8)", "lock *(u64 *)(r6 + 0) |= r8"])
    assert.deepEqual(atomic(text).skipped, []);
});

/** Who may import whom, and what may be loaded where. */
import assert from "node:assert/strict";
import { test } from "node:test";
import ts from "typescript";
import { circlesIn } from "./circles.ts";
import { ALL, CORE, type Import, importsOf, parse, partOf, placeOf, SRC, show } from "./sources.ts";

/** From the bottom up: each may import from itself and from what stands before it. */
const CORE_ORDER = [
  "base",
  "cpu",
  "mem",
  "rcu",
  "alloc",
  "maps",
  "recovery",
  "core/trim.ts",
  "core/arena.ts",
  "core/attach.ts",
  "core/index.ts",
];

test("core: every folder imports only from those below it", () => {
  assert.deepEqual([...new Set(CORE.map(partOf))].sort(), [...CORE_ORDER].sort(), "CORE_ORDER names what core/ holds");
  const wrong = CORE.flatMap(importsOf).filter(({ from, to }) => {
    const place = CORE_ORDER.indexOf(partOf(to));
    return !to.startsWith("core/") || place < 0 || place > CORE_ORDER.indexOf(partOf(from));
  });
  assert.deepEqual(wrong.map(show), []);
});

interface SrcRow {
  readonly values: readonly string[];
  readonly types: readonly string[];
}

/** What each part of src/ may import from the others: values (and their types), and types alone. */
const SRC_ORDER: Readonly<Record<string, SrcRow>> = {
  "src/error.ts": { values: [], types: [] },
  "src/arguments.ts": { values: ["src/error.ts"], types: [] },
  wasm: { values: ["src/error.ts"], types: [] },
  events: { values: ["src/error.ts"], types: [] },
  maps: { values: ["src/error.ts", "src/arguments.ts", "wasm"], types: [] },
  arena: { values: ["src/error.ts", "src/arguments.ts", "wasm", "events", "maps"], types: [] },
  "src/index.ts": { values: ["src/error.ts", "maps", "arena"], types: ["wasm"] },
  bpf: { values: ["src/error.ts", "src/arguments.ts", "wasm", "events", "maps"], types: [] },
  sim: { values: ["src/error.ts", "src/arguments.ts", "wasm"], types: [] },
  load: { values: ["src/error.ts", "src/arguments.ts", "wasm", "events", "maps", "arena", "bpf"], types: [] },
  replay: { values: ["src/error.ts", "wasm", "events", "maps", "arena", "bpf", "load"], types: [] },
  explore: { values: ["src/error.ts", "wasm", "events", "maps", "arena", "bpf", "load", "replay"], types: [] },
  bench: { values: ["src/error.ts", "wasm", "events", "maps", "arena", "bpf", "load", "replay"], types: [] },
  cli: {
    values: ["src/error.ts", "wasm", "events", "maps", "arena", "bpf", "load", "replay", "explore", "bench"],
    types: [],
  },
};

test("src: every folder imports only what its row allows; nothing imports cli", () => {
  assert.deepEqual(
    [...new Set(SRC.map(partOf))].sort(),
    Object.keys(SRC_ORDER).sort(),
    "SRC_ORDER names what src/ holds",
  );
  const wrong = SRC.flatMap(importsOf).filter(({ from, to, typeOnly }) => {
    if (to.startsWith("core/")) return true;
    const row = SRC_ORDER[partOf(from)];
    const part = partOf(to);
    if (!to.startsWith("src/") || part === partOf(from)) return false;
    return row === undefined || !(row.values.includes(part) || (typeOnly && row.types.includes(part)));
  });
  assert.deepEqual(wrong.map(show), []);
});

test("no file imports, through whatever others, itself: for types neither", () => {
  const graph = new Map(ALL.map((path) => [path, importsOf(path).map(({ to }) => to)]));
  assert.deepEqual(circlesIn(graph), []);
});

test("what a kind of event source is made of, only the table of kinds knows", () => {
  const kindOf = (path: string): string | undefined => /^src\/events\/(\w+)\//.exec(path)?.[1];
  // What several kinds stand on: the kernel's tracepoints.
  const isShared = (path: string): boolean => kindOf(path) === "tracepoints";
  const importers = SRC.flatMap(importsOf)
    .filter(
      ({ from, to }) => kindOf(to) !== undefined && kindOf(to) !== kindOf(from) && !(isShared(to) && kindOf(from)),
    )
    .map(({ from }) => from);
  assert.deepEqual([...new Set(importers)], ["src/events/sources.ts"]);
});

/** Everything that is loaded when `entry` is: types are gone by then, and a dynamic import is not followed. */
function loadedBy(entry: string): Import[] {
  const seen = new Set<string>([entry]);
  const loaded: Import[] = [];
  for (const path of seen)
    for (const each of importsOf(path)) {
      if (each.typeOnly || each.dynamic) continue;
      loaded.push(each);
      if (each.to.startsWith("src/")) seen.add(each.to);
    }
  return loaded;
}

for (const entry of ["src/index.ts", "src/load/index.ts", "src/events/open.ts"])
  test(`${entry} loads no package and no module of Node`, () => {
    const wrong = loadedBy(entry).filter(({ to }) => !to.startsWith("src/"));
    assert.deepEqual(wrong.map(show), []);
  });

/** What an AudioWorklet has not. */
const NOT_IN_WORKLETS = ["URL", "TextDecoder", "TextEncoder", "performance", "crypto", "setTimeout", "process", "atob"];

test("nothing that an AudioWorklet lacks is used while the library loads", () => {
  const loaded = new Set(["src/index.ts", ...loadedBy("src/index.ts").map(({ to }) => to)]);
  const found: string[] = [];
  for (const path of loaded) {
    const file = parse(path);
    const see = (node: ts.Node): void => {
      // What is inside a function waits until somebody calls it.
      if (ts.isFunctionLike(node) || ts.isTypeNode(node)) return;
      if (ts.isIdentifier(node) && NOT_IN_WORKLETS.includes(node.text))
        found.push(`${placeOf(file, node)}: ${node.text}`);
      if (ts.isMetaProperty(node)) found.push(`${placeOf(file, node)}: import.meta`);
      node.forEachChild(see);
    };
    see(file);
  }
  assert.deepEqual(found, []);
});

test("src/index.ts loads neither cli nor replay nor bpf", () => {
  const wrong = loadedBy("src/index.ts").filter(({ to }) =>
    ["cli", "replay", "explore", "load", "bpf"].includes(partOf(to)),
  );
  assert.deepEqual(wrong.map(show), []);
});

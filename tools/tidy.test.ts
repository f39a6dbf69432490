/**
 * The house rules as tests: who may import whom, what the core may not contain, and that the documents say what is
 * true.
 */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { test } from "node:test";
import { Command } from "commander";
import ts from "typescript";
import { EVENT_SOURCES } from "../src/events/sources.ts";
import { HELPERS, OPERATIONS, PARAMETER_KINDS, PROGRAM_TYPES } from "../src/load/index.ts";
import { MAP_KINDS } from "../src/maps/kinds.ts";
import { INTERRUPT_SIGNS } from "../src/replay/interrupts.ts";
import { CONSTANTS } from "../src/wasm/face.ts";
import { OBJECT_LISTS } from "../src/wasm/lists.ts";
import { circlesIn } from "./circles.ts";

function read(path: string): string {
  return readFileSync(path, "utf8");
}

function filesBelow(...folders: string[]): string[] {
  return folders
    .flatMap((folder) => readdirSync(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

const isTest = (path: string): boolean => /(\.test|(^|\/)testing)\.ts$/.test(path);

function sourcesBelow(...folders: string[]): string[] {
  return filesBelow(...folders).filter((path) => path.endsWith(".ts"));
}

function parse(path: string): ts.SourceFile {
  return ts.createSourceFile(path, read(path), ts.ScriptTarget.ES2022, true);
}

function visit(node: ts.Node, see: (node: ts.Node) => void): void {
  see(node);
  node.forEachChild((child) => visit(child, see));
}

/** `path:line`, as editors open it. */
function placeOf(file: ts.SourceFile, node: ts.Node): string {
  return `${file.fileName}:${file.getLineAndCharacterOfPosition(node.getStart(file)).line + 1}`;
}

interface Import {
  readonly from: string;
  /** A path in the repository for a relative import, otherwise as it is written. */
  readonly to: string;
  readonly typeOnly: boolean;
  readonly dynamic: boolean;
}

function isTypeOnly(node: ts.ImportDeclaration | ts.ExportDeclaration): boolean {
  if (ts.isExportDeclaration(node)) {
    const names =
      node.exportClause !== undefined && ts.isNamedExports(node.exportClause) ? node.exportClause.elements : [];
    return node.isTypeOnly || (names.length > 0 && names.every((name) => name.isTypeOnly));
  }
  const clause = node.importClause;
  if (clause === undefined) return false;
  const names =
    clause.namedBindings !== undefined && ts.isNamedImports(clause.namedBindings) ? clause.namedBindings.elements : [];
  return (
    clause.phaseModifier === ts.SyntaxKind.TypeKeyword ||
    (clause.name === undefined && names.length > 0 && names.every((name) => name.isTypeOnly))
  );
}

/** The core's imports have no ending: AssemblyScript adds `.ts`. */
function resolve(from: string, to: string): string {
  if (!to.startsWith(".")) return to;
  const path = normalize(join(dirname(from), to));
  return path.endsWith(".ts") ? path : `${path}.ts`;
}

function importsOf(path: string): Import[] {
  const found: Import[] = [];
  const add = (to: ts.Node | undefined, typeOnly: boolean, dynamic: boolean): void => {
    if (to !== undefined && ts.isStringLiteral(to))
      found.push({ from: path, to: resolve(path, to.text), typeOnly, dynamic });
  };
  visit(parse(path), (node) => {
    if (ts.isImportDeclaration(node) || ts.isExportDeclaration(node))
      add(node.moduleSpecifier, isTypeOnly(node), false);
    if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) add(node.argument.literal, true, false);
    if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword)
      add(node.arguments[0], false, true);
  });
  return found;
}

/** The first folder below core/ or src/; a file that lies there itself stands for itself. */
function partOf(path: string): string {
  const [root = "", part = "", rest] = path.split("/");
  return rest === undefined ? `${root}/${part}` : part;
}

function show({ from, to }: Import): string {
  return `${from} imports ${to}`;
}

const CORE = sourcesBelow("core").filter((path) => !isTest(path));
const SRC = sourcesBelow("src").filter((path) => !isTest(path));
const ALL = sourcesBelow("core", "src", "bench", "tools", "test");

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
  sim: { values: ["src/error.ts", "wasm"], types: [] },
  load: { values: ["src/error.ts", "wasm", "events", "maps", "arena", "bpf"], types: [] },
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

test("core: only base/atomics.ts names atomic accesses", () => {
  const named = new Set<string>();
  for (const path of CORE)
    visit(parse(path), (node) => {
      if (ts.isPropertyAccessExpression(node) && node.expression.getText() === "atomic") named.add(path);
    });
  assert.deepEqual([...named], ["core/base/atomics.ts"]);
});

/** Roles that order memory (core/base/atomics.ts); `peek` orders nothing. */
const ORDERING = [
  "acquire",
  "acquire64",
  "publish",
  "publish64",
  "claim",
  "claim64",
  "exchange",
  "addAndFetch",
  "setBits",
];

test("core: every atomic access says what it pairs with, or why it need not", () => {
  const silent: string[] = [];
  for (const path of CORE.filter((each) => each !== "core/base/atomics.ts")) {
    const file = parse(path);
    for (const statement of file.statements.filter(ts.isFunctionDeclaration)) {
      let orders = false;
      visit(statement, (node) => {
        if (ts.isCallExpression(node) && ORDERING.includes(node.expression.getText())) orders = true;
      });
      const comments = [...statement.getFullText().matchAll(/\/\*\*.*?\*\/|\/\/.*/gs)].join("\n");
      if (orders && !/\bpairs?\b/i.test(comments)) silent.push(`${placeOf(file, statement)} ${statement.name?.text}`);
    }
  }
  assert.deepEqual(silent, []);
});

/** What would need a runtime, a data segment or JavaScript. Strings may only be a field's name in offsetof. */
function forbiddenInCore(node: ts.Node): string | undefined {
  if (ts.isThrowStatement(node)) return "throw";
  if (ts.isNewExpression(node)) return "new";
  if (ts.isArrayLiteralExpression(node) || ts.isObjectLiteralExpression(node) || ts.isTemplateExpression(node))
    return "a literal that needs memory";
  if (ts.isFunctionExpression(node) || ts.isArrowFunction(node)) return "a closure";
  if (ts.canHaveModifiers(node) && ts.getModifiers(node)?.some(({ kind }) => kind === ts.SyntaxKind.DeclareKeyword))
    return "an import from the host";
  if (ts.isStringLiteral(node) && !ts.isImportDeclaration(node.parent) && !ts.isExportDeclaration(node.parent)) {
    const call = node.parent;
    if (!ts.isCallExpression(call) || call.expression.getText() !== "offsetof") return "a string";
  }
  return undefined;
}

test("core: no throw, no allocation, no string, no closure, nothing from the host", () => {
  const found: string[] = [];
  for (const path of CORE) {
    const file = parse(path);
    visit(file, (node) => {
      const what = forbiddenInCore(node);
      if (what !== undefined) found.push(`${placeOf(file, node)}: ${what}`);
    });
  }
  assert.deepEqual(found, []);
});

test("core: the CPU an instance acts as is the only variable of a module", () => {
  const found = CORE.flatMap((path) =>
    parse(path)
      .statements.filter(ts.isVariableStatement)
      .filter((statement) => (statement.declarationList.flags & ts.NodeFlags.Const) === 0)
      .flatMap((statement) => statement.declarationList.declarations.map(({ name }) => `${path}: ${name.getText()}`)),
  );
  assert.deepEqual(found, ["core/cpu/area.ts: current"]);
});

test("core/rcu never allocates", () => {
  const names = CORE.filter((path) => path.startsWith("core/rcu/")).flatMap((path) =>
    [...read(path).matchAll(/\b(takeObjects?|allocate\w*)\b/g)].map(([name]) => `${path}: ${name}`),
  );
  assert.deepEqual(names, []);
});

const MOST_LINES = 400;
/** What the build writes. */
const EMITTED = [
  ...["src/wasm/face.ts", "src/events/tracepoints/linux-formats.ts"],
  ...ALL.filter((path) => /^src\/bpf\/shipped\/linux-[\d.]+\.ts$/.test(path)),
];

test(`no file has more than ${MOST_LINES} lines, tests excepted`, () => {
  const long = ALL.filter(
    (path) => !isTest(path) && !EMITTED.includes(path) && read(path).split("\n").length > MOST_LINES,
  );
  assert.deepEqual(long, []);
});

const MOST_FUNCTION_LINES = 60;

/** Functions that are still longer. Nothing is added. */
const KNOWN_LONG: readonly string[] = ["core/maps/hash/fast.ts: updateFast"];

/** What a function is called, or its line where it has no name. */
function nameOf(file: ts.SourceFile, node: ts.SignatureDeclaration): string {
  const named = node.name ?? (ts.isVariableDeclaration(node.parent) ? node.parent.name : undefined);
  return `${file.fileName}: ${named?.getText(file) ?? placeOf(file, node)}`;
}

test(`no function of core/ and src/ has more than ${MOST_FUNCTION_LINES} lines, tests excepted`, () => {
  const long: string[] = [];
  for (const path of [...CORE, ...SRC]) {
    const file = parse(path);
    const lineAt = (position: number): number => file.getLineAndCharacterOfPosition(position).line;
    visit(file, (node) => {
      if (!ts.isFunctionLike(node) || !("body" in node)) return;
      if (lineAt(node.end) - lineAt(node.getStart(file)) >= MOST_FUNCTION_LINES) long.push(nameOf(file, node));
    });
  }
  assert.deepEqual(long, KNOWN_LONG);
});

test("no type is any", () => {
  const found: string[] = [];
  for (const path of ALL) {
    const file = parse(path);
    visit(file, (node) => {
      if (node.kind === ts.SyntaxKind.AnyKeyword) found.push(placeOf(file, node));
    });
  }
  assert.deepEqual(found, []);
});

const DOCUMENTS = ["README.md", "ARCHITECTURE.md", "CHANGELOG.md", ...filesBelow("docs")];

test("nothing is left to be done in a comment", () => {
  const mark = new RegExp(`\\b(TO${"DO"}|FIX${"ME"}|X${"XX"})\\b`);
  const files = [...ALL, ...DOCUMENTS, ...filesBelow("examples/bpf").filter((path) => /\.(c|h|md)$/.test(path))];
  assert.deepEqual(
    files.filter((path) => mark.test(read(path))),
    [],
  );
});

/** Text between backticks, outside of code blocks. */
function quoted(path: string): string[] {
  const prose = read(path).replace(/^```.*?^```/gms, "");
  return [...prose.matchAll(/`([^`\n]+)`/g)].map(([, text = ""]) => text);
}

const ROOTS = [...readdirSync(".").filter((name) => name !== "node_modules"), "build", "dist"];

/** Whether a quoted text is meant as a path of the repository: its first part is one, and nothing in it is a pattern. */
function isPath(text: string): boolean {
  return (
    /^[\w.][\w./-]*$/.test(text) &&
    (text.includes("/") || text.endsWith(".md")) &&
    ROOTS.includes(text.split("/")[0] ?? "")
  );
}

/** What a check of each document finds wrong, with the document's name. */
function inDocuments(check: (path: string) => readonly string[]): string[] {
  return DOCUMENTS.filter((path) => path.endsWith(".md")).flatMap((path) =>
    check(path).map((what) => `${path}: ${what}`),
  );
}

test("documents: every path they name exists", () => {
  const made = /^(build|dist)(\/|$)/;
  const missing = (path: string): string[] =>
    quoted(path).filter((text) => isPath(text) && !made.test(text) && !existsSync(text));
  assert.deepEqual(inDocuments(missing), []);
});

test("documents: every link to a file leads somewhere", () => {
  const broken = (path: string): string[] =>
    [...read(path).matchAll(/\]\(([^)#\s]+)[^)]*\)/g)]
      .map(([, to = ""]) => to)
      .filter((to) => !/^https?:/.test(to) && !existsSync(join(dirname(path), to)));
  assert.deepEqual(inDocuments(broken), []);
});

test("ARCHITECTURE.md names every folder of core/ and src/", () => {
  const folders = ["core", "src"].flatMap((root) =>
    readdirSync(root, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => `${join(entry.parentPath, entry.name)}/`),
  );
  const named = quoted("ARCHITECTURE.md");
  assert.deepEqual(
    folders.filter((folder) => !named.includes(folder)),
    [],
  );
});

test("the list equation is the same wherever it stands", () => {
  const equation = `${[...OBJECT_LISTS.map(({ name }) => name), "in use"].join(" + ")} == owned`;
  for (const path of ["core/alloc/cache.ts", "ARCHITECTURE.md", "docs/allocator.md"]) {
    const found = [...read(path).matchAll(/^.*?(free \+ .* == owned)/gm)].map(([, text]) => text);
    assert.deepEqual(found, [equation], path);
  }
});

test("the bucket is drawn in ARCHITECTURE.md as it lies in memory", () => {
  const [, offsets = "", boxes = ""] = /^ (0 +8.*)\n \| (.*) \|$/m.exec(read("ARCHITECTURE.md")) ?? [];
  const { OVERFLOW, TAGS, ELEMENTS, BUCKET_BYTES, SLOT_COUNT } = CONSTANTS;
  assert.deepEqual(offsets.trim().split(/ +/).map(Number), [0, OVERFLOW, OVERFLOW + 4, TAGS, ELEMENTS, BUCKET_BYTES]);
  const last = SLOT_COUNT - 1;
  const names = ["control", "overflow", "index", "tag 0", "...", `tag ${last}`, "element 0", "...", `element ${last}`];
  assert.deepEqual(
    boxes.split("|").map((name) => name.trim()),
    names,
  );
});

const MANIFEST = JSON.parse(read("package.json")) as {
  readonly version: string;
  readonly scripts: Readonly<Record<string, string>>;
};
/** Commands of npm itself. */
const NPM_COMMANDS = ["ci", "cit", "install", "pack"];

test("documents: the npm commands they name exist", () => {
  const unknown = (path: string): string[] =>
    [...read(path).matchAll(/\bnpm (?:run (?:--silent )?)?([a-z][\w:-]*)/g)]
      .map(([, name = ""]) => name)
      .filter((name) => !NPM_COMMANDS.includes(name) && MANIFEST.scripts[name] === undefined);
  assert.deepEqual(inDocuments(unknown), []);
});

test("CHANGELOG.md has an entry for the version of package.json", () => {
  const heading = new RegExp(`^## .*\\b${MANIFEST.version.replaceAll(".", "\\.")}\\b`, "m");
  assert.match(read("CHANGELOG.md"), heading);
});

test("decisions are numbered without a gap, and each has its four parts", () => {
  const names = readdirSync("docs/decisions").sort();
  assert.deepEqual(
    names.map((name) => name.slice(0, 5)),
    names.map((_, index) => `${String(index + 1).padStart(4, "0")}-`),
  );
  for (const name of names) {
    const headings = [...read(join("docs/decisions", name)).matchAll(/^## (.+)$/gm)].map(([, title]) => title);
    assert.deepEqual(headings, ["Context", "Decision", "Measurement", "Consequences"], name);
  }
});

interface Documented {
  readonly name: string;
  readonly doc: string;
}

const TABLES: Readonly<Record<string, readonly Documented[]>> = {
  "map kinds": MAP_KINDS.map(({ type, doc }) => ({ name: type, doc })),
  helpers: HELPERS,
  "parameter kinds": PARAMETER_KINDS,
  "program types": PROGRAM_TYPES,
  "event sources": EVENT_SOURCES.map(({ kind, doc }) => ({ name: kind, doc })),
  "signs of interrupts": INTERRUPT_SIGNS,
  // What an operation does is its text, what is refused has its reason.
  operations: OPERATIONS.map(({ name, text, effect }) => ({
    name,
    doc: effect.type === "refused" ? effect.reason : text,
  })),
};

for (const [title, rows] of Object.entries(TABLES))
  test(`${title}: every row is documented, none is there twice`, () => {
    assert.ok(rows.length > 0);
    assert.deepEqual(
      rows.filter(({ doc }) => doc.trim().length < 3).map(({ name }) => name),
      [],
    );
    assert.equal(new Set(rows.map(({ name }) => name)).size, rows.length);
  });

test("event sources: every kind is a folder or a file of src/events/, with a test", () => {
  const tests = sourcesBelow("src/events").filter((path) => path.endsWith(".test.ts"));
  const untested = EVENT_SOURCES.map(({ kind }) => `src/events/${kind}`).filter(
    (place) => !tests.some((path) => path.startsWith(`${place}/`) || path === `${place}.test.ts`),
  );
  assert.deepEqual(untested, []);
});

/** Where the tests of a table's rows are, and how a test names a row; those of the other tables walk the table itself. */
const TESTED: Readonly<Record<string, readonly [folders: readonly string[], named: (name: string) => string]>> = {
  "map kinds": [["core/maps", "src/maps"], (name) => `"${name}"`],
  helpers: [["src/bpf", "src/load"], (name) => name],
  "program types": [["src/bpf/programs"], (name) => name.toUpperCase()],
  "event sources": [["src/events"], (name) => `"${name}"`],
  "signs of interrupts": [["src", "test"], (name) => name],
};

for (const [title, [folders, named]] of Object.entries(TESTED))
  test(`${title}: a test names every row`, () => {
    const tests = sourcesBelow(...folders)
      .filter((path) => path.endsWith(".test.ts"))
      .map(read)
      .join("\n");
    const rows = TABLES[title] ?? [];
    assert.deepEqual(
      rows.map(({ name }) => name).filter((name) => !tests.includes(named(name))),
      [],
    );
  });

/** The commands as `src/cli/` defines them: each in a file that exports its row. */
async function commands(): Promise<Command[]> {
  const files = filesBelow("src/cli").filter((path) => /export const \w+: CommandRow/.test(read(path)));
  const rows = await Promise.all(
    files.map(async (path) => {
      const module = (await import(`../${path}`)) as Record<
        string,
        { name: string; define: (command: Command) => void }
      >;
      return Object.entries(module).flatMap(([name, row]) => (name.endsWith("Command") ? [row] : []));
    }),
  );
  return rows.flat().map(({ name, define }) => {
    const command = new Command(name);
    define(command);
    return command;
  });
}

test("commands, their arguments and options are documented, in their help and in README.md", async () => {
  const all = await commands();
  assert.deepEqual(all.map((command) => command.name()).sort(), [
    "advise",
    "bench",
    "check",
    "contexts",
    "events",
    "inspect",
    "run",
    "test",
    "types",
    "verify",
  ]);
  const readme = read("README.md");
  for (const command of all) {
    assert.ok(command.description().length > 0 && command.summary().length > 0, command.name());
    assert.ok(readme.includes(`anyctx ${command.name()}`), `README.md shows anyctx ${command.name()}`);
    for (const argument of command.registeredArguments) assert.ok(argument.description.length > 0, argument.name());
    for (const { long, description } of command.options) {
      assert.ok(description.length > 0, `${command.name()} ${long}`);
      assert.ok(readme.includes(`\`${long}`), `README.md explains ${command.name()} ${long}`);
    }
  }
  const flags = new Set(all.flatMap((command) => command.options.map(({ long }) => long)));
  const named = quoted("README.md").flatMap((text) => (/^(--[a-z-]+)/.exec(text) ?? []).slice(1));
  assert.deepEqual(
    named.filter((flag) => !flags.has(flag)),
    [],
    "README.md names no option that is not there",
  );
});

/** What documents and doc comments show works: every block compiles and does what is said of it (tools/documents/documents.ts). */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, test } from "node:test";
import ts from "typescript";
import { commentsOf, compile, type Program, programsOf, runProgram } from "./documents.ts";

const FOLDER = "build/documents";
const ENTRIES = ["src/index.ts", "src/load/index.ts", "src/sim/index.ts"];

function filesBelow(folder: string, ending: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(ending))
    .map((name) => join(folder, name))
    .sort();
}

const DOCUMENTS = [
  ...readdirSync(".").filter((name) => name.endsWith(".md")),
  ...filesBelow("docs", ".md"),
  ...filesBelow("examples", ".md"),
];

const programs: Program[] = [
  ...DOCUMENTS.flatMap((path) => programsOf(path, readFileSync(path, "utf8"))),
  ...filesBelow("src", ".ts").flatMap((path) => programsOf(path, commentsOf(readFileSync(path, "utf8")))),
];

describe("documents and examples", { concurrency: 2 }, () => {
  const wrong = compile(programs, FOLDER);

  test("every block compiles", () => assert.deepEqual(wrong, []));

  for (const program of programs.filter(({ runs }) => runs))
    test(`${program.name} does what it says`, async () => {
      const { status, stdout, stderr } = await runProgram(program, FOLDER);
      assert.equal(stderr, "");
      assert.equal(stdout, program.output);
      assert.equal(status, 0);
    });
});

test("the guides and README.md have programs that run", () => {
  for (const path of ["README.md", ...["allocator", "audio", "caches", "maps", "promises"].map(guide)])
    assert.ok(
      programs.some(({ name, runs }) => name.startsWith(`${path}:`) && (runs || path === guide("audio"))),
      path,
    );
});

function guide(name: string): string {
  return `docs/${name}.md`;
}

test("every public class has an example", () => {
  const program = ts.createProgram(ENTRIES, {
    allowImportingTsExtensions: true,
    noEmit: true,
    target: 99,
    module: 199,
  });
  const checker = program.getTypeChecker();
  const classes = ENTRIES.flatMap((entry) => {
    const file = program.getSourceFile(entry);
    const module = file === undefined ? undefined : checker.getSymbolAtLocation(file);
    return module === undefined ? [] : checker.getExportsOfModule(module);
  })
    .map((symbol) => (symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol))
    .filter((symbol) => (symbol.flags & ts.SymbolFlags.Class) !== 0);
  assert.ok(classes.length >= 5, "classes are found");
  const hasExample = (symbol: ts.Symbol): boolean =>
    symbol
      .getJsDocTags(checker)
      .some(({ name, text }) => name === "example" && /```ts/.test(ts.displayPartsToString(text)));
  assert.deepEqual(
    classes.filter((symbol) => !hasExample(symbol)).map(({ name }) => name),
    [],
  );
});

const fence = (info: string, ...lines: readonly string[]): string => [`\`\`\`${info}`, ...lines, "```", ""].join("\n");

test("blocks become programs by their marks, and lie at their lines", () => {
  const text = [
    "A text.",
    fence("ts", "const a = 1;"),
    fence("sh", "ls"),
    fence("js worker.mjs", "export {};"),
    fence("ts continued", "console.log(a + 1); // 2"),
    fence("ts browser", "document.title;"),
    fence("ts", "console.log(1);", "console.log(2);"),
    fence("text output", "1", "2"),
  ].join("\n");
  const found = programsOf("a.md", text);
  assert.deepEqual(
    found.map(({ name, file, runs, output }) => [name, file, runs, output]),
    [
      ["a.md:3", "a_md/line-3.mts", true, "2\n"],
      ["a.md:11", "a_md/worker.mjs", false, ""],
      ["a.md:19", "a_md/line-19.mts", false, ""],
      ["a.md:23", "a_md/line-23.mts", true, "1\n2\n"],
    ],
  );
  assert.deepEqual(found[0]?.text.split("\n")[14], "console.log(a + 1); // 2");
  assert.throws(() => programsOf("a.md", fence("ts skipped", "")), /a\.md:2: a block is marked skipped/);
  assert.throws(() => programsOf("a.md", fence("ts continued", "")), /no program to be continued/);
  assert.throws(() => programsOf("a.md", "```ts\n"), /does not end/);
  assert.throws(() => programsOf("a.md", fence("js a.mjs", "") + fence("js a.mjs", "")), /has another a\.mjs/);
});

test("doc comments keep their lines, and code between them does not count", () => {
  const source = [
    "/** One. */",
    "const a = 1;",
    "/**",
    " * Two.",
    " * ```ts",
    " * let b;",
    " * ```",
    " */",
    "* c",
  ].join("\n");
  assert.deepEqual(commentsOf(source).split("\n"), ["One. */", "", "", "Two.", "```ts", "let b;", "```", " */", ""]);
});

test("what does not compile, fails or prints something else is found", async () => {
  const text = [
    fence("ts", 'import { Arena } from "anyctx";', "const arena: string = await Arena.create();", "void arena;"),
    fence("ts browser", "console.log(nothing);"),
    fence("ts", 'console.log("a"); // b'),
    fence("ts", 'throw new Error("as it should");'),
  ].join("\n");
  const broken = programsOf("b.md", text);
  const folder = "build/documents-broken";
  const wrong = compile(broken, folder);
  assert.match(wrong[0] ?? "", /^b\.md:3: Type 'Arena' is not assignable to type 'string'/);
  assert.match(wrong[1] ?? "", /^b\.md:8: Cannot find name 'nothing'/);
  const [, , printing, throwing] = broken as [Program, Program, Program, Program];
  const printed = await runProgram(printing, folder);
  assert.notEqual(printed.stdout, printing.output);
  const thrown = await runProgram(throwing, folder);
  assert.notEqual(thrown.status, 0);
  assert.match(thrown.stderr, /as it should/);
});

/** As a renderer names a heading. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N} _-]/gu, "")
    .replaceAll(" ", "-");
}

test("every link to a heading leads to one", () => {
  const anchors = (path: string): string[] =>
    [...readFileSync(path, "utf8").matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) => anchorOf(heading));
  const broken = DOCUMENTS.flatMap((path) =>
    [...readFileSync(path, "utf8").matchAll(/\]\(([^)\s#:]*)#([^)\s]+)\)/g)]
      .filter(([, to = "", anchor = ""]) => !anchors(to === "" ? path : join(dirname(path), to)).includes(anchor))
      .map(([, to, anchor]) => `${path}: ${to}#${anchor}`),
  );
  assert.deepEqual(broken, []);
});

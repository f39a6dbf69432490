/** How long files and functions may be, and what may stand in none. */
import assert from "node:assert/strict";
import { test } from "node:test";
import ts from "typescript";
import { DOCUMENTS } from "./prose.ts";
import { ALL, CORE, filesBelow, isTest, parse, placeOf, read, SRC, visit } from "./sources.ts";

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

test("nothing is left to be done in a comment", () => {
  const mark = new RegExp(`\\b(TO${"DO"}|FIX${"ME"}|X${"XX"})\\b`);
  const files = [...ALL, ...DOCUMENTS, ...filesBelow("examples/bpf").filter((path) => /\.(c|h|md)$/.test(path))];
  assert.deepEqual(
    files.filter((path) => mark.test(read(path))),
    [],
  );
});

/** What the core may not contain, and what each of its atomic accesses says. */
import assert from "node:assert/strict";
import { test } from "node:test";
import ts from "typescript";
import { CORE, parse, placeOf, read, visit } from "./sources.ts";

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

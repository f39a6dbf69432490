/**
 * Mutants: the core's source with one small change that should matter. Where there may be one is found in the syntax, so a
 * change is always one that could have been typed. Checks (`check`, `expect`) and declarations are left alone: they say
 * what holds and do nothing.
 */
import ts from "typescript";
import { Random } from "../../src/sim/random.ts";

export interface Mutant {
  readonly file: string;
  readonly line: number;
  /** What is replaced, and by what: as many lines as before, because failed checks are named by line. */
  readonly from: number;
  readonly to: number;
  readonly text: string;
  /** The lines before and after, for people and for the list of equivalent ones. */
  readonly change: string;
}

const { SyntaxKind } = ts;

/** What an operator becomes. */
const OPERATORS: Readonly<Partial<Record<ts.SyntaxKind, string>>> = {
  [SyntaxKind.PlusToken]: "-",
  [SyntaxKind.MinusToken]: "+",
  [SyntaxKind.AsteriskToken]: "+",
  [SyntaxKind.LessThanToken]: "<=",
  [SyntaxKind.LessThanEqualsToken]: "<",
  [SyntaxKind.GreaterThanToken]: ">=",
  [SyntaxKind.GreaterThanEqualsToken]: ">",
  [SyntaxKind.EqualsEqualsToken]: "!=",
  [SyntaxKind.ExclamationEqualsToken]: "==",
  [SyntaxKind.AmpersandAmpersandToken]: "||",
  [SyntaxKind.BarBarToken]: "&&",
  [SyntaxKind.AmpersandToken]: "|",
  [SyntaxKind.BarToken]: "&",
  [SyntaxKind.LessThanLessThanToken]: ">>",
  [SyntaxKind.GreaterThanGreaterThanToken]: "<<",
  [SyntaxKind.PlusEqualsToken]: "-=",
  [SyntaxKind.MinusEqualsToken]: "+=",
  [SyntaxKind.PlusPlusToken]: "--",
  [SyntaxKind.MinusMinusToken]: "++",
};

/** What is left where a statement is taken out. */
const NOTHING = ";";

type Put = (from: number, to: number, text: string) => void;

/** A change of operators and numbers within an expression. */
function mutateExpression(node: ts.Node, source: ts.SourceFile, put: Put): void {
  if (ts.isBinaryExpression(node)) {
    const other = OPERATORS[node.operatorToken.kind];
    if (other !== undefined) put(node.operatorToken.getStart(source), node.operatorToken.end, other);
  } else if (ts.isPostfixUnaryExpression(node)) {
    put(node.operand.end, node.end, OPERATORS[node.operator] ?? "");
  } else if (ts.isPrefixUnaryExpression(node)) {
    const other = node.operator === SyntaxKind.ExclamationToken ? "" : OPERATORS[node.operator];
    // A sign is part of a constant.
    if (other !== undefined && node.operator !== SyntaxKind.MinusToken && node.operator !== SyntaxKind.PlusToken)
      put(node.getStart(source), node.operand.getStart(source), other);
  } else if (ts.isNumericLiteral(node)) {
    const value = Number(node.getText(source));
    for (const other of new Set([value === 0 ? 1 : 0, value + 1])) put(node.getStart(source), node.end, String(other));
  }
}

/** Whether control leaves the block at the end of a statement. */
function leaves(statement: ts.Statement): boolean {
  const last = ts.isBlock(statement) ? statement.statements.at(-1) : statement;
  return (
    last !== undefined && (ts.isReturnStatement(last) || ts.isContinueStatement(last) || ts.isBreakStatement(last))
  );
}

/** Statements that are taken out, guards among them. */
function mutateStatement(node: ts.Node, source: ts.SourceFile, put: Put): void {
  const isGuard = ts.isIfStatement(node) && node.elseStatement === undefined && leaves(node.thenStatement);
  if (isGuard || ts.isExpressionStatement(node)) put(node.getStart(source), node.end, NOTHING);
}

/** Neighbouring statements in the other order. */
function mutateOrder(statements: readonly ts.Statement[], source: ts.SourceFile, put: Put): void {
  for (const [index, second] of statements.entries()) {
    const first = statements[index - 1];
    if (first === undefined || !ts.isExpressionStatement(first) || !ts.isExpressionStatement(second)) continue;
    if (isCheck(first) || isCheck(second)) continue;
    const between = source.text.slice(first.end, second.getStart(source));
    put(first.getStart(source), second.end, `${second.getText(source)}${between}${first.getText(source)}`);
  }
}

/** `check(...)` and `expect(...)`. */
function isCheck(node: ts.Node): boolean {
  const call = ts.isExpressionStatement(node) ? node.expression : node;
  return (
    ts.isCallExpression(call) && ts.isIdentifier(call.expression) && ["check", "expect"].includes(call.expression.text)
  );
}

function isDeclaration(node: ts.Node): boolean {
  return ts.isImportDeclaration(node) || ts.isExportDeclaration(node) || ts.isTypeNode(node) || ts.isDecorator(node);
}

/** All mutants of a file, in its order. */
export function mutantsOf(file: string, text: string): Mutant[] {
  const source = ts.createSourceFile(file, text, ts.ScriptTarget.ES2022, true);
  const mutants: Mutant[] = [];
  const oneLine = (lines: string): string => lines.replace(/\s+/g, " ").trim();
  const put: Put = (from, to, replacement) => {
    const lines = text.slice(from, to).split("\n").length - replacement.split("\n").length;
    const padded = replacement + "\n".repeat(Math.max(0, lines));
    const begin = text.lastIndexOf("\n", from - 1) + 1;
    const end = text.indexOf("\n", to) < 0 ? text.length : text.indexOf("\n", to);
    const after = `${text.slice(begin, from)}${replacement}${text.slice(to, end)}`;
    const change = `${oneLine(text.slice(begin, end))} => ${oneLine(after)}`;
    const line = source.getLineAndCharacterOfPosition(from).line + 1;
    mutants.push({ file, line, from, to, text: padded, change });
  };
  const visit = (node: ts.Node): void => {
    if (isDeclaration(node) || isCheck(node)) return;
    mutateExpression(node, source, put);
    mutateStatement(node, source, put);
    if (ts.isBlock(node)) mutateOrder(node.statements, source, put);
    ts.forEachChild(node, visit);
  };
  visit(source);
  return mutants;
}

export function applyMutant(text: string, { from, to, text: replacement }: Mutant): string {
  return text.slice(0, from) + replacement + text.slice(to);
}

/** So many of them, without one twice; the same seed, the same ones in the same order. */
export function sampleOf<T>(all: readonly T[], count: number, seed: number): T[] {
  const random = new Random(seed);
  const left = [...all];
  for (let index = 0; index < Math.min(count, left.length); index++) {
    const other = index + random.below(left.length - index);
    [left[index], left[other]] = [left[other] as T, left[index] as T];
  }
  return left.slice(0, count);
}

/** The repository's own sources as the rules of the house look at them: files, their syntax, who imports whom. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import ts from "typescript";

export function read(path: string): string {
  return readFileSync(path, "utf8");
}

export function filesBelow(...folders: string[]): string[] {
  return folders
    .flatMap((folder) => readdirSync(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

export const isTest = (path: string): boolean => /(\.test|(^|\/)testing)\.ts$/.test(path);

export function sourcesBelow(...folders: string[]): string[] {
  return filesBelow(...folders).filter((path) => path.endsWith(".ts"));
}

export function parse(path: string): ts.SourceFile {
  return ts.createSourceFile(path, read(path), ts.ScriptTarget.ES2022, true);
}

export function visit(node: ts.Node, see: (node: ts.Node) => void): void {
  see(node);
  node.forEachChild((child) => visit(child, see));
}

/** `path:line`, as editors open it. */
export function placeOf(file: ts.SourceFile, node: ts.Node): string {
  return `${file.fileName}:${file.getLineAndCharacterOfPosition(node.getStart(file)).line + 1}`;
}

export interface Import {
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

export function importsOf(path: string): Import[] {
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
export function partOf(path: string): string {
  const [root = "", part = "", rest] = path.split("/");
  return rest === undefined ? `${root}/${part}` : part;
}

export function show({ from, to }: Import): string {
  return `${from} imports ${to}`;
}

export const CORE: readonly string[] = sourcesBelow("core").filter((path) => !isTest(path));
export const SRC: readonly string[] = sourcesBelow("src").filter((path) => !isTest(path));
export const ALL: readonly string[] = sourcesBelow("core", "src", "bench", "tools", "test");

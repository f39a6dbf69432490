/**
 * The core's face, as TypeScript sees it, read from the core's source: its exported functions with their types, where
 * the fields of its structures lie, and its exported constants. The build writes it to `src/wasm/face.ts`, so that
 * nothing of it is kept by hand. `tools/make/face.test.ts` asks AssemblyScript's own compiler whether the offsets are right.
 */
import { dirname, join, normalize } from "node:path";
import ts from "typescript";

const ENTRY = "core/index.ts";

/** Bytes of the types that fields may have; AssemblyScript aligns each field to its own size. */
const FIELD_BYTES: Readonly<Record<string, number>> = { u8: 1, u16: 2, u32: 4, i32: 4, usize: 4, u64: 8, i64: 8 };

/** How a value of the core's types crosses to JavaScript, and what it is in WebAssembly. */
const VALUES: Readonly<Record<string, { readonly seen: string; readonly wasm: string }>> = {
  bool: { seen: "number", wasm: "i32" },
  u32: { seen: "number", wasm: "i32" },
  i32: { seen: "number", wasm: "i32" },
  usize: { seen: "number", wasm: "i32" },
  u64: { seen: "bigint", wasm: "i64" },
  i64: { seen: "bigint", wasm: "i64" },
  f64: { seen: "number", wasm: "f64" },
};

export interface CoreFunction {
  readonly name: string;
  readonly doc: string;
  readonly parameters: readonly { readonly name: string; readonly type: string }[];
  readonly result: string;
}

export interface Structure {
  readonly name: string;
  readonly fields: readonly { readonly name: string; readonly offset: number; readonly bytes: number }[];
  readonly bytes: number;
}

export interface Face {
  readonly functions: readonly CoreFunction[];
  readonly structures: readonly Structure[];
  readonly constants: ReadonlyMap<string, bigint>;
}

/** The core's files by path, those that `core/index.ts` reaches. */
type Sources = ReadonlyMap<string, ts.SourceFile>;

function readSources(read: (path: string) => string): Sources {
  const sources = new Map<string, ts.SourceFile>();
  const visit = (path: string): void => {
    if (sources.has(path)) return;
    const file = ts.createSourceFile(path, read(path), ts.ScriptTarget.ES2022, true);
    sources.set(path, file);
    for (const statement of file.statements) {
      const target = targetOf(path, statement);
      if (target !== undefined) visit(target);
    }
  };
  visit(ENTRY);
  return new Map([...sources].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The file that an import or a re-export names. */
function targetOf(path: string, statement: ts.Statement): string | undefined {
  if (!ts.isImportDeclaration(statement) && !ts.isExportDeclaration(statement)) return undefined;
  const { moduleSpecifier } = statement;
  if (moduleSpecifier === undefined || !ts.isStringLiteral(moduleSpecifier)) return undefined;
  return `${normalize(join(dirname(path), moduleSpecifier.text))}.ts`;
}

function isExported(node: ts.Node): boolean {
  return (
    ts.canHaveModifiers(node) &&
    (ts.getModifiers(node)?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) ?? false)
  );
}

function docOf(node: ts.Node, file: ts.SourceFile): string {
  const [range] = (ts.getLeadingCommentRanges(file.text, node.pos) ?? []).slice(-1);
  const text = range === undefined ? "" : file.text.slice(range.pos, range.end);
  return text.startsWith("/**") ? text : "";
}

function describe(name: string, node: ts.FunctionDeclaration, file: ts.SourceFile): CoreFunction {
  return {
    name,
    doc: docOf(node, file),
    parameters: node.parameters.map((parameter) => ({
      name: parameter.name.getText(),
      type: parameter.type?.getText() ?? "",
    })),
    result: node.type?.getText() ?? "",
  };
}

function functionNamed(file: ts.SourceFile, name: string): ts.FunctionDeclaration | undefined {
  return file.statements.filter(ts.isFunctionDeclaration).find((each) => each.name?.text === name);
}

/** What the entry exports itself, and what it passes on of other files. */
function functionsOf(sources: Sources): CoreFunction[] {
  const found: CoreFunction[] = [];
  for (const statement of sources.get(ENTRY)?.statements ?? []) {
    const file = sources.get(targetOf(ENTRY, statement) ?? ENTRY) as ts.SourceFile;
    if (ts.isFunctionDeclaration(statement) && isExported(statement) && statement.name !== undefined)
      found.push(describe(statement.name.text, statement, file));
    if (!ts.isExportDeclaration(statement) || statement.exportClause === undefined) continue;
    if (!ts.isNamedExports(statement.exportClause)) continue;
    for (const { name, propertyName } of statement.exportClause.elements) {
      const declared = functionNamed(file, (propertyName ?? name).text);
      if (declared !== undefined) found.push(describe(name.text, declared, file));
    }
  }
  return found.sort((a, b) => (a.name < b.name ? -1 : 1));
}

function structureOf(node: ts.ClassDeclaration): Structure {
  let end = 0;
  const fields = node.members.filter(ts.isPropertyDeclaration).map((member) => {
    const bytes = FIELD_BYTES[member.type?.getText() ?? ""];
    if (bytes === undefined) throw new Error(`face: ${node.name?.text}.${member.name.getText()} is of an unknown type`);
    const offset = Math.ceil(end / bytes) * bytes;
    end = offset + bytes;
    return { name: member.name.getText(), offset, bytes };
  });
  return { name: node.name?.text ?? "", fields, bytes: end };
}

/** Values of constants, each evaluated when it is asked for; those of other files are found by their imports. */
class Constants {
  readonly #sources: Sources;

  constructor(sources: Sources) {
    this.#sources = sources;
  }

  value(path: string, name: string): bigint {
    for (const statement of this.#sources.get(path)?.statements ?? []) {
      if (ts.isVariableStatement(statement))
        for (const { name: declared, initializer } of statement.declarationList.declarations)
          if (declared.getText() === name && initializer !== undefined) return this.#evaluate(path, initializer);
      if (!ts.isImportDeclaration(statement)) continue;
      const bindings = statement.importClause?.namedBindings;
      if (bindings === undefined || !ts.isNamedImports(bindings)) continue;
      if (bindings.elements.some((element) => element.name.text === name))
        return this.value(targetOf(path, statement) ?? "", name);
    }
    throw new Error(`face: ${path} has no constant ${name}`);
  }

  #evaluate(path: string, node: ts.Expression): bigint {
    if (ts.isNumericLiteral(node)) return BigInt(node.text);
    if (ts.isIdentifier(node)) return this.value(path, node.text);
    if (ts.isParenthesizedExpression(node) || ts.isTypeAssertionExpression(node))
      return this.#evaluate(path, node.expression);
    if (ts.isPrefixUnaryExpression(node) && node.operator === ts.SyntaxKind.MinusToken)
      return -this.#evaluate(path, node.operand);
    if (ts.isBinaryExpression(node)) {
      const operate = OPERATORS[node.operatorToken.getText()];
      if (operate !== undefined) return operate(this.#evaluate(path, node.left), this.#evaluate(path, node.right));
    }
    throw new Error(`face: ${path}: what is ${node.getText()}?`);
  }
}

const OPERATORS: Readonly<Record<string, (left: bigint, right: bigint) => bigint>> = {
  "+": (left, right) => left + right,
  "-": (left, right) => left - right,
  "*": (left, right) => left * right,
  "/": (left, right) => left / right,
  "<<": (left, right) => left << right,
  "|": (left, right) => left | right,
};

/** @param read the text of a source file by its path */
export function readFace(read: (path: string) => string): Face {
  const sources = readSources(read);
  const known = new Constants(sources);
  const constants = new Map<string, bigint>();
  const structures: Structure[] = [];
  for (const [path, file] of sources)
    for (const statement of file.statements) {
      if (!isExported(statement)) continue;
      if (ts.isClassDeclaration(statement)) structures.push(structureOf(statement));
      if (!ts.isVariableStatement(statement)) continue;
      for (const { name } of statement.declarationList.declarations) {
        const text = name.getText();
        if (constants.has(text)) throw new Error(`face: two files of the core export a constant ${text}`);
        constants.set(text, known.value(path, text));
      }
    }
  structures.sort((a, b) => (a.name < b.name ? -1 : 1));
  return { functions: functionsOf(sources), structures, constants };
}

function crossing(type: string, where: string): { readonly seen: string; readonly wasm: string } {
  const value = VALUES[type];
  if (value === undefined) throw new Error(`face: ${where} has the type ${type || "(none)"}`);
  return value;
}

function showFunction({ name, doc, parameters, result }: CoreFunction): string {
  const seen = parameters.map((each) => `${each.name}: ${crossing(each.type, name).seen}`).join(", ");
  const comment = doc === "" ? "" : `${doc.replace(/^\s*\*/gm, "   *").replace(/^/, "  ")}\n`;
  return `${comment}  ${name}(${seen}): ${result === "void" ? "void" : crossing(result, name).seen};`;
}

function showSignature({ name, parameters, result }: CoreFunction): string {
  const wasm = parameters.map(({ type }) => `"${crossing(type, name).wasm}"`).join(", ");
  const results = result === "void" ? "" : `"${crossing(result, name).wasm}"`;
  return `  ${name}: { parameters: [${wasm}], results: [${results}] },`;
}

/** A number where JavaScript has it exactly. */
function showConstant(value: bigint): string {
  return value <= BigInt(Number.MAX_SAFE_INTEGER) ? String(value) : `${value}n`;
}

function showStructure({ name, fields }: Structure): string {
  const named = fields.filter((field) => !/^reserved\d+$/.test(field.name));
  return `  ${name}: { ${named.map((field) => `${field.name}: ${field.offset}`).join(", ")} },`;
}

/** The text of `src/wasm/face.ts`. */
export function emitFace({ functions, structures, constants }: Face): string {
  return `/** What the core exports and how it lays out shared memory. Emitted by the build from core/ (tools/make/face.ts). */

/** Exported functions. Addresses and sizes are u32: a result that is an address needs \`>>> 0\`. */
export interface Core {
${functions.map(showFunction).join("\n")}
}

/** What the same functions are in WebAssembly. */
export const SIGNATURES = {
${functions.map(showSignature).join("\n")}
} as const;

/** Constants by the names that the core's source has. */
export const CONSTANTS = {
${[...constants].map(([name, value]) => `  ${name}: ${showConstant(value)},`).join("\n")}
} as const;

/** Offsets of fields in their structures, in bytes. */
export const LAYOUT = {
${structures.map(showStructure).join("\n")}
} as const;

/** Bytes of the structures up to the end of their last field. */
export const SIZES = {
${structures.map(({ name, bytes }) => `  ${name}: ${bytes},`).join("\n")}
} as const;
`;
}

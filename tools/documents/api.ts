/**
 * The public API as text: every name that the package's entries export, with its type, and the members of classes and
 * interfaces. `npm run api` writes it to test/api.txt, a test compares: so a change of the API shows in the diff.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import ts from "typescript";

const SNAPSHOT = "test/api.txt";

const ENTRIES: Readonly<Record<string, string>> = {
  anyctx: "src/index.ts",
  "anyctx/bpf": "src/load/index.ts",
  "anyctx/btf/linux-6.1": "src/bpf/shipped/linux-6.1.ts",
  "anyctx/btf/linux-6.12": "src/bpf/shipped/linux-6.12.ts",
  "anyctx/btf/linux-6.18": "src/bpf/shipped/linux-6.18.ts",
  "anyctx/sim": "src/sim/index.ts",
};

const FORMAT = ts.TypeFormatFlags.NoTruncation | ts.TypeFormatFlags.UseAliasDefinedOutsideCurrentScope;

function textOf(checker: ts.TypeChecker, type: ts.Type, at: ts.Node): string {
  return checker.typeToString(type, at, FORMAT);
}

/** Members that others can reach, in the order of their names. */
function membersOf(checker: ts.TypeChecker, type: ts.Type, at: ts.Node): string[] {
  return checker
    .getPropertiesOfType(type)
    .filter(({ name, valueDeclaration }) => {
      const flags = valueDeclaration === undefined ? 0 : ts.getCombinedModifierFlags(valueDeclaration);
      return !/^(__|#)/.test(name) && (flags & ts.ModifierFlags.Private) === 0;
    })
    .map((member) => {
      const optional = (member.flags & ts.SymbolFlags.Optional) !== 0 ? "?" : "";
      return `  ${member.name}${optional}: ${textOf(checker, checker.getTypeOfSymbolAtLocation(member, at), at)}`;
    })
    .sort();
}

const KINDS: readonly (readonly [ts.SymbolFlags, string])[] = [
  [ts.SymbolFlags.Class, "class"],
  [ts.SymbolFlags.Interface, "interface"],
  [ts.SymbolFlags.TypeAlias, "type"],
  [ts.SymbolFlags.Function, "function"],
  [ts.SymbolFlags.Variable, "const"],
];

function describe(checker: ts.TypeChecker, exported: ts.Symbol): string[] {
  const symbol = (exported.flags & ts.SymbolFlags.Alias) !== 0 ? checker.getAliasedSymbol(exported) : exported;
  const [at] = symbol.declarations ?? [];
  if (at === undefined) return [exported.name];
  const [flag = ts.SymbolFlags.None, kind = ""] = KINDS.find(([each]) => (symbol.flags & each) !== 0) ?? [];
  const isType = (flag & (ts.SymbolFlags.Class | ts.SymbolFlags.Interface | ts.SymbolFlags.TypeAlias)) !== 0;
  const type = isType ? checker.getDeclaredTypeOfSymbol(symbol) : checker.getTypeOfSymbolAtLocation(symbol, at);
  if (flag === ts.SymbolFlags.TypeAlias && ts.isTypeAliasDeclaration(at))
    return [
      `${kind} ${exported.name} = ${at.type
        .getText()
        .replace(/\/\*\*.*?\*\//gs, "")
        .replace(/\s+/g, " ")}`,
    ];
  if (!isType) return [`${kind} ${exported.name}: ${textOf(checker, type, at)}`];
  const statics = flag === ts.SymbolFlags.Class ? checker.getTypeOfSymbolAtLocation(symbol, at) : undefined;
  const shared =
    statics === undefined ? [] : membersOf(checker, statics, at).filter((text) => !/^ {2}prototype:/.test(text));
  return [
    `${kind} ${exported.name}`,
    ...shared.map((text) => text.replace("  ", "  static ")),
    ...membersOf(checker, type, at),
  ];
}

export function describeApi(): string {
  const { config } = ts.readConfigFile("tsconfig.json", ts.sys.readFile) as { config: { compilerOptions: unknown } };
  const { options } = ts.convertCompilerOptionsFromJson(config.compilerOptions, ".");
  const program = ts.createProgram(Object.values(ENTRIES), options);
  const checker = program.getTypeChecker();
  const parts = Object.entries(ENTRIES).map(([name, path]) => {
    const file = program.getSourceFile(path);
    const module = file === undefined ? undefined : checker.getSymbolAtLocation(file);
    if (module === undefined) throw new Error(`api: ${path} is no module`);
    const names = checker.getExportsOfModule(module).sort((a, b) => (a.name < b.name ? -1 : 1));
    return [`# ${name}`, "", ...names.flatMap((each) => [...describe(checker, each), ""])].join("\n");
  });
  return parts.join("\n");
}

export function readSnapshot(): string {
  return readFileSync(SNAPSHOT, "utf8");
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) writeFileSync(SNAPSHOT, describeApi());

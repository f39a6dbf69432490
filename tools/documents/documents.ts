/**
 * Code that a reader copies: the ts and js blocks of documents, and of `@example` in the source. What follows a fence's language
 * says what becomes of a block; a renderer ignores it.
 *
 * | fence | what |
 * |---|---|
 * | ```` ```ts ```` | a program: it compiles, and Node runs it |
 * | ```` ```ts continued ```` | goes on with the program before it |
 * | ```` ```ts browser ```` | a program for a page or a worklet: it compiles |
 * | ```` ```js worker.mjs ```` | a file of that name beside the document's programs: it compiles, and whoever starts it runs it |
 * | ```` ```text output ```` | all that the program before it prints |
 *
 * Where there is no output block, what a program prints is written behind its calls, as `console.log(1 + 1); // 2`.
 */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import ts from "typescript";
import { type Done, runChild } from "../child.ts";

const MILLISECONDS = 60_000;

/** A block: its lines lie at the places that they have in the document, so that what is wrong is named by its line there. */
interface Block {
  readonly line: number;
  readonly language: string;
  readonly mark: string;
  readonly lines: readonly string[];
}

export interface Program {
  /** The document and the line where it begins, as `docs/maps.md:12`. */
  readonly name: string;
  /** Where it is written to, below a folder. */
  readonly file: string;
  readonly text: string;
  /** Whether Node runs it: it is no file that others start, and not for a browser. */
  readonly runs: boolean;
  /** What it prints. */
  readonly output: string;
}

/** Of a source file only what its doc comments say, every line at its place. */
export function commentsOf(source: string): string {
  let inside = false;
  return source
    .split("\n")
    .map((line) => {
      if (/^\s*\/\*\*/.test(line)) inside = true;
      const text = inside ? line.replace(/^\s*(\/\*\*|\*(?!\/)) ?/, "") : "";
      if (line.includes("*/")) inside = false;
      return text;
    })
    .join("\n");
}

function blocksOf(path: string, text: string): Block[] {
  const blocks: Block[] = [];
  let open: { line: number; language: string; mark: string; lines: string[] } | undefined;
  for (const [index, line] of text.split("\n").entries()) {
    const [fence, language = "", mark = ""] = /^```(\w*) ?(.*)$/.exec(line) ?? [];
    if (open === undefined) {
      if (fence !== undefined) open = { line: index + 2, language, mark: mark.trim(), lines: [] };
    } else if (line === "```") {
      blocks.push(open);
      open = undefined;
    } else open.lines.push(line);
  }
  if (open !== undefined) throw new Error(`${path}:${open.line}: a block does not end`);
  return blocks;
}

const NAMED = /^[\w.-]+\.(mjs|js|mts|ts)$/;

function isCode({ language }: Block): boolean {
  return language === "ts" || language === "js";
}

/** What a program's comments say that it prints. */
function printed(lines: readonly string[]): string {
  const said = lines.flatMap((line) => /console\.log\(.*\);? *\/\/ (.*)$/.exec(line)?.slice(1) ?? []);
  return said.map((line) => `${line}\n`).join("");
}

/** Lines of a program at their places. */
function placed(blocks: readonly Block[]): string[] {
  const lines: string[] = [];
  for (const block of blocks) {
    while (lines.length < block.line - 1) lines.push("");
    lines.push(...block.lines);
  }
  return lines;
}

/** @throws {Error} a mark that there is not, or nothing that a block could belong to */
export function programsOf(path: string, text: string): Program[] {
  const groups: { blocks: Block[]; output: string | undefined }[] = [];
  for (const block of blocksOf(path, text)) {
    const { language, mark, line } = block;
    // A file that others start goes on with nothing and prints nothing itself.
    const last = groups.findLast(({ blocks: [first] }) => !NAMED.test(first?.mark ?? ""));
    const refuse = (why: string): Error => new Error(`${path}:${line}: ${why}`);
    if (isCode(block)) {
      if (mark === "continued") {
        if (last === undefined) throw refuse("there is no program to be continued");
        last.blocks.push(block);
      } else if (mark === "" || mark === "browser" || NAMED.test(mark))
        groups.push({ blocks: [block], output: undefined });
      else throw refuse(`a block is marked ${mark}, which means nothing`);
    } else if (language === "text" && mark === "output") {
      if (last === undefined) throw refuse("there is no program that prints this");
      last.output = `${last.output ?? ""}${block.lines.map((each) => `${each}\n`).join("")}`;
    }
  }
  const folder = path.replace(/\W/g, "_");
  const programs = groups.map(({ blocks, output }): Program => {
    const [{ line, mark, language }] = blocks as [Block];
    const lines = placed(blocks);
    const isNamed = NAMED.test(mark);
    return {
      name: `${path}:${line}`,
      file: join(folder, isNamed ? mark : `line-${line}.m${language}`),
      text: lines.join("\n"),
      runs: !isNamed && mark === "",
      output: output ?? printed(lines),
    };
  });
  const twice = programs.find(({ file }, index) => programs.findIndex((other) => other.file === file) !== index);
  if (twice !== undefined) throw new Error(`${twice.name}: the document has another ${basename(twice.file)}`);
  return programs;
}

const SOURCE = "source";
/** Where programs are once they are compiled, below the folder. */
export const COMPILED = "compiled";

/**
 * Compiles programs as a user's project would, strictly, against the package as it is built.
 * @param folder is made anew
 * @returns what is wrong with them
 */
export function compile(programs: readonly Program[], folder: string): string[] {
  rmSync(folder, { recursive: true, force: true });
  const from = join(folder, SOURCE);
  for (const { file, text } of programs) {
    mkdirSync(dirname(join(from, file)), { recursive: true });
    writeFileSync(join(from, file), text);
  }
  const { config } = ts.readConfigFile("tsconfig.json", ts.sys.readFile);
  const { options } = ts.convertCompilerOptionsFromJson(
    {
      ...config.compilerOptions,
      allowJs: true,
      checkJs: true,
      noEmit: false,
      declaration: false,
      isolatedDeclarations: false,
      allowImportingTsExtensions: false,
      inlineSourceMap: true,
      rootDir: from,
      outDir: join(folder, COMPILED),
    },
    ".",
  );
  const files = programs.map(({ file }) => join(from, file));
  const program = ts.createProgram([...files, "test/documents/worklet.d.ts"], { ...options });
  return [...ts.getPreEmitDiagnostics(program), ...program.emit().diagnostics].map(({ file, start, messageText }) => {
    const found = programs.find((each) => file?.fileName.endsWith(join(SOURCE, each.file)));
    const line = file === undefined ? 0 : file.getLineAndCharacterOfPosition(start ?? 0).line + 1;
    const place = found === undefined ? (file?.fileName ?? "") : found.name.replace(/\d+$/, String(line));
    return `${place}: ${ts.flattenDiagnosticMessageText(messageText, "\n")}`;
  });
}

/** Runs a program that has been compiled. */
export function runProgram({ file }: Program, folder: string): Promise<Done> {
  const path = join(folder, COMPILED, file.replace(/ts$/, "js"));
  return runChild(["--enable-source-maps", path], ".", MILLISECONDS);
}

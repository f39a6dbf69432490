/**
 * Text -> instructions, in the notation that `disassemble.ts` writes. One instruction a line; `name:` is a label that
 * `goto name` and `call name` may use; `;` and `//` start a comment; a leading `12:` instruction number is ignored.
 * Each row of the opcode table is turned into the pattern that matches its own text.
 */
import { checkText } from "../../arguments.ts";
import { AnyctxError } from "../../error.ts";
import { HELPERS, helperByName } from "../helpers/table.ts";
import { type Instruction, isWide, OPERATIONS, type Operation, wideTail } from "./instructions.ts";

interface Pattern {
  readonly operation: Operation;
  readonly expression: RegExp;
}

/** What each placeholder may look like in source text. */
const SYNTAX: Readonly<Record<string, string>> = {
  d: "\\d+",
  s: "\\d+",
  imm: "[-+]?\\d\\w*",
  imm64: "[-+]?\\d\\w*",
  off: "[-+]\\s*\\d\\w*",
  jump: "[-+]?\\s*\\w+",
  jump32: "[-+]?\\s*\\w+",
  callee: "pc[-+]\\d+|[A-Za-z_]\\w*",
  helper: `-?\\d\\w*|${HELPERS.map(({ name }) => name).join("|")}`,
};

function patternOf(operation: Operation): Pattern {
  const seen = new Set<string>();
  const source = operation.text
    .split(/(\{\w+\})/)
    .map((part) => {
      const field = /^\{(\w+)\}$/.exec(part)?.[1];
      if (field === undefined) return part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&").replace(/\s+/g, "\\s*");
      if (seen.has(field)) return `\\k<${field}>`;
      seen.add(field);
      return `(?<${field}>${SYNTAX[field] ?? ""})`;
    })
    .join("");
  return { operation, expression: new RegExp(`^${source}$`) };
}

const PATTERNS: readonly Pattern[] = OPERATIONS.map(patternOf);

interface Line {
  readonly number: number;
  readonly text: string;
}

function fail(line: Line, problem: string): never {
  throw new AnyctxError("EINVAL", `assembly line ${line.number} "${line.text}": ${problem}`);
}

const isInteger = (text: string): boolean => /^[-+]?\s*(0x[0-9a-fA-F]+|\d+)$/.test(text);

function parseInteger(text: string, line: Line, low: bigint, high: bigint): bigint {
  const compact = text.replace(/\s+/g, "");
  if (!isInteger(compact)) fail(line, `${compact} is not a number`);
  const magnitude = BigInt(compact.replace(/^[-+]/, ""));
  const value = compact.startsWith("-") ? -magnitude : magnitude;
  if (value < low || value > high) fail(line, `${compact} is not between ${low} and ${high}`);
  return value;
}

const INT32_LOW = -(2n ** 31n);

/** A 32-bit immediate may be written signed or unsigned. */
function parseImmediate(text: string, line: Line): number {
  return Number(BigInt.asIntN(32, parseInteger(text, line, INT32_LOW, 2n ** 32n - 1n)));
}

function parseRegister(text: string, line: Line): number {
  return Number(parseInteger(text, line, 0n, 10n));
}

type Labels = ReadonlyMap<string, number>;

function parseDistance(text: string, line: Line, at: number, labels: Labels, bits: 16 | 32): number {
  const high = 2n ** BigInt(bits - 1);
  if (isInteger(text)) return Number(parseInteger(text, line, -high, high - 1n));
  const target = labels.get(text);
  if (target === undefined) fail(line, `there is no label ${text}`);
  return Number(parseInteger(`${target - at - 1}`, line, -high, high - 1n));
}

function parseHelper(text: string, line: Line): number {
  if (isInteger(text)) return parseImmediate(text, line);
  return helperByName(text)?.id ?? fail(line, `there is no helper ${text}`);
}

const fixed = (field: number | "any"): number => (field === "any" ? 0 : field);

function build({ operation, expression }: Pattern, line: Line, at: number, labels: Labels): Instruction[] {
  const found = expression.exec(line.text)?.groups ?? {};
  const { d, s, imm, imm64, off, jump, jump32, callee, helper } = found;
  let immediate = fixed(operation.imm);
  if (imm !== undefined) immediate = parseImmediate(imm, line);
  if (jump32 !== undefined) immediate = parseDistance(jump32, line, at, labels, 32);
  if (callee !== undefined) immediate = parseDistance(callee.replace(/^pc(?=[-+])/, ""), line, at, labels, 32);
  if (helper !== undefined) immediate = parseHelper(helper, line);
  let offset = fixed(operation.offset);
  if (off !== undefined) offset = Number(parseInteger(off, line, -32768n, 32767n));
  if (jump !== undefined) offset = parseDistance(jump, line, at, labels, 16);
  const wide = imm64 === undefined ? undefined : parseInteger(imm64, line, -(2n ** 63n), 2n ** 64n - 1n);
  if (wide !== undefined) immediate = Number(BigInt.asIntN(32, wide));
  const slot: Instruction = {
    code: operation.code,
    dst: d === undefined ? fixed(operation.dst) : parseRegister(d, line),
    src: s === undefined ? fixed(operation.src) : parseRegister(s, line),
    offset,
    imm: immediate,
  };
  return isWide(slot) ? [slot, wideTail(wide ?? 0n)] : [slot];
}

/** Splits the text into instruction lines and labels by slot number. */
function layOut(text: string): { lines: { line: Line; at: number; pattern: Pattern }[]; labels: Labels } {
  const labels = new Map<string, number>();
  const lines: { line: Line; at: number; pattern: Pattern }[] = [];
  let at = 0;
  text.split("\n").forEach((raw, index) => {
    const stripped = raw.replace(/(;|\/\/).*$/, "").trim();
    const line: Line = { number: index + 1, text: stripped.replace(/^\d+:\s*/, "") };
    if (line.text === "") return;
    const label = /^([A-Za-z_]\w*):$/.exec(line.text)?.[1];
    if (label !== undefined) {
      if (labels.has(label)) fail(line, "this label was defined before");
      labels.set(label, at);
      return;
    }
    const pattern = PATTERNS.find(({ expression }) => expression.test(line.text));
    if (pattern === undefined) fail(line, "this is no BPF instruction");
    lines.push({ line, at, pattern });
    at += isWide({ code: pattern.operation.code, dst: 0, src: 0, offset: 0, imm: 0 }) ? 2 : 1;
  });
  return { lines, labels };
}

/** @throws {AnyctxError} EINVAL with the line when it is no instruction, a number is out of range, a label is missing. */
export function assemble(text: string): Instruction[] {
  checkText("assemble", "text", text);
  const { lines, labels } = layOut(text);
  return lines.flatMap(({ line, at, pattern }) => build(pattern, line, at, labels));
}

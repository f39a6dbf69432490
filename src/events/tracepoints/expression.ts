/**
 * The C expressions that stand as arguments in a `print fmt`, as a tree. Of casts only those to fewer than 8 bytes stay, which
 * may cut a number: what a field is, the format's fields say. What is not understood becomes `opaque`, so that one odd argument
 * does not cost an event.
 */
import { bytesOfType } from "./format.ts";

export type Expression =
  | { readonly kind: "number"; readonly value: bigint }
  | { readonly kind: "text"; readonly value: string }
  | { readonly kind: "name"; readonly name: string }
  | { readonly kind: "field"; readonly name: string; readonly index: number }
  | { readonly kind: "unary"; readonly operator: string; readonly operand: Expression }
  | { readonly kind: "cast"; readonly bytes: number; readonly signed: boolean; readonly operand: Expression }
  | { readonly kind: "binary"; readonly operator: string; readonly left: Expression; readonly right: Expression }
  | { readonly kind: "choice"; readonly test: Expression; readonly yes: Expression; readonly no: Expression }
  | { readonly kind: "call"; readonly name: string; readonly arguments: readonly Expression[] }
  | { readonly kind: "list"; readonly items: readonly Expression[] }
  /** What is not understood, with the fields that it is about. */
  | { readonly kind: "opaque"; readonly fields?: readonly string[] };

const TOKEN =
  /\s*(?:("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)')|(0[xX][0-9a-fA-F]+|\d+)[uUlL]*|([A-Za-z_]\w*)|(->|<<|>>|&&|\|\||==|!=|<=|>=|[-(){}[\],?:+*/%&|^~!<>.;=]))/y;

const PRECEDENCE: Readonly<Record<string, number>> = {
  "||": 1,
  "&&": 2,
  "|": 3,
  "^": 4,
  "&": 5,
  "==": 6,
  "!=": 6,
  "<": 7,
  ">": 7,
  "<=": 7,
  ">=": 7,
  "<<": 8,
  ">>": 8,
  "+": 9,
  "-": 9,
  "*": 10,
  "/": 10,
  "%": 10,
};

/** Deeper nesting than any format has; a made-up one must not overflow the stack. */
const MAX_DEPTH = 200;

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r", "0": "\0" };

/** The text between the quotes of a C string literal. */
function unquote(literal: string): string {
  return literal.slice(1, -1).replace(/\\(.)/g, (_, character: string) => ESCAPES[character] ?? character);
}

/** The tokens of a text, or undefined where something is none. */
function tokenize(text: string): string[] | undefined {
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  while (TOKEN.lastIndex < text.length) {
    const from = TOKEN.lastIndex;
    const match = TOKEN.exec(text);
    if (match === null) return text.slice(from).trim() === "" ? tokens : undefined;
    tokens.push(match[1] ?? match[2] ?? match[3] ?? match[4] ?? "");
  }
  return tokens;
}

/**
 * Splits `"format", argument, ...` of a `print fmt` at its outer commas.
 * @returns the format string without quotes and the arguments, or undefined if it does not begin with a string
 */
export function parsePrint(print: string): { format: string; arguments: Expression[] } | undefined {
  const tokens = tokenize(print.replace(/\(REC\)->/g, "REC->"));
  if (tokens === undefined) return undefined;
  let at = 0;
  let format = "";
  while (tokens[at]?.startsWith('"') === true) format += unquote(tokens[at++] ?? "");
  if (at === 0) return undefined;
  const parts: string[][] = [];
  let depth = 0;
  for (const token of tokens.slice(at)) {
    if (token === "," && depth === 0) parts.push([]);
    else parts.at(-1)?.push(token);
    if ("([{".includes(token)) depth++;
    if (")]}".includes(token)) depth--;
  }
  return { format, arguments: parts.map(parseTokens) };
}

/** Parses one expression; `opaque` where it is not understood to its end. */
function parseTokens(tokens: readonly string[]): Expression {
  const parser = { tokens, at: 0 };
  const expression = parseExpression(parser, 0);
  if (parser.at === tokens.length && expression !== undefined) return expression;
  const fields = tokens.filter(
    (token, at) => isName(token) && tokens[at - 1] === "->" && /^(REC|\))$/.test(tokens[at - 2] ?? ""),
  );
  return { kind: "opaque", fields };
}

/** What is parsed, and how far. Every function below steps over what it understands; undefined: it understands nothing. */
interface Parser {
  readonly tokens: readonly string[];
  at: number;
}

const isName = (token: string | undefined): token is string => token !== undefined && /^[A-Za-z_]/.test(token);

function accept(parser: Parser, token: string): boolean {
  return parser.tokens[parser.at] === token && ++parser.at > 0;
}

/** A whole expression with `?:`. */
function parseExpression(parser: Parser, depth: number): Expression | undefined {
  const test = parseBinary(parser, 1, depth);
  if (test === undefined || !accept(parser, "?")) return test;
  const yes = parseExpression(parser, depth + 1);
  if (yes === undefined || !accept(parser, ":")) return undefined;
  const no = parseExpression(parser, depth + 1);
  return no && { kind: "choice", test, yes, no };
}

/** Operands joined by operators that bind at least so tightly. */
function parseBinary(parser: Parser, least: number, depth: number): Expression | undefined {
  let left = parseOperand(parser, depth);
  while (left !== undefined) {
    const operator = parser.tokens[parser.at] ?? "";
    const precedence = PRECEDENCE[operator];
    if (precedence === undefined || precedence < least) return left;
    parser.at++;
    const right = parseBinary(parser, precedence + 1, depth + 1);
    left = right && { kind: "binary", operator, left, right };
  }
  return left;
}

function parseOperand(parser: Parser, depth: number): Expression | undefined {
  if (depth > MAX_DEPTH) return undefined;
  const type = acceptCast(parser);
  if (type !== undefined) return castTo(type, parseOperand(parser, depth + 1));
  const token = parser.tokens[parser.at++];
  if (token === undefined) return undefined;
  if (token === "(") {
    const inner = parseExpression(parser, depth + 1);
    return accept(parser, ")") ? inner : undefined;
  }
  if (token === "{") {
    const items = parseSequence(parser, "}", depth + 1);
    return items && { kind: "list", items };
  }
  if ("~!-+&*".includes(token)) {
    const inner = parseOperand(parser, depth + 1);
    return inner && { kind: "unary", operator: token, operand: inner };
  }
  if (token.startsWith('"')) return { kind: "text", value: unquote(token) + parseMoreText(parser) };
  if (token.startsWith("'")) return { kind: "number", value: BigInt(unquote(token).charCodeAt(0)) };
  if (/^\d/.test(token)) return { kind: "number", value: BigInt(token) };
  return isName(token) ? parseNamed(parser, token, depth + 1) : undefined;
}

/** Texts that follow are one with the first: `"APIC_" "ID"`. */
function parseMoreText(parser: Parser): string {
  let text = "";
  for (let token = parser.tokens[parser.at]; token?.startsWith('"') === true; token = parser.tokens[++parser.at])
    text += unquote(token);
  return text;
}

/** Steps over `(type)` or `(type *)` where an operand follows it. @returns the type */
function acceptCast(parser: Parser): string | undefined {
  const { tokens, at } = parser;
  let end = at + 1;
  while (isName(tokens[end]) || (end > at + 1 && tokens[end] === "*")) end++;
  const next = tokens[end + 1];
  // `(flags) & 3` is no cast, `(struct sockaddr *)&REC->address` is one.
  const address = next === "&" && tokens[end - 1] === "*";
  const operand = address || isName(next) || next === "(" || next === "~" || next === "!" || /^["\d]/.test(next ?? "");
  if (tokens[at] !== "(" || tokens[end] !== ")" || end === at + 1 || !operand) return undefined;
  parser.at = end + 1;
  return tokens.slice(at + 1, end).join(" ");
}

function castTo(type: string, operand: Expression | undefined): Expression | undefined {
  const bytes = bytesOfType(type);
  if (operand === undefined || bytes === undefined || bytes === 8) return operand;
  return { kind: "cast", bytes, signed: !/^(const )?(unsigned|_*u|bool)/.test(type), operand };
}

/** What begins with a name: a call, a field of the struct, or the name alone. */
function parseNamed(parser: Parser, name: string, depth: number): Expression | undefined {
  if (accept(parser, "(")) {
    if (name === "sizeof") return skipMeasured(parser);
    const items = parseSequence(parser, ")", depth);
    return items && { kind: "call", name, arguments: items };
  }
  if (name !== "REC" || !accept(parser, "->")) return { kind: "name", name };
  const field = parser.tokens[parser.at++];
  if (!isName(field)) return undefined;
  if (!accept(parser, "[")) return { kind: "field", name: field, index: 0 };
  const index = parser.tokens[parser.at++];
  if (!accept(parser, "]") || !/^\d+$/.test(index ?? "")) return undefined;
  return { kind: "field", name: field, index: Number(index) };
}

/** What a `sizeof` is of, up to its bracket: what follows from it, the data says too. */
function skipMeasured(parser: Parser): Expression | undefined {
  for (let open = 1; parser.at < parser.tokens.length; ) {
    const token = parser.tokens[parser.at++];
    open += token === "(" ? 1 : token === ")" ? -1 : 0;
    if (open === 0) return { kind: "opaque" };
  }
  return undefined;
}

/** Expressions up to the closing token. */
function parseSequence(parser: Parser, close: string, depth: number): Expression[] | undefined {
  const items: Expression[] = [];
  while (!accept(parser, close)) {
    if (items.length > 0 && !accept(parser, ",")) return undefined;
    const item = parser.tokens[parser.at] === close ? undefined : parseExpression(parser, depth);
    if (item === undefined) return undefined;
    items.push(item);
  }
  return items;
}

const holds = (test: boolean): bigint => (test ? 1n : 0n);

const BINARY: Readonly<Record<string, (left: bigint, right: bigint) => bigint | undefined>> = {
  "|": (left, right) => left | right,
  "^": (left, right) => left ^ right,
  "&": (left, right) => left & right,
  "+": (left, right) => left + right,
  "-": (left, right) => left - right,
  "*": (left, right) => left * right,
  "/": (left, right) => (right === 0n ? undefined : left / right),
  "%": (left, right) => (right === 0n ? undefined : left % right),
  "==": (left, right) => holds(left === right),
  "!=": (left, right) => holds(left !== right),
  "<": (left, right) => holds(left < right),
  ">": (left, right) => holds(left > right),
  "<=": (left, right) => holds(left <= right),
  ">=": (left, right) => holds(left >= right),
  "&&": (left, right) => holds(left !== 0n && right !== 0n),
  "||": (left, right) => holds(left !== 0n || right !== 0n),
  "<<": (left, right) => (right >= 0n && right < 64n ? left << right : undefined),
  ">>": (left, right) => (right >= 0n && right < 64n ? left >> right : undefined),
};

const UNARY: Readonly<Record<string, (value: bigint) => bigint>> = {
  "~": (value) => ~value,
  "-": (value) => -value,
  "+": (value) => value,
  "!": (value) => (value === 0n ? 1n : 0n),
};

/** The value of a constant expression as 64 bits, or undefined where it is none. */
export function evaluate(expression: Expression): bigint | undefined {
  const value = evaluateExact(expression);
  return value === undefined ? undefined : BigInt.asUintN(64, value);
}

function evaluateExact(expression: Expression): bigint | undefined {
  if (expression.kind === "number") return expression.value;
  if (expression.kind === "unary") {
    const operand = evaluateExact(expression.operand);
    return operand === undefined ? undefined : UNARY[expression.operator]?.(operand);
  }
  if (expression.kind === "cast") {
    const operand = evaluateExact(expression.operand);
    const cut = expression.signed ? BigInt.asIntN : BigInt.asUintN;
    return operand === undefined ? undefined : cut(expression.bytes * 8, operand);
  }
  // What a field holds is no constant.
  if (expression.kind === "call" && expression.name === "__builtin_constant_p") return 0n;
  if (expression.kind === "choice") {
    const test = evaluateExact(expression.test);
    return test === undefined ? undefined : evaluateExact(test === 0n ? expression.no : expression.yes);
  }
  if (expression.kind !== "binary") return undefined;
  const left = evaluateExact(expression.left);
  const right = evaluateExact(expression.right);
  if (left === undefined || right === undefined) return undefined;
  const value = BINARY[expression.operator]?.(left, right);
  return value === undefined ? undefined : BigInt.asIntN(128, value);
}

/** The fields of the struct that an expression looks at. */
export function fieldsOf(expression: Expression): string[] {
  switch (expression.kind) {
    case "field":
      return [expression.name];
    case "unary":
    case "cast":
      return fieldsOf(expression.operand);
    case "binary":
      return [expression.left, expression.right].flatMap(fieldsOf);
    case "choice":
      return [expression.test, expression.yes, expression.no].flatMap(fieldsOf);
    case "call":
      return expression.arguments.flatMap((each) => (each.kind === "name" ? [each.name] : fieldsOf(each)));
    case "list":
      return expression.items.flatMap(fieldsOf);
    case "opaque":
      return [...(expression.fields ?? [])];
    default:
      return [];
  }
}

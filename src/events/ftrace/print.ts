/**
 * From a `print fmt` to what its text says about the fields: the list of items a printed line consists of, each a piece
 * of fixed text or a value with the field it belongs to. The reverse of what the kernel does when it prints.
 *
 * Understood are numbers (also a part of a field: `REC->dev >> 20`), strings in place and appended, symbols, pointers,
 * and words: `__print_flags`, `__print_symbolic` and `test ? "a" : "b"`. Other values are stepped over.
 */
import type { EventField } from "../event.ts";
import { type Expression, evaluate, parsePrint } from "./expression.ts";
import type { FtraceFormat } from "./format.ts";

export type PrintItem =
  | { readonly kind: "literal"; readonly text: string }
  | {
      readonly kind: "number";
      readonly base: 10 | 16;
      readonly padded: boolean;
      readonly field: EventField;
      readonly index: number;
      /** The printed number is the field's bits from here up, `part`: one of several that make the field. */
      readonly shift: number;
      readonly part: boolean;
      /** `%#x`: in front of the digits stands `0x`, unless they are 0. */
      readonly prefixed: boolean;
    }
  | { readonly kind: "pointer"; readonly field: EventField; readonly index: number }
  | { readonly kind: "symbol"; readonly field: EventField }
  | { readonly kind: "string"; readonly field: EventField }
  | {
      readonly kind: "words";
      readonly field: EventField;
      readonly sets: readonly WordSet[];
      /** Some words stand for numbers that only the kernel knows: where one is printed the field is 0. */
      readonly uncertain: boolean;
    }
  | { readonly kind: "ignored" };

/** Words and the bits each stands for. With a delimiter several may be joined. A number in hex stands for itself. */
export interface WordSet {
  readonly words: ReadonlyMap<string, bigint>;
  readonly delimiter: string | undefined;
}

/** The bits that a printed text stands for, where each set gave one piece of it, in order; undefined: not such words. */
export function resolveWords(text: string, sets: readonly WordSet[]): bigint | undefined {
  const last = sets.at(-1);
  if (last === undefined) return text === "" ? 0n : undefined;
  if (sets.length === 1) return resolveSet(text, last);
  const endings = [...last.words].sort(([a], [b]) => b.length - a.length);
  for (const [word, bits] of endings) {
    if (!text.endsWith(word)) continue;
    const rest = resolveWords(text.slice(0, text.length - word.length), sets.slice(0, -1));
    if (rest !== undefined) return rest | bits;
  }
  return undefined;
}

function resolveSet(text: string, set: WordSet): bigint | undefined {
  const whole = set.words.get(text);
  if (whole !== undefined) return whole;
  if (text === "") return set.delimiter === undefined ? undefined : 0n;
  const words = set.delimiter === undefined || set.delimiter === "" ? [text] : text.split(set.delimiter);
  let bits = 0n;
  for (const word of words) {
    const value = set.words.get(word) ?? (/^0x[0-9a-f]{1,16}$/.test(word) ? BigInt(word) : undefined);
    if (value === undefined) return undefined;
    bits |= value;
  }
  return bits;
}

const CONVERSION = /%(?:%|([-+ #0]*)(\*|\d+)?(?:\.(\*|\d+))?(?:hh|h|ll|l|z|j|t|L|q)?([a-zA-Z])([A-Za-z0-9]*))/g;
/** Addresses of kprobe events: where the format says `%lx` the kernel prints symbols. */
const PROBE_ADDRESSES = /^__probe_(ip|func|ret_ip)$/;
const SYMBOL_POINTERS = new Set(["S", "s", "B", "F", "f"]);
const PLAIN_POINTERS = new Set(["", "K", "x"]);

/** The items of an event's printed line, in order. Empty when the `print fmt` cannot be read at all. */
export function printItems(format: FtraceFormat): PrintItem[] {
  const print = parsePrint(format.print);
  if (print === undefined) return [];
  const items: PrintItem[] = [];
  const values = [...print.arguments];
  let from = 0;
  const literal = (text: string): void => {
    const previous = items.at(-1);
    if (previous?.kind === "literal") items.splice(-1, 1, { kind: "literal", text: previous.text + text });
    else if (text !== "") items.push({ kind: "literal", text });
  };
  CONVERSION.lastIndex = 0;
  for (let match = CONVERSION.exec(print.format); match !== null; match = CONVERSION.exec(print.format)) {
    const [whole, flags = "", width, precision, type = "", behind = ""] = match;
    literal(print.format.slice(from, match.index));
    // Only after %p do letters belong to the conversion.
    from = match.index + whole.length - (type === "p" ? 0 : behind.length);
    CONVERSION.lastIndex = from;
    if (whole === "%%") {
      literal("%");
      continue;
    }
    if (width === "*") values.shift();
    if (precision === "*") values.shift();
    const value = values.shift() ?? { kind: "opaque" };
    items.push(itemOf(format, { type, extension: behind, flags, width }, value));
  }
  literal(print.format.slice(from));
  return onlyOnce(joinWords(items));
}

interface Conversion {
  readonly type: string;
  readonly extension: string;
  readonly flags: string;
  readonly width: string | undefined;
}

const IGNORED: PrintItem = { kind: "ignored" };

function itemOf(format: FtraceFormat, conversion: Conversion, value: Expression): PrintItem {
  if (conversion.type === "s") return textItem(format, value);
  const reference = partOf(value);
  const field = reference && format.fields.find((each) => each.name === reference.name);
  if (reference === undefined || field?.kind !== "number" || reference.index >= field.count) return IGNORED;
  const { index, shift, part } = reference;
  if (conversion.type === "p") {
    if (part || field.size / field.count !== 8) return IGNORED;
    if (SYMBOL_POINTERS.has(conversion.extension.slice(0, 1)) && index === 0) return { kind: "symbol", field };
    return PLAIN_POINTERS.has(conversion.extension) ? { kind: "pointer", field, index } : IGNORED;
  }
  if (conversion.type === "x" && PROBE_ADDRESSES.test(field.name)) return { kind: "symbol", field };
  const prefixed = conversion.flags.includes("#");
  if (!"diuxX".includes(conversion.type) || (prefixed && conversion.type.toLowerCase() !== "x")) return IGNORED;
  const base = conversion.type.toLowerCase() === "x" ? 16 : 10;
  const padded = conversion.width !== undefined && !conversion.flags.includes("0");
  return { kind: "number", base, padded, field, index, shift, part, prefixed };
}

function textItem(format: FtraceFormat, value: Expression): PrintItem {
  const named = (name: string): EventField | undefined => format.fields.find((each) => each.name === name);
  if (value.kind === "call" && /^__get_(rel_)?str$/.test(value.name)) {
    const [argument] = value.arguments;
    const field = argument?.kind === "name" ? named(argument.name) : undefined;
    return field?.kind === "dataLoc" || field?.kind === "relLoc" ? { kind: "string", field } : IGNORED;
  }
  if (value.kind === "field") {
    const field = named(value.name);
    return field?.kind === "chars" ? { kind: "string", field } : IGNORED;
  }
  const words = wordsOf(value);
  const field = words && named(words.field);
  if (words === undefined || field?.kind !== "number" || field.count !== 1) return IGNORED;
  return { kind: "words", field, sets: [words.set], uncertain: words.uncertain };
}

/** A field, or bits of one: `REC->x`, `REC->x >> 20`, `REC->x & 0xff`; or where it is shown: `REC->x != -1UL ? REC->x : 0`. */
function partOf(value: Expression): { name: string; index: number; shift: number; part: boolean } | undefined {
  if (value.kind === "field") return { name: value.name, index: value.index, shift: 0, part: false };
  if (value.kind === "choice") {
    const [yes, no] = [partOf(value.yes), partOf(value.no)];
    if (yes !== undefined) return evaluate(value.no) === undefined ? undefined : yes;
    return evaluate(value.yes) === undefined ? undefined : no;
  }
  if (value.kind !== "binary") return undefined;
  const inner = partOf(value.left);
  const amount = evaluate(value.right);
  if (inner === undefined || amount === undefined) return undefined;
  if (value.operator === "&") return { ...inner, part: true };
  if (value.operator !== ">>" || amount > 63n) return undefined;
  return { ...inner, shift: inner.shift + Number(amount), part: true };
}

interface FieldWords {
  readonly field: string;
  readonly set: WordSet;
  readonly uncertain: boolean;
}

/** The words an expression can print, with the bits of the field that each stands for. */
function wordsOf(value: Expression): FieldWords | undefined {
  if (value.kind === "call") return tableOf(value.name, value.arguments);
  if (value.kind !== "choice") return undefined;
  const test = testOf(value.test);
  if (test === undefined || value.no.kind !== "text") return undefined;
  if (value.yes.kind === "text") {
    const words = new Map([
      [value.no.value, 0n],
      [value.yes.value, test.bits],
    ]);
    return { field: test.field, set: { words, delimiter: undefined }, uncertain: false };
  }
  const inner = wordsOf(value.yes);
  if (inner === undefined || inner.field !== test.field) return undefined;
  const words = new Map([...inner.set.words, [value.no.value, 0n] as const]);
  return { ...inner, set: { words, delimiter: inner.set.delimiter } };
}

/** `__print_flags(value, "|", { bits, "word" }, ...)` and `__print_symbolic(value, { number, "word" }, ...)`. */
function tableOf(name: string, values: readonly Expression[]): FieldWords | undefined {
  const flags = /^__print_flags(_u64)?$/.test(name);
  if (!flags && !/^__print_symbolic(_u64)?$/.test(name)) return undefined;
  const [value, second] = values;
  const part = value && partOf(value);
  if (part === undefined || part.shift !== 0) return undefined;
  const words = new Map<string, bigint>();
  let uncertain = false;
  for (const row of values.slice(flags ? 2 : 1)) {
    const [bits, word] = row.kind === "list" ? row.items : [];
    if (bits === undefined || word?.kind !== "text" || words.has(word.value)) continue;
    const number = evaluate(bits);
    uncertain ||= number === undefined;
    words.set(word.value, number ?? 0n);
  }
  const delimiter = flags ? (second?.kind === "text" ? second.value : "|") : undefined;
  return { field: part.name, set: { words, delimiter }, uncertain };
}

/** What a test says of its field where it holds: the field itself is 1, or the lowest bit of the mask is set. */
function testOf(test: Expression): { field: string; bits: bigint } | undefined {
  if (test.kind === "field") return { field: test.name, bits: 1n };
  if (test.kind !== "binary") return undefined;
  const { left, right, operator } = test;
  if (operator === "&&" && evaluate(left) !== undefined) return evaluate(left) === 0n ? undefined : testOf(right);
  if (operator === "!=" && evaluate(right) === 0n) return testOf(left);
  const mask = evaluate(right);
  if (operator !== "&" || left.kind !== "field" || mask === undefined) return undefined;
  return { field: left.name, bits: mask & -mask };
}

/** Joins words of the same field that follow each other with nothing between: `prev_state=%s%s`. */
function joinWords(items: readonly PrintItem[]): PrintItem[] {
  const joined: PrintItem[] = [];
  for (const item of items) {
    const previous = joined.at(-1);
    if (item.kind === "words" && previous?.kind === "words" && previous.field === item.field)
      joined.splice(-1, 1, {
        ...previous,
        sets: [...previous.sets, ...item.sets],
        uncertain: previous.uncertain || item.uncertain,
      });
    else joined.push(item);
  }
  return joined;
}

/** A field whose whole number is printed needs no words: `vec=3 [action=NET_RX]`. */
function onlyOnce(items: readonly PrintItem[]): PrintItem[] {
  const whole = new Set<EventField>();
  for (const item of items)
    if (item.kind === "pointer" || (item.kind === "number" && !item.part)) whole.add(item.field);
  return items.map((item) => (item.kind === "words" && whole.has(item.field) ? IGNORED : item));
}

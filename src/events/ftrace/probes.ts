/**
 * Events of functions, which no format tells before they come: `p_vfs_read_0: (vfs_read+0x0/0x1b0) count=0x10 name="x"` of kprobes and
 * uprobes (`Documentation/trace/kprobetrace.rst`), with the function that returned behind `<-`, and `vfs_read <-ksys_read` of the function
 * tracer. The first line of each makes a row of the table of events; arguments are fields of 64 bits, or texts.
 */
import type { Target } from "../batch.ts";
import { type EventField, type FunctionEvent, fieldBit, ownFields } from "../event.ts";
import { storeBigInt } from "../integer.ts";
import type { FtraceFormat } from "../tracepoints/format.ts";
import { functionOf } from "../tracepoints/functions.ts";
import { bytesOf } from "./bytes.ts";
import type { SymbolTable } from "./symbols.ts";

/** An argument as it is printed. */
interface Argument {
  readonly name: string;
  readonly text: string;
}

/** What a line says. */
export interface ProbeLine {
  readonly function: FunctionEvent;
  readonly arguments: readonly Argument[];
}

/** `(vfs_read+0x0/0x1b0)`, `(ksys_read+0x5/0x10 <- vfs_read)`, `(0x401136)`, `(ffffffff8112)`; modules in brackets. */
const PLACE = /^\s*\((\S+?)(?: \[\S+\])?(?: <- (\S+?)(?: \[\S+\])?)?\)(?=\s|$)\s*/;
/** Also `vfs_read(file=0xffff888100, count=832) <-ksys_read`, as newer kernels print arguments. */
const TRACER = /^ ?([\w.]+)(?:\+0x[0-9a-f]+\/0x[0-9a-f]+)?(?: \[\S+\])?(?: <[0-9a-f]+>)?(?:\((.*)\))? <-\S/;
/** A text may have quotes and backslashes in it, which nobody marks: it ends where another argument can follow. */
const ARGUMENT =
  /([A-Za-z_]\w*)=(".*?"(?=,? [A-Za-z_]\w*=|\s*$)|'[\s\S]'|\{[^}]*\}|\([a-z ]+\)(?:\[[^\]]*\])?|[^\s,]+(?: \[\w+\](?=[\s,]|$))?)/g;

/** `name=value` pairs, apart by blanks or commas. */
export function argumentsIn(text: string): Argument[] {
  return [...text.matchAll(ARGUMENT)].map(([, name = "", value = ""]) => ({ name, text: value }));
}

/** A line of a probe's event. @param rest behind the event's name */
export function probeLine(event: string, rest: string): ProbeLine | undefined {
  const place = PLACE.exec(rest);
  if (place === null) return undefined;
  const [whole, first = "", returned] = place;
  const found = functionOf(event, returned ?? first);
  const at = returned !== undefined || event.endsWith("__return") ? "return" : "entry";
  return { function: { ...found, at }, arguments: argumentsIn(rest.slice(whole.length)) };
}

/** A line of the function tracer, from the function's name on. */
export function tracerLine(rest: string): ProbeLine | undefined {
  const [, name, args = ""] = TRACER.exec(rest) ?? [];
  return name === undefined ? undefined : { function: { name, offset: 0, at: "entry" }, arguments: argumentsIn(args) };
}

const isText = (text: string): boolean => text.startsWith('"') || text.startsWith("{");

/** Tells rows of the table apart. */
export function probeKey(event: string, { function: { name, offset, at }, arguments: args }: ProbeLine): string {
  return `${event} ${name}+${offset} ${at} ${args.map((arg) => `${arg.name}${isText(arg.text) ? "=text" : ""}`).join()}`;
}

const WORD = 8;
const PLACE_BYTES = 4;

/** A format for such lines: a word for each argument, in their order. */
export function probeFormat(event: string, line: ProbeLine, category: string): FtraceFormat {
  const number = (name: string, type: string, offset: number, size: number): EventField => ({
    ...{ name, type, offset, size, count: 1, kind: "number", signed: type === "int" },
  });
  const common = [
    ...[number("common_type", "unsigned short", 0, 2), number("common_flags", "unsigned char", 2, 1)],
    ...[number("common_preempt_count", "unsigned char", 3, 1), number("common_pid", "int", 4, 4)],
  ];
  const own = line.arguments.map(({ name, text }, index): EventField => {
    const offset = WORD * (index + 1);
    if (!isText(text)) return number(name, "u64", offset, WORD);
    return { name, type: "char", offset, size: PLACE_BYTES, count: 1, kind: "dataLoc", signed: false };
  });
  return { category, name: event, id: 0, fields: [...common, ...own], size: WORD * (own.length + 1), print: "" };
}

/** A value whose type is not known, and a struct that fits a register. */
const BARE = /^(?:\?|\([a-z]+\)\[)(0x[0-9a-f]{1,16})\]?$/;

function numberOf(printed: string, symbols: SymbolTable): bigint | undefined {
  const text = BARE.exec(printed)?.[1] ?? printed;
  if (/^\((null|nil)\)$/.test(text)) return 0n;
  if (/^'[\s\S]'$/.test(text)) return BigInt(text.charCodeAt(1));
  if (/^-?\d{1,20}$/.test(text) || /^0x[0-9a-f]{1,16}$/.test(text)) return BigInt.asUintN(64, BigInt(text));
  return text.startsWith("(") ? undefined : symbols.addressOf(text);
}

/** `"text"` with its NUL, or `{0x7f,0x0}`: bytes; undefined for others, and for what is cut. */
function bytesIn(text: string): Uint8Array | undefined {
  if (/^".*"$/.test(text)) return bytesOf(`${text.slice(1, -1)}\0`);
  if (!/^\{.*\}$/.test(text)) return undefined;
  const numbers = text.slice(1, -1).split(",").map(Number);
  return numbers.every((each) => Number.isInteger(each) && each >= 0 && each < 256)
    ? Uint8Array.from(numbers)
    : undefined;
}

/**
 * Stores the arguments of a line by their format. What cannot be read (`(fault)`) is 0.
 * @returns the fields that are not told, as bits; undefined: they do not fit
 */
export function storeProbe(
  { arguments: args }: ProbeLine,
  { fields, size }: FtraceFormat,
  target: Target,
  symbols: SymbolTable,
): bigint | undefined {
  let unread = 0n;
  target.end = target.start + size;
  if (target.end > target.limit) return undefined;
  for (const [index, field] of ownFields(fields).entries()) {
    const text = args[index]?.text ?? "";
    const at = target.start + field.offset;
    const told = field.kind === "number" ? numberOf(text, symbols) : bytesIn(text);
    if (told === undefined) unread |= 1n << BigInt(fieldBit(fields, field));
    else if (typeof told === "bigint") storeBigInt(target.view, at, WORD, told);
    else {
      if (target.end + told.length > target.limit) return undefined;
      target.view.setUint32(at, (told.length << 16) | (target.end - target.start), true);
      target.bytes.set(told, target.end);
      target.end += told.length;
    }
  }
  return unread;
}

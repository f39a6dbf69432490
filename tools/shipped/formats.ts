/**
 * Writes the formats of the running kernel's common events as data: `npm run formats`, as root where tracefs is mounted. What the kernel's
 * headers leave in a `print fmt` is worked out: constants of macros, names of enumerations (by the kernel's types).
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { release } from "node:os";
import { join } from "node:path";
import { readBtf } from "../../src/bpf/object/btf.ts";
import { type Expression, evaluate, parsePrint } from "../../src/events/tracepoints/expression.ts";
import { FORMATS_FILE, isCommonCategory } from "./common-events.ts";

const EVENTS = "/sys/kernel/tracing/events";
const TYPES = "/sys/kernel/btf/vmlinux";
const NUMBERS = "/usr/include/x86_64-linux-gnu/asm/unistd_64.h";

/** Numbers of enumerations by name; a name that two have with different numbers is none. */
function enumerations(): ReadonlyMap<string, bigint> {
  const numbers = new Map<string, bigint>();
  const odd = new Set<string>();
  for (const type of readBtf(readFileSync(TYPES), TYPES).btf.types) {
    if (type?.kind !== "enum") continue;
    for (const { name, value } of type.values) {
      if (numbers.has(name) && numbers.get(name) !== BigInt(value)) odd.add(name);
      numbers.set(name, BigInt(value));
    }
  }
  for (const name of odd) numbers.delete(name);
  return numbers;
}

/** Names of enumerations replaced by their numbers, outside of texts. */
function resolved(print: string, numbers: ReadonlyMap<string, bigint>): string {
  return print.replace(/"(?:[^"\\]|\\.)*"|(?<!->)\b[A-Za-z_]\w*\b/g, (word) => {
    const value = word.startsWith('"') ? undefined : numbers.get(word);
    return value === undefined ? word : String(value);
  });
}

const BARE = new Set(["number", "name", "field", "text", "call"]);

/** An expression as short as it can be written. */
function written(expression: Expression): string {
  const value = expression.kind === "number" ? undefined : evaluate(expression);
  if (value !== undefined) return value > 9n ? `0x${value.toString(16)}` : String(value);
  const inner = (each: Expression): string => (BARE.has(each.kind) ? written(each) : `(${written(each)})`);
  switch (expression.kind) {
    case "number":
      return String(expression.value);
    case "text":
      return JSON.stringify(expression.value);
    case "name":
      return expression.name;
    case "field":
      return `REC->${expression.name}${expression.index === 0 ? "" : `[${expression.index}]`}`;
    case "unary":
      return `${expression.operator}${inner(expression.operand)}`;
    case "cast":
      return `(${expression.signed ? "s" : "u"}${expression.bytes * 8})${inner(expression.operand)}`;
    case "binary":
      return `${inner(expression.left)} ${expression.operator} ${inner(expression.right)}`;
    case "choice":
      return `${inner(expression.test)} ? ${inner(expression.yes)} : ${inner(expression.no)}`;
    case "call":
      return `${expression.name}(${expression.arguments.map(written).join(", ")})`;
    case "list":
      return `{${expression.items.map(written).join(",")}}`;
    case "opaque":
      return `opaque(${(expression.fields ?? []).map((field) => `REC->${field}`).join(", ")})`;
  }
}

function shortPrint(print: string, numbers: ReadonlyMap<string, bigint>): string {
  const parsed = parsePrint(resolved(print, numbers));
  if (parsed === undefined) return '""';
  return [JSON.stringify(parsed.format), ...parsed.arguments.map(written)].join(", ");
}

interface Event {
  readonly category: string;
  readonly name: string;
  readonly id: string;
  /** `unsigned long call_site@8:8`, `s` behind it where it is signed. */
  readonly fields: readonly string[];
  readonly print: string;
}

function readEvent(category: string, name: string): Event {
  const text = readFileSync(join(EVENTS, category, name, "format"), "latin1");
  const fields = [...text.matchAll(/^\tfield:(.*?);\toffset:(\d+);\tsize:(\d+);\tsigned:(\d);$/gm)]
    .filter(([, declaration = ""]) => !/\bcommon_/.test(declaration))
    .map(([, declaration, offset, size, signed]) => `${declaration}@${offset}:${size}${signed === "1" ? "s" : ""}`);
  const print = /^print fmt: (.*)\n$/ms.exec(text)?.[1] ?? '""';
  return { category, name, id: /^ID: (\d+)$/m.exec(text)?.[1] ?? "0", fields, print };
}

/** Events of system calls whose names are not those of the calls. */
const CALLS: Readonly<Record<string, string>> = {
  ...{
    newstat: "stat",
    newfstat: "fstat",
    newlstat: "lstat",
    newuname: "uname",
    umount: "umount2",
    sendfile64: "sendfile",
  },
};

/** Calls that are newer than the header. */
const NEW_CALLS: Readonly<Record<string, number>> = {
  ...{
    uretprobe: 335,
    uprobe: 336,
    cachestat: 451,
    fchmodat2: 452,
    map_shadow_stack: 453,
    futex_wake: 454,
    futex_wait: 455,
  },
  ...{ futex_requeue: 456, statmount: 457, listmount: 458, lsm_get_self_attr: 459, lsm_set_self_attr: 460 },
  ...{ lsm_list_modules: 461, mseal: 462, setxattrat: 463, getxattrat: 464, listxattrat: 465, removexattrat: 466 },
  ...{ open_tree_attr: 467, file_getattr: 468, file_setattr: 469 },
};

function callNumbers(): ReadonlyMap<string, string> {
  const found = [...readFileSync(NUMBERS, "utf8").matchAll(/^#define __NR_(\w+) (\d+)$/gm)];
  return new Map(found.map(([, name = "", number = ""]) => [name, number]));
}

/** A system call in one line: its number, the ids of its two events, its arguments. */
function callLine(enter: Event, exit: Event | undefined, numbers: ReadonlyMap<string, string>): string {
  const call = enter.name.replace("sys_enter_", "");
  const number = numbers.get(CALLS[call] ?? call) ?? NEW_CALLS[call] ?? "-";
  const names = enter.fields.slice(1).map((field) => field.replace(/@.*$/, ""));
  return ["call", call, number, enter.id, exit?.id ?? "-", names.join(";")].join("\t");
}

/** Lists that several formats have, written once. */
function shareLists(lines: readonly string[]): string[] {
  const LIST = /\{[^{}]*\}(?:, \{[^{}]*\})+/g;
  const counts = new Map<string, number>();
  for (const line of lines) for (const [list] of line.matchAll(LIST)) counts.set(list, (counts.get(list) ?? 0) + 1);
  const shared = [...counts].filter(([list, count]) => (count - 1) * list.length > 60).map(([list]) => list);
  const names = new Map(shared.map((list, index) => [list, `$${index}$`]));
  const replaced = lines.map((line) => line.replace(LIST, (list) => names.get(list) ?? list));
  return [...[...names].map(([list, name]) => `list\t${name}\t${list}`), ...replaced];
}

const numbers = enumerations();
const calls = callNumbers();
const events = readdirSync(EVENTS, { withFileTypes: true })
  .filter((entry) => entry.isDirectory() && isCommonCategory(entry.name))
  .flatMap(({ name: category }) =>
    readdirSync(join(EVENTS, category), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map(({ name }) => readEvent(category, name)),
  )
  .sort((a, b) => `${a.category}/${a.name}`.localeCompare(`${b.category}/${b.name}`, "en"));
const isCall = ({ category }: Event): boolean => category === "syscalls";
const callLines = events
  .filter((event) => isCall(event) && event.name.startsWith("sys_enter_"))
  .map((enter) =>
    callLine(
      enter,
      events.find(({ name }) => name === enter.name.replace("enter", "exit")),
      calls,
    ),
  );
const lines = shareLists(
  events
    .filter((event) => !isCall(event))
    .map(({ category, name, id, fields, print }) =>
      ["event", category, name, id, fields.join(";"), shortPrint(print, numbers)].join("\t"),
    ),
);
const kernel = release().replace(/^(\d+\.\d+).*/, "$1");
const text = [...lines, ...callLines].join("\n");
writeFileSync(
  FORMATS_FILE,
  `/** Written by tools/shipped/formats.ts: formats of the common events of Linux ${kernel} on x86-64. The syntax is in kernel-formats.ts. */\n` +
    `export const KERNEL = ${JSON.stringify(kernel)} as string;\n\nexport const FORMATS_TEXT: string = String.raw\`\n${text.replaceAll("`", "\\x60")}\n\`;\n`,
);
console.log(`${FORMATS_FILE}: ${events.length} events of Linux ${kernel}`);

/**
 * The formats of the common events of one kernel (`KERNEL`), so that an ordinary recording is read without `--formats`. As data of a
 * module they load in a browser too. An event is taken apart when it is first asked for.
 *
 * `linux-formats.ts` has a line for each, its columns apart by tabs:
 * ```
 * list   $0$       {1,"S"}, {2,"D"}                  what stands for it in the lines below
 * event  category  name  id  field;field  print fmt  a field: `unsigned long call_site@8:8s`: offset, size, s: signed
 * call   name      number  id of sys_enter_  id of sys_exit_  type argument;type argument
 * ```
 */
import type { EventField } from "../event.ts";
import { type FtraceFormat, fieldOf, structSize } from "./format.ts";
import { FORMATS_TEXT, KERNEL } from "./linux-formats.ts";

/** The kernel that the formats are of: `6.18`. */
export const KERNEL_VERSION: string = KERNEL;

/** What every tracepoint's struct begins with. */
const COMMON: readonly string[] = [
  "unsigned short common_type@0:2",
  "unsigned char common_flags@2:1",
  "unsigned char common_preempt_count@3:1",
  "int common_pid@4:4s",
];
const CALL_NUMBER = "int __syscall_nr@8:4s";
const WORD = 8;

function fieldsOf(list: string): EventField[] {
  const own = list === "" ? [] : list.split(";");
  return [...COMMON, ...own].flatMap((text) => {
    const [, declaration = "", offset, size, signed] = /^(.*)@(\d+):(\d+)(s?)$/.exec(text) ?? [];
    return fieldOf(declaration, Number(offset), Number(size), signed === "s") ?? [];
  });
}

/** A format whose fields and print are worked out when they are first asked for. */
export function lazily(
  head: { readonly category: string; readonly name: string; readonly id: number },
  make: () => { readonly fields: readonly EventField[]; readonly print: string },
): FtraceFormat {
  let made: { readonly fields: readonly EventField[]; readonly print: string; readonly size: number } | undefined;
  const get = (): NonNullable<typeof made> => {
    if (made === undefined) {
      const { fields, print } = make();
      made = { fields, print, size: structSize(fields) };
    }
    return made;
  };
  return {
    ...head,
    get fields() {
      return get().fields;
    },
    get size() {
      return get().size;
    },
    get print() {
      return get().print;
    },
  };
}

/** The two events of a system call. */
function callFormats([name, , entered, left, list = ""]: readonly string[]): FtraceFormat[] {
  const declarations = list === "" ? [] : list.split(";");
  const places = declarations.map((declaration, index) => `${declaration}@${2 * WORD + index * WORD}:${WORD}`);
  const names = declarations.map((declaration) => /(\w+)(?:\[\])?$/.exec(declaration)?.[1] ?? "");
  const shown = names.map((each) => `${each}: 0x%08lx`).join(", ");
  const print = [`"${shown}"`, ...names.map((each) => `REC->${each}`)].join(", ");
  const category = "syscalls";
  return [
    lazily({ category, name: `sys_enter_${name}`, id: Number(entered) }, () => ({
      fields: fieldsOf([CALL_NUMBER, ...places].join(";")),
      print,
    })),
    lazily({ category, name: `sys_exit_${name}`, id: Number(left) || 0 }, () => ({
      fields: fieldsOf([CALL_NUMBER, "long ret@16:8s"].join(";")),
      print: '"0x%lx", REC->ret',
    })),
  ];
}

function readFormats(): { formats: FtraceFormat[]; numbers: Map<string, number> } {
  const formats: FtraceFormat[] = [];
  const lists = new Map<string, string>();
  const numbers = new Map<string, number>();
  for (const line of FORMATS_TEXT.trim().split("\n")) {
    const [kind, ...columns] = line.split("\t");
    if (kind === "list") lists.set(columns[0] ?? "", columns[1] ?? "");
    else if (kind === "call") {
      formats.push(...callFormats(columns));
      if (columns[1] !== "-") numbers.set(columns[0] ?? "", Number(columns[1]));
    } else {
      const [category = "", name = "", id = "0", fields = "", print = ""] = columns;
      const whole = (): string => print.replace(/\$\d+\$/g, (list) => lists.get(list) ?? list);
      formats.push(lazily({ category, name, id: Number(id) }, () => ({ fields: fieldsOf(fields), print: whole() })));
    }
  }
  return { formats, numbers };
}

const READ = readFormats();

export const KERNEL_FORMATS: readonly FtraceFormat[] = READ.formats;

/** The number of a system call on x86-64, by the name of one of its events: no line prints it. */
export function callNumberOf(event: string): number | undefined {
  const [, name] = /^sys_(?:enter|exit)_(\w+)$/.exec(event) ?? [];
  return name === undefined ? undefined : READ.numbers.get(name);
}

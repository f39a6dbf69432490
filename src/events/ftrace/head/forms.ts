/**
 * What stands before an event's name where it is not in the columns of tracefs' `trace`: its latency format, plain and verbose, what
 * trace-cmd reports and what perf prints. A row a form, tried in turn; the form of the last line is tried first.
 */
import { levelOf } from "../../tracepoints/entry.ts";
import { bytesOf, textOf } from "../bytes.ts";
import { columnOf, type EventPlace, FORMS, type Printer } from "./event-name.ts";
import type { Head, HeadReader } from "./head.ts";
import { perfColumns } from "./perf.ts";

/** What a form found, in words of the line. */
interface Found {
  /** undefined: the line does not say. */
  readonly comm: string | undefined;
  readonly pid: string;
  readonly tgid?: string | undefined;
  readonly cpu: string;
  readonly flags?: string | undefined;
  /** Whole nanoseconds. */
  readonly time: bigint | undefined;
  /** Behind the time: the event's name and its fields. */
  readonly rest: string;
}

interface LineForm {
  readonly name: string;
  readonly found: (line: string) => Found | undefined;
}

/** A form that a pattern tells by what it captures. */
const byPattern =
  (pattern: RegExp, found: (match: readonly (string | undefined)[]) => Found): LineForm["found"] =>
  (line) => {
    const match = pattern.exec(line);
    return match === null ? undefined : found(match);
  };

/** The forms of tools of user space: perf's lines may have more columns behind the fields. */
const PERF = "perf script";
const REPORT = "report -l";
/** What the kernel prints for a task whose name it does not know. */
const UNNAMED = bytesOf("<...>");

const MICRO = 1000n;

/** `4782.088046`, `4782.088046123`: seconds with a point, as nanoseconds; `1459676000000` as what it counts. */
function seconds(text: string): bigint | undefined {
  const [whole = "", fraction] = text.split(".");
  if (!/^\d{1,18}$/.test(whole)) return undefined;
  return fraction === undefined
    ? BigInt(whole)
    : BigInt(whole) * 1_000_000_000n + BigInt(fraction.padEnd(9, "0").slice(0, 9));
}

const LINE_FORMS: readonly LineForm[] = [
  {
    // `    bash-15124     0d..2. 9791us#: sched_switch: ...`; counting clocks have no unit.
    name: "latency",
    found: byPattern(
      /^\s*(.{0,16}?)-(\d+)\s+(\d+)([.dDbBX][^\s\d][^\s]{2,5})\s+(\d+)(us)?\s?[ !+#*@$]?: (.*)$/s,
      ([, comm = "", pid = "", cpu = "", flags = "", time = "", unit, rest = ""]) => ({
        ...{ comm, pid, cpu, flags, rest },
        time: BigInt(time) * (unit === undefined ? 1n : MICRO),
      }),
    ),
  },
  {
    // `  bash   15124   0 1 00000002 00000000 [a0c3129f1] 9.445ms (+1.014ms): sched_switch: ...`
    name: "verbose",
    found: byPattern(
      /^\s*(.{1,16}?)\s+(\d+)\s+(\d+)\s+(\d+)\s+([0-9a-f]{8})\s+[0-9a-f]{8}\s+\[([0-9a-f]+)\]\s+([\d.]+)(ms)?\s+\([^)]*\): (.*)$/s,
      ([, comm = "", pid = "", cpu = "", flags = "", preempt = "", absolute = "", , unit, rest = ""]) => ({
        ...{ comm, pid, cpu, rest },
        flags: `common ${flags} ${preempt}`,
        time: BigInt(`0x${absolute}`) * (unit === undefined ? 1n : MICRO),
      }),
    ),
  },
  {
    // trace-cmd report -l: `    bash-16414   0d.h.. 43255.088014: softirq_raise:        vec=1 ...`
    name: REPORT,
    found: byPattern(
      /^\s*(.{0,16}?)-(\d+)\s+(\d+)([.dDbBX?][^\s\d][^\s]{1,5})\s+(\d+(?:\.\d+)?):\s+(?:\(\+\d+\)\s*)?(.*)$/s,
      ([, comm = "", pid = "", cpu = "", flags = "", time = "", rest = ""]) => ({
        ...{ comm, pid, cpu, flags, rest },
        time: seconds(time),
      }),
    ),
  },
  {
    name: PERF,
    found: (line) => {
      const columns = perfColumns(line);
      return columns && { ...columns, time: seconds(columns.time) };
    },
  },
];

export interface FormReader {
  /** The last line that was read is one of perf's, and may have more than its fields behind the head. */
  readonly isPerf: boolean;
  /** It is one of trace-cmd's or perf's. */
  readonly isOfTool: boolean;
  /** Times of perf's are those since the event before (`--deltatime`): one is before another that came earlier, and the first was 0. */
  readonly tellsDistances: boolean;
  /** Reads the head of the line at `from..to` into the head reader's `head`; false where no form fits. */
  read(line: Uint8Array, from: number, to: number): boolean;
}

/** A head of any form has more bytes: shorter lines are not looked at. */
const SHORTEST = 20;

/** A name of an event, in perf's form with its category in front, or a system call. */
const NAMED = /^(?:[\w-]+:)?(\w+): */;
/** One of a counter of perf's, with its modifiers: `cpu-clock:pppH:`, `cache-misses:`. */
const COUNTER = /^(\w+(?:[-/][\w./=,-]*)?)(?::[ukhpPGHSDWeIb]{1,6})?:(?: +(?![ (])|$)/;
const CALL = /^(sys_\w+)(\(| -> )/;
/** A function and who called it. */
const FUNCTION = /^ ?([\w.]+)(?:[+ (].*)? <-\S/;

export function createFormReader({ head, readFlagColumn, fill: fillRecord }: HeadReader): FormReader {
  let last = LINE_FORMS[0] as LineForm;
  let [first, latest] = [-1n, -1n];
  const noteTime = (time: bigint): void => {
    if (first < 0n) first = time;
    tellsDistances ||= first === 0n && time < latest;
    latest = time;
  };
  let tellsDistances = false;
  return {
    get isPerf() {
      return last.name === PERF;
    },
    get isOfTool() {
      return last.name === PERF || last.name === REPORT;
    },
    get tellsDistances() {
      return tellsDistances;
    },
    read(line, from, to) {
      if (to - from < SHORTEST) return false;
      const text = textOf(line, from, to);
      for (const form of [last, ...LINE_FORMS.filter((each) => each !== last)]) {
        const found = form.found(text);
        if (found === undefined || !fill(head, found, from, text, to, form.name === REPORT ? "tool" : "kernel"))
          continue;
        if (!fillFlags(head, found.flags, readFlagColumn)) continue;
        fillRecord(found.comm === undefined ? UNNAMED : line);
        last = form;
        if (form.name === PERF) noteTime(found.time ?? 0n);
        return true;
      }
      return false;
    },
  };
}

/** @param line what stands at `from..to` @param printer who printed the line */
function fill(head: Head, found: Found, from: number, line: string, to: number, printer: Printer): boolean {
  if (found.time === undefined || found.time < 0n || found.time >> 63n !== 0n) return false;
  const place = placeIn(found.rest, printer);
  if (place === undefined) return false;
  head.commFrom = found.comm === undefined ? 0 : from + line.indexOf(found.comm);
  head.commTo = head.commFrom + (found.comm ?? "<...>").length;
  head.pid = Math.max(0, Number(found.pid));
  head.tgid = Number(found.tgid ?? 0);
  head.cpu = Number(found.cpu);
  head.seconds = Number(found.time / 1_000_000_000n);
  head.nanoseconds = Number(found.time % 1_000_000_000n);
  const rest = to - found.rest.length;
  head.nameFrom = rest + place.nameFrom;
  head.nameTo = rest + place.nameTo;
  head.form = place.form;
  head.fields = rest + place.fields;
  return head.pid <= 0x7fffffff && head.cpu <= 0xffff;
}

/** Where the event stands in what is behind the time. */
function placeIn(rest: string, printer: Printer): EventPlace | undefined {
  const named = COUNTER.exec(rest) ?? NAMED.exec(rest);
  const call = named === null ? CALL.exec(rest) : null;
  const traced = named === null && call === null ? FUNCTION.exec(rest) : null;
  const [whole, name] = named ?? call ?? traced ?? [];
  if (whole === undefined || name === undefined) return undefined;
  const nameFrom = named !== null ? whole.lastIndexOf(`${name}:`) : whole.indexOf(name);
  const place = { nameFrom, nameTo: nameFrom + name.length };
  if (traced !== null) return { ...place, form: FORMS.function, fields: nameFrom };
  if (call !== null) return { ...place, form: call[2] === "(" ? FORMS.enter : FORMS.exit, fields: whole.length };
  const bare = whole.trimEnd().length;
  return { ...place, form: FORMS.named, fields: bare + columnOf(whole.length - bare, name.length, printer) };
}

/** The flags column, or none; `common 16 00000002` are the numbers themselves. */
function fillFlags(head: Head, flags: string | undefined, readFlagColumn: (flags: string) => boolean): boolean {
  head.common = 0;
  head.level = 0;
  head.preempt = 0;
  head.migrate = 0;
  if (flags === undefined) return true;
  const [, common, preempt] = /^common (\d+) ([0-9a-f]+)$/.exec(flags) ?? [];
  if (common === undefined || preempt === undefined) return readFlagColumn(flags);
  head.common = Number(common) & 0xff;
  head.preempt = Number.parseInt(preempt, 16) & 0xf;
  head.migrate = (Number.parseInt(preempt, 16) >> 4) & 0xf;
  head.level = levelOf(head.common);
  return true;
}

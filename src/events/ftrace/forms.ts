/**
 * What stands before an event's name where it is not in the columns of tracefs' `trace`: its latency format, plain and verbose, what
 * trace-cmd reports and what perf prints. A row a form, tried in turn; the form of the last line is tried first.
 */
import { levelOf } from "../tracepoints/entry.ts";
import { textOf } from "./bytes.ts";
import { FORMS, type Head, type HeadReader } from "./head.ts";

/** What a form found, in words of the line. */
interface Found {
  readonly comm: string;
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
  readonly pattern: RegExp;
  readonly found: (match: RegExpExecArray) => Found;
}

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
    pattern: /^\s*(.{0,16}?)-(\d+)\s+(\d+)([.dDbBX][^\s\d][^\s]{2,5})\s+(\d+)(us)?\s?[ !+#*@$]?: (.*)$/s,
    found: ([, comm = "", pid = "", cpu = "", flags = "", time = "", unit, rest = ""]) => ({
      ...{ comm, pid, cpu, flags, rest },
      time: BigInt(time) * (unit === undefined ? 1n : MICRO),
    }),
  },
  {
    // `  bash   15124   0 1 00000002 00000000 [a0c3129f1] 9.445ms (+1.014ms): sched_switch: ...`
    name: "verbose",
    pattern:
      /^\s*(.{1,16}?)\s+(\d+)\s+(\d+)\s+(\d+)\s+([0-9a-f]{8})\s+[0-9a-f]{8}\s+\[([0-9a-f]+)\]\s+([\d.]+)(ms)?\s+\([^)]*\): (.*)$/s,
    found: ([, comm = "", pid = "", cpu = "", flags = "", preempt = "", absolute = "", , unit, rest = ""]) => ({
      ...{ comm, pid, cpu, rest },
      flags: `common ${flags} ${preempt}`,
      time: BigInt(`0x${absolute}`) * (unit === undefined ? 1n : MICRO),
    }),
  },
  {
    // trace-cmd report -l: `    bash-16414   0d.h.. 43255.088014: softirq_raise:        vec=1 ...`
    name: "report -l",
    pattern: /^\s*(.{0,16}?)-(\d+)\s+(\d+)([.dDbBX?][^\s\d][^\s]{1,5})\s+(\d+(?:\.\d+)?): (.*)$/s,
    found: ([, comm = "", pid = "", cpu = "", flags = "", time = "", rest = ""]) => ({
      ...{ comm, pid, cpu, flags, rest },
      time: seconds(time),
    }),
  },
  {
    // perf script: `  bash 16414/16414 [000] 43255.088014:  sched:sched_wakeup: comm=...`
    name: "perf script",
    pattern:
      /^\s*(.{1,16}?)\s+(?:(-?\d+)\/\s*)?(-?\d+)\s+\[(\d+)\]\s+(?:([.dDbBX][^\s]{3,6})\s+)?(\d+\.\d+):\s+(?:\d+\s+)?(.*)$/s,
    found: ([, comm = "", tgid, pid = "", cpu = "", flags, time = "", rest = ""]) => ({
      ...{ comm, pid, cpu, rest, tgid, flags },
      time: seconds(time),
    }),
  },
];

export interface FormReader {
  /** Reads the head of the line at `from..to` into the head reader's `head`; false where no form fits. */
  read(line: Uint8Array, from: number, to: number): boolean;
}

/** A head of any form has more bytes: shorter lines are not looked at. */
const SHORTEST = 20;

/** A name of an event, in perf's form with its category in front, or a system call. */
const NAMED = /^(?:[\w-]+:)?(\w+): */;
const CALL = /^(sys_\w+)(\(| -> )/;

export function createFormReader({ head, readFlagColumn, fill: fillRecord }: HeadReader): FormReader {
  let last = LINE_FORMS[0] as LineForm;
  return {
    read(line, from, to) {
      if (to - from < SHORTEST) return false;
      const text = textOf(line, from, to);
      for (const form of [last, ...LINE_FORMS.filter((each) => each !== last)]) {
        const match = form.pattern.exec(text);
        if (match === null) continue;
        const found = form.found(match);
        if (!fill(head, found, from, from + match.index + text.indexOf(found.comm), to)) continue;
        if (!fillFlags(head, found.flags, readFlagColumn)) continue;
        fillRecord(line);
        last = form;
        return true;
      }
      return false;
    },
  };
}

/** @param commFrom where the task's name begins in the line, `to` where the line ends */
function fill(head: Head, found: Found, from: number, commFrom: number, to: number): boolean {
  if (found.time === undefined || found.time < 0n || found.time >> 63n !== 0n) return false;
  const named = NAMED.exec(found.rest);
  const call = named === null ? CALL.exec(found.rest) : null;
  const name = named?.[1] ?? call?.[1];
  if (name === undefined) return false;
  head.commFrom = Math.max(from, commFrom);
  head.commTo = head.commFrom + found.comm.length;
  head.pid = Math.max(0, Number(found.pid));
  head.tgid = Number(found.tgid ?? 0);
  head.cpu = Number(found.cpu);
  head.seconds = Number(found.time / 1_000_000_000n);
  head.nanoseconds = Number(found.time % 1_000_000_000n);
  const rest = to - found.rest.length;
  const nameAt = rest + (named === null ? 0 : named[0].lastIndexOf(`${name}:`));
  head.nameFrom = nameAt;
  head.nameTo = nameAt + name.length;
  head.form = named !== null ? FORMS.named : call?.[2] === "(" ? FORMS.enter : FORMS.exit;
  head.fields = rest + (named ?? call ?? [""])[0].length;
  return head.pid <= 0x7fffffff && head.cpu <= 0xffff;
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

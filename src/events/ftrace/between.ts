/** What is printed around events and in front of them, and lines that are none and have a meaning all the same: losses. */
import { textOf } from "./bytes.ts";

/** What the kernel prints, and trace-cmd. */
const LOST: readonly RegExp[] = [
  /^\s*(?:CPU:\s*\d+ )?\[(?:LOST (?:(\d+) )?EVENTS|(?:(\d+) )?EVENTS DROPPED)\]\s*$/,
  // So often has a task called too deep for function_graph, all in all.
  /^\s*\(Overruns: 0*[1-9]\d*\)\s*$/,
  /\bPERF_RECORD_LOST(?:_SAMPLES)?:? lost(?: samples)? (\d+)\s*$/,
];
/** What perf notes beside samples, where it was asked for (`--show-task-events`): where a task or its memory comes or goes. */
const NOTE_OF_PERF = /^.{0,120}?\bPERF_RECORD_[A-Z][A-Z0-9_]+\b|^\t\t[[ ]\d+\/\w+: /;
/** A stack below an event, as the kernel, trace-cmd and perf print it; what tools print in front of all. */
const ANNOTATION = /^\s*(?:=>.*)?$|^\s+[0-9a-f]{4,16} .*\)$|^(?:cpus=\d+|version = \d+|CPU \d+ is empty)$/;
/** Of function_graph: lines around one that says that another task came to run, and where an interrupt begins and ends. */
const GRAPH_ANNOTATION =
  /^\s*\(Overruns: 0+\)\s*$|^\s*-{20,}\s*$|^\s*\d+\)\s.*-\d+\s+=>\s.*-\d+\s*$|\s(?:={6,}>|<={6,}) \|\s*$/;

/**
 * `[   12.345680] ` of the kernel's log, into which it writes what it has recorded when it crashes; with who printed it. `dmesg -T` and
 * journals put the time of day there, or in front.
 */
const STAMPS: readonly RegExp[] = [
  /^(?:<\d+>)?\[ *\d+\.\d+\](?:\[ *[TC]\d+\])? ?/,
  /^\[[A-Z][a-z]{2} [A-Z][a-z]{2} [ \d]\d [\d:]{8} \d{4}\] ?/,
  /^\d{4}-\d\d-\d\dT[\d:]{8},\d+[-+]\d\d:\d\d /,
  /^(?:[A-Z][a-z]{2} [ \d]\d [\d:]{8}(?:\.\d+)?|\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[-+]\d\d:?\d\d)) \S+ kernel: (?:\[ *\d+\.\d+\] ?)?/,
];
const LONGEST_STAMP = 160;
/** They begin with a bracket, a digit or a month. */
const FIRST_OF_STAMP = /[[<\dA-Z]/;

/** Where a line goes on behind the log's stamp; -1 where it has none. */
export function behindStamp(text: Uint8Array, from: number): number {
  if (!FIRST_OF_STAMP.test(String.fromCharCode(text[from] as number))) return -1;
  const begin = textOf(text, from, Math.min(text.length, from + LONGEST_STAMP));
  for (const stamp of STAMPS) {
    const length = stamp.exec(begin)?.[0].length;
    if (length !== undefined) return from + length;
  }
  return -1;
}

/** Events that a line says were lost; undefined where it says nothing of that. */
export function lostIn(line: string): number | undefined {
  for (const pattern of LOST) {
    const found = pattern.exec(line);
    if (found !== null) return Number(found[1] ?? found[2] ?? 1);
  }
  return undefined;
}

/** How many events the header says are there, and how many were recorded: the first ones were written over. */
const IN_BUFFER = /^# (?:entries-in-buffer\/entries-written: |latency: \d+ us, #)(\d+)\/(\d+)/;

/** Events that a comment says were lost. */
export function overwrittenIn(comment: string): number {
  const [, there, written] = IN_BUFFER.exec(comment) ?? [];
  return Math.max(0, Number(written ?? 0) - Number(there ?? 0));
}

/** A stack that perf prints below an event. */
const STACK_OF_PERF = /^\t *[0-9a-f]{1,16}(?: .*)?$/;
/** What the kernel and trace-cmd print above one. */
const STACK_TITLE = /: <(?:user )?stack trace ?>\s*$/;

/** Whether a line is one of perf's that is about no event. @param isPerf the text is perf's */
export const isOfPerf = (line: string, isPerf: boolean): boolean =>
  NOTE_OF_PERF.test(line) || (isPerf && STACK_OF_PERF.test(line));

/** What is around a text in a page, as `atrace` and `systrace` write it. */
const OF_PAGE = /^\s*(?:<!DOCTYPE html|<\/?(?:html|head|body|script|style|title|meta|link)\b)/i;

export const isOfPage = (line: string): boolean => OF_PAGE.test(line);

/** What `trace-cmd report` begins with. */
const TITLE_OF_REPORT = /^(?:cpus=\d+|version = \d+)$/;

export const isTitleOfReport = (line: string): boolean => TITLE_OF_REPORT.test(line);

/** Lines of options with which the kernel leaves out what a record needs. */
const RAW = /^\d+ \d+ \d+ type: \d+\s*$/;
const HEX = /^[0-9a-f]{8} [0-9a-f]{8} [0-9a-f]{16} type: \d+\s*$/;
const WITHOUT_CONTEXT = /^(\w+): /;
const GRAPH_WITHOUT_CPU =
  /^\s*(?:\d+\.\d{6}\s+\|\s+)?(?:\S.{0,15}?-\d+\s+\|\s*)?(?:[+!#*@$]?\s*\d+(?:\.\d+)? us)?\s*\|\s+(?:[\w.]+\(.*(?:;|\{)|\})/;

/** What a line lacks that the kernel prints so; undefined where it does not. @param isEvent whether an event has the name */
export function lackingIn(line: string, isEvent: (name: string) => boolean): string | undefined {
  if (RAW.test(line)) return "event (options/raw)";
  if (HEX.test(line)) return "event (options/hex)";
  if (GRAPH_WITHOUT_CPU.test(line)) return "cpu (options/funcgraph-cpu)";
  const name = WITHOUT_CONTEXT.exec(line)?.[1];
  return name !== undefined && isEvent(name) ? "task, cpu, time (options/context-info)" : undefined;
}

/** What stands in front of an event: a task, its number, a CPU and a time. */
const HEAD =
  /^\s*\S.{0,15}?-\d+\s+(?:\([ \d-]+\)\s+)?\[\d{3,}\]\s+(?:[.dDbBX]\S{3,6}\s+)?\d+(?:\.\d{6,9})?: |^\s*.{0,16}?-\d+\s+\d+[.dDbBX]\S{3,6}\s+\d+us[ !+#*@$]?: /;

/** Whether a line has a head, also one of which the event cannot be read. */
export const hasHead = (line: string): boolean => HEAD.test(line);

/** How lines of tracers begin, behind a head; mmiotrace's have none. */
const TRACERS: readonly (readonly [string, RegExp])[] = [
  ["hwlat", /^#\d+\s+inner\/outer\(us\):/],
  ["timerlat", /^#\d+\s+context\s/],
  ["osnoise", /^#\d+\s+\d+\s+\d+\s+\d+\.\d+\s/],
  ["blk", /^\s*\d+,\d+\s+\w+\s+\w+\s/],
  ["wakeup", /^\s*\d+:\s*\d+:\w\s+(?:\+|==>)/],
];
const MMIO =
  /^(?:[RW] [124] \d+\.\d{6} \d+ 0x|(?:MAP|UNMAP|MARK) \d+\.\d{6} |UNKNOWN \d+\.\d{6} |PCIDEV |VERSION \d{8}$)/;

/** The tracer that printed a line that is no event. */
export function tracerOf(line: string): string | undefined {
  if (MMIO.test(line)) return "mmiotrace";
  const head = HEAD.exec(line)?.[0];
  return head === undefined ? undefined : TRACERS.find(([, begin]) => begin.test(line.slice(head.length)))?.[0];
}

/** Whether a stack begins below a line. */
export const isStackTitle = (line: string): boolean => STACK_TITLE.test(line);

/** Whether a line without a head is something printed around events. */
export function isAnnotation(line: string): boolean {
  return ANNOTATION.test(line) || GRAPH_ANNOTATION.test(line);
}

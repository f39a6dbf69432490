/** What is printed around events and in front of them, and lines that are none and have a meaning all the same: losses. */
import { textOf } from "./bytes.ts";

/** What the kernel prints, and trace-cmd. */
const LOST: readonly RegExp[] = [
  /^\s*CPU:\s*\d+ \[LOST (?:(\d+) )?EVENTS\]\s*$/,
  /^\s*(?:CPU:\s*\d+ )?\[(?:(\d+) )?EVENTS DROPPED\]\s*$/,
  /\bPERF_RECORD_LOST(?:_SAMPLES)?:? lost(?: samples)? (\d+)\s*$/,
];
/** What perf notes beside samples, where it was asked for (`--show-task-events`): where a task or its memory comes or goes. */
const NOTE_OF_PERF = /^.{0,120}?\bPERF_RECORD_[A-Z][A-Z0-9_]+\b|^\t\t[[ ]\d+\/\w+: /;
/** A stack below an event, as the kernel, trace-cmd and perf print it; what tools print in front of all. */
const ANNOTATION = /^\s*(?:=>.*)?$|^\s+[0-9a-f]{4,16} .*\)$|^(?:cpus=\d+|version = \d+|CPU \d+ is empty)$/;
/** Of function_graph: lines around one that says that another task came to run, and where an interrupt begins and ends. */
const GRAPH_ANNOTATION = /^\s*-{20,}\s*$|^\s*\d+\)\s.*-\d+\s+=>\s.*-\d+\s*$|\s(?:={6,}>|<={6,}) \|\s*$/;

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
    if (found !== null) return Number(found[1] ?? 1);
  }
  return undefined;
}

/** A stack that perf prints below an event. */
const STACK_OF_PERF = /^\t *[0-9a-f]{1,16}(?: .*)?$/;
/** What the kernel and trace-cmd print above one. */
const STACK_TITLE = /: <(?:user )?stack trace>\s*$/;

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

/** What a line lacks that the kernel prints so; undefined where it does not. @param isEvent whether an event has the name */
export function lackingIn(line: string, isEvent: (name: string) => boolean): string | undefined {
  if (RAW.test(line)) return "event (options/raw)";
  if (HEX.test(line)) return "event (options/hex)";
  const name = WITHOUT_CONTEXT.exec(line)?.[1];
  return name !== undefined && isEvent(name) ? "task, cpu, time (options/context-info)" : undefined;
}

/** Whether a stack begins below a line. */
export const isStackTitle = (line: string): boolean => STACK_TITLE.test(line);

/** Whether a line without a head is something printed around events. */
export function isAnnotation(line: string): boolean {
  return ANNOTATION.test(line) || GRAPH_ANNOTATION.test(line);
}

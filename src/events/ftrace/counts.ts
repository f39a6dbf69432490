/** What reading a trace's text comes to: each line is a comment, a record, or skipped for a reason. */
import type { EventCounts, SkipCount, SkipReason } from "../source.ts";

/** Why a line gave no record. */
export type LineSkip = "annotation" | "lost" | "head" | "event" | "cpu" | "fields" | "long" | "cut";

const SKIP_REASONS: Readonly<Record<LineSkip, Omit<SkipReason, "reason">>> = {
  annotation: { doc: "an annotation: a stack trace, a blank line" },
  lost: { doc: "the kernel says that it lost events here" },
  head: { doc: "no event line: task, CPU, time or name is missing" },
  event: { doc: "an event whose format is not known", option: "formats" },
  cpu: { doc: "a CPU number beyond the given number of CPUs", option: "cpus" },
  fields: { doc: "the fields do not match the event's format" },
  long: { doc: "longer than a line of a trace can be" },
  cut: { doc: "the file ends in the middle of the line" },
};

/** Names of events without a format that are told apart. */
const MAX_NAMES = 256;

interface LineSkipCount extends SkipCount {
  readonly reason: LineSkip;
  count: number;
  readonly names: Map<string, number>;
}

export class TraceCounts implements EventCounts {
  /** Always `comments + read + ` all of `skipped`. */
  lines = 0;
  comments = 0;
  read = 0;
  lost = 0;
  readonly skipped: LineSkipCount[] = [];

  /** Counts the line that comes next as skipped. @param name of its event, where that is the reason */
  skip(reason: LineSkip, name?: string): void {
    this.lines++;
    const row = this.skipped.find((each) => each.reason === reason) ?? this.#begin(reason);
    row.count++;
    if (name === undefined) return;
    const before = row.names.get(name);
    if (before !== undefined || row.names.size < MAX_NAMES) row.names.set(name, (before ?? 0) + 1);
  }

  #begin(reason: LineSkip): LineSkipCount {
    const row = { reason, ...SKIP_REASONS[reason], count: 0, first: this.lines, names: new Map<string, number>() };
    this.skipped.push(row);
    return row;
  }
}

/** Why a file without any event is none: the most frequent reason, with its first line. */
export function noEvents(name: string, counts: TraceCounts): string {
  const [most] = [...counts.skipped].sort((a, b) => b.count - a.count);
  const lines = `${counts.lines} ${counts.lines === 1 ? "line" : "lines"}`;
  if (most === undefined) return `${name} holds no event: ${lines}, all of them comments`;
  const names = most.names.size === 0 ? "" : ` (${[...most.names.keys()].slice(0, 3).join(", ")})`;
  return `${name} holds no event that can be read in ${lines}; line ${most.first}: ${most.doc}${names}`;
}

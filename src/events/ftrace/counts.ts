/** Why lines of a trace's text give no record. */
import type { ReadCounts } from "../counts.ts";
import type { SkipReason } from "../source.ts";

export type LineSkip =
  | "annotation"
  | "lost"
  | "head"
  | "columns"
  | "event"
  | "tracer"
  | "cpu"
  | "fields"
  | "continued"
  | "long"
  | "cut";

export const SKIP_REASONS: Readonly<Record<LineSkip, Omit<SkipReason, "reason">>> = {
  annotation: { doc: "an annotation: a stack trace, a blank line" },
  lost: { doc: "the kernel says that it lost events here" },
  head: { doc: "no event line: task, CPU, time or name is missing" },
  columns: { doc: "a line that was printed without a column that a record needs" },
  event: { doc: "an event whose format is not known", option: "formats" },
  tracer: { doc: "a line of a tracer, of which no program is run" },
  cpu: { doc: "a CPU number beyond the given number of CPUs", option: "cpus" },
  fields: { doc: "none of the fields is there as the event's format says" },
  continued: { doc: "a further line of the text before it" },
  long: { doc: "longer than a line of a trace can be" },
  cut: { doc: "the file ends in the middle of the line" },
};

export type TraceCounts = ReadCounts<LineSkip>;

/** Lines that are no event's in any trace. */
const BESIDE: ReadonlySet<LineSkip> = new Set(["annotation", "continued", "lost"]);

/** Why a file without any event is none: the most frequent reason, with its first line. */
export function noEvents(name: string, counts: TraceCounts): string {
  const rank = ({ reason, count }: (typeof counts.skipped)[number]): number => (BESIDE.has(reason) ? 0 : count);
  const [most] = [...counts.skipped].sort((a, b) => rank(b) - rank(a));
  const lines = `${counts.lines} ${counts.lines === 1 ? "line" : "lines"}`;
  if (most === undefined) return `${name} holds no event: ${lines}, all of them comments`;
  const names = most.names.size === 0 ? "" : ` (${[...most.names.keys()].slice(0, 3).join(", ")})`;
  return `${name} holds no event that can be read in ${lines}; line ${most.first}: ${most.doc}${names}`;
}

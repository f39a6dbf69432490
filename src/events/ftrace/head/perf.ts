/**
 * Lines that perf script prints: `  bash 16414/16414 [000] 43255.088014:  sched:sched_wakeup: comm=...`. Which columns there are, `-F` says:
 * what a record needs and a line does not have is named. A task's name it does without.
 */

/** The columns of a line that has all that a record needs. */
export interface PerfColumns {
  readonly comm: string | undefined;
  readonly tgid: string | undefined;
  readonly pid: string;
  readonly cpu: string;
  readonly flags: string | undefined;
  readonly time: string;
  /** The event's name and its fields. */
  readonly rest: string;
}

/** Whom a sample is of (`K`, `U`, with more letters), and the time of day. */
const MORE = String.raw`(?:[KUHGg][EMSP]{0,3}\s+)?(?:(?<flags>[.dDbBX][^\s]{3,6})\s+)?(?:\d{4}-\d\d-\d\d [\d:.]+\s+)?`;
const LINE = new RegExp(
  String.raw`^\s*(?:(?<comm>\S.{0,15}?)\s+)?(?:(?<tgid>-?\d+)\/\s*)?(?<pid>-?\d+)(?<behindPid>)\s+\[(?<cpu>\d+)\]\s+${MORE}(?<time>\d+\.\d+):\s+(?:\d+\s+)?(?!\s*PERF_RECORD_)(?<rest>.*)$`,
  "ds",
);
/** The same with whatever columns there are, up to the event, which has its category in front. */
const SOME = new RegExp(
  String.raw`^\s*(?:(?<comm>\S.{0,15}?)\s+)??(?:(?<pid>(?:-?\d+\/\s*)?-?\d+)\s+)?(?:\[(?<cpu>\d+)\]\s+)?${MORE}(?:(?<time>\d+\.\d+):\s+)?(?:\d+\s+)?(?<event>[\w-]+:\w+):\s`,
);
const NO_EVENT = /^\s*(?:\S.{0,15}?\s+)?-?\d+\s+\[\d+\]\s+(?:\S+\s+)?\d+\.\d+:\s/;
/** Without `-F comm` no number is where a task's name would end. */
const COMM_COLUMNS = 16;
const NEEDED = ["pid", "cpu", "time"] as const;

export function perfColumns(line: string): PerfColumns | undefined {
  const found = LINE.exec(line);
  if (found === null) return undefined;
  const { comm, tgid, pid = "", cpu = "", flags, time = "", rest = "" } = found.groups ?? {};
  if (comm === undefined && found.indices?.groups?.["behindPid"]?.[0] === COMM_COLUMNS) return undefined;
  return { comm, tgid, pid, cpu, flags, time, rest };
}

/** The columns that a line of perf script lacks; undefined where it is no such line. */
export function missingColumns(line: string): string | undefined {
  const columns = SOME.exec(line)?.groups;
  if (columns === undefined) return NO_EVENT.test(line) ? "event" : undefined;
  return NEEDED.filter((name) => columns[name] === undefined).join(", ") || "pid";
}

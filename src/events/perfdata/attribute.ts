/** The events that perf recorded: what they are and what their samples have. Source: Linux `include/uapi/linux/perf_event.h`. */
import type { Cursor } from "../bytes.ts";

/** What is asked of samples, by `PERF_SAMPLE_` bits. */
export interface Attribute {
  readonly type: number;
  readonly config: bigint;
  /** Of an event that is counted: so many are a sample. A frequency, if `isFrequency`. */
  readonly sampleType: number;
  readonly readFormat: number;
  /** Whether every record ends with who and when. */
  readonly everywhere: boolean;
  readonly ids: readonly bigint[];
}

/** What records have of a sample, by its `PERF_SAMPLE_` bit. */
const OF_RECORD: Readonly<Record<string, number>> = { task: 1 << 1, time: 1 << 2, CPU: 1 << 7 };

/** What of their records samples do not have, which is 0 there. */
export function unsampledBy(attributes: readonly Attribute[]): string[] {
  const lacking = Object.entries(OF_RECORD).filter(([, bit]) =>
    attributes.some(({ sampleType }) => (sampleType & bit) === 0),
  );
  return lacking.map(([name]) => `(the record's ${name})`);
}

const SAMPLE_ID_ALL = 1n << 18n;

/** `PERF_TYPE_` numbers. */
export const TYPES = { hardware: 0, software: 1, tracepoint: 2, cache: 3, raw: 4, breakpoint: 5 } as const;

/** What types are, for people. */
const TYPE_NAMES: readonly string[] = [
  "hardware counters",
  "software clocks and counters",
  "tracepoints",
  "caches",
  "raw counters",
  "breakpoints",
];

/** Names of events by type and number, as perf calls them. */
const NAMES: readonly (readonly string[])[] = [
  [
    ...["cycles", "instructions", "cache-references", "cache-misses", "branches", "branch-misses", "bus-cycles"],
    ...["stalled-cycles-frontend", "stalled-cycles-backend", "ref-cycles"],
  ],
  [
    ...["cpu-clock", "task-clock", "page-faults", "context-switches", "cpu-migrations", "minor-faults", "major-faults"],
    ...["alignment-faults", "emulation-faults", "dummy", "bpf-output", "cgroup-switches"],
  ],
];
/** They count nothing: perf has them for names of tasks and for what programs hand over. */
const SILENT: readonly string[] = ["dummy", "bpf-output"];

export function nameOf({ type, config }: Attribute): string {
  return NAMES[type]?.[Number(config & 0xffff_ffffn)] ?? `${TYPE_NAMES[type] ?? "device"} ${config.toString(16)}`;
}

/** Whether its samples are of a clock or a counter. */
export function isCounter(attribute: Attribute): boolean {
  const { type } = attribute;
  return type !== TYPES.tracepoint && type !== TYPES.breakpoint && !SILENT.includes(nameOf(attribute));
}

export function kindsOf(attributes: readonly Attribute[]): string {
  const kinds = new Set(attributes.map(({ type }) => TYPE_NAMES[type] ?? "counters of a device"));
  return kinds.size === 0 ? "it has no event at all" : `it has samples of ${[...kinds].join(", ")}`;
}

/** Reads an attribute of `bytes` bytes, without its ids. */
export function readAttribute(cursor: Cursor, bytes: number): Omit<Attribute, "ids"> {
  const start = cursor.at;
  const type = cursor.u32("type of an event");
  cursor.u32("size of an attribute");
  const config = cursor.u64("event");
  cursor.u64("period");
  const sampleType = Number(cursor.u64("sample type") & 0xffff_ffffn);
  const readFormat = Number(cursor.u64("read format") & 0xffn);
  const everywhere = (cursor.u64("flags") & SAMPLE_ID_ALL) !== 0n;
  cursor.at = start;
  cursor.skip(bytes, "attribute");
  return { type, config, sampleType, readFormat, everywhere };
}

export function readIds(cursor: Cursor, bytes: number): bigint[] {
  return Array.from({ length: Math.max(0, Math.floor(bytes / 8)) }, () => cursor.u64("id"));
}

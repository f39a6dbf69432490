/** Where a perf record has what: the members of samples by the `PERF_SAMPLE_` bits that their event asks for. */
import { type Attribute, TYPES } from "./attribute.ts";

const BITS = {
  ip: 1 << 0,
  tid: 1 << 1,
  time: 1 << 2,
  addr: 1 << 3,
  read: 1 << 4,
  callchain: 1 << 5,
  id: 1 << 6,
  cpu: 1 << 7,
  period: 1 << 8,
  streamId: 1 << 9,
  raw: 1 << 10,
  identifier: 1 << 16,
} as const;

/** `PERF_FORMAT_` bits. */
const READ = { enabled: 1, running: 2, id: 4, group: 8, lost: 16 } as const;

const WORD = 8;
const TWO_32 = 2 ** 32;

/** Where a record has a time, as two halves. */
export interface Moment {
  timeLow: number;
  timeHigh: number;
}

/** What of a sample is needed. Places are 0 where it has no such member. */
export interface Sample extends Moment {
  pid: number;
  tid: number;
  cpu: number;
  /** Places of the instruction, the address and the period. */
  ipAt: number;
  addressAt: number;
  periodAt: number;
  /** The tracepoint's entry, from its common fields on. */
  from: number;
  length: number;
}

export interface SampleReader {
  readonly sample: Sample;
  /** Reads the sample whose members begin at `at` and end at `end`; false where it is damaged, or has no entry and should. */
  read(view: DataView, at: number, end: number): boolean;
}

type Has = (bit: number) => boolean;

export function createSampleReader({ type, sampleType, readFormat }: Attribute): SampleReader {
  const has: Has = (bit) => (sampleType & bit) !== 0;
  const isTraced = type === TYPES.tracepoint;
  const sample: Sample = {
    ...{ pid: 0, tid: 0, timeLow: 0, timeHigh: 0, cpu: 0, ipAt: 0, addressAt: 0, periodAt: 0, from: 0, length: 0 },
  };
  return {
    sample,
    read(view, from, end) {
      if (isTraced && !has(BITS.raw)) return false;
      let at = readFixed(view, from, end, has, sample);
      if (at < 0 || !isTraced) return at >= 0;
      if (has(BITS.read)) at = behindRead(view, at, end, readFormat);
      if (has(BITS.callchain)) at = behindList(view, at, end, WORD);
      if (at < 0 || at + 4 > end) return false;
      sample.length = view.getUint32(at, true);
      sample.from = at + 4;
      return sample.from + sample.length <= end;
    },
  };
}

/** The members that always have the same length. @returns what is behind them, or -1 */
function readFixed(view: DataView, from: number, end: number, has: Has, sample: Sample): number {
  let at = from;
  /** Steps over a member, if there is one. */
  const member = (bit: number): number => {
    if (!has(bit)) return 0;
    at += WORD;
    return at <= end ? at - WORD : 0;
  };
  member(BITS.identifier);
  sample.ipAt = member(BITS.ip);
  const tidAt = member(BITS.tid);
  const timeAt = member(BITS.time);
  sample.addressAt = member(BITS.addr);
  member(BITS.id);
  member(BITS.streamId);
  const cpuAt = member(BITS.cpu);
  sample.periodAt = member(BITS.period);
  if (at > end) return -1;
  sample.pid = tidAt === 0 ? 0 : view.getInt32(tidAt, true);
  sample.tid = tidAt === 0 ? 0 : view.getInt32(tidAt + 4, true);
  sample.timeLow = timeAt === 0 ? 0 : view.getUint32(timeAt, true);
  sample.timeHigh = timeAt === 0 ? 0 : view.getUint32(timeAt + 4, true);
  sample.cpu = cpuAt === 0 ? 0 : view.getUint32(cpuAt, true);
  return at;
}

/** Behind a count and so many members; -1 where that is beyond the record. */
function behindList(view: DataView, at: number, end: number, bytes: number): number {
  if (at < 0 || at + WORD > end) return -1;
  const behind = at + WORD + Number(view.getBigUint64(at, true)) * bytes;
  return behind <= end ? behind : -1;
}

function behindRead(view: DataView, at: number, end: number, format: number): number {
  const has = (bit: number): number => ((format & bit) !== 0 ? 1 : 0);
  const each = WORD * (1 + has(READ.id) + has(READ.lost));
  const times = WORD * (has(READ.enabled) + has(READ.running));
  if (has(READ.group) === 0) return at + each + times;
  const behind = behindList(view, at, end - times, each);
  return behind < 0 ? -1 : behind + times;
}

/** Which attribute a sample is of, and when other records were written. */
export interface Attribution {
  /** Index of the attribute of the sample whose members begin at `at` and end at `end`; -1: of none that is known. */
  attributeOf(view: DataView, at: number, end: number): number;
  /** When a record that is no sample was written, by what stands at its end; zeroes where nothing does. */
  readTime(view: DataView, end: number, into: Moment): void;
}

/** Samples of several events begin with the event's id, unless all have the same members. */
export function createAttribution(attributes: readonly Attribute[]): Attribution {
  const [{ sampleType, everywhere } = { sampleType: 0, everywhere: false }] = attributes;
  const has: Has = (bit) => (sampleType & bit) !== 0;
  const byId = new Map(attributes.flatMap(({ ids }, index) => ids.map((id) => [Number(id), index] as const)));
  const before = [BITS.ip, BITS.tid, BITS.time, BITS.addr].filter(has).length * WORD;
  const idAt = has(BITS.identifier) ? 0 : has(BITS.id) ? before : -1;
  const trailer = [BITS.tid, BITS.time, BITS.id, BITS.streamId, BITS.cpu, BITS.identifier].filter(has);
  const fromEnd = (trailer.length - trailer.indexOf(BITS.time)) * WORD;
  const isTimed = everywhere && has(BITS.time);
  return {
    attributeOf(view, at, end) {
      if (attributes.length === 1 || idAt < 0 || byId.size === 0) return 0;
      if (at + idAt + WORD > end) return -1;
      const place = at + idAt;
      return byId.get(view.getUint32(place + 4, true) * TWO_32 + view.getUint32(place, true)) ?? -1;
    },
    readTime(view, end, into) {
      into.timeLow = isTimed ? view.getUint32(end - fromEnd, true) : 0;
      into.timeHigh = isTimed ? view.getUint32(end - fromEnd + 4, true) : 0;
    },
  };
}

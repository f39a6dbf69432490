/** Where a perf record has what: the members of samples by the `PERF_SAMPLE_` bits that their event asks for. */
import type { Attribute } from "./file.ts";

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

/** What of a sample is needed. */
export interface Sample {
  pid: number;
  tid: number;
  time: bigint;
  cpu: number;
  /** The tracepoint's entry, from its common fields on. */
  from: number;
  length: number;
}

export interface SampleReader {
  readonly sample: Sample;
  /** Reads the sample whose members begin at `at` and end at `end`; false where it has no entry or is damaged. */
  read(view: DataView, at: number, end: number): boolean;
  /** When a record that is no sample was written, by what stands at its end; 0 where nothing does. */
  timeOf(view: DataView, end: number): bigint;
}

export function createSampleReader({ sampleType, readFormat, everywhere }: Attribute): SampleReader {
  const has = (bit: number): boolean => (sampleType & bit) !== 0;
  const sample: Sample = { pid: 0, tid: 0, time: 0n, cpu: 0, from: 0, length: 0 };
  const trailer = [BITS.tid, BITS.time, BITS.id, BITS.streamId, BITS.cpu, BITS.identifier].filter(has);
  const timeFromEnd = (trailer.length - trailer.indexOf(BITS.time)) * 8;
  return {
    sample,
    timeOf(view, end) {
      return everywhere && has(BITS.time) ? view.getBigUint64(end - timeFromEnd, true) : 0n;
    },
    read(view, from, end) {
      if (!has(BITS.raw)) return false;
      let at = from;
      if (has(BITS.identifier)) at += 8;
      if (has(BITS.ip)) at += 8;
      if (at + 24 > end) return false;
      if (has(BITS.tid)) {
        sample.pid = view.getInt32(at, true);
        sample.tid = view.getInt32(at + 4, true);
        at += 8;
      }
      if (has(BITS.time)) {
        sample.time = view.getBigUint64(at, true);
        at += 8;
      }
      for (const bit of [BITS.addr, BITS.id, BITS.streamId]) if (has(bit)) at += 8;
      if (at + 8 > end) return false;
      if (has(BITS.cpu)) {
        sample.cpu = view.getUint32(at, true);
        at += 8;
      }
      if (has(BITS.period)) at += 8;
      if (has(BITS.read)) at = behindRead(view, at, end, readFormat);
      if (has(BITS.callchain)) at = behindList(view, at, end, 8);
      if (at < 0 || at + 4 > end) return false;
      sample.length = view.getUint32(at, true);
      sample.from = at + 4;
      return sample.from + sample.length <= end;
    },
  };
}

/** Behind a count and so many members; -1 where that is beyond the record. */
function behindList(view: DataView, at: number, end: number, bytes: number): number {
  if (at < 0 || at + 8 > end) return -1;
  const behind = at + 8 + Number(view.getBigUint64(at, true)) * bytes;
  return behind <= end ? behind : -1;
}

function behindRead(view: DataView, at: number, end: number, format: number): number {
  const has = (bit: number): number => ((format & bit) !== 0 ? 1 : 0);
  const each = 8 * (1 + has(READ.id) + has(READ.lost));
  const times = 8 * (has(READ.enabled) + has(READ.running));
  if (has(READ.group) === 0) return at + each + times;
  const behind = behindList(view, at, end - times, each);
  return behind < 0 ? -1 : behind + times;
}

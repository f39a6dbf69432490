/** What a run is given, as a search changes it: a context or a packet, entries of maps, whose run it is and when. */
import type { ProgramKind } from "../../bpf/programs/program-type.ts";
import { programType } from "../../bpf/programs/table.ts";
import { ERRNO } from "../../error.ts";
import type { DirectRun } from "../../load/direct.ts";
import type { LoadedMap } from "../../load/maps.ts";

/** Values by the key in hex, by the map's name. */
export type Entries = ReadonlyMap<string, ReadonlyMap<string, Uint8Array>>;

export interface TrialInputs {
  readonly context: Uint8Array | undefined;
  readonly packet: Uint8Array | undefined;
  readonly entries: Entries;
  readonly time: bigint;
  /** As the helpers give them: tgid << 32 | pid, gid << 32 | uid. */
  readonly pidTgid: bigint;
  readonly uidGid: bigint;
}

/** A step of `anyctx test`, as its file has it. */
export interface CounterexampleStep {
  readonly program: string;
  readonly context?: string;
  readonly packet?: string;
  readonly time?: string;
  readonly task?: { readonly pid: number; readonly tgid: number; readonly uid: number; readonly gid: number };
  /** Entries that are put into maps before. */
  readonly put?: Readonly<Record<string, readonly { readonly key: string; readonly value: string }[]>>;
  /** How often it is run. */
  readonly times?: number;
  readonly expect: { readonly error: string };
}

/** A part of the inputs that a run has read as one number. */
export type InputPlace =
  | { readonly of: "context" | "packet"; readonly offset: number; readonly bytes: number }
  | {
      readonly of: "value";
      readonly map: string;
      readonly key: string;
      readonly offset: number;
      readonly bytes: number;
    }
  | { readonly of: "time" | "pidTgid" | "uidGid" | "length" };

const LOW = 0xffffffffn;
const LONGEST_PACKET = 65535n;

export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

export function unhex(text: string): Uint8Array {
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

/** A copy with a number written into it; what does not fit is left out. */
function written(from: Uint8Array, offset: number, bytes: number, value: bigint): Uint8Array {
  const copy = from.slice();
  for (let at = 0; at < bytes && offset + at < copy.length; at++)
    copy[offset + at] = Number((value >> BigInt(at * 8)) & 0xffn);
  return copy;
}

function resized(packet: Uint8Array, length: bigint): Uint8Array {
  const bytes = Number(length < 0n ? 0n : length > LONGEST_PACKET ? LONGEST_PACKET : length);
  const copy = new Uint8Array(bytes);
  copy.set(packet.subarray(0, bytes));
  return copy;
}

/** The entries with another value under a key, or without it. */
export function withEntry(entries: Entries, map: string, key: string, value: Uint8Array | undefined): Entries {
  const values = new Map(entries.get(map));
  if (value === undefined) values.delete(key);
  else values.set(key, value);
  return new Map([...entries, [map, values]]);
}

/** The inputs with another number in one place. */
export function withNumber(inputs: TrialInputs, place: InputPlace, value: bigint): TrialInputs {
  const number = BigInt.asUintN(64, value);
  switch (place.of) {
    case "context":
      return { ...inputs, context: written(inputs.context ?? new Uint8Array(0), place.offset, place.bytes, number) };
    case "packet":
      return { ...inputs, packet: written(inputs.packet ?? new Uint8Array(0), place.offset, place.bytes, number) };
    case "value": {
      const before = inputs.entries.get(place.map)?.get(place.key) ?? new Uint8Array(0);
      const after = written(before, place.offset, place.bytes, number);
      return { ...inputs, entries: withEntry(inputs.entries, place.map, place.key, after) };
    }
    case "length":
      return { ...inputs, packet: resized(inputs.packet ?? new Uint8Array(0), BigInt.asIntN(64, value)) };
    default:
      return { ...inputs, [place.of]: number };
  }
}

/** What searches begin with: contexts and packets of several sizes, nothing but zeroes and numbers that all differ. */
export function firstInputs(kind: ProgramKind, contextBytes: number): TrialInputs[] {
  const { context, packet } = programType(kind);
  const common = { entries: new Map(), time: 1n, pidTgid: (1000n << 32n) | 1000n, uidGid: 0n };
  if (packet !== undefined)
    return [64, 0, 14, 34, 60, 1500].map((length) => ({
      ...common,
      context: undefined,
      packet: new Uint8Array(length).map((_, index) => index),
    }));
  const example = context.example(kind.target, 0);
  const bytes = context.access?.bytes(kind.target) ?? Math.max(example.length, contextBytes);
  const filled = new Uint8Array(bytes);
  filled.set(example.subarray(0, bytes));
  return [filled, new Uint8Array(bytes), new Uint8Array(bytes).fill(0xff)].map((each) => ({
    ...common,
    context: each,
    packet: undefined,
  }));
}

const wordsOf = (pair: bigint): readonly [low: number, high: number] => [Number(pair & LOW), Number(pair >> 32n)];

export function runOf(program: string, { context, packet, time, pidTgid, uidGid }: TrialInputs): DirectRun {
  const [[pid, tgid], [uid, gid]] = [wordsOf(pidTgid), wordsOf(uidGid)];
  return { program, context, packet, time, task: { pid: pid | 0, tgid, uid, gid } };
}

/** Puts the entries into the maps; what a map does not take is not there. */
export function putEntries(maps: readonly LoadedMap[], entries: Entries): void {
  for (const [name, values] of entries) {
    const found = maps.find(({ spec }) => spec.name === name);
    for (const [key, value] of values) {
      const result = found?.map.update(unhex(key), value);
      if (result !== undefined && result !== 0 && result !== -ERRNO.E2BIG && result !== -ERRNO.EINVAL) return;
    }
  }
}

export function stepOf(program: string, inputs: TrialInputs, times: number, fault: string): CounterexampleStep {
  const { context, packet, time, entries } = inputs;
  const { task } = runOf(program, inputs);
  const { pid = 0, tgid = 0, uid = 0, gid = 0 } = task ?? {};
  const put = [...entries].flatMap(([name, values]) =>
    values.size === 0 ? [] : [[name, [...values].map(([key, value]) => ({ key, value: hex(value) }))] as const],
  );
  return {
    program,
    ...(context === undefined ? {} : { context: hex(context) }),
    ...(packet === undefined ? {} : { packet: hex(packet) }),
    time: String(time),
    task: { pid, tgid, uid, gid },
    ...(put.length === 0 ? {} : { put: Object.fromEntries(put) }),
    ...(times === 1 ? {} : { times }),
    expect: { error: fault },
  };
}

/**
 * User space as it fills maps through bpf(2): one new key a call, or batches of them, in a task of one CPU. In Linux such an update
 * takes its element from the same caches as a program's, with interrupts off, and has no other way to memory: what it takes is
 * brought again by an interrupt that the CPU sends itself. It comes at once, or late where the machine says so.
 *
 * Calls happen where the trace has bpf(2) being entered, one each; where it has none, before its first event.
 */
import type { Arena } from "../../arena/arena.ts";
import { AnyctxError, ERRNO } from "../../error.ts";
import type { SourceEvent } from "../../events/event.ts";
import { RECORD } from "../../events/record.ts";
import { NOEXIST } from "../../maps/map.ts";
import type { Observed, Watched } from "./watched.ts";

export interface UserInserts {
  readonly map: string;
  /** New keys. */
  readonly count: number;
  /** Of one call. */
  readonly batch: number;
  readonly cpu: number;
}

export interface UserSpaceOptions {
  readonly inserts: readonly UserInserts[];
  /** Microseconds from an update that asks for a refill to the interrupt that does it. */
  readonly lateInterrupt: number;
}

/** bpf(2) on x86-64, as raw_syscalls has it. */
const BPF_CALL = 321;
/** Nanoseconds of a call with one key, and of each key of a batch. Assumed: an update alone was measured at about 150. */
const CALL = 1000;
const KEY_OF_BATCH = 200;

interface Filling {
  readonly hash: Watched;
  readonly inserts: UserInserts;
  done: number;
}

/** Whether a record is bpf(2) being entered. */
type IsCall = (view: DataView, record: number) => boolean;

function callTest({ name, format }: SourceEvent): IsCall | undefined {
  if (name === "sys_enter_bpf") return () => true;
  const id = name === "sys_enter" ? format?.fields.find((field) => field.name === "id") : undefined;
  if (id === undefined) return undefined;
  return (view, record) => view.getUint32(record + RECORD.payload + id.offset, true) === BPF_CALL;
}

export class UserSpace {
  /** Inserts that got -ENOMEM, by map. */
  readonly #failed = new Map<string, number>();
  readonly #arena: Arena;
  readonly #late: number;
  readonly #fillings: readonly Filling[];
  readonly #calls: ReadonlyMap<number, IsCall>;
  /** By CPU, when the interrupt comes that was asked for. Nanoseconds. */
  readonly #due = new Map<number, number>();
  #clock = 0;
  /** The arena's memory, which is another buffer when it has grown. */
  #view: DataView;
  readonly #afterCall: () => void;

  /**
   * @param afterCall what else has to be looked at after each call
   * @throws {AnyctxError} EINVAL for a map that is not there, or a CPU
   */
  constructor(
    arena: Arena,
    hashes: readonly Watched[],
    events: readonly SourceEvent[],
    { inserts, lateInterrupt }: UserSpaceOptions,
    afterCall: () => void,
  ) {
    this.#arena = arena;
    this.#view = new DataView(arena.memory.buffer);
    this.#afterCall = afterCall;
    this.#late = lateInterrupt * 1000;
    this.#fillings = inserts.map((each) => ({ hash: hashNamed(hashes, each.map), inserts: each, done: 0 }));
    for (const { cpu } of inserts)
      if (cpu >= arena.cpus) throw new AnyctxError("EINVAL", `user space cannot run on CPU ${cpu} of ${arena.cpus}`);
    this.#calls = new Map(
      events.flatMap((event) => {
        const test = callTest(event);
        return test === undefined ? [] : [[event.index, test] as const];
      }),
    );
  }

  /** Before the first event. @param hasCalls whether the trace has bpf(2) being entered */
  begin(hasCalls: boolean): void {
    if (!hasCalls) this.finish();
  }

  /** What was seen of a hash, with user space's failures as those of a task: the arena had its interrupts off to be late. */
  blame(hash: string, observed: Observed): Observed {
    const userMisses = this.#failed.get(hash) ?? 0;
    const { misses } = observed;
    const moved = this.#late === 0 ? 0 : userMisses;
    return {
      ...observed,
      userMisses,
      misses: { ...misses, task: misses.task + moved, irqsOff: misses.irqsOff - moved },
    };
  }

  /** After an event. */
  event(record: number): void {
    const { buffer } = this.#arena.memory;
    if (this.#view.buffer !== buffer) this.#view = new DataView(buffer);
    const view = this.#view;
    if (!this.isCall(view, record)) return;
    const filling = this.#fillings.find(({ inserts, done }) => done < inserts.count);
    if (filling === undefined) return;
    const time = view.getUint32(record + RECORD.time, true) + view.getUint32(record + RECORD.time + 4, true) * 2 ** 32;
    this.#clock = Math.max(this.#clock, time);
    this.#call(filling);
  }

  /** Whether an event is bpf(2) being entered. */
  isCall(view: DataView, record: number): boolean {
    return this.#calls.get(view.getUint16(record + RECORD.event, true))?.(view, record) ?? false;
  }

  /** All calls that are left. */
  finish(): void {
    for (const filling of this.#fillings) while (filling.done < filling.inserts.count) this.#call(filling);
  }

  /** One call: on the CPU that was asked for, whoever runs there now. A batch ends at the first key that fails. */
  #call(filling: Filling): void {
    const { hash, inserts } = filling;
    const keys = Math.min(inserts.batch, inserts.count - filling.done);
    const before = this.#arena.cpu;
    this.#arena.switchCpu(inserts.cpu);
    for (let key = 0; key < keys; key++) {
      this.#clock += inserts.batch === 1 ? CALL : KEY_OF_BATCH;
      const result = this.#insert(hash, inserts.cpu, filling.done + key);
      hash.count(result);
      if (result !== -ERRNO.ENOMEM) continue;
      this.#failed.set(hash.name, (this.#failed.get(hash.name) ?? 0) + 1);
      break;
    }
    filling.done += keys;
    this.#arena.core.contextSet(0, 0);
    hash.look();
    this.#afterCall();
    this.#arena.switchCpu(before);
  }

  #insert(hash: Watched, cpu: number, index: number): number {
    const { core } = this.#arena;
    const due = this.#due.get(cpu);
    if (due !== undefined && this.#clock >= due) this.#interrupt(cpu);
    // What has been asked for must not be done at once.
    core.contextSet(0, this.#late > 0 ? 1 : 0);
    const { keySize, valueSize, kind, copies } = hash.loaded.map.info;
    const value = new Uint8Array(valueSize);
    const values = kind.perCpu ? Array.from({ length: copies }, () => value) : value;
    const result = hash.loaded.map.update(
      kind.keys === "prefix" ? prefixOf(keySize, index) : keyOf(keySize, index),
      values,
      NOEXIST,
    );
    if (core.workPending() === 0) return result;
    if (this.#late === 0) this.#interrupt(cpu);
    else if (!this.#due.has(cpu)) this.#due.set(cpu, this.#clock + this.#late);
    return result;
  }

  #interrupt(cpu: number): void {
    this.#arena.settle();
    this.#due.delete(cpu);
  }
}

/** A prefix of full length, which says so in its first four bytes. */
function prefixOf(keySize: number, index: number): Uint8Array {
  const key = new Uint8Array(keySize).fill(0xff);
  const view = new DataView(key.buffer);
  view.setUint32(0, (keySize - 4) * 8, true);
  key.set(keyOf(keySize - 4, index), 4);
  return key;
}

/** A key that a program hardly has: it ends in ones. */
function keyOf(keySize: number, index: number): Uint8Array {
  const key = new Uint8Array(Math.max(keySize, 4)).fill(0xff);
  new DataView(key.buffer).setUint32(0, keySize > 4 ? index : ~index, true);
  return key.subarray(0, keySize);
}

function hashNamed(hashes: readonly Watched[], name: string): Watched {
  const [found, ...others] = hashes.filter((hash) => hash.name === name || hash.loaded.spec.name === name);
  if (found !== undefined && others.length === 0) return found;
  if (found !== undefined)
    throw new AnyctxError("EINVAL", `${name} is a hash of several objects: say ${found.name} or another`);
  const known = hashes.map((hash) => hash.name).join(", ");
  throw new AnyctxError("EINVAL", `user space cannot fill ${name}: the object's hashes are ${known || "none"}`);
}

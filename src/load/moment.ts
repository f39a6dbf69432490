/** A run that no event of a recording is behind: whose it is, where and when, and the context it is in. */
import type { Arena } from "../arena/arena.ts";
import type { LinkedProgram } from "../bpf/linked.ts";
import { AnyctxError } from "../error.ts";
import { LEVELS, type Level, RECORD } from "../events/record.ts";
import { encodeUtf8, utf8Of } from "../maps/codec/utf8.ts";
import { sectionOf } from "./section.ts";

/** Whose run it is. */
export interface DirectTask {
  readonly pid?: number;
  readonly tgid?: number;
  readonly comm?: string;
  readonly uid?: number;
  readonly gid?: number;
}

export interface Moment {
  readonly task?: DirectTask;
  readonly cpu: number;
  readonly level: Level;
  /** Nanoseconds. */
  readonly time: bigint;
}

/** As long as a task's name may be, without its NUL. */
const COMM_BYTES = RECORD.size - RECORD.comm - 1;
const MOST = { pid: 0x7fff_ffff, tgid: 0x7fff_ffff, uid: 0xffff_ffff, gid: 0xffff_ffff } as const;

/** @throws {AnyctxError} EINVAL for what a run's record cannot hold, or a CPU that there is not */
export function checkMoment({ task = {}, cpu, time }: Pick<Moment, "task" | "cpu" | "time">, cpus: number): void {
  if (!Number.isInteger(cpu) || cpu < 0)
    throw new AnyctxError("EINVAL", `cpu should be a number from 0 to ${cpus - 1}, not ${cpu}`);
  if (cpu >= cpus) throw new AnyctxError("EINVAL", `There are ${cpus} CPUs, not ${cpu + 1}`);
  if (time < 0n || time >> 64n !== 0n)
    throw new AnyctxError("EINVAL", `time should be nanoseconds from 0 to 2^64 - 1, not ${time}`);
  for (const name of ["pid", "tgid", "uid", "gid"] as const) {
    const number = task[name] ?? 0;
    if (!Number.isInteger(number) || number < 0 || number > MOST[name])
      throw new AnyctxError("EINVAL", `${name} of a task should be a number from 0 to ${MOST[name]}, not ${number}`);
  }
  const { length } = utf8Of(task.comm ?? "");
  if (length > COMM_BYTES)
    throw new AnyctxError("EINVAL", `comm of a task should have at most ${COMM_BYTES} bytes, not ${length}`);
}

/** Writes an event record without a payload. @param at where it lies in the arena's memory: RECORD.payload bytes */
export function writeMoment(arena: Arena, at: number, { task = {}, cpu, level, time }: Moment): void {
  const { pid = 0, tgid = pid, comm = "", uid = 0, gid = 0 } = task;
  const view = new DataView(arena.memory.buffer, at, RECORD.payload);
  new Uint8Array(view.buffer, at, RECORD.payload).fill(0);
  view.setBigUint64(RECORD.time, BigInt.asUintN(64, time), true);
  view.setUint32(RECORD.pidTgid, pid, true);
  view.setUint32(RECORD.pidTgid + 4, tgid, true);
  view.setUint32(RECORD.uidGid, uid, true);
  view.setUint32(RECORD.uidGid + 4, gid, true);
  encodeUtf8(comm, new Uint8Array(view.buffer, at + RECORD.comm, COMM_BYTES));
  view.setUint32(RECORD.size, RECORD.payload, true);
  view.setUint16(RECORD.cpu, cpu, true);
  view.setUint8(RECORD.level, LEVELS.indexOf(level));
  view.setInt32(RECORD.pid, pid, true);
}

export interface RanAt {
  /** r0, signed; undefined where the run was stopped. */
  readonly result: bigint | undefined;
  /** What stopped it. */
  readonly error: string | undefined;
}

/**
 * Runs a program, or a function of it, on the CPU that the thread acts as, in a context of its own.
 * @param program whether it may sleep
 * @param run is given the CPU's area
 */
export function runAt(
  { core }: Arena,
  record: number,
  level: Level,
  program: Pick<LinkedProgram, "sleepable">,
  run: (area: number) => bigint,
): RanAt {
  const section = sectionOf(core, program);
  core.contextSet(LEVELS.indexOf(level), 0);
  core.setCurrentTask(record);
  section.enter();
  try {
    return { result: BigInt.asIntN(64, run(core.currentArea() >>> 0)), error: undefined };
  } catch (cause) {
    if (!(cause instanceof AnyctxError)) throw cause;
    return { result: undefined, error: cause.message };
  } finally {
    section.leave();
    core.setCurrentTask(0);
    core.contextSet(0, 0);
  }
}

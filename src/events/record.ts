/**
 * The event record: how an event lies in memory between its source, the replay and the program that runs on it.
 *
 * A source appends records to a batch; the replay copies a whole batch into the arena's memory and points the CPU's
 * `task` at the record, so that the helpers that ask for time, pid or comm are one load each and the program's context
 * is the payload itself, without another copy. All fields are little-endian; every record is a multiple of 8 bytes.
 *
 * ```
 *  0 time      u64   nanoseconds
 *  8 pidTgid   u64   tgid << 32 | pid (ftrace text knows threads only: tgid = pid)
 * 16 uidGid    u64   gid << 32 | uid (0 where the source has none)
 * 24 comm      16 B  task name, NUL padded
 * 40 size      u32   bytes of this record, header and payload
 * 44 cpu       u16
 * 46 level     u8    0 task, 1 softirq, 2 hardirq, 3 nmi: see LEVELS
 * 47 flags     u8    RECORD_FLAGS
 * 48 event     u16   index into the source's table of events
 * 50 preempt   u8    preemption depth
 * 51 -         u8
 * 52 pid       i32   as in the tracepoint's common header
 * 56 unread    u64   fields that the source does not tell of this event, which are 0: a bit for each (`fieldBit`)
 * 64 payload         the tracepoint's context struct, `size - 64` bytes
 * ```
 */
export const RECORD = {
  time: 0,
  pidTgid: 8,
  uidGid: 16,
  comm: 24,
  size: 40,
  cpu: 44,
  level: 46,
  flags: 47,
  event: 48,
  preempt: 50,
  pid: 52,
  unread: 56,
  payload: 64,
} as const;

export const RECORD_FLAGS = { irqsOff: 1, bhDisabled: 2, needResched: 4 } as const;

/** Names of the context levels, by the number a record carries. */
export const LEVELS = ["task", "softirq", "hardirq", "nmi"] as const;
export type Level = (typeof LEVELS)[number];

/** Contexts as reports count them: interrupts off is told apart from the level it happens in. */
export const CONTEXTS = ["task", "softirq", "irqsOff", "hardirq", "nmi"] as const;
export type Context = (typeof CONTEXTS)[number];

/**
 * The context that reports count an event under. Interrupts switched off in a task are a context of their own, because
 * nothing deferred can run there; a softirq or an interrupt stays what it is, whatever its interrupt flag says.
 *
 * @param level index into LEVELS, as in a record
 * @param flags RECORD_FLAGS, as in a record
 */
export function contextOf(level: number, flags: number): Context {
  if (level === 0 && (flags & RECORD_FLAGS.irqsOff) !== 0) return "irqsOff";
  return LEVELS[level] ?? "nmi";
}

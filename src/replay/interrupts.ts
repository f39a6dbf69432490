/**
 * When interrupts came on between two events of a CPU is not in a trace, but it decides when raised refills run. Each
 * row is a sign that they did; a replay uses all of them unless told otherwise and counts what each one let run.
 */
import { AnyctxError } from "../error.ts";
import { RECORD, RECORD_FLAGS } from "../events/record.ts";
import { CONSTANTS } from "../wasm/face.ts";

export type InterruptSign = "enabled" | "preempt" | "task" | "gap";

/** What is compared: the CPU's previous event and the one about to be replayed. Times are nanoseconds. */
export interface EventMoment {
  interruptsOff: boolean;
  preempt: number;
  pid: number;
  time: number;
}

/** The moment of the record at `at`, written into `moment`: this runs for every event. */
export function readMoment(view: DataView, at: number, moment: EventMoment): void {
  const irqsOff = (view.getUint8(at + RECORD.flags) & RECORD_FLAGS.irqsOff) !== 0;
  moment.interruptsOff = irqsOff || view.getUint8(at + RECORD.level) >= CONSTANTS.HARDIRQ;
  moment.preempt = view.getUint8(at + RECORD.preempt);
  moment.pid = view.getInt32(at + RECORD.pid, true);
  moment.time = view.getUint32(at + RECORD.time, true) + view.getUint32(at + RECORD.time + 4, true) * 2 ** 32;
}

interface SignRow {
  readonly name: InterruptSign;
  readonly doc: string;
  readonly seen: (before: EventMoment, now: EventMoment, gap: number) => boolean;
}

export const INTERRUPT_SIGNS: readonly SignRow[] = [
  {
    name: "enabled",
    doc: "the event itself was recorded in task or softirq context with interrupts on",
    seen: (_before, now) => !now.interruptsOff,
  },
  {
    name: "preempt",
    doc: "another preemption depth than the CPU's event before (a guess)",
    seen: (before, now) => before.preempt !== now.preempt,
  },
  {
    name: "task",
    doc: "another task than the CPU's event before",
    seen: (before, now) => before.pid !== now.pid,
  },
  {
    name: "gap",
    doc: "further apart than a given time, 1 millisecond unless set (a guess)",
    seen: (before, now, gap) => now.time - before.time > gap,
  },
];

export interface InterruptRule {
  readonly signs: readonly InterruptSign[];
  /** Nanoseconds between two events of a CPU that count as a gap. */
  readonly gap: number;
  /**
   * Nanoseconds after which an RT arena's work thread does what was raised, at the next event of the CPU. Without a
   * meaning where the arena is not RT.
   */
  readonly threadDelay?: number;
}

/** How late the work thread of an RT kernel is unless told otherwise: a wakeup and a switch. */
export const DEFAULT_THREAD_DELAY = 50_000;

/**
 * Shorter gaps lie inside a single hard interrupt: with 10 microseconds a refill ran in the middle of one, and of 1,101 updates that
 * failed in a kernel none failed here.
 */
const GAP = 1_000_000;

export const DEFAULT_RULE: InterruptRule = { signs: ["enabled", "preempt", "task", "gap"], gap: GAP };

/** Two readings of one recording. */
export interface RuleRange {
  /** Guesses count as well: the fewest updates fail. */
  readonly fewest: InterruptRule;
  /** Only what cannot be seen without interrupts having come on: the most fail. */
  readonly most: InterruptRule;
}

export const RULE_RANGE: RuleRange = { fewest: DEFAULT_RULE, most: { signs: ["enabled", "task"], gap: GAP } };

/** The first sign of the rule that is seen, if any. */
export function interruptSign(rule: InterruptRule, before: EventMoment, now: EventMoment): InterruptSign | undefined {
  return INTERRUPT_SIGNS.find((row) => rule.signs.includes(row.name) && row.seen(before, now, rule.gap))?.name;
}

/** A rule from `enabled,preempt,task,gap` or some of them. EINVAL for other words. */
export function parseRule(signs: string, gapMicroseconds: number): InterruptRule {
  const names = signs.split(",").map((word) => word.trim());
  const known = INTERRUPT_SIGNS.map((row) => row.name);
  const chosen = known.filter((name) => names.includes(name));
  const unknown = names.find((name) => !known.includes(name as InterruptSign));
  if (unknown !== undefined)
    throw new AnyctxError("EINVAL", `"${unknown}" is no sign of interrupts coming on; known are ${known.join(", ")}`);
  if (!(gapMicroseconds >= 0))
    throw new AnyctxError("EINVAL", `A gap is a number of microseconds, not ${gapMicroseconds}`);
  return { signs: chosen, gap: gapMicroseconds * 1000 };
}

/** The columns of flags that ftrace prints, for example `dNh4.`: what each character says about the context. */

/** Bits of a tracepoint's `common_flags`, as Linux's `trace_flag_type` has them. */
export const COMMON_FLAGS = {
  irqsOff: 0x01,
  needReschedLazy: 0x02,
  needResched: 0x04,
  hardirq: 0x08,
  softirq: 0x10,
  preemptResched: 0x20,
  nmi: 0x40,
  bhOff: 0x80,
} as const;

/** What one character of a flags column means: bits of `common_flags`, and the level where the column tells it. */
export interface FlagMeaning {
  readonly common: number;
  readonly level: number;
}

const F = COMMON_FLAGS;

/** The characters of each column by its name in the trace's header. */
export const FLAG_COLUMNS: Readonly<
  Record<"irqs" | "resched" | "lazy" | "level", Readonly<Record<string, FlagMeaning>>>
> = {
  irqs: {
    ".": { common: 0, level: 0 },
    d: { common: F.irqsOff, level: 0 },
    b: { common: F.bhOff, level: 0 },
    D: { common: F.irqsOff | F.bhOff, level: 0 },
    B: { common: F.bhOff, level: 0 },
    X: { common: 0, level: 0 },
  },
  resched: {
    ".": { common: 0, level: 0 },
    N: { common: F.needResched | F.preemptResched, level: 0 },
    n: { common: F.needResched, level: 0 },
    p: { common: F.preemptResched, level: 0 },
    l: { common: F.needReschedLazy, level: 0 },
    L: { common: F.needReschedLazy | F.preemptResched, level: 0 },
    b: { common: F.needResched | F.needReschedLazy, level: 0 },
    B: { common: F.needResched | F.needReschedLazy | F.preemptResched, level: 0 },
  },
  lazy: {
    ".": { common: 0, level: 0 },
    l: { common: F.needReschedLazy, level: 0 },
    L: { common: F.needReschedLazy, level: 0 },
    N: { common: F.needReschedLazy, level: 0 },
  },
  level: {
    ".": { common: 0, level: 0 },
    s: { common: F.softirq, level: 1 },
    h: { common: F.hardirq, level: 2 },
    H: { common: F.hardirq | F.softirq, level: 2 },
    z: { common: F.nmi, level: 3 },
    Z: { common: F.nmi | F.hardirq, level: 3 },
  },
};

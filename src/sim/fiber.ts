/** A fiber: one context on one virtual CPU. A task, or an interrupt that comes in once, at any step. */
import type { Core } from "../wasm/face.ts";

export const LEVELS = ["task", "softirq", "hardirq", "nmi"] as const;
export type Level = (typeof LEVELS)[number];

/** A call of one of the core's exported functions: its name and its arguments. */
export type Call = readonly [name: keyof Core, ...args: number[]];

/** What a fiber does: yields calls and gets their results. Between two calls nothing else runs. */
export type Body = Generator<Call, void, number>;

export interface FiberSpec {
  readonly name: string;
  readonly cpu: number;
  readonly level: Level;
  readonly body: () => Body;
  /** An event that need not happen, such as the death of a CPU. Left out, it happens at the end at the latest. */
  readonly optional?: boolean;
  /** The death of this CPU: everything on it stops for good, wherever it is. */
  readonly kills?: number;
  /** It can begin only when this holds. */
  readonly ready?: () => boolean;
}

export type FiberState = "new" | "suspended" | "running" | "done" | "dead";

export class Fiber {
  readonly index: number;
  readonly name: string;
  readonly cpu: number;
  readonly level: number;
  readonly optional: boolean;
  readonly kills: number | undefined;
  readonly ready: (() => boolean) | undefined;
  /** Where Asyncify keeps the suspended stack: its end pointer, its limit, then the stack. */
  readonly stack: { readonly from: number; readonly to: number };
  readonly body: Body;
  state: FiberState = "new";
  /** Accesses to memory so far. */
  steps = 0;
  /** The call that is suspended or running. */
  call: Call | undefined;
  result = 0;
  /** Interrupts: what `contextLeave` takes, and whether that call has been made. */
  below = 0;
  isLeaving = false;

  constructor(spec: FiberSpec, index: number, stack: Fiber["stack"]) {
    this.index = index;
    this.name = spec.name;
    this.cpu = spec.cpu;
    this.level = LEVELS.indexOf(spec.level);
    this.optional = spec.optional === true;
    this.kills = spec.kills;
    this.ready = spec.ready;
    this.stack = stack;
    this.body = spec.body();
  }

  get isOver(): boolean {
    return this.state === "done" || this.state === "dead";
  }
}

/** A task on a CPU. */
export function task(cpu: number, body: () => Body, name = `task ${cpu}`): FiberSpec {
  return { name, cpu, level: "task", body };
}

/** An interrupt that comes in on a CPU, once. */
export function interrupt(
  level: Exclude<Level, "task">,
  cpu: number,
  body: () => Body,
  name = `${level} ${cpu}`,
): FiberSpec {
  return { name, cpu, level, body };
}

function* nothing(): Body {}

/** The thread of a CPU may be killed, at any step of it; then nothing on that CPU goes on. */
export function death(cpu: number): FiberSpec {
  return { name: `death of CPU ${cpu}`, cpu: -1, level: "task", body: nothing, optional: true, kills: cpu };
}

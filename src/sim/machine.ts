/**
 * Runs schedules: fibers on virtual CPUs, one access to memory at a time. A policy says where to switch; everything
 * else is fixed, so the same decisions always give the same run.
 */

import { checkDrains } from "./checks/drained.ts";
import { Circles } from "./circles.ts";
import type { SimCore } from "./core.ts";
import { writes } from "./core.ts";
import { Fiber, type FiberSpec } from "./fiber.ts";
import { Finding, findingFrom } from "./finding.ts";
import { BLOCK_SHIFT } from "./memory.ts";
import { Reached } from "./reach.ts";
import { AT_END, type Decision } from "./schedule.ts";
import { MOST_FIBERS, SCRATCH_AT, stackOf, World, type WorldOptions } from "./world.ts";

/** Chooses who runs. Asked only where it asked to be asked. */
export interface Policy {
  begin?(machine: Machine): void;
  /** The step of the running fiber before which `decide` is wanted; Infinity for never. */
  nextStep(machine: Machine, fiber: Fiber): number;
  /** Right before an access: the fiber that runs now, `fiber` itself to go on. */
  decide(machine: Machine, fiber: Fiber, address: number, size: number, site: number): Fiber;
  /** `fiber` is over or spins (undefined: at the beginning). The first choice is what happens by itself. */
  pick(machine: Machine, fiber: Fiber | undefined, choices: readonly Fiber[]): Fiber;
}

/** Sees every access that really happens, in order. */
export interface Observer {
  /** A run begins. */
  begin?(): void;
  access(fiber: Fiber, address: number, size: number, site: number): void;
  /** The machine goes on with another fiber. */
  switched?(to: Fiber): void;
  /** The thread of a CPU is dead, and whoever acts on it knows. */
  killed?(cpu: number): void;
  called?(fiber: Fiber): void;
  returned?(fiber: Fiber): void;
}

/** One run of a scenario: its fibers, and what has to hold when all are over. */
export interface Run {
  readonly fibers: readonly FiberSpec[];
  /** The thread of a CPU has just been killed; whoever acts on it does not know yet. */
  readonly atDeath?: (cpu: number) => void;
  readonly atRest?: () => void;
}

export interface Outcome {
  readonly finding: Finding | undefined;
  /** What the policy chose that would not have happened by itself. */
  readonly decisions: readonly Decision[];
  readonly steps: number;
  /** Hash of the memory at rest, before it is checked; 0 where the run did not come to its end. */
  readonly state: number;
  /** Hash of all accesses in their order, 0 where the run did not come to its end: the same decisions, the same hash. */
  readonly trace: number;
  /** Set when the policy gave the schedule up because another one is the same. */
  readonly redundant: boolean;
}

/** Thrown by a policy that gives a schedule up. */
export class Redundant extends Error {}

/** A run that takes more steps makes no progress. */
const MOST_STEPS = 400_000;

const SMALL_ACCESS = 16;
const TRACE_PRIME = 0x01000193;

export class Machine {
  readonly world: World;
  fibers: Fiber[] = [];
  observers: Observer[] = [];
  /** What the fibers of all runs reached. */
  readonly reached: Reached;
  /** Steps of all fibers in this run, up to the last switch. */
  total = 0;
  #steps = 0;
  #limit = 0;
  #running: Fiber | undefined;
  #rewinding = false;
  #switchTo: Fiber | undefined;
  #policy: Policy | undefined;
  #atDeath: Run["atDeath"];
  #decisions: Decision[] = [];
  /** Of each CPU, the contexts that are in, the innermost last. */
  #stacks: Fiber[][] = [];
  readonly #circles = new Circles();
  readonly #isWrite: readonly boolean[];
  /** Where steps are counted by site: those of fibers in `reached`, those of checks and preparations nowhere. */
  #counts: Float64Array;
  readonly #uncounted: Float64Array;
  #trace = 0;

  constructor(core: SimCore, options: WorldOptions) {
    this.#limit = Number.POSITIVE_INFINITY;
    this.reached = new Reached(core.table);
    this.#uncounted = new Float64Array(core.table.kinds.length);
    this.#counts = this.#uncounted;
    // While the arena is formatted there is no memory to mark yet.
    let dirty: Uint8Array = new Uint8Array(1 << 16);
    const step = (address: number, size: number, site: number): void => {
      if (address < SCRATCH_AT) throw new Finding("no object", `${size} bytes at ${address}: 0 and an offset`);
      dirty[address >>> BLOCK_SHIFT] = 1;
      if (size > SMALL_ACCESS) this.world?.memory.touch(address, size);
      (this.#counts[site] as number)++;
      this.#trace = Math.imul(this.#trace ^ address ^ (site << 20), TRACE_PRIME);
      if (++this.#steps >= this.#limit) this.#ask(address, size, site);
    };
    this.world = new World(core, options, step, (what) => this.reached.see(what));
    dirty = this.world.memory.dirty;
    this.#isWrite = core.table.kinds.map(writes);
  }

  /** Steps that the running fiber has done, the one it is about to do included. */
  get steps(): number {
    return this.#steps;
  }

  /** Steps of the whole run. */
  get now(): number {
    return this.total + this.#steps - (this.#running?.steps ?? 0);
  }

  get decisions(): readonly Decision[] {
    return this.#decisions;
  }

  isWrite(site: number): boolean {
    return this.#isWrite[site] as boolean;
  }

  /** Runs one schedule from the first state on. */
  run(start: () => Run, policy: Policy): Outcome {
    this.world.memory.restore();
    this.world.dead.clear();
    const { fibers, atRest, atDeath } = start();
    if (fibers.length > MOST_FIBERS) throw new Finding("scenario", `more than ${MOST_FIBERS} fibers`);
    this.fibers = fibers.map((spec, index) => new Fiber(spec, index, stackOf(index, fibers.length)));
    this.#stacks = this.world.instances.map(() => []);
    this.#decisions = [];
    this.#policy = policy;
    this.#atDeath = atDeath;
    this.total = 0;
    this.#trace = 0;
    this.#counts = this.reached.sites;
    let finding: Finding | undefined;
    let redundant = false;
    let state = 0;
    let trace = 0;
    try {
      for (const observer of this.observers) observer.begin?.();
      policy.begin?.(this);
      for (let fiber = this.#pick(undefined); fiber !== undefined; ) fiber = this.#continue(fiber) ?? this.#pick(fiber);
      trace = this.#rest();
      state = this.world.memory.hash();
      atRest?.();
      this.world.once("drains", () => checkDrains(this.world));
    } catch (thrown) {
      if (thrown instanceof Redundant) redundant = true;
      else finding = findingFrom(thrown);
    }
    if (this.#running !== undefined) this.total += this.#steps - this.#running.steps;
    this.#running = undefined;
    this.#rewinding = false;
    this.#switchTo = undefined;
    this.#limit = Number.POSITIVE_INFINITY;
    this.#counts = this.#uncounted;
    // Whoever was stopped in the middle may have acted as another CPU.
    if (redundant || finding !== undefined)
      for (const cpu of this.#stacks.keys()) this.world.callOn(cpu, "switchCpu", cpu);
    return { finding, decisions: this.#decisions, steps: this.total, state, trace, redundant };
  }

  /** All fibers are over, what they did is hashed: what the core is asked from here on is no step of the schedule. */
  #rest(): number {
    this.#running = undefined;
    this.#limit = this.#steps + MOST_STEPS;
    this.#counts = this.#uncounted;
    return this.#trace;
  }

  /** What may run now instead of `fiber`. */
  alternatives(fiber: Fiber | undefined): Fiber[] {
    return this.fibers.filter((each) => each !== fiber && this.#mayRun(each));
  }

  /** Stops a CPU for good, whatever it is doing: its thread was killed. */
  #kill(cpu: number): void {
    this.world.dead.add(cpu);
    this.#atDeath?.(cpu);
    for (const fiber of this.fibers) if (fiber.cpu === cpu && !fiber.isOver) fiber.state = "dead";
    this.#stacks[cpu] = [];
    for (const observer of this.observers) observer.killed?.(cpu);
    // Its thread may have acted as another CPU: whoever has the instance next begins anew.
    this.#limit = Number.POSITIVE_INFINITY;
    this.world.callOn(cpu, "switchCpu", cpu);
  }

  #mayRun(fiber: Fiber): boolean {
    if (fiber.isOver || (fiber.state === "new" && fiber.ready?.() === false)) return false;
    if (fiber.kills !== undefined) return true;
    const stack = this.#stacks[fiber.cpu] as Fiber[];
    const top = stack.at(-1);
    if (top === fiber || top === undefined) return true;
    if (fiber.level > 0) return fiber.state === "new" && fiber.level > top.level && this.#mayInterrupt(fiber);
    return this.world.options.preemptible === true && top.level === 0 && this.#mayPreempt(fiber.cpu);
  }

  #interruptsOff(cpu: number): boolean {
    return this.world.memory.load((this.world.areas[cpu] as number) + this.world.interruptsOffAt) !== 0;
  }

  /** Interrupts-off keeps all out but NMIs. */
  #mayInterrupt(fiber: Fiber): boolean {
    return fiber.level === 3 || !this.#interruptsOff(fiber.cpu);
  }

  /** Another task of this CPU may run where interrupts are on; deferred work is an interrupt's, except on RT. */
  #mayPreempt(cpu: number): boolean {
    const { memory, areas, workingAt, options } = this.world;
    if (this.#interruptsOff(cpu)) return false;
    return options.realTime === true || memory.load((areas[cpu] as number) + workingAt) === 0;
  }

  /** What happens by itself comes first: who was interrupted, then who has begun, then tasks, then interrupts. */
  #choices(fiber: Fiber | undefined): Fiber[] {
    const rank = (each: Fiber): number => {
      if (fiber !== undefined && each === this.#stacks[fiber.cpu]?.at(-1)) return 0;
      if (each.state === "suspended") return 1;
      return each.level === 0 ? 2 : 3;
    };
    return this.alternatives(fiber)
      .filter((each) => !each.optional)
      .sort((a, b) => rank(a) - rank(b) || a.index - b.index);
  }

  #pick(fiber: Fiber | undefined): Fiber | undefined {
    const choices = this.#choices(fiber);
    if (choices.length < 2) return choices[0];
    const chosen = (this.#policy as Policy).pick(this, fiber, choices);
    if (chosen !== choices[0]) this.#decisions.push({ fiber: fiber?.index ?? -1, step: AT_END, to: chosen.index });
    return chosen;
  }

  /** Lets a fiber go on until it is over (undefined) or another one is to run. */
  #continue(fiber: Fiber): Fiber | undefined {
    this.#running = fiber;
    this.#steps = fiber.steps;
    for (const observer of this.observers) observer.switched?.(fiber);
    if (fiber.kills !== undefined) {
      this.#kill(fiber.kills);
      fiber.state = "done";
      return undefined;
    }
    const stack = this.#stacks[fiber.cpu] as Fiber[];
    if (stack.at(-1) !== fiber) {
      if (fiber.level > 0 || stack.length === 0) stack.push(fiber);
      else stack[0] = fiber;
    }
    if (fiber.state === "new" && fiber.level > 0) this.#enter(fiber);
    const next = this.#calls(fiber);
    this.total += this.#steps - fiber.steps;
    fiber.steps = this.#steps;
    if (next === undefined) {
      fiber.state = "done";
      stack.pop();
    }
    return next;
  }

  /** The interrupt's context begins; nothing comes in between. */
  #enter(fiber: Fiber): void {
    const steps = this.#steps;
    this.#limit = Number.POSITIVE_INFINITY;
    fiber.result = this.world.callOn(fiber.cpu, "contextEnter", fiber.level);
    this.#steps = steps;
    fiber.below = fiber.result;
  }

  /** The next call of a fiber: its body's, and behind an interrupt's body the return to what it interrupted. */
  #nextCall(fiber: Fiber): boolean {
    if (fiber.isLeaving) return false;
    const next = fiber.body.next(fiber.result);
    if (next.done !== true) fiber.call = next.value;
    else if (fiber.level > 0) {
      fiber.isLeaving = true;
      fiber.call = ["contextLeave", fiber.below];
    } else return false;
    return true;
  }

  #calls(fiber: Fiber): Fiber | undefined {
    const instance = this.world.instances[fiber.cpu] as World["instances"][number];
    while (true) {
      if (fiber.state === "suspended") {
        // The step that suspended it is done once more: its number stays the same.
        this.#steps = fiber.steps - 1;
        this.#limit = 0;
        this.#rewinding = true;
        instance.startRewind(fiber.stack.from);
      } else {
        if (!this.#nextCall(fiber)) return undefined;
        for (const observer of this.observers) observer.called?.(fiber);
        this.#arm(fiber);
      }
      fiber.state = "running";
      const [name, a = 0, b = 0, c = 0, d = 0, e = 0] = fiber.call as NonNullable<Fiber["call"]>;
      const callee = instance.functions[name];
      if (callee === undefined) throw new Finding("scenario", `the core has no function ${name}`);
      const result = callee(a, b, c, d, e);
      if (this.#switchTo !== undefined) {
        instance.stopUnwind();
        fiber.state = "suspended";
        const to = this.#switchTo;
        this.#switchTo = undefined;
        return to;
      }
      fiber.result = result;
      for (const observer of this.observers) observer.returned?.(fiber);
    }
  }

  #arm(fiber: Fiber): void {
    if (this.observers.length > 0) {
      this.#limit = this.#steps + 1;
      return;
    }
    this.#limit = Math.min((this.#policy as Policy).nextStep(this, fiber), this.#circles.nextStep(this.#steps));
  }

  /** The slow part of a step: the policy, the watch for circles, observers. */
  #ask(address: number, size: number, site: number): void {
    const fiber = this.#running;
    if (fiber === undefined) throw new Finding("no progress", `a call at rest takes more than ${MOST_STEPS} steps`);
    const policy = this.#policy as Policy;
    const resumed = this.#rewinding;
    if (resumed) {
      this.#rewinding = false;
      this.world.instances[fiber.cpu]?.stopRewind();
    }
    if (policy.nextStep(this, fiber) <= this.#steps) {
      const to = policy.decide(this, fiber, address, size, site);
      if (to !== fiber) {
        this.#decisions.push({ fiber: fiber.index, step: this.#steps, to: to.index });
        this.#suspend(fiber, to);
        return;
      }
    }
    if (!resumed && this.#isSpinning(address, site)) {
      const to = this.#yield(fiber);
      if (to !== undefined) {
        this.#suspend(fiber, to);
        return;
      }
    }
    for (const observer of this.observers) observer.access(fiber, address, size, site);
    this.#arm(fiber);
  }

  #suspend(fiber: Fiber, to: Fiber): void {
    const { words } = this.world.memory;
    const { from, to: end } = fiber.stack;
    words[from >>> 2] = from + 8;
    words[(from >>> 2) + 1] = end;
    this.#switchTo = to;
    this.world.instances[fiber.cpu]?.startUnwind(from);
  }

  /** Whether the fiber waits for somebody else. */
  #isSpinning(address: number, site: number): boolean {
    const read = this.isWrite(site) ? -this.#steps : address;
    return this.#circles.sees(this.#steps, read, () => {
      if (this.now > MOST_STEPS) throw new Finding("no progress", `still spinning after ${MOST_STEPS} steps`);
    });
  }

  /** Whoever spins lets the next one go on: interrupts do not come in for that. */
  #yield(fiber: Fiber): Fiber | undefined {
    const count = this.fibers.length;
    const after = (each: Fiber): number => (each.index - fiber.index + count) % count;
    const choices = this.alternatives(fiber)
      .filter((each) => !each.optional && (each.state !== "new" || each.level === 0))
      .sort((a, b) => after(a) - after(b));
    if (choices.length < 2) return choices[0];
    const chosen = (this.#policy as Policy).pick(this, fiber, choices);
    if (chosen !== choices[0]) this.#decisions.push({ fiber: fiber.index, step: this.#steps, to: chosen.index });
    return chosen;
  }
}

/**
 * All schedules up to a number of preemptions and interrupts, without those that are the same as another one. Deaths
 * (fiber.ts) come on top: before every write of the CPU that may die, as the memory is what it was between two writes.
 *
 * Stateless: each schedule is a list of decisions, run from the first state on; while it runs behind its last decision,
 * every place where one more could be made is put on a list. Two reductions, both by address:
 * - A switch is tried only before accesses to words that two fibers touch and one writes. Which these are is learned
 *   on the way; if some become known late, everything is done again with them.
 * - A switch away from an access has to be justified: somebody else touches the same bytes before the access happens,
 *   and one of the two writes. Otherwise the access could as well have come first, which is a schedule of its own with
 *   no more switches, and this one is given up.
 */
import type { Fiber } from "./fiber.ts";
import { type Machine, type Outcome, type Policy, Redundant, type Run } from "./machine.ts";
import { AT_END, type Decision } from "./schedule.ts";

/** An access that waits while others run. */
interface Window {
  readonly fiber: Fiber;
  readonly address: number;
  readonly size: number;
  readonly isWrite: boolean;
  justified: boolean;
}

export interface ExhaustiveReport {
  /** Schedules run to their end in the last pass. */
  readonly schedules: number;
  /** Schedules given up because another one is the same. */
  readonly redundant: number;
  readonly steps: number;
  /** Passes: more than one if shared words became known late. */
  readonly passes: number;
  /** Whether all schedules within the bound were run. */
  readonly complete: boolean;
}

export interface ExhaustiveOptions {
  /** Most preemptions and interrupts in one schedule. */
  readonly bound: number;
  /** Asked after each schedule, redundant ones included: true ends the search incomplete. */
  readonly isEnough?: () => boolean;
  /** Gets every outcome that is not redundant; true ends the search. */
  readonly see: (outcome: Outcome) => boolean;
}

class Exploration implements Policy {
  /** Bits of the fibers that read or write a word, and of those that write it. */
  readonly #users: Uint32Array;
  readonly #writers: Uint32Array;
  readonly #bound: number;
  /** Set when a word is found shared that was not known to be. */
  hasGrown = false;
  /** Schedules still to be run: first those with nothing but deaths in them. */
  #pending: (readonly Decision[])[] = [];
  #plain: (readonly Decision[])[] = [];
  #prefix: readonly Decision[] = [];
  #made = 0;
  #windows: Window[] = [];
  #before: Fiber | undefined;

  constructor(machine: Machine, bound: number) {
    const { length } = machine.world.memory.words;
    this.#users = new Uint32Array(length);
    this.#writers = new Uint32Array(length);
    this.#bound = bound;
  }

  restart(): void {
    this.hasGrown = false;
    this.#pending = [];
    this.#plain = [[]];
  }

  next(): readonly Decision[] | undefined {
    return this.#plain.pop() ?? this.#pending.pop();
  }

  follow(prefix: readonly Decision[]): void {
    this.#prefix = prefix;
    this.#made = 0;
    this.#windows = [];
    this.#before = undefined;
  }

  nextStep(): number {
    return 0;
  }

  /** Preemptions and interrupts so far. */
  #switches(machine: Machine): number {
    return this.#prefix.filter(({ step, to }) => step !== AT_END && machine.fibers[to]?.kills === undefined).length;
  }

  /** Branches off right here to each of the fibers that `to` is true for. */
  #branch(machine: Machine, fiber: Fiber, to: (other: Fiber) => boolean): void {
    for (const other of machine.alternatives(fiber)) {
      if (other === this.#before || !to(other)) continue;
      const schedule = [...this.#prefix, { fiber: fiber.index, step: machine.steps, to: other.index }];
      const isPlain = other.kills !== undefined && this.#switches(machine) === 0;
      (isPlain ? this.#plain : this.#pending).push(schedule);
    }
  }

  decide(machine: Machine, fiber: Fiber, address: number, size: number, site: number): Fiber {
    this.#close(fiber);
    const isWrite = machine.isWrite(site);
    const next = this.#prefix[this.#made];
    if (next !== undefined) {
      if (next.fiber === fiber.index && next.step === machine.steps) {
        this.#made++;
        const to = machine.fibers[next.to] as Fiber;
        this.#windows.push({ fiber, address, size, isWrite, justified: to.kills !== undefined });
        this.#before = fiber;
        return to;
      }
    } else {
      if (isWrite) this.#branch(machine, fiber, ({ kills }) => kills === fiber.cpu);
      if (this.#switches(machine) < this.#bound && this.#isShared(address, size))
        this.#branch(machine, fiber, ({ kills }) => kills === undefined);
    }
    this.#before = undefined;
    this.#access(fiber, address, size, isWrite);
    return fiber;
  }

  pick(_machine: Machine, fiber: Fiber | undefined, choices: readonly Fiber[]): Fiber {
    const first = choices[0] as Fiber;
    if (fiber !== undefined && !fiber.isOver) return first;
    const next = this.#prefix[this.#made];
    if (next !== undefined) {
      if (next.step !== AT_END || next.fiber !== (fiber?.index ?? -1)) return first;
      this.#made++;
      return choices.find(({ index }) => index === next.to) ?? first;
    }
    for (const to of choices.slice(1)) {
      if ((to.level === 0) === (first.level === 0))
        this.#pending.push([...this.#prefix, { fiber: fiber?.index ?? -1, step: AT_END, to: to.index }]);
    }
    return first;
  }

  /** The fiber goes on: what it waited with must have been worth it. */
  #close(fiber: Fiber): void {
    const index = this.#windows.findIndex((window) => window.fiber === fiber);
    if (index < 0) return;
    const [window] = this.#windows.splice(index, 1);
    if (window?.justified === false) throw new Redundant();
  }

  #access(fiber: Fiber, address: number, size: number, isWrite: boolean): void {
    for (const window of this.#windows) {
      if (window.fiber === fiber || window.justified || !(isWrite || window.isWrite)) continue;
      if (address < window.address + window.size && window.address < address + size) window.justified = true;
    }
    const bit = 1 << fiber.index;
    for (let word = address >>> 2; word <= (address + size - 1) >>> 2; word++) {
      const users = this.#users[word] as number;
      const writers = this.#writers[word] as number;
      if ((users & bit) !== 0 && (!isWrite || (writers & bit) !== 0)) continue;
      const shared = isShared(users, writers);
      this.#users[word] = users | bit;
      if (isWrite) this.#writers[word] = writers | bit;
      if (!shared && isShared(users | bit, isWrite ? writers | bit : writers)) this.hasGrown = true;
    }
  }

  #isShared(address: number, size: number): boolean {
    for (let word = address >>> 2; word <= (address + size - 1) >>> 2; word++)
      if (isShared(this.#users[word] as number, this.#writers[word] as number)) return true;
    return false;
  }
}

function isShared(users: number, writers: number): boolean {
  return writers !== 0 && (users & (users - 1)) !== 0;
}

/** Runs every schedule of a scenario within the bound. */
export function exhaust(machine: Machine, start: () => Run, options: ExhaustiveOptions): ExhaustiveReport {
  const { bound, isEnough, see } = options;
  const exploration = new Exploration(machine, bound);
  let schedules = 0;
  let redundant = 0;
  let steps = 0;
  let passes = 0;
  let ended = false;
  do {
    passes++;
    exploration.restart();
    schedules = 0;
    redundant = 0;
    while (!ended) {
      const prefix = exploration.next();
      if (prefix === undefined) break;
      exploration.follow(prefix);
      const outcome = machine.run(start, exploration);
      steps += outcome.steps;
      if (outcome.redundant) redundant++;
      else {
        schedules++;
        ended = see(outcome);
      }
      if (isEnough?.() === true) ended = true;
    }
  } while (exploration.hasGrown && !ended);
  return { schedules, redundant, steps, passes, complete: !ended };
}

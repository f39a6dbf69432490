/** Policies: replaying decisions, random schedules, priorities with a few changes (PCT). */
import type { Fiber } from "./fiber.ts";
import type { Machine, Policy } from "./machine.ts";
import type { Random } from "./random.ts";
import { AT_END, type Decision } from "./schedule.ts";

/** Does what was decided before. A decision whose moment never comes is never made, nor are those after it. */
export function replay(decisions: readonly Decision[]): Policy {
  let made = 0;
  return {
    begin() {
      made = 0;
    },
    nextStep(_machine, fiber) {
      const next = decisions[made];
      return next !== undefined && next.fiber === fiber.index && next.step !== AT_END
        ? next.step
        : Number.POSITIVE_INFINITY;
    },
    decide(machine, fiber) {
      const next = decisions[made] as Decision;
      made++;
      if (next.step !== machine.steps) return fiber;
      return machine.alternatives(fiber).find(({ index }) => index === next.to) ?? fiber;
    },
    pick(_machine, fiber, choices) {
      const next = decisions[made];
      if (next?.step === AT_END && next.fiber === (fiber?.index ?? -1)) {
        made++;
        return choices.find(({ index }) => index === next.to) ?? (choices[0] as Fiber);
      }
      return choices[0] as Fiber;
    },
  };
}

/** Switches after runs of random length; how long they are on average is drawn for each schedule. */
export function randomly(random: Random): Policy {
  let average = 1;
  let until = 0;
  const draw = (machine: Machine): void => {
    until = machine.now + 1 + random.below(2 * average);
  };
  return {
    begin(machine) {
      average = 1 << (1 + random.below(8));
      draw(machine);
    },
    nextStep: (machine) => machine.steps + Math.max(0, until - machine.now),
    decide(machine, fiber) {
      draw(machine);
      const others = machine.alternatives(fiber);
      return others[random.below(others.length)] ?? fiber;
    },
    pick: (_machine, _fiber, choices) => choices[random.below(choices.length)] as Fiber,
  };
}

/**
 * Random priorities, and `changes` moments at which the running fiber falls behind all others (Burckhardt et al. 2010,
 * "A Randomized Scheduler with Probabilistic Guarantees of Finding Bugs").
 * @param length steps that a run takes, roughly
 */
export function byPriority(random: Random, changes: number, length: number): Policy {
  let priorities: number[] = [];
  let moments: number[] = [];
  const best = (choices: readonly Fiber[]): Fiber =>
    choices.reduce((a, b) => ((priorities[b.index] ?? 0) > (priorities[a.index] ?? 0) ? b : a));
  return {
    begin(machine) {
      priorities = machine.fibers.map(() => 1 + random.next());
      moments = Array.from({ length: changes }, () => 1 + random.below(length)).sort((a, b) => a - b);
    },
    nextStep(machine) {
      const moment = moments[0];
      return moment === undefined ? Number.POSITIVE_INFINITY : machine.steps + Math.max(0, moment - machine.now);
    },
    decide(machine, fiber) {
      moments.shift();
      priorities[fiber.index] = -(changes - moments.length);
      const others = machine.alternatives(fiber);
      return others.length > 0 ? best(others) : fiber;
    },
    pick: (_machine, _fiber, choices) => best(choices),
  };
}

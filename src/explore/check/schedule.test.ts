import assert from "node:assert/strict";
import { test } from "node:test";
import { CONTEXTS, type Context } from "../../events/record.ts";
import {
  type Interruption,
  type Schedule,
  type ScheduleSpace,
  type Step,
  schedules,
  scheduleText,
  straight,
} from "./schedule.ts";

const LEVEL: Readonly<Record<Context, number>> = { task: 0, irqsOff: 0, softirq: 1, hardirq: 2, nmi: 3 };
const SPACE: ScheduleSpace = { contexts: CONTEXTS, realTime: false, points: 3 };

interface Size {
  readonly runs: number;
  readonly switches: number;
}

function sizeOf(steps: readonly Step[]): Size {
  let [runs, switches] = [0, 0];
  for (const step of steps) {
    if (step.type === "enable") switches++;
    else runs++;
    if (step.type !== "run" || step.interruption === undefined) continue;
    const inner = sizeOf(step.interruption.steps);
    runs += inner.runs;
    switches += inner.switches + 1;
  }
  return { runs, switches };
}

function interruptionsIn({ context, steps }: Schedule): { below: Context; interruption: Interruption }[] {
  return steps.flatMap((step) => {
    if (step.type !== "run" || step.interruption === undefined) return [];
    return [{ below: context, interruption: step.interruption }, ...interruptionsIn(step.interruption)];
  });
}

function all(context: Context, { runs, switches }: Size, space: ScheduleSpace = SPACE): Schedule[] {
  return [...schedules(space, context, runs, switches)];
}

const SIZES = [1, 2, 3, 4].flatMap((runs) => [0, 1, 2].map((switches) => ({ runs, switches })));

test("every schedule has the runs and switches that were asked for, and none is there twice", () => {
  for (const context of CONTEXTS)
    for (const size of SIZES) {
      const found = all(context, size);
      for (const { steps } of found) assert.deepEqual(sizeOf(steps), size);
      assert.equal(new Set(found.map((schedule) => JSON.stringify(schedule))).size, found.length);
    }
});

test("only a higher context interrupts, and only an NMI where interrupts are off", () => {
  const found = SIZES.flatMap((size) => CONTEXTS.flatMap((context) => all(context, size)));
  const pairs = new Set<string>();
  for (const schedule of found)
    for (const { below, interruption } of interruptionsIn(schedule)) {
      assert.ok(LEVEL[interruption.context] > LEVEL[below]);
      assert.ok(below !== "irqsOff" || interruption.context === "nmi");
      pairs.add(`${below} < ${interruption.context}`);
    }
  assert.equal(pairs.size, 3 + 2 + 1 + 1, "and every such pair is there");
});

test("without switches there is one schedule a context; with one, so many as positions, points and interrupters", () => {
  assert.deepEqual(all("hardirq", { runs: 5, switches: 0 }), [straight("hardirq", 5)]);
  // Of three runs in a task: the first interrupted once or twice, or the second once; by three contexts, at three points.
  const inTask = all("task", { runs: 3, switches: 1 });
  assert.equal(inTask.length, 3 * 3 * 3);
  assert.ok(inTask.every(({ context }) => context === "task"));
  // An NMI's own: interrupts come on after the first or the second run; or it interrupts one of the four others.
  assert.equal(all("nmi", { runs: 3, switches: 1 }).length, 2 + 4 * 3 * 3);
});

test("interrupts come on only where they were off: in a task there is nothing to wait for, on RT there is", () => {
  const enabling = (realTime: boolean): boolean =>
    all("task", { runs: 2, switches: 1 }, { ...SPACE, realTime }).some(({ steps }) => steps[1]?.type === "enable");
  assert.deepEqual([enabling(false), enabling(true)], [false, true]);
});

test("a context that is not asked for is in no schedule", () => {
  const space: ScheduleSpace = { ...SPACE, contexts: ["task", "hardirq"] };
  for (const size of SIZES)
    for (const schedule of all("task", size, space))
      for (const { interruption } of interruptionsIn(schedule)) assert.equal(interruption.context, "hardirq");
});

test("a schedule reads as a line", () => {
  const text = (schedule: Schedule, realTime = false): string => scheduleText(schedule, realTime, () => 12);
  assert.equal(text(straight("hardirq", 5)), "hardirq: 5 runs, no interrupts-on between");
  assert.equal(text(straight("task", 5), true), "task: 5 runs, no work thread between");
  assert.equal(text(straight("task", 2)), "task: 2 runs");
  const run: Step = { type: "run" };
  const interruption: Interruption = { context: "nmi", point: 1, steps: [run, run, run] };
  const steps: Step[] = [run, { type: "run", interruption }, { type: "enable" }, run];
  assert.equal(
    text({ context: "irqsOff", steps }),
    "interrupts off: run; run [nmi at instruction 12: 3 runs]; interrupts on; run",
  );
});

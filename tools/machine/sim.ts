/**
 * The deterministic machine's long run: every scenario, every canary, for as long as is wanted.
 *
 *   npm run sim -- [--minutes N] [--scenario NAME] [--seed S] [--schedule TEXT] [--canary NAME] [--json]
 *
 * With --scenario and --seed or --schedule it runs that one schedule and shows its trace.
 */
import { parseArgs } from "node:util";
import { type Failure, replayOne, runScenario, type ScenarioReport, unreached } from "../../src/sim/campaign.ts";
import { loadSimCore, type SimCore } from "../../src/sim/core.ts";
import type { Scenario } from "../../src/sim/scenario.ts";
import { parseSchedule } from "../../src/sim/schedule.ts";
import { CANARIES } from "../../test/sim/canaries.ts";
import { SCENARIOS } from "../../test/sim/scenarios/index.ts";
import { canaryPath, compileCanaries } from "../make/canary.ts";
import { type Hunt, huntCanaries } from "./hunt.ts";

const { values } = parseArgs({
  options: {
    minutes: { type: "string", default: "1" },
    scenario: { type: "string" },
    seed: { type: "string" },
    schedule: { type: "string" },
    canary: { type: "string" },
    json: { type: "boolean", default: false },
  },
});

function refuse(message: string): never {
  console.error(`sim: ${message}`);
  process.exit(1);
}

function wholeNumber(text: string, what: string): number {
  if (!/^\d+$/.test(text)) refuse(`${what} is a whole number, not ${text}`);
  return Number(text);
}

function chosen(): readonly Scenario[] {
  if (values.scenario === undefined) return SCENARIOS;
  const found = SCENARIOS.find(({ name }) => name === values.scenario);
  return found !== undefined
    ? [found]
    : refuse(`no scenario is called ${values.scenario}: ${SCENARIOS.map(({ name }) => name).join(", ")}`);
}

function say(text: string): void {
  if (!values.json) console.log(text);
}

function show(failure: Failure): void {
  for (const line of failure.trace) say(line);
  say(`${failure.scenario}: ${failure.kind}: ${failure.message}`);
  const { canary } = values;
  say(canary === undefined ? failure.command : failure.command.replace("--scenario", `--canary ${canary} --scenario`));
}

/** One schedule, by seed or decisions. */
function replayChosen(core: SimCore): void {
  const [scenario] = chosen();
  if (values.scenario === undefined || scenario === undefined) refuse("--schedule needs --scenario");
  const decisions = values.schedule === undefined ? undefined : parseSchedule(values.schedule);
  if (values.schedule !== undefined && decisions === undefined) refuse(`${values.schedule} is no schedule`);
  const which = decisions === undefined ? { seed: wholeNumber(values.seed ?? "", "--seed") } : { decisions };
  const failure = replayOne(core, scenario, which);
  if (failure === undefined) say(`${scenario.name}: nothing fails`);
  else show(failure);
  process.exitCode = failure === undefined ? 0 : 1;
}

function line(report: ScenarioReport): string {
  const { scenario, schedules, searched, redundant, complete, steps, milliseconds, states, failure, known } = report;
  const rate = `${(steps / milliseconds / 1000).toFixed(1)} M steps/s`;
  const all = `${complete ? "all" : "not all"} within the bound: ${searched}, ${redundant} alike`;
  const missed = unreached(report).map((place) => `  NOT REACHED: ${place}`);
  const found = failure !== undefined ? `  FAILS: ${failure.kind}` : known > 0 ? `  known fault, ${known} times` : "";
  return `${scenario.padEnd(20)} ${String(schedules).padStart(8)} schedules (${all}) ${String(states.size).padStart(6)} states ${rate}${found}${missed.join("")}`;
}

async function campaign(core: SimCore): Promise<void> {
  const seed = values.seed === undefined ? 1 : wholeNumber(values.seed, "--seed");
  const minutes = Number(values.minutes);
  if (!(minutes > 0)) refuse(`--minutes is a number above 0, not ${values.minutes}`);
  const scenarios = chosen();
  // With a canary's core the scenarios are what is asked for.
  const planted = values.canary === undefined ? CANARIES : [];
  const canaries = planted.filter(({ scenario }) => scenarios.some(({ name }) => name === scenario));
  const hunts = huntCanaries(canaries, (hunt) => say(`canary ${hunt.name.padEnd(28)} ${hunt.found ?? "NOT FOUND"}`));
  const share = (minutes * 60_000) / scenarios.length;
  const reports: ScenarioReport[] = [];
  for (const scenario of scenarios) {
    const report = runScenario(core, scenario, {
      seed,
      exhaustiveMilliseconds: share * 0.6,
      seedMilliseconds: share * 0.2,
      raceMilliseconds: share * 0.2,
    });
    reports.push(report);
    say(line(report));
    await new Promise((resolve) => setImmediate(resolve));
  }
  finish(seed, reports, await hunts);
}

function finish(seed: number, reports: readonly ScenarioReport[], hunts: readonly Hunt[]): void {
  const sum = (of: (report: ScenarioReport) => number): number => reports.reduce((all, each) => all + of(each), 0);
  const steps = sum((report) => report.steps);
  const failures = reports.flatMap(({ failure }) => (failure === undefined ? [] : [failure]));
  const result = {
    seed,
    schedules: sum(({ schedules }) => schedules),
    states: sum(({ states }) => states.size),
    steps,
    stepsPerSecond: Math.round((steps / sum(({ milliseconds }) => milliseconds)) * 1000),
    canaries: { planted: hunts.length, found: hunts.filter(({ found }) => found !== undefined).length },
    unreached: reports.flatMap((report) => unreached(report).map((place) => `${report.scenario}: ${place}`)),
    failures,
  };
  if (values.json) console.log(JSON.stringify(result, null, 2));
  failures.forEach(show);
  say(
    `seed ${seed}: ${result.schedules} schedules, ${result.states} states, ${steps} steps, ${result.stepsPerSecond} steps/s, ` +
      `${result.canaries.found} of ${result.canaries.planted} canaries found, ` +
      `${result.unreached.length} places not reached, ${failures.length} failures`,
  );
  if (failures.length > 0 || result.unreached.length > 0 || result.canaries.found < result.canaries.planted)
    process.exitCode = 1;
}

if (values.canary !== undefined && !CANARIES.some(({ name }) => name === values.canary))
  refuse(`no canary is called ${values.canary}: ${CANARIES.map(({ name }) => name).join(", ")}`);
if (values.canary !== undefined) await compileCanaries([values.canary]);
const core = await loadSimCore(values.canary === undefined ? undefined : canaryPath(values.canary));
if (values.schedule !== undefined || (values.seed !== undefined && values.scenario !== undefined)) replayChosen(core);
else await campaign(core);

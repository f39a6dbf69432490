/** What the door of `anyctx/sim` is given, looked at before a world is made. */
import { checkBooleans, checkFunction, checkOneOf, checkOptions, checkText, refuse } from "../arguments.ts";
import type { Scenario } from "./scenario.ts";

const SCENARIO: readonly (keyof Scenario)[] = [
  ...(["name", "doc", "prepare", "known", "reaches", "bound"] as const),
  ...(["cpus", "pages", "realTime", "profile", "preemptible"] as const),
];
const PROFILES: readonly string[] = ["anyctx", "linux"];

/** @throws {AnyctxError} EINVAL for anything but a whole number from `least` on */
export function checkNumber(call: string, name: string, value: unknown, least: number): void {
  if (!Number.isSafeInteger(value) || (value as number) < least)
    refuse(call, `a whole number from ${least} on`, name, value);
}

/** @throws {AnyctxError} EINVAL: what is no scenario, or has what none has */
export function checkScenario(call: string, scenario: Scenario): void {
  const what = `the scenario of ${call}`;
  checkOptions(what, scenario, SCENARIO);
  const { name, prepare, cpus, pages, profile, bound } = scenario;
  checkText(what, "name", name);
  checkFunction(what, "prepare", prepare);
  checkNumber(what, "cpus", cpus, 1);
  if (pages !== undefined) checkNumber(what, "pages", pages, 1);
  if (bound !== undefined) checkNumber(what, "bound", bound, 0);
  if (profile !== undefined) checkOneOf("profile", profile, PROFILES);
  checkBooleans(what, scenario, ["realTime", "preemptible"]);
}

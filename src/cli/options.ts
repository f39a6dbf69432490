/** Options that several commands have. */
import { Option } from "commander";
import { parseRule } from "../replay/interrupts.ts";
import { assignments, asUsage, wholeNumber } from "./command.ts";

export const MOST_CPUS = 1024;
const MOST_ENTRIES = 2 ** 31;

function signs(text: string): string {
  asUsage(() => parseRule(text, 0));
  return text;
}

export function setOption(): Option {
  return new Option("--set <name=value>", "first value of a global variable; repeatable").argParser(
    assignments("NAME=VALUE", String),
  );
}

export function mapEntriesOption(): Option {
  return new Option("--map-entries <name=n>", "max_entries of a map; repeatable").argParser(
    assignments("NAME=N", wholeNumber(1, MOST_ENTRIES)),
  );
}

export function interruptsOption(): Option {
  return new Option("--interrupts <signs>", "what shows that interrupts came on").argParser(signs);
}

/** Kernels to look at, with PREEMPT_RT or without it. */
export const REAL_TIME = { both: [false, true], on: [true], off: [false] } as const;

export type RealTimeChoice = keyof typeof REAL_TIME;

export function realTimeOption(): Option {
  return new Option("--rt <kernels>", "PREEMPT_RT, a kernel without it, or both")
    .choices(Object.keys(REAL_TIME))
    .default("both");
}

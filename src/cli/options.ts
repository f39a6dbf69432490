/** Options that several commands have. */
import { Option } from "commander";
import { POLICIES } from "../bpf/policy.ts";
import { SHIPPED } from "../bpf/shipped/table.ts";
import { LEVELS } from "../events/record.ts";
import type { Skipped } from "../load/select.ts";
import { parseRule } from "../replay/interrupts.ts";
import { assignments, asUsage, wholeNumber } from "./command.ts";
import { programName } from "./names.ts";
import { printable } from "./text.ts";

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

/** The most bytes that a map's value may have: as for a map's own, KMALLOC_MAX_SIZE of Linux and less. */
const MOST_VALUE_BYTES = 1 << 22;

export function valueSizeOption(): Option {
  return new Option(
    "--value-size <name=bytes>",
    "bytes of a map's values, where its loader sets them; repeatable",
  ).argParser(assignments("NAME=BYTES", wholeNumber(1, MOST_VALUE_BYTES)));
}

export function policyOption(): Option {
  const text = "refuse what this kernel refuses: which programs may use which maps";
  return new Option("--policy <kernel>", text).choices(POLICIES);
}

/** What a policy warns of goes to stderr: it keeps nothing from loading. */
export function printWarnings(warnings: readonly Skipped[]): void {
  for (const each of warnings)
    process.stderr.write(`anyctx: warning: program ${programName(each)}: ${printable(each.reason)}\n`);
}

export function attachOption(): Option {
  const text = "what a program runs on, where its loader says that: a function, or CATEGORY/EVENT; repeatable";
  return new Option("--attach <program=target>", text).argParser(assignments("PROGRAM=TARGET", String));
}

export function programsOption(): Option {
  return new Option(
    "--programs <names>",
    "load these programs alone, by their names with commas between them",
  ).argParser((text: string): readonly string[] => text.split(",").map((name) => name.trim()));
}

export function targetBtfOption(): Option {
  const text = "types of the kernel that the object is for: a file (/sys/kernel/btf/vmlinux, or an object with them)";
  return new Option("--target-btf <types>", `${text}, ${Object.keys(SHIPPED).join(", ")}, or local (default): its own`);
}

export function packetContextOption(): Option {
  return new Option("--packet-context <level>", "the context that recorded packets are received in")
    .choices(LEVELS)
    .default("softirq");
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

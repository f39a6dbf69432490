/**
 * A hash's table, from every side: what operations cost by argument and through memory, fixed and growing, dynamic beside
 * preallocated, from TypeScript beside a native Map, on two threads; what it takes of the memory; what growing costs.
 *
 * Sides are measured in turn, and a ratio is the second side's figure to the first's, the median of the rounds' own.
 */
import Table from "cli-table3";
import type { Spread } from "../src/bench/statistics.ts";
import type { Comparison } from "./sides.ts";
import { COST_STEPS, compareFromTypescript, compareInWasm, comparePerCpu } from "./table-cost.ts";
import { compileLoops } from "./table-loop.ts";
import {
  compareGrowth,
  type LongestInsert,
  MEMORY_STEPS,
  type MemoryRow,
  measureLongestInsert,
  measureMemory,
} from "./table-memory.ts";
import { compareThreads, THREAD_STEPS } from "./table-threads.ts";

export interface TableFigures {
  readonly wasm: readonly Comparison[];
  readonly typescript: readonly Comparison[];
  readonly perCpu: readonly Comparison[];
  readonly threads: readonly Comparison[];
  readonly growth: readonly Comparison[];
  readonly longestInsert: LongestInsert;
  readonly memory: readonly MemoryRow[];
}

const GROWN = 1_000_000;
const GROWN_LARGE = 10_000_000;

/** @param large whether growth is measured with ten million entries as well, which takes minutes */
export async function measureTable(
  rounds: number,
  progress: (share: number) => void,
  large: boolean,
): Promise<TableFigures> {
  const sizes = large ? [GROWN, GROWN_LARGE] : [GROWN];
  const steps = COST_STEPS + THREAD_STEPS + MEMORY_STEPS + sizes.length + 1;
  let step = 0;
  const done = (): void => progress(++step / steps);
  const core = compileLoops();
  // The native Map first: what the arena's maps are compiled for is then nothing but its own.
  const typescript = await compareFromTypescript(rounds, done);
  const wasm = await compareInWasm(core, rounds, done);
  const perCpu = await comparePerCpu(core, rounds, done);
  const threads = await compareThreads(core, rounds, done);
  const growth: Comparison[] = [];
  for (const size of sizes) {
    growth.push(await compareGrowth(core, size, rounds));
    done();
  }
  const longestInsert = await measureLongestInsert(core, GROWN, rounds);
  done();
  const memory = await measureMemory(core, done);
  return { wasm, typescript, perCpu, threads, growth, longestInsert, memory };
}

function spreadText({ median, minimum, maximum }: Spread): string {
  const [middle, least, most] = [median, minimum, maximum].map((value) => value.toFixed(value < 10 ? 2 : 1));
  return `${middle} (${least}-${most})`;
}

function showComparisons(title: string, rows: readonly Comparison[]): string {
  const [first] = rows;
  if (first === undefined) return "";
  const table = new Table({
    head: [title, `${first.first}, ${first.unit}`, `${first.second}, ${first.unit}`, "ratio"],
  });
  for (const { name, figures, ratio } of rows) table.push([name, ...figures.map(spreadText), spreadText(ratio)]);
  return table.toString();
}

function showMemory(rows: readonly MemoryRow[]): string {
  const table = new Table({
    head: ["memory", "bytes", "an entry", "its table's", "in pages", "% of preallocated"],
  });
  for (const { name, bytes, bytesPerEntry, tableBytesPerEntry, pageBytesPerEntry, percentOfPreallocated } of rows) {
    const perEntry = [bytesPerEntry, tableBytesPerEntry, pageBytesPerEntry].map((each) => each.toFixed(1));
    table.push([name, bytes.toLocaleString("en"), ...perEntry, percentOfPreallocated.toFixed(2)]);
  }
  return table.toString();
}

function showLongest(longest: LongestInsert): string {
  const { entries, rounds, clockResolution, clockAlone } = longest;
  const table = new Table({ head: [`one insert, ${entries.toLocaleString("en")} from empty`, "microseconds"] });
  const rows: readonly (readonly [string, number])[] = [
    ["half are shorter", longest.median],
    ["all but one of 1,000", longest.perThousand],
    ["all but one of 100,000", longest.perHundredThousand],
    ["longest", longest.longest],
    ["longest, size from the start", longest.longestOfGrown],
    ["longest of any round", longest.longestSeen],
  ];
  for (const [name, value] of rows) table.push([name, value.toFixed(2)]);
  const clock = `the clock's resolution is ${clockResolution.toFixed(3)}, around nothing it reads up to ${clockAlone.toFixed(2)}`;
  return `${table}\neach insert's time is the shortest of ${rounds} rounds; ${clock} microseconds`;
}

export function showTable(figures: TableFigures): string {
  return [
    showComparisons("in WebAssembly", figures.wasm),
    showComparisons("from TypeScript", figures.typescript),
    showComparisons("per-CPU hash", figures.perCpu),
    showComparisons("two threads", figures.threads),
    showComparisons("growth", figures.growth),
    showLongest(figures.longestInsert),
    showMemory(figures.memory),
    "(least-most) of the rounds; a ratio is the second figure to the first",
  ].join("\n");
}

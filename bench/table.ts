/**
 * A hash's table, from every side: what operations cost by argument and through memory, fixed and growing, dynamic beside
 * preallocated, from TypeScript beside a native Map, on two threads; what it takes of the memory; what growing costs.
 *
 * Sides are measured in turn, and a ratio is the second side's figure to the first's, the median of the rounds' own.
 */
import { count, indent, left, right, table } from "../src/cli/text.ts";
import { type Comparison, spreadText } from "./sides.ts";
import { COST_STEPS, compareFromTypescript, compareInWasm, comparePerCpu } from "./table-cost.ts";
import { compileLoops } from "./table-loop.ts";
import {
  compareGrowth,
  type InsertFigures,
  MEMORY_STEPS,
  type MemoryRow,
  measureInserts,
  measureMemory,
} from "./table-memory.ts";
import { compareThreads, THREAD_STEPS } from "./table-threads.ts";

export interface TableFigures {
  readonly wasm: readonly Comparison[];
  readonly typescript: readonly Comparison[];
  readonly perCpu: readonly Comparison[];
  readonly threads: readonly Comparison[];
  readonly growth: readonly Comparison[];
  readonly inserts: InsertFigures;
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
  // First, before other maps have been used: V8 compiles what is common to all for what it has seen.
  const typescript = await compareFromTypescript(rounds, done);
  const wasm = await compareInWasm(core, rounds, done);
  const perCpu = await comparePerCpu(core, rounds, done);
  const threads = await compareThreads(core, rounds, done);
  const growth: Comparison[] = [];
  for (const size of sizes) {
    growth.push(await compareGrowth(core, size, rounds));
    done();
  }
  const inserts = await measureInserts(core, GROWN, rounds);
  done();
  const memory = await measureMemory(core, done);
  return { wasm, typescript, perCpu, threads, growth, inserts, memory };
}

function showComparisons(title: string, rows: readonly Comparison[]): string {
  const [first] = rows;
  if (first === undefined) return "";
  const sides = [first.first, first.second].map((side) => right(`${side}, ${first.unit}`));
  const cells = rows.map(({ name, figures, ratio }) => [name, ...[...figures, ratio].map(spreadText)]);
  return table([left(title), ...sides, right("ratio")], cells);
}

function showMemory(rows: readonly MemoryRow[]): string {
  const names = ["bytes", "an entry", "its table's", "in pages", "% of preallocated"];
  const cells = rows.map((row) => [
    row.name,
    count(row.bytes),
    ...[row.bytesPerEntry, row.tableBytesPerEntry, row.pageBytesPerEntry].map((each) => each.toFixed(1)),
    row.percentOfPreallocated.toFixed(2),
  ]);
  return table([left("memory"), ...names.map(right)], cells);
}

function showInserts({ entries, rounds, clockResolution, rows }: InsertFigures): string {
  const names = ["median", "1 of 1,000", "1 of 100,000", "longest", "longest of any round"];
  const cells = rows.map(({ name, median, perThousand, perHundredThousand, longest, longestSeen }) => [
    name,
    ...[median, perThousand, perHundredThousand, longest, longestSeen].map((each) => each.toFixed(2)),
  ]);
  const title = `one insert of ${count(entries)}, microseconds`;
  const note = `the shortest of ${rounds} rounds for each insert; the clock's resolution is ${clockResolution.toFixed(3)}`;
  return `${table([left(title), ...names.map(right)], cells)}\n${indent(note)}`;
}

export function showTable(figures: TableFigures): string {
  return [
    showComparisons("in WebAssembly", figures.wasm),
    showComparisons("from TypeScript: set+delete of 512 keys, 1,000 others stay", figures.typescript),
    showComparisons("per-CPU hash", figures.perCpu),
    showComparisons("two threads", figures.threads),
    showComparisons("growth", figures.growth),
    showInserts(figures.inserts),
    showMemory(figures.memory),
    indent("in brackets the least and the most of the rounds; a ratio is the second figure to the first"),
  ].join("\n\n");
}

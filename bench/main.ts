/**
 * Comparisons that need more than the package: other npm packages, a C compiler.
 *
 *   npm run bench -- NAME [--rounds N] [--large] [--json]
 */
import { parseArgs } from "node:util";
import { SingleBar } from "cli-progress";
import Table from "cli-table3";
import type { AllocFigures } from "../src/bench/alloc.ts";
import type { Spread } from "../src/bench/statistics.ts";
import { measureAllocRivals } from "./alloc-rivals.ts";
import { measureNative, type NativeFigures } from "./native.ts";
import { measureTable, showTable } from "./table.ts";

interface BenchRow {
  readonly name: string;
  readonly doc: string;
  readonly measure: (rounds: number, progress: (share: number) => void, large: boolean) => Promise<unknown>;
  readonly show: (figures: never) => string;
}

function spreadText(spread: Spread | undefined): string {
  if (spread === undefined) return "-";
  const [median, least, most] = [spread.median, spread.minimum, spread.maximum].map((value) => value.toFixed(2));
  return `${median} (${least}-${most})`;
}

function showAlloc({ rows, ratios }: AllocFigures): string {
  const costs = new Table({ head: ["what", "ns", ""] });
  for (const { name, nanoseconds, skipped, doc } of rows) costs.push([name, spreadText(nanoseconds), skipped ?? doc]);
  const compared = new Table({ head: ["compared", "ratio"] });
  for (const { name, ratio } of ratios) compared.push([name, spreadText(ratio)]);
  return `${costs}\n${compared}`;
}

function showNative({ rows, skipped }: NativeFigures): string {
  const [first] = rows;
  const names = Object.keys(first?.native ?? {});
  const head = ["mix", "capacity", "threads", "anyctx, M/s", ...names, "to the best"];
  const table = new Table({ head });
  for (const { mix, capacity, threads, ours, native, ratio } of rows) {
    const others = names.map((name) => spreadText(native[name]));
    table.push([mix, capacity, threads, spreadText(ours), ...others, spreadText(ratio)]);
  }
  const reasons = Object.entries(skipped).map(([name, why]) => `${name} is not measured: ${why}`);
  return [table.toString(), ...reasons].join("\n");
}

const BENCHES: readonly BenchRow[] = [
  {
    name: "alloc",
    doc: "allocating and freeing an object beside the C library's malloc and @thi.ng/malloc",
    measure: measureAllocRivals,
    show: showAlloc,
  },
  {
    name: "native",
    doc: "a hash u64 to u64 beside Boost's, TBB's and libcuckoo's, on one and two threads",
    measure: measureNative,
    show: showNative,
  },
  {
    name: "table",
    doc: "a hash's table: operations, threads, growth (--large: to ten million), memory",
    measure: measureTable,
    show: showTable,
  },
];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rounds: { type: "string", default: "11" },
    large: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
  },
});
const bench = BENCHES.find(({ name }) => name === positionals[0]);
const rounds = Number(values.rounds);
if (bench === undefined || !(Number.isInteger(rounds) && rounds >= 1)) {
  console.error("usage: npm run bench -- NAME [--rounds N] [--large] [--json]");
  for (const { name, doc } of BENCHES) console.error(`  ${name.padEnd(10)} ${doc}`);
  process.exit(1);
}
const bar = new SingleBar({ format: `${bench.name} [{bar}] {percentage}%`, clearOnComplete: true, noTTYOutput: false });
bar.start(1, 0);
const figures = await bench.measure(rounds, (share) => bar.update(share), values.large);
bar.stop();
console.log(values.json ? JSON.stringify(figures, null, 2) : bench.show(figures as never));

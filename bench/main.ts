/**
 * Comparisons that need more than the package: other npm packages, a C compiler.
 *
 *   npm run bench -- NAME [--rounds N] [--large] [--json]
 */
import { parseArgs } from "node:util";
import { SingleBar } from "cli-progress";
import type { AllocFigures } from "../src/bench/alloc.ts";
import { left, right, table } from "../src/cli/text.ts";
import { measureAllocRivals } from "./alloc-rivals.ts";
import { measureKernel, showKernel } from "./kernel.ts";
import { measureKinds } from "./kinds.ts";
import { measureNative, type NativeFigures } from "./native.ts";
import { showComparisons, spreadText } from "./sides.ts";
import { measureTable, showTable } from "./table.ts";

interface BenchRow {
  readonly name: string;
  readonly doc: string;
  readonly measure: (rounds: number, progress: (share: number) => void, large: boolean) => Promise<unknown>;
  readonly show: (figures: never) => string;
}

function showAlloc({ rows, ratios }: AllocFigures): string {
  const costs = rows.map(({ name, nanoseconds, skipped, doc }) => [
    name,
    nanoseconds === undefined ? "-" : spreadText(nanoseconds),
    skipped ?? doc,
  ]);
  const compared = ratios.map(({ name, ratio }) => [name, spreadText(ratio)]);
  return [
    table([left("what"), right("ns"), left("")], costs),
    table([left("compared"), right("ratio")], compared),
  ].join("\n\n");
}

function showNative({ rows, skipped }: NativeFigures): string {
  const names = Object.keys(rows[0]?.native ?? {});
  const columns = ["capacity", "threads", "anyctx, M/s", ...names, "to the best"].map(right);
  const cells = rows.map(({ mix, capacity, threads, ours, native, ratio }) => {
    const spreads = [ours, ...names.map((name) => native[name]), ratio];
    const texts = spreads.map((spread) => (spread === undefined ? "-" : spreadText(spread)));
    return [mix, String(capacity), String(threads), ...texts];
  });
  const reasons = Object.entries(skipped).map(([name, why]) => `${name} is not measured: ${why}`);
  return [table([left("mix"), ...columns], cells), ...reasons].join("\n");
}

const BENCHES: readonly BenchRow[] = [
  {
    name: "alloc",
    doc: "allocating and freeing an object beside the C library's malloc and @thi.ng/malloc",
    measure: measureAllocRivals,
    show: showAlloc,
  },
  {
    name: "kernel",
    doc: "the programs of anyctx bench map-perf beside the running kernel, as root",
    measure: measureKernel,
    show: showKernel,
  },
  {
    name: "kinds",
    doc: "LRU maps, ring buffers, prefixes, queues, filters and ordered maps beside npm packages and JavaScript's own",
    measure: measureKinds,
    show: showComparisons,
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

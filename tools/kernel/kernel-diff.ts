/**
 * Random operations on maps, offered to the running kernel and to ours in the profile `linux`: `npm run kernel-diff -- [--operations N]
 * [--seed S] [--kind K] [--json]`. A line a kind, `KIND operations N differences M`; exit code 1 if anything differs, 0 with a reason
 * where the kernel cannot be asked. LRU maps by what holds whichever entry goes (test/data/maps/README.md).
 */
import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { replaySequences } from "../../test/maps/replay.ts";
import type { Operation, Sequence } from "../../test/maps/vectors.ts";
import { KernelMaps } from "./bpf.ts";
import { KIND_PLANS, sequences } from "./generate.ts";
import { SystemCalls } from "./loader.ts";
import { Recorder } from "./record.ts";

/** Differences that are shown of a kind. */
const SHOWN = 5;
const LRU_TYPES = [9, 10];

const { values } = parseArgs({
  options: {
    operations: { type: "string", default: "2000" },
    seed: { type: "string", default: "1" },
    kind: { type: "string" },
    json: { type: "boolean", default: false },
  },
});

function wholeNumber(text: string, option: string): number {
  if (/^\d+$/.test(text)) return Number(text);
  console.error(`kernel-diff: --${option} is a whole number, not ${text}`);
  process.exit(2);
}

const operations = wholeNumber(values.operations, "operations");
const seed = wholeNumber(values.seed, "seed");
const plans = KIND_PLANS.filter(({ name }) => values.kind === undefined || name === values.kind);
if (plans.length === 0) {
  console.error(`kernel-diff: no kind is called ${values.kind}: ${KIND_PLANS.map(({ name }) => name).join(", ")}`);
  process.exit(2);
}

function skip(reason: string): never {
  console.log(values.json ? JSON.stringify({ skipped: reason }) : `kernel-diff: skipped, ${reason}`);
  process.exit(0);
}

/** The last of "0-3" or "0,2-3". */
function possibleCpus(): number {
  const text = readFileSync("/sys/devices/system/cpu/possible", "utf8").trim();
  return Number(text.split(/[,-]/).at(-1)) + 1;
}

if (process.platform !== "linux" || process.arch !== "x64") skip("it asks a Linux kernel on x86-64");
const cpus = possibleCpus();
const calls = new SystemCalls();
const kernel = new KernelMaps(calls);
const first = await kernel.create([2, 4, 4, 1, 0, 0, 0], 0n).catch((cause: Error) => skip(cause.message));
if (first < 0) skip(`the kernel refuses maps (errno ${-first}): bpf(2) wants root`);
await kernel.close(first);

let differ = 0;
const report: { readonly kind: string; readonly operations: number; readonly differences: readonly string[] }[] = [];
for (const plan of plans) {
  const recorded: Sequence[] = [];
  for (const lines of sequences(plan, operations, seed, cpus)) {
    const recorder = new Recorder(kernel, cpus);
    const done: Operation[] = [];
    for (const line of lines) done.push(await recorder.record(line));
    await recorder.close();
    const noEvict = LRU_TYPES.includes(plan.type) ? 0 : undefined;
    recorded.push({ name: `${plan.name} ${recorded.length} (seed ${seed})`, noEvict, operations: done });
  }
  const { differences } = await replaySequences(recorded, cpus);
  differ += differences.length;
  report.push({ kind: plan.name, operations, differences });
  if (values.json) continue;
  console.log(`${plan.name} operations ${operations} differences ${differences.length}`);
  for (const difference of differences.slice(0, SHOWN)) console.log(`  ${difference}`);
}
calls.close();
if (values.json) console.log(JSON.stringify({ cpus, seed, kinds: report }));
process.exit(differ === 0 ? 0 : 1);

/** `anyctx bench`: measurements that ship with the package, one row of the table each. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Argument, type Command } from "commander";
import { measureAlloc } from "../bench/alloc.ts";
import { measureHeadline } from "../bench/headline.ts";
import { measureJit } from "../bench/jit.ts";
import { measureLoops } from "../bench/jit-loops.ts";
import { measureLive } from "../bench/live.ts";
import { measureMapPerf } from "../bench/map-perf.ts";
import { measureMaps } from "../bench/maps.ts";
import { measureReading, measureReplay } from "../bench/replay.ts";
import { measureThresholds } from "../bench/thresholds.ts";
import { measureVerify } from "../bench/verify.ts";
import { AnyctxError } from "../error.ts";
import { type CommandRow, printJson, wholeNumber } from "./command.ts";
import { allocParagraph } from "./print/alloc.ts";
import { jitParagraph, loopsParagraph } from "./print/bench-jit.ts";
import { liveParagraph } from "./print/bench-live.ts";
import { verifyRatesParagraph } from "./print/bench-verify.ts";
import { headlineParagraph } from "./print/headline.ts";
import { mapPerfParagraph } from "./print/map-perf.ts";
import { mapsParagraph } from "./print/maps.ts";
import { readingParagraph, replayParagraph } from "./print/replay.ts";
import { thresholdsParagraph } from "./print/thresholds.ts";
import { type ProgressBar, progressBar } from "./progress.ts";
import { openRecording } from "./recording.ts";

/** What a bench measured: a document, and the same for people. */
interface Measured {
  readonly document: unknown;
  readonly text: string;
}

interface BenchOptions {
  readonly rounds: number;
  readonly cpus?: number;
  readonly only?: string;
  readonly events?: string;
  readonly json?: true;
}

/** Options that not every bench has. */
const OWN_OPTIONS = ["cpus", "only", "events"] as const;

interface BenchRow {
  readonly name: string;
  readonly doc: string;
  readonly measure: (options: BenchOptions, progress: ProgressBar["update"]) => Promise<Measured>;
  readonly takes?: readonly (typeof OWN_OPTIONS)[number][];
}

/** An example that ships with the package, seen from `src/cli` and from `dist/cli` alike. */
const EXAMPLE_OBJECT = fileURLToPath(new URL("../../examples/bpf/memleak.bpf.o", import.meta.url));

/** The recorded trace, which is larger than the package and only in its repository. */
function exampleTrace(): string {
  const path = fileURLToPath(new URL("../../examples/data/kernel-events.trace.gz", import.meta.url));
  if (existsSync(path)) return path;
  throw new AnyctxError(
    "ENOENT",
    "This bench needs the recorded trace, which is in the repository, not in the package",
  );
}

const BENCHES: readonly BenchRow[] = [
  {
    name: "headline",
    doc: "update+delete of a program on a dynamic hash, a preallocated one, and a dynamic one as before the caches",
    takes: ["cpus"],
    measure: async ({ rounds, cpus }, progress) => {
      const headline = await measureHeadline({ rounds, progress, ...(cpus === undefined ? {} : { cpus }) });
      return { document: headline, text: headlineParagraph(headline) };
    },
  },
  {
    name: "maps",
    doc: "operations from JavaScript on a map of the arena and on JavaScript's own Map; takes some minutes",
    takes: ["only"],
    measure: async ({ rounds, only }, progress) => {
      const rows = await measureMaps({ rounds, progress, ...(only === undefined ? {} : { only }) });
      return { document: { rows }, text: mapsParagraph(rows) };
    },
  },
  {
    name: "map-perf",
    doc: "programs on preallocated and on dynamic maps, the loops that Linux's were measured by; cost and memory",
    measure: async ({ rounds }, progress) => {
      const rows = await measureMapPerf(rounds, progress);
      return { document: { rows }, text: mapPerfParagraph(rows) };
    },
  },
  {
    name: "alloc",
    doc: "allocating and freeing an object, beside a bare list, and on two threads",
    measure: async ({ rounds }, progress) => {
      const figures = await measureAlloc(rounds, progress);
      return { document: figures, text: allocParagraph(figures) };
    },
  },
  {
    name: "replay",
    doc: "reading the recorded trace, and replaying it with memleak: lines and events per second",
    takes: ["events"],
    measure: async ({ rounds, events }, progress) => {
      if (events !== undefined) {
        const reading = await measureReading(() => openRecording(events), rounds, progress);
        return { document: reading, text: readingParagraph(reading) };
      }
      const rates = await measureReplay(EXAMPLE_OBJECT, exampleTrace(), rounds, progress);
      return { document: rates, text: replayParagraph(rates) };
    },
  },
  {
    name: "thresholds",
    doc: "fixed against adaptive watermarks: allocations that find nothing, and bytes cached; the same at every run",
    measure: async (_options, progress) => {
      const rows = await measureThresholds(EXAMPLE_OBJECT, exampleTrace(), progress);
      return { document: { rows }, text: thresholdsParagraph(rows) };
    },
  },
  {
    name: "jit",
    doc: "loops of compiled and of interpreted programs, beside clang's where there is one; and what is proven, checked all the same",
    measure: async ({ rounds }, progress) => {
      const loops = await measureLoops(rounds, (share) => progress(share / 2));
      const rows = await measureJit(rounds, (share) => progress((1 + share) / 2));
      return { document: { loops, rows }, text: `${loopsParagraph(loops)}\n\n${jitParagraph(rows)}` };
    },
  },
  {
    name: "live",
    doc: "programs on a function of this process: what each adds to a call",
    measure: async ({ rounds }, progress) => {
      const rows = await measureLive(rounds, progress);
      return { document: { rows }, text: liveParagraph(rows) };
    },
  },
  {
    name: "verify",
    doc: "the verifier: instructions a second of memleak's programs and of some that are made to take long, peak memory; takes some minutes",
    measure: async ({ rounds }, progress) => {
      const rows = await measureVerify(EXAMPLE_OBJECT, rounds, progress);
      return { document: { rows }, text: verifyRatesParagraph(rows) };
    },
  },
];

const FEWEST_ROUNDS = 7;
const MOST_ROUNDS = 1000;
const MOST_CPUS = 1024;

function define(command: Command): void {
  const names = BENCHES.map(({ name }) => name);
  const list = BENCHES.map(({ name, doc }) => `  ${name.padEnd(10)} ${doc}`).join("\n");
  command
    .summary("measure, with medians and spread")
    .description(
      "Measures on this machine, both sides of a comparison in one process, and prints medians with their spread.",
    )
    .addArgument(new Argument("[bench]", "what to measure").choices(names).default("headline"))
    .option("--rounds <n>", "runs of each side", wholeNumber(FEWEST_ROUNDS, MOST_ROUNDS), 11)
    .option(
      "--cpus <n>",
      "headline: CPU slots of the arena (default: one more than threads)",
      wholeNumber(1, MOST_CPUS),
    )
    .option("--only <text>", "maps: rows with this in their names")
    .option("--events <file>", "replay: reads this recording, of any kind, and replays nothing")
    .option("--json", "print one JSON document on stdout instead of a table")
    .addHelpText("after", `\nBenches:\n${list}`)
    .action(bench);
}

export const benchCommand: CommandRow = { name: "bench", define };

async function bench(name: string, options: BenchOptions, command: Command): Promise<void> {
  const { json } = options;
  const row = BENCHES.find((each) => each.name === name);
  if (row === undefined) return;
  for (const own of OWN_OPTIONS)
    if (options[own] !== undefined && row.takes?.includes(own) !== true)
      command.error(`error: option '--${own}' is not for bench ${name}`);
  const bar = progressBar(name, 1, json !== true);
  const measured = await row.measure(options, bar.update).finally(bar.stop);
  if (json) printJson(measured.document);
  else process.stdout.write(`${measured.text}\n`);
}

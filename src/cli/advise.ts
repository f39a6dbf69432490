/** `anyctx advise`: preallocated or dynamic, and how large, for each hash of an object on a recorded trace. */
import { basename } from "node:path";
import { type Command, Option } from "commander";
import { AnyctxError } from "../error.ts";
import type { AdviceReport } from "../explore/advise/advice.ts";
import { adviseObjects, type AdviseOptions as ExploreOptions } from "../explore/advise/advise.ts";
import { type KernelVersion, KNOWN_KERNEL, kernelVersion, versionText } from "../explore/advise/kernel-version.ts";
import { keepStream } from "../explore/advise/recording.ts";
import type { UserInserts } from "../explore/advise/user-space.ts";
import { DEFAULT_RULE, parseRule, RULE_RANGE, type RuleRange } from "../replay/interrupts.ts";
import { type AdviceDocument, failures } from "./advice/document.ts";
import { adviceMarkdown } from "./advice/markdown.ts";
import { adviceSarif } from "./advice/sarif.ts";
import { byteCount, type FailOn, failOn, userInserts } from "./advice/values.ts";
import { asUsage, type CommandRow, EXIT, wholeNumber } from "./command.ts";
import { type Opened, openObjects } from "./objects.ts";
import {
  interruptsOption,
  MOST_CPUS,
  mapEntriesOption,
  REAL_TIME,
  type RealTimeChoice,
  realTimeOption,
  setOption,
  targetBtfOption,
} from "./options.ts";
import { adviceText } from "./print/advice.ts";
import { progressBar } from "./progress.ts";
import { openRecording } from "./recording.ts";

interface AdviseOptions {
  readonly events: string;
  readonly formats?: string;
  readonly set?: ReadonlyMap<string, string>;
  readonly mapEntries?: ReadonlyMap<string, number>;
  readonly targetBtf?: string;
  readonly cpus?: number;
  readonly interrupts?: string;
  readonly rt: RealTimeChoice;
  readonly profile: AdviceReport["profile"];
  readonly kernel: KernelVersion;
  readonly userInserts?: readonly UserInserts[];
  readonly lateIpi: number;
  readonly memcg?: number;
  readonly failOn?: FailOn;
  readonly format?: keyof typeof FORMATS;
  readonly json?: true;
}

/** Where neither the command line nor the trace says how many. */
const DEFAULT_CPUS = 8;
/** Replays where updates fail, three for each kernel. */
const USUAL_REPLAYS = 6;
const MOST_MICROSECONDS = 1_000_000;

/** Ways to print the document. */
const FORMATS = {
  text: adviceText,
  json: (document: AdviceDocument): string => JSON.stringify(document, null, 2),
  markdown: adviceMarkdown,
  sarif: adviceSarif,
} as const;

const HELP = `
Every figure is that of a replay with the semantics of Linux 6.18, every hash dynamic, on a kernel with PREEMPT_RT and on
one without. A recording does not say when interrupts came on, which is when refills run: updates that get -ENOMEM are
counted by two readings of it, and "no update fails" is said only where none fails in either. The burst is the most of them
that one CPU had between two refills.

Exit code 4: what --fail-on names is there.

Examples:
  anyctx advise memleak.bpf.o --events trace.gz
  anyctx advise memleak.bpf.o --events trace.gz --rt off --fail-on enomem --format sarif
  anyctx advise agent.bpf.o --events trace.gz --user-inserts names=4096,batch=64 --late-ipi 20`;

function version(text: string): KernelVersion {
  return asUsage(() => kernelVersion(text));
}

function define(command: Command): void {
  command
    .summary("say which hashes should be preallocated")
    .description(
      "Replays a trace and tells for each hash of objects what it takes preallocated and dynamic, how many updates " +
        "would fail with -ENOMEM, at least and at most, what to do, and the lines of the source to change. Of several objects a " +
        "NAME in an option is that of every object which has it, OBJECT:NAME that of one.",
    )
    .argument("<object...>", "object files made by clang -target bpf; their programs run together")
    .requiredOption("--events <file>", "text of tracefs' trace file, plain or gzipped")
    .option("--formats <folder>", "tracefs format files of the kernel that recorded the trace (its events/ folder)")
    .addOption(setOption())
    .addOption(mapEntriesOption())
    .addOption(targetBtfOption())
    .option("--cpus <n>", "possible CPUs, those of the trace by default", wholeNumber(1, MOST_CPUS))
    .addOption(interruptsOption())
    .addOption(realTimeOption())
    .addOption(
      new Option("--profile <name>", "linux; linux-nolock: a forecast of hashes that ask the slab itself")
        .choices(["linux", "linux-nolock"])
        .default("linux"),
    )
    .addOption(
      new Option("--kernel <version>", "the kernel that the object is for, as 5.15")
        .argParser(version)
        .default(KNOWN_KERNEL, versionText(KNOWN_KERNEL)),
    )
    .option("--user-inserts <map=n>", "user space inserts n keys, [,batch=k][,cpu=c]; repeatable", userInserts)
    .option("--late-ipi <us>", "the interrupt that refills is so late", wholeNumber(0, MOST_MICROSECONDS), 0)
    .option("--memcg <bytes>", "limit of the memory cgroup that the maps belong to, as 2M", byteCount)
    .option("--fail-on <what>", "end with exit code 4 on enomem, or on more than bytes=N; repeatable", failOn)
    .addOption(new Option("--format <name>", "how to print").choices(Object.keys(FORMATS)).conflicts("json"))
    .option("--json", "print one JSON document on stdout instead of tables")
    .addHelpText("after", HELP)
    .action(advise);
}

export const adviseCommand: CommandRow = { name: "advise", define };

/** CPUs of the machine that was recorded, where the trace tells: it is opened, read a little, and closed. */
async function recordedCpus({ events, formats }: AdviseOptions): Promise<number | undefined> {
  const stream = await openRecording(events, formats === undefined ? {} : { formats });
  for await (const _ of stream.batches) break;
  return stream.cpus;
}

function rulesOf(interrupts: string | undefined): RuleRange {
  if (interrupts === undefined) return RULE_RANGE;
  const rule = parseRule(interrupts, DEFAULT_RULE.gap / 1000);
  return { fewest: rule, most: rule };
}

function exploreOptions(options: AdviseOptions, cpus: number): ExploreOptions {
  const { memcg, userInserts: inserts = [], lateIpi, profile, kernel } = options;
  return {
    ...{ cpus, kernel, rules: rulesOf(options.interrupts), realTime: REAL_TIME[options.rt] },
    ...{ forecast: profile === "linux-nolock", userSpace: { inserts, lateInterrupt: lateIpi } },
    ...(memcg === undefined ? {} : { memoryLimit: memcg }),
  };
}

/** Objects by their files' names; where these are alike, by the ways to them. */
function filesOf(objects: readonly Opened[]): Pick<AdviceDocument, "object" | "files"> {
  const names = objects.map(({ object: { name } }) => basename(name));
  const files = objects.map(({ object: { name } }) => (new Set(names).size < names.length ? name : basename(name)));
  const byLabel = objects.flatMap(({ label }, index) => (label === undefined ? [] : [[label, files[index]]]));
  return { object: files.join(", "), ...(byLabel.length === 0 ? {} : { files: Object.fromEntries(byLabel) }) };
}

async function advise(paths: readonly string[], options: AdviseOptions): Promise<void> {
  const { events, formats, format = options.json ? "json" : "text" } = options;
  if (events === "-") throw new AnyctxError("EINVAL", "advise reads a trace more than once: it takes a file, not -");
  const objects = await openObjects(paths, options);
  const cpus = options.cpus ?? (await recordedCpus(options)) ?? DEFAULT_CPUS;
  const open = keepStream(() => openRecording(events, { cpus, ...(formats === undefined ? {} : { formats }) }));
  const bar = progressBar("replaying", USUAL_REPLAYS, format === "text");
  let report: AdviceReport;
  try {
    report = await adviseObjects(objects, open, exploreOptions(options, cpus), bar.update);
  } finally {
    bar.stop();
  }
  const failed = failures(report, options.failOn ?? { enomem: false });
  process.stdout.write(`${FORMATS[format]({ ...filesOf(objects), failed, ...report })}\n`);
  if (failed.length > 0) process.exitCode = EXIT.found;
}

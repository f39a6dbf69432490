/** `anyctx run`: a program on the events of a trace, each in the context it was recorded in. */
import { type Command, InvalidArgumentError, Option } from "commander";
import { Arena, type Profile } from "../arena/arena.ts";
import { type Headline, measureHeadline } from "../bench/headline.ts";
import { relocateEventFields } from "../bpf/object/event-fields.ts";
import type { Policy } from "../bpf/policy.ts";
import { AnyctxError } from "../error.ts";
import type { SourceEvent } from "../events/event.ts";
import type { Level } from "../events/record.ts";
import type { EventStream } from "../events/source.ts";
import { type LoadedObject, type LoadOptions, reopenObject } from "../load/load.ts";
import { loadSeveral } from "../load/several.ts";
import { Timers } from "../load/timers.ts";
import { DEFAULT_RULE, DEFAULT_THREAD_DELAY, INTERRUPT_SIGNS, parseRule } from "../replay/interrupts.ts";
import { type ReplayResult, replay } from "../replay/ordered.ts";
import { makeReport } from "../replay/report.ts";
import type { ReplayRule } from "../replay/runner.ts";
import { replayParallel } from "../replay/threads.ts";
import { UNREAD_RULES, type UnreadRule } from "../replay/unread.ts";
import { type CommandRow, EXIT, printJson, wholeNumber } from "./command.ts";
import { type Interruptible, untilInterrupt } from "./interrupt.ts";
import { openObjects } from "./objects.ts";
import {
  attachOption,
  interruptsOption,
  MOST_CPUS,
  mapEntriesOption,
  packetContextOption,
  policyOption,
  printWarnings,
  programsOption,
  setOption,
  targetBtfOption,
  valueSizeOption,
} from "./options.ts";
import { liveView } from "./print/live-view.ts";
import { printRun, type RunDocument } from "./print/run.ts";
import { progressBar } from "./progress.ts";
import { openRecording } from "./recording.ts";

interface RunOptions {
  readonly events: string;
  readonly formats?: string;
  readonly packetContext: Level;
  readonly set?: ReadonlyMap<string, string>;
  readonly mapEntries?: ReadonlyMap<string, number>;
  readonly targetBtf?: string;
  readonly attach?: ReadonlyMap<string, string>;
  readonly programs?: readonly string[];
  readonly valueSize?: ReadonlyMap<string, number>;
  readonly policy?: Policy;
  readonly prealloc?: true;
  readonly dynamic?: true;
  readonly interpreter?: true;
  readonly verify: boolean;
  readonly parallel?: true;
  readonly cpus: number;
  readonly interrupts: string;
  readonly gapUs: number;
  readonly unread: UnreadRule;
  readonly profile: Profile;
  readonly rt?: true;
  readonly rtDelayUs: number;
  readonly allowErrors?: true;
  readonly live?: number;
  readonly dump?: true;
  readonly json?: true;
  readonly headline: boolean;
}

const DEFAULT_CPUS = 8;
const HEADLINE_ROUNDS = 11;
const MEMORY_BYTES = 2 ** 31;
/** Hash seeds come from it, so that the same command prints the same document. */
const SEED = 1;

const SIGNS = INTERRUPT_SIGNS.map(({ name, doc }) => `  ${name.padEnd(8)} ${doc}`).join("\n");

const HELP = `
Signs that interrupts came on between two events of a CPU, which lets deferred refills run (--interrupts):
${SIGNS}

Examples:
  anyctx run memleak.bpf.o --events trace.gz
  anyctx run memleak.bpf.o --events trace.gz --set min_size=4096 --prealloc --json
  anyctx run memleak.bpf.o runqlat.bpf.o --events trace.gz --map-entries memleak:allocs=1000
  cat /sys/kernel/tracing/trace_pipe | anyctx run runqlat.bpf.o --events - --live 1`;

function number(text: string): number {
  const value = Number(text);
  if (text.trim() === "" || !Number.isFinite(value) || value < 0)
    throw new InvalidArgumentError("It should be a number that is not negative.");
  return value;
}

function seconds(text: string): number {
  const value = number(text);
  if (value === 0) throw new InvalidArgumentError("It should be more than 0.");
  return value;
}

function define(command: Command): void {
  command
    .summary("run BPF objects' programs on a recorded trace")
    .description(
      "Runs the programs of BPF objects on the events of a trace, each in the context it was recorded in. Of several objects " +
        "a NAME in an option is that of every object which has it, OBJECT:NAME that of one; maps that are pinned by name are shared.",
    )
    .argument("<object...>", "object files made by clang -target bpf; their programs run together")
    .requiredOption(
      "--events <file>",
      "a recording: kernel trace (text, trace.dat, perf.data), packets (pcap, pcapng), JSON lines; - reads standard input",
    )
    .addOption(packetContextOption())
    .option("--formats <folder>", "tracefs format files of the kernel that recorded the trace (its events/ folder)")
    .addOption(setOption())
    .addOption(mapEntriesOption())
    .addOption(targetBtfOption())
    .addOption(attachOption())
    .addOption(programsOption())
    .addOption(valueSizeOption())
    .addOption(policyOption())
    .addOption(new Option("--prealloc", "all hashes preallocated").conflicts("dynamic"))
    .addOption(new Option("--dynamic", "all hashes dynamic").conflicts("prealloc"))
    .option("--interpreter", "interpret programs and check every access, instead of compiling them to WebAssembly")
    .option(
      "--no-verify",
      "load programs that the verifier refuses too: interpreted, a run is stopped at its first wrong access; compiled, it cannot leave the " +
        "arena but can damage what is in it",
    );
  defineReplay(command);
  defineOutput(command);
  command.addHelpText("after", HELP).action(run);
}

/** How the events are replayed. */
function defineReplay(command: Command): void {
  const known = INTERRUPT_SIGNS.map(({ name }) => name).join(",");
  command
    .option("--parallel", "one thread for each CPU with events; CPUs are not kept in the order of the trace")
    .option("--cpus <n>", "CPU slots; events of further CPUs are skipped", wholeNumber(1, MOST_CPUS), DEFAULT_CPUS)
    .addOption(interruptsOption().default(known))
    .option(
      "--gap-us <n>",
      "microseconds between two events of a CPU that count as a gap",
      number,
      DEFAULT_RULE.gap / 1000,
    )
    .addOption(new Option("--profile <name>", "semantics of maps").choices(["anyctx", "linux"]).default("anyctx"))
    .option("--rt", "as on PREEMPT_RT: refills belong to a thread of each CPU")
    .option(
      "--rt-delay-us <n>",
      "with --rt, microseconds from raising a refill to its thread",
      number,
      DEFAULT_THREAD_DELAY / 1000,
    )
    .addOption(
      new Option("--unread <rule>", "what reading a field does that the recording does not tell; it is 0")
        .choices(UNREAD_RULES)
        .default("error"),
    );
}

function defineOutput(command: Command): void {
  command
    .option("--allow-errors", "exit code 0 also where runs of programs failed")
    .option(
      "--live <seconds>",
      "show what comes of it each so many seconds, while a trace goes on (trace_pipe)",
      seconds,
    )
    .option("--dump", "list every entry of every map, in hex")
    .option("--json", "print one JSON document on stdout instead of tables")
    .option("--no-headline", "do not measure dynamic against preallocated maps at the end");
}

export const runCommand: CommandRow = { name: "run", define };

function loadOptions(options: RunOptions): LoadOptions {
  const hashes = options.prealloc ? "preallocated" : options.dynamic ? "dynamic" : undefined;
  return {
    engine: options.interpreter ? "interpreter" : "jit",
    verify: options.verify,
    ...(hashes === undefined ? {} : { hashes }),
    ...(options.policy === undefined ? {} : { policy: options.policy }),
  };
}

/** Standard input ends at an interrupt, so that what was read is replayed; a file is not read any further. */
async function openStream(options: RunOptions, { until }: Interruptible): Promise<EventStream> {
  const { events, cpus, formats, packetContext: context, live } = options;
  const asTheyCome = live !== undefined;
  const read = { cpus, context, asTheyCome, ...(formats === undefined ? {} : { formats }) };
  if (events === "-") return openRecording(until(process.stdin), { ...read, name: "standard input" });
  const stream = await openRecording(events, read);
  return { ...stream, batches: until(stream.batches) };
}

interface Loaded {
  readonly arena: Arena;
  readonly loaded: LoadedObject;
}

async function load(paths: readonly string[], events: readonly SourceEvent[], options: RunOptions): Promise<Loaded> {
  const opened = await openObjects(paths, options);
  const { cpus, profile, rt = false } = options;
  const arena = await Arena.create({ cpus, maximumBytes: MEMORY_BYTES, seed: SEED, profile, realTime: rt });
  const common = loadOptions(options);
  const loaded = loadSeveral(
    arena,
    opened.map(({ object, label, isIdle, mapEntries, valueSize }) => ({
      object: relocateEventFields(object, events),
      options: {
        ...common,
        ...(label === undefined ? {} : { label }),
        ...(isIdle ? { programs: "any" } : {}),
        ...(mapEntries === undefined ? {} : { mapEntries }),
        ...(valueSize === undefined ? {} : { valueSizes: valueSize }),
      },
    })),
  );
  printWarnings(loaded.warnings);
  return { arena, loaded };
}

async function replayWithBar(
  { arena, loaded }: Loaded,
  stream: EventStream,
  options: RunOptions,
): Promise<ReplayResult> {
  const { live, json = false, parallel } = options;
  const bar = progressBar("replaying", stream.progress.total, !json && live === undefined);
  const view = live === undefined ? undefined : liveView({ loaded, stream }, live);
  try {
    const progress = (replayed: number): void => {
      bar.update(stream.progress.read);
      view?.(replayed);
    };
    const rule = ruleOf(options);
    if (parallel) return await replayParallel(arena, loaded.programs, stream, rule, bar.line, progress);
    const timers = new Timers(arena, loaded);
    return await replay(arena, loaded.programs, stream, rule, bar.line, progress, { timers });
  } finally {
    bar.stop();
  }
}

/** In an arena like that of the run. */
async function headlineWithBar({ json, cpus }: RunOptions): Promise<Headline> {
  const bar = progressBar("measuring", 1, json !== true);
  try {
    return await measureHeadline({ rounds: HEADLINE_ROUNDS, cpus, progress: bar.update });
  } finally {
    bar.stop();
  }
}

const ruleOf = ({ interrupts, gapUs, rtDelayUs, unread }: RunOptions): ReplayRule => ({
  unread,
  ...parseRule(interrupts, gapUs),
  threadDelay: rtDelayUs * 1000,
});

async function run(paths: readonly string[], options: RunOptions): Promise<void> {
  if (options.live !== undefined && options.parallel)
    throw new AnyctxError("EINVAL", "--live looks at maps while programs run, which is not for --parallel");
  const { json = false, dump = false, cpus } = options;
  const interruptible = untilInterrupt();
  const stream = await openStream(options, interruptible);
  const { arena: first, loaded: made } = await load(paths, stream.events, options);
  const handle = first.handle();
  const result = await replayWithBar({ arena: first, loaded: made }, stream, options);
  // Threads for all CPUs need the slot of this one.
  const arena = first.isDetached ? await Arena.attach(handle) : first;
  const loaded = first.isDetached ? reopenObject(made, arena) : made;
  interruptible.done();
  const headline = options.headline ? { headline: await headlineWithBar(options) } : {};
  const report = makeReport({ arena, loaded, stream, result, rule: ruleOf(options), dump });
  const document: RunDocument = { ...report, ...headline };
  if (json) printJson(document);
  else printRun({ document, loaded, stream, cpus });
  if (options.allowErrors !== true && report.programs.some(({ errors }) => errors > 0)) process.exitCode = EXIT.stopped;
}

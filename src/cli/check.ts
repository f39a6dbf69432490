/** `anyctx check`: in which context, when and why a program's updates get -ENOMEM. */
import { basename } from "node:path";
import { type Command, InvalidArgumentError, Option } from "commander";
import type { Profile } from "../arena/arena.ts";
import { type ObjectSpec, type ProgramSpec, programSpec } from "../bpf/object/spec.ts";
import { AnyctxError } from "../error.ts";
import { type Context, LEVELS, type Level } from "../events/record.ts";
import { type Missing, missingIn } from "../events/source.ts";
import { type RecordedUse, recordedUse } from "../explore/advise/recorded-use.ts";
import { type CheckReport, checkObject } from "../explore/check/check.ts";
import { generatedInputs, givenInputs, type Inputs, recordedInputs } from "../explore/check/inputs.ts";
import { DEFAULT_RULE, parseRule } from "../replay/interrupts.ts";
import type { Attachable } from "../replay/runner.ts";
import { type CommandRow, printJson, wholeNumber } from "./command.ts";
import { openObject } from "./object.ts";
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
import { type CheckDocument, checkText } from "./print/check.ts";
import { progressBar } from "./progress.ts";
import { openRecording } from "./recording.ts";
import { plural } from "./text.ts";

interface CheckOptions {
  readonly events?: string;
  readonly formats?: string;
  readonly program?: string;
  readonly input?: Uint8Array;
  readonly context: readonly Context[];
  readonly rt: RealTimeChoice;
  readonly set?: ReadonlyMap<string, string>;
  readonly mapEntries?: ReadonlyMap<string, number>;
  readonly targetBtf?: string;
  readonly cpus?: number;
  readonly interrupts?: string;
  readonly profile: Profile;
  readonly dynamic?: true;
  readonly runs: number;
  readonly json?: true;
}

const DEFAULT_RUNS = 100;
const MOST_RUNS = 10_000;
/** Recorded events of a program, among which those are looked for that get to an update. */
const MOST_CANDIDATES = 5000;
/** A tracepoint's struct fits a page. */
const MOST_INPUT_BYTES = 4096;

const HELP = `
A schedule is what one CPU does: the program runs in a context, once or again and again; interrupts come on in between
or not; before an instruction of a run another context interrupts it and runs the program again. The shortest schedule
that ends in -ENOMEM has the fewest runs, then the fewest switches.

With --interrupts, as many runs are looked at as a program of the object has in the recording without one of these signs
(see anyctx run --help) in between.

Examples:
  anyctx check memleak.bpf.o
  anyctx check memleak.bpf.o --events trace.gz --context task,hardirq --rt off
  anyctx check memleak.bpf.o --program on_kmalloc --input "$(xxd -p -c 64 context.bin)"`;

/** A task may have switched interrupts off: that row comes with it. */
function contexts(text: string): Context[] {
  const names = text.split(",").map((word) => word.trim());
  const unknown = names.find((name) => !LEVELS.includes(name as Level));
  if (unknown !== undefined)
    throw new InvalidArgumentError(`"${unknown}" is no context; known are ${LEVELS.join(", ")}.`);
  return names.flatMap((name) => (name === "task" ? ["task", "irqsOff"] : [name as Level]));
}

function hex(text: string): Uint8Array {
  const digits = text.replace(/^0x/i, "").replace(/[\s:_]/g, "");
  if (digits === "" || digits.length % 2 !== 0 || !/^[0-9a-f]*$/i.test(digits))
    throw new InvalidArgumentError("It should be bytes in hex, two digits each.");
  if (digits.length / 2 > MOST_INPUT_BYTES)
    throw new InvalidArgumentError(`It should have at most ${MOST_INPUT_BYTES} bytes.`);
  return Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}

function define(command: Command): void {
  command
    .summary("find when and why updates get -ENOMEM")
    .description(
      "Runs an object's programs in each context, interrupted and not, and tells whether a map update can fail with " +
        "-ENOMEM there, after how many new keys, by which shortest schedule, and which prefill makes it impossible.",
    )
    .argument("<object>", "object file made by clang -target bpf")
    .addOption(new Option("--events <file>", "run programs on the events of a trace").conflicts("input"))
    .option("--formats <folder>", "tracefs format files of the kernel that recorded the trace (its events/ folder)")
    .option("--program <name>", "check only this program")
    .option("--input <hex>", "bytes of the program's context, the same in every run (with --program)", hex)
    .option("--context <list>", "contexts that the program may run in", contexts, contexts(LEVELS.join(",")))
    .addOption(setOption())
    .addOption(mapEntriesOption())
    .addOption(targetBtfOption())
    .option("--cpus <n>", "with --events, CPUs whose events are taken, all by default", wholeNumber(1, MOST_CPUS))
    .addOption(realTimeOption())
    .addOption(new Option("--profile <name>", "semantics of maps").choices(["anyctx", "linux"]).default("linux"))
    .option("--dynamic", "all hashes dynamic, also those that the object wants preallocated")
    .option("--runs <n>", "runs without a refill that are looked at", wholeNumber(1, MOST_RUNS), DEFAULT_RUNS)
    .addOption(interruptsOption().conflicts("runs"))
    .option("--json", "print one JSON document on stdout instead of tables")
    .addHelpText("after", HELP)
    .action(check);
}

export const checkCommand: CommandRow = { name: "check", define };

/** Programs that can run, and are wanted. */
function chosenPrograms(object: ObjectSpec, options: CheckOptions): Attachable[] {
  const wanted = options.program === undefined ? object.programs : [programSpec(object, options.program)];
  const [first] = wanted;
  if (options.program !== undefined && first !== undefined && "reason" in first.kind)
    throw new AnyctxError("UNSUPPORTED", `${first.name} of ${object.name} cannot run here: ${first.kind.reason}`);
  return wanted.filter((program): program is ProgramSpec & Attachable => !("reason" in program.kind));
}

/** How a trace is read, where one is. */
function readOptions({ formats, cpus }: CheckOptions): { formats?: string; cpus?: number } {
  return { ...(formats === undefined ? {} : { formats }), ...(cpus === undefined ? {} : { cpus }) };
}

async function inputsFor(programs: readonly Attachable[], options: CheckOptions): Promise<Inputs> {
  const { events, input, runs } = options;
  if (events === undefined)
    return new Map(
      programs.map(({ name, kind }) => [
        name,
        input === undefined ? generatedInputs(kind, runs) : givenInputs(kind, input),
      ]),
    );
  const read = readOptions(options);
  const stream =
    events === "-"
      ? await openRecording(process.stdin, { ...read, name: "standard input" })
      : await openRecording(events, read);
  const inputs = await recordedInputs(programs, stream, Math.max(runs, MOST_CANDIDATES));
  if ([...inputs.values()].every((each) => each.length === 0))
    throw new AnyctxError("BAD_TRACE", `${events} holds no event that a program of the object runs on`);
  return inputs;
}

/** How a trace has the programs run, and what it lacks; of standard input, which may not end, neither is known. */
async function useOf(
  programs: readonly Attachable[],
  options: CheckOptions,
): Promise<Partial<RecordedUse> & { missing?: Missing }> {
  const { events, interrupts } = options;
  if (events === undefined || events === "-") {
    if (interrupts === undefined) return {};
    throw new AnyctxError("EINVAL", "--interrupts are signs in a recording: --events says which file it is");
  }
  const stream = await openRecording(events, readOptions(options));
  const rule = interrupts === undefined ? DEFAULT_RULE : parseRule(interrupts, DEFAULT_RULE.gap / 1000);
  return { ...(await recordedUse(programs, stream, rule)), missing: missingIn(stream.counts) };
}

/** Runs that are looked at. */
function runsOf({ interrupts, runs }: CheckOptions, { longestStretch = 1 }: Partial<RecordedUse>): number {
  return interrupts === undefined ? runs : Math.min(Math.max(longestStretch, 1), MOST_RUNS);
}

async function check(path: string, options: CheckOptions): Promise<void> {
  const { input, program, json = false, profile, dynamic = false } = options;
  if (input !== undefined && program === undefined)
    throw new AnyctxError("EINVAL", "--input is the context of one program: --program says which");
  const object = await openObject(path, options);
  const programs = chosenPrograms(object, options);
  const { missing, ...use } = await useOf(programs, options);
  const runs = runsOf(options, use);
  const inputs = await inputsFor(programs, { ...options, runs });
  const bar = progressBar("checking", 1, !json);
  const settings = { profile, contexts: options.context, realTime: REAL_TIME[options.rt], dynamic, runs, inputs };
  const chosen = {
    ...(use.contexts === undefined ? {} : { recorded: use.contexts }),
    madeUp: options.events === undefined && input === undefined,
    ...(program === undefined ? {} : { program }),
    ...(options.mapEntries === undefined ? {} : { mapEntries: options.mapEntries }),
  };
  let report: CheckReport;
  try {
    report = await checkObject(object, { ...settings, ...chosen }, bar.update);
  } catch (error) {
    if (input === undefined || !(error instanceof AnyctxError) || error.code !== "EFAULT") throw error;
    throw new AnyctxError("EFAULT", `with an --input of ${plural(input.length, "byte")}, ${error.message}`);
  } finally {
    bar.stop();
  }
  const kind = options.events !== undefined ? "recorded" : input !== undefined ? "given" : "generated";
  const document: CheckDocument = { object: basename(path), inputs: kind, ...report, ...(missing && { missing }) };
  if (json) printJson(document);
  else process.stdout.write(`${checkText(document)}\n`);
}

/** `anyctx test`: an object's programs run one by one on what a file says, and what comes of it compared with what it expects. */
import { readFile } from "node:fs/promises";
import type { Command } from "commander";
import { Arena } from "../arena/arena.ts";
import type { ObjectSpec } from "../bpf/object/spec.ts";
import type { Policy } from "../bpf/policy.ts";
import { AnyctxError, failureAt } from "../error.ts";
import { type DirectResult, type DirectRun, DirectRuns } from "../load/direct.ts";
import { type LoadedObject, loadSpec } from "../load/load.ts";
import { dumpItems, hex } from "../replay/report.ts";
import { type CommandRow, printJson, wholeNumber } from "./command.ts";
import { openObject } from "./object.ts";
import {
  mapEntriesOption,
  policyOption,
  printWarnings,
  setOption,
  targetBtfOption,
  valueSizeOption,
} from "./options.ts";
import { type StepResult, type TestDocument, testText } from "./print/test.ts";
import { type Expectation, readSteps, type Step, type StepMap } from "./steps.ts";

interface TestOptions {
  readonly steps: string;
  readonly cpus: number;
  readonly set?: ReadonlyMap<string, string>;
  readonly mapEntries?: ReadonlyMap<string, number>;
  readonly targetBtf?: string;
  readonly valueSize?: ReadonlyMap<string, number>;
  readonly policy?: Policy;
  readonly json?: true;
}

const MEMORY_BYTES = 2 ** 31;
/** Hash seeds come from it, so that the same command prints the same document. */
const SEED = 1;
const DEFAULT_CPUS = 2;
const MOST_CPUS = 64;

const HELP = `
A step is one object of a JSON list:
  program   the program to run; without it time passes, or maps are looked at
  packet, context, args, return, registers, fields
            what it runs on: bytes in hex, whole numbers (or their texts), struct pt_regs in hex; of a tracepoint
            its fields by name: { name: number or text }
  memory    the kernel's memory: { "0xADDRESS": hex }
  cpu, level, time, task
            where and when: level is task, softirq, hardirq or nmi; task { pid, tgid, comm, uid, gid }
  times     how often it is run, on what the runs before have left
  put       entries that are put into maps first: { name: [{ key, value }] }; into a map of maps
            { key, map: name }
  advance   nanoseconds that pass first
  helpers   what helpers answer, in place of what they would: { name: r0 }
  set       variables: { name: value }
  programs  programs in maps of programs: { map: { index: name } }
  dump      true: every map's entries are printed
  expect    { result, packet, error, maps: { name: { items: [{ key, value }], records: [hex] } } };
            error is a part of what a run is to be stopped by

Example:
  anyctx test count.bpf.o --steps steps.json`;

function define(command: Command): void {
  command
    .summary("run an object's programs on given inputs and compare what comes of it")
    .description("Runs programs one by one, interpreted, with every access checked. Exit code 1 where a step differs.")
    .argument("<object>", "object file made by clang -target bpf")
    .requiredOption("--steps <file>", "what to run, and what is expected")
    .addOption(setOption())
    .addOption(mapEntriesOption())
    .addOption(targetBtfOption())
    .addOption(valueSizeOption())
    .addOption(policyOption())
    .option("--cpus <n>", "CPU slots", wholeNumber(1, MOST_CPUS), DEFAULT_CPUS)
    .option("--json", "print one JSON document on stdout instead of tables")
    .addHelpText("after", HELP)
    .action(test);
}

export const testCommand: CommandRow = { name: "test", define };

async function test(path: string, options: TestOptions): Promise<void> {
  const object = await openObject(path, options);
  const steps = readSteps(await readStepFile(options.steps), options.steps);
  const { cpus, mapEntries, policy } = options;
  const arena = await Arena.create({ cpus, maximumBytes: MEMORY_BYTES, seed: SEED });
  for (let cpu = 1; cpu < cpus; cpu++) arena.takeCpu(cpu);
  arena.switchCpu(0);
  const loaded = loadSpec(arena, object, {
    engine: "interpreter",
    // A program that a step names is wanted, whatever its section says.
    enable: new Set(
      steps.flatMap(({ run, programs }) => [run?.program ?? "", ...programs.map((each) => each.program)]),
    ),
    ...(mapEntries === undefined ? {} : { mapEntries }),
    ...(policy === undefined ? {} : { policy }),
    ...(options.valueSize === undefined ? {} : { valueSizes: options.valueSize }),
  });
  printWarnings(loaded.warnings);
  const runs = new DirectRuns(arena, loaded);
  const results = steps.map((step, index) =>
    named(`${options.steps}: step ${index + 1}`, () => perform(runs, { object, loaded, step })),
  );
  const failed = results.filter((result) => result.differs.length > 0).length;
  const document: TestDocument = { steps: results, passed: results.length - failed, failed };
  if (options.json) printJson(jsonOf(document));
  else process.stdout.write(`${testText(path, document)}\n`);
  if (failed > 0)
    throw new AnyctxError("EINVAL", `${failed} of ${results.length} steps of ${options.steps} did not go as expected`);
}

async function readStepFile(path: string): Promise<string> {
  return readFile(path, "utf8").catch((cause: NodeJS.ErrnoException) => {
    throw new AnyctxError("EINVAL", `cannot read ${path}: ${cause.code ?? cause.message}`, { cause });
  });
}

/** What a step cannot be is said with its number. */
function named<T>(where: string, act: () => T): T {
  try {
    return act();
  } catch (cause) {
    throw failureAt(where, cause);
  }
}

interface Performance {
  readonly object: ObjectSpec;
  readonly loaded: LoadedObject;
  readonly step: Step;
}

function perform(runs: DirectRuns, { object, loaded, step }: Performance): StepResult {
  const { run, times, advance, set, put, programs, dump, expect } = step;
  const passed = advance === undefined ? undefined : runs.advance(advance);
  for (const [name, value] of Object.entries(set)) runs.setVariable(object, name, value);
  for (const [name, entries] of Object.entries(put)) putEntries(loaded, name, entries);
  for (const { map, index, program } of programs) runs.setProgram(map, index, program);
  const ran = run === undefined ? undefined : runAgain(runs, run, times);
  const maps = dump || expect?.maps !== undefined ? dumpMaps(loaded, [passed, ran]) : undefined;
  const found = {
    program: run?.program,
    result: ran?.result?.toString(),
    packet: ran?.packet === undefined ? undefined : hex(ran.packet),
    printed: [...(passed?.printed ?? []), ...(ran?.printed ?? [])],
    error: passed?.error ?? ran?.error,
    maps: dump ? maps : undefined,
  };
  return { ...found, differs: differences({ ...found, maps }, expect) };
}

/** Runs so many times, or until a run is stopped; what comes of the last one. */
function runAgain(runs: DirectRuns, run: DirectRun, times: number): DirectResult {
  let ran = runs.run(run);
  for (let done = 1; done < times && ran.error === undefined; done++) ran = runs.run(run);
  return ran;
}

function putEntries({ maps }: LoadedObject, name: string, entries: Step["put"][string]): void {
  const mapOf = (wanted: string): LoadedObject["maps"][number]["map"] => {
    const found = maps.find(({ spec }) => spec.name === wanted);
    if (found === undefined) throw new AnyctxError("EINVAL", `there is no map ${wanted} to put entries into or in`);
    return found.map;
  };
  const into = mapOf(name);
  for (const { key, value } of entries)
    into.set(key, typeof value === "string" ? (mapOf(value) as unknown as Uint8Array) : value);
}

type Given = Pick<DirectResult, "records"> | undefined;

function dumpMaps({ maps }: LoadedObject, results: readonly Given[]): Record<string, StepMap> {
  return Object.fromEntries(
    maps.map(({ spec, map }) => {
      const { type, walk } = map.info.kind;
      const items = walk ? { items: dumpItems(map) } : {};
      const records = recordsOf(spec.name, map, results)?.map(hex);
      return [spec.name, { type, ...items, ...(records && { records }) }];
    }),
  );
}

/** What user space was handed since the last look; undefined of a map that hands nothing to it. */
function recordsOf(
  name: string,
  map: LoadedObject["maps"][number]["map"],
  results: readonly Given[],
): readonly Uint8Array[] | undefined {
  const { type, program } = map.info.kind;
  if (type === "perf_event_array") return results.flatMap((result) => result?.records.get(name) ?? []);
  return program.output === undefined ? undefined : map.takeRecords();
}

/** What is not as expected, a sentence each. A run that was stopped is never as expected. */
function differences(found: Omit<StepResult, "differs">, expect: Expectation | undefined): string[] {
  const hoped = expect?.error;
  const isHoped = hoped !== undefined && found.error?.includes(hoped) === true;
  const missed = hoped !== undefined && found.error === undefined ? [`the run is not stopped, expected ${hoped}`] : [];
  const stopped = found.error === undefined || isHoped ? missed : [found.error];
  if (expect === undefined) return stopped;
  const { result, packet, maps = {} } = expect;
  const say = (what: string, wanted: string, is: string | undefined): string[] =>
    wanted === is ? [] : [`${what} is ${is ?? "not there"}, expected ${wanted}`];
  return [
    ...stopped,
    ...(result === undefined ? [] : say("result", result.toString(), found.result)),
    ...(packet === undefined ? [] : say("packet", packet, found.packet)),
    ...Object.entries(maps).flatMap(([name, map]) => mapDifferences(name, map, found.maps?.[name])),
  ];
}

function mapDifferences(name: string, wanted: StepMap, found: StepMap | undefined): string[] {
  if (found === undefined) return [`map ${name} is not there`];
  if (wanted.type !== undefined && wanted.type !== found.type)
    return [`map ${name} is ${found.type}, expected ${wanted.type}`];
  const [given, hoped] = [found.records?.join(" "), wanted.records?.join(" ")];
  if (hoped !== undefined && given !== hoped)
    return [`map ${name} was given ${given ?? "no records"}, expected ${hoped}`];
  if (wanted.items === undefined) return [];
  const textOf = (value: string | readonly string[] | undefined): string =>
    typeof value === "string" ? value : (value ?? []).join(" ");
  const is = new Map((found.items ?? []).map(({ key, value }) => [key, textOf(value)]));
  const expected = new Map(wanted.items.map(({ key, value }) => [key, textOf(value)]));
  const keys = [...new Set([...expected.keys(), ...is.keys()])];
  return keys.flatMap((key) => {
    const [one, other] = [is.get(key), expected.get(key)];
    return one === other ? [] : [`map ${name}, key ${key}: ${one ?? "no entry"}, expected ${other ?? "no entry"}`];
  });
}

/** Only what there is, as `--json` has it. */
function jsonOf({ steps, passed, failed }: TestDocument): unknown {
  const rows = steps.map(({ program, result, packet, printed, error, maps, differs }) => ({
    ...(program === undefined ? {} : { program }),
    ...(result === undefined ? {} : { result }),
    ...(packet === undefined ? {} : { packet }),
    printed,
    ...(error === undefined ? {} : { error }),
    ...(maps === undefined ? {} : { maps }),
    ...(differs.length === 0 ? {} : { differs }),
  }));
  return { steps: rows, passed, failed };
}

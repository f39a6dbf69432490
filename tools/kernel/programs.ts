/**
 * What Linux gives for the programs of test/programs: `npm run programs -- [--record]`. Loads each into the running kernel with bpftool,
 * runs it on the same, and compares what it returns, the packets and the maps with what was recorded; exit code 1 where they differ.
 * What a kernel does not load is said. `--record` writes it down. Skips, with the reason, where the kernel cannot be asked.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { release, tmpdir } from "node:os";
import { join } from "node:path";
import { isDeepStrictEqual, parseArgs } from "node:util";
import { SingleBar } from "cli-progress";
import type { ProgramCase, Run } from "../../test/programs/case.ts";
import { CASES } from "../../test/programs/cases/index.ts";
import { contextOf, FOLDER, play } from "../../test/programs/play.ts";
import { type ByLinux, RECORDED } from "../../test/programs/recorded.ts";
import { openPinned, type TestRun, testRun } from "./bpf.ts";
import { withConstants } from "./constants.ts";
import { SystemCalls } from "./loader.ts";

const PINNED = "/sys/fs/bpf/anyctx-programs";
/** `struct __sk_buff`. */
const SKB_BYTES = 192;
const BPFTOOL: string = process.env["BPFTOOL"] ?? "bpftool";

function bpftool(...args: readonly string[]): unknown {
  const text = execFileSync(BPFTOOL, ["--json", ...args], { stdio: ["ignore", "pipe", "pipe"], encoding: "utf8" });
  return text === "" ? undefined : JSON.parse(text);
}

/** Why it cannot be asked here. */
function reason(): string | undefined {
  if (process.getuid?.() !== 0) return "only root may load programs";
  if (spawnSync(BPFTOOL, ["version"]).status !== 0) return `there is no ${BPFTOOL}`;
  return undefined;
}

const bytesArgument = (hex: string): string[] => hex.match(/../g) ?? [];
const hexOf = (bytes: readonly string[]): string => bytes.map((byte) => byte.slice(2)).join("");

/** What a run is given, as the kernel takes it. */
function testRunOf(run: Run): TestRun {
  const given = run.args === undefined ? contextOf(run) : new Uint8Array(BigUint64Array.from(run.args).buffer);
  const context = given && new Uint8Array(run.mark === undefined ? given.length : SKB_BYTES);
  context?.set(given ?? []);
  return {
    ...(run.packet !== undefined && { packet: run.packet }),
    ...(context !== undefined && { context }),
    repeat: run.packet === undefined ? 0 : 1,
  };
}

interface Asked {
  readonly result: number;
  readonly packet?: string;
}

async function askRun(calls: SystemCalls, program: number, run: Run): Promise<Asked> {
  const { result: errno, returned, packet } = await testRun(calls, program, testRunOf(run));
  if (errno < 0) throw new Error(`a test run gives ${errno}`);
  const result = returned | 0;
  const after = Buffer.from(packet);
  return run.packet === undefined || after.equals(run.packet) ? { result } : { result, packet: after.toString("hex") };
}

async function askRuns({ program: own, runs }: ProgramCase): Promise<Asked[]> {
  const calls = new SystemCalls();
  const programs = new Map<string, number>();
  const answers: Asked[] = [];
  try {
    for (const run of runs) {
      const name = run.program ?? own;
      const program = programs.get(name) ?? (await openPinned(calls, join(PINNED, name)));
      programs.set(name, program);
      answers.push(await askRun(calls, program, run));
    }
  } finally {
    calls.close();
  }
  return answers;
}

function dump(map: string): [string, string][] {
  const entries = bpftool("map", "dump", "pinned", join(PINNED, "maps", map)) as { key: string[]; value: string[] }[];
  const all = entries.map(({ key, value }): [string, string] => [hexOf(key), hexOf(value)]);
  return all.sort(([a], [b]) => (a < b ? -1 : 1));
}

/** @returns a text: why this kernel does not load it */
async function ask(folder: string, given: ProgramCase): Promise<ByLinux | string> {
  const object = join(folder, "program.bpf.o");
  writeFileSync(object, withConstants(readFileSync(`${FOLDER}/${given.object}.bpf.o`), given.globals ?? {}));
  const { bytes, put } = await play(given);
  try {
    bpftool("prog", "loadall", object, PINNED, "pinmaps", join(PINNED, "maps"));
  } catch (cause) {
    return String((cause as { readonly stdout?: string }).stdout ?? cause).trim();
  }
  try {
    for (const [map, entries] of Object.entries(put))
      for (const [key, value] of entries) {
        const given = ["key", "hex", ...bytesArgument(key), "value", "hex", ...bytesArgument(value)];
        bpftool("map", "update", "pinned", join(PINNED, "maps", map), ...given);
      }
    const answers = await askRuns(given);
    const packets = answers.flatMap(({ packet }, index) => (packet === undefined ? [] : [[index, packet] as const]));
    return {
      results: answers.map(({ result }) => result),
      packets: Object.fromEntries(packets),
      maps: Object.fromEntries(Object.keys(bytes).map((map) => [map, dump(map)])),
    };
  } finally {
    rmSync(PINNED, { recursive: true, force: true });
  }
}

const { values } = parseArgs({ options: { record: { type: "boolean", default: false } } });
const skipped = reason();
if (skipped !== undefined) {
  console.log(`programs: skipped: ${skipped}`);
  process.exit(0);
}
const folder = mkdtempSync(join(tmpdir(), "anyctx-programs-"));
const asked = CASES.filter(({ notByLinux }) => notByLinux === undefined);
const recorded: Record<string, ByLinux> = values.record ? {} : RECORDED.programs();
const bar = new SingleBar({ format: "programs [{bar}] {value} of {total}", clearOnComplete: true, noTTYOutput: false });
bar.start(asked.length, 0);
const [different, refused]: [string[], string[]] = [[], []];
try {
  for (const given of asked) {
    const found = await ask(folder, given);
    if (typeof found === "string") refused.push(`${given.program}: not loaded: ${found}`);
    else if (values.record) recorded[given.program] = found;
    else if (!isDeepStrictEqual(found, recorded[given.program])) different.push(given.program);
    bar.increment();
  }
} finally {
  bar.stop();
  rmSync(folder, { recursive: true, force: true });
}
if (values.record) RECORDED.write(recorded, release());
for (const program of different) console.log(`${program}: Linux ${release()} gives something else than was recorded`);
for (const line of refused) console.log(line);
const count = asked.length - refused.length;
console.log(`programs: ${count} asked of Linux ${release()}, ${different.length} differ`);
if (different.length > 0) process.exitCode = 1;

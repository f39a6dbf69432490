/**
 * Recordings of BPF map memory beside what the kernel counted in the same moment: a folder with `traces/`, the objects in `src/`,
 * `formats/`, and in `runs/` the kernel's counts (NAME.json) and what its allocator had (NAME.kmem.txt). What has no run was made by
 * hand, for the object `s5_runq`.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { readObject } from "../../src/bpf/object/object.ts";
import { openEvents } from "../../src/events/file.ts";
import type { AdviceReport } from "../../src/explore/advise/advice.ts";
import { adviseObjects } from "../../src/explore/advise/advise.ts";
import { keepStream } from "../../src/explore/advise/recording.ts";
import type { Verdict } from "../../src/explore/advise/verdict.ts";
import { RULE_RANGE } from "../../src/replay/interrupts.ts";

export interface Story {
  readonly name: string;
  /** Updates that got -ENOMEM: the fewest and the most by the replays, and the kernel's count. */
  readonly fewest: number;
  readonly most: number;
  readonly kernel?: number;
  /** The most that all hashes took, made dynamic. */
  readonly bytes: number;
  readonly kernelBytes?: number;
  /** Of each hash that got advice, on a kernel without PREEMPT_RT. */
  readonly verdicts: Readonly<Record<string, Verdict>>;
}

const CPUS = 2;
const BY_HAND = "s5_runq.bpf.o";

interface Run {
  readonly obj: string;
  readonly enomem: number;
  readonly maps: readonly { readonly memlock: readonly number[] }[];
}

interface Recorded {
  readonly object: string;
  readonly enomem?: number;
  readonly bytes?: number;
}

/** Bytes that the allocator handed out, by element size. Where another map was measured in the same run, what was left of it. */
function slabBytes(text: string, isAlone: boolean): number {
  const rows = text.matchAll(/peak bytes (\d+) end bytes (\d+)/g);
  return [...rows].reduce((sum, [, peak, end]) => sum + Number(isAlone ? peak : end), 0);
}

function readRun(folder: string, name: string): Recorded {
  const path = join(folder, "runs", `${name}.json`);
  if (!existsSync(path)) return { object: BY_HAND };
  const lines = readFileSync(path, "utf8").trim().split("\n");
  const run = JSON.parse(lines.at(-1) ?? "{}") as Run;
  const slab = join(folder, "runs", `${name}.kmem.txt`);
  if (!existsSync(slab)) return { object: run.obj, enomem: run.enomem };
  // A new map's memlock is its buckets and what is fixed; the elements come on top.
  const empty = run.maps.reduce((sum, { memlock }) => sum + (memlock[0] ?? 0), 0);
  const bytes = empty + slabBytes(readFileSync(slab, "utf8"), lines.length === 1);
  return { object: run.obj, enomem: run.enomem, bytes };
}

function adviceOf(folder: string, trace: string, object: string): Promise<AdviceReport> {
  const spec = readObject(readFileSync(join(folder, "src", object)), object);
  const [events, formats] = [join(folder, "traces", trace), join(folder, "formats")];
  const open = keepStream(() => openEvents(events, { cpus: CPUS, formats }));
  return adviseObjects([{ object: spec }], open, { cpus: CPUS, rules: RULE_RANGE, realTime: [false] }, () => undefined);
}

/** One recording, on a kernel without PREEMPT_RT. */
async function readStory(folder: string, trace: string): Promise<Story> {
  const name = trace.replace(/\.trace(\.gz)?$/, "");
  const { object, enomem, bytes: kernelBytes } = readRun(folder, name);
  const { maps } = await adviceOf(folder, trace, object);
  // What the allocator was recorded giving has no per-CPU values in it.
  const isWhole = maps.every(({ type }) => type !== "percpu_hash");
  const rows = maps.flatMap(({ kernels = [] }) => kernels);
  const sum = (of: (row: (typeof rows)[number]) => number): number => rows.reduce((all, row) => all + of(row), 0);
  return {
    name,
    fewest: sum(({ missesFewest }) => missesFewest),
    most: sum(({ misses }) => Object.values(misses).reduce((all: number, count: number) => all + count, 0)),
    bytes: sum(({ peakBytes }) => peakBytes),
    verdicts: Object.fromEntries(maps.map(({ name, advice }) => [name, advice?.verdict ?? "no advice"])),
    ...(enomem === undefined ? {} : { kernel: enomem }),
    ...(kernelBytes === undefined || !isWhole ? {} : { kernelBytes }),
  };
}

export async function* readStories(folder: string): AsyncGenerator<Story> {
  for (const trace of readdirSync(join(folder, "traces")).sort()) yield await readStory(folder, trace);
}

/** How far from the kernel's count the range may be, and how wide, as shares of it. */
const NEAR = 0.1;
const WIDE = 0.15;

/** Whether a story's range is the kernel's count, as nearly as is asked; undefined where that was not recorded. */
export function isWithin({ fewest, most, kernel }: Story): boolean | undefined {
  if (kernel === undefined) return undefined;
  return fewest <= kernel * (1 + NEAR) && most >= kernel * (1 - NEAR) && most - fewest <= kernel * WIDE;
}

/**
 * The programs of `anyctx bench map-perf` on one CPU, beside the running kernel, which is given the same object and measures itself
 * (`BPF_PROG_TEST_RUN` with a repeat). As root on Linux, x86-64.
 *
 * What to keep in mind: the kernel copies nothing between runs and takes no interrupts of its own into account; ours runs with a timer tick
 * every 4 ms. Both are compiled, both have been verified. Linux makes no LRU map dynamic: its are preallocated, ours are not.
 */
import { readFile } from "node:fs/promises";
import { fill, fillMap, MAP_PERF_OBJECT } from "../src/bench/map-perf.ts";
import { inMode, WORKLOADS, type Workload } from "../src/bench/map-perf-workloads.ts";
import { programCpu } from "../src/bench/program-cpu.ts";
import { encodeInstructions } from "../src/bpf/isa/instructions.ts";
import { readObject } from "../src/bpf/object/object.ts";
import type { MapSpec, ObjectSpec } from "../src/bpf/object/spec.ts";
import { Arena } from "../src/index.ts";
import { programHost } from "../src/load/host.ts";
import { instantiateImage, loadSpec } from "../src/load/load.ts";
import { KernelMaps, loadProgram, testRun } from "../tools/kernel/bpf.ts";
import { SystemCalls } from "../tools/kernel/loader.ts";
import { withMaps } from "../tools/kernel/relocate.ts";
import { type Comparison, compareSides, showComparisons } from "./sides.ts";

/** `enum bpf_prog_type`: what "tc" sections are. */
const SCHED_CLS = 3;
const MILLISECONDS_PER_ROUND = 20;
/** Runs of a round: some milliseconds. */
const REPEAT = 2000;
const PACKET = new Uint8Array(64);

export interface KernelFigures {
  readonly rows: readonly Comparison[];
  /** Why there are none. */
  readonly skipped?: string;
}

/** The object's maps in the kernel: descriptors by name, of those that it takes. */
async function createMaps(kernel: KernelMaps, { maps }: ObjectSpec): Promise<Map<string, number>> {
  const made = new Map<string, number>();
  for (const { name, bpfType, keySize, valueSize, maxEntries, flags, contents } of maps) {
    const fd = await kernel.create([bpfType, keySize, valueSize, maxEntries, flags, 0, 0], 0n);
    if (fd < 0) throw new Error(`the kernel refuses map ${name}: errno ${-fd}`);
    made.set(name, fd);
    if (contents !== undefined) await kernel.element("update", fd, new Uint8Array(4), contents, 0n);
  }
  return made;
}

/** As fill of the package's bench, in the kernel. */
async function fillThere(kernel: KernelMaps, fd: number, spec: MapSpec, workload: Workload): Promise<void> {
  const entries: [key: Uint8Array, value: Uint8Array][] = [];
  fill({ keySize: spec.keySize, maxEntries: spec.maxEntries }, workload, (key) =>
    entries.push([key.slice(), new Uint8Array(8).fill(1)]),
  );
  for (const [key, value] of entries) await kernel.element("update", fd, key, value, 0n);
}

/** Nanoseconds an operation in the kernel. */
async function timeThere(calls: SystemCalls, fd: number, { name, operations }: Workload): Promise<number> {
  const { result, returned, nanoseconds } = await testRun(calls, fd, { packet: PACKET, repeat: REPEAT });
  if (result !== 0 || returned !== 0) throw new Error(`${name}: the kernel says ${result}, its program ${returned}`);
  return nanoseconds / operations;
}

async function measure(calls: SystemCalls, rounds: number, progress: (share: number) => void): Promise<Comparison[]> {
  const object = readObject(await readFile(MAP_PERF_OBJECT), MAP_PERF_OBJECT);
  const arena = await Arena.create({ maximumBytes: 1 << 28, cpus: 2 });
  const loaded = loadSpec(arena, object, { verify: true });
  const host = programHost(arena, () => undefined);
  const cpu = programCpu(arena);
  const kernel = new KernelMaps(calls);
  const descriptors = await createMaps(kernel, object);
  const rows: Comparison[] = [];
  // Two CPUs in turn are none of these.
  const workloads = WORKLOADS.filter(({ inTurn }) => inTurn !== true);
  for (const workload of workloads) {
    for (const mode of workload.modes) {
      const [programName, mapName] = [inMode(workload.program, workload, mode), inMode(workload.map, workload, mode)];
      const image = loaded.programs.find(({ name }) => name === programName);
      const spec = object.programs.find(({ name }) => name === programName);
      const mine = loaded.maps.find((each) => each.spec.name === mapName);
      if (!image || !spec || !mine) throw new Error(`the object has no ${programName}`);
      const fd = await loadProgram(
        calls,
        SCHED_CLS,
        encodeInstructions(withMaps(spec, (map) => descriptors.get(map) ?? 0)),
      );
      if (typeof fd === "string") throw new Error(`the kernel refuses ${programName}: ${fd}`);
      fillMap(mine.map, workload, arena.cpus);
      await fillThere(kernel, descriptors.get(mapName) ?? 0, mine.spec, workload);
      const run = instantiateImage(image, host);
      const compared = await compareSides(
        {
          ...{ name: `${workload.name}, ${mode}`, first: "", second: "", unit: "ns" },
          measure: [
            () => cpu.time(run, MILLISECONDS_PER_ROUND) / workload.operations,
            () => timeThere(calls, fd, workload),
          ],
        },
        rounds,
      );
      rows.push(compared);
      await kernel.close(fd);
    }
    progress((workloads.indexOf(workload) + 1) / workloads.length);
  }
  return rows;
}

export async function measureKernel(rounds: number, progress: (share: number) => void): Promise<KernelFigures> {
  if (process.platform !== "linux" || process.arch !== "x64") return { rows: [], skipped: "it asks Linux on x86-64" };
  const calls = new SystemCalls();
  try {
    const first = await new KernelMaps(calls).create([2, 4, 4, 1, 0, 0, 0], 0n).catch((cause: Error) => cause.message);
    if (typeof first === "string") return { rows: [], skipped: first };
    if (first < 0) return { rows: [], skipped: `the kernel refuses maps (errno ${-first}): bpf(2) wants root` };
    return { rows: await measure(calls, rounds, progress) };
  } finally {
    calls.close();
  }
}

export function showKernel({ rows, skipped }: KernelFigures): string {
  return skipped === undefined ? showComparisons(rows, "Linux") : `skipped: ${skipped}`;
}

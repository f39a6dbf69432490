/**
 * Loops without maps and helpers, compiled and interpreted, beside the same source compiled by clang for this machine, where there is a
 * clang; and what compiling costs. All return the same, or nothing is measured.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Arena } from "../arena/arena.ts";
import { FRAME_BYTES, MAX_FRAMES, type RunProgram } from "../bpf/host.ts";
import { compileProgram } from "../bpf/jit/compile.ts";
import { readObject } from "../bpf/object/object.ts";
import type { Engine } from "../load/choices.ts";
import { programHost } from "../load/host.ts";
import { instantiateImage, loadSpec, type ProgramImage } from "../load/load.ts";
import { CLANGS } from "./clang.ts";
import { MAP_PERF_OBJECT } from "./map-perf.ts";
import { type Spread, spreadOf } from "./statistics.ts";

export interface LoopRow {
  readonly name: string;
  /** Nanoseconds a turn of the loop. */
  readonly compiled: Spread;
  /** The same by clang -O2, and how many times as long ours takes in the same round. */
  readonly native?: Spread;
  readonly ratio?: Spread;
  /** Nanoseconds an instruction. */
  readonly interpreted: Spread;
}

export interface LoopFigures {
  readonly rows: readonly LoopRow[];
  /** Milliseconds for 1,000 instructions of the programs that measure maps. */
  readonly compiling: Spread;
  /** Why nothing native is measured. */
  readonly skipped?: string;
}

const OBJECT = fileURLToPath(new URL("../../examples/bpf/loops.bpf.o", import.meta.url));
const SOURCE = fileURLToPath(new URL("../../examples/bpf/loops.c", import.meta.url));

/** As loops.h and loops.c have them. */
const TURNS = 10_000;
const RUNS = 100;
const CONTEXT: readonly bigint[] = [1n, 2n, 3n, 4n];
const CONTEXT_BYTES = 168;

interface Native {
  /** What each loop returned, and nanoseconds a turn. */
  readonly measure: () => Map<string, { result: bigint; nanoseconds: number }>;
  readonly end: () => void;
}

/** The loops by clang; a sentence why there are none. */
function compileNative(): Native | string {
  const clang = CLANGS.find((name) => spawnSync(name, ["--version"]).status === 0);
  if (clang === undefined) return "there is no clang";
  const folder = mkdtempSync(join(tmpdir(), "anyctx-loops-"));
  const path = join(folder, "loops");
  const end = (): void => rmSync(folder, { recursive: true, force: true });
  const { status, stderr } = spawnSync(clang, ["-O2", "-o", path, SOURCE], { encoding: "utf8" });
  if (status !== 0) {
    end();
    return `${clang} compiles no program here: ${stderr.split("\n", 1)[0]}`;
  }
  const measure: Native["measure"] = () => {
    const lines = spawnSync(path, { encoding: "utf8" }).stdout.trim().split("\n");
    return new Map(
      lines.map((line) => {
        const [name = "", result = "", nanoseconds = ""] = line.split(" ");
        return [name, { result: BigInt(result), nanoseconds: Number(nanoseconds) }];
      }),
    );
  };
  return { measure, end };
}

interface Loop {
  readonly name: string;
  readonly instructions: number;
  readonly compiled: () => bigint;
  readonly interpreted: () => bigint;
}

/** The loops in an arena, as programs that run. */
function loopsIn(arena: Arena, load: (engine: Engine) => readonly ProgramImage[]): Loop[] {
  const host = programHost(arena, () => undefined);
  const stackTop = arena.allocate(FRAME_BYTES * MAX_FRAMES) + FRAME_BYTES * MAX_FRAMES;
  const [context, area] = [arena.allocate(CONTEXT_BYTES), arena.core.currentArea() >>> 0];
  new BigUint64Array(arena.memory.buffer, context, CONTEXT_BYTES / 8).set(CONTEXT);
  const once = (run: RunProgram) => (): bigint => run(context, area, stackTop, CONTEXT_BYTES);
  const interpreted = load("interpreter");
  return load("jit").map((image, index) => {
    const same = interpreted[index] as ProgramImage;
    let instructions = 0;
    const watch = (): void => {
      instructions++;
    };
    once(instantiateImage(same, host, { watch }))();
    return {
      ...{ name: image.name.replace("run_", ""), instructions },
      compiled: once(instantiateImage(image, host)),
      interpreted: once(instantiateImage(same, host)),
    };
  });
}

/** Nanoseconds of one run of several. */
function timeRuns(run: () => bigint, runs: number): number {
  const begin = performance.now();
  for (let count = 0; count < runs; count++) run();
  return ((performance.now() - begin) * 1e6) / runs;
}

/** Milliseconds for 1,000 instructions of some programs. */
function timeCompiling(images: readonly ProgramImage[]): number {
  const instructions = images.reduce((sum, { linked }) => sum + linked.instructions.length, 0);
  const begin = performance.now();
  for (const { linked } of images) compileProgram(linked);
  return ((performance.now() - begin) * 1000) / instructions;
}

/** @param progress called with the share that is done, 0 to 1 */
export async function measureLoops(rounds: number, progress: (share: number) => void): Promise<LoopFigures> {
  const arena = await Arena.create({ maximumBytes: 1 << 26 });
  const spec = readObject(await readFile(OBJECT), OBJECT);
  // The interpreter compares what the verifier believed where it has looked, which is not what is measured.
  const load = (engine: Engine): readonly ProgramImage[] =>
    loadSpec(arena, spec, { engine, verify: engine === "jit" }).programs;
  const larger = readObject(await readFile(MAP_PERF_OBJECT), MAP_PERF_OBJECT);
  const images = loadSpec(arena, larger, { verify: true }).programs;
  const loops = loopsIn(arena, load);
  const native = compileNative();
  const compiling: number[] = [];
  const taken = loops.map(() => ({ compiled: [] as number[], native: [] as number[], interpreted: [] as number[] }));
  try {
    for (let round = -1; round < rounds; round++) {
      const others = typeof native === "string" ? undefined : native.measure();
      const compileTime = timeCompiling(images);
      if (round >= 0) compiling.push(compileTime);
      for (const [index, loop] of loops.entries()) {
        const other = others?.get(loop.name);
        const result = loop.compiled();
        if (result !== loop.interpreted() || (other !== undefined && result !== other.result))
          throw new Error(`the loop ${loop.name} returns something else by another engine`);
        const compiled = timeRuns(loop.compiled, RUNS) / TURNS;
        const interpreted = timeRuns(loop.interpreted, 1) / loop.instructions;
        if (round < 0) continue;
        taken[index]?.compiled.push(compiled);
        taken[index]?.interpreted.push(interpreted);
        if (other !== undefined) taken[index]?.native.push(other.nanoseconds);
      }
      progress((round + 2) / (rounds + 1));
    }
  } finally {
    if (typeof native !== "string") native.end();
    arena.detach();
  }
  const rows = loops.map(({ name }, index) => rowOf(name, taken[index] as (typeof taken)[number]));
  return { rows, compiling: spreadOf(compiling), ...(typeof native === "string" && { skipped: native }) };
}

function rowOf(
  name: string,
  taken: { readonly compiled: number[]; readonly native: number[]; readonly interpreted: number[] },
): LoopRow {
  const { compiled, native, interpreted } = taken;
  const both = { name, compiled: spreadOf(compiled), interpreted: spreadOf(interpreted) };
  if (native.length === 0) return both;
  const ratios = compiled.map((own, round) => own / (native[round] as number));
  return { ...both, native: spreadOf(native), ratio: spreadOf(ratios) };
}

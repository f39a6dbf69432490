/** Other allocators beside ours: the C library's malloc where there is a compiler, and @thi.ng/malloc. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MemPool } from "@thi.ng/malloc";
import { type AllocFigures, churn, measureAlloc, PAIRS, SIZE, type Subject, time } from "../src/bench/alloc.ts";
import { BURST, CHURN_LARGEST, CHURN_LIVE, CHURN_SMALLEST } from "../src/bench/alloc-module.ts";
import { row } from "../src/bench/alloc-ratios.ts";

/** `KEEP` hides a pointer from the compiler, which otherwise removes the pair. */
const PROGRAM = `
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#define KEEP(pointer) __asm__ volatile("" : "+r"(pointer) : : "memory")
static void *table[${CHURN_LIVE}];
static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1e9 + time.tv_nsec;
}
static void pairs(long count) {
  for (long i = 0; i < count; i++) { void *object = malloc(64); KEEP(object); free(object); }
}
static void bursts(long count) {
  for (long i = 0; i < count / ${BURST}; i++) {
    for (int j = 0; j < ${BURST}; j++) { table[j] = malloc(64); KEEP(table[j]); }
    for (int j = 0; j < ${BURST}; j++) free(table[j]);
  }
}
static void churn(long count) {
  static uint32_t seed = 1;
  for (long i = 0; i < count; i++) {
    seed = seed * 1664525u + 1013904223u;
    void **place = &table[(seed >> 8) % ${CHURN_LIVE}];
    free(*place);
    *place = malloc(${CHURN_SMALLEST} + (seed >> 21) % ${CHURN_LARGEST - CHURN_SMALLEST + 1});
    KEEP(*place);
  }
}
static double measure(void (*run)(long), long count) {
  run(count / 4);
  double begin = now();
  run(count);
  return (now() - begin) / count;
}
int main(void) {
  double pair = measure(pairs, 2000000), burst = measure(bursts, 2000000);
  for (int i = 0; i < ${CHURN_LIVE}; i++) table[i] = malloc(64);
  printf("%f %f %f\\n", pair, burst, measure(churn, 1000000));
  return 0;
}
`;

/** Nanoseconds per pair. */
interface NativeCosts {
  readonly pair: number;
  readonly burst: number;
  readonly churn: number;
}

interface NativeProgram {
  readonly run: () => NativeCosts;
  readonly remove: () => void;
}

const COMPILERS = ["cc", "gcc", "clang"];

/** Compiles the program; a reason in words if it cannot be. */
function makeNative(): NativeProgram | string {
  const folder = mkdtempSync(join(tmpdir(), "anyctx-"));
  const remove = (): void => rmSync(folder, { recursive: true, force: true });
  const source = join(folder, "malloc.c");
  const program = join(folder, "malloc");
  writeFileSync(source, PROGRAM);
  const found = COMPILERS.some(
    (compiler) => spawnSync(compiler, ["-O2", "-o", program, source], { stdio: "ignore" }).status === 0,
  );
  const run = (): NativeCosts => {
    const { stdout } = spawnSync(program, { encoding: "utf8" });
    const [pair = Number.NaN, burst = Number.NaN, churn = Number.NaN] = (stdout ?? "").trim().split(" ").map(Number);
    return { pair, burst, churn };
  };
  if (found && Number.isFinite(run().pair)) return { run, remove };
  remove();
  return `no C compiler (${COMPILERS.join(", ")})`;
}

/** A pair of the churn takes 40 us here. */
const POOL_PAIRS = 2_000;

function poolPairs(pool: MemPool): void {
  for (let index = 0; index < PAIRS; index++) pool.free(pool.malloc(SIZE));
}

function poolSubjects(): Subject[] {
  const first = new MemPool({ size: 1 << 22 });
  const second = new MemPool({ size: 1 << 22 });
  const live = Array.from({ length: CHURN_LIVE }, () => second.malloc(SIZE));
  const allocate = (size: number): number => second.malloc(size);
  const free = (address: number): boolean => second.free(address);
  return [
    {
      name: "@thi.ng/malloc pair",
      doc: "its MemPool, unshared, from JavaScript",
      measure: () => time(PAIRS, () => poolPairs(first)),
    },
    {
      name: "@thi.ng/malloc churn",
      doc: "the churn on its MemPool",
      measure: () => time(POOL_PAIRS, () => churn(live, POOL_PAIRS, allocate, free)),
    },
  ];
}

function nativeSubjects(native: NativeProgram | string): Subject[] {
  return (["pair", "burst", "churn"] as const).map((kind) => ({
    name: `C malloc ${kind}`,
    doc: `the ${kind} with the C library's malloc, native, one thread`,
    measure: typeof native === "string" ? native : () => native.run()[kind],
  }));
}

/** Every row of ours and of the others, in the same rounds. */
export async function measureAllocRivals(rounds: number, progress: (share: number) => void): Promise<AllocFigures> {
  const native = makeNative();
  try {
    return await measureAlloc(rounds, progress, {
      subjects: [...poolSubjects(), ...nativeSubjects(native)],
      ratios: [
        row("churn", "C malloc churn"),
        row("pair", "C malloc pair"),
        row("burst", "C malloc burst"),
        row("@thi.ng/malloc churn", "churn, ObjectAllocator"),
      ],
    });
  } finally {
    if (typeof native !== "string") native.remove();
  }
}

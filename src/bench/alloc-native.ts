/** What others need for the same: the C library's malloc where there is a compiler, and @thi.ng/malloc where it is. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BURST, CHURN_LARGEST, CHURN_LIVE, CHURN_SMALLEST } from "./alloc-module.ts";

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
export interface NativeCosts {
  readonly pair: number;
  readonly burst: number;
  readonly churn: number;
}

export interface NativeProgram {
  readonly run: () => NativeCosts;
  readonly remove: () => void;
}

const COMPILERS = ["cc", "gcc", "clang"];

/** Compiles the program; a reason in words if it cannot be. */
export function makeNative(): NativeProgram | string {
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

/** As much of @thi.ng/malloc's MemPool as is measured. */
export interface MemoryPool {
  malloc(bytes: number): number;
  free(address: number): boolean;
}

interface PoolModule {
  readonly MemPool: new (options: { readonly size: number }) => MemoryPool;
}

/** The name is no literal, so that nothing resolves it where it is not installed: it is a development dependency. */
const POOL_PACKAGE: string = ["@thi.ng", "malloc"].join("/");

export async function makePool(bytes: number): Promise<MemoryPool | string> {
  try {
    const { MemPool } = (await import(POOL_PACKAGE)) as PoolModule;
    return new MemPool({ size: bytes });
  } catch {
    return `${POOL_PACKAGE} is not installed`;
  }
}

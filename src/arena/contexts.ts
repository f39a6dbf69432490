/** Contexts by their names: what a thread says it is, and so what an operation on it may do (ARCHITECTURE.md). */
import { checkOneOf } from "../arguments.ts";
import { AnyctxError } from "../error.ts";
import { LAYOUT } from "../wasm/face.ts";
import type { Reader } from "../wasm/reader.ts";

/**
 * - `task`: a worker, or whatever may work for a moment: an operation refills its cache itself. What every thread begins as.
 * - `softirq`: the same, on a thread that others' events wait for, as a browser's main thread; misses are counted apart.
 * - `hardirq`: no lock of the memory, no growing: an empty cache gives -ENOMEM, and the refill comes when the thread is a task again.
 * - `nmi`: as `hardirq`, and no operation waits for a lock: an AudioWorklet. Another thread refills it (`Arena.serve`).
 */
export type ContextName = "task" | "softirq" | "hardirq" | "nmi";

/** The core's levels (core/cpu/area.ts). */
const LEVELS: Readonly<Record<ContextName, number>> = { task: 0, softirq: 1, hardirq: 2, nmi: 3 };

const NAMES = Object.keys(LEVELS);

export const NMI_LEVEL: number = LEVELS.nmi;

/**
 * The CPU that this thread acts as is in a context from now on. Work that waited runs, if it may run there.
 * @throws {AnyctxError} EINVAL: there is no such context
 */
export function setContext({ core, realTime }: Reader & { readonly realTime: boolean }, name: ContextName): void {
  checkOneOf("context", name, NAMES);
  const level = LEVELS[name];
  core.contextSet(level, 0);
  if (level < LEVELS.hardirq && !realTime) core.interruptsCameOn();
}

function levelOf(reader: Reader): number {
  return reader.word(reader.core.currentArea() + LAYOUT.CpuArea.level);
}

/** Whether this thread may take the arena's own locks: not in `hardirq` and `nmi`. */
export function mayLock(reader: Reader): boolean {
  return levelOf(reader) < LEVELS.hardirq;
}

/**
 * What takes the arena's own locks or its memory is not for a context that may not wait: it would be let do so, and the thread be late.
 * @param what as "create a map"
 * @throws {AnyctxError} EPERM in `hardirq` and `nmi`
 */
export function checkMayLock(reader: Reader, what: string): void {
  if (mayLock(reader)) return;
  throw new AnyctxError(
    "EPERM",
    `Cannot ${what} in the context ${NAMES[levelOf(reader)]}: a thread does that as task or softirq`,
  );
}

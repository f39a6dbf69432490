/**
 * How much of the stack functions that call each other use together. Linux gives a chain of calls 512 bytes, and programs that trace the
 * same for each function (`bpf_prog_type` with a private stack); here each function has as much. What is too much there is said here.
 */
import { edgeOf } from "../analysis/edges.ts";
import { FRAME_BYTES } from "../host.ts";
import { Refusal } from "./refusal.ts";
import type { Subject } from "./subject.ts";

/** Types whose programs have a private stack in Linux since 6.13. */
const PRIVATE: ReadonlySet<string> = new Set([
  ...["kprobe", "tracepoint", "perf_event", "raw_tracepoint", "tracing", "struct_ops"],
]);
/** As the compilers of Linux round it. */
const STEP = 16;

/** @throws {Refusal} a chain of calls uses more than Linux has for it */
export function checkStackDepth(subject: Subject): void {
  const { program, steps, stackDepths, type } = subject;
  if (type === undefined || PRIVATE.has(type.name) || program.subprograms.length === 1) return;
  const starts = program.subprograms.map(({ start }) => start);
  const ownerOf = (at: number): number => starts.findLastIndex((start) => start <= at);
  const calls = starts.map(() => new Set<number>());
  for (const step of steps) {
    const edge = step === undefined ? undefined : edgeOf(step.operation.effect, step.slot, step.at);
    if (edge !== undefined && edge.type !== "jump") calls[ownerOf(edge.at)]?.add(ownerOf(edge.target));
  }
  const depths = new Map<number, number>();
  const depthOf = (index: number): number => {
    const known = depths.get(index);
    if (known !== undefined) return known;
    const own = Math.ceil((stackDepths.get(starts[index] ?? 0) ?? 0) / STEP) * STEP;
    const below = [...(calls[index] ?? [])].reduce((most, called) => Math.max(most, depthOf(called)), 0);
    depths.set(index, own + below);
    return own + below;
  };
  const most = depthOf(0);
  if (most <= FRAME_BYTES) return;
  const message = `its functions use ${most} bytes of the stack together, of which a chain of calls has ${FRAME_BYTES} in Linux`;
  throw new Refusal("limit", 0, message, "Put large variables into a per-CPU array.");
}

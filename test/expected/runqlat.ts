/**
 * What `examples/bpf/runqlat.bpf.c` must find.
 *
 * The rules, in the order of the trace: a wakeup starts the task's clock, over again if it was running. At a switch the
 * task put off starts its clock if it is still runnable (printed `R` or `R+`), then the next task's clock stops; without
 * one the switch counts in `missed`. The wait is booked on the CPU of the switch. pid 0 never waits.
 */
import { field, type Line, slotOf } from "./lines.ts";

export interface RunqlatResult {
  /** 26 slots of microseconds, by CPU. */
  readonly waits: Map<number, number[]>;
  /** Tasks that still wait: since when (ns), by pid. */
  readonly starts: Map<number, bigint>;
  readonly missed: bigint;
}

export function runqlat(lines: Iterable<Line>, options: { readonly targetPid?: number } = {}): RunqlatResult {
  const { targetPid = 0 } = options;
  const starts = new Map<number, bigint>();
  const waits = new Map<number, number[]>();
  let missed = 0n;
  const followed = (pid: number): boolean => pid !== 0 && (targetPid === 0 || pid === targetPid);

  for (const line of lines) {
    if (line.event === "sched_wakeup") {
      const pid = Number(field(line, "pid"));
      if (followed(pid)) starts.set(pid, line.time);
    }
    if (line.event !== "sched_switch") continue;
    const previous = Number(field(line, "prev_pid"));
    if (field(line, "prev_state").startsWith("R") && followed(previous)) starts.set(previous, line.time);
    const next = Number(field(line, "next_pid"));
    if (!followed(next)) continue;
    const start = starts.get(next);
    if (start === undefined) {
      missed++;
      continue;
    }
    starts.delete(next);
    const slots = waits.get(line.cpu) ?? new Array<number>(26).fill(0);
    const slot = slotOf((line.time - start) / 1000n);
    slots[slot] = (slots[slot] ?? 0) + 1;
    waits.set(line.cpu, slots);
  }
  return { waits, starts, missed };
}

/**
 * What `examples/bpf/syslat.bpf.c` must find.
 *
 * The rules, in the order of the trace: an entry starts the thread's clock, over again if it was running (a call that
 * never came back). An exit without a clock counts in `missed`. An exit stops the clock; number -1 (return from a signal
 * handler) is then left out. The latency is booked on the CPU of the exit.
 */
import { type Line, slotOf } from "./lines.ts";

export interface Latency {
  count: bigint;
  totalNs: bigint;
  /** 26 slots of microseconds. */
  readonly slots: number[];
}

export interface SyslatResult {
  /** By call number, then by CPU: only CPUs that finished such a call. */
  readonly latencies: Map<number, Map<number, Latency>>;
  /** Calls that did not return: the time of entry in ns, by tgid << 32 | pid (both are the thread's number). */
  readonly starts: Map<bigint, bigint>;
  readonly missed: bigint;
}

export function syslat(lines: Iterable<Line>, options: { readonly targetTgid?: number } = {}): SyslatResult {
  const { targetTgid = 0 } = options;
  const starts = new Map<bigint, bigint>();
  const latencies = new Map<number, Map<number, Latency>>();
  let missed = 0n;

  for (const line of lines) {
    if (line.event !== "sys_enter" && line.event !== "sys_exit") continue;
    if (targetTgid !== 0 && line.pid !== targetTgid) continue;
    const thread = (BigInt(line.pid) << 32n) | BigInt(line.pid);
    if (line.event === "sys_enter") {
      starts.set(thread, line.time);
      continue;
    }
    const start = starts.get(thread);
    if (start === undefined) {
      missed++;
      continue;
    }
    starts.delete(thread);
    const number = Number(/^NR (-?\d+) = /.exec(line.text)?.[1]);
    if (Number.isNaN(number)) throw new Error(`no call number in "${line.text}"`);
    if (number < 0) continue;
    const perCpu = latencies.get(number) ?? new Map<number, Latency>();
    const latency = perCpu.get(line.cpu) ?? { count: 0n, totalNs: 0n, slots: new Array<number>(26).fill(0) };
    const elapsed = line.time - start;
    const slot = slotOf(elapsed / 1000n);
    latency.count++;
    latency.totalNs += elapsed;
    latency.slots[slot] = (latency.slots[slot] ?? 0) + 1;
    latencies.set(number, perCpu.set(line.cpu, latency));
  }
  return { latencies, starts, missed };
}

/**
 * The trace's text taken apart the plain way: one regular expression for a line, one for each field asked for. It
 * shares nothing with `src/events`, so that the two can be wrong only in different ways.
 */
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";

export interface Line {
  readonly pid: number;
  readonly cpu: number;
  /** The irqs-off and hardirq/softirq columns, as printed. */
  readonly irqs: string;
  readonly level: string;
  /** Nanoseconds. */
  readonly time: bigint;
  readonly event: string;
  /** Everything behind the event's name. */
  readonly text: string;
}

const LINE = /^.{16}-(\d+)\s+\[(\d+)\] (.)(.)(.).. +(\d+)\.(\d{6}): (\w+): (.*)$/;

/** The lines of a gzipped trace that are events, in order. */
export function readLines(path: string): Line[] {
  const lines: Line[] = [];
  for (const line of gunzipSync(readFileSync(path)).toString("latin1").split("\n")) {
    const match = LINE.exec(line);
    if (match === null) continue;
    const [, pid, cpu, irqs, , level, seconds, micros, event, text] = match as unknown as string[];
    lines.push({
      pid: Number(pid),
      cpu: Number(cpu),
      irqs: String(irqs),
      level: String(level),
      time: BigInt(`${seconds}${micros}000`),
      event: String(event),
      text: String(text),
    });
  }
  return lines;
}

/** The text of `name=` up to the next blank. */
export function field(line: Line, name: string): string {
  const match = new RegExp(`(?:^| )${name}=(\\S+)`).exec(line.text);
  if (match?.[1] === undefined) throw new Error(`no ${name} in "${line.text}"`);
  return match[1];
}

/** Slot of a power-of-two histogram of 26 slots: 0 for 0 and 1, n for 2^n and above, below 2^(n+1). */
export function slotOf(value: bigint): number {
  return Math.min(25, Math.max(0, value.toString(2).length - 1));
}

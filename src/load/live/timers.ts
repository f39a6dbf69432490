/** A clock as a source: a program on samples runs each time it ticks. */
import { show } from "../../arguments.ts";
import { AnyctxError } from "../../error.ts";
import type { PreparedOutput } from "../prepared.ts";
import type { ProgramSource } from "../typed-object.ts";
import { type LiveLink, type LiveSourceKind, liveSource } from "./link.ts";

export const TIMERS: LiveSourceKind = {
  name: "clock",
  doc: "A clock: a sample each so many milliseconds, when the event loop gets to it. `sample_period` is how long it was since the last, in nanoseconds.",
  programs: ["perf_event"],
};

const NANOSECONDS = 1e6;

/** @param milliseconds between two samples. They keep no process alive. @throws {AnyctxError} EINVAL */
export function clock(milliseconds: number, output: PreparedOutput = {}): ProgramSource<LiveLink> {
  if (typeof milliseconds !== "number" || !(milliseconds > 0))
    throw new AnyctxError("EINVAL", `A clock ticks after milliseconds, not after ${show(milliseconds)}`);
  return liveSource(TIMERS, output, [], (program, isOn) => {
    let last = performance.now();
    const timer: unknown = setInterval(() => {
      const now = performance.now();
      program.setPeriod(Math.round((now - last) * NANOSECONDS));
      last = now;
      if (isOn()) program.run();
    }, milliseconds);
    // On Node it is an object, in a browser a number.
    if (typeof timer === "object" && timer !== null && "unref" in timer && typeof timer.unref === "function")
      timer.unref();
    return { stop: () => clearInterval(timer as number) };
  });
}

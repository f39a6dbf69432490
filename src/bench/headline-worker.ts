/** One CPU of the headline benchmark: runs a program again and again for a given time, with a timer tick every 4 ms. */

import { parentPort, workerData } from "node:worker_threads";
import { Arena } from "../arena/arena.ts";
import { FRAME_BYTES, MAX_FRAMES, type RunProgram } from "../bpf/host.ts";
import { instantiateProgram } from "../bpf/jit/instantiate.ts";
import { programHost } from "../load/host.ts";
import { type HeadlineAnswer, type HeadlineStart, type HeadlineTask, PAIRS_PER_RUN } from "./headline.ts";

const TICK_MILLISECONDS = 4;
/**
 * How long a program runs before its time counts: three ticks, after which the grace periods of what the last map left behind are
 * over. What waits by then is its own.
 */
const LEAD_MILLISECONDS = 3 * TICK_MILLISECONDS;

const start = workerData as HeadlineStart;
const arena = await Arena.attach(start.arena);
const host = programHost(arena, () => undefined);
const runs = start.programs.map((program) => instantiateProgram(program, host));
const stackTop = arena.allocate(FRAME_BYTES * MAX_FRAMES) + FRAME_BYTES * MAX_FRAMES;
const area = arena.core.currentArea() >>> 0;

/** Nanoseconds per pair. */
function time(run: RunProgram, milliseconds: number): HeadlineAnswer {
  const begin = performance.now();
  let tick = begin;
  let now = begin;
  let count = 0;
  for (; now - begin < milliseconds; now = performance.now()) {
    if (now - tick >= TICK_MILLISECONDS) {
      tick = now;
      arena.core.timerTick();
    }
    arena.core.readEnter();
    run(0, area, stackTop);
    arena.core.readLeave();
    count++;
  }
  return ((now - begin) * 1e6) / (count * PAIRS_PER_RUN);
}

parentPort?.on("message", ({ mode, milliseconds }: HeadlineTask) => {
  const run = runs[mode];
  if (run === undefined) throw new Error(`there is no program ${mode}`);
  time(run, LEAD_MILLISECONDS);
  parentPort?.postMessage(time(run, milliseconds));
});

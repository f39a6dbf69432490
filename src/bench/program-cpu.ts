/** One CPU of a benchmark: it runs programs as events would, with a timer tick every 4 ms, as on a kernel at the usual HZ=250. */
import type { Arena } from "../arena/arena.ts";
import { FRAME_BYTES, MAX_FRAMES, type RunProgram } from "../bpf/host.ts";

const TICK_MILLISECONDS = 4;
/**
 * How long a program runs before its time counts: three ticks, after which the grace periods of what the last map left behind are
 * over. What waits by then is its own.
 */
const LEAD_MILLISECONDS = 3 * TICK_MILLISECONDS;
/** Nanoseconds between two looks at the clock, which costs as much as a short program. */
const LOOK = 20_000;

export interface ProgramCpu {
  /** Once, in a read section. */
  readonly run: (program: RunProgram) => bigint;
  /** Time passes: it ticks where that is due. */
  readonly tick: () => void;
  /**
   * @param milliseconds how long it is measured, after a while that is not
   * @returns nanoseconds a run
   * @throws {Error} the program did not return 0
   */
  readonly time: (program: RunProgram, milliseconds: number) => number;
}

export function programCpu(arena: Arena): ProgramCpu {
  const stackTop = arena.allocate(FRAME_BYTES * MAX_FRAMES) + FRAME_BYTES * MAX_FRAMES;
  const area = arena.core.currentArea() >>> 0;
  let ticked = performance.now();

  const run = (program: RunProgram): bigint => {
    arena.core.readEnter();
    const result = program(0, area, stackTop);
    arena.core.readLeave();
    return result;
  };
  const tick = (): void => {
    const now = performance.now();
    if (now - ticked < TICK_MILLISECONDS) return;
    ticked = now;
    arena.core.timerTick();
  };
  const runFor = (program: RunProgram, milliseconds: number, runsPerLook: number): number => {
    const begin = performance.now();
    let [now, runs, wrong] = [begin, 0, 0n];
    for (; now - begin < milliseconds; now = performance.now()) {
      tick();
      for (let index = 0; index < runsPerLook; index++) wrong |= run(program);
      runs += runsPerLook;
    }
    if (wrong !== 0n) throw new Error(`a program of the bench returned ${wrong}`);
    return ((now - begin) * 1e6) / runs;
  };
  return {
    ...{ run, tick },
    time: (program, milliseconds) =>
      runFor(program, milliseconds, Math.ceil(LOOK / runFor(program, LEAD_MILLISECONDS, 1))),
  };
}

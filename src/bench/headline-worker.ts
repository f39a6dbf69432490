/** One CPU of the headline benchmark: times a program for whoever asks. */

import { parentPort, workerData } from "node:worker_threads";
import { Arena } from "../arena/arena.ts";
import { instantiateProgram } from "../bpf/jit/instantiate.ts";
import { programHost } from "../load/host.ts";
import { type HeadlineAnswer, type HeadlineStart, type HeadlineTask, PAIRS_PER_RUN } from "./headline.ts";
import { programCpu } from "./program-cpu.ts";

const start = workerData as HeadlineStart;
const arena = await Arena.attach(start.arena);
const host = programHost(arena, () => undefined);
const programs = start.programs.map((program) => instantiateProgram(program, host));
const cpu = programCpu(arena);

parentPort?.on("message", ({ mode, milliseconds }: HeadlineTask) => {
  const program = programs[mode];
  if (program === undefined) throw new Error(`there is no program ${mode}`);
  const answer: HeadlineAnswer = cpu.time(program, milliseconds) / PAIRS_PER_RUN;
  parentPort?.postMessage(answer);
});

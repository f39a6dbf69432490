/** One CPU of `anyctx bench map-perf`: times a program for whoever asks, alone or in turn with the other threads. */
import { parentPort, workerData } from "node:worker_threads";
import { Arena } from "../arena/arena.ts";
import type { RunProgram } from "../bpf/host.ts";
import { programHost } from "../load/host.ts";
import { instantiateImage } from "../load/load.ts";
import type { MapPerfStart, MapPerfTask } from "./map-perf.ts";
import { programCpu } from "./program-cpu.ts";

const { arena: handle, slot, images, turn } = workerData as MapPerfStart;
const arena = await Arena.attach(handle, slot);
const host = programHost(arena, () => undefined);
const programs = new Map(images.map((image) => [image.name, instantiateImage(image, host)]));
const cpu = programCpu(arena);
const turns = new Int32Array(turn);

/** Turns whose time does not count, and those whose time does. */
const LEAD_TURNS = 100;
const TURNS = 500;

/** Nanoseconds a run, without the waiting for one's turn. */
function timeInTurn(program: RunProgram, place: number, threads: number): number {
  let taken = 0;
  for (let count = 0; count < LEAD_TURNS + TURNS; count++) {
    for (let now = Atomics.load(turns, 0); now % threads !== place; now = Atomics.load(turns, 0))
      Atomics.wait(turns, 0, now);
    const begin = performance.now();
    const result = cpu.run(program);
    if (count >= LEAD_TURNS) taken += performance.now() - begin;
    cpu.tick();
    Atomics.add(turns, 0, 1);
    Atomics.notify(turns, 0);
    if (result !== 0n) throw new Error(`a program of the bench returned ${result}`);
  }
  return (taken * 1e6) / TURNS;
}

parentPort?.on("message", ({ program: name, milliseconds, inTurn }: MapPerfTask) => {
  const program = programs.get(name);
  if (program === undefined) throw new Error(`there is no program ${name}`);
  const cost = inTurn === undefined ? cpu.time(program, milliseconds) : timeInTurn(program, slot % inTurn, inTurn);
  parentPort?.postMessage(cost);
});

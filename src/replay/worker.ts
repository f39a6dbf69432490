/** The thread of one CPU in a parallel replay (threads.ts): attaches, runs what it is sent, detaches. */
import { parentPort, workerData } from "node:worker_threads";
import { Arena } from "../arena/arena.ts";
import { programHost } from "../load/host.ts";
import { BatchBuffer } from "./ordered.ts";
import { EventRunner } from "./runner.ts";
import type { FromWorker, ToWorker, WorkerStart } from "./threads.ts";

const start = workerData as WorkerStart;
const post = (message: FromWorker): void => parentPort?.postMessage(message);

const arena = await Arena.attach(start.arena, start.cpu);
const print = (line: string): void => post({ type: "print", line });
const events = [...start.events];
const runner = new EventRunner(arena, start.programs, events, start.rule, programHost(arena, print));
const buffer = new BatchBuffer(arena);
let seconds = 0;

function replay(records: Uint8Array): void {
  const before = runner.counts.replayed;
  const address = buffer.put(records);
  const begin = performance.now();
  runner.replay(address, records.length);
  seconds += (performance.now() - begin) / 1000;
  post({ type: "replayed", bytes: records.length, events: runner.counts.replayed - before });
}

parentPort?.on("message", (message: ToWorker) => {
  if (message instanceof Uint8Array) return replay(message);
  if (message !== "end") {
    events.push(...message);
    return;
  }
  arena.core.contextSet(0, 0);
  buffer.free();
  runner.free();
  arena.detach();
  post({ type: "done", counts: runner.counts, seconds });
  parentPort?.close();
});

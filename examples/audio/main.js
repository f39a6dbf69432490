/** The page: creates what the threads share, supplies the processor, ends a worker in the middle. */
import { Arena, f32, struct, u32, u64 } from "../../dist/index.js";

const MILLISECONDS = 1000;
const WORKERS = 2;

const pause = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** The next message of a worker or a node's port. */
function heard(port) {
  return new Promise((resolve, reject) => {
    port.addEventListener("message", ({ data }) => resolve(data), { once: true });
    port.addEventListener("error", (event) => reject(new Error(event.message)), { once: true });
  });
}

/** Starts a worker with a handle of its own; it says when it has attached. */
async function startWorker(arena, task) {
  const handle = arena.handle();
  const name = `anyctx ${handle.token}`;
  const worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
  worker.postMessage({ handle, name, task });
  await heard(worker);
  return { worker, handle, name };
}

/** Ends a worker, and comes back when its thread is gone: `terminate` returns before that. */
async function end({ worker, name }) {
  worker.terminate();
  await navigator.locks.request(name, () => {});
}

/** Plays a tone through a processor that attaches to the arena. */
async function startAudio(arena) {
  const audio = new AudioContext({ sampleRate: 48_000 });
  await audio.audioWorklet.addModule(new URL("./processor.js", import.meta.url));
  const processorOptions = { handle: arena.handle() };
  const levels = new AudioWorkletNode(audio, "levels", { processorOptions });
  levels.port.start();
  const attached = heard(levels.port);
  const tone = new OscillatorNode(audio, { frequency: 440 });
  const quiet = new GainNode(audio, { gain: 0.05 });
  tone.connect(levels).connect(quiet).connect(audio.destination);
  const problem = await attached;
  if (problem !== "attached") throw new Error(problem);
  tone.start();
  return { audio, levels };
}

/** What the page itself does on the map meanwhile; it must not wait for anybody. */
function watch(map, totals) {
  const seen = { operations: 0, longestMilliseconds: 0 };
  const timer = setInterval(() => {
    for (let round = 0; round < 100; round++) {
      const begin = performance.now();
      map.update(0xffff0000 + round, 1);
      map.delete(0xffff0000 + round);
      totals.get(0);
      seen.operations += 3;
      seen.longestMilliseconds = Math.max(seen.longestMilliseconds, performance.now() - begin);
    }
  }, 10);
  return { seen, stop: () => clearInterval(timer) };
}

/**
 * @param {{ seconds: number, server: "page" | "worker" }} options who supplies the processor
 */
export async function run({ seconds, server }) {
  const arena = await Arena.create({ maximumBytes: 1 << 28, cpus: 8 });
  const map = arena.createMap({ type: "hash", name: "levels", key: u32, value: f32, maxEntries: 100_000 });
  const total = struct({ taken: u64, rounds: u64 });
  const totals = arena.createMap({ type: "hash", name: "totals", key: u32, value: total, maxEntries: 16 });
  const helper = server === "worker" ? await startWorker(arena, { serve: true }) : undefined;
  const service = server === "worker" ? undefined : arena.serve();
  const workers = [];
  for (let half = 0; half < WORKERS; half++) workers.push(await startWorker(arena, { half }));
  const { audio, levels } = await startAudio(arena);
  const { seen, stop } = watch(map, totals);

  await pause((seconds / 2) * MILLISECONDS);
  const [first, second] = workers;
  await end(first);
  const reaped = arena.reap(first.handle);
  const before = totals.get(1);
  await pause((seconds / 2) * MILLISECONDS);

  levels.port.postMessage("stop");
  const played = await heard(levels.port);
  const after = totals.get(1);
  stop();
  service?.stop();
  await audio.close();
  for (const each of [second, helper]) {
    if (each === undefined) continue;
    await end(each);
    arena.reap(each.handle);
  }
  const page = { ...seen, batches: service?.batches, left: map.size };
  return { played, page, reaped, survivor: { before: String(before?.taken), after: String(after?.taken) } };
}

/**
 * Kills threads in the middle of whatever they do: `npm run kill -- [--trials N] [--seed N] [--json]`. A victim works on
 * maps that a survivor and this thread use too, and is ended at a random moment: terminated, by an error, by
 * `process.exit`. Its CPU is reaped, and the others then have a second for 200 operations each. At last everything is
 * destroyed: what is still in use then was lost.
 */
import { once } from "node:events";
import { parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { AnyctxError, Arena, type ArenaMap, bytes, u32, u64 } from "../src/index.ts";

const WORKER = new URL("./kill-worker.mjs", import.meta.url);
const CPUS = 3;
const PAGE_BYTES = 16384;
/** Trials in one arena, after which its memory is counted. */
const TRIALS_AN_ARENA = 25;
const LIMIT_MILLISECONDS = 1000;
const HOW = ["terminate", "terminate", "terminate", "terminate", "throw", "exit"] as const;

export interface KillResult {
  trials: number;
  /** Trials after which every survivor did its 200 operations within a second. */
  survived: number;
  hung: number;
  threw: number;
  /** Bytes of pages still in use when everything had been destroyed. */
  lostBytes: number;
}

interface Ring {
  readonly arena: Arena;
  readonly dynamic: ArenaMap<number, bigint>;
  readonly survivor: Worker;
}

/** A worker of this arena that is ready to work; its handle names it. */
async function startWorker(
  arena: Arena,
  data: Record<string, unknown>,
): Promise<{ worker: Worker; thread: ReturnType<Arena["handle"]> }> {
  const thread = arena.handle();
  const worker = new Worker(WORKER, { workerData: { ...data, arena: thread } });
  // What it fails of after it was ready is how it dies.
  let failed: unknown;
  worker.on("error", (error) => {
    failed = error;
  });
  const ready = await new Promise<boolean>((resolve) => {
    worker.once("message", () => resolve(true));
    worker.once("exit", () => resolve(false));
  });
  if (!ready) throw failed;
  return { worker, thread };
}

async function openRing(seed: number): Promise<Ring> {
  const arena = await Arena.create({ cpus: CPUS, maximumBytes: 128 << 20, seed });
  const create = { type: "hash", key: u32 } as const;
  const dynamic = arena.createMap({ ...create, name: "dynamic", value: u64, maxEntries: 40_000 });
  arena.createMap({ ...create, name: "large", value: bytes(700), maxEntries: 3000 });
  arena.createMap({ type: "percpu_hash", key: u32, name: "percpu", value: u64, maxEntries: 3000 });
  arena.createMap({ ...create, name: "preallocated", value: bytes(700), maxEntries: 250, prealloc: true });
  arena.createMap({ ...create, name: "small", value: u64, maxEntries: 8 });
  const { worker } = await startWorker(arena, { role: "survivor", seed });
  return { arena, dynamic, survivor: worker };
}

/** Ends the survivor and destroys all: bytes that are still in use. */
async function closeRing({ arena, survivor }: Ring): Promise<number> {
  survivor.postMessage("stop");
  await once(survivor, "exit");
  for (const { name } of arena.maps()) arena.destroyMap(name);
  for (const allocator of arena.allocators()) allocator.destroy();
  for (let round = 0; round < 4; round++) arena.trim();
  // The maps' transfer buffers go with this thread's slot.
  arena.detach();
  arena.core.trimSlabs();
  return arena.core.pagesInUse() * PAGE_BYTES;
}

/** 200 updates, lookups and deletes on this thread; how long they took, and how many were refused. */
function survive(map: ArenaMap<number, bigint>): { milliseconds: number; refused: number } {
  const started = performance.now();
  let refused = 0;
  for (let key = 0; key < 200; key++) {
    if (map.update(30_000 + key, BigInt(key)) !== 0) refused++;
    if (map.get(30_000 + key) !== BigInt(key)) refused++;
    if (!map.delete(30_000 + key)) refused++;
  }
  return { milliseconds: performance.now() - started, refused };
}

/** Kills one victim; whether the survivors survived. */
async function trial(ring: Ring, random: () => number, load?: string): Promise<keyof KillResult> {
  const { arena, survivor } = ring;
  const how = HOW[Math.floor(random() * HOW.length)] ?? "terminate";
  const milliseconds = random() * 8;
  const seed = Math.floor(random() * 2 ** 31);
  const { worker, thread } = await startWorker(arena, { role: "victim", how, milliseconds, seed, load });
  const ended = new Promise<void>((resolve) => {
    if (worker.threadId === -1) resolve();
    else worker.once("exit", () => resolve());
  });
  if (how === "terminate") {
    await new Promise((resolve) => setTimeout(resolve, milliseconds));
    void worker.terminate();
  }
  await ended;
  for (let free = arena.reap(thread); free.length === 0; free = arena.reap(thread)) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  const mine = survive(ring.dynamic);
  survivor.postMessage("survive");
  const answer = once(survivor, "message") as Promise<[ReturnType<typeof survive>]>;
  const late = new Promise<undefined>((resolve) => setTimeout(resolve, 2 * LIMIT_MILLISECONDS, undefined));
  const theirs = (await Promise.race([answer, late]))?.[0];
  if (theirs === undefined || Math.max(mine.milliseconds, theirs.milliseconds) > LIMIT_MILLISECONDS) {
    process.stderr.write(`hung after ${how} at ${milliseconds} ms: ${JSON.stringify({ mine, theirs })}\n`);
    return "hung";
  }
  if (mine.refused + theirs.refused === 0) return "survived";
  process.stderr.write(`refused after ${how} at ${milliseconds} ms: ${JSON.stringify({ mine, theirs })}\n`);
  return "threw";
}

function makeRandom(seed: number): () => number {
  let state = seed | 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
}

export async function kill(
  trials: number,
  seed: number,
  progress: (done: number) => void = () => {},
  load?: string,
): Promise<KillResult> {
  const result: KillResult = { trials: 0, survived: 0, hung: 0, threw: 0, lostBytes: 0 };
  const random = makeRandom(seed);
  while (result.trials < trials) {
    const ring = await openRing(seed);
    for (let index = 0; index < TRIALS_AN_ARENA && result.trials < trials; index++) {
      let outcome: keyof KillResult = "threw";
      try {
        outcome = await trial(ring, random, load);
      } catch (error) {
        process.stderr.write(`${error instanceof AnyctxError ? `${error.code}: ` : ""}${String(error)}\n`);
      }
      result[outcome]++;
      progress(++result.trials);
    }
    result.lostBytes += await closeRing(ring);
  }
  return result;
}

if (
  process.argv[1] !== undefined &&
  import.meta.url.endsWith("/tools/kill.ts") &&
  process.argv[1].endsWith("kill.ts")
) {
  const { values } = parseArgs({
    options: {
      trials: { type: "string", default: "50" },
      seed: { type: "string", default: "1" },
      load: { type: "string" },
      json: { type: "boolean", default: false },
    },
  });
  const started = performance.now();
  const draw = (done: number): void => {
    if (process.stderr.isTTY) process.stderr.write(`\r${done} of ${values.trials} threads killed`);
  };
  const result = await kill(Number(values.trials), Number(values.seed), draw, values.load);
  if (process.stderr.isTTY) process.stderr.write("\r\x1b[K");
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  if (values.json) process.stdout.write(`${JSON.stringify(result)}\n`);
  else
    process.stdout.write(
      `${result.trials} threads killed in ${seconds} s: ${result.survived} times the others went on, ` +
        `${result.hung} hung, ${result.threw} failed; ${result.lostBytes} bytes lost\n`,
    );
  process.exit(result.survived === result.trials && result.lostBytes === 0 ? 0 : 1);
}

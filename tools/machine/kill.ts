/**
 * Kills threads in the middle of whatever they do: `npm run kill -- [--trials N] [--deaths 2] [--seed N] [--load NAME] [--json]`.
 * Victims work on maps that a survivor and this thread use too, and are ended at random moments: terminated, by an error,
 * by `process.exit`. Nobody reaps before all of a trial are dead. Then their CPUs are reaped, and the others have a second
 * for 200 operations each. At last everything is destroyed: what is still in use then was lost.
 *
 * Two deaths are one of three things: two threads that work, one that dies while it reaps the other, or a helper
 * (`serveCpu`) and the thread that it refills.
 */
import { once } from "node:events";
import { pathToFileURL } from "node:url";
import { inspect, parseArgs } from "node:util";
import { Worker } from "node:worker_threads";
import { SingleBar } from "cli-progress";
import { Arena, type ArenaHandle, type ArenaMap, bytes, none, string, u32, u64 } from "../../src/index.ts";
import { CONSTANTS, LAYOUT } from "../../src/wasm/face.ts";

const WORKER = new URL("./kill-worker.mjs", import.meta.url);
/** This thread, the survivor, and two victims that hold up to two each. */
const CPUS = 6;
const PAGE_BYTES = 16384;
/** Trials in one arena, after which its memory is counted. */
const TRIALS_AN_ARENA = 25;
const LIMIT_MILLISECONDS = 1000;
/** A dead thread's CPU that nobody has got free by then will never be, nor will a thread be ready that is not by then. */
const REAP_MILLISECONDS = 20_000;
const LONGEST_LIFE_MILLISECONDS = 8;
const HOW = ["terminate", "terminate", "terminate", "terminate", "throw", "exit"] as const;
const ROLES = ["work", "reaper", "helper"] as const;

type Outcome = "survived" | "hung" | "threw";
type Role = (typeof ROLES)[number];

export interface KillResult {
  trials: number;
  /** Threads that died in each trial. */
  deaths: number;
  /** Trials after which every survivor did its 200 operations within a second. */
  survived: number;
  hung: number;
  threw: number;
  /** Bytes of pages still in use when everything had been destroyed. */
  lostBytes: number;
}

export interface KillOptions {
  /** Threads that die in each trial before anybody reaps. Default 1. */
  readonly deaths?: 1 | 2;
  /** The one load of kill-worker.mjs that all do. */
  readonly load?: string | undefined;
  readonly progress?: (done: number) => void;
}

interface Ring {
  readonly arena: Arena;
  readonly dynamic: ArenaMap<number, bigint>;
  readonly survivor: Thread;
}

interface Thread {
  readonly worker: Worker;
  /** The CPU it said that it has. */
  readonly cpu: number;
  /** What it attached with, and what it may attach with once more. */
  readonly handles: readonly ArenaHandle[];
  /** What it failed of, if it did. */
  readonly failure: () => unknown;
  /** Once it is dead, of whatever. */
  readonly end: Promise<void>;
}

/** A worker of this arena that is ready to work. */
async function startWorker(arena: Arena, data: Record<string, unknown>): Promise<Thread> {
  const handles = [arena.handle(), arena.handle()];
  const worker = new Worker(WORKER, { workerData: { ...data, handles } });
  // What it fails of after it was ready is how it dies.
  let failed: unknown;
  worker.on("error", (error) => {
    failed = error;
  });
  // Not `once` of node:events, which fails where the worker's end is an error.
  const end = new Promise<void>((resolve) => worker.once("exit", () => resolve()));
  let timer: NodeJS.Timeout | undefined;
  const cpu = await new Promise<number | undefined>((resolve) => {
    worker.once("message", resolve);
    void end.then(() => resolve(undefined));
    const late = new Error(`A worker is not ready after ${REAP_MILLISECONDS / 1000} s`);
    timer = setTimeout(() => {
      failed ??= late;
      resolve(undefined);
    }, REAP_MILLISECONDS).unref();
  });
  clearTimeout(timer);
  if (cpu === undefined) throw failed;
  return { worker, cpu, handles, failure: () => failed, end };
}

async function openRing(seed: number): Promise<Ring> {
  const arena = await Arena.create({ cpus: CPUS, maximumBytes: 192 << 20, seed });
  const create = { type: "hash", key: u32 } as const;
  const dynamic = arena.createMap({ ...create, name: "dynamic", value: u64, maxEntries: 40_000 });
  arena.createMap({ ...create, name: "large", value: bytes(700), maxEntries: 3000 });
  arena.createMap({ type: "percpu_hash", key: u32, name: "percpu", value: u64, maxEntries: 3000 });
  arena.createMap({ ...create, name: "preallocated", value: bytes(700), maxEntries: 250, prealloc: true });
  arena.createMap({ ...create, name: "small", value: u64, maxEntries: 8 });
  arena.createMap({ ...create, name: "uncached", value: bytes(100), maxEntries: 3000, withoutCache: true });
  arena.createMap({ type: "hash", key: string(), name: "variable", value: bytes(), maxEntries: 3000 });
  arena.createMap({ type: "ordered", key: string(), name: "ordered", value: bytes(), maxEntries: 3000 });
  arena.createMap({ type: "lru_hash", key: u32, name: "recent", value: bytes(40), maxEntries: 300 });
  arena.createMap({ type: "lru_percpu_hash", key: u32, name: "recent per CPU", value: u64, maxEntries: 100 });
  arena.createMap({ ...create, name: "growing", value: u64, maxEntries: 1_000_000 });
  arena.createMap({ type: "arena", key: none, value: none, name: "pages", maxEntries: 10_000 });
  return { arena, dynamic, survivor: await startWorker(arena, { role: "survivor", seed }) };
}

/** Ends the survivor and destroys all: bytes that are still in use. */
async function closeRing({ arena, survivor }: Ring): Promise<number> {
  survivor.worker.postMessage("stop");
  await survivor.end;
  for (const { name } of arena.maps()) arena.destroyMap(name);
  for (const allocator of arena.allocators()) allocator.destroy();
  for (let round = 0; round < 4; round++) arena.trim();
  // The maps' transfer buffers go with this thread's slot.
  const { core } = arena;
  arena.detach();
  core.trimSlabs();
  return core.pagesInUse() * PAGE_BYTES;
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

const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Starts a victim whose end is drawn, and how it comes to it. */
async function startVictim(
  arena: Arena,
  random: () => number,
  load: string | undefined,
): Promise<() => Promise<Thread>> {
  const how = HOW[Math.floor(random() * HOW.length)] ?? "terminate";
  const milliseconds = random() * LONGEST_LIFE_MILLISECONDS;
  const seed = Math.floor(random() * 2 ** 31);
  const thread = await startWorker(arena, { role: "victim", how, milliseconds, seed, load });
  return async () => {
    thread.worker.postMessage("go");
    if (how === "terminate") {
      await pause(milliseconds);
      void thread.worker.terminate();
    }
    await thread.end;
    return thread;
  };
}

/** One that is told what to do with the first victim, and is terminated while it does. */
async function startSecond(
  arena: Arena,
  random: () => number,
  role: Role,
): Promise<(first: Thread) => Promise<Thread>> {
  const milliseconds = random() * (role === "reaper" ? 1 : LONGEST_LIFE_MILLISECONDS);
  const thread = await startWorker(arena, { role, seed: 1 });
  return async (first) => {
    thread.worker.postMessage({ cpu: first.cpu, handle: first.handles[0] });
    await pause(milliseconds);
    void thread.worker.terminate();
    await thread.end;
    return thread;
  };
}

/** Two threads die, and nobody has reaped the first one before the second one is dead, or that one began to. */
async function killTwo(arena: Arena, random: () => number, load: string | undefined, role: Role): Promise<Thread[]> {
  if (role === "work") {
    const victims = [await startVictim(arena, random, load), await startVictim(arena, random, load)];
    return Promise.all(victims.map((die) => die()));
  }
  const die = await startVictim(arena, random, role === "helper" ? "nmi" : load);
  const dieOver = await startSecond(arena, random, role);
  if (role === "reaper") {
    const first = await die();
    return [first, await dieOver(first)];
  }
  const first = die();
  return [await first, await dieOver(await first)];
}

/** Whether a thread that attached with one of these handles still holds a CPU, or has borrowed one. */
function holdsAny(arena: Arena, handles: readonly ArenaHandle[]): boolean {
  return Array.from({ length: CPUS }, (_, cpu) => cpu).some((cpu) => {
    const owner = arena.word(arena.core.cpuAreaAddress(cpu) + LAYOUT.CpuArea.owner);
    return handles.some(({ token }) => (owner & (CONSTANTS.BORROWED - 1)) === token);
  });
}

/** Reaps all of them, in whatever order it goes; false if one cannot be. */
async function reapAll(arena: Arena, threads: readonly Thread[]): Promise<boolean> {
  const handles = threads.flatMap((thread) => thread.handles);
  const until = performance.now() + REAP_MILLISECONDS;
  while (holdsAny(arena, handles)) {
    if (performance.now() > until) return false;
    for (const handle of handles) if (holdsAny(arena, [handle])) arena.reap(handle);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return true;
}

/** Whoever only shared maps with the dead lives: its death is a fault of ours, and all that follows comes of it. */
function assertLives({ failure }: Thread): void {
  const failed = failure();
  if (failed !== undefined) throw new Error("The survivor died", { cause: failed });
}

/** Kills what a trial kills; how the survivors got on. */
async function trial(ring: Ring, random: () => number, { deaths = 1, load }: KillOptions): Promise<Outcome> {
  const { arena, survivor } = ring;
  assertLives(survivor);
  const role = ROLES[deaths === 1 ? 0 : Math.floor(random() * ROLES.length)] ?? "work";
  const say = (what: string, details: unknown = ""): void => {
    process.stderr.write(`${what} after the death of ${deaths} (${role}): ${JSON.stringify(details)}\n`);
  };
  const die =
    deaths === 1 ? [await (await startVictim(arena, random, load))()] : await killTwo(arena, random, load, role);
  if (!(await reapAll(arena, die))) {
    say("a CPU cannot be reaped");
    return "hung";
  }
  const mine = survive(ring.dynamic);
  survivor.worker.postMessage("survive");
  const answer = once(survivor.worker, "message") as Promise<[ReturnType<typeof survive>]>;
  const late = pause(2 * LIMIT_MILLISECONDS).then(() => undefined);
  const theirs = (await Promise.race([answer, late, survivor.end]))?.[0];
  assertLives(survivor);
  if (theirs === undefined || Math.max(mine.milliseconds, theirs.milliseconds) > LIMIT_MILLISECONDS) {
    say("hung", { mine, theirs });
    return "hung";
  }
  if (mine.refused + theirs.refused === 0) return "survived";
  say("refused", { mine, theirs });
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

export async function kill(trials: number, seed: number, options: KillOptions = {}): Promise<KillResult> {
  const { deaths = 1, progress } = options;
  const result: KillResult = { trials: 0, deaths, survived: 0, hung: 0, threw: 0, lostBytes: 0 };
  const random = makeRandom(seed);
  while (result.trials < trials) {
    const ring = await openRing(seed);
    for (let index = 0; index < TRIALS_AN_ARENA && result.trials < trials; index++) {
      let outcome: Outcome = "threw";
      try {
        outcome = await trial(ring, random, options);
      } catch (error) {
        process.stderr.write(`${inspect(error)}\n`);
      }
      result[outcome]++;
      result.trials++;
      progress?.(result.trials);
      // What hangs would be in the way of all that follow.
      if (outcome === "hung") break;
    }
    result.lostBytes += await closeRing(ring);
  }
  return result;
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      trials: { type: "string", default: "50" },
      deaths: { type: "string", default: "1" },
      seed: { type: "string", default: "1" },
      load: { type: "string" },
      json: { type: "boolean", default: false },
    },
  });
  const { deaths } = values;
  if (deaths !== "1" && deaths !== "2") {
    console.error(`kill: --deaths is 1 or 2, not ${deaths}`);
    process.exit(2);
  }
  const started = performance.now();
  const bar = new SingleBar({ format: "trials [{bar}] {value} of {total}", clearOnComplete: true, noTTYOutput: false });
  bar.start(Number(values.trials), 0);
  const result = await kill(Number(values.trials), Number(values.seed), {
    deaths: deaths === "2" ? 2 : 1,
    load: values.load,
    progress: (done) => bar.update(done),
  });
  bar.stop();
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  if (values.json) console.log(JSON.stringify(result));
  else
    console.log(
      `${result.trials * result.deaths} threads killed in ${seconds} s, ${result.deaths} at a time: ${result.survived} times the others ` +
        `went on, ${result.hung} hung, ${result.threw} failed; ${result.lostBytes} bytes lost`,
    );
  process.exit(result.survived === result.trials && result.lostBytes === 0 ? 0 : 1);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) await main();

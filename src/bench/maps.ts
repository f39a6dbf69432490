/**
 * A shared map against JavaScript's own, unshared one, from TypeScript on one thread. Both sides of a row run in turn in one
 * process, and each row in a process of its own: what V8 has compiled for other maps says nothing about this one.
 */
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { AnyctxError } from "../error.ts";
import type { MapsRound } from "./maps-sides.ts";
import { WORKLOADS, type Workload } from "./maps-workloads.ts";
import { type Spread, spreadOf } from "./statistics.ts";

export interface MapsRow {
  readonly name: string;
  /** What keys and values are. */
  readonly contents: string;
  readonly use: string;
  readonly doc: string;
  readonly entries: number;
  /** What the other side is. */
  readonly beside: Workload["use"]["beside"];
  /** Nanoseconds per operation: a call, a set+delete pair, an entry. */
  readonly arena: Spread;
  readonly other: Spread;
  /** How many times as fast the arena's map is: median of the rounds' own ratios. */
  readonly ratio: Spread;
}

export interface MapsOptions {
  /** Runs of each side, in turn. */
  readonly rounds?: number;
  /** Only rows whose name contains this. */
  readonly only?: string;
  /** Called with the share that is done, 0 to 1. */
  readonly progress?: (share: number) => void;
}

/** A process always runs compiled, also where this module runs from source. */
const CHILD = fileURLToPath(new URL("../../dist/bench/maps-child.js", import.meta.url));

/** @param heard called after each round */
function runChild({ name }: Workload, rounds: number, heard: (done: number) => void): Promise<MapsRound[]> {
  return new Promise((resolve, reject) => {
    const child = fork(CHILD, [name, String(rounds)], { execArgv: [], stdio: ["ignore", "ignore", "pipe", "ipc"] });
    const taken: MapsRound[] = [];
    let said = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });
    child.on("message", (round: MapsRound) => {
      heard(taken.push(round));
    });
    child.on("error", reject);
    child.on("close", (code, signal) => {
      if (code === 0 && taken.length === rounds) return resolve(taken);
      const why = said.split("\n").find((line) => /Error\b/.test(line)) ?? "no error was printed";
      reject(
        new Error(`The process of the row "${name}" ended with ${signal ?? code} after ${taken.length} rounds: ${why}`),
      );
    });
  });
}

function makeRow({ name, contents, use, entries }: Workload, taken: readonly MapsRound[]): MapsRow {
  return {
    name,
    contents: contents.name,
    use: use.name,
    doc: use.doc,
    entries,
    beside: use.beside,
    arena: spreadOf(taken.map(({ arena }) => arena)),
    other: spreadOf(taken.map(({ other }) => other)),
    ratio: spreadOf(taken.map(({ arena, other }) => other / arena)),
  };
}

/** @throws {AnyctxError} EINVAL: no row has such a name */
export async function measureMaps(options: MapsOptions = {}): Promise<MapsRow[]> {
  const { rounds = 11, only = "", progress = () => undefined } = options;
  const wanted = WORKLOADS.filter(({ name }) => name.includes(only));
  if (wanted.length === 0)
    throw new AnyctxError("EINVAL", `No row of bench maps has "${only}" in its name, as "${WORKLOADS[0]?.name}" has`);
  const rows: MapsRow[] = [];
  for (const workload of wanted) {
    const heard = (done: number): void => progress((rows.length + done / rounds) / wanted.length);
    rows.push(makeRow(workload, await runChild(workload, rounds, heard)));
  }
  return rows;
}

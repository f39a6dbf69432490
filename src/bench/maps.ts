/**
 * A shared map against JavaScript's own, unshared one, from TypeScript on one thread. Both sides of a row run in turn in one
 * process, and each row in a process of its own: what V8 has compiled for other maps says nothing about this one.
 */
import { AnyctxError } from "../error.ts";
import { runChild } from "./child.ts";
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
    const { name } = workload;
    const child = { module: "maps-child", arguments: [name, String(rounds)], messages: rounds };
    rows.push(makeRow(workload, await runChild<MapsRound>({ ...child, what: `the row "${name}"`, heard })));
  }
  return rows;
}

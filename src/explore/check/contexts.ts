/**
 * The context table as measured: what an insert into a dynamic hash meets when the cache is empty, in each context, on
 * a normal kernel and on PREEMPT_RT. Each cell is a fresh map, 400 inserts in that context, and the same again after
 * whatever may refill it had its turn.
 */

import { Arena, type Profile } from "../../arena/arena.ts";
import { CONTEXTS, type Context } from "../../events/record.ts";
import { u32, u64 } from "../../maps/codec/codec.ts";
import { NOEXIST } from "../../maps/map.ts";
import { LAYOUT } from "../../wasm/face.ts";
import { ENTER } from "./schedule.ts";

export const INSERTS = 400;

export interface ContextCell {
  readonly profile: Profile;
  readonly realTime: boolean;
  readonly context: Context;
  /** Inserts of INSERTS that succeed on a fresh map, without leaving the context. */
  readonly first: number;
  /** The same once more, after interrupts came on (RT: after the work thread ran). */
  readonly second: number;
  /** errno of the first insert that failed, 0 if none did. */
  readonly errno: number;
  /** Whether raised work ran inside the context, so that the first inserts could go on. */
  readonly refilledInside: boolean;
}

/** Inserts new keys until one fails. */
function insert(update: (key: number) => number, from: number): { count: number; errno: number } {
  for (let count = 0; count < INSERTS; count++) {
    const errno = update(from + count);
    if (errno !== 0) return { count, errno };
  }
  return { count: INSERTS, errno: 0 };
}

async function measureCell(profile: Profile, realTime: boolean, context: Context): Promise<ContextCell> {
  const arena = await Arena.create({ maximumBytes: 16 << 20, cpus: 2, seed: 1, profile, realTime });
  const map = arena.createMap({ type: "hash", name: "table", key: u32, value: u64, maxEntries: 4096 });
  const [level, interruptsOff] = ENTER[context];
  const update = (key: number): number => map.update(key, 0n, NOEXIST);
  arena.core.contextSet(level, interruptsOff);
  const first = insert(update, 0);
  const refilledInside = arena.word(arena.core.currentArea() + LAYOUT.CpuArea.worksRun) > 0;
  arena.settle();
  arena.core.contextSet(level, interruptsOff);
  const second = insert(update, INSERTS);
  return { profile, realTime, context, first: first.count, second: second.count, errno: first.errno, refilledInside };
}

/** Every cell: both profiles, RT and not, five contexts. */
export async function measureContexts(): Promise<ContextCell[]> {
  const cells: ContextCell[] = [];
  for (const profile of ["linux", "anyctx"] as const)
    for (const realTime of [false, true])
      for (const context of CONTEXTS) cells.push(await measureCell(profile, realTime, context));
  return cells;
}

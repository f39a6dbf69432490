/**
 * Whether a program runs on a thread's place in an arena. There is one run at a time: the thread has one current task, and a callback of
 * one run that began another would find itself in that one's context.
 */
import type { Arena } from "../arena/arena.ts";

export interface Busy {
  /** Who runs; undefined: nobody. */
  running: object | undefined;
}

const places = new WeakMap<Arena, Busy>();

export function busyOf(arena: Arena): Busy {
  const busy = places.get(arena) ?? { running: undefined };
  places.set(arena, busy);
  return busy;
}

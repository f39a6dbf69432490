/**
 * A forecast of kernels whose hashes ask the slab itself (`kmalloc_nolock`, Linux 6.18 has it for other users): no caches, no
 * refills, so nothing that an interrupt holds up. On PREEMPT_RT the slab gives nothing in a hard interrupt or an NMI. That
 * another context is in the middle of the same slab, so that it gives nothing, a recording does not show: it is not counted.
 */
import type { Arena } from "../../arena/arena.ts";
import { type Misses, noMisses } from "../../arena/caches.ts";
import { ERRNO } from "../../error.ts";
import { contextOf, RECORD_FLAGS } from "../../events/record.ts";
import type { MapInfo } from "../../maps/info.ts";
import { EXIST, NOEXIST } from "../../maps/map.ts";
import { CONSTANTS, LAYOUT } from "../../wasm/face.ts";
import type { UpdateHook, UpdateRequest } from "../updates.ts";

export interface Forecast {
  readonly hook: UpdateHook;
  /** Updates that the slab gave nothing for. */
  readonly misses: Misses;
}

/**
 * Of one hash, in an arena that is not RT.
 * @param realTime whether the kernel that is forecast is
 */
export function forecastUpdates(arena: Arena, info: MapInfo, realTime: boolean): Forecast {
  const misses = noMisses();
  const { core } = arena;
  const hook: UpdateHook = (update, request) => {
    const area = core.currentArea() >>> 0;
    const level = arena.word(area + LAYOUT.CpuArea.level);
    const off = arena.word(area + LAYOUT.CpuArea.ownInterruptsOff) === 0 ? 0 : 1;
    if (realTime && level >= CONSTANTS.HARDIRQ && needsElement(arena, info, request)) {
      misses[contextOf(level, off * RECORD_FLAGS.irqsOff)]++;
      return -ERRNO.ENOMEM;
    }
    const result = update();
    // Whatever the update left short is there again before the next one.
    core.contextSet(0, 0);
    core.interruptsCameOn();
    core.contextSet(level, off);
    return result;
  };
  return { hook, misses };
}

/** Whether Linux gets as far as asking for an element: flags and the number of entries come first. */
function needsElement({ core }: Arena, { address, maxEntries, kind }: MapInfo, { key, flags }: UpdateRequest): boolean {
  const isThere = core.hashLookup(address, key) !== 0;
  if (flags === NOEXIST && isThere) return false;
  if (flags === EXIST && !isThere) return false;
  // A per-CPU value that is there is written where it lies.
  if (kind.perCpu && isThere) return false;
  return isThere || core.mapCount(address) < maxEntries;
}

/**
 * Reaping a hash: what became of the elements that a dead CPU was moving in or out, and the locks that it has left on
 * buckets. Whoever reaps calls this by way of maps/dispatch.ts.
 */
import { Cache } from "../alloc/cache";
import { cacheOf } from "../alloc/set";
import { chainContains } from "../base/chain";
import { CpuArea } from "../cpu/area";
import { CHARGED, COUNTS, clearIntent, Intents, intentObject, intentsAt, MAYBE, REMOVES, TAKES } from "../cpu/intent";
import { leavePlace, levelCount, setLive } from "./count";
import { pushPool } from "./element";
import { KEPT, LOST, UNCLEAR, whoHas } from "./hash-lost";
import { MapHeader, SUPPLY_POOL, SUPPLY_SLAB } from "./map";
import { valueObject } from "./percpu-value";

/** Counts an operation that took effect and was cut off before it was counted; gives a place back that was not used. */
function settleCount(dead: CpuArea, map: MapHeader, intents: Intents, level: u32, intent: u64, effective: bool): void {
  if ((intent & COUNTS) == 0) return;
  const removes = (intent & REMOVES) != 0;
  const count = levelCount(map, dead.id, level);
  if (effective && count.operation != intents.operation) {
    setLive(count, count.live + (removes ? -1 : 1), intents.operation);
  }
  if (map.exactCount != 0 && (removes ? effective : !effective && (intent & CHARGED) != 0)) leavePlace(map);
}

/** An element that was given back by a callback is on the CPU's own lists. */
function isQueued(dead: CpuArea, map: MapHeader, object: usize): bool {
  return (
    map.supply == SUPPLY_SLAB && (chainContains(dead.callbacks, object) || chainContains(dead.waitingCallbacks, object))
  );
}

/** The value goes with its element, unless the other intent has it. */
function gatherValue(dead: CpuArea, map: MapHeader, intents: Intents, element: usize): void {
  const value = valueObject(map, element);
  if (value == 0 || intentObject(intents.second) == value) return;
  const values = cacheOf(map.values, dead.id);
  // Settled before, with what the other intent had.
  if (chainContains(values.byGp, value)) return;
  store<u32>(value, values.byGp);
  values.byGp = <u32>value;
  values.byGpCount++;
}

/** Whether the operation that an intent belongs to put its element into the map, or took it out. */
function tookEffect(intent: u64, verdict: u32): bool {
  const isSure = (intent & MAYBE) == 0;
  if ((intent & REMOVES) == 0) return !isSure && verdict != LOST && (intent & TAKES) == 0;
  return intentObject(intent) != 0 && (isSure || verdict == LOST);
}

/** As maps/dispatch.ts says of `settleElement`. */
export function settleHashElement(dead: CpuArea, map: MapHeader, cache: Cache, level: u32, word: usize): u32 {
  const intent = load<u64>(word);
  const intents = intentsAt(dead, level);
  const object = intentObject(intent);
  const isPool = map.supply == SUPPLY_POOL;
  const inDoubt = object != 0 && (isPool || (intent & MAYBE) != 0);
  const verdict = inDoubt ? whoHas(dead, level, map, cache, object) : LOST;
  if (verdict == UNCLEAR) return UNCLEAR;
  let result = verdict;
  if (verdict == LOST && object != 0) {
    if (inDoubt && (intent & TAKES) == 0) gatherValue(dead, map, intents, object);
    if (isPool) pushPool(map, dead.id, object);
    if (isPool || isQueued(dead, map, object)) result = KEPT;
  }
  settleCount(dead, map, intents, level, intent, tookEffect(intent, verdict));
  clearIntent(word);
  return result;
}

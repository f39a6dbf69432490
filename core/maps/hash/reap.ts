/**
 * Reaping a hash: what became of the elements that a dead CPU was moving in or out, and the locks that it has left on
 * buckets. Whoever reaps calls this by way of maps/dispatch.ts.
 */
import { Cache } from "../../alloc/cache";
import { cacheOf } from "../../alloc/set";
import { chainContains } from "../../base/chain";
import { CpuArea } from "../../cpu/area";
import {
  COUNTS,
  clearIntent,
  Intents,
  intentObject,
  intentsAt,
  MAYBE,
  nameObject,
  REMOVES,
  TAKES,
} from "../../cpu/intent";
import { isCounted, LevelCount, levelCount, nextOperation, setLive } from "../count";
import { MapHeader, SUPPLY_SLAB } from "../map";
import { valueObject } from "../percpu-value";
import { giveToPool } from "../table/element";
import { KEPT, LOST, UNCLEAR, whoHas } from "./lost";
import { hasSlot } from "./lru-slots";

/** Counts an operation that took effect and was cut off before it was counted. */
function settleCount(count: LevelCount, intent: u64): void {
  if ((intent & COUNTS) == 0 || isCounted(count, intent)) return;
  setLive(count, count.live + ((intent & REMOVES) != 0 ? -1 : 1), nextOperation(count));
}

/**
 * Who has the element of an intent, as far as that can be in doubt. An operation that has been counted took effect: what it
 * removed is surely the dead CPU's, unless it was about to give it to the pool; what it inserted is the map's.
 */
function verdictOf(dead: CpuArea, map: MapHeader, cache: Cache, level: u32, intent: u64): u32 {
  const isDone = (intent & COUNTS) != 0 && isCounted(levelCount(map, dead.id, level), intent);
  if (isDone && (intent & TAKES) == 0) return (intent & REMOVES) != 0 ? LOST : KEPT;
  const inDoubt = intentObject(intent) != 0 && (intent & MAYBE) != 0;
  return inDoubt ? whoHas(dead, level, map, cache, intent) : LOST;
}

/** Whether an element that was given back by a callback is on the CPU's own lists. */
function isCalledBack(dead: CpuArea, map: MapHeader, object: usize): bool {
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
  const object = intentObject(intent);
  const verdict = verdictOf(dead, map, cache, level, intent);
  if (verdict == UNCLEAR) return UNCLEAR;
  let result = verdict;
  if (verdict == LOST && object != 0) {
    if ((intent & (MAYBE | TAKES)) == MAYBE) gatherValue(dead, map, intentsAt(dead, level), object);
    if (isCalledBack(dead, map, object)) result = KEPT;
  }
  if (tookEffect(intent, verdict)) settleCount(levelCount(map, dead.id, level), intent);
  if (result == LOST && object != 0 && map.ring != 0 && hasSlot(map, object)) {
    // It keeps its slot: it goes where all find it, as the CPU itself would have put it.
    nameObject(word, object, changetype<usize>(cache), 0);
    giveToPool(dead, map, object, word);
    result = KEPT;
  }
  // From now on it is surely the dead CPU's: whoever reaps puts it away, and if he dies before, the next one.
  if (result == LOST) nameObject(word, object, changetype<usize>(cache), 0);
  else clearIntent(word);
  return result;
}

/** Promises of a map's allocators: the next new keys of a CPU find their objects in any context. */
import { cacheOf } from "../alloc/allocator";
import { interruptsOn } from "../alloc/deferred";
import { prefill, withdraw } from "../alloc/prefill";
import { EINVAL, ENOMEM } from "../base/errno";
import { thisCpu } from "../cpu/area";
import { mayPrefill } from "../cpu/context";
import { KIND_HASH, KIND_PERCPU_HASH, mapAt, SUPPLY_CACHE } from "./map";

/**
 * Promises that the next `count` new keys on this CPU do not fail for memory, in any context: elements, and values of a
 * per-CPU hash. A later promise replaces it. Task and softirq context.
 * @returns 0; -EINVAL (no dynamic hash); or -ENOMEM and nothing is reserved
 */
export function mapPrefill(address: usize, count: u32): i32 {
  const map = mapAt(address);
  const isHash = map.kind == KIND_HASH || map.kind == KIND_PERCPU_HASH;
  if (!isHash || map.supply != SUPPLY_CACHE) return -EINVAL;
  const area = thisCpu();
  if (!mayPrefill(area)) return -ENOMEM;
  const elements = cacheOf(map.elements, area.id);
  const owned = elements.owned;
  const prefilled = elements.prefilled;
  area.working++;
  let result = prefill(area, elements, count);
  if (result == 0 && map.kind == KIND_PERCPU_HASH) {
    result = prefill(area, cacheOf(map.values, area.id), count);
    if (result != 0) withdraw(area, elements, owned, prefilled);
  }
  area.working--;
  interruptsOn(area);
  return result;
}

/** Prefills of a hash's sets: the next new keys of a CPU find their objects in any context (maps/dispatch.ts: mapPrefill). */
import { prefill, withdraw } from "../../alloc/prefill";
import { cacheOf } from "../../alloc/set";
import { EINVAL, ENOMEM } from "../../base/errno";
import { thisCpu } from "../../cpu/area";
import { mayPrefill } from "../../cpu/context";
import { letWorkRun } from "../deferred";
import { MapHeader, SUPPLY_CACHE } from "../map";

/** A dynamic hash: elements. */
export function prefillHash(map: MapHeader, count: u32): i32 {
  if (map.supply != SUPPLY_CACHE) return -EINVAL;
  const area = thisCpu();
  if (!mayPrefill(area)) return -ENOMEM;
  area.working++;
  const result = prefill(area, cacheOf(map.elements, area.id), count);
  area.working--;
  letWorkRun(area);
  return result;
}

/** A dynamic per-CPU hash: elements, and values for them. */
export function prefillPercpuHash(map: MapHeader, count: u32): i32 {
  if (map.supply != SUPPLY_CACHE) return -EINVAL;
  const area = thisCpu();
  const elements = cacheOf(map.elements, area.id);
  const owned = elements.owned;
  const prefilled = elements.prefilledCount;
  let result = prefillHash(map, count);
  if (result != 0) return result;
  area.working++;
  result = prefill(area, cacheOf(map.values, area.id), count);
  if (result != 0) withdraw(area, elements, owned, prefilled);
  area.working--;
  letWorkRun(area);
  return result;
}

/**
 * Going through a hash key by key (BPF_MAP_GET_NEXT_KEY). The order is that of a walk, by place (maps/hash/scan.ts), keys of one
 * place by their bytes: it is nobody's but the keys' own. So a key that stays is met exactly once, however the table grows and
 * shrinks on the way.
 */
import { acquire, acquire64 } from "../../base/atomics";
import { copyBytes, isBefore, reverseBits } from "../../base/bytes";
import { ENOENT } from "../../base/errno";
import { thisCpu } from "../../cpu/area";
import { enterRead, leaveRead } from "../../rcu/epoch";
import { MapHeader, mapAt } from "../map";
import { isHome, isUnchanged, OVERFLOW, slotPlace, slotsOf } from "../table/bucket";
import { ELEMENT_KEY, ELEMENT_NEXT, hashOfElement } from "../table/element";
import { hashOf } from "../table/entry";
import { homeOf } from "../table/table";
import { hashLookup } from "./lookup";
import { isAhead, placeBehind } from "./scan";

/** Whether an element comes after a key at a place; after every one if `key` is 0. */
function comesAfter(map: MapHeader, element: usize, place: u32, key: usize): bool {
  const its = reverseBits(hashOfElement(element));
  return its > place || (its == place && (key == 0 || isBefore(key, element + ELEMENT_KEY, map.keySize)));
}

/** The earlier of two elements, one of which may be 0. */
function earlier(map: MapHeader, a: usize, b: usize): usize {
  if (a == 0 || b == 0) return a | b;
  return comesAfter(map, b, reverseBits(hashOfElement(a)), a + ELEMENT_KEY) ? a : b;
}

/**
 * The element of a bucket that comes next after a key at a place, 0 if there is none. Inside a read section; it holds only if the
 * bucket is unchanged afterwards. The loads pair as those of findElement (maps/table/bucket.ts).
 */
function nextInBucket(map: MapHeader, bucket: usize, control: u64, place: u32, key: usize): usize {
  let next: usize = 0;
  for (let bits = slotsOf(control); bits != 0; bits &= bits - 1) {
    const element: usize = acquire(slotPlace(bucket, ctz(bits)));
    if (isAhead(bucket, control, element, place) && comesAfter(map, element, place, key))
      next = earlier(map, next, element);
  }
  for (let element: usize = acquire(bucket + OVERFLOW); element != 0; element = acquire(element + ELEMENT_NEXT)) {
    if (isAhead(bucket, control, element, place) && comesAfter(map, element, place, key))
      next = earlier(map, next, element);
  }
  return next;
}

/**
 * Copies the first key from a place on out, behind `key` at that place. Inside a read section.
 * The load pairs with the publication of the control word, isUnchanged vouches for what was copied.
 */
function copyNextKey(map: MapHeader, from: u32, key: usize, into: usize): i32 {
  let place = from;
  let after = key;
  while (true) {
    const hash = reverseBits(place);
    const bucket = homeOf(map, hash);
    const control = acquire64(bucket);
    if (!isHome(bucket, control, hash)) continue;
    const next = nextInBucket(map, bucket, control, place, after);
    if (next != 0) copyBytes(into, next + ELEMENT_KEY, map.keySize);
    if (!isUnchanged(bucket, control)) continue;
    if (next != 0) return 0;
    place = placeBehind(control, place);
    after = 0;
    if (place == 0) return -ENOENT;
  }
}

/**
 * The key that comes after `key`; the first after 0 (none) and, as in Linux, after one that is not there. Lock-free, any context.
 * @param into room for a key; not where `key` is
 * @returns 0, or -ENOENT behind the last
 */
export function hashNextKey(address: usize, key: usize, into: usize): i32 {
  const map = mapAt(address);
  const area = thisCpu();
  enterRead(area);
  const isAfter = key != 0 && hashLookup(address, key) != 0;
  const result = copyNextKey(map, isAfter ? reverseBits(hashOf(map, key)) : 0, isAfter ? key : 0, into);
  leaveRead(area);
  return result;
}

/**
 * Emptying a hash where its entries lie: keys are deleted by what is in their elements, so that no room is needed for copies, however
 * large they are. Bucket by bucket, as a walk goes (maps/hash/scan.ts), with others' updates and deletes in between: what is there when
 * its bucket is come to is deleted, what comes behind that may stay. Any context.
 */
import { acquire64 } from "../../base/atomics";
import { reverseBits } from "../../base/bytes";
import { ENOENT } from "../../base/errno";
import { thisCpu } from "../../cpu/area";
import { enterRead, leaveRead } from "../../rcu/epoch";
import { MapHeader, mapAt } from "../map";
import { isHome, isUnchanged } from "../table/bucket";
import { ELEMENT_KEY } from "../table/element";
import { homeOf } from "../table/table";
import { deleteKey } from "./delete";
import { collectElements, placeBehind } from "./scan";

/** Buckets of one call. */
const MOST_BUCKETS: u32 = 64;

/**
 * Deletes up to `room` entries of the bucket of a place, behind that place, inside a read section. An element that has another key by
 * now, as somebody else has deleted or written its own, deletes that one, or none: either is of this map.
 * The load pairs with the publication of the control word, isUnchanged vouches for what was collected.
 * @param list room for the elements' addresses
 * @returns the place behind the bucket; above it how many there were, or the -errno of one that could not be deleted
 */
function clearSome(map: MapHeader, place: u32, list: usize, room: u32): u64 {
  const hash = reverseBits(place);
  let control: u64 = 0;
  let result: i32 = 0;
  while (true) {
    const bucket = homeOf(map, hash);
    control = acquire64(bucket);
    if (!isHome(bucket, control, hash)) continue;
    result = <i32>collectElements(bucket, control, place, list, room);
    if (isUnchanged(bucket, control)) break;
  }
  const count = <u32>result;
  for (let index: u32 = 0; index < count; index++) {
    const deleted = deleteKey(changetype<usize>(map), <usize>load<u32>(list + index * 4) + ELEMENT_KEY);
    if (deleted != 0 && deleted != -ENOENT) result = deleted;
  }
  return ((<u64>(<u32>result)) << 32) | <u64>placeBehind(control, place);
}

/**
 * Deletes entries from a place of a walk on; where to go on is left in `scanNext`, 0 at the end.
 * @param into room that is used up
 * @returns 0, or the -errno of an entry that could not be deleted: as of hashDelete
 */
export function hashClear(address: usize, from: u32, into: usize, bytes: u32): i32 {
  const map = mapAt(address);
  const area = thisCpu();
  const most = bytes / 4;
  let failed: i32 = 0;
  let place = from;
  for (let buckets = MOST_BUCKETS; buckets > 0; ) {
    enterRead(area);
    const done = clearSome(map, place, into, most);
    leaveRead(area);
    const result = <i32>(done >> 32);
    if (result < 0) failed = result;
    // There may be more of them.
    else if (<u32>result == most) continue;
    place = <u32>done;
    if (place == 0) break;
    buckets--;
  }
  area.scanNext = place;
  return failed;
}

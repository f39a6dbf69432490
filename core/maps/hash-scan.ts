/**
 * Walking a hash while others write: bucket by bucket, each bucket's elements copied out as of one moment. A key that
 * stays is seen exactly once; one that comes or goes meanwhile may be seen or not.
 */
import { acquire64 } from "../base/atomics";
import { copyOutWords } from "../base/bytes";
import { ENOSPC } from "../base/errno";
import { CpuArea, thisCpu } from "../cpu/area";
import { enterRead, leaveRead } from "../rcu/epoch";
import { BUCKET_BYTES, collectElements, isUnchanged } from "./bucket";
import { ELEMENT_KEY } from "./element";
import { keyBytesOf, MapHeader } from "./map";
import { copyAllOut } from "./percpu-value";

/**
 * Copies up to `room` of a bucket's entries behind each other. Their addresses are collected at the end of the same
 * room: address n is read before entry n, which never reaches further than address n + 1, is written.
 * The load pairs with the publication of the control word, isUnchanged vouches for what was copied.
 */
function scanBucket(map: MapHeader, bucket: usize, into: usize, entryBytes: u32, room: u32): u32 {
  const keyBytes = keyBytesOf(map);
  while (true) {
    const control = acquire64(bucket);
    const list = into + room * entryBytes - room * 4;
    const count = collectElements(bucket, control, list, room);
    for (let index: u32 = 0; index < count; index++) {
      const element: usize = load<u32>(list + index * 4);
      const entry = into + index * entryBytes;
      copyOutWords(entry, element + ELEMENT_KEY, keyBytes);
      if (entryBytes == keyBytes) continue;
      if (map.copyStride != 0) copyAllOut(map, load<u32>(element + map.valueOffset), entry + keyBytes);
      else copyOutWords(entry + keyBytes, element + map.valueOffset, map.valueStride);
    }
    if (isUnchanged(bucket, control)) return count;
  }
}

/** Copies the entries of buckets `from` and following, or their keys (maps/dispatch.ts: mapScan). */
export function scanHash(map: MapHeader, from: u32, into: usize, bytes: u32, entryBytes: u32): i32 {
  const area: CpuArea = thisCpu();
  let count: u32 = 0;
  let index = from;
  enterRead(area);
  for (; index <= map.bucketMask; index++) {
    const bucket = map.buckets + index * BUCKET_BYTES;
    const start = into + count * entryBytes;
    const room = bytes / entryBytes - count;
    if (room == 0) break;
    const length = scanBucket(map, bucket, start, entryBytes, room);
    // A bucket that fills the room to the brim may have been cut off: it waits for the next call.
    if (length >= room) break;
    count += length;
  }
  leaveRead(area);
  if (count == 0 && index == from && index <= map.bucketMask) return -ENOSPC;
  area.scanNext = index > map.bucketMask ? 0 : index;
  return <i32>count;
}

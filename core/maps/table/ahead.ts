/**
 * Reading ahead. The buckets and elements of a large table are far from the processor, and operations that come one after the other
 * wait for each of them. Who has many operations to do first touches what all of them will read, so that it comes together.
 *
 * Nothing follows from what is touched: it may be stale. No tick comes in between, so a bucket is one (maps/table/segment.ts), and an address
 * in its slots was an element's.
 */
import { acquire, acquire64, peek, peek64 } from "../../base/atomics";
import { hashKey, reverseBits } from "../../base/bytes";
import { MapHeader } from "../map";
import { matchingSlots, mayBeChained, OVERFLOW, slotPlace, slotsOf } from "./bucket";
import { bucketAt, bucketIndex, rootWord } from "./table";

/** Operations whose memory is touched together: a processor waits for ten to twenty lines at a time. */
export const TOGETHER: u32 = 16;
/** Buckets from which on a table is larger than what a processor has near. */
const FAR: u32 = 2048;

/** Whether a map's table is so large that reading ahead is worth its time. */
export function isFar(map: MapHeader): bool {
  return <u32>peek64(rootWord(map)) >= FAR;
}

/** Touches what operations on `count` keys of type K will read. The loads of directory and slots pair as those of an operation. */
export function touchKeys<K>(map: MapHeader, keys: usize, count: u32): void {
  const root = acquire64(rootWord(map));
  const end = keys + <usize>count * sizeof<K>();
  for (let key = keys; key < end; key += sizeof<K>()) {
    peek64(bucketAt(map, bucketIndex(root, hashKey<K>(load<K>(key), map.multiplier))));
  }
  for (let key = keys; key < end; key += sizeof<K>()) {
    const hash = hashKey<K>(load<K>(key), map.multiplier);
    const bucket = bucketAt(map, bucketIndex(root, hash));
    const control = peek64(bucket);
    const bits = matchingSlots(bucket, control, hash);
    if (bits != 0) peek(acquire(slotPlace(bucket, ctz(bits))));
    else if (mayBeChained(bucket, control, hash)) peek(acquire(bucket + OVERFLOW));
  }
}

/**
 * Touches the buckets of the next places of a walk, and the elements in their slots. The loads of directory and slots pair as those
 * of a walk.
 * @returns the place up to which they are, 2^32 behind the last
 */
export function touchPlaces(map: MapHeader, place: u32): u64 {
  const root = acquire64(rootWord(map));
  // As if all buckets were as deep as the deepest: of one that is not, the same is touched twice.
  const step: u32 = 0x80000000 >>> (popcnt(<u32>(root >> 32)) - 1);
  const end = min<u64>(<u64>place + <u64>step * TOGETHER, 0x100000000);
  for (let each: u64 = place; each < end; each += step) {
    peek64(bucketAt(map, bucketIndex(root, reverseBits(<u32>each))));
  }
  for (let each: u64 = place; each < end; each += step) {
    const bucket = bucketAt(map, bucketIndex(root, reverseBits(<u32>each)));
    for (let bits = slotsOf(peek64(bucket)); bits != 0; bits &= bits - 1) peek(acquire(slotPlace(bucket, ctz(bits))));
  }
  return end;
}

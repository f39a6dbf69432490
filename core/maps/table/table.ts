/**
 * The table of a hash: how a hash leads to its bucket. Linear hashing (Litwin 1980): buckets are added one at a time, number
 * p + 2^d takes over half of what p has. They lie in segments of 256, one page each, which a directory of fixed size names;
 * where a segment does not exist, the directory names a common page of dead buckets, so that whoever goes by an old root
 * needs no test.
 *
 * How many buckets there are (`root`) is a hint. Which hashes a bucket has, its control word says (maps/table/bucket.ts): an old
 * root leads to a dead bucket or to an ancestor, and the depth leads on from there.
 *
 * Who makes the table larger and smaller is maps/table/split.ts, when maps/table/work.ts.
 */
import { acquire, acquire64, peek, publish, publish64 } from "../../base/atomics";
import { powerOfTwoAtLeast } from "../../base/bytes";
import { superblock } from "../../base/superblock";
import { MapHeader } from "../map";
import { BUCKET_BYTES, DEAD, INDEX, isHome, SHIFT_MASK } from "./bucket";

export const SEGMENT_SHIFT: u32 = 8;
/** Buckets of a segment: a page of them. */
export const SEGMENT_BUCKETS: u32 = 1 << SEGMENT_SHIFT;
export const SEGMENT_BYTES: usize = <usize>SEGMENT_BUCKETS * BUCKET_BYTES;
/** Elements that a table of one segment has for each bucket on average, at most. */
export const ELEMENTS_PER_BUCKET: u32 = 4;
/** The same of a table that is larger: next to none of its buckets overflow. */
const ELEMENTS_PER_BUCKET_ROOMY: u32 = 3;
/** And of one that is so large that memory counts: a few overflow, 3 bytes an element are saved. */
export const ELEMENTS_PER_BUCKET_LARGE: u32 = 5;
/** More have no number (maps/table/bucket.ts: INDEX_MASK), and no memory: 4 GiB are full of elements before. */
const MOST_BUCKETS: u32 = 1 << 24;
/** Buckets from which on a table is that large. */
const LARGE_TABLE: u32 = 4096;

export function rootWord(map: MapHeader): usize {
  return changetype<usize>(map) + offsetof<MapHeader>("root");
}

/** How many buckets there are, as a hint: whoever needs to know is the migrator. */
export function bucketCount(map: MapHeader): u32 {
  return peek(rootWord(map));
}

function contiguousWord(map: MapHeader): usize {
  return changetype<usize>(map) + offsetof<MapHeader>("contiguous");
}

/** A root: how many buckets there are, and the mask that covers all their numbers. */
export function makeRoot(buckets: u32): u64 {
  return <u64>buckets | ((<u64>(powerOfTwoAtLeast(buckets) - 1)) << 32);
}

/** The number of the bucket that a hash leads to, going by a root. */
export function bucketIndex(root: u64, hash: u32): u32 {
  const mask = <u32>(root >> 32);
  const index = hash & mask;
  return index < <u32>root ? index : index & (mask >> 1);
}

/**
 * Where bucket `index` lies; of a segment that does not exist, a dead bucket. A whole table, and one that has not outgrown its
 * first segment, needs no directory: a load less that has to wait for another one.
 * Pairs with the publications of addSegment and retireSegment (maps/table/segment.ts): a segment that is named is made.
 */
export function bucketAt(map: MapHeader, index: u32): usize {
  if (index < peek(contiguousWord(map))) return map.buckets + <usize>index * BUCKET_BYTES;
  return <usize>acquire(segmentWord(map, index)) + <usize>(index & (SEGMENT_BUCKETS - 1)) * BUCKET_BYTES;
}

/** A bucket's parent: from which it was split off. */
export function parentOf(index: u32): u32 {
  return index & ~topBit(index);
}

export function topBit(index: u32): u32 {
  return 0x80000000 >> clz(index);
}

/**
 * The bucket that has a hash's keys, as of now: whoever then goes by its control word asks `isHome` of it.
 * The loads pair with the publications of control words and of the root: who sees a bucket alive sees what it has.
 */
export function homeOf(map: MapHeader, hash: u32): usize {
  let index = bucketIndex(acquire64(rootWord(map)), hash);
  while (true) {
    const bucket = bucketAt(map, index);
    const control = acquire64(bucket);
    if (isHome(bucket, control, hash)) return bucket;
    index = (control & DEAD) != 0 ? parentOf(index) : hash & (0xffffffff >> <u32>(control & SHIFT_MASK));
  }
}

/** Buckets that so many elements need. */
export function bucketsFor(elements: u32): u32 {
  const few = (elements + ELEMENTS_PER_BUCKET - 1) / ELEMENTS_PER_BUCKET;
  if (few <= SEGMENT_BUCKETS) return few;
  const many = (elements + ELEMENTS_PER_BUCKET_LARGE - 1) / ELEMENTS_PER_BUCKET_LARGE;
  return min(max(min(elements / ELEMENTS_PER_BUCKET_ROOMY, LARGE_TABLE), many), MOST_BUCKETS);
}

/** Segments that so many buckets need. */
export function segmentsFor(buckets: u32): u32 {
  return (buckets + SEGMENT_BUCKETS - 1) >> SEGMENT_SHIFT;
}

/** Segments that the directory has room for. */
export function segmentCount(map: MapHeader): u32 {
  return segmentsFor(map.mostBuckets);
}

/** Where the directory names the segment of bucket `index`. */
export function segmentWord(map: MapHeader, index: u32): usize {
  return map.directory + <usize>(index >> SEGMENT_SHIFT) * 4;
}

/** A segment's first bucket, 0 if it does not exist. Pairs as bucketAt. */
export function segmentAt(map: MapHeader, segment: u32): usize {
  const address: usize = acquire(map.directory + <usize>segment * 4);
  return address == superblock().deadBuckets ? 0 : address;
}

/** Writes numbers and control words into `count` buckets of zeroes; those below `living` are alive at `depth`. */
export function formatBuckets(first: usize, index: u32, count: u32, living: u32, depth: u32): void {
  for (let each: u32 = 0; each < count; each++) {
    const bucket = first + <usize>each * BUCKET_BYTES;
    store<u32>(bucket, index + each, INDEX);
    store<u64>(bucket, index + each < living ? <u64>(32 - depth) : DEAD);
  }
}

/** A page of dead buckets that stands for every segment that does not exist; at format. */
export function formatDeadBuckets(): void {
  formatBuckets(superblock().deadBuckets, 0, SEGMENT_BUCKETS, 0, 0);
}

/** Tells how many buckets there are. Owner: the migrator. Pairs with homeOf, which takes it for a hint. */
export function setRoot(map: MapHeader, buckets: u32): void {
  // All or nothing, so that nobody's branch goes now this way, now that. Either is right at any time.
  const contiguous = buckets <= SEGMENT_BUCKETS ? SEGMENT_BUCKETS : 0;
  if (map.contiguous != contiguous) publish(contiguousWord(map), contiguous);
  publish64(rootWord(map), makeRoot(buckets));
}

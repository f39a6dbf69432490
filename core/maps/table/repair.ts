/**
 * Repairing a table whose migrator died, or anyone who had a bucket locked. The buckets themselves tell how far it came: at
 * most two are locked. First all of them are made right, then all are unlocked, so that nobody sees one half of a migration.
 *
 * - A bucket whose keys its parent has as well was coming alive, or about to die: it is dead.
 * - An element that is in a slot leaves the chain.
 * - The chain ends before the first element that belongs elsewhere.
 */
import { acquire, acquire64, claim, peek, publish, publish64 } from "../../base/atomics";
import { MapHeader, mapCpu } from "../map";
import {
  BUCKET_BYTES,
  belongs,
  DEAD,
  depthOf,
  INDEX,
  INDEX_MASK,
  makeDead,
  OVERFLOW,
  OWNER_MASK,
  OWNER_SHIFT,
  SEQUENCE,
  slotOfElement,
} from "./bucket";
import { forgetClasses, removeFromChain } from "./chain";
import { ELEMENT_NEXT, hashOfElement } from "./element";
import { settleSegments } from "./segment";
import { bucketAt, bucketCount, parentOf, SEGMENT_BUCKETS, segmentAt, segmentCount, setRoot } from "./table";

/** The loads need no pair: the dead CPU changes its buckets no more, and its lock keeps others away. */
function repairChain(bucket: usize, control: u64): void {
  const index = peek(bucket + INDEX);
  const head = bucket + OVERFLOW;
  let place = head;
  forgetClasses(head);
  for (let element: usize = acquire(place); element != 0; element = acquire(place)) {
    if (!belongs(index, control, hashOfElement(element))) {
      // Pairs with whoever walks the chain.
      publish(place, 0);
      break;
    }
    if (slotOfElement(bucket, control, element) != 0) removeFromChain(head, place);
    else place = element + ELEMENT_NEXT;
  }
  forgetClasses(head);
}

/** Whether a bucket's parent has its keys too: `depth` is the bucket's own. Pairs with the publications of split.ts. */
function isClaimedByParent(map: MapHeader, index: u32, depth: u32): bool {
  if (index < map.leastBuckets) return false;
  const parent = acquire64(bucketAt(map, parentOf(index)));
  return (parent & DEAD) == 0 && depthOf(parent) < depth;
}

/** Makes a bucket right that the dead CPU has locked; it stays locked. The publication pairs with whoever waits for it. */
function repairBucket(map: MapHeader, bucket: usize, control: u64): void {
  const index = peek(bucket + INDEX) & INDEX_MASK;
  if (isClaimedByParent(map, index, depthOf(control))) publish64(bucket, makeDead(control));
  else repairChain(bucket, control);
}

/** Does one of the two rounds over all buckets. The publication pairs with tryLockBucket of whoever waits. */
function settleBuckets(map: MapHeader, owner: u64, unlock: bool): void {
  for (let segment: u32 = 0; segment < segmentCount(map); segment++) {
    const first = segmentAt(map, segment);
    const count = min(SEGMENT_BUCKETS, map.mostBuckets - segment * SEGMENT_BUCKETS);
    for (let each: u32 = 0; first != 0 && each < count; each++) {
      const bucket = first + <usize>each * BUCKET_BYTES;
      const control = acquire64(bucket);
      if ((control & OWNER_MASK) != owner) continue;
      if (unlock) publish64(bucket, (control & ~OWNER_MASK) + SEQUENCE);
      else repairBucket(map, bucket, control);
    }
  }
}

/** Whether a bucket has keys. The load needs no pair: nobody else is the migrator. */
function isAlive(map: MapHeader, index: u32): bool {
  return (acquire64(bucketAt(map, index)) & DEAD) == 0;
}

/**
 * Tells how many buckets there are, which a migrator does after its last step: the living ones are the first ones. By an old
 * root the next one would take a segment for spare whose buckets live, and their keys would be nowhere.
 */
function settleRoot(map: MapHeader): void {
  let buckets = bucketCount(map);
  while (buckets < map.mostBuckets && isAlive(map, buckets)) buckets++;
  while (buckets > map.leastBuckets && !isAlive(map, buckets - 1)) buckets--;
  if (buckets != bucketCount(map)) setRoot(map, buckets);
}

/**
 * Releases every bucket that a dead CPU has locked, and the migration that it was at: what it did to a bucket is done or
 * undone. A map that is being made or freed may have no table.
 * The claim pairs with the next migrator's.
 */
export function settleTable(map: MapHeader, cpu: u32): void {
  if (bucketCount(map) == 0) return;
  const owner = (<u64>cpu + 1) << OWNER_SHIFT;
  settleBuckets(map, owner, false);
  settleBuckets(map, owner, true);
  const migrator = changetype<usize>(map) + offsetof<MapHeader>("migrator");
  if (peek(migrator) == cpu + 1) {
    settleSegments(map);
    settleRoot(map);
    claim(migrator, cpu + 1, 0);
  }
  mapCpu(map, cpu).tableRaised = 0;
}

/**
 * The memory of a table that grows and shrinks: segments of buckets, a page each, made and given back one at a time, from the
 * end of the directory. The migrator's, and of whoever makes or frees the map. Task and softirq context.
 *
 * Operations are in no read section while they look at a bucket. So a segment that the directory names no longer stays as it
 * is, all its buckets dead, until every CPU has been between two operations (rcu/epoch.ts: OPERATION); one at a time waits so.
 * If the table grows again before, it comes back to its own place at once.
 */

import { acquire64, peek, publish } from "../../base/atomics";
import { powerOfTwoAtLeast } from "../../base/bytes";
import { check } from "../../base/check";
import { superblock } from "../../base/superblock";
import { CpuArea, thisCpu } from "../../cpu/area";
import { runPlaced, transferOf } from "../../cpu/intent";
import { allocatePages, freePages, PAGE_BYTES } from "../../mem/pages";
import { gracePeriodEnded, gracePeriodTarget, OPERATION } from "../../rcu/epoch";
import { MapHeader, SUPPLY_LRU, SUPPLY_POOL } from "../map";
import { allocateStorage, directoryField, wholeField } from "../storage";
import { BUCKET_BYTES, DEAD, INDEX, INDEX_MASK } from "./bucket";
import {
  bucketAt,
  bucketsFor,
  formatBuckets,
  makeRoot,
  SEGMENT_BUCKETS,
  SEGMENT_SHIFT,
  segmentAt,
  segmentCount,
  segmentsFor,
  segmentWord,
} from "./table";

function segmentsWord(map: MapHeader): usize {
  return changetype<usize>(map) + offsetof<MapHeader>("segments");
}

function retiredWord(map: MapHeader): usize {
  return changetype<usize>(map) + offsetof<MapHeader>("retired");
}

/** Whether a run is a page that the map's table has, or has retired. */
export function isSegmentOf(map: MapHeader, page: usize): bool {
  if (map.directoryStorage == 0 || map.wholeStorage != 0) return false;
  if (map.retired == page) return true;
  for (let segment: u32 = 0; segment < segmentCount(map); segment++) {
    if (segmentAt(map, segment) == page) return true;
  }
  return false;
}

/**
 * Makes the segment of bucket `index`, the first that is not there: all of its buckets are dead. False: memory is out.
 * The publication of its place pairs with bucketAt, those of the counts with hasSpareSegment.
 */
export function addSegment(map: MapHeader, index: u32): bool {
  const segment = segmentsFor(index + 1) - 1;
  if (segment < map.segments) return true;
  const word = segmentWord(map, index);
  if (map.retired != 0 && (peek(<usize>map.retired + INDEX) & INDEX_MASK) == segment * SEGMENT_BUCKETS) {
    publish(word, map.retired);
    publish(retiredWord(map), 0);
    publish(segmentsWord(map), segment + 1);
    return true;
  }
  const transfer = transferOf(thisCpu());
  transfer.table = <u32>changetype<usize>(map);
  const address = allocatePages(1);
  if (address != 0) {
    memory.fill(address, 0, PAGE_BYTES);
    formatBuckets(address, segment * SEGMENT_BUCKETS, SEGMENT_BUCKETS, 0, 0);
    publish(word, <u32>address);
    publish(segmentsWord(map), segment + 1);
    runPlaced();
  }
  transfer.table = 0;
  return address != 0;
}

/**
 * Gives a map its table. One whose largest size is a segment or less, a preallocated one, and one of maps have that from the start;
 * others begin with a segment. False: memory is out.
 */
export function buildTable(map: MapHeader): bool {
  const full = bucketsFor(map.maxEntries);
  const isWhole = full <= SEGMENT_BUCKETS || map.supply == SUPPLY_POOL || map.innerKind != 0;
  // A map that makes room is full all its life: twice the buckets, so that next to none overflow and new keys need no lock.
  if (isWhole) return buildWhole(map, powerOfTwoAtLeast(max(map.supply == SUPPLY_LRU ? full * 2 : full, 2)));
  map.leastBuckets = SEGMENT_BUCKETS;
  map.mostBuckets = full;
  const segments = segmentCount(map);
  if (!allocateStorage(directoryField(map), <u64>segments * 4)) return false;
  map.directory = map.directoryStorage;
  for (let segment: u32 = 0; segment < segments; segment++) {
    store<u32>(map.directory + segment * 4, superblock().deadBuckets);
  }
  if (!addSegment(map, 0)) return false;
  map.buckets = <u32>segmentAt(map, 0);
  map.contiguous = SEGMENT_BUCKETS;
  formatBuckets(map.buckets, 0, SEGMENT_BUCKETS, SEGMENT_BUCKETS, SEGMENT_SHIFT);
  map.root = makeRoot(SEGMENT_BUCKETS);
  return true;
}

/** A table of `buckets`, a power of two, that stays as it is. */
function buildWhole(map: MapHeader, buckets: u32): bool {
  map.leastBuckets = buckets;
  map.mostBuckets = buckets;
  if (!allocateStorage(wholeField(map), <u64>buckets * <u64>BUCKET_BYTES)) return false;
  const segments = segmentCount(map);
  if (segments > 1 && !allocateStorage(directoryField(map), <u64>segments * 4)) return false;
  map.directory = segments > 1 ? map.directoryStorage : <u32>(changetype<usize>(map) + offsetof<MapHeader>("segment"));
  for (let segment: u32 = 0; segment < segments; segment++) {
    store<u32>(map.directory + segment * 4, map.wholeStorage + segment * <u32>PAGE_BYTES);
  }
  map.buckets = map.wholeStorage;
  map.contiguous = buckets;
  formatBuckets(map.buckets, 0, buckets, buckets, ctz(buckets));
  map.root = makeRoot(buckets);
  return true;
}

/**
 * Whether a table of so many buckets has a segment that it does not need; a whole one has none. Pairs with nothing: who is
 * wrong raises work for nothing, or the next one does.
 */
export function hasSpareSegment(map: MapHeader, buckets: u32): bool {
  return peek(retiredWord(map)) != 0 || peek(segmentsWord(map)) > segmentsFor(buckets);
}

/**
 * Takes the last segment, all of whose buckets are dead, out of the directory. The publications pair as those of addSegment.
 * The root says so already: only operations that began before its grace period does have the way to it.
 */
function retireSegment(map: MapHeader): void {
  const last = map.segments - 1;
  const index = last * SEGMENT_BUCKETS;
  const first = bucketAt(map, index);
  // Pairs with the migrator before this one. Those that live are the first ones.
  check((acquire64(first) & DEAD) != 0);
  map.retiredTarget = gracePeriodTarget(OPERATION);
  publish(retiredWord(map), <u32>first);
  publish(segmentWord(map, index), superblock().deadBuckets);
  publish(segmentsWord(map), last);
}

/**
 * Gives back the segment that waits, if nobody is in it any more. False: somebody may be. The publication pairs with
 * hasSpareSegment.
 */
function freeRetired(area: CpuArea, map: MapHeader): bool {
  const address: usize = map.retired;
  if (address == 0) return true;
  if (!gracePeriodEnded(OPERATION, map.retiredTarget)) return false;
  const transfer = transferOf(area);
  transfer.table = <u32>changetype<usize>(map);
  transfer.run = <u32>address;
  publish(retiredWord(map), 0);
  transfer.table = 0;
  freePages(address);
  return true;
}

/** Brings a table of so many buckets closer to what it needs: gives a segment back, lets the next one wait. */
export function returnSegments(area: CpuArea, map: MapHeader, buckets: u32): void {
  if (map.wholeStorage == 0 && freeRetired(area, map) && map.segments > segmentsFor(buckets)) retireSegment(map);
}

/**
 * Makes good what a dead migrator left: a segment that the directory names is not retired, and how many it names is counted.
 * The publications pair with hasSpareSegment; nobody else is the migrator.
 */
export function settleSegments(map: MapHeader): void {
  if (map.wholeStorage != 0) return;
  const retired: usize = map.retired;
  let segments: u32 = 0;
  while (segments < segmentCount(map) && segmentAt(map, segments) != 0) {
    if (segmentAt(map, segments) == retired) publish(retiredWord(map), 0);
    segments++;
  }
  publish(segmentsWord(map), segments);
}

/** Gives all segments back: the map goes. From wherever a former attempt was cut off. The publication pairs as in freeRetired. */
export function freeSegments(area: CpuArea, map: MapHeader): void {
  // Who goes on after this finds no table: there is nothing in it.
  map.root = 0;
  if (map.directoryStorage == 0 || map.wholeStorage != 0) return;
  const transfer = transferOf(area);
  for (let segment: u32 = 0; segment < segmentCount(map); segment++) {
    const word = segmentWord(map, segment * SEGMENT_BUCKETS);
    // The directory was being written when its builder died: what follows is zeroes.
    if (load<u32>(word) == 0) break;
    const address = segmentAt(map, segment);
    if (address == 0) continue;
    transfer.run = <u32>address;
    store<u32>(word, superblock().deadBuckets);
    freePages(address);
  }
  transfer.run = map.retired;
  publish(retiredWord(map), 0);
  if (transfer.run != 0) freePages(<usize>transfer.run);
}

/**
 * Where the buckets of a hash lie (core/maps/table/table.ts): for reports, which count them, and for the simulator, which walks
 * them.
 */
import { CONSTANTS, LAYOUT } from "./face.ts";

/** Buckets side by side. */
export interface Segment {
  /** The first one's address and number. */
  readonly address: number;
  readonly index: number;
  readonly buckets: number;
}

/**
 * The segments of a hash's table that exist now.
 * @param word reads a u32 of shared memory
 * @param map address of the map's descriptor
 */
export function tableSegments(word: (address: number) => number, map: number): Segment[] {
  const field = (name: keyof (typeof LAYOUT)["MapHeader"]): number => word(map + LAYOUT.MapHeader[name]);
  const most = field("mostBuckets");
  const dead = word(CONSTANTS.SUPERBLOCK + LAYOUT.Superblock.deadBuckets);
  const segments: Segment[] = [];
  for (let index = 0; index < most; index += CONSTANTS.SEGMENT_BUCKETS) {
    const address = word(field("directory") + (index / CONSTANTS.SEGMENT_BUCKETS) * 4);
    const buckets = Math.min(CONSTANTS.SEGMENT_BUCKETS, most - index);
    if (address !== dead) segments.push({ address, index, buckets });
  }
  return segments;
}

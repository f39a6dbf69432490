/**
 * Watermarks and batch of a cache by its unit size (object with header), as Linux has them since 6.1
 * (`kernel/bpf/memalloc.c`): small objects 32 / 96, larger ones so many that about 24 KiB are cached at most.
 * Divisions are integer divisions, the batch divides first.
 *
 * Objects come and go in bursts. Outside profile `linux` there is room for two of them between a cache's watermarks: then each
 * fits wherever the last one ended, and neither refills nor trims.
 */

const SMALL_UNIT: u32 = 256;

export function lowWatermark(unit: u32, perCpu: bool): u32 {
  if (perCpu) return 1;
  return unit <= SMALL_UNIT ? 32 : max(8192 / unit, 1);
}

export function highWatermark(unit: u32, perCpu: bool): u32 {
  if (perCpu) return 3;
  return unit <= SMALL_UNIT ? 96 : max(24576 / unit, 3);
}

/** Objects that are allocated before the first of them is freed, and that cost no more than one at a time. */
const BURST: u32 = 64;

/** As highWatermark, of small objects outside profile `linux`. */
export function highForBursts(unit: u32, perCpu: bool): u32 {
  const high = highWatermark(unit, perCpu);
  return perCpu || unit > SMALL_UNIT ? high : max(high, lowWatermark(unit, perCpu) + 2 * BURST);
}

/** Objects that one refill adds, in every profile. */
export function refillBatch(unit: u32, perCpu: bool): u32 {
  return max(((highWatermark(unit, perCpu) - lowWatermark(unit, perCpu)) / 4) * 3, 1);
}

/** Objects that every CPU's cache starts with: a program's first run makes about four updates. */
export function initialFill(unit: u32, perCpu: bool): u32 {
  return unit <= SMALL_UNIT && !perCpu ? 4 : 1;
}

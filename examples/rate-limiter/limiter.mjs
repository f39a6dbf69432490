/**
 * A token bucket for each client, shared by all threads. A bucket is one number: the time at which it is full again (the generic
 * cell rate algorithm, ITU-T I.371). A request moves that on by one interval, unless it lies so far ahead that no token is left.
 */
import { performance } from "node:perf_hooks";
import { f64, string } from "anyctx";

/** Longest name of a client, in bytes. */
const NAME_BYTES = 48;

export function createBuckets(arena, maxClients) {
  return arena.createMap({
    type: "hash",
    name: "buckets",
    key: string(NAME_BYTES),
    value: f64,
    maxEntries: maxClients,
  });
}

/** Whole microseconds, the same on every thread of a process: sums of them stay exact. */
export function clock() {
  return Math.floor((performance.timeOrigin + performance.now()) * 1000);
}

/**
 * @param {{ perSecond: number, burst: number }} limit tokens that come, and that a client may save up
 * @returns {(client: string, now?: number) => boolean} takes a token; false if there is none
 */
export function limiterOn(buckets, { perSecond, burst }) {
  const interval = Math.round(1e6 / perSecond);
  return (client, now = clock()) => {
    let allowed = false;
    // Asked again if another thread has changed the bucket meanwhile, so no token is given twice.
    buckets.compute(client, (fullAt) => {
      const from = Math.max(fullAt ?? 0, now);
      allowed = from + interval <= now + burst * interval;
      return allowed ? from + interval : fullAt;
    });
    return allowed;
  };
}

/** Forgets clients whose buckets are full: a new one would be too. @returns how many */
export function sweep(buckets, now = clock()) {
  let swept = 0;
  for (const [client, fullAt] of buckets)
    if (fullAt <= now && buckets.compareExchange(client, fullAt, undefined)) swept++;
  return swept;
}

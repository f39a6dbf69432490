/** What maps say that they take. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { makeArena } from "../../core/testing.ts";
import { mapStatistics } from "../arena/statistics.ts";
import { CONSTANTS } from "../wasm/face.ts";
import { u32, u64 } from "./codec/codec.ts";

const { BATCH_BYTES, NO_COMMON_LRU, ORDER_BYTES } = CONSTANTS;

/** Bytes of a preallocated LRU map: all that depends on the CPUs is the order. */
async function bytesOfLru(cpus: number, flags: number): Promise<number> {
  const arena = await makeArena({ cpus });
  const sizes = { key: u32, value: u64, maxEntries: 6400, prealloc: true, flags };
  const map = arena.createMap({ type: "lru_hash", name: "lru", ...sizes });
  return mapStatistics(arena, map.info).bytes;
}

test("what a CPU sets aside of an LRU map's order is memory of the map, as is an order for each CPU", async () => {
  const [few, many] = await Promise.all([bytesOfLru(2, 0), bytesOfLru(64, 0)]);
  assert.equal(many - few, 62 * BATCH_BYTES);
  assert.equal((await bytesOfLru(64, NO_COMMON_LRU)) - many, 63 * ORDER_BYTES);
});

/** What can be done with every kind of map: a row each. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { CONSTANTS } from "../../src/wasm/face.ts";
import { makeArena, RawMap } from "../testing.ts";

const { KIND_HASH, KIND_ARRAY, KIND_PERCPU_HASH, KIND_PERCPU_ARRAY, EINVAL, SUPPLY_CACHE, SUPPLY_POOL, SUPPLY_SLAB } =
  CONSTANTS;
const CPUS = 3;

/** Kind, supply, sets of caches, entries of a new map of 10, bytes of an entry of 4 + 12 bytes, result of a prefill. */
const KINDS = [
  [KIND_HASH, SUPPLY_CACHE, 1, 0, 8 + 16, 0],
  [KIND_HASH, SUPPLY_POOL, 1, 0, 8 + 16, -EINVAL],
  [KIND_HASH, SUPPLY_SLAB, 1, 0, 8 + 16, -EINVAL],
  [KIND_PERCPU_HASH, SUPPLY_CACHE, 2, 0, 8 + CPUS * 16, 0],
  [KIND_PERCPU_HASH, SUPPLY_POOL, 2, 0, 8 + CPUS * 16, -EINVAL],
  [KIND_ARRAY, SUPPLY_CACHE, 0, 10, 8 + 16, -EINVAL],
  [KIND_PERCPU_ARRAY, SUPPLY_CACHE, 0, 10, 8 + CPUS * 16, -EINVAL],
] as const;

test("sets of caches, entries, bytes of an entry and prefills are those of the kind", async () => {
  const arena = await makeArena({ cpus: CPUS });
  for (const [kind, supply, sets, entries, entryBytes, prefilled] of KINDS) {
    const name = `kind ${kind}, supply ${supply}`;
    const map = new RawMap(arena, { kind, supply, valueSize: 12, maxEntries: 10, name });
    assert.equal(map.field("sets"), sets, name);
    assert.equal(map.count(), entries, name);
    assert.equal(arena.core.mapEntryBytes(map.address), entryBytes, name);
    assert.equal(arena.core.mapPrefill(map.address, 2), prefilled, name);
    assert.equal(map.scan(0, 10 * entryBytes + 8).result, entries, name);
    map.update(3, 1);
    assert.equal(map.count(), Math.max(entries, 1), name);
  }
});

test("a kind that there is not cannot be created, walked or prefilled", async () => {
  const arena = await makeArena({ cpus: CPUS });
  for (const kind of [0, 3, 15, 18, 0xffffffff]) assert.equal(arena.core.createMap(kind, 4, 8, 8, 0, 0, 1, 0), EINVAL);
  const map = new RawMap(arena, { kind: KIND_ARRAY, maxEntries: 10 });
  map.setField("kind", 3);
  assert.deepEqual([map.scan(0, 1000).result, arena.core.mapPrefill(map.address, 1)], [-EINVAL, -EINVAL]);
});

/** `enum bpf_map_type` and the flags of Linux's `include/uapi/linux/bpf.h`. */
const LINUX: Readonly<Partial<Record<keyof typeof CONSTANTS, number>>> = {
  ...{ KIND_HASH: 1, KIND_ARRAY: 2, KIND_PROG_ARRAY: 3, KIND_PERF_EVENT_ARRAY: 4, KIND_PERCPU_HASH: 5 },
  ...{ KIND_PERCPU_ARRAY: 6, KIND_STACK_TRACE: 7, KIND_CGROUP_ARRAY: 8, KIND_LRU_HASH: 9, KIND_LRU_PERCPU_HASH: 10 },
  ...{ KIND_LPM_TRIE: 11, KIND_ARRAY_OF_MAPS: 12, KIND_HASH_OF_MAPS: 13, KIND_QUEUE: 22, KIND_STACK: 23 },
  ...{ KIND_SOCKET_STORAGE: 24, KIND_RINGBUF: 27, KIND_INODE_STORAGE: 28, KIND_TASK_STORAGE: 29 },
  ...{ KIND_BLOOM_FILTER: 30, KIND_USER_RINGBUF: 31, KIND_CGROUP_STORAGE: 32 },
  ...{ NO_PREALLOC: 1, NO_COMMON_LRU: 2, NUMA_NODE: 4, RDONLY: 8, WRONLY: 16, ZERO_SEED: 64, RDONLY_PROG: 128 },
  ...{ WRONLY_PROG: 256, MMAPABLE: 1024, INNER_MAP: 4096, NOEXIST: 1, EXIST: 2, LOCK: 4 },
};

test("kinds and flags have Linux's numbers", () => {
  for (const [name, number] of Object.entries(LINUX)) assert.equal(CONSTANTS[name as "KIND_HASH"], number, name);
});

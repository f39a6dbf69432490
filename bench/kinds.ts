/**
 * Kinds of maps beside what a program in JavaScript would take in their place, on one thread. The arena's are shared by threads and
 * hold bytes, the others are this thread's alone and hold what they are given.
 */
import { LRUCache } from "lru-cache";
import { RingBuffer } from "ringbuf.js";
import BTreeModule from "sorted-btree";
import { Arena, bytes, none, string, struct, u32, u64 } from "../src/index.ts";
import { ringThreads } from "./ring-threads.ts";
import { type Comparison, compareSides, type Measure, type Pair } from "./sides.ts";

// The package is of CommonJS: what it exports by default is inside.
const { default: BTree } = BTreeModule;

const LIVE = 100_000;
const PREFIXES = 1_000_000;
const OPERATIONS = 200_000;

/** Nanoseconds an operation. */
function nanoseconds(operations: number, act: () => void): number {
  const begin = performance.now();
  act();
  return ((performance.now() - begin) * 1e6) / operations;
}

/** Numbers below `below` in an order that repeats and has no pattern. */
function numbers(count: number, below: number): Uint32Array {
  let state = 12345;
  return Uint32Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return (state >>> 4) % below;
  });
}

function each(order: Uint32Array, act: (number: number) => void): Measure {
  return () =>
    nanoseconds(order.length, () => {
      for (let index = 0; index < order.length; index++) act(order[index] as number);
    });
}

function lruPairs(arena: Arena): Pair[] {
  const options = { key: u32, value: u32, maxEntries: LIVE } as const;
  const ours = arena.createMap({ type: "lru_hash", name: "lru", ...options });
  const theirs = new LRUCache<number, number>({ max: LIVE });
  for (let key = 0; key < LIVE; key++) {
    ours.set(key, key);
    theirs.set(key, key);
  }
  const small = arena.createMap({ type: "lru_hash", name: "small lru", ...options, maxEntries: 1000 });
  const hash = arena.createMap({ type: "hash", name: "hash", ...options, maxEntries: 2000 });
  for (let key = 0; key < 1000; key++) {
    small.set(key, key);
    hash.set(key, key);
  }
  const there = numbers(OPERATIONS, LIVE);
  const sides = { first: "lru_hash", second: "lru-cache", unit: "ns" } as const;
  let fresh = LIVE;
  let next = LIVE;
  let newest = 1000;
  return [
    {
      ...sides,
      name: "LRU: get, 100,000 entries",
      measure: [each(there, (key) => ours.get(key)), each(there, (key) => theirs.get(key))],
    },
    {
      ...sides,
      name: "LRU: overwrite",
      measure: [each(there, (key) => ours.set(key, key)), each(there, (key) => theirs.set(key, key))],
    },
    {
      ...sides,
      name: "LRU: a new key, one goes",
      measure: [each(there, (key) => ours.set(fresh++, key)), each(there, (key) => theirs.set(next++, key))],
    },
    {
      ...{ name: "LRU of 1,000: a new key, one goes", first: "lru_hash", second: "hash, set+delete", unit: "ns" },
      measure: [
        each(there, (key) => small.set(newest++, key)),
        each(there, (key) => {
          hash.set(1000 + (key & 511), key);
          hash.delete(1000 + (key & 511));
        }),
      ],
    },
  ];
}

const RECORD = new Uint8Array(64).fill(7);
const BURST = 256;

/** Records in bursts, put in and taken out by one thread. */
function ringPair(arena: Arena): Pair {
  const ours = arena.createMap({ type: "ringbuf", name: "ring", key: none, value: none, maxEntries: 1 << 16 });
  const theirs = new RingBuffer(RingBuffer.getStorageForCapacity(1 << 16, Uint8Array), Uint8Array);
  const into = new Uint8Array(RECORD.length);
  const bursts = Math.floor(OPERATIONS / BURST);
  const run =
    (put: () => void, take: () => void): Measure =>
    () =>
      nanoseconds(bursts * BURST, () => {
        for (let burst = 0; burst < bursts; burst++) {
          for (let index = 0; index < BURST; index++) put();
          take();
        }
      });
  const takeAll = (): void => {
    for (let taken = 0; taken < BURST; ) taken += ours.takeRecords().length;
  };
  const popAll = (): void => {
    for (let index = 0; index < BURST; index++) theirs.pop(into);
  };
  return {
    ...{ name: "ring: a record of 64 bytes in and out", first: "ringbuf", second: "ringbuf.js", unit: "ns" },
    measure: [run(() => void ours.output(RECORD), takeAll), run(() => void theirs.push(RECORD), popAll)],
  };
}

/** Longest prefixes of IPv4 addresses: beside it a Map by text of each length, from the longest on. */
function triePair(arena: Arena): Pair {
  const key = struct({ length: u32, address: bytes(4) });
  const ours = arena.createMap({ type: "lpm_trie", name: "prefixes", key, value: u32, maxEntries: PREFIXES });
  const theirs = Array.from({ length: 33 }, () => new Map<number, number>());
  const addresses = numbers(PREFIXES, 2 ** 28);
  const masked = (address: number, length: number): number =>
    length === 0 ? 0 : (address >>> (32 - length)) << (32 - length);
  const place = { length: 0, address: new Uint8Array(4) };
  const view = new DataView(place.address.buffer);
  const prefix = (address: number, length: number): typeof place => {
    view.setUint32(0, address);
    place.length = length;
    return place;
  };
  addresses.forEach((address, index) => {
    const length = 16 + (index % 17);
    const bits = masked(address << 4, length);
    ours.update(prefix(bits, length), index);
    theirs[length]?.set(bits, index);
  });
  const asked = addresses.slice(0, OPERATIONS);
  return {
    ...{ name: "prefixes: the longest of a million", first: "lpm_trie", second: "33 Maps", unit: "ns" },
    measure: [
      each(asked, (address) => ours.get(prefix(address << 4, 32))),
      each(asked, (address) => {
        for (let length = 32; length >= 0; length--) if (theirs[length]?.has(masked(address << 4, length))) return;
      }),
    ],
  };
}

function queuePair(arena: Arena): Pair {
  const ours = arena.createMap({ type: "queue", name: "queue", key: none, value: u32, maxEntries: 1024 });
  const theirs: number[] = [];
  const order = numbers(OPERATIONS, 1000);
  return {
    ...{ name: "queue: in and out", first: "queue", second: "Array", unit: "ns" },
    measure: [
      each(order, (value) => {
        ours.push(value);
        ours.pop();
      }),
      each(order, (value) => {
        theirs.push(value);
        theirs.shift();
      }),
    ],
  };
}

function bloomPair(arena: Arena): Pair {
  const ours = arena.createMap({ type: "bloom_filter", name: "filter", key: none, value: u32, maxEntries: LIVE });
  const theirs = new Set<number>();
  for (let value = 0; value < LIVE; value++) {
    ours.push(value);
    theirs.add(value);
  }
  const asked = numbers(OPERATIONS, 2 * LIVE);
  return {
    ...{ name: "filter: may it have a value", first: "bloom_filter", second: "Set", unit: "ns" },
    measure: [each(asked, (value) => void ours.mayHave(value)), each(asked, (value) => void theirs.has(value))],
  };
}

function orderedPairs(arena: Arena): Pair[] {
  const numbered = arena.createMap({ type: "ordered", name: "numbers", key: u32, value: u64, maxEntries: 2 * LIVE });
  const texts = arena.createMap({ type: "ordered", name: "texts", key: string(), value: u32, maxEntries: 2 * LIVE });
  const tree = new BTree<number, bigint>();
  const words = new BTree<string, number>();
  for (let key = 0; key < LIVE; key++) {
    numbered.set(2 * key, 1n);
    tree.set(2 * key, 1n);
    texts.set(`/path/${key}`, key);
    words.set(`/path/${key}`, key);
  }
  const order = numbers(OPERATIONS, LIVE);
  const paths = Array.from({ length: LIVE }, (_, key) => `/path/${key}`);
  const sides = { first: "ordered", second: "sorted-btree", unit: "ns" } as const;
  const range = (walk: (from: number) => Iterable<unknown>): Measure => {
    const starts = order.subarray(0, 2000);
    return () =>
      nanoseconds(starts.length * 50, () => {
        for (const start of starts) {
          let count = 0;
          for (const _ of walk(2 * start)) if (++count === 50) break;
        }
      });
  };
  return [
    {
      ...sides,
      name: "ordered: get of a number",
      measure: [each(order, (key) => numbered.get(2 * key)), each(order, (key) => tree.get(2 * key))],
    },
    {
      ...sides,
      name: "ordered: get of a text",
      measure: [
        each(order, (key) => texts.get(paths[key] as string)),
        each(order, (key) => words.get(paths[key] as string)),
      ],
    },
    {
      ...{ ...sides, name: "ordered: set and delete of a number" },
      measure: [
        each(order, (key) => {
          numbered.set(2 * key + 1, 1n);
          numbered.delete(2 * key + 1);
        }),
        each(order, (key) => {
          tree.set(2 * key + 1, 1n);
          tree.delete(2 * key + 1);
        }),
      ],
    },
    {
      ...{ ...sides, name: "ordered: an entry of a range of 50" },
      measure: [range((from) => numbered.range({ from })), range((from) => tree.entries(from))],
    },
  ];
}

export async function measureKinds(rounds: number, progress: (share: number) => void): Promise<readonly Comparison[]> {
  const arena = await Arena.create({ maximumBytes: 2 ** 30, seed: 1 });
  const threads = await ringThreads();
  const pairs = [
    ...lruPairs(arena),
    ...[ringPair(arena), ...threads.pairs],
    ...[triePair(arena), queuePair(arena), bloomPair(arena)],
    ...orderedPairs(arena),
  ];
  const measured: Comparison[] = [];
  for (const pair of pairs) {
    measured.push(await compareSides(pair, rounds));
    progress(measured.length / pairs.length);
  }
  await threads.end();
  return measured;
}

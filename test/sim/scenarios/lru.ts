/**
 * LRU maps that are full, or filling: every new key finds room, whoever is in the middle of what, and slots, lists and buckets agree
 * at every rest. A thread may be killed at any step.
 */
import { type Body, interrupt, task } from "../../../src/sim/fiber.ts";
import { Finding } from "../../../src/sim/finding.ts";
import { FLAGS, type HashTable, prepareHash, putKeys } from "../../../src/sim/hash-table.ts";
import type { Place } from "../../../src/sim/reach.ts";
import type { Scenario } from "../../../src/sim/scenario.ts";
import type { HashOptions } from "../../../src/sim/world.ts";
import { withHash } from "./common.ts";
import { DIES, mortalHash } from "./death.ts";

const EBUSY = 16;
const ETIMEDOUT = 110;

/** Puts keys in one after the other: there is always room. What met the bucket that its own CPU was changing is left out. */
function* putAll(table: HashTable, keys: readonly number[], mayMeetOwn = false): Body {
  for (const key of keys) {
    const result = yield* table.update(key);
    if (result === 0 || result === -ETIMEDOUT || (mayMeetOwn && result === -EBUSY)) continue;
    throw new Finding("no room", `an update of key ${key} says ${result}`);
  }
}

interface Plan {
  readonly name: string;
  readonly doc: string;
  readonly map: HashOptions;
  /** Keys 1 to this number are there from the start. */
  readonly there: number;
  readonly reaches: readonly Place[];
  readonly first: (table: HashTable) => Body;
  readonly other: (table: HashTable) => Body;
  readonly nmi?: (table: HashTable) => Body;
  readonly keys?: number;
}

const KEYS = 10;

/** Entries of which each of so many CPUs sets two aside at once. */
const batched = (cpus: number): number => 16 * cpus;

/** A new key has taken the fast path so far that another entry has gone for it. */
const FAST: Place = { in: "insertFast", text: "ELEMENT_HASH" };

/** A value is overwritten on the fast path, the only way there of an LRU map. */
const FAST_OVERWRITE: Place = { in: "overwriteFast", text: "interruptsOff = saved + 1" };

const PLANS: readonly Plan[] = [
  {
    name: "lru-two-cpus",
    doc: "Two CPUs put new keys into a full map, each finds the other's entries to take away.",
    map: { lru: "common", maxEntries: 3 },
    there: 3,
    reaches: [{ in: "evictOldest" }, { in: "rotateActive" }],
    first: (table) => putAll(table, [4, 5]),
    *other(table) {
      yield* table.lookup(2);
      yield* putAll(table, [6]);
      yield* table.get(6);
      yield* table.delete(4);
    },
  },
  {
    name: "lru-delete-evict",
    doc: "An entry is deleted, and put in again, while another CPU takes it away for a new one.",
    map: { lru: "common", maxEntries: 2, valueSize: 16 },
    there: 2,
    reaches: [{ in: "takeFree" }, { in: "replaceElement" }],
    *first(table) {
      yield* table.delete(1);
      yield* putAll(table, [1]);
      yield* table.update(1, FLAGS.exist);
    },
    other: (table) => putAll(table, [3, 4]),
  },
  {
    name: "lru-filling",
    doc: "Two CPUs put the first keys in: each element gets a slot of its own.",
    map: { lru: "common", maxEntries: 4 },
    there: 0,
    reaches: [{ in: "takeSlot" }],
    first: (table) => putAll(table, [1]),
    other: (table) => putAll(table, [2]),
  },
  {
    name: "lru-own-lists",
    doc: "Each CPU makes room among its own entries; another one deletes them.",
    map: { lru: "own", maxEntries: 4 },
    there: 2,
    reaches: [{ in: "evictOldest" }, { in: "giveToPool" }],
    first: (table) => putAll(table, [3, 4]),
    *other(table) {
      yield* putAll(table, [5]);
      yield* table.delete(3);
      yield* table.delete(2);
      yield* putAll(table, [6, 7]);
    },
  },
  {
    name: "lru-nmi",
    doc: "An NMI needs room while its own CPU has the order's lock, or is in the middle of making room.",
    map: { lru: "common", maxEntries: 4 },
    there: 4,
    reaches: [{ in: "evictAny" }],
    first: (table) => putAll(table, [5, 6]),
    *other() {},
    nmi: (table) => putAll(table, [7, 8], true),
  },
  {
    name: "lru-nmi-new",
    doc: "An NMI takes new elements while its own CPU has the order's lock: they are put on the list later.",
    map: { lru: "common", maxEntries: 8 },
    there: 1,
    reaches: [
      { in: "place", text: "unlisted" },
      { in: "sweep", text: "elementAt" },
    ],
    first: (table) => putAll(table, [2, 3, 6]),
    *other() {},
    nmi: (table) => putAll(table, [4, 5], true),
  },
  {
    name: "lru-batches",
    doc: "Two CPUs set entries aside that go next; one of these is deleted and comes back, others are used meanwhile.",
    map: { lru: "common", maxEntries: batched(2) },
    there: batched(2),
    keys: batched(2) + KEYS,
    reaches: [FAST, { in: "setAside" }, { in: "putBack", text: "listActive" }, { in: "putBack", text: "listNew" }],
    first: (table) => putAll(table, [33, 34, 35, 36]),
    *other(table) {
      yield* table.lookup(2);
      yield* table.delete(1);
      yield* putAll(table, [1, 37, 38]);
    },
  },
  {
    name: "lru-batch-nmi",
    doc: "An NMI needs room while its own CPU is at what it has set aside.",
    map: { lru: "common", maxEntries: batched(2) },
    there: batched(2),
    keys: batched(2) + KEYS,
    reaches: [{ in: "putBack", text: "listNew" }, { in: "evictAny" }],
    first: (table) => putAll(table, [33, 34, 35]),
    *other() {},
    nmi: (table) => putAll(table, [36], true),
  },
  {
    name: "lru-fast",
    doc: "A new key takes the fast path, while another CPU deletes what goes for it, and changes the bucket that it goes to.",
    map: { lru: "common", maxEntries: batched(2) },
    // One more than there is room for: the second of two that were set aside goes next.
    there: batched(2) + 1,
    keys: batched(2) + KEYS,
    reaches: [FAST, { in: "insertFast", text: "interruptsOff--" }],
    first: (table) => putAll(table, [34]),
    *other(table) {
      // Goes to the same bucket as the other one.
      yield* putAll(table, [35]);
      for (const key of [2, 3, 4]) yield* table.delete(key);
    },
  },
  {
    name: "lru-fast-nmi",
    doc: "An NMI needs room and deletes in the middle of a new key's fast path.",
    map: { lru: "common", maxEntries: batched(2) },
    there: batched(2) + 1,
    keys: batched(2) + KEYS,
    reaches: [FAST, { in: "evictOldest" }],
    first: (table) => putAll(table, [34]),
    *other() {},
    *nmi(table) {
      yield* putAll(table, [35], true);
      yield* table.delete(3);
    },
  },
  {
    name: "lru-fast-overwrite",
    doc: "A value is overwritten on the fast path, while another CPU's new key takes its entry away, and puts it in again.",
    map: { lru: "common", maxEntries: batched(2) },
    there: batched(2) + 1,
    keys: batched(2) + KEYS,
    reaches: [FAST_OVERWRITE, FAST],
    *first(table) {
      yield* putAll(table, [34]);
      yield* table.delete(2);
      yield* putAll(table, [2]);
    },
    *other(table) {
      yield* putAll(table, [2]);
      yield* table.update(2, FLAGS.exist);
    },
  },
];

const living: readonly Scenario[] = PLANS.map(({ name, doc, map, there, reaches, first, other, nmi, keys = KEYS }) => ({
  name,
  doc,
  cpus: 2,
  bound: 2,
  reaches,
  prepare(world) {
    const prepared = prepareHash(world, world.createHash(map), keys, "as created");
    putKeys(
      prepared,
      Array.from({ length: there }, (_, index) => index + 1),
    );
    return () =>
      withHash(prepared, (table) => [
        task(0, () => first(table)),
        task(1, () => other(table)),
        ...(nmi === undefined ? [] : [interrupt("nmi", 0, () => nmi(table))]),
      ]);
  },
}));

interface Killed {
  readonly name: string;
  readonly doc: string;
  readonly map: HashOptions;
  readonly there: number;
  readonly reaches: readonly Place[];
  readonly dies: (table: HashTable) => Body;
  readonly other: (table: HashTable) => Body;
  readonly keys?: number;
}

const KILLED: readonly Killed[] = [
  {
    name: "lru-killed",
    doc: "Killed while it makes room, deletes and overwrites; another CPU makes room meanwhile.",
    map: { lru: "common", maxEntries: 3, valueSize: 16 },
    there: 3,
    reaches: [DIES.mapLock, DIES.inHand, { in: "relink" }, { in: "evictOldest" }],
    *dies(table) {
      yield* table.lookup(2);
      yield* putAll(table, [4]);
      yield* table.delete(4);
      yield* putAll(table, [2, 5]);
    },
    *other(table) {
      yield* putAll(table, [6]);
      yield* table.get(6);
    },
  },
  {
    name: "lru-killed-filling",
    doc: "Killed while it puts the first keys in; another CPU does as well.",
    map: { lru: "common", maxEntries: 3 },
    there: 0,
    reaches: [DIES.mapLock, DIES.inHand, { in: "takeSlot" }, { in: "repairOrder" }],
    dies: (table) => putAll(table, [1, 2]),
    other: (table) => putAll(table, [3, 4]),
  },
  {
    name: "lru-killed-preallocated",
    doc: "The same of a preallocated map with lists for each CPU.",
    map: { lru: "own", maxEntries: 6, supply: "pool" },
    there: 1,
    reaches: [DIES.mapLock, DIES.inHand, { in: "takeSlot" }, { in: "evictOldest" }],
    dies: (table) => putAll(table, [2, 3, 4]),
    *other(table) {
      yield* table.delete(2);
      yield* putAll(table, [5, 6, 7]);
    },
  },
  {
    name: "lru-killed-per-cpu",
    doc: "The same of a map with one value for each CPU, which the elements keep.",
    map: { lru: "common", maxEntries: 2, perCpu: true },
    there: 1,
    reaches: [DIES.inHand, { in: "takeValues" }, { in: "evictOldest" }],
    *dies(table) {
      yield* putAll(table, [2, 3]);
      yield* table.delete(3);
    },
    other: (table) => putAll(table, [4]),
  },
  {
    name: "lru-killed-batches",
    doc: "Killed with entries set aside; another CPU has some of its own.",
    map: { lru: "common", maxEntries: batched(3) },
    there: batched(3),
    keys: batched(3) + KEYS,
    reaches: [
      DIES.mapLock,
      DIES.inHand,
      { in: "dropBatch", text: "setList" },
      { in: "settleOrders", text: "raiseSweep" },
    ],
    dies: (table) => putAll(table, [49, 50, 51]),
    *other(table) {
      yield* putAll(table, [52]);
      yield* table.delete(3);
    },
  },
  {
    name: "lru-killed-fast",
    doc: "Killed on the fast path of a new key; another CPU deletes what goes for it, or puts it in again.",
    map: { lru: "common", maxEntries: batched(3) },
    there: batched(3) + 1,
    keys: batched(3) + KEYS,
    reaches: [DIES.inHand, FAST],
    dies: (table) => putAll(table, [50]),
    *other(table) {
      yield* table.delete(2);
      yield* putAll(table, [2]);
    },
  },
  {
    name: "lru-killed-overwrite",
    doc: "Killed with a bucket locked, as it overwrites a value on the fast path; another CPU makes room by its entry.",
    map: { lru: "common", maxEntries: batched(3) },
    there: batched(3) + 1,
    keys: batched(3) + KEYS,
    reaches: [{ in: "settleBuckets", text: "else repairBucket" }, FAST_OVERWRITE],
    dies: (table) => putAll(table, [2]),
    *other(table) {
      yield* putAll(table, [50]);
      yield* table.delete(2);
    },
  },
];

/** Alone, every death is looked at in a moment. */
function killed(plan: Killed, company: "alone" | "among others"): Scenario {
  const { name, doc, map, there, reaches, dies, other, keys = KEYS } = plan;
  const isAlone = company === "alone";
  return {
    name: `${name}${isAlone ? "-alone" : ""}`,
    doc,
    cpus: 3,
    bound: isAlone ? 0 : 2,
    reaches: isAlone ? [{ in: "reapCpu" }] : reaches,
    prepare(world) {
      const pages = world.call("pagesInUse");
      const prepared = prepareHash(world, world.createHash(map), keys, "as created");
      putKeys(
        prepared,
        Array.from({ length: there }, (_, index) => index + 1),
      );
      return () =>
        mortalHash(prepared, pages, (table) => [
          task(0, () => dies(table)),
          ...(isAlone ? [] : [task(1, () => other(table))]),
        ]);
    },
  };
}

export const LRU: readonly Scenario[] = [
  ...living,
  ...KILLED.flatMap((plan) => [killed(plan, "alone"), killed(plan, "among others")]),
];

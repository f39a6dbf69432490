/**
 * A thread is killed at any step of an operation on a hash: after its CPU is reaped the operation has happened or not, no
 * element is lost, the counts are right, and others were not held up.
 *
 * One thing is accepted: the count that bounds a map which counts exactly may stay one too high (never too low) where
 * the thread died between adding to it and noting that it did.
 */
import { type Body, interrupt, task } from "../../../src/sim/fiber.ts";
import {
  FIRST_VALUE,
  FLAGS,
  type HashTable,
  overflowingKeys,
  prepareHash,
  putKeys,
  roomForPairs,
} from "../../../src/sim/hash-table.ts";
import type { Place } from "../../../src/sim/reach.ts";
import type { Scenario } from "../../../src/sim/scenario.ts";
import type { HashOptions } from "../../../src/sim/world.ts";
import { DIES, mortalHash } from "./death.ts";
import { soilSlabs } from "./soiled.ts";

/** What key 1 has at first. */
const PUT = FIRST_VALUE + 1;

interface Plan {
  readonly name: string;
  readonly doc: string;
  readonly reaches: readonly Place[];
  readonly map: HashOptions;
  readonly profile?: "linux";
  /** Keys 1 to this number are there from the start. */
  readonly there?: number;
  /** The plan uses keys 1 to this number. */
  readonly keys?: number;
  /** Or keys of one bucket: those that are there, the last of which is chained, and two more. */
  readonly overflows?: boolean;
  /** The slabs' free objects were others' before. */
  readonly soiled?: boolean;
  /** What the thread does that may be killed. */
  readonly dies: (table: HashTable, keys: readonly number[]) => Body;
  /** What another one does meanwhile, or an NMI on the same CPU. */
  readonly other?: (table: HashTable, keys: readonly number[]) => Body;
  readonly nmi?: (table: HashTable, keys: readonly number[]) => Body;
}

/** Enough that CPUs count for themselves, so that the fast path is taken. */
const LARGE = 1024;
/** A last write, before which the thread is through with everything. */
const AFTERWARDS = ["contextSet", 0, 0] as const;

/** An insert and a delete of a per-CPU hash, beside another thread's. */
const PER_CPU: Omit<Plan, "name" | "doc" | "reaches"> = {
  map: { maxEntries: 4, perCpu: true },
  there: 1,
  keys: 2,
  *dies(table) {
    yield* table.update(2);
    yield* table.delete(1);
    yield AFTERWARDS;
  },
  *other(table) {
    yield* table.delete(1);
    yield* table.update(2);
  },
};

const PLANS: readonly Plan[] = [
  {
    name: "killed-in-fast-insert",
    doc: "Killed in the fast path of an insert.",
    reaches: [DIES.inHand, { in: "updateFast" }],
    map: { maxEntries: LARGE },
    *dies(table) {
      yield* table.update(1);
      yield AFTERWARDS;
    },
  },
  {
    name: "killed-in-fast-overwrite",
    doc: "Killed while a value is overwritten in place.",
    reaches: [{ in: "overwriteFast" }, { in: "breakLocks" }],
    map: { maxEntries: LARGE },
    there: 1,
    *dies(table) {
      yield* table.update(1);
      yield AFTERWARDS;
    },
    *other(table) {
      yield* table.update(1);
      yield* table.get(1);
    },
  },
  {
    name: "killed-in-fast-delete",
    doc: "Killed in the fast path of a delete, while another CPU deletes the same key.",
    reaches: [DIES.inHand, { in: "deleteFast" }],
    map: { maxEntries: LARGE },
    there: 1,
    *dies(table) {
      yield* table.delete(1);
      yield AFTERWARDS;
    },
    *other(table) {
      yield* table.delete(1);
      yield* table.update(1);
    },
  },
  {
    name: "killed-beside-insert",
    doc: "Two CPUs insert and delete the same key the fast path, one is killed.",
    reaches: [DIES.inHand, { in: "whoHas" }],
    map: { maxEntries: LARGE },
    *dies(table) {
      yield* table.update(1);
      yield* table.delete(1);
    },
    *other(table) {
      yield* table.update(1);
      yield* table.delete(1);
    },
  },
  {
    name: "killed-in-exact-insert",
    doc: "Killed in the slow path, in a map so small that its places are counted exactly.",
    reaches: [DIES.inHand, { in: "updateFast" }, { in: "takePlaces" }],
    map: { maxEntries: 3 },
    there: 1,
    keys: 3,
    *dies(table) {
      yield* table.update(2);
      yield* table.delete(1);
      yield AFTERWARDS;
    },
    *other(table) {
      yield* table.update(3);
      yield* table.delete(1);
    },
  },
  {
    name: "killed-in-replace",
    doc: "Killed while a value of 24 bytes is replaced by a new element.",
    reaches: [DIES.inHand, { in: "replaceElement" }],
    map: { maxEntries: 4, valueSize: 24 },
    there: 1,
    *dies(table) {
      yield* table.update(1);
      yield AFTERWARDS;
    },
    *other(table) {
      yield* table.update(1);
      yield* table.delete(1);
    },
  },
  {
    name: "killed-in-exchange",
    doc: "Killed while a value of 24 bytes is replaced, and then deleted, because it is as expected.",
    reaches: [DIES.inHand, { in: "replaceElement" }],
    map: { maxEntries: 4, valueSize: 24 },
    there: 1,
    *dies(table) {
      yield* table.exchange(1, PUT, "another");
      yield* table.exchange(1, yield* table.get(1), "nothing");
      yield AFTERWARDS;
    },
    *other(table) {
      yield* table.exchange(1, PUT, "nothing");
    },
  },
  {
    ...PER_CPU,
    name: "killed-in-percpu",
    doc: "Killed in an insert and a delete of a per-CPU hash, whose elements keep their values, objects of another allocator.",
    reaches: [DIES.inHand, { in: "updateFast" }],
  },
  {
    ...PER_CPU,
    name: "killed-in-percpu-linux",
    doc: "The same in profile linux, where elements do not keep their values.",
    profile: "linux",
    reaches: [DIES.inHand, { in: "gatherValue" }],
  },
  {
    name: "killed-in-percpu-refill",
    doc: "Killed while a per-CPU hash's cache gets elements from slabs whose objects were others' before.",
    reaches: [DIES.underWay, { in: "takeFromSlab" }, { in: "prefill" }],
    map: { maxEntries: LARGE, perCpu: true },
    there: 1,
    soiled: true,
    *dies(table) {
      yield* table.prefill(52);
      yield AFTERWARDS;
    },
  },
  {
    name: "killed-in-variable",
    doc: "Killed where entries have lengths of their own: an insert, a replacement by an element of another class, a delete.",
    reaches: [DIES.inHand, { in: "replaceElement" }, { in: "whoHas" }],
    map: { maxEntries: 4, variable: true },
    there: 1,
    keys: 2,
    *dies(table) {
      yield* table.update(2);
      yield* table.update(1);
      yield* table.delete(1);
      yield AFTERWARDS;
    },
    *other(table) {
      yield* table.update(1);
      yield* table.delete(1);
    },
  },
  {
    name: "killed-in-pool",
    doc: "Killed in an insert, a delete and a replacement of a preallocated hash, whose elements all CPUs share.",
    reaches: [DIES.inHand, { in: "popPool" }, { in: "isInPool" }],
    map: { maxEntries: 4, valueSize: 24, supply: "pool" },
    there: 1,
    keys: 3,
    *dies(table) {
      yield* table.update(2);
      yield* table.update(1);
      yield* table.delete(1);
      yield AFTERWARDS;
    },
    *other(table) {
      yield* table.delete(1);
      yield* table.update(3);
    },
  },
  {
    name: "killed-in-percpu-pool",
    doc: "Killed in a preallocated per-CPU hash: an element keeps its value for life.",
    reaches: [DIES.inHand, { in: "popPool" }],
    map: { maxEntries: 3, perCpu: true, supply: "pool" },
    there: 1,
    keys: 2,
    *dies(table) {
      yield* table.update(2);
      yield* table.delete(1);
      yield AFTERWARDS;
    },
    *other(table) {
      yield* table.delete(1);
    },
  },
  {
    name: "killed-in-slab-map",
    doc: "Killed in a map that takes each element from the slab and gives each back by a callback.",
    reaches: [DIES.inHand, DIES.callbacks, { in: "settleTransfer" }],
    map: { maxEntries: 4, supply: "slab" },
    there: 1,
    keys: 2,
    *dies(table) {
      yield* table.update(2);
      yield* table.delete(1);
      for (let count = 0; count < 4; count++) yield ["timerTick"];
    },
    *other(table) {
      yield* table.delete(1);
    },
  },
  {
    name: "killed-in-overflow",
    doc: "Killed while the chain behind a full bucket gets and loses elements.",
    reaches: [DIES.inHand, { in: "insertIntoChain" }, { in: "removeFromChain" }],
    map: { maxEntries: 16, keySize: 12 },
    overflows: true,
    *dies(table, keys) {
      const [chained, first] = keys.slice(-3) as [number, number, number];
      yield* table.update(first, FLAGS.noexist);
      yield* table.delete(chained);
      yield AFTERWARDS;
    },
    *other(table, keys) {
      const [chained, , second] = keys.slice(-3) as [number, number, number];
      yield* table.update(second);
      yield* table.delete(chained);
    },
  },
  {
    name: "killed-in-nmi",
    doc: "Killed in an NMI that came in in the middle of an update: each level has intents of its own.",
    reaches: [DIES.inHand, DIES.nmi],
    map: { maxEntries: 4 },
    there: 1,
    keys: 2,
    *dies(table) {
      yield* table.update(2);
      yield* table.delete(1);
    },
    *nmi(table) {
      yield* table.update(2);
      yield* table.delete(1);
    },
  },
];

const MOST_KEYS = 56;

function scenarioOf({
  name,
  doc,
  reaches,
  map,
  profile,
  there = 0,
  keys = 1,
  overflows = false,
  soiled = false,
  dies,
  other,
  nmi,
}: Plan): Scenario {
  return {
    name,
    doc,
    reaches,
    cpus: other === undefined ? 2 : 3,
    bound: nmi === undefined && other === undefined ? 0 : 2,
    ...(profile === undefined ? {} : { profile }),
    prepare(world) {
      const pages = world.call("pagesInUse");
      const prepared = roomForPairs(prepareHash(world, world.createHash(map), overflows ? MOST_KEYS : keys));
      const used = overflows ? overflowingKeys(prepared, 2) : Array.from({ length: keys }, (_, index) => index + 1);
      putKeys(prepared, overflows ? used.slice(0, -2) : used.slice(0, there));
      if (soiled) soilSlabs(world);
      return () =>
        mortalHash(prepared, pages, (table) => [
          task(0, () => dies(table, used)),
          ...(other === undefined ? [] : [task(1, () => other(table, used))]),
          ...(nmi === undefined ? [] : [interrupt("nmi", 0, () => nmi(table, used))]),
        ]);
    },
  };
}

export const KILLED_IN_HASH: readonly Scenario[] = PLANS.map(scenarioOf);

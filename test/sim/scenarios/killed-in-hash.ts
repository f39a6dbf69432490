/**
 * A thread is killed at any step of an operation on a hash: after its CPU is reaped the operation has happened or not, no
 * element is lost, the counts are right, and others were not held up.
 *
 * One thing is accepted: the count that bounds a map which counts exactly may stay one too high (never too low) where
 * the thread died between adding to it and noting that it did.
 */
import { type Body, interrupt, task } from "../../../src/sim/fiber.ts";
import { FLAGS, type HashTable, keysOfOneBucket, prepareHash, putKeys } from "../../../src/sim/hash-table.ts";
import type { Scenario } from "../../../src/sim/scenario.ts";
import type { HashOptions } from "../../../src/sim/world.ts";
import { mortalHash } from "./death.ts";

interface Plan {
  readonly name: string;
  readonly doc: string;
  readonly map: HashOptions;
  /** Keys that are there from the start, by their place among those that share a bucket with key 1. */
  readonly there?: number;
  /** Keys of one bucket that the plan uses; 1 to this number if there is no need of one bucket. */
  readonly keys?: number;
  readonly sharing?: boolean;
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

const PLANS: readonly Plan[] = [
  {
    name: "killed-in-fast-insert",
    doc: "Killed in the fast path of an insert.",
    map: { maxEntries: LARGE },
    *dies(table) {
      yield* table.update(1);
      yield AFTERWARDS;
    },
  },
  {
    name: "killed-in-fast-overwrite",
    doc: "Killed while a value is overwritten in place.",
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
    name: "killed-in-percpu",
    doc: "Killed in an insert and a delete of a per-CPU hash, whose elements and values are objects of two allocators.",
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
  },
  {
    name: "killed-in-pool",
    doc: "Killed in an insert, a delete and a replacement of a preallocated hash, whose elements all CPUs share.",
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
    map: { maxEntries: 16, keySize: 12 },
    there: 7,
    keys: 9,
    sharing: true,
    *dies(table, keys) {
      yield* table.update(keys[7] as number, FLAGS.noexist);
      yield* table.delete(keys[6] as number);
      yield AFTERWARDS;
    },
    *other(table, keys) {
      yield* table.update(keys[8] as number);
      yield* table.delete(keys[6] as number);
    },
  },
  {
    name: "killed-in-nmi",
    doc: "Killed in an NMI that came in in the middle of an update: each level has intents of its own.",
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

function scenarioOf({ name, doc, map, there = 0, keys = 1, sharing = false, dies, other, nmi }: Plan): Scenario {
  return {
    name,
    doc,
    cpus: other === undefined ? 2 : 3,
    bound: nmi === undefined && other === undefined ? 0 : 1,
    prepare(world) {
      const pages = world.call("pagesInUse");
      const prepared = prepareHash(world, world.createHash(map), sharing ? MOST_KEYS : keys);
      const used = sharing ? keysOfOneBucket(prepared, keys) : Array.from({ length: keys }, (_, index) => index + 1);
      putKeys(prepared, used.slice(0, there));
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

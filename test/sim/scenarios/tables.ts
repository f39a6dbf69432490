/**
 * A table grows or shrinks by one bucket while others look, insert, delete and walk, an NMI comes in at any access, or the
 * migrator is killed: each key is in the map once, and found.
 */
import { checkRest } from "../../../src/sim/checks/rest.ts";
import { type Body, type FiberSpec, interrupt, task } from "../../../src/sim/fiber.ts";
import { Finding } from "../../../src/sim/finding.ts";
import {
  bucketOfKey,
  FIRST_VALUE,
  FLAGS,
  type HashTable,
  type PreparedHash,
  prepareHash,
  putKeys,
} from "../../../src/sim/hash-table.ts";
import type { Place } from "../../../src/sim/reach.ts";
import type { Scenario } from "../../../src/sim/scenario.ts";
import type { World } from "../../../src/sim/world.ts";
import { CONSTANTS } from "../../../src/wasm/face.ts";
import { withHash } from "./common.ts";
import { DIES, mortalHash } from "./death.ts";
import { bucketCount, givePlaces, resize } from "./table-size.ts";

/** More than fits into one segment, so that the table is one that grows. */
const LARGE = 4000;
const MOST_KEYS = 120;
/** Counts by which a table of two buckets wants one more, and one of three wants one less. */
const GROWS = 2 * CONSTANTS.ELEMENTS_PER_BUCKET + 1;
const SHRINKS = 3;
/** Room for a few entries: a walk over the buckets takes several steps. */
const ROOM = 16 * 16;
/** Keys that a split bucket keeps no longer, and as many as leave it a chain. */
const GOING = 2;
const CHAINED = CONSTANTS.SLOT_COUNT + 2 + GOING;

interface Plan {
  readonly name: string;
  readonly doc: string;
  readonly change: "grows" | "shrinks";
  /** Keys of the bucket that splits, or of the two that merge, that are there from the start: more than eight have a chain. */
  readonly there: number;
  /** What another CPU does meanwhile. Keys `there` and `there` + 1 are of the same buckets and not there. */
  readonly other?: (table: HashTable, keys: readonly number[], there: number) => Body;
  /** What an NMI on the migrator's CPU does. */
  readonly nmi?: (table: HashTable, keys: readonly number[], there: number) => Body;
  /** Another CPU walks, and sees each key that stays once. */
  readonly walks?: boolean;
  /** The migrator may be killed. */
  readonly dies?: boolean;
}

function* looks(table: HashTable, keys: readonly number[], there: number): Body {
  yield* table.get(keys[0] as number);
  // One that stays, on the chain where there is one.
  yield* table.get(keys[there - 1 - GOING] as number);
  yield* table.get(keys[there - 1] as number);
  yield* table.get(keys[there] as number);
}

function* changes(table: HashTable, keys: readonly number[], there: number): Body {
  yield* table.update(keys[there] as number, FLAGS.noexist);
  yield* table.delete(keys[there - 1] as number);
  yield* table.update(keys[0] as number);
  yield* table.delete(keys[1] as number);
}

function* comesAndGoes(table: HashTable, key: number): Body {
  yield* table.update(key);
  yield* table.delete(key);
}

function plansFor(change: Plan["change"]): Plan[] {
  const verb = change === "grows" ? "is split" : "is merged";
  const form = (there: number): string => (there > CONSTANTS.SLOT_COUNT ? "chained" : "slotted");
  return [4, CHAINED].flatMap((there): Plan[] => [
    {
      name: `table-${change}-${form(there)}-lookups`,
      doc: `While a bucket ${verb} another CPU and an NMI look keys up: none is missed.`,
      ...{ change, there, other: looks, nmi: looks },
    },
    {
      name: `table-${change}-${form(there)}-changes`,
      doc: `While a bucket ${verb} another CPU inserts, overwrites and deletes keys of it.`,
      ...{ change, there, other: changes },
    },
    {
      name: `table-${change}-${form(there)}-nmi`,
      doc: `While a bucket ${verb} an NMI on the same CPU changes it: -EBUSY at most, no deadlock.`,
      ...{ change, there, nmi: changes },
    },
    {
      name: `table-${change}-${form(there)}-walk`,
      doc: `A walk while a bucket ${verb} and a key comes and goes: each key that stays is seen once.`,
      ...{ change, there, walks: true },
    },
    {
      name: `table-${change}-${form(there)}-killed`,
      doc: `The migrator is killed while a bucket ${verb}: the reaper finishes or undoes it.`,
      ...{ change, there, dies: true, other: changes },
    },
  ]);
}

/**
 * Keys of bucket 0, the last few of which go to bucket 2 where that is there, and one more of each that is to be inserted.
 */
function keysThatSplit(prepared: PreparedHash, count: number): number[] {
  const first = prepared.world.memory.load(prepared.world.field(prepared.map, "MapHeader", "directory"));
  const numberOf = (key: number): number => (bucketOfKey(prepared, key) - first) / CONSTANTS.BUCKET_BYTES;
  const numbers = prepared.keys.map((_, index) => numberOf(index + 1));
  const of = (bucket: number): number[] => numbers.flatMap((each, index) => (each === bucket ? [index + 1] : []));
  const [stay, go] = [of(0), of(2)];
  const staying = count - GOING;
  if (stay.length <= staying || go.length <= GOING)
    throw new Finding("scenario", `only ${stay.length} and ${go.length} keys share a bucket`);
  return [...stay.slice(0, staying), ...go.slice(0, GOING), stay[staying] as number, go[GOING] as number];
}

/** Walks in steps of a few entries. */
function* walk(world: World, map: number, into: number, stay: readonly number[]): Body {
  const entryBytes = world.call("mapEntryBytes", map);
  const seen: number[] = [];
  let from = 0;
  do {
    const count = (yield ["mapScan", map, from, into, ROOM]) | 0;
    if (count < 0) throw new Finding("scan", `a scan gives ${count}`);
    for (let index = 0; index < count; index++) seen.push(world.memory.load(into + index * entryBytes));
    from = world.field(world.areas[1] as number, "CpuArea", "scanNext");
  } while (from !== 0);
  if (new Set(seen).size !== seen.length) throw new Finding("scan", `a walk saw a key twice: ${seen}`);
  const missed = stay.filter((key) => !seen.includes(key));
  if (missed.length > 0) throw new Finding("missed", `a walk missed keys that stay: ${missed}`);
}

const MIGRATED = "the table has changed";
const CHAINED_STILL = "a chain is left";

function placesOf({ change, there, walks = false, dies = false }: Plan): Place[] {
  const isChained = there > CONSTANTS.SLOT_COUNT;
  return [
    MIGRATED,
    { in: change === "grows" ? "fillDead" : "mergeBucket" },
    ...(isChained ? [CHAINED_STILL] : []),
    ...(walks ? [{ in: "copyEntries" }] : []),
    ...(dies ? [DIES.migrating] : []),
  ];
}

interface Change {
  readonly prepared: PreparedHash;
  /** `there` of them are in the map. */
  readonly keys: readonly number[];
}

/** Buckets that a table has before and after. */
const BUCKETS: Readonly<Record<Plan["change"], readonly [before: number, after: number]>> = {
  grows: [2, 3],
  shrinks: [3, 2],
};

/** A table that is about to grow or to shrink by a bucket. */
export function prepareChange(
  world: World,
  change: Plan["change"],
  there: number,
  map: number = world.createHash({ maxEntries: LARGE }),
): Change {
  resize(world, map, 3);
  const prepared = prepareHash(world, map, MOST_KEYS);
  const keys = keysThatSplit(prepared, there);
  resize(world, map, BUCKETS[change][0]);
  putKeys(prepared, keys.slice(0, there));
  return { prepared, keys };
}

/** From now on a tick changes the table. */
export function wantChange(world: World, map: number, change: Plan["change"]): void {
  givePlaces(world, map, change === "grows" ? GROWS : SHRINKS);
}

function scenarioOf(plan: Plan): Scenario {
  const { name, doc, change, there, other, nmi, walks = false, dies = false } = plan;
  const [before, after] = BUCKETS[change];
  return {
    name,
    doc,
    cpus: dies ? 3 : 2,
    bound: 1,
    reaches: placesOf(plan),
    prepare(world) {
      const pages = world.call("pagesInUse");
      const { prepared, keys } = prepareChange(world, change, there);
      const { map } = prepared;
      const into = world.scratch(walks ? ROOM : 0);
      wantChange(world, map, change);
      const fibersOf = (table: HashTable): FiberSpec[] => [
        task(0, function* () {
          yield ["timerTick"];
          if (bucketCount(world, map) === after) world.saw(MIGRATED);
          const first = world.field(map, "MapHeader", "buckets");
          if (world.memory.load(first + CONSTANTS.OVERFLOW) !== 0) world.saw(CHAINED_STILL);
        }),
        ...(other === undefined ? [] : [task(1, () => other(table, keys, there))]),
        ...(nmi === undefined ? [] : [interrupt("nmi", 0, () => nmi(table, keys, there))]),
        ...(walks ? [task(1, () => walk(world, map, into, keys.slice(0, there)))] : []),
        ...(walks ? [interrupt("nmi", 0, () => comesAndGoes(table, keys[there] as number))] : []),
      ];
      const atRest = (): void => {
        const buckets = bucketCount(world, map);
        if (buckets !== after && buckets !== before) throw new Finding("table", `the table has ${buckets} buckets`);
      };
      return () => (dies ? mortalHash(prepared, pages, fibersOf) : withHash(prepared, fibersOf, atRest));
    },
  };
}

/**
 * Who has the root from before the table grew comes to the bucket that the new one has been merged into, while those with the
 * root of now still go to that one.
 */
const oldRoot: Scenario = {
  name: "table-old-root",
  doc: "A delete by a root from before a bucket was split off comes in while it is merged again: who looks then misses the key.",
  cpus: 2,
  bound: 2,
  reaches: [MIGRATED, { in: "fillDead" }, { in: "mergeBucket" }],
  prepare(world) {
    const there = 2 * GOING;
    const { prepared, keys } = prepareChange(world, "grows", there);
    const key = keys[there - 1] as number;
    const { map } = prepared;
    wantChange(world, map, "grows");
    return () =>
      withHash(prepared, (table) => [
        task(0, function* () {
          yield ["timerTick"];
          const grown = bucketCount(world, map);
          wantChange(world, map, "shrinks");
          yield ["timerTick"];
          if (bucketCount(world, map) < grown) world.saw(MIGRATED);
        }),
        task(1, function* () {
          yield* table.delete(key);
          yield* table.get(key);
        }),
      ]);
  },
};

const SPREAD = "the table has more buckets than its elements need";

/** Either is off the other's way with twice the buckets. */
const crossed: Scenario = {
  name: "table-crossed",
  doc: "Two CPUs change other keys of one bucket and are in each other's way: the table gets more buckets while they go on.",
  cpus: 2,
  bound: 2,
  reaches: [SPREAD, { in: "countCrossing" }, { in: "fillDead" }],
  prepare(world) {
    const { prepared, keys } = prepareChange(world, "grows", 4);
    const { map } = prepared;
    givePlaces(world, map, SHRINKS);
    world.setField(map, "MapHeader", "crossings", CONSTANTS.MANY_CROSSINGS - CONSTANTS.CROSSING);
    const changesOf = (table: HashTable, there: number, absent: number): Body =>
      (function* (): Body {
        yield* table.delete(keys[there] as number);
        yield* table.update(keys[absent] as number);
        yield* table.get(keys[there] as number);
        if (bucketCount(world, map) > BUCKETS.grows[0]) world.saw(SPREAD);
      })();
    const atRest = (): void => {
      const buckets = bucketCount(world, map);
      if (buckets < BUCKETS.grows[0] || buckets > 2 * BUCKETS.grows[0])
        throw new Finding("table", `the table has ${buckets} buckets`);
    };
    return () =>
      withHash(
        prepared,
        (table) => [task(0, () => changesOf(table, 0, 4)), task(1, () => changesOf(table, 3, 5))],
        atRest,
      );
  },
};

/** A number, its lock, and the number twice more. */
const LOCKED_BYTES = 16;
const LOCK_AT = 4;

/** Copies a value out under its lock: of a key that stays only a lock that is held keeps it from being found. */
function* looksUnderLock({ world, map, keys }: PreparedHash, key: number, into: number): Body {
  const result = (yield ["hashGetLocked", map, keys[key - 1] as number, into]) | 0;
  if (result === -CONSTANTS.EBUSY) return;
  if (result !== 0) throw new Finding("missed", `a lookup under the lock of a key that stays says ${result}`);
  const number = world.memory.load(into);
  if (number !== FIRST_VALUE + key) throw new Finding("missed", `key ${key} has the value ${number}`);
}

/** The way to a value under its lock is one of its own. */
const locked: Scenario = {
  name: "table-grows-locked-lookups",
  doc: "While a bucket is split another CPU and an NMI copy values out under their locks: no key is missed.",
  cpus: 2,
  bound: 1,
  reaches: [MIGRATED, { in: "fillDead" }, { in: "readIfThere" }],
  prepare(world) {
    const there = 2 * GOING;
    const sizes = { kind: CONSTANTS.KIND_HASH, keySize: 4, valueSize: LOCKED_BYTES, maxEntries: LARGE };
    const { prepared, keys } = prepareChange(world, "grows", there, world.createMap({ ...sizes, lock: LOCK_AT }));
    const [first, last] = [keys[0] as number, keys[there - 1] as number];
    const rooms = [world.scratch(LOCKED_BYTES), world.scratch(LOCKED_BYTES)] as const;
    wantChange(world, prepared.map, "grows");
    return () => ({
      fibers: [
        task(0, function* () {
          yield ["timerTick"];
          if (bucketCount(world, prepared.map) === BUCKETS.grows[1]) world.saw(MIGRATED);
        }),
        task(1, function* () {
          yield* looksUnderLock(prepared, last, rooms[0]);
          yield* looksUnderLock(prepared, first, rooms[0]);
        }),
        interrupt("nmi", 0, () => looksUnderLock(prepared, last, rooms[1])),
      ],
      atRest: () => checkRest(world),
    });
  },
};

export const TABLES: readonly Scenario[] = [
  ...[...plansFor("grows"), ...plansFor("shrinks")].map(scenarioOf),
  oldRoot,
  crossed,
  locked,
];

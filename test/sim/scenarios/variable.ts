/** Entries that have lengths of their own: elements of one map come from many classes of the slab. */
import { type Body, interrupt, task } from "../../../src/sim/fiber.ts";
import { Finding } from "../../../src/sim/finding.ts";
import { type HashTable, overflowingKeys, prepareHash, putKeys, roomForPairs } from "../../../src/sim/hash-table.ts";
import type { Place } from "../../../src/sim/reach.ts";
import type { Scenario } from "../../../src/sim/scenario.ts";
import type { World } from "../../../src/sim/world.ts";
import { CONSTANTS } from "../../../src/wasm/face.ts";
import { withHash } from "./common.ts";

interface Plan {
  readonly name: string;
  readonly doc: string;
  readonly reaches: readonly Place[];
  readonly maxEntries: number;
  /** Whether the keys are of one bucket, the last of those that are there chained. */
  readonly overflows?: boolean;
  readonly first: (table: HashTable, keys: readonly number[], world: World) => Body;
  readonly second?: (table: HashTable, keys: readonly number[], world: World) => Body;
  readonly nmi?: (table: HashTable, keys: readonly number[]) => Body;
}

const REPLACES: Place = { in: "replaceElement" };
const COPIES: Place = { in: "copyValueOut" };
/** Room for a walk over a few short keys, and for their addresses. */
const ROOM = 512;

const PLANS: readonly Plan[] = [
  {
    name: "variable-replaced",
    doc: "Values are replaced by longer and shorter ones, of other classes, while another CPU copies them out.",
    reaches: [REPLACES, COPIES, "an element's class has changed"],
    maxEntries: 4,
    *first(table, _, world) {
      yield* table.update(1);
      const before = world.memory.load(table.entries().get(1) as number);
      yield* table.update(1);
      const after = table.entries().get(1);
      if (after !== undefined && world.memory.load(after) !== before) world.saw("an element's class has changed");
      yield* table.delete(1);
      yield* table.update(2);
    },
    *second(table) {
      yield* table.get(1);
      yield* table.get(1);
    },
  },
  {
    name: "variable-reused",
    doc: "An element serves a key of another length while a reader compares and copies: it looks again.",
    reaches: [COPIES, "an element served another key"],
    maxEntries: 4,
    *first(table, _, world) {
      yield* table.update(2);
      const element = table.entries().get(2);
      yield* table.delete(2);
      // The value after the next is as long, and its key shorter: the class stays.
      yield* table.delete(2);
      yield* table.update(1);
      yield* table.delete(1);
      yield* table.update(1);
      yield* table.update(1);
      if ([...table.entries().values()].includes(element as number)) world.saw("an element served another key");
    },
    *second(table) {
      yield* table.get(2);
      yield* table.get(1);
    },
  },
  {
    name: "variable-exchanged",
    doc: "Values are replaced and deleted by comparison, with whoever overwrites them beside it.",
    reaches: [REPLACES, { in: "hasValue" }],
    maxEntries: 4,
    *first(table) {
      yield* table.update(1);
      yield* table.exchange(1, yield* table.get(1), "another");
      yield* table.exchange(1, yield* table.get(1), "nothing");
    },
    *second(table) {
      yield* table.update(1);
    },
  },
  {
    name: "variable-chained",
    doc: "Entries behind a full bucket, found by keys of two lengths, beside an NMI that does the same.",
    reaches: [{ in: "insertIntoChain" }, { in: "elementInChain" }],
    maxEntries: 16,
    overflows: true,
    *first(table, keys) {
      const [chained, next] = keys.slice(-2) as [number, number];
      yield* table.update(next);
      yield* table.get(next);
      yield* table.delete(chained);
      yield* table.get(chained);
    },
    *nmi(table, keys) {
      const [chained] = keys.slice(-2) as [number];
      yield* table.get(chained);
      yield* table.update(chained);
    },
  },
  {
    name: "variable-walked",
    doc: "A walk sees a key that stays exactly once, whatever comes and goes beside it.",
    reaches: [{ in: "copyVariableKeys" }, "another key was there"],
    maxEntries: 8,
    *first(table) {
      yield* table.update(2);
      yield* table.delete(2);
      yield* table.update(3);
    },
    *second(_, __, world) {
      const [map] = world.maps;
      const into = walkRoom(world);
      const count = (yield ["mapScanKeys", map?.address ?? 0, 0, into, ROOM]) | 0;
      if (count < 0) throw new Finding("scan", `a walk says ${count}`);
      const keys = keysAt(world, into, count);
      if (new Set(keys).size !== keys.length) throw new Finding("scan", `a walk saw a key twice: ${keys}`);
      if (keys.length > 1) world.saw("another key was there");
      if (!keys.includes(1)) throw new Finding("missed", "a walk missed a key that stays");
    },
  },
];

/** Of each world, made while it is prepared. */
const rooms = new WeakMap<World, number>();

function walkRoom(world: World): number {
  return rooms.get(world) ?? 0;
}

/** Keys as a walk writes them: their last word tells them. */
function keysAt(world: World, into: number, count: number): number[] {
  const keys: number[] = [];
  let at = into;
  for (let index = 0; index < count; index++) {
    const length = world.memory.load(at);
    keys.push(world.memory.load(at + CONSTANTS.GIVEN_BYTES + length - 4));
    at += CONSTANTS.GIVEN_BYTES + ((length + 7) & ~7);
  }
  return keys;
}

const MOST_KEYS = 56;

function scenarioOf({ name, doc, reaches, maxEntries, overflows = false, first, second, nmi }: Plan): Scenario {
  return {
    name,
    doc,
    reaches,
    cpus: 2,
    bound: 2,
    prepare(world) {
      const map = world.createHash({ variable: true, maxEntries });
      const prepared = roomForPairs(prepareHash(world, map, overflows ? MOST_KEYS : 3));
      rooms.set(world, world.scratch(ROOM));
      const keys = overflows ? overflowingKeys(prepared, 1) : [1, 2, 3];
      putKeys(prepared, overflows ? keys.slice(0, -1) : [1]);
      return () =>
        withHash(prepared, (table) => [
          task(0, () => first(table, keys, world)),
          ...(second === undefined ? [] : [task(1, () => second(table, keys, world))]),
          ...(nmi === undefined ? [] : [interrupt("nmi", 0, () => nmi(table, keys))]),
        ]);
    },
  };
}

export const VARIABLE: readonly Scenario[] = PLANS.map(scenarioOf);

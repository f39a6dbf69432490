/**
 * Two CPUs and an NMI change an ordered map, look into it and walk over it, and the thread of one may be killed at any step: a key that
 * stays is found all the while and met once on each walk, the tree is one at every rest, and no node is lost.
 */
import { checkLists, isOfClass } from "../../../src/sim/checks/lists.ts";
import { checkRest } from "../../../src/sim/checks/rest.ts";
import { type Body, interrupt, task } from "../../../src/sim/fiber.ts";
import { Finding } from "../../../src/sim/finding.ts";
import type { Place } from "../../../src/sim/reach.ts";
import type { Scenario } from "../../../src/sim/scenario.ts";
import type { World } from "../../../src/sim/world.ts";
import { CONSTANTS, LAYOUT } from "../../../src/wasm/face.ts";
import { setBytes } from "../../../src/wasm/sets.ts";
import { DIES, withDeath } from "./death.ts";

const { EAGAIN, EBUSY, ENOENT, ENOMEM, ETIMEDOUT } = CONSTANTS;
const { BRANCH_POSITION, GIVEN_BYTES, KIND_ORDERED, NODE_CHILD, STAMP_BYTES, VARIABLE_KEY, VARIABLE_SETS, WALK_DOWN } =
  CONSTANTS;
const BUSY = "met its own lock";
const CHANGED = "looked for an entry again";
const UNCHANGED = "found an entry where it was";

/** Two keys that stay; what comes and goes is before, between and behind them, and the beginning of them. */
const STAY = ["bb", "dd"];
const NAMES = [...STAY, "a", "b", "bbb", "c", "ca", "d", "e"];

type Step = readonly ["put" | "drop", string];

const VICTIM: readonly Step[] = [
  ["put", "c"],
  ["put", "c"],
  ["put", "bbb"],
  ["drop", "c"],
  ["drop", "bbb"],
];
const OTHER: readonly Step[] = [
  ["put", "b"],
  ["drop", "b"],
  ["put", "e"],
];

interface Rooms {
  readonly keys: ReadonlyMap<string, number>;
  readonly values: readonly number[];
  readonly walks: readonly number[];
}

const WALK_BYTES = 136;
/** Bytes of a key as a walk copies it. */
const WALKED_BYTES = 16;

function prepareRooms(world: World): Rooms {
  const wordOf = (name: string): number => Buffer.from(name.padEnd(4, "\0")).readUInt32LE();
  return {
    keys: new Map(NAMES.map((name) => [name, world.words(name.length, 0, wordOf(name), 0)])),
    values: [0, 1, 2].map(() => world.scratch(16)),
    walks: [0, 1, 2].map(() => world.scratch(WALK_BYTES)),
  };
}

function makeMap(world: World, { keys, values: [value = 0] }: Rooms, there: readonly string[]): number {
  const map = world.createMap({ kind: KIND_ORDERED, keySize: 0, valueSize: 0, maxEntries: 8 });
  for (const name of there) {
    world.memory.store(value, 4);
    world.memory.store(value + GIVEN_BYTES, NAMES.indexOf(name));
    world.call("orderedUpdate", map, keys.get(name) as number, value, 0);
  }
  return map;
}

/** A run's map, and what is known to be in it. */
class Ordered {
  readonly #world: World;
  readonly #map: number;
  readonly #rooms: Rooms;
  readonly #there: Set<string>;
  /** A change that has begun and not said how it ended. */
  readonly #open = new Set<string>();
  /** Keys that the last walk came by. */
  #walked = 0;

  constructor(world: World, map: number, rooms: Rooms, there: readonly string[]) {
    this.#world = world;
    this.#map = map;
    this.#rooms = rooms;
    this.#there = new Set(there);
  }

  /** @param who whose room is used */
  *change(who: number, [what, name]: Step): Body {
    const { memory } = this.#world;
    const key = this.#rooms.keys.get(name) as number;
    const value = this.#rooms.values[who] as number;
    memory.store(value, 4);
    memory.store(value + GIVEN_BYTES, NAMES.indexOf(name));
    this.#open.add(name);
    const result =
      what === "put"
        ? (yield ["orderedUpdate", this.#map, key, value, 0]) | 0
        : (yield ["orderedDelete", this.#map, key]) | 0;
    this.#open.delete(name);
    if (result === -EBUSY) this.#world.saw(BUSY);
    else if (result !== 0 && result !== -ETIMEDOUT && result !== -ENOMEM && result !== -ENOENT)
      throw new Finding("ordered", `${what} of ${name} says ${result}`);
    if (result !== 0) return;
    if (what === "put") this.#there.add(name);
    else this.#there.delete(name);
  }

  /** A key that stays has its value. */
  *look(who: number): Body {
    const { memory } = this.#world;
    const value = this.#rooms.values[who] as number;
    memory.store(value + 4, 8);
    const result = (yield ["orderedGet", this.#map, this.#rooms.keys.get("bb") as number, value]) | 0;
    if (result !== 0) throw new Finding("ordered", `a key that is there all the while is not found: ${result}`);
    const found = memory.load(value + GIVEN_BYTES);
    if (found !== 0) throw new Finding("ordered", `the value of ${NAMES[found]} is found under bb`);
  }

  /** @param from a key that is not there, to begin behind; else from the first, or the last */
  *walk(who: number, mode: number, from?: string): Body {
    const { memory } = this.#world;
    const into = this.#rooms.walks[who] as number;
    const count = (yield ["orderedKeys", this.#map, this.#rooms.keys.get(from ?? "") ?? 0, mode, into, WALK_BYTES]) | 0;
    if (count < 0) throw new Finding("ordered", `a walk says ${count}`);
    this.#walked = count;
    const met = Array.from({ length: count }, (_, index) => {
      const at = into + STAMP_BYTES + index * WALKED_BYTES;
      return Buffer.from(memory.bytes.slice(at + GIVEN_BYTES, at + GIVEN_BYTES + memory.load(at))).toString("latin1");
    });
    const sorted = [...met].sort();
    if (mode === WALK_DOWN) sorted.reverse();
    if (met.join() !== sorted.join() || new Set(met).size !== count)
      throw new Finding("ordered", `a walk goes by ${met.join()}`);
    if (from !== undefined && met.some((name) => name <= from))
      throw new Finding("ordered", `a walk behind ${from} goes by ${met.join()}`);
    for (const name of STAY)
      if (!met.includes(name) && !(from !== undefined && name < from))
        throw new Finding("ordered", `a walk that goes by ${met.join()} has not met ${name}`);
  }

  /** The entries that the last walk came by, where they were: c is not there once it is not counted, what is there has its value. */
  *readWalked(who: number): Body {
    const { memory } = this.#world;
    const [walked, value] = [this.#rooms.walks[who] as number, this.#rooms.values[who] as number];
    const stamp = memory.load(walked);
    memory.store(value + 4, 8);
    for (let index = 0; index < this.#walked; index++) {
      const at = walked + STAMP_BYTES + index * WALKED_BYTES;
      const name = Buffer.from(memory.bytes.slice(at + GIVEN_BYTES, at + GIVEN_BYTES + memory.load(at))).toString(
        "latin1",
      );
      // Asked in the core, so that the machine sees what the answer hangs on: nothing else is dropped.
      const isGone = name === "c" && ((yield ["mapCount", this.#map]) | 0) === STAY.length;
      const result = (yield ["orderedGetAt", this.#map, memory.load(at + 4), stamp, value]) | 0;
      if (result === -EAGAIN) this.#world.saw(CHANGED);
      else if (result !== 0) throw new Finding("ordered", `an entry where it was says ${result}`);
      else if (isGone) throw new Finding("ordered", `${name} has gone, and is still found where it was`);
      else if (memory.load(value + GIVEN_BYTES) !== NAMES.indexOf(name))
        throw new Finding(
          "ordered",
          `the value of ${NAMES[memory.load(value + GIVEN_BYTES)]} is found where ${name} was`,
        );
      else this.#world.saw(UNCHANGED);
    }
  }

  /** Nodes below a word, and the keys of those that are leaves, in order. */
  #collect(slot: number, above: number, nodes: Set<number>, keys: string[]): void {
    const { memory } = this.#world;
    const node = memory.load(slot);
    if (node === 0) return;
    if (nodes.has(node)) throw new Finding("ordered", "a node is there twice");
    nodes.add(node);
    if (memory.load(node + NODE_CHILD) === 0) {
      const at = node + VARIABLE_KEY;
      const length = memory.load(at - GIVEN_BYTES);
      keys.push(Buffer.from(memory.bytes.slice(at, at + length)).toString("latin1"));
      return;
    }
    const position = memory.load(node + BRANCH_POSITION);
    if (position <= above) throw new Finding("ordered", `a branch at ${position} is below one at ${above}`);
    for (const child of [0, 4]) this.#collect(node + NODE_CHILD + child, position, nodes, keys);
  }

  check(): void {
    const nodes = new Set<number>();
    const keys: string[] = [];
    this.#collect(this.#map + LAYOUT.MapHeader.treeRoot, -1, nodes, keys);
    if (keys.join() !== [...keys].sort().join()) throw new Finding("ordered", `the leaves are ${keys.join()}`);
    for (const name of NAMES)
      if (!this.#open.has(name) && keys.includes(name) !== this.#there.has(name))
        throw new Finding("ordered", `${name} is ${keys.includes(name) ? "there" : "gone"}, and should not be`);
    const count = this.#world.field(this.#map, "MapHeader", "treeCount");
    if (count !== keys.length) throw new Finding("ordered", `${keys.length} entries are counted as ${count}`);
    this.#checkSets(nodes);
  }

  /** Each node is in use as one of the set that is for its size. */
  #checkSets(nodes: ReadonlySet<number>): void {
    const world = this.#world;
    const bytes = setBytes(world.areas.length);
    for (let index = 0; index < VARIABLE_SETS; index++) {
      const set = world.field(this.#map, "MapHeader", "elements") + index * bytes;
      const slabClass = world.field(set, "CacheSet", "slabClass");
      checkLists(world, { set, inUse: new Set([...nodes].filter((node) => isOfClass(world, node, slabClass))) });
    }
  }
}

const lineIn = (name: string): Place => ({ in: name });

/** What a CPU does that is killed with nobody else there: few deaths, and all of them are looked at in a moment. */
const ALONE = {
  put: {
    steps: [
      ["put", "c"],
      ["put", "c"],
    ],
    reaches: ["insertLeaf", "replaceLeaf"],
  },
  drop: { steps: [["drop", "dd"]], reaches: ["takeOut"] },
} as const;

function killed(alone?: keyof typeof ALONE): Scenario {
  const { steps, reaches } =
    alone === undefined
      ? { steps: VICTIM, reaches: [DIES.inHand, ...["replaceLeaf", "insertLeaf", "takeOut"].map(lineIn)] }
      : { steps: ALONE[alone].steps, reaches: ALONE[alone].reaches.map(lineIn) };
  return {
    name: alone === undefined ? "ordered-killed" : `ordered-killed-alone-${alone}`,
    doc: "Two CPUs change an ordered map, one is killed; an NMI walks over it at any step.",
    cpus: 3,
    bound: alone === undefined ? 2 : 0,
    reaches: [DIES.mapLock, ...reaches, lineIn("settleNode")],
    prepare(world) {
      const pages = world.call("pagesInUse");
      const rooms = prepareRooms(world);
      const map = makeMap(world, rooms, STAY);
      return () => {
        const ordered = new Ordered(world, map, rooms, STAY);
        return withDeath(world, {
          fibers: [
            task(0, function* () {
              for (const step of steps) yield* ordered.change(0, step);
            }),
            ...(alone !== undefined
              ? []
              : [
                  task(1, function* () {
                    for (const step of OTHER) {
                      yield* ordered.change(1, step);
                      yield* ordered.look(1);
                    }
                  }),
                  interrupt("nmi", 0, () => ordered.walk(2, 0)),
                ]),
          ],
          check: () => ordered.check(),
          giveBack: () => void world.call("destroyMap", map),
          pages,
        });
      };
    },
  };
}

const interrupted: Scenario = {
  name: "ordered-nmi",
  doc: "An NMI changes an ordered map that its own CPU may be changing: -EBUSY, and nothing has happened.",
  cpus: 2,
  bound: 2,
  reaches: [BUSY],
  prepare(world) {
    const rooms = prepareRooms(world);
    const map = makeMap(world, rooms, STAY);
    return () => {
      const ordered = new Ordered(world, map, rooms, STAY);
      return {
        fibers: [
          task(0, function* () {
            yield* ordered.change(0, ["put", "c"]);
            yield* ordered.change(0, ["drop", "c"]);
          }),
          interrupt("nmi", 0, function* () {
            yield* ordered.change(2, ["put", "a"]);
            yield* ordered.look(2);
          }),
        ],
        atRest() {
          checkRest(world);
          ordered.check();
        },
      };
    };
  },
};

/** A walk beside changes, with nobody who dies: so little happens that every schedule is run. */
function besideWalk(
  name: string,
  [mode, from]: readonly [mode: number, from?: string],
  steps: readonly Step[],
  there: readonly string[],
): Scenario {
  return {
    name,
    doc: "A CPU takes nodes out and puts others in where another CPU's walk stands or is about to come.",
    cpus: 2,
    bound: 2,
    reaches: [{ in: "cacheGiveRcu" }, { in: "orderedKeys" }],
    prepare(world) {
      const rooms = prepareRooms(world);
      const map = makeMap(world, rooms, there);
      return () => {
        const ordered = new Ordered(world, map, rooms, there);
        return {
          fibers: [
            task(0, () => ordered.walk(0, mode, from)),
            task(1, function* () {
              for (const step of steps) yield* ordered.change(1, step);
            }),
          ],
          atRest() {
            checkRest(world);
            ordered.check();
          },
        };
      };
    },
  };
}

/** A walk's entries are read one by one, as iterators do, while another CPU takes one of them out. */
const read: Scenario = {
  name: "ordered-read-walked",
  doc: "A CPU reads the entries of its walk where they were, while another one takes one out.",
  cpus: 2,
  bound: 2,
  reaches: [{ in: "orderedGetAt" }, { in: "takeOut" }, CHANGED, UNCHANGED],
  prepare(world) {
    const rooms = prepareRooms(world);
    const there = [...STAY, "c"];
    const map = makeMap(world, rooms, there);
    return () => {
      const ordered = new Ordered(world, map, rooms, there);
      return {
        fibers: [
          task(0, function* () {
            yield* ordered.walk(0, 0);
            yield* ordered.readWalked(0);
          }),
          task(1, () => ordered.change(1, ["drop", "c"])),
        ],
        atRest() {
          checkRest(world);
          ordered.check();
        },
      };
    };
  },
};

export const ORDERED: readonly Scenario[] = [
  killed("put"),
  killed("drop"),
  killed(),
  interrupted,
  read,
  // What is nearest to where the walk begins goes between its two looks: what is there then is before it.
  besideWalk(
    "ordered-walk",
    [0, "c"],
    [
      ["drop", "ca"],
      ["put", "d"],
    ],
    [...STAY, "ca"],
  ),
  // Where the walk stands on c may be another key's soon, one that it has behind it.
  besideWalk(
    "ordered-walk-down",
    [WALK_DOWN],
    [
      ["drop", "c"],
      ["put", "e"],
    ],
    [...STAY, "c"],
  ),
];

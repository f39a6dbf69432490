/**
 * Two CPUs and an NMI change a trie and look into it, and the thread of one may be killed at any step: a prefix that stays is found
 * all the while, the trie is one at every rest, and no node is lost.
 */
import { checkLists } from "../../../src/sim/checks/lists.ts";
import { checkRest } from "../../../src/sim/checks/rest.ts";
import { type Body, interrupt, task } from "../../../src/sim/fiber.ts";
import { Finding } from "../../../src/sim/finding.ts";
import type { Scenario } from "../../../src/sim/scenario.ts";
import type { World } from "../../../src/sim/world.ts";
import { CONSTANTS, LAYOUT } from "../../../src/wasm/face.ts";
import { DIES, withDeath } from "./death.ts";

const { EBUSY, ENOMEM, ETIMEDOUT, IS_BRANCH, KIND_LPM_TRIE, NODE_CHILD, NODE_KEY, NODE_KIND } = CONSTANTS;
const BUSY = "met its own lock";

/** Length and second byte of prefixes of 10.0.0.0/8: A and what stays part behind C, where a branch is; the others lie elsewhere. */
const PREFIXES = { stays: [24, 200], a: [16, 128], b: [16, 192], c: [9, 128], d: [16, 64], e: [16, 32] } as const;
type Name = keyof typeof PREFIXES;
const NAMES = Object.keys(PREFIXES) as Name[];

type Step = readonly ["put" | "drop", Name];

/** What the thread does that may be killed: a branch comes and goes, a value is replaced. */
const VICTIM: readonly Step[] = [
  ["put", "a"],
  ["put", "b"],
  ["put", "a"],
  ["drop", "b"],
  ["drop", "a"],
];
/** What another one does meanwhile: the branch becomes an entry, and one again. */
const OTHER: readonly Step[] = [
  ["put", "c"],
  ["drop", "c"],
  ["put", "d"],
];

interface Rooms {
  readonly keys: Readonly<Record<Name, number>>;
  /** A key whose longest prefix is always the one that stays. */
  readonly asked: number;
  readonly values: readonly number[];
}

/** The second word of a key: 10 and the second byte. */
function bitsOf(name: Name): number {
  return 10 | (PREFIXES[name][1] << 8);
}

function prepareRooms(world: World): Rooms {
  const keys = Object.fromEntries(NAMES.map((name) => [name, world.words(PREFIXES[name][0], bitsOf(name))]));
  return {
    keys: keys as Record<Name, number>,
    asked: world.words(32, 10 | (200 << 8)),
    values: [0, 1, 2].map(() => world.scratch(8)),
  };
}

/** A trie with some prefixes. */
function makeTrie(world: World, { keys, values }: Rooms, there: readonly Name[]): number {
  const map = world.createMap({ kind: KIND_LPM_TRIE, keySize: 8, valueSize: 4, maxEntries: 8 });
  const value = values[0] as number;
  for (const name of there) {
    world.memory.store(value, NAMES.indexOf(name));
    world.call("trieUpdate", map, keys[name], value, 0);
  }
  return map;
}

/** A run's trie, and what is known to be in it. */
class Trie {
  readonly #world: World;
  readonly #map: number;
  readonly #rooms: Rooms;
  readonly #there: Set<Name>;
  /** A change that has begun and not said how it ended. */
  readonly #open = new Set<Name>();

  constructor(world: World, map: number, rooms: Rooms, there: readonly Name[]) {
    this.#there = new Set(there);
    this.#world = world;
    this.#map = map;
    this.#rooms = rooms;
  }

  /** @param who whose room for a value is used */
  *change(who: number, [what, name]: Step): Body {
    const key = this.#rooms.keys[name];
    const value = this.#rooms.values[who] as number;
    this.#world.memory.store(value, NAMES.indexOf(name));
    this.#open.add(name);
    const result =
      what === "put"
        ? (yield ["trieUpdate", this.#map, key, value, 0]) | 0
        : (yield ["trieDelete", this.#map, key]) | 0;
    this.#open.delete(name);
    if (result === -EBUSY) this.#world.saw(BUSY);
    // In an NMI that came in in the middle of an allocation there is nothing to allocate from.
    else if (result !== 0 && result !== -ETIMEDOUT && result !== -ENOMEM)
      throw new Finding("trie", `${what} of ${name} says ${result}`);
    if (result !== 0) return;
    if (what === "put") this.#there.add(name);
    else this.#there.delete(name);
  }

  /** The prefix that stays is found, and no shorter one in its place. */
  *look(who: number): Body {
    const into = this.#rooms.values[who] as number;
    const result = (yield ["trieGet", this.#map, this.#rooms.asked, into]) | 0;
    const found = NAMES[this.#world.memory.load(into)];
    if (result !== 0) throw new Finding("trie", `a prefix that is there all the while is not found: ${result}`);
    if (found !== "stays") throw new Finding("trie", `found ${found} instead of a longer prefix that is there`);
  }

  /** Nodes from a word on; those that are entries by their bits. */
  #collect(slot: number, above: number, nodes: Set<number>, entries: Set<Name>): void {
    const { memory } = this.#world;
    const node = memory.load(slot);
    if (node === 0) return;
    if (nodes.has(node)) throw new Finding("trie", "a node is there twice");
    nodes.add(node);
    const length = memory.load(node + NODE_KEY);
    if (length < above) throw new Finding("trie", `a prefix of ${length} bits is below one of ${above - 1}`);
    const isBranch = memory.load(node + NODE_KIND) === IS_BRANCH;
    const children = [0, 1].map((bit) => node + NODE_CHILD + bit * 4);
    if (isBranch && children.some((child) => memory.load(child) === 0))
      throw new Finding("trie", "a branch with one child");
    if (!isBranch) entries.add(this.#nameOf(length, memory.load(node + NODE_KEY + 4)));
    for (const child of children) this.#collect(child, length + 1, nodes, entries);
  }

  #nameOf(length: number, bits: number): Name {
    const name = NAMES.find((each) => PREFIXES[each][0] === length && bitsOf(each) === bits);
    if (name === undefined) throw new Finding("trie", `a prefix of ${length} bits that nobody put in`);
    return name;
  }

  check(): void {
    const nodes = new Set<number>();
    const entries = new Set<Name>();
    this.#collect(this.#map + LAYOUT.MapHeader.treeRoot, 0, nodes, entries);
    for (const name of NAMES)
      if (!this.#open.has(name) && entries.has(name) !== this.#there.has(name))
        throw new Finding("trie", `${name} is ${entries.has(name) ? "there" : "gone"}, and should not be`);
    const count = this.#world.field(this.#map, "MapHeader", "treeCount");
    if (count !== entries.size) throw new Finding("trie", `${entries.size} entries are counted as ${count}`);
    checkLists(this.#world, { set: this.#world.field(this.#map, "MapHeader", "elements"), inUse: nodes });
  }
}

/** Alone, every death is looked at in a moment. */
function killed(company: "alone" | "among others"): Scenario {
  const isAlone = company === "alone";
  return {
    name: `trie-killed${isAlone ? "-alone" : ""}`,
    doc: "Two CPUs change a trie, one is killed; an NMI finds the longest prefix at any step.",
    cpus: 3,
    bound: isAlone ? 0 : 2,
    reaches: [
      DIES.mapLock,
      DIES.inHand,
      ...["replaceNode", "takeOut", "settleNode"].map((name) => ({ in: name })),
      ...(isAlone ? [] : [{ in: "makeBranch" }]),
    ],
    prepare(world) {
      const pages = world.call("pagesInUse");
      const rooms = prepareRooms(world);
      const map = makeTrie(world, rooms, ["stays"]);
      return () => {
        const trie = new Trie(world, map, rooms, ["stays"]);
        return withDeath(world, {
          fibers: [
            task(0, function* () {
              for (const step of VICTIM) yield* trie.change(0, step);
            }),
            ...(isAlone
              ? []
              : [
                  task(1, function* () {
                    for (const step of OTHER) {
                      yield* trie.change(1, step);
                      yield* trie.look(1);
                    }
                  }),
                  interrupt("nmi", 0, () => trie.look(2)),
                ]),
          ],
          check: () => trie.check(),
          giveBack: () => void world.call("destroyMap", map),
          pages,
        });
      };
    },
  };
}

const interrupted: Scenario = {
  name: "trie-nmi",
  doc: "An NMI changes a trie that its own CPU may be changing: -EBUSY, and nothing has happened.",
  cpus: 2,
  bound: 2,
  reaches: [BUSY],
  prepare(world) {
    const rooms = prepareRooms(world);
    const map = makeTrie(world, rooms, ["stays"]);
    return () => {
      const trie = new Trie(world, map, rooms, ["stays"]);
      return {
        fibers: [
          task(0, function* () {
            yield* trie.change(0, ["put", "a"]);
            yield* trie.change(0, ["drop", "a"]);
          }),
          interrupt("nmi", 0, function* () {
            yield* trie.change(2, ["put", "e"]);
            yield* trie.look(2);
          }),
        ],
        atRest() {
          checkRest(world);
          trie.check();
        },
      };
    };
  },
};

/** What readers are in is not used again: here nobody dies, and so little happens that every schedule is run. */
const beside: Scenario = {
  name: "trie-beside-lookup",
  doc: "A CPU takes a node out and puts another prefix in, while another CPU's lookup stands on that node.",
  cpus: 2,
  bound: 2,
  reaches: [{ in: "takeOut" }, { in: "cacheGiveRcu" }],
  prepare(world) {
    const rooms = prepareRooms(world);
    const map = makeTrie(world, rooms, ["stays", "c"]);
    return () => {
      const trie = new Trie(world, map, rooms, ["stays", "c"]);
      return {
        fibers: [
          task(0, () => trie.look(0)),
          task(1, function* () {
            yield* trie.change(1, ["drop", "c"]);
            yield* trie.change(1, ["put", "d"]);
          }),
        ],
        atRest() {
          checkRest(world);
          trie.check();
        },
      };
    };
  },
};

export const TRIES: readonly Scenario[] = [beside, interrupted, killed("alone"), killed("among others")];

/**
 * Two CPUs and an NMI allocate, write and free pages of an arena map while its empty runs are swept, and one of them may be killed at any
 * step: no page is two owners', each is zeroes at first, nobody's run goes away under him, and all of them come back.
 */
import { type Body, interrupt, task } from "../../../src/sim/fiber.ts";
import { Finding } from "../../../src/sim/finding.ts";
import type { Scenario } from "../../../src/sim/scenario.ts";
import type { World } from "../../../src/sim/world.ts";
import { CONSTANTS, LAYOUT } from "../../../src/wasm/face.ts";
import { DIES, withDeath } from "./death.ts";

const { ARENA_NOWHERE, ARENA_PAGE_BYTES, KIND_ARENA, MMAPABLE, PAGE_FREE, PAGE_SHIFT } = CONSTANTS;
/** Two runs. */
const PAGES = 8;
const UNDER = "the page was freed under its reader";
const AGAIN = "a page was brought";

class Owners {
  readonly #world: World;
  readonly #map: number;
  readonly #low: number;
  /** Who has a page. */
  readonly #owners = new Map<number, string>();

  constructor(world: World, map: number) {
    this.#world = world;
    this.#map = map;
    this.#low = world.field(map, "MapHeader", "pointerLow");
  }

  #pointer(page: number): number {
    return this.#low + page * ARENA_PAGE_BYTES;
  }

  /** Allocates pages, finds zeroes in them, and puts something there. */
  *have(who: string, from: number, count: number, then: (page: number) => Body): Body {
    const page = (yield ["arenaAllocatePages", this.#map, from, count]) >>> 0;
    if (page === ARENA_NOWHERE) return;
    for (let each = page; each < page + count; each++) {
      const owner = this.#owners.get(each);
      if (owner !== undefined) throw new Finding("pages", `${who} is given page ${each}, which ${owner} has`);
      this.#owners.set(each, who);
      const at = (yield ["arenaAt", this.#map, this.#pointer(each), 8, 4]) >>> 0;
      if (at === 0) throw new Finding("pages", `page ${each} of ${who} is not there`);
      if (this.#world.memory.load(at) !== 0) throw new Finding("pages", `page ${each} of ${who} is soiled`);
      this.#world.memory.store(at, each + 1);
    }
    yield* then(page);
  }

  *free(page: number, count: number): Body {
    for (let each = page; each < page + count; each++) this.#owners.delete(each);
    yield ["arenaFreePages", this.#map, page, count];
  }

  /** Looks at a page in a read section, whoever has it: as long as that lasts its memory is nobody else's. */
  *look(page: number): Body {
    yield ["readEnter"];
    const at = (yield ["arenaAt", this.#map, this.#pointer(page), 8, 4]) >>> 0;
    if (at !== 0) {
      yield ["arenaNextPage", this.#map, 0];
      if (this.#isFree(at)) throw new Finding("grace period", "a run went back under its reader");
      if ((yield ["arenaAt", this.#map, this.#pointer(page), 8, 4]) >>> 0 === 0) this.#world.saw(UNDER);
    }
    yield ["readLeave"];
  }

  #isFree(at: number): boolean {
    const descriptors = this.#world.field(CONSTANTS.SUPERBLOCK, "Superblock", "descriptors");
    const descriptor = descriptors + (at >>> PAGE_SHIFT) * CONSTANTS.DESCRIPTOR_BYTES;
    return (this.#world.memory.load(descriptor + LAYOUT.PageDescriptor.state) & 0xff) === PAGE_FREE;
  }

  /** What somebody has is there; what a dead one was given, or was bringing, may be. */
  check(): void {
    for (const [page, who] of this.#owners)
      if (this.#world.call("arenaAt", this.#map, this.#pointer(page), 0, 8) === 0)
        throw new Finding("pages", `page ${page} of ${who} is gone`);
  }
}

export const arenaKilled: Scenario = {
  name: "arena-killed",
  doc: "Pages of an arena map on two CPUs and in an NMI, with sweeps beside them, and one is killed: each page is one owner's.",
  cpus: 3,
  bound: 2,
  reaches: [DIES.run, DIES.nmi, UNDER, { in: "freeRun" }, { in: "isArenaRunOf" }],
  prepare(world) {
    const pages = world.call("pagesInUse");
    const map = world.createMap({ kind: KIND_ARENA, keySize: 0, valueSize: 0, maxEntries: PAGES, flags: MMAPABLE });
    return () => {
      const owners = new Owners(world, map);
      return withDeath(world, {
        fibers: [
          task(0, () =>
            owners.have("the victim", ARENA_NOWHERE, 1, function* (page) {
              yield* owners.free(page, 1);
              yield* owners.have("the victim", 3, 2, function* () {});
            }),
          ),
          task(1, () =>
            owners.have("the other", ARENA_NOWHERE, 2, function* (page) {
              yield* owners.free(page, 2);
              for (let count = 0; count < 3; count++) yield ["timerTick"];
            }),
          ),
          task(2, () => owners.look(0)),
          interrupt("nmi", 0, () => owners.have("the NMI", ARENA_NOWHERE, 1, function* () {})),
        ],
        check: () => owners.check(),
        giveBack: () => void world.call("destroyMap", map),
        pages,
      });
    };
  },
};

export const arenaSwept: Scenario = {
  name: "arena-swept",
  doc: "A page is brought into an empty run that a sweep has marked and is about to give back: one of the two has the run.",
  cpus: 3,
  bound: 2,
  reaches: [AGAIN, { in: "freeRun" }],
  prepare(world) {
    const pages = world.call("pagesInUse");
    const map = world.createMap({ kind: KIND_ARENA, keySize: 0, valueSize: 0, maxEntries: PAGES, flags: MMAPABLE });
    world.call("arenaAllocatePages", map, 0, 1);
    world.call("arenaFreePages", map, 0, 1);
    world.call("timerTick");
    return () => {
      const owners = new Owners(world, map);
      return withDeath(world, {
        fibers: [
          task(0, () =>
            owners.have("the first", 0, 1, function* () {
              if ((yield ["arenaRunCount", map]) === 1) world.saw(AGAIN);
            }),
          ),
          task(1, function* () {
            for (let count = 0; count < 3; count++) yield ["timerTick"];
          }),
        ],
        check: () => owners.check(),
        giveBack: () => void world.call("destroyMap", map),
        pages,
      });
    };
  },
};

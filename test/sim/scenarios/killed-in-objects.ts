/**
 * A thread is killed at any step of what it does with objects of an allocator: after its CPU is reaped every object is on one
 * list or in use, where what the thread had been handed stays in use: it is its user's to say what becomes of it.
 */
import { cachesOf } from "../../../src/sim/checks/lists.ts";
import { type Body, type Call, interrupt, task } from "../../../src/sim/fiber.ts";
import type { Objects } from "../../../src/sim/objects.ts";
import type { Place } from "../../../src/sim/reach.ts";
import type { Scenario } from "../../../src/sim/scenario.ts";
import type { World } from "../../../src/sim/world.ts";
import { CONSTANTS, LAYOUT } from "../../../src/wasm/face.ts";
import { DIES, mortalObjects } from "./death.ts";

interface Plan {
  readonly name: string;
  readonly doc: string;
  readonly reaches: readonly Place[];
  readonly size: number;
  /** Objects that CPU 0 has from the start. */
  readonly first?: number;
  /** Whether the allocator is one of any size. */
  readonly anySize?: boolean;
  readonly bound?: number;
  readonly known?: NonNullable<Scenario["known"]>;
  /** 2 where the other one must be through before the CPU is reaped, as it works for that CPU. */
  readonly cpus?: number;
  readonly pages?: number;
  readonly prepare?: (world: World, allocator: number) => void;
  readonly dies: (objects: Objects, first: readonly number[]) => Body;
  readonly other?: (objects: Objects) => Body;
  readonly nmi?: (objects: Objects, first: readonly number[]) => Body;
}

function* several(objects: Objects, count: number): Generator<Call, number[], number> {
  const held: number[] = [];
  for (let index = 0; index < count; index++) {
    const object = yield* objects.allocate();
    if (object !== 0) held.push(object);
  }
  return held;
}

function* freeAll(objects: Objects, held: readonly number[]): Body {
  for (const object of held) yield* objects.free(object);
}

const PLANS: readonly Plan[] = [
  {
    name: "killed-in-allocation",
    doc: "Killed in an allocation, the refill that it raises, and a free.",
    reaches: [DIES.inHand, DIES.underWay, DIES.lock],
    size: 24,
    *dies(objects) {
      yield* freeAll(objects, yield* several(objects, 2));
    },
  },
  {
    name: "killed-in-any-size",
    doc: "Killed in an allocator of any size, whose eleven classes share one account.",
    reaches: [DIES.inHand, DIES.underWay, { in: "withinLimit" }],
    size: 100,
    anySize: true,
    *dies(objects) {
      yield* freeAll(objects, yield* several(objects, 2));
      yield ["objectTrim", objects.allocator];
    },
  },
  {
    name: "killed-in-free-rcu",
    doc: "Killed in objectFreeRcu, and in the work that moves what it freed on.",
    reaches: [DIES.inHand, DIES.rcu, { in: "startRcu" }],
    size: 24,
    first: 3,
    *dies(objects, first) {
      for (const object of first) yield* objects.freeRcu(object);
      for (let count = 0; count < 3; count++) yield ["objectTrim", objects.allocator];
    },
  },
  {
    name: "killed-in-refill",
    doc: "Killed in refills that cut new slab pages.",
    reaches: [DIES.underWay, DIES.lock, { in: "addSlab" }, { in: "rebuildClass" }],
    size: 4000,
    *dies(objects) {
      yield* several(objects, 6);
    },
    *other(objects) {
      yield* freeAll(objects, yield* several(objects, 2));
    },
  },
  {
    name: "killed-in-trim",
    doc: "Killed on the way of objects back to the slab, whose pages become free.",
    reaches: [DIES.underWay, DIES.waiting, DIES.lock, { in: "removeSlab" }],
    size: 4000,
    first: 9,
    *dies(objects, first) {
      yield* freeAll(objects, first);
      for (let count = 0; count < 4; count++) yield ["objectTrim", objects.allocator];
      yield ["trimSlabs"];
    },
    *other(objects) {
      yield* freeAll(objects, yield* several(objects, 2));
    },
  },
  {
    name: "killed-in-runs",
    doc: "Killed with objects that are runs of pages of their own.",
    reaches: [DIES.run, DIES.underWay],
    size: 20_000,
    *dies(objects) {
      yield* freeAll(objects, yield* several(objects, 3));
      for (let count = 0; count < 4; count++) yield ["objectTrim", objects.allocator];
    },
  },
  {
    name: "killed-in-depot",
    doc: "Killed while it gives to the depot or takes from it: a reader holds grace periods up, so there is too much.",
    reaches: [
      DIES.underWay,
      { in: "giveToDepot" },
      { in: "takeFromDepot", text: "cache.steals" },
      { in: "settleDepot" },
    ],
    size: 4000,
    first: 6,
    pages: 24,
    prepare(world, allocator) {
      world.callOn(1, "traceEnter");
      // As much waits as may.
      const held = Array.from({ length: 14 }, () => world.call("objectAllocate", allocator, 4000, 0));
      for (const object of held) world.call("objectFree", object);
    },
    *dies(objects, first) {
      yield* freeAll(objects, first);
      yield* several(objects, 3);
    },
    *other(objects) {
      yield* freeAll(objects, yield* several(objects, 6));
      yield ["traceLeave"];
    },
  },
  {
    name: "killed-in-prefill",
    doc: "Killed while objects are prefilled, and while prefilled ones are used.",
    reaches: [DIES.prefilled, DIES.inHand, { in: "takePrefilled" }],
    size: 504,
    *dies(objects) {
      yield ["objectPrefill", objects.allocator, objects.size, 6];
      yield ["objectPrefill", objects.allocator, objects.size, 3];
      yield ["contextSet", 3, 0];
      yield* several(objects, 7);
      yield ["contextSet", 0, 0];
    },
  },
  {
    name: "killed-in-nmi-allocation",
    doc: "Killed in an NMI that allocates and frees in the middle of its CPU's own free.",
    reaches: [DIES.inHand, DIES.nmi],
    size: 504,
    first: 2,
    bound: 1,
    *dies(objects, first) {
      yield* freeAll(objects, first);
      yield* several(objects, 2);
    },
    *nmi(objects) {
      yield* freeAll(objects, yield* several(objects, 2));
    },
  },
  {
    name: "killed-with-what-an-nmi-took",
    doc: "Killed in a free whose object an NMI has allocated already: it is the NMI's, whatever the free still says.",
    reaches: [DIES.nmi, { in: "cacheGive" }],
    size: 4000,
    first: 5,
    bound: 1,
    *dies(objects, first) {
      yield* freeAll(objects, first);
    },
    *nmi(objects) {
      yield* several(objects, 1);
    },
  },
  {
    name: "killed-over-extra",
    doc: "Killed in a free, with an object on extra from the start: every death is looked at in a moment.",
    reaches: [DIES.extra, DIES.inHand],
    size: 24,
    first: 1,
    prepare(world, allocator) {
      const [cache = 0] = cachesOf(world, world.call("objectSet", allocator, 24));
      const object = world.call("objectAllocate", allocator, 24, 0);
      world.memory.store(cache + LAYOUT.Cache.active, 1);
      world.call("objectFree", object);
      world.memory.store(cache + LAYOUT.Cache.active, 0);
    },
    dies: freeAll,
  },
  {
    name: "killed-with-extra",
    doc: "Killed with an object on extra: an NMI freed it while the list was in use, and no work has taken it along.",
    reaches: [DIES.extra, DIES.nmi],
    size: 24,
    first: 2,
    bound: 1,
    *dies(objects, [first = 0]) {
      yield* objects.free(first);
      // Writes, before which it may die.
      for (let count = 0; count < 3; count++) yield ["contextSet", 0, 0];
    },
    *nmi(objects, [, second = 0]) {
      yield* objects.free(second);
    },
  },
  {
    name: "killed-helper",
    doc: "A helper is killed while it refills another CPU's cache from outside. One that dies right after its claim of the inbox has brought the batch.",
    reaches: [DIES.serving, DIES.underWay, { in: "settleServed" }],
    size: 4000,
    *dies() {
      for (let count = 0; count < 3; count++) yield ["serveCpu", 1];
    },
    *other(objects) {
      yield ["contextSet", 3, 0];
      const held = yield* several(objects, 6);
      yield* freeAll(objects, held);
      yield ["contextSet", 0, 0];
    },
  },
  {
    name: "killed-of-two-helpers",
    doc: "One of two helpers of a CPU is killed: what it was about to take is not queued again while the other one has it.",
    reaches: [DIES.serving, { in: "settleServed" }],
    size: 4000,
    cpus: 4,
    prepare(world, allocator) {
      world.callOn(2, "contextSet", 3, 0);
      const held = Array.from({ length: 2 }, () => world.callOn(2, "objectAllocate", allocator, 4000, 0));
      for (const object of held) if (object >>> 0 >= CONSTANTS.SUPERBLOCK) world.callOn(2, "objectFree", object);
      world.callOn(2, "contextSet", 0, 0);
    },
    *dies() {
      yield ["serveCpu", 2];
    },
    *other() {
      yield ["serveCpu", 2];
    },
  },
  {
    name: "killed-in-adoption",
    doc: "A CPU that never refills itself is killed while it takes what a helper brought. Its helper stops before it is reaped.",
    reaches: [DIES.inbox, { in: "adoptInbox", text: "beginTransfer" }],
    size: 4000,
    cpus: 2,
    *dies(objects) {
      yield ["contextSet", 3, 0];
      const held: number[] = [];
      for (let count = 0; count < 4; count++) held.push(...(yield* several(objects, 2)));
      yield* freeAll(objects, held);
      yield ["contextSet", 0, 0];
    },
    *other() {
      for (let count = 0; count < 4; count++) yield ["serveCpu", 0];
    },
  },
  {
    name: "killed-in-trim-of-all",
    doc: "Killed while it trims its own CPUs and a free one, which it borrows: both are reaped.",
    reaches: [DIES.waiting, { in: "trimAs" }, DIES.elsewhere],
    size: 504,
    first: 3,
    prepare(world, allocator) {
      const held = Array.from({ length: 3 }, () => world.callOn(1, "objectAllocate", allocator, 504, 0));
      for (const object of held) world.callOn(1, "objectFree", object);
      world.callOn(1, "releaseCpu", 1);
    },
    *dies(objects, first) {
      yield* freeAll(objects, first);
      yield ["trimCpus", 1];
      yield ["trimCpus", 1];
    },
    *other() {},
  },
];

function scenarioOf({ name, doc, reaches, size, first = 0, anySize = false, bound, pages, ...plan }: Plan): Scenario {
  const { prepare, dies, other, nmi, cpus, known } = plan;
  return {
    name,
    doc,
    reaches,
    cpus: cpus ?? (other === undefined ? 2 : 3),
    bound: bound ?? (other === undefined ? 0 : 1),
    ...(pages === undefined ? {} : { pages }),
    ...(known === undefined ? {} : { known }),
    prepare(world) {
      const before = world.call("pagesInUse");
      const allocator = world.createAllocator(anySize ? 0 : size);
      const held = Array.from({ length: first }, () => world.call("objectAllocate", allocator, size, 0));
      prepare?.(world, allocator);
      return () =>
        mortalObjects(world, allocator, size, before, (objects) => {
          for (const object of held) objects.take(object);
          return [
            task(0, () => dies(objects, held)),
            ...(other === undefined ? [] : [task(1, () => other(objects))]),
            ...(nmi === undefined ? [] : [interrupt("nmi", 0, () => nmi(objects, held))]),
          ];
        });
    },
  };
}

export const KILLED_IN_OBJECTS: readonly Scenario[] = PLANS.map(scenarioOf);

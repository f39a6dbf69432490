/** Runs in which the thread of CPU 0 is killed at any step, its CPU is reaped, and all that there was is given back. */

import { checkDrains, setsOf } from "../../../src/sim/checks/drained.ts";
import { cachesOf, checkLists, checkObjects } from "../../../src/sim/checks/lists.ts";
import { checkRest } from "../../../src/sim/checks/rest.ts";
import { checkMemory } from "../../../src/sim/checks/slab.ts";
import { checkWork } from "../../../src/sim/checks/work.ts";
import { type Body, death, type FiberSpec, LEVELS, task } from "../../../src/sim/fiber.ts";
import { Finding } from "../../../src/sim/finding.ts";
import { HashTable, type PreparedHash } from "../../../src/sim/hash-table.ts";
import type { Run } from "../../../src/sim/machine.ts";
import { Objects } from "../../../src/sim/objects.ts";
import type { FieldOf, World } from "../../../src/sim/world.ts";
import { CONSTANTS, LAYOUT } from "../../../src/wasm/face.ts";

const EAGAIN = 11;
/** Whoever else is in the middle of something has had its turn by then. */
const MOST_TRIES = 4;
/** Grace periods of both flavours, one after the other, and what is queued behind them. */
const ROUNDS = 8;
const VICTIM = 0;

/** What a dead thread may leave: each a state that scenarios name as what they have to reach. */
export const DIES = {
  inHand: "died with an object in hand",
  underWay: "died with objects under way",
  building: "died building",
  run: "died with a run of pages under way",
  lock: "died with a lock of the pages, a slab class or the control plane",
  extra: "died with objects on extra",
  waiting: "died with objects that wait for a grace period",
  rcu: "died with objects of freeRcu",
  callbacks: "died with callbacks",
  prefilled: "died with prefilled objects",
  inbox: "died with objects in its inbox",
  raised: "died with work raised",
  serving: "died serving another CPU",
  reading: "died in a read section",
  nmi: "died in an NMI",
  elsewhere: "died acting as another CPU",
  migrating: "died migrating a table",
  mapLock: "died with the lock of a queue, a stack, a trie, an ordered map, a ring buffer or an LRU map's order",
} as const;

type Left = keyof typeof DIES;

function locks(world: World): number[] {
  const block = CONSTANTS.SUPERBLOCK;
  const classes = Array.from({ length: 2 * CONSTANTS.CLASS_COUNT }, (_, index) =>
    world.field(CONSTANTS.SLAB_CLASSES + index * CONSTANTS.SLAB_CLASS_BYTES, "SlabClass", "lockWord"),
  );
  return [world.field(block, "Superblock", "pagesLock"), world.field(block, "Superblock", "controlLock"), ...classes];
}

/** The one lock of a map that has one: owner CPU + 1, or 0. */
function lockOfMap(world: World, map: number): number {
  const kind = world.field(map, "MapHeader", "kind");
  if (kind === CONSTANTS.KIND_LPM_TRIE || kind === CONSTANTS.KIND_ORDERED)
    return world.field(map, "MapHeader", "treeLock");
  const orders = world.field(map, "MapHeader", "ring");
  if (orders !== 0) return world.field(orders, "Order", "lock");
  if (kind === CONSTANTS.KIND_RINGBUF) return world.field(world.field(map, "MapHeader", "storage"), "Ringbuf", "lock");
  const isRing = kind === CONSTANTS.KIND_QUEUE || kind === CONSTANTS.KIND_STACK;
  return isRing ? world.field(world.field(map, "MapHeader", "storage"), "Ring", "lock") : 0;
}

/** Which of these a CPU has. */
function leftBy(world: World, cpu: number): Readonly<Record<Left, boolean>> {
  const area = world.areas[cpu] as number;
  const intents = area + LAYOUT.CpuArea.intents;
  const levels = Array.from({ length: CONSTANTS.LEVELS }, (_, level) => intents + level * CONSTANTS.INTENT_BYTES);
  const transfer = intents + CONSTANTS.LEVELS * CONSTANTS.INTENT_BYTES;
  const caches = [...setsOf(world)].map((set) => cachesOf(world, set)[cpu] as number);
  const moves = (field: FieldOf<"Transfer">): boolean => world.field(transfer, "Transfer", field) !== 0;
  const has = (...fields: FieldOf<"Cache">[]): boolean =>
    caches.some((cache) => fields.some((field) => world.field(cache, "Cache", field) !== 0));
  const owns = (...fields: FieldOf<"CpuArea">[]): boolean =>
    fields.some((field) => world.field(area, "CpuArea", field) !== 0);
  return {
    inHand: levels.some((level) => world.field(level, "Intents", "first") !== 0),
    underWay: moves("active"),
    building: moves("building"),
    run: moves("run"),
    lock: locks(world).includes(cpu + 1),
    extra: has("extra"),
    waiting: has("byGp", "waiting"),
    rcu: has("byRcu", "waitingRcu"),
    callbacks: owns("callbacks", "waitingCallbacks"),
    prefilled: has("prefilledCount"),
    inbox: has("inbox"),
    raised: owns("work"),
    serving: moves("servedCpu"),
    reading: owns("readEpoch", "traceEpoch"),
    nmi: world.field(area, "CpuArea", "level") === LEVELS.indexOf("nmi"),
    elsewhere: heldByDead(world).length > 1,
    mapLock: world.maps.some(({ address }) => lockOfMap(world, address) === cpu + 1),
    migrating: world.maps.some(({ address }) => world.field(address, "MapHeader", "migrator") === cpu + 1),
  };
}

export interface Mortal {
  readonly fibers: readonly FiberSpec[];
  /** What has to hold once the CPU is reaped. */
  readonly check: () => void;
  /** Gives everything back, on a living CPU. */
  readonly giveBack: () => void;
  /** Pages that were in use before anything was there. */
  readonly pages: number;
}

function ownerOf(world: World, cpu: number): number {
  return world.field(world.areas[cpu] as number, "CpuArea", "owner");
}

/** CPUs whose slot the dead thread holds: its own, and one that it had borrowed for a trim. */
function heldByDead(world: World): number[] {
  const borrowed = CONSTANTS.BORROWED;
  const owner = (cpu: number): number => ownerOf(world, cpu);
  // The borrowed one first: it is that one's locks that the thread held.
  return [...world.areas.keys()]
    .filter((cpu) => (owner(cpu) & (borrowed - 1)) === VICTIM + 1)
    .sort((a, b) => owner(b) - owner(a));
}

/** The slot is free, and nothing of its holder is left. */
function checkReaped(world: World): void {
  const area = world.areas[VICTIM] as number;
  const owner = ownerOf(world, VICTIM);
  if (owner !== 0) throw new Finding("reap", `a reaped CPU has owner ${owner}`);
  const transfer = area + LAYOUT.CpuArea.intents + CONSTANTS.LEVELS * CONSTANTS.INTENT_BYTES;
  const left = world.field(transfer, "Transfer", "managed");
  if (left !== 0) throw new Finding("reap", "a reaped CPU still has memory of the control plane");
}

/** What waits anywhere for a grace period or for its work goes its way, on every CPU. */
function settle(world: World): void {
  for (let round = 0; round < ROUNDS; round++)
    for (const cpu of world.areas.keys()) {
      world.callOn(cpu, "timerTick");
      world.callOn(cpu, "reapMaps");
    }
}

function isHeld(world: World): (cpu: number) => boolean {
  return (cpu) => world.field(world.areas[cpu] as number, "CpuArea", "owner") !== 0;
}

function checkPages(world: World, before: number): void {
  settle(world);
  world.call("trimSlabs");
  const after = world.call("pagesInUse");
  if (after !== before) throw new Finding("leak", `${after} pages are in use, ${before} were before`);
  checkMemory(world);
}

/** CPU 0 may die at any step of its fibers; the last CPU reaps it as soon as that happened. */
export function withDeath(world: World, { fibers, check, giveBack, pages }: Mortal): Run {
  const reaper = world.areas.length - 1;
  function* reap(): Body {
    for (let tries = 0; tries < MOST_TRIES; tries++)
      for (const cpu of heldByDead(world)) {
        const reaped = (yield ["reapCpu", cpu, ownerOf(world, cpu)]) | 0;
        if (reaped !== 0 && reaped !== -EAGAIN) throw new Finding("reap", `reapCpu of CPU ${cpu} says ${reaped}`);
      }
  }
  return {
    fibers: [
      ...fibers,
      death(VICTIM),
      { ...task(reaper, reap, "reaper"), optional: false, ready: () => world.dead.has(VICTIM) },
    ],
    atDeath(cpu) {
      for (const [left, isLeft] of Object.entries(leftBy(world, cpu))) if (isLeft) world.saw(DIES[left as Left]);
    },
    atRest() {
      if (world.dead.has(VICTIM)) {
        for (let tries = 0; tries < 2; tries++)
          for (const cpu of heldByDead(world)) world.callOn(reaper, "reapCpu", cpu, ownerOf(world, cpu));
        const [left] = heldByDead(world);
        if (left !== undefined) throw new Finding("reap", `CPU ${left} cannot be reaped although nobody is in the way`);
        checkReaped(world);
      }
      checkRest(world);
      checkMemory(world);
      check();
      world.once("goes on after a death", () => {
        // A new thread has the CPU from here on.
        if (world.dead.has(VICTIM) && world.call("takeCpu", VICTIM, world.areas.length + 1) !== VICTIM)
          throw new Finding("reap", "nobody can take a reaped CPU");
        checkDrains(world, [...world.areas.keys()].filter(isHeld(world)));
        check();
        giveBack();
        checkPages(world, pages);
      });
    },
  };
}

/** A run on objects of one allocator, that is destroyed in the end. What the dead thread had allocated is still in use. */
export function mortalObjects(
  world: World,
  allocator: number,
  size: number,
  pages: number,
  fibers: (objects: Objects) => readonly FiberSpec[],
): Run {
  const objects = new Objects(world, allocator, size);
  return withDeath(world, {
    fibers: fibers(objects),
    check() {
      checkWork(world, objects.set);
      checkObjects(world, objects);
      // What was freed, as is now known, may go its way.
      const used = new Set(inUse(world, objects));
      for (const address of objects.freeing) if (!used.has(address)) objects.freeing.delete(address);
    },
    giveBack() {
      for (const address of inUse(world, objects)) world.call("objectFree", address);
      settle(world);
      const left = world.call("destroyObjectAllocator", allocator);
      if (left !== 0) throw new Finding("leak", `${left} objects are in use that nobody has`);
    },
    pages,
  });
}

/** What bodies hold, and what a thread did not get to free before it was killed. */
function inUse(world: World, objects: Objects): number[] {
  const header = CONSTANTS.HEADER_BYTES;
  const headers = (addresses: ReadonlySet<number>): Set<number> =>
    new Set([...addresses].map((address) => address - header));
  const held = { set: objects.set, inUse: headers(objects.held), maybeInUse: headers(objects.freeing) };
  return [...checkLists(world, held)].flatMap(([object, place]) => (place === "in use" ? [object + header] : []));
}

/** A run on one map, that is destroyed in the end. */
export function mortalHash(
  prepared: PreparedHash,
  pages: number,
  fibers: (table: HashTable) => readonly FiberSpec[],
): Run {
  const { world, map } = prepared;
  const table = new HashTable(prepared);
  return withDeath(world, {
    fibers: fibers(table),
    check: () => table.check(),
    giveBack() {
      world.call("destroyMap", map);
    },
    pages,
  });
}

/**
 * More than one death, and deaths of those who act for others: two CPUs that die before anybody reaps, a reaper that dies
 * while it reaps, a helper and the CPU that it serves, a reader that stays in its section. The last CPU reaps whoever is dead
 * as soon as one is, again and again, in whatever order it goes; in the end nothing is lost.
 */
import { checkDrains } from "../../../src/sim/checks/drained.ts";
import { checkLists } from "../../../src/sim/checks/lists.ts";
import { checkRest } from "../../../src/sim/checks/rest.ts";
import { checkMemory } from "../../../src/sim/checks/slab.ts";
import { type Body, death, task } from "../../../src/sim/fiber.ts";
import { Finding } from "../../../src/sim/finding.ts";
import { Objects } from "../../../src/sim/objects.ts";
import type { Place } from "../../../src/sim/reach.ts";
import type { Scenario } from "../../../src/sim/scenario.ts";
import type { World } from "../../../src/sim/world.ts";
import { CONSTANTS } from "../../../src/wasm/face.ts";

interface Plan {
  /** CPU 1 reaps CPU 0, and nobody else does before it is through or dead: two do not reap one CPU at once. */
  readonly reaps?: boolean;
  readonly name: string;
  readonly doc: string;
  readonly reaches: readonly Place[];
  readonly known?: NonNullable<Scenario["known"]>;
  readonly size: number;
  /** Objects that the first two CPUs have from the start, each. */
  readonly first: number;
  /** What CPU 0 and CPU 1 do, both of which may die. */
  readonly bodies: readonly ((objects: Objects, held: readonly number[], world: World) => Body)[];
}

const VICTIMS = [0, 1] as const;
const REAPER = 2;
const EAGAIN = 11;
/** One dead CPU may be in the way of the other, a few times over. */
const MOST_TRIES = 6;

function* work(objects: Objects, held: readonly number[]): Body {
  for (const object of held) yield* objects.free(object);
  const object = yield* objects.allocate();
  if (object !== 0) yield* objects.free(object);
  yield ["objectTrim", objects.allocator];
}

/** Reaps CPU 0 once it is dead. */
function* reapFirst(objects: Objects, held: readonly number[], world: World): Body {
  for (const object of held) yield* objects.free(object);
  for (let tries = 0; tries < 2 && world.dead.has(0); tries++) yield ["reapCpu", 0, ownerOf(world, 0)];
}

function* serve(): Body {
  for (let count = 0; count < 3; count++) yield ["serveCpu", 0];
}

function* beServed(objects: Objects): Body {
  yield ["contextSet", 3, 0];
  for (let count = 0; count < 3; count++) {
    const object = yield* objects.allocate();
    if (object !== 0) yield* objects.free(object);
  }
  yield ["contextSet", 0, 0];
}

/** In its sections while it works, and never out of them if it dies there. */
function* read(objects: Objects, held: readonly number[]): Body {
  yield ["readEnter"];
  yield ["traceEnter"];
  yield* work(objects, held);
  yield ["traceLeave"];
  yield ["readLeave"];
}

const PLANS: readonly Plan[] = [
  {
    name: "killed-both",
    doc: "Two CPUs that free, refill and trim die, one after the other, before anybody reaps or while the first is reaped.",
    reaches: ["both were dead at once", { in: "settleCache" }],
    size: 504,
    first: 2,
    bodies: [work, work],
  },
  {
    name: "killed-reaper",
    doc: "A CPU dies while it reaps another one: whoever reaps both goes on where it stopped.",
    reaches: ["a reaper died in its reap", "both were dead at once"],
    size: 504,
    first: 2,
    bodies: [work, reapFirst],
    reaps: true,
  },
  {
    name: "killed-helper-and-served",
    doc: "A helper dies while it brings objects to a CPU that never refills itself, and so does that one.",
    reaches: ["both were dead at once", { in: "settleServed" }],
    size: 4000,
    first: 0,
    bodies: [beServed, serve],
  },
  {
    name: "killed-reader",
    doc: "A reader stays in its sections for ever: what others freed goes its way once the reader is reaped.",
    reaches: ["a reader died in its section", { in: "startWaiting" }],
    size: 4000,
    first: 2,
    bodies: [read, work],
  },
];

/** Reaps all that are dead, as often as it takes, on the last of three CPUs. */
export function reapRest(world: World): void {
  for (let tries = 0; tries < MOST_TRIES; tries++)
    for (const cpu of world.dead)
      if (ownerOf(world, cpu) !== 0) world.callOn(REAPER, "reapCpu", cpu, ownerOf(world, cpu));
  for (const cpu of world.dead)
    if (ownerOf(world, cpu) !== 0)
      throw new Finding("reap", `CPU ${cpu} cannot be reaped although nobody is in the way`);
}

export function ownerOf(world: World, cpu: number): number {
  return world.field(world.areas[cpu] as number, "CpuArea", "owner");
}

/** Objects in use are given back, then the allocator; nothing may be left. */
function giveBack(world: World, objects: Objects, pages: number): void {
  const header = CONSTANTS.HEADER_BYTES;
  const headers = (of: ReadonlySet<number>): Set<number> => new Set([...of].map((address) => address - header));
  const held = { set: objects.set, inUse: headers(objects.held), maybeInUse: headers(objects.freeing) };
  const inUse = [...checkLists(world, held)].flatMap(([object, place]) =>
    place === "in use" ? [object + header] : [],
  );
  for (const cpu of world.dead) world.call("takeCpu", cpu, world.areas.length + 1 + cpu);
  for (const address of inUse) world.callOn(REAPER, "objectFree", address);
  checkDrains(world, [...world.areas.keys()]);
  const left = world.callOn(REAPER, "destroyObjectAllocator", objects.allocator);
  if (left !== 0) throw new Finding("leak", `${left} objects are in use that nobody has`);
  world.callOn(REAPER, "trimSlabs");
  const after = world.callOn(REAPER, "pagesInUse");
  if (after !== pages) throw new Finding("leak", `${after} pages are in use, ${pages} were before`);
  checkMemory(world);
}

function scenarioOf({ name, doc, reaches, known, size, first, bodies, reaps = false }: Plan): Scenario {
  return {
    name,
    doc,
    reaches,
    ...(known === undefined ? {} : { known }),
    cpus: 3,
    bound: 1,
    pages: 24,
    prepare(world) {
      const pages = world.call("pagesInUse");
      const allocator = world.createAllocator(size);
      const held = VICTIMS.map((cpu) =>
        Array.from({ length: first }, () => world.callOn(cpu, "objectAllocate", allocator, size, 0)),
      );
      return () => {
        const objects = new Objects(world, allocator, size);
        for (const object of held.flat()) objects.take(object);
        let inReap = false;
        const through = new Set<number>();
        function* act(cpu: number): Body {
          const body = (bodies[cpu] as Plan["bodies"][number])(objects, held[cpu] as number[], world);
          for (let step = body.next(0); step.done !== true; ) {
            inReap = cpu === 1 && step.value[0] === "reapCpu";
            step = body.next(yield step.value);
            if (cpu === 1) inReap = false;
          }
          through.add(cpu);
        }
        function* reap(): Body {
          for (let tries = 0; tries < MOST_TRIES; tries++)
            for (const cpu of world.dead) {
              if (ownerOf(world, cpu) === 0) continue;
              const reaped = (yield ["reapCpu", cpu, ownerOf(world, cpu)]) | 0;
              if (reaped !== 0 && reaped !== -EAGAIN) throw new Finding("reap", `reapCpu of CPU ${cpu} says ${reaped}`);
            }
        }
        return {
          fibers: [
            ...VICTIMS.map((cpu) => task(cpu, () => act(cpu))),
            ...VICTIMS.map((cpu) => death(cpu)),
            {
              ...task(REAPER, reap, "reaper"),
              ready: () => world.dead.size > 0 && (!reaps || through.has(1) || world.dead.has(1)),
            },
          ],
          atDeath(cpu) {
            if (VICTIMS.every((each) => world.dead.has(each) && ownerOf(world, each) !== 0))
              world.saw("both were dead at once");
            if (cpu === 1 && inReap) world.saw("a reaper died in its reap");
            if (world.field(world.areas[cpu] as number, "CpuArea", "readEpoch") !== 0)
              world.saw("a reader died in its section");
          },
          atRest() {
            reapRest(world);
            checkRest(world);
            checkMemory(world);
            world.once("goes on after deaths", () => giveBack(world, objects, pages));
          },
        };
      };
    },
  };
}

export const TWO_DEATHS: readonly Scenario[] = PLANS.map(scenarioOf);

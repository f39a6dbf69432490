/** A map is destroyed while a map of maps has it: programs that found it there go on with it, and its memory goes when nobody can. */
import { checkDrains } from "../../../src/sim/checks/drained.ts";
import { checkRest } from "../../../src/sim/checks/rest.ts";
import { checkMemory } from "../../../src/sim/checks/slab.ts";
import { type Body, task } from "../../../src/sim/fiber.ts";
import { Finding } from "../../../src/sim/finding.ts";
import type { Scenario } from "../../../src/sim/scenario.ts";
import type { World } from "../../../src/sim/world.ts";
import { CONSTANTS } from "../../../src/wasm/face.ts";

const { EBADF, KIND_ARRAY_OF_MAPS, KIND_HASH_OF_MAPS } = CONSTANTS;

const OUTERS = [
  ["array", KIND_ARRAY_OF_MAPS, "arrayOfMapsLookup", "arrayOfMapsUpdate", "arrayOfMapsDelete"],
  ["hash", KIND_HASH_OF_MAPS, "hashOfMapsLookup", "hashOfMapsUpdate", "hashDelete"],
] as const;

const SEEN = {
  held: "not freed while an entry has it",
  used: "used after it was destroyed",
  refused: "not put into an entry after it was destroyed",
  put: "put into an entry, then destroyed",
} as const;

/** All pages are back once both maps are gone. */
function checkBack(world: World, outer: number, before: number): void {
  checkRest(world);
  world.once("everything goes", () => {
    world.call("destroyMap", outer);
    checkDrains(world);
    for (let round = 0; round < 8; round++)
      for (const cpu of world.areas.keys()) {
        world.callOn(cpu, "timerTick");
        world.callOn(cpu, "reapMaps");
      }
    world.call("trimSlabs");
    const after = world.call("pagesInUse");
    if (after !== before) throw new Finding("leak", `${after} pages are in use, ${before} were before`);
    checkMemory(world);
  });
}

export const INNER_MAPS: readonly Scenario[] = OUTERS.map(([what, kind, lookup, update, remove]) => ({
  name: `inner-map-destroyed-in-${what}`,
  doc: `A map that an entry of ${what === "array" ? "an array" : "a hash"} of maps has is destroyed, and then taken out, while another CPU's program uses it and another thread puts it into a second entry.`,
  cpus: 3,
  bound: 2,
  reaches: Object.values(SEEN),
  prepare(world) {
    const before = world.call("pagesInUse");
    const inner = world.createHash({ maxEntries: 4 });
    const outer = world.createMap({ kind, keySize: 4, valueSize: 4, maxEntries: 2, inner });
    const [first, second] = [world.words(0), world.words(1)];
    const [named, value, into] = [world.words(inner), world.words(7, 7), world.scratch(8)];
    world.call("hashUpdate", inner, second, value, 0);
    world.call(update, outer, first, named, 0);
    return () => {
      let isDestroyed = false;
      function* program(): Body {
        yield ["readEnter"];
        const found = (yield [lookup, outer, first]) >>> 0;
        if (found !== 0) {
          const errno = (yield ["hashGet", found, second, into]) | 0;
          if (errno !== 0 || world.memory.load(into) !== 7)
            throw new Finding("freed", `a map that a program has found says ${errno}, ${world.memory.load(into)}`);
          if (isDestroyed) world.saw(SEEN.used);
        }
        yield ["readLeave"];
      }
      return {
        fibers: [
          task(0, function* () {
            yield ["destroyMap", inner];
            isDestroyed = true;
            // Long enough for a grace period to end before the entry goes.
            for (let tries = 0; tries < 4; tries++) if ((yield ["reapMaps"]) !== 0) world.saw(SEEN.held);
            yield [remove, outer, first];
            for (let tries = 0; tries < 3; tries++) yield ["reapMaps"];
          }),
          task(1, program),
          task(2, function* () {
            const result = (yield [update, outer, second, named, 0]) | 0;
            if (result === -EBADF) world.saw(SEEN.refused);
            else if (result !== 0) throw new Finding("errno", `${update} says ${result}`);
            else if (!isDestroyed) world.saw(SEEN.put);
            if (result === 0 && world.field(inner, "MapHeader", "serial") === 0)
              throw new Finding("freed", "a map that an entry has was freed");
          }),
        ],
        atRest: () => checkBack(world, outer, before),
      };
    };
  },
}));

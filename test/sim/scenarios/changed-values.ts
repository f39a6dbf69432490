import { cachesOf } from "../../../src/sim/checks/lists.ts";
import { interrupt, task } from "../../../src/sim/fiber.ts";
import { FIRST_VALUE, prepareHash, putKeys, roomForPairs } from "../../../src/sim/hash-table.ts";
import type { Scenario } from "../../../src/sim/scenario.ts";
import { withHash } from "./common.ts";

/** What putKeys gives key 1. */
const PUT = FIRST_VALUE + 1;

/** Read-modify-write while others write: nobody's change is lost, and nothing is taken for what was expected. */
export const CHANGED_VALUES: readonly Scenario[] = [
  {
    name: "added-by-all",
    doc: "Two CPUs and an NMI add to a number that is not there at first and deleted once: every sum counts.",
    cpus: 2,
    bound: 2,
    reaches: [{ in: "changeLocked" }, { in: "insertNumber" }],
    prepare(world) {
      // A number beside the map's own of each operation, and all of 8 bytes of room for it.
      const prepared = roomForPairs(prepareHash(world, world.createHash({ valueSize: 4, maxEntries: 4 }), 2));
      return () =>
        withHash(prepared, (table) => [
          task(0, function* () {
            yield* table.add(1, 1);
            yield* table.get(1);
            yield* table.delete(1);
          }),
          task(1, function* () {
            yield* table.add(1, 10);
            yield* table.add(1, 100);
          }),
          interrupt("nmi", 0, function* () {
            yield* table.add(1, 1000);
          }),
        ]);
    },
  },
  {
    name: "exchanged-in-pool-nmi",
    doc: "A preallocated map's value is taken away where it is expected; an NMI puts another key into the element as it comes back.",
    cpus: 1,
    bound: 2,
    reaches: [{ in: "giveToOther" }, "it came back", "the NMI has it"],
    prepare(world) {
      const map = world.createHash({ maxEntries: 4, supply: "pool" });
      const prepared = roomForPairs(prepareHash(world, map, 3));
      putKeys(prepared, [1]);
      const cache = cachesOf(world, world.field(map, "MapHeader", "elements"))[0] ?? 0;
      const first = (): number => world.field(cache, "Cache", "free");
      return () =>
        withHash(prepared, (table) => [
          task(0, function* () {
            const before = first();
            if ((yield* table.exchange(1, PUT, "nothing")) === 0 && first() !== before) world.saw("it came back");
          }),
          interrupt("nmi", 0, function* () {
            const before = first();
            if ((yield* table.update(2)) === 0 && first() !== before) world.saw("the NMI has it");
          }),
        ]);
    },
  },
  ...[8, 24].map(
    (valueSize): Scenario => ({
      name: `exchanged-${valueSize}-bytes`,
      doc: `Two CPUs replace and delete a value of ${valueSize} bytes that both expect: one of them has it.`,
      cpus: 2,
      bound: 2,
      reaches: ["another value", "replaced", "deleted"],
      prepare(world) {
        const prepared = roomForPairs(prepareHash(world, world.createHash({ valueSize, maxEntries: 4 }), 2));
        putKeys(prepared, [1]);
        return () =>
          withHash(prepared, (table) => [
            task(0, function* () {
              const errno = yield* table.exchange(1, PUT, "another");
              world.saw(errno === 0 ? "replaced" : "another value");
              yield* table.get(1);
            }),
            task(1, function* () {
              yield* table.update(1);
              yield* table.exchange(1, PUT, "nothing");
              const seen = yield* table.get(1);
              if ((yield* table.exchange(1, seen, "nothing")) === 0) world.saw("deleted");
            }),
          ]);
      },
    }),
  ),
];

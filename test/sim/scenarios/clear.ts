/** A map is emptied while others write, in any context: what was there when it began, and stayed, is gone. */
import { interrupt, task } from "../../../src/sim/fiber.ts";
import { overflowingKeys, prepareHash, putKeys } from "../../../src/sim/hash-table.ts";
import type { Scenario } from "../../../src/sim/scenario.ts";
import type { HashOptions, World } from "../../../src/sim/world.ts";
import { withHash } from "./common.ts";

interface Way {
  readonly name: string;
  readonly doc: string;
  readonly map: HashOptions;
  /** Room for the addresses of so many elements: a bucket may have more. */
  readonly room: number;
  readonly overflows?: boolean;
}

const WAYS: readonly Way[] = [
  {
    name: "clear-while-writing",
    doc: "A map is emptied while another CPU and an NMI write to it.",
    map: { maxEntries: 1024 },
    room: 8,
  },
  {
    name: "clear-replaced",
    doc: "Elements are replaced, and others' by then, while a map is emptied that goes by them.",
    map: { maxEntries: 4, valueSize: 24, supply: "pool" },
    room: 8,
  },
  {
    name: "clear-overflowing",
    doc: "A bucket has more entries than there is room for at a time.",
    map: { maxEntries: 16 },
    room: 2,
    overflows: true,
  },
];

/** Of which those share a bucket that an overflowing one needs. */
const MANY = 64;

/** The map with all of its keys but the last, and what it is emptied by. */
function prepare(world: World, { map, room, overflows = false }: Way) {
  const prepared = prepareHash(world, world.createHash(map), overflows ? MANY : 3);
  const keys = overflows ? overflowingKeys(prepared, 1) : [1, 2, 3];
  putKeys(prepared, keys.slice(0, -1));
  return { prepared, keys, list: world.scratch(room * 4), bytes: room * 4 };
}

export const CLEARS: readonly Scenario[] = WAYS.map((way) => ({
  name: way.name,
  doc: way.doc,
  cpus: 2,
  bound: 2,
  reaches: [{ in: "clearSome" }, "it was emptied"],
  prepare(world) {
    const { prepared, keys, list, bytes } = prepare(world, way);
    const [first = 0, second = 0] = keys;
    const last = keys.at(-1) ?? 0;
    return () =>
      withHash(prepared, (table) => [
        task(0, function* () {
          yield* table.clear(0, list, bytes);
          world.saw("it was emptied");
          yield* table.get(first);
        }),
        task(1, function* () {
          yield* table.update(first);
          yield* table.delete(second);
          yield* table.update(last);
        }),
        interrupt("nmi", 0, function* () {
          yield* table.update(second);
        }),
      ]);
  },
}));

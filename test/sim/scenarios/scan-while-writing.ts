/** Walks beside one who writes: as entries behind each other and as keys and values apart. */
import { type Call, task } from "../../../src/sim/fiber.ts";
import { Finding } from "../../../src/sim/finding.ts";
import { prepareHash } from "../../../src/sim/hash-table.ts";
import type { Scenario } from "../../../src/sim/scenario.ts";
import { withHash } from "./common.ts";

const ROOM = 512;
const COLUMN = ROOM / 2;
const VALUE_BYTES = 8;
/** A key, rounded up, and its value. */
const ENTRY_BYTES = 16;

interface Way {
  readonly name: string;
  readonly copies: string;
  readonly scan: (map: number, into: number) => Call;
  /** Bytes from one key, and from one value, to the next, and where the first value is. */
  readonly keyStep: number;
  readonly valueStep: number;
  readonly valuesAt: number;
}

const WAYS: readonly Way[] = [
  {
    name: "scan-while-writing",
    copies: "copyEntries",
    scan: (map, into) => ["mapScan", map, 0, into, ROOM],
    ...{ keyStep: ENTRY_BYTES, valueStep: ENTRY_BYTES, valuesAt: ENTRY_BYTES - VALUE_BYTES },
  },
  {
    name: "columns-while-writing",
    copies: "copyColumns",
    scan: (map, into) => ["mapScanColumns", map, 0, into, into + COLUMN, COLUMN / VALUE_BYTES],
    ...{ keyStep: 4, valueStep: VALUE_BYTES, valuesAt: COLUMN },
  },
];

export const SCANS: readonly Scenario[] = WAYS.map(({ name, copies, scan, keyStep, valueStep, valuesAt }) => ({
  name,
  doc: "A scan sees a key that stays exactly once and with its value, whatever comes and goes beside it.",
  cpus: 2,
  bound: 2,
  reaches: ["a key that stays was looked for", { in: copies }],
  prepare(world) {
    const map = world.createHash({ maxEntries: 4, valueSize: VALUE_BYTES });
    const prepared = prepareHash(world, map, 3);
    const into = world.scratch(ROOM);
    return () =>
      withHash(prepared, (table) => {
        let stays = false;
        return [
          task(0, function* () {
            // The first update writes 1, the second one 2: each key has its own number as value.
            yield* table.update(1);
            stays = true;
            yield* table.update(2);
            yield* table.delete(2);
            yield* table.update(3);
          }),
          task(1, function* () {
            const isThere = stays;
            const count = (yield scan(map, into)) | 0;
            const words = (first: number, step: number): number[] =>
              Array.from({ length: count }, (_, index) => world.memory.load(first + index * step));
            const [keys, values] = [words(into, keyStep), words(into + valuesAt, valueStep)];
            if (new Set(keys).size !== keys.length) throw new Finding("scan", `a scan saw a key twice: ${keys}`);
            if (keys.join() !== values.join()) throw new Finding("scan", `keys ${keys} have values ${values}`);
            if (isThere) world.saw("a key that stays was looked for");
            if (isThere && !keys.includes(1)) throw new Finding("missed", "a scan missed a key that stays");
          }),
        ];
      });
  },
}));

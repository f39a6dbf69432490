/** Every kind, dynamic and preallocated, in both profiles: it answers nothing that its contract does not say, and ends as it began. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { Arena, type Profile } from "../arena/arena.ts";
import { ERRNO, errnoName } from "../error.ts";
import { CONTRACTS, type OperationContract, WAITING_ERRORS } from "./contracts.ts";
import { MAP_KINDS } from "./kinds.ts";
import { EXIST, NOEXIST } from "./map.ts";
import { sampleMap } from "./testing.ts";

const MOST = 6;
const STEPS = fc.array(
  fc.record({
    what: fc.constantFrom("get" as const, "update" as const, "update" as const, "delete" as const, "take" as const),
    key: fc.nat(9),
    value: fc.nat(3),
    flags: fc.constantFrom(0, 0, NOEXIST, EXIST, 4, 8),
  }),
  { maxLength: 80 },
);

/** The codes of an operation's errors as numbers. */
function allowed({ waits, errors }: OperationContract): Set<number> {
  return new Set([...errors, ...(waits === "nobody" ? [] : WAITING_ERRORS)].map((name) => -ERRNO[name]));
}

/** What an operation says: 0 (also where it has nothing to give or remove), or the -errno that it returns or throws. */
function answer(act: () => unknown): number {
  try {
    const given = act();
    return typeof given === "number" ? given : 0;
  } catch (error) {
    const { code } = error as { code: keyof typeof ERRNO };
    return -ERRNO[code];
  }
}

const SIZED = MAP_KINDS.filter(({ system }) => system.update !== undefined);
const MODES = [false, true] as const;

for (const profile of ["anyctx", "linux"] as const satisfies readonly Profile[])
  for (const kind of SIZED)
    for (const prealloc of MODES) {
      const canBeBoth = ["hash", "percpu_hash", "hash_of_maps", "lru_hash", "lru_percpu_hash"].includes(kind.type);
      const skip = prealloc && !canBeBoth ? "it is there in one way only" : false;
      const title = `${kind.type}${prealloc ? ", preallocated" : ""}, profile ${profile}`;
      test(`${title}: answers what its contract says, and holds what it was given`, { skip }, async () => {
        const arena = await Arena.create({ maximumBytes: 64 << 20, cpus: 2, seed: 3, profile });
        const contract = CONTRACTS[kind.type];
        fc.assert(
          fc.property(STEPS, (steps) => {
            const { map, keyFor, valueFor } = sampleMap(arena, kind, MOST, prealloc ? { prealloc } : {});
            try {
              for (const { what, key, value, flags } of steps) {
                const operation = contract[what];
                const role = what === "take" ? kind.system.take : kind.system[what];
                assert.equal(
                  operation === undefined,
                  role === undefined,
                  `${what} is in the contract as in the registry`,
                );
                if (operation === undefined) continue;
                const act = {
                  get: () => map.get(keyFor(key)),
                  update: () => map.update(keyFor(key), valueFor(value), flags),
                  delete: () => map.delete(keyFor(key)),
                  take: () => map.take(keyFor(key)),
                }[what];
                const said = answer(act);
                assert.ok(said === 0 || allowed(operation).has(said), `${what} says ${errnoName(said)}`);
                if (what !== "update" || said !== 0 || kind.keys === "none" || kind.inner) continue;
                assert.deepEqual(map.get(keyFor(key)), valueFor(value));
                assert.ok(map.size <= MOST);
              }
              if (kind.walk && kind.keys === "bytes") {
                map.clear();
                assert.equal(map.size, 0);
              }
            } finally {
              map.close();
              arena.destroyMap("map");
              arena.destroyMap(`inner ${kind.type}`);
              arena.poll();
            }
          }),
          { numRuns: 40 },
        );
        arena.detach();
      });
    }

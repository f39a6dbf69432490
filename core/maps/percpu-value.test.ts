/** Per-CPU values of a hash: each CPU writes its own copy, user space all of them, and a new key begins with zeroes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { CONSTANTS } from "../../src/wasm/face.ts";
import { makeArena, RawMap } from "../testing.ts";

const { KIND_PERCPU_HASH, SUPPLY_CACHE, SUPPLY_POOL, ENOENT, ENOMEM } = CONSTANTS;
const CPUS = 3;

type Step =
  | { readonly all: number; readonly key: number }
  | { readonly own: number; readonly key: number; readonly cpu: number }
  | { readonly key: number };

const key = fc.nat(5);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ all: fc.integer({ min: 1, max: 200 }), key }),
  fc.record({ own: fc.integer({ min: 1, max: 200 }), key, cpu: fc.nat(CPUS - 1) }),
  fc.record({ key }),
);

for (const [name, supply] of [
  ["dynamic", SUPPLY_CACHE],
  ["preallocated", SUPPLY_POOL],
] as const)
  test(`${name}: copies are written one by one or together, and those of a new key are zero where none was given`, async () => {
    const arena = await makeArena({ cpus: CPUS });
    for (const cpu of [1, 2]) arena.takeCpu(cpu);
    for (const valueSize of [1, 8, 12, 300, 20_000]) {
      const map = new RawMap(arena, { kind: KIND_PERCPU_HASH, supply, valueSize, maxEntries: 6, name: `${valueSize}` });
      fc.assert(
        fc.property(fc.array(step, { minLength: 5, maxLength: 40, size: "max" }), (steps) => {
          const model = new Map<number, number[]>();
          for (const each of steps) {
            if ("all" in each) {
              const values = Array.from({ length: CPUS }, (_, cpu) => each.all + cpu);
              assert.equal(map.update(each.key, values), 0);
              model.set(each.key, values);
            } else if ("own" in each) {
              arena.switchCpu(each.cpu);
              // What a program does.
              assert.equal(arena.core.hashUpdate(map.address, map.key(each.key), map.value(each.own), 0), 0);
              const values = model.get(each.key) ?? Array<number>(CPUS).fill(0);
              model.set(each.key, values.with(each.cpu, each.own));
              assert.equal(map.byteAt(map.lookup(each.key)), each.own);
            } else assert.equal(map.delete(each.key), model.delete(each.key) ? 0 : -ENOENT);
            assert.deepEqual(map.get(each.key), model.get(each.key) ?? -ENOENT);
          }
          for (let each = 0; each < 6; each++) assert.deepEqual(map.get(each), model.get(each) ?? -ENOENT);
          for (const each of model.keys()) map.delete(each);
        }),
        { numRuns: 10 },
      );
    }
  });

test("another CPU's copy: of a key that is there and a CPU that there is, otherwise nothing", async () => {
  const arena = await makeArena({ cpus: CPUS });
  const map = new RawMap(arena, { kind: KIND_PERCPU_HASH, valueSize: 12, maxEntries: 6 });
  assert.equal(map.update(4, [7, 8, 9]), 0);
  const on = (key: number, cpu: number): number => arena.core.percpuHashLookupOn(map.address, map.key(key), cpu) >>> 0;
  for (let cpu = 0; cpu < CPUS; cpu++) assert.equal(map.byteAt(on(4, cpu)), 7 + cpu);
  for (const cpu of [CPUS, CPUS + 1, 2 ** 32 - 1]) assert.equal(on(4, cpu), 0);
  for (let cpu = 0; cpu < CPUS; cpu++) assert.equal(on(5, cpu), 0, "there is no such key");
});

test("memory that is out for values but not for elements: refused, and what is there stays as it was", async () => {
  for (const valueSize of [300, 1000, 20_000]) {
    const arena = await makeArena({ cpus: CPUS, maximumBytes: 4 << 20 });
    const map = new RawMap(arena, { kind: KIND_PERCPU_HASH, valueSize, maxEntries: 100_000 });
    const values = (key: number): number[] => Array.from({ length: CPUS }, (_, cpu) => 1 + ((key + cpu) % 200));
    let count = 0;
    let answer = 0;
    for (; answer === 0; count++) answer = map.update(count, values(count));
    assert.equal(answer, -ENOMEM);
    for (let again = 0; again < 10; again++) assert.equal(map.update(count, values(count)), -ENOMEM);
    for (let key = 0; key < count - 1; key++) assert.deepEqual(map.get(key), values(key));
  }
});

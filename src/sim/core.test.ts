/** The instrumented core is the core: the same door, and the same bytes after the same operations. */

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import fc from "fast-check";
import { CONSTANTS, LAYOUT } from "../wasm/face.ts";
import { loadSimCore } from "./core.ts";

const PAGES = 16;
const core = new WebAssembly.Module(await readFile(new URL("../../build/core.wasm", import.meta.url)));
const { module: instrumented, table } = await loadSimCore();

type Functions = Record<string, (...args: number[]) => number>;

function instantiate(module: WebAssembly.Module): { functions: Functions; memory: WebAssembly.Memory } {
  const memory = new WebAssembly.Memory({ initial: PAGES, maximum: PAGES, shared: true });
  const { exports } = new WebAssembly.Instance(module, { env: { memory }, sim: { step: () => {} } });
  return { functions: exports as Functions, memory };
}

test("the instrumented core exports what the core does, and Asyncify's five functions", () => {
  const names = (module: WebAssembly.Module): string[] =>
    WebAssembly.Module.exports(module).map(({ name, kind }) => `${kind} ${name}`);
  const added = names(instrumented).filter((name) => !names(core).includes(name));
  assert.deepEqual(
    names(core).filter((name) => !names(instrumented).includes(name)),
    [],
  );
  assert.deepEqual(added.sort(), [
    "function asyncify_get_state",
    "function asyncify_start_rewind",
    "function asyncify_start_unwind",
    "function asyncify_stop_rewind",
    "function asyncify_stop_unwind",
  ]);
});

test("the layout constants that the core exports are the same in both", () => {
  const globals = (module: WebAssembly.Module): (readonly [string, unknown])[] =>
    Object.entries(instantiate(module).functions as unknown as Record<string, unknown>).flatMap(([name, value]) =>
      value instanceof WebAssembly.Global ? [[name, value.value] as const] : [],
    );
  assert.deepEqual(globals(instrumented), globals(core));
});

test("every site of the instrumented core is known by file, line and function", () => {
  const { kinds, fileOf, files, lineOf, functionOf } = table;
  assert.ok(kinds.length > 1000);
  const unknown = kinds.filter((_, site) => !files[fileOf[site] ?? -1]?.startsWith("core/") || !lineOf[site]);
  // What is inlined several times leaves copies with parts that nothing reaches, and that are not written.
  assert.ok(unknown.length < kinds.length / 50, `${unknown.length} of ${kinds.length} sites have no place`);
  assert.ok(functionOf.includes("cacheTake"));
});

/** One operation: which, and a number that says with what. */
const OPERATIONS: readonly ((functions: Functions, state: State, choice: number) => number | undefined)[] = [
  (f, { map, keys, values }, n) => f["hashUpdate"]?.(map, keys + (n % 16) * 8, values + (n % 8) * 8, n % 3),
  (f, { map, keys }, n) => f["hashDelete"]?.(map, keys + (n % 16) * 8),
  (f, { map, keys, values }, n) => f["hashGet"]?.(map, keys + (n % 16) * 8, values + 64 + (n % 8) * 8),
  (f, { allocator, held }, n) => {
    const object = (f["objectAllocate"]?.(allocator, 1 + ((n * 37) % 1000), 0) ?? 0) >>> 0;
    if (object > 65535) held.push(object);
    return object;
  },
  (f, { held }, n) => f["objectFree"]?.(held.splice(n % (held.length || 1), 1)[0] ?? 0),
  (f, { held }, n) => f["objectFreeRcu"]?.(held.splice(n % (held.length || 1), 1)[0] ?? 0),
  (f, { allocator }) => f["objectTrim"]?.(allocator),
  (f, _, n) => f["contextSet"]?.(n % 4, n & 1),
  (f) => f["timerTick"]?.(),
];

interface State {
  readonly map: number;
  readonly allocator: number;
  readonly keys: number;
  readonly values: number;
  readonly held: number[];
}

/** Does the operations on a fresh arena: their results, then the whole memory. */
function run(module: WebAssembly.Module, operations: readonly (readonly [number, number])[]): unknown[] {
  const { functions, memory } = instantiate(module);
  assert.equal(functions["arenaFormat"]?.(2, 1), 0);
  functions["switchCpu"]?.(0);
  const keys = functions["allocateBytes"]?.(16 * 8) ?? 0;
  const values = functions["allocateBytes"]?.(16 * 8) ?? 0;
  const words = new Uint32Array(memory.buffer);
  for (let word = 0; word < 32; word++) {
    words[keys / 4 + word] = word * 7;
    words[values / 4 + word] = word + 1;
  }
  const map = functions["createMap"]?.(CONSTANTS.KIND_HASH, 8, 8, 64, 0, 0, 1) ?? 0;
  functions["publishMap"]?.(map);
  const allocator = functions["createObjectAllocator"]?.(0, 0, 1 << 30) ?? 0;
  const state: State = { map, allocator, keys, values, held: [] };
  const results = operations.map(([which, choice]) => OPERATIONS[which]?.(functions, state, choice));
  // The simulator's budgets of loads are smaller: nothing else may differ.
  for (const cpu of [0, 1]) {
    const area = functions["cpuAreaAddress"]?.(cpu) ?? 0;
    new Uint32Array(memory.buffer, area + LAYOUT.CpuArea.spinsLeft, 1)[0] = 0;
  }
  return [results, Buffer.from(new Uint8Array(memory.buffer)).toString("latin1")];
}

test("the same operations leave the same bytes in memory, with and without instrumentation", () => {
  const operation = fc.tuple(fc.nat(OPERATIONS.length - 1), fc.nat(10_000));
  fc.assert(
    fc.property(fc.array(operation, { maxLength: 300 }), (operations) => {
      const [results, memory] = run(core, operations);
      const [simulated, copy] = run(instrumented, operations);
      assert.deepEqual(simulated, results);
      assert.ok(memory === copy, "the memory differs");
    }),
    { numRuns: 60 },
  );
});

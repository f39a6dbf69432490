/** How arenas, maps and allocators are shown, and that they are not cloned. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";
import { Arena } from "../arena/arena.ts";
import { none, string, u32, u64 } from "./codec/codec.ts";
import { json } from "./codec/json.ts";

const makeArena = (): Promise<Arena> => Arena.create({ maximumBytes: 64 << 20, cpus: 2, seed: 5 });

test("a map shows its entries as Map does, an arena and an allocator a line", async () => {
  const arena = await makeArena();
  const map = arena.createMap({ type: "hash", name: "people", key: string(8), value: json(40), maxEntries: 500 });
  assert.equal(inspect(map), 'ArenaMap(0) "people" {}');
  map.set("ann", { age: 5 });
  assert.equal(inspect(map), "ArenaMap(1) \"people\" { 'ann' => { age: 5 } }");
  for (let index = 0; index < 300; index++) map.set(`n${index}`, index);
  const text = inspect(map);
  assert.match(text, /^ArenaMap\(301\) "people" \{/);
  assert.match(text, /\.\.\. 201 more items\s*\}$/);
  assert.match(inspect(map, { maxArrayLength: 0 }), /^ArenaMap\(301\) "people" \{ \.\.\. 301 more items \}$/);
  assert.equal(inspect(map, { maxArrayLength: null }).match(/=>/g)?.length, 301);
  assert.match(inspect({ map }, { depth: 0 }), /people/);
  const queue = arena.createMap({ type: "queue", name: "queue", key: none, value: u32, maxEntries: 5 });
  queue.push(7);
  assert.equal(inspect(queue), 'ArenaMap(1) "queue" { queue, at most 5 }');
  assert.match(inspect(arena), /^Arena \(CPU 0 of 2, [\d.]+ MiB of 64\.0 MiB in use\)$/);
  const allocator = arena.createAllocator({ objectSize: 48, name: "nodes", debug: false });
  assert.equal(inspect(allocator), 'ObjectAllocator "nodes" (objects of 48 bytes)');
  assert.equal(
    inspect(arena.createAllocator({ any: true, debug: true })),
    "ObjectAllocator (any size up to 4072, debug mode)",
  );
  for (const shown of [arena, allocator]) assert.equal(JSON.stringify([shown]), JSON.stringify([inspect(shown)]));
  assert.equal(JSON.stringify({ map }), JSON.stringify({ map: 'ArenaMap(301) "people"' }));
});

test("neither an arena nor what is of one is cloned as an object that can do nothing", async () => {
  const arena = await makeArena();
  const map = arena.createMap({ type: "hash", name: "map", key: u32, value: u64, maxEntries: 10 });
  const { port1 } = new MessageChannel();
  for (const object of [arena, map, arena.createAllocator({ objectSize: 48 }), { inside: [map] }])
    for (const clone of [() => structuredClone(object), () => port1.postMessage(object)])
      assert.throws(clone, { name: "DataCloneError", message: /arena\.handle\(\)/ });
  port1.close();
});

/** Maps without caches: every freed element waits for a callback, which runs on its own CPU. None of it may be stranded. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Arena } from "../../src/arena/arena.ts";
import { ERRNO } from "../../src/error.ts";
import { bytes, u32 } from "../../src/maps/codec/codec.ts";
import type { ArenaMap } from "../../src/maps/map.ts";
import { LAYOUT } from "../../src/wasm/face.ts";
import { makeArena, makeHash } from "../testing.ts";

const VALUE = new Uint8Array(1000);

function makeMap(arena: Arena, name = "map"): ArenaMap<number, Uint8Array> {
  const [key, value] = [u32, bytes(VALUE.length)];
  return arena.createMap({ type: "hash", name, key, value, maxEntries: 4000, withoutCache: true });
}

/** Fills and deletes, without a poll. */
function churn(map: ArenaMap<number, Uint8Array>, rounds: number): void {
  for (let round = 0; round < rounds; round++) {
    for (let key = 0; key < 4000; key++) assert.equal(map.update(key, VALUE), 0, `round ${round}, key ${key}`);
    for (let key = 0; key < 4000; key++) assert.equal(map.delete(key), true);
  }
}

/** Callbacks of a CPU that have not run. */
function waiting(arena: Arena, cpu: number): number {
  const area = arena.core.cpuAreaAddress(cpu);
  return arena.word(area + LAYOUT.CpuArea.callbackCount) + arena.word(area + LAYOUT.CpuArea.waitingCallbackCount);
}

test("a thread that fills and deletes without a poll never runs out of memory that only waits", async () => {
  const arena = await makeArena({ maximumBytes: 8 << 20 });
  // Its elements are of another class: slabs have to be emptied for them.
  const other = makeHash(arena, { name: "other", valueSize: 100, maxEntries: 20_000 });
  churn(makeMap(arena), 10);
  assert.ok(waiting(arena, 0) > 0);
  for (let key = 0; key < 20_000; key++) assert.equal(other.update(key, new Uint8Array(100)), 0);
});

test("memory that a reader holds up is -ENOMEM, and there again when the reader has left", async () => {
  const arena = await makeArena({ maximumBytes: 8 << 20 });
  const reader = await Arena.attach(arena.handle());
  const map = makeMap(arena);
  reader.core.readEnter();
  let result = 0;
  for (let key = 0; key < 20_000 && result === 0; key++) {
    result = map.update(key, VALUE);
    if (result === 0) map.delete(key);
  }
  assert.equal(result, -ERRNO.ENOMEM);
  reader.core.readLeave();
  churn(map, 2);
});

for (const leaves of ["detaches", "dies"])
  test(`what waits on a CPU whose thread ${leaves} goes with a trim`, async () => {
    const arena = await makeArena();
    const thread = arena.handle();
    const other = await Arena.attach(thread);
    const map = makeMap(other);
    churn(map, 5);
    assert.equal(waiting(arena, other.cpu), 20_000);
    arena.destroyMap("map");
    if (leaves === "detaches") other.detach();
    else assert.deepEqual(arena.reap(thread), [other.cpu]);
    arena.trim();
    arena.trim();
    assert.equal(waiting(arena, other.cpu), 0);
    const { core } = arena;
    arena.detach();
    core.trimSlabs();
    assert.equal(core.pagesInUse(), 0);
  });

test("trim of one's own CPU and destruction give back what waits", async () => {
  const arena = await makeArena();
  churn(makeMap(arena), 1);
  arena.trim();
  assert.equal(waiting(arena, 0), 0);
  const again = makeMap(arena, "again");
  churn(again, 1);
  for (const map of arena.maps()) arena.destroyMap(map.name);
  arena.poll();
  assert.equal(waiting(arena, 0), 0);
});

test("the profile linux allocates with interrupts off: a map without caches is refused there", async () => {
  const arena = await makeArena({ profile: "linux" });
  assert.throws(() => makeMap(arena), {
    code: "EINVAL",
    message: /cannot be withoutCache in an arena with the profile linux/,
  });
  assert.deepEqual(arena.maps(), []);
});

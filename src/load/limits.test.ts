/** Objects at the limits of what their loader takes, and what it makes of them before a kernel sees it. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Arena } from "../arena/arena.ts";
import { readObject } from "../bpf/object/object.ts";
import { DirectRuns } from "./direct.ts";
import { type LoadedObject, type LoadOptions, loadSpec } from "./load.ts";

const PATH = "src/bpf/fixtures/limits.bpf.o";
const PACKET = new Uint8Array(64);

async function load(options: LoadOptions = {}): Promise<{ arena: Arena; loaded: LoadedObject; runs: DirectRuns }> {
  const arena = await Arena.create({ cpus: 1, maximumBytes: 512 << 20, seed: 1 });
  const loaded = loadSpec(arena, readObject(readFileSync(PATH), PATH), { engine: "interpreter", ...options });
  return { arena, loaded, runs: new DirectRuns(arena, loaded) };
}

test("sections with names longer than those of maps are maps of their own", async () => {
  const { arena, loaded, runs } = await load();
  assert.equal(runs.run({ program: "sections", packet: PACKET }).result, 456n);
  const names = arena.maps().map(({ name }) => name);
  assert.equal(new Set(names).size, loaded.maps.length);
  assert.ok(names.every((name) => name.length <= 63));
});

test("a ring buffer has the next power of two of bytes, also where its size is set", async () => {
  for (const [entries, bytes] of [
    [undefined, 8192n],
    [1, 4096n],
    [65_537, 131_072n],
  ] as const) {
    const { runs } = await load(entries === undefined ? {} : { mapEntries: new Map([["ring", entries]]) });
    assert.equal(runs.run({ program: "ring_bytes", packet: PACKET }).result, bytes);
  }
});

test("variables of a hundred megabytes", async () => {
  const { runs } = await load();
  assert.equal(runs.run({ program: "last_byte", packet: PACKET }).result, 3n);
  assert.equal(runs.run({ program: "last_byte", packet: PACKET }).result, 6n);
});

test("a function of the kernel's that returns nothing sets no r0, another one has to", async () => {
  const { loaded, runs } = await load({ verify: true });
  assert.deepEqual(
    loaded.skipped.map(({ name, reason }) => [name, /uninitialized/.test(reason)]),
    [["unset", true]],
  );
  assert.equal(runs.run({ program: "release", args: [9n] }).error, undefined);
  assert.equal(runs.run({ program: "sections", packet: PACKET }).result, 956n);
});

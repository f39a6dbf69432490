/** Entries of lengths of their own against a plain Map of texts, by the core's own functions: any lengths, and back to nothing. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Arena } from "../../../src/arena/arena.ts";
import { CONSTANTS, LAYOUT } from "../../../src/wasm/face.ts";
import { createRaw, makeArena } from "../../testing.ts";

const { KIND_VARIABLE_HASH, GIVEN_BYTES, VARIABLE_KEY, VARIABLE_SETS, E2BIG, ENOENT, ENOSPC, EEXIST, EAGAIN, EINVAL } =
  CONSTANTS;
/** The largest key and value that an element has room for: 4 MiB in all. */
const LARGEST = 256 * CONSTANTS.PAGE_BYTES - VARIABLE_KEY;

/** A map of bytes, given and taken as latin1 text. */
class VariableMap {
  readonly arena: Arena;
  readonly address: number;
  readonly #key: number;
  readonly #value: number;
  readonly #other: number;

  constructor(arena: Arena, maxEntries = 10_000) {
    this.arena = arena;
    this.address = createRaw(arena, { kind: KIND_VARIABLE_HASH, keySize: 0, valueSize: 0, maxEntries });
    assert.ok(this.address >= CONSTANTS.SUPERBLOCK, `errno ${this.address}`);
    [this.#key, this.#value, this.#other] = [1, 2, 3].map(() => arena.allocate(LARGEST + 64)) as [
      number,
      number,
      number,
    ];
  }

  #give(at: number, text: string): number {
    new Uint32Array(this.arena.memory.buffer, at, 1)[0] = text.length;
    new Uint8Array(this.arena.memory.buffer, at + GIVEN_BYTES, text.length).set(Buffer.from(text, "latin1"));
    return at;
  }

  set(key: string, value: string, flags = 0): number {
    return this.arena.core.hashUpdate(this.address, this.#give(this.#key, key), this.#give(this.#value, value), flags);
  }

  /** The value, or -errno. @param room for it, in bytes */
  get(key: string, room = LARGEST): string | number {
    const words = new Uint32Array(this.arena.memory.buffer, this.#value, 2);
    words.set([0xffffffff, room]);
    const result = this.arena.core.variableHashGet(this.address, this.#give(this.#key, key), this.#value);
    if (result === -ENOSPC) assert.ok((words[0] ?? 0) > room);
    if (result !== 0) return result;
    return Buffer.from(new Uint8Array(words.buffer, this.#value + GIVEN_BYTES, words[0])).toString("latin1");
  }

  has(key: string): number {
    return this.arena.core.variableHashGet(this.address, this.#give(this.#key, key), 0);
  }

  delete(key: string): number {
    return this.arena.core.hashDelete(this.address, this.#give(this.#key, key));
  }

  exchange(key: string, expected: string, value: string | undefined): number {
    const { core } = this.arena;
    const [at, from] = [this.#give(this.#key, key), this.#give(this.#value, expected)];
    if (value === undefined) return core.hashCompareDelete(this.address, at, from);
    return core.hashCompareUpdate(this.address, at, from, this.#give(this.#other, value));
  }

  /** All keys, by a walk with so much room in each step. */
  keys(bytes: number): string[] {
    const { core, memory } = this.arena;
    const keys: string[] = [];
    let from = 0;
    do {
      const count = core.mapScanKeys(this.address, from, this.#value, bytes);
      assert.ok(count >= 0, `a walk says ${count}`);
      let at = this.#value;
      for (let index = 0; index < count; index++) {
        const length = this.arena.word(at);
        keys.push(Buffer.from(new Uint8Array(memory.buffer, at + GIVEN_BYTES, length)).toString("latin1"));
        at += GIVEN_BYTES + Math.ceil(length / 8) * 8;
      }
      from = this.arena.word(core.currentArea() + LAYOUT.CpuArea.scanNext);
    } while (from !== 0);
    return keys;
  }

  /** Destroys the map, and sees its memory go. */
  destroy(): void {
    const { core } = this.arena;
    assert.equal(core.destroyMap(this.address), 0);
    core.closeMap(this.address, this.arena.cpu);
    for (let round = 0; round < 8 && core.reapMaps() !== 0; round++) core.timerTick();
    assert.equal(core.reapMaps(), 0);
    for (const room of [this.#key, this.#value, this.#other]) core.freeBytes(room);
  }

  /** Elements that the map's caches own. */
  owned(): number {
    const first = this.arena.word(this.address + LAYOUT.MapHeader.elements);
    const bytes = CONSTANTS.SET_BYTES + this.arena.cpus * CONSTANTS.CACHE_BYTES;
    const sets = Array.from({ length: VARIABLE_SETS }, (_, index) => first + index * bytes);
    return sets.reduce((sum, set) => sum + this.arena.core.allocatorOwned(set), 0);
  }
}

/** Around what fits a class, what is a run, and the empty text. */
const lengths = fc.oneof(
  fc.integer({ min: 0, max: 90 }),
  fc.constantFrom(488, 489, 1000, 4072, 4073, 4080, 16_300, 16_361, 50_000),
);
/** A text whose bytes are all the same, NUL too. */
const texts = fc.tuple(lengths, fc.constantFrom("\0", "a", "\xff")).map(([length, letter]) => letter.repeat(length));
const steps = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ set: texts, value: texts, flags: fc.constantFrom(0, 0, 1, 2) }) },
    { weight: 2, arbitrary: fc.record({ delete: texts }) },
    { weight: 1, arbitrary: fc.record({ exchange: texts, expected: texts, value: fc.option(texts) }) },
  ),
  { maxLength: 60, size: "max" },
);

function errnoOf(model: ReadonlyMap<string, string>, key: string, flags: number): number {
  if (flags === 1 && model.has(key)) return -EEXIST;
  return flags === 2 && !model.has(key) ? -ENOENT : 0;
}

test("any keys and values, also empty ones and ones with NULs: what a Map has, and nothing is left of it", async () => {
  const arena = await makeArena({ maximumBytes: 256 << 20 });
  arena.core.trimSlabs();
  const pages = arena.core.pagesInUse();
  fc.assert(
    fc.property(steps, (sequence) => {
      const map = new VariableMap(arena);
      const model = new Map<string, string>();
      for (const step of sequence) {
        if ("set" in step) {
          const errno = errnoOf(model, step.set, step.flags);
          assert.equal(map.set(step.set, step.value, step.flags), errno);
          if (errno === 0) model.set(step.set, step.value);
        } else if ("delete" in step) assert.equal(map.delete(step.delete), model.delete(step.delete) ? 0 : -ENOENT);
        else {
          const { exchange: key, expected, value } = step;
          const there = model.get(key);
          const errno = there === undefined ? -ENOENT : there === expected ? 0 : -EAGAIN;
          assert.equal(map.exchange(key, expected, value ?? undefined), errno);
          if (errno === 0 && value === null) model.delete(key);
          else if (errno === 0) model.set(key, value as string);
        }
      }
      for (const [key, value] of model) {
        assert.equal(map.get(key), value);
        assert.equal(map.has(key), 0);
      }
      assert.equal(map.get("not there"), -ENOENT);
      assert.equal(map.has("not there"), -ENOENT);
      assert.deepEqual(map.keys(200_000).sort(), [...model.keys()].sort());
      assert.equal(arena.core.mapCount(map.address), model.size);
      for (const key of model.keys()) assert.equal(map.delete(key), 0);
      map.destroy();
    }),
    { numRuns: 60 },
  );
  arena.core.trimSlabs();
  assert.ok(arena.core.pagesInUse() <= pages, `${arena.core.pagesInUse()} pages, ${pages} before`);
});

test("an entry is as large as 4 MiB, and no larger; a value that is longer than the room for it says how long it is", async () => {
  const arena = await makeArena();
  const map = new VariableMap(arena);
  const largest = "x".repeat(LARGEST - 8);
  assert.equal(map.set("k", largest), 0);
  assert.equal(map.get("k"), largest);
  assert.equal(map.get("k", 1024), -ENOSPC);
  assert.equal(map.set("k", `${largest}y`), -E2BIG);
  assert.equal(map.set("another", `${largest}y`), -E2BIG);
  assert.equal(map.get("k"), largest);
  assert.equal(map.set("k", "short"), 0);
  assert.equal(map.get("k"), "short");
});

test("what it takes is what fits its entries: sizes come and go, and what is owned stays bounded", async () => {
  const arena = await makeArena();
  const map = new VariableMap(arena);
  for (let round = 0; round < 50; round++) {
    const value = "v".repeat((round * 97) % 3000);
    for (let key = 0; key < 40; key++) assert.equal(map.set(`key ${key}`, value), 0);
  }
  for (let key = 0; key < 40; key++) assert.equal(map.get(`key ${key}`), "v".repeat((49 * 97) % 3000));
  assert.ok(map.owned() < 40 + 11 * 200, `${map.owned()} elements`);
  arena.trim();
  arena.trim();
  assert.equal(map.owned(), 40);
});

test("it has no sizes, and no pool", async () => {
  const arena = await makeArena();
  const sizes = { kind: KIND_VARIABLE_HASH, keySize: 0, valueSize: 0, maxEntries: 10 };
  for (const wrong of [{ keySize: 4 }, { valueSize: 8 }, { maxEntries: 0 }, { supply: 1 }, { supply: 2 }])
    assert.equal(createRaw(arena, { ...sizes, ...wrong }), EINVAL);
  assert.ok(createRaw(arena, sizes) >= CONSTANTS.SUPERBLOCK);
});

test("max_entries counts entries, however large", async () => {
  const map = new VariableMap(await makeArena(), 5);
  for (let key = 0; key < 5; key++) assert.equal(map.set(`${key}`.repeat(key * 100), "value"), 0);
  assert.equal(map.set("one more", ""), -E2BIG);
  assert.equal(map.set("", "another"), 0, "replaced");
  assert.equal(map.delete(""), 0);
  assert.equal(map.set("one more", ""), 0);
});

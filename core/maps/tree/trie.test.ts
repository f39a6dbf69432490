/** The trie of prefixes against a plain map of them: longest match, exact deletion, order, and nodes that all come back. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ERRNO } from "../../../src/error.ts";
import { bytes, struct, u32 } from "../../../src/maps/codec/codec.ts";
import { type ArenaMap, EXIST, NOEXIST } from "../../../src/maps/map.ts";
import { CONSTANTS, LAYOUT } from "../../../src/wasm/face.ts";
import { LEVEL, makeArena } from "../../testing.ts";

const { EEXIST, EINVAL, ENOENT, ENOSPC } = ERRNO;
/** With the length, the 8 bytes of a key. */
const BYTES = 4;

interface Prefix {
  readonly length: number;
  readonly data: Uint8Array;
}

type Trie = ArenaMap<Prefix, number>;

const key = struct({ length: u32, data: bytes(BYTES) });
const arena = await makeArena();

function makeTrie(maxEntries: number): Trie {
  return arena.createMap({ type: "lpm_trie", name: "trie", key, value: u32, maxEntries });
}

function destroy(trie: Trie): void {
  trie.close();
  arena.destroyMap("trie");
}

function prefix(length: number, ...data: number[]): Prefix {
  const filled = new Uint8Array(BYTES);
  filled.set(data);
  return { length, data: filled };
}

/** The bits of a prefix as text. */
function bitsOf({ length, data }: Prefix): string {
  return [...data]
    .map((byte) => byte.toString(2).padStart(8, "0"))
    .join("")
    .slice(0, length);
}

/** Whether a comes before b in a walk: longer prefixes of a branch first, of two that part the one with a 0. */
function comesBefore(a: string, b: string): boolean {
  if (a.startsWith(b)) return a !== b;
  if (b.startsWith(a)) return false;
  return a < b;
}

/** Few bits differ, so that prefixes meet: lengths of all kinds, bytes of a few. */
const PREFIX = fc
  .tuple(
    fc.integer({ min: 0, max: 8 * BYTES }),
    fc.constantFrom(0x00, 0x80, 0xc0, 0xa5, 0xff),
    fc.constantFrom(0x00, 0x01, 0x80, 0xf0),
  )
  .map(([length, first, second]) => prefix(length, first, second));

const STEP = fc.oneof(
  fc.record({ what: fc.constant("update" as const), prefix: PREFIX, flags: fc.constantFrom(0, 0, 0, NOEXIST, EXIST) }),
  fc.record({ what: fc.constant("delete" as const), prefix: PREFIX, flags: fc.constant(0) }),
  fc.record({ what: fc.constant("get" as const), prefix: PREFIX, flags: fc.constant(0) }),
);

/** What an update returns by the model. */
function expectedErrno(model: ReadonlyMap<string, number>, bits: string, flags: number, maxEntries: number): number {
  if (model.has(bits)) return flags === NOEXIST ? -EEXIST : 0;
  if (flags === EXIST) return -ENOENT;
  return model.size >= maxEntries ? -ENOSPC : 0;
}

function longestMatch(model: ReadonlyMap<string, number>, bits: string): number | undefined {
  for (let length = bits.length; length >= 0; length--) {
    const found = model.get(bits.slice(0, length));
    if (found !== undefined) return found;
  }
  return undefined;
}

test("any sequence of updates, deletions and lookups is that of a map of prefixes, in the order of a walk", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 40 }), fc.array(STEP, { maxLength: 150 }), (maxEntries, steps) => {
      const trie = makeTrie(maxEntries);
      const model = new Map<string, number>();
      try {
        for (const [index, { what, prefix: each, flags }] of steps.entries()) {
          const bits = bitsOf(each);
          if (what === "get") assert.equal(trie.get(each), longestMatch(model, bits));
          else if (what === "delete") assert.equal(trie.delete(each), model.delete(bits));
          else {
            const expected = expectedErrno(model, bits, flags, maxEntries);
            assert.equal(trie.update(each, index, flags), expected);
            if (expected === 0) model.set(bits, index);
          }
          assert.equal(trie.size, model.size);
        }
        const walked = [...trie].map(([each, value]) => [bitsOf(each), value] as const);
        const sorted = [...model].sort(([a], [b]) => (comesBefore(a, b) ? -1 : 1));
        assert.deepEqual(walked, sorted);
      } finally {
        destroy(trie);
      }
    }),
    { numRuns: 300 },
  );
});

test("what is deleted during a walk is not met, what stays is met once", () => {
  fc.assert(
    fc.property(fc.uniqueArray(PREFIX, { selector: bitsOf, minLength: 1 }), fc.nat(), (prefixes, seed) => {
      const trie = makeTrie(1000);
      for (const [index, each] of prefixes.entries()) trie.set(each, index);
      const gone = new Set<string>();
      const met: string[] = [];
      for (const each of trie.keys()) {
        met.push(bitsOf(each));
        assert.ok(!gone.has(bitsOf(each)));
        // Itself, and some that may lie before or behind it.
        for (const [index, other] of prefixes.entries())
          if ((index + seed) % 3 === 0 || bitsOf(other) === bitsOf(each)) {
            gone.add(bitsOf(other));
            trie.delete(other);
          }
      }
      assert.equal(new Set(met).size, met.length);
      for (const each of prefixes) assert.ok(met.includes(bitsOf(each)) || gone.has(bitsOf(each)));
      destroy(trie);
    }),
  );
});

test("a prefix that is too long, flags that there are not, and keys and values that cannot be", () => {
  const trie = makeTrie(4);
  assert.equal(trie.update(prefix(33, 1, 2), 1), -EINVAL);
  assert.equal(trie.update(prefix(16, 1, 2), 1, 4), -EINVAL);
  assert.equal(trie.delete(prefix(33, 1, 2)), false);
  trie.set(prefix(0, 0, 0), 5);
  assert.equal(trie.get(prefix(33, 1, 2)), undefined);
  assert.equal(trie.get(prefix(16, 1, 2)), 5);
  destroy(trie);
  const create = (size: number, options = {}): unknown =>
    arena.createMap({ type: "lpm_trie", name: "odd", key: bytes(size), value: u32, maxEntries: 4, ...options });
  for (const size of [1, 4, 261]) assert.throws(() => create(size), { code: "EINVAL" });
  assert.throws(() => create(8, { prealloc: true }), { code: "EINVAL" });
});

test("a full trie takes other values for what is there, and a branch costs no entry", () => {
  const trie = makeTrie(2);
  trie.set(prefix(16, 0b10000000, 0), 1).set(prefix(16, 0b10100000, 0), 2);
  assert.equal(trie.update(prefix(8, 0b10000000, 0), 3), -ENOSPC);
  assert.equal(trie.update(prefix(16, 0b10100000, 0), 4, EXIST), 0);
  // Where the two part there is a branch: it is no entry, until it is made one.
  assert.equal(trie.get(prefix(2, 0b10000000, 0)), undefined);
  assert.ok(trie.delete(prefix(16, 0b10000000, 0)));
  assert.equal(trie.update(prefix(2, 0b10000000, 0), 5), 0);
  assert.deepEqual([trie.size, trie.get(prefix(16, 0b10100000, 0)), trie.get(prefix(16, 0b10000000, 0))], [2, 4, 5]);
  destroy(trie);
});

/** Nodes of CPU 0's that are not used again before a grace period is over. */
function waitingNodes(map: number): number {
  const cache = arena.word(map + LAYOUT.MapHeader.elements) + CONSTANTS.SET_BYTES;
  return arena.word(cache + LAYOUT.Cache.byRcuCount) + arena.word(cache + LAYOUT.Cache.waitingRcuCount);
}

test("nodes that were taken out wait for a grace period, and all come back when the map goes", () => {
  arena.trim();
  const before = arena.core.pagesInUse();
  const trie = makeTrie(1000);
  const { address } = trie.info;
  for (let index = 0; index < 500; index++) trie.set(prefix(16, index >> 8, index & 255), index);
  arena.read(() => {
    for (let index = 0; index < 500; index += 2) trie.delete(prefix(16, index >> 8, index & 255));
    for (let round = 0; round < 4; round++) arena.poll();
    assert.ok(waitingNodes(address) >= 250, `${waitingNodes(address)}`);
  });
  destroy(trie);
  for (let round = 0; round < 6; round++) arena.trim();
  assert.equal(arena.core.pagesInUse(), before);
});

test("an NMI looks up and walks while its CPU has the lock, and gets -EBUSY for a change; the dead owner's lock goes", () => {
  const trie = makeTrie(10);
  trie.set(prefix(8, 1, 0), 1);
  const at = trie.info.address + LAYOUT.MapHeader.treeLock;
  const lock = new Uint32Array(arena.memory.buffer, at, 1);
  lock[0] = arena.cpu + 1;
  const below = arena.core.contextEnter(LEVEL.nmi);
  assert.equal(trie.get(prefix(16, 1, 5)), 1);
  assert.equal([...trie.keys()].length, 1);
  assert.equal(trie.update(prefix(8, 2, 0), 1), -ERRNO.EBUSY);
  assert.throws(() => trie.delete(prefix(8, 1, 0)), { code: "EBUSY" });
  arena.core.contextLeave(below);
  lock[0] = 0;
  const other = arena.takeCpu();
  lock[0] = other + 1;
  arena.switchCpu(0);
  // The slot is another thread's as far as the core can tell.
  assert.equal(arena.core.reapCpu(other, arena.word(arena.core.cpuAreaAddress(other) + LAYOUT.CpuArea.owner)), 0);
  assert.ok(trie.delete(prefix(8, 1, 0)));
  assert.equal(trie.size, 0);
  destroy(trie);
});

/** Of keys whose last bytes are no whole word, what lies behind them is another's. */
for (const size of [1, 3, 5, 6, 9, 16])
  test(`property: keys of ${size} bytes find their longest prefix, wherever it ends`, () => {
    const sized = struct({ length: u32, data: bytes(size) });
    const bit = fc.constantFrom(0x00, 0x01, 0x80, 0xff);
    const data = fc.array(bit, { minLength: size, maxLength: size }).map((all) => Uint8Array.from(all));
    const any = fc.record({ length: fc.integer({ min: 0, max: 8 * size }), data });
    const property = fc.property(fc.array(any, { maxLength: 20 }), fc.array(any, { maxLength: 20 }), (there, asked) => {
      const trie = arena.createMap({ type: "lpm_trie", name: "trie", key: sized, value: u32, maxEntries: 100 });
      const model = new Map<string, number>();
      for (const [number, each] of there.entries()) {
        trie.set(each, number);
        model.set(bitsOf(each), number);
      }
      for (const each of [...there, ...asked]) assert.equal(trie.get(each), longestMatch(model, bitsOf(each)));
      trie.close();
      arena.destroyMap("trie");
    });
    fc.assert(property, { numRuns: 60 });
  });

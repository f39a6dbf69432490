/** Commands of `bpf(2)` on maps, where the recordings (test/vectors.test.ts) do not come: null pointers, descriptors, batches in parts. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { makeArena } from "../../../core/testing.ts";
import { ERRNO } from "../../error.ts";
import { CONSTANTS } from "../../wasm/face.ts";
import { bytes } from "../codec/codec.ts";
import type { CreateAttributes } from "./attributes.ts";
import { deleteBatch, readBatch, updateBatch } from "./batches.ts";
import { MapCommands } from "./commands.ts";

const { EBADF, EFAULT, EINVAL, ENOENT, ENOTSUPP, EPERM } = ERRNO;
const NO_FLAGS = { element: 0n, batch: 0n };

const arena = await makeArena();
const commands = new MapCommands(arena, 7);

function attributes(type: number, changes: Partial<CreateAttributes> = {}): CreateAttributes {
  return { type, keySize: 4, valueSize: 8, maxEntries: 100, flags: 0, numaNode: 0, extra: 0n, ...changes };
}

function makeMap(type: number, changes: Partial<CreateAttributes> = {}): number {
  const fd = commands.create(attributes(type, changes));
  assert.ok(fd > 0, `${fd}`);
  return fd;
}

const word = (value: number): Uint8Array => new Uint8Array(Uint32Array.of(value).buffer);
const value = (byte: number): Uint8Array => new Uint8Array(8).fill(byte);

test("a descriptor that is closed or never was is EBADF for every command", () => {
  const fd = makeMap(CONSTANTS.KIND_HASH);
  assert.equal(commands.close(fd), 0);
  for (const each of [fd, -1, 77]) {
    const map = commands.descriptor(each);
    const results = [
      commands.close(each),
      commands.info(each),
      commands.freeze(each),
      commands.update(each, word(1), value(1), 0n),
      commands.delete(each, word(1), 0n),
      commands.lookup(each, word(1), 0n).result,
      commands.take(each, word(1), 0n).result,
      commands.nextKey(each, undefined).result,
      readBatch(map, "lookup", undefined, 1, NO_FLAGS).result,
      updateBatch(map, word(1), value(1), 1, NO_FLAGS).result,
      deleteBatch(map, word(1), 1, NO_FLAGS).result,
    ];
    assert.deepEqual(new Set(results), new Set([-EBADF]));
  }
});

test("a null pointer where bytes are needed is EFAULT, a key for a queue EINVAL", () => {
  const hash = makeMap(CONSTANTS.KIND_HASH);
  const queue = makeMap(CONSTANTS.KIND_QUEUE, { keySize: 0 });
  assert.equal(commands.update(hash, undefined, value(1), 0n), -EFAULT);
  assert.equal(commands.update(hash, word(1), undefined, 0n), -EFAULT);
  assert.equal(commands.delete(hash, undefined, 0n), -EFAULT);
  assert.equal(commands.lookup(hash, undefined, 0n).result, -EFAULT);
  assert.equal(updateBatch(commands.descriptor(hash), word(1), undefined, 1, NO_FLAGS).result, -EFAULT);
  assert.deepEqual(deleteBatch(commands.descriptor(hash), undefined, 1, NO_FLAGS), { result: -EFAULT, count: 0 });
  assert.equal(commands.update(queue, word(1), value(1), 0n), -EINVAL);
  for (const fd of [hash, queue]) commands.close(fd);
});

test("threads find a map that was made here by its id, and read its bytes", () => {
  const fd = makeMap(CONSTANTS.KIND_HASH);
  commands.update(fd, word(5), value(9), 0n);
  const info = commands.info(fd);
  assert.ok(typeof info !== "number");
  using map = arena.openMap(`#${info.id}`, { key: bytes(4), value: bytes(8) });
  assert.deepEqual(map.get(word(5)), value(9));
  commands.close(fd);
});

test("a lookup batch goes on where the last one ended, whole buckets at a time, and gives every entry once", () => {
  for (const type of [CONSTANTS.KIND_HASH, CONSTANTS.KIND_ARRAY]) {
    const fd = makeMap(type, { maxEntries: 90 });
    for (let key = 0; key < 90; key++) commands.update(fd, word(key), value(key), 0n);
    const map = commands.descriptor(fd);
    const seen: string[] = [];
    let from: Uint8Array | undefined;
    let [result, steps] = [0, 0];
    while (result === 0) {
      const answer = readBatch(map, "lookup", from, 20, NO_FLAGS);
      assert.ok(answer.count <= 20 && answer.count === answer.entries.length);
      for (const [key, its] of answer.entries) {
        assert.deepEqual(its, value(key[0] as number));
        seen.push(key.join());
      }
      ({ result, out: from } = answer);
      steps++;
    }
    assert.deepEqual([result, new Set(seen).size, seen.length, steps > 3], [-ENOENT, 90, 90, true]);
    commands.close(fd);
  }
});

test("a take batch empties a hash; an array has none", () => {
  const hash = makeMap(CONSTANTS.KIND_HASH);
  for (let key = 0; key < 5; key++) commands.update(hash, word(key), value(key), 0n);
  const taken = readBatch(commands.descriptor(hash), "take", undefined, 9, NO_FLAGS);
  assert.deepEqual([taken.result, taken.entries.map(([key]) => key[0]).sort()], [-ENOENT, [0, 1, 2, 3, 4]]);
  assert.deepEqual(readBatch(commands.descriptor(hash), "take", undefined, 9, NO_FLAGS).entries, []);
  const array = makeMap(CONSTANTS.KIND_ARRAY);
  assert.equal(readBatch(commands.descriptor(array), "take", undefined, 9, NO_FLAGS).result, -ENOTSUPP);
  for (const fd of [hash, array]) commands.close(fd);
});

test("access flags hold for every command, as does a freeze", () => {
  const { RDONLY, WRONLY, KIND_HASH } = CONSTANTS;
  const readable = makeMap(KIND_HASH, { flags: RDONLY });
  const writable = makeMap(KIND_HASH, { flags: WRONLY });
  const frozen = makeMap(KIND_HASH);
  assert.equal(commands.update(frozen, word(1), value(1), 0n), 0);
  assert.deepEqual([commands.freeze(frozen), commands.freeze(frozen)], [0, -EPERM]);
  for (const fd of [readable, frozen]) {
    assert.equal(commands.update(fd, word(2), value(1), 0n), -EPERM);
    assert.equal(commands.delete(fd, word(1), 0n), -EPERM);
    assert.equal(commands.take(fd, word(1), 0n).result, -EPERM);
  }
  assert.deepEqual(commands.lookup(frozen, word(1), 0n).bytes, value(1));
  assert.equal(commands.lookup(writable, word(1), 0n).result, -EPERM);
  assert.equal(commands.nextKey(writable, undefined).result, -EPERM);
  assert.equal(commands.update(writable, word(1), value(1), 0n), 0);
  for (const fd of [readable, writable, frozen]) commands.close(fd);
});

test("what cannot be created leaves nothing behind: sizes, nodes, 64 bits of map_extra", () => {
  const { KIND_HASH, KIND_PERCPU_HASH, NUMA_NODE } = CONSTANTS;
  const before = arena.maps().length;
  assert.equal(commands.create(attributes(KIND_HASH, { keySize: 0 })), -EINVAL);
  assert.equal(commands.create(attributes(KIND_HASH, { flags: NUMA_NODE, numaNode: 1 })), -EINVAL);
  assert.equal(commands.create(attributes(KIND_PERCPU_HASH, { flags: NUMA_NODE })), -EINVAL);
  assert.equal(commands.create(attributes(KIND_HASH, { extra: 1n << 32n })), -EINVAL);
  assert.equal(arena.maps().length, before);
});

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ERRNO } from "../../src/error.ts";
import { bytes, none, u32 } from "../../src/maps/codec.ts";
import { type ArenaMap, EXIST } from "../../src/maps/map.ts";
import { CONSTANTS, LAYOUT } from "../../src/wasm/face.ts";
import { bytesOf, type Operation, readSequences, showBytes } from "../../test/maps/vectors.ts";
import { LEVEL, makeArena } from "../testing.ts";

const arena = await makeArena({ maximumBytes: 256 << 20 });

/** A queue made by the core, and the system calls on it: flags and keys are the calls' own. */
class Queue {
  readonly #address: number;
  readonly #room: number;
  readonly #valueSize: number;

  constructor([, , , keySize = 0, valueSize = 0, maxEntries = 0, flags = 0]: readonly number[]) {
    this.#address = arena.core.createMap(CONSTANTS.KIND_QUEUE, keySize, valueSize, maxEntries, flags, 0, 1, 0) >>> 0;
    this.#valueSize = valueSize;
    this.#room = arena.allocate(valueSize + 16);
  }

  destroy(): void {
    arena.core.freeBytes(this.#room);
    if (this.#address > 65536) arena.core.discardMap(this.#address);
  }

  get created(): number {
    return this.#address < 65536 ? -this.#address : 0;
  }

  #key(word: string): number {
    return word === "-" ? 0 : this.#room;
  }

  push(key: string, value: string, flags: bigint): string {
    new Uint8Array(arena.memory.buffer, this.#room + 8, this.#valueSize).set(bytesOf(value) ?? []);
    // The call's flags have 64 bits, those of maps 32: none is above.
    const given = flags > 0xffffffffn ? 0xffffffff : Number(flags);
    return `${arena.core.queuePush(this.#address, this.#key(key), this.#room + 8, given)}`;
  }

  read(key: string, flags: bigint, read: (map: number, key: number, into: number) => number): string {
    const into = new Uint8Array(arena.memory.buffer, this.#room + 8, this.#valueSize);
    // Neither call has a flag that a queue knows.
    const result = flags !== 0n ? -ERRNO.EINVAL : read(this.#address, this.#key(key), this.#room + 8);
    return result === 0 ? `0 ${showBytes(into)}` : `${result}`;
  }

  info(): string {
    const field = (name: "kind" | "keySize" | "valueSize" | "maxEntries" | "flags"): number =>
      arena.word(this.#address + LAYOUT.MapHeader[name]);
    return `0 ${field("kind")} ${field("keySize")} ${field("valueSize")} ${field("maxEntries")} ${field("flags")} 0`;
  }
}

/** What the kernel's vectors are compared in: everything that the system call does to a queue. */
function answer(queue: Queue, { words }: Operation): string | undefined {
  const [operation, , key = "-", third = "0", fourth = "0"] = words;
  if (operation === "u") return queue.push(key, third, BigInt(fourth));
  if (operation === "l") return queue.read(key, BigInt(third), arena.core.queuePeek);
  if (operation === "r") return queue.read(key, BigInt(third), arena.core.queuePop);
  // There is nothing to delete by: the kind has no such function.
  if (operation === "d") return `${-ERRNO.EINVAL}`;
  if (operation === "i") return queue.info();
  return undefined;
}

/** What was refused left the queue as it was. Other operations that are not answered here end a sequence. */
function isHarmless({ answer }: Operation): boolean {
  return answer[0]?.startsWith("-") === true || answer[0] === "load";
}

test("Linux's answers to pushes, peeks, pops, deletions and questions: every one is ours", () => {
  let compared = 0;
  for (const { name, operations } of readSequences("test/data/maps/queue.jsonl.gz")) {
    const [create, ...rest] = operations;
    assert.equal(create?.words[0], "c", name);
    const queue = new Queue(create.words.map(Number));
    assert.equal(`${queue.created}`, create.answer[0], name);
    for (const [index, operation] of rest.entries()) {
      const given = answer(queue, operation);
      if (given === undefined && !isHarmless(operation)) break;
      if (given === undefined) continue;
      assert.equal(given, operation.answer.join(" "), `${name}, line ${index + 1}: ${operation.words.join(" ")}`);
      compared++;
    }
    queue.destroy();
  }
  assert.ok(compared > 1900, `${compared} lines compared`);
});

function makeQueue(valueSize: number, maxEntries: number): ArenaMap<undefined, Uint8Array> {
  return arena.createMap({ type: "queue", name: "queue", key: none, value: bytes(valueSize), maxEntries });
}

test("any sequence of pushes and takes is that of a list", () => {
  const step = fc.oneof(fc.constant("take" as const), fc.constant("peek" as const), fc.nat(255), fc.constant("drop"));
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9 }), fc.array(step, { maxLength: 100 }), (maxEntries, steps) => {
      const queue = makeQueue(5, maxEntries);
      const model: number[] = [];
      try {
        for (const each of steps) {
          if (each === "take") assert.equal(queue.take(undefined)?.[4], model.shift());
          else if (each === "peek") assert.equal(queue.get(undefined)?.[4], model[0]);
          else {
            const value = typeof each === "number" ? each : 7;
            const isFull = model.length === maxEntries;
            const result = queue.update(undefined, new Uint8Array(5).fill(value), each === "drop" ? EXIST : 0);
            assert.equal(result, isFull && each !== "drop" ? -ERRNO.E2BIG : 0);
            if (isFull && each === "drop") model.shift();
            if (result === 0) model.push(value);
          }
          assert.equal(queue.size, model.length);
        }
      } finally {
        queue.close();
        arena.destroyMap("queue");
      }
    }),
  );
});

test("an NMI that interrupts the lock's owner gets -EBUSY; a dead owner's lock goes when it is reaped", () => {
  const queue = makeQueue(8, 4);
  queue.set(undefined, new Uint8Array(8));
  const ring = arena.word(queue.info.address + LAYOUT.MapHeader.storage);
  const lock = new Uint32Array(arena.memory.buffer, ring + LAYOUT.Ring.lock, 1);
  lock[0] = arena.cpu + 1;
  const below = arena.core.contextEnter(LEVEL.nmi);
  assert.equal(queue.update(undefined, new Uint8Array(8)), -ERRNO.EBUSY);
  arena.core.contextLeave(below);
  lock[0] = 0;
  const other = arena.takeCpu();
  lock[0] = other + 1;
  arena.switchCpu(0);
  // The slot is another thread's as far as the core can tell.
  assert.equal(arena.core.reapCpu(other, arena.word(arena.core.cpuAreaAddress(other) + LAYOUT.CpuArea.owner)), 0);
  assert.equal(queue.take(undefined)?.length, 8);
  queue.close();
  arena.destroyMap("queue");
});

test("what a queue cannot do is refused: keys, walks, deletions, prefills", () => {
  assert.throws(() => arena.createMap({ type: "queue", name: "keyed", key: u32, value: bytes(8), maxEntries: 4 }), {
    code: "EINVAL",
  });
  const queue = makeQueue(8, 4);
  assert.throws(() => [...queue], { code: "EINVAL", message: /cannot be walked/ });
  assert.equal(queue.delete(undefined), false);
  assert.equal(queue.prefill(1), -ERRNO.EINVAL);
  assert.equal(queue.info.kind.program.lookup, undefined);
  queue.close();
  arena.destroyMap("queue");
});

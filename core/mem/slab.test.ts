/** Slabs: every object is somebody's once, of its size, and all of the memory comes back. */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { CONSTANTS, LAYOUT } from "../../src/wasm/face.ts";
import { compileInside, type Inside } from "../testing.ts";

interface Functions {
  arenaFormat(cpus: number, seed: number): number;
  switchCpu(id: number): void;
  classFor(bytes: number, perCpu: number): number;
  copyStride(bytes: number): number;
  isLeftForHolder(index: number, object: number): number;
  trimSlab(): void;
  usedPages(): number;
  /** The first object of a chain. */
  take(bytes: number, perCpu: number, count: number): number;
  give(bytes: number, perCpu: number, first: number, count: number): void;
}

const make = compileInside<Functions>(`
  import { thisCpu } from "./cpu/area";
  import { beginTransfer, endTransfer, transferFirst, transferOf } from "./cpu/intent";
  import { classFor, returnFromTransfer, takeIntoTransfer } from "./mem/slab";
  export { arenaFormat } from "./arena";
  export { switchCpu } from "./cpu/area";
  export { usedPages } from "./mem/pages";
  export { classFor, copyStride, isLeftForHolder, trimSlab } from "./mem/slab";
  export function take(bytes: u32, perCpu: u32, count: u32): usize {
    const area = thisCpu();
    beginTransfer(area, 0, 0, 0, 0);
    takeIntoTransfer(bytes, classFor(bytes, perCpu), perCpu, count, 0);
    const first = transferFirst(transferOf(area));
    endTransfer(area);
    return first;
  }
  export function give(bytes: u32, perCpu: u32, first: usize, count: u32): void {
    const area = thisCpu();
    beginTransfer(area, 0, 0, first, count);
    returnFromTransfer(classFor(bytes, perCpu));
    endTransfer(area);
  }
`);
const { CLASS_COUNT, CLASS_RUN, PAGE_BYTES, SLAB_CLASSES, SLAB_CLASS_BYTES } = CONSTANTS;
const SIZES = [16, 32, 64, 96, 128, 192, 256, 512, 1024, 2048, 4096];
const CPUS = 2;

interface Kind {
  readonly bytes: number;
  readonly perCpu: 0 | 1;
}

/** Bytes of an object for a request, or of the run of pages that it is. */
const objectBytes = (bytes: number): number =>
  SIZES.find((size) => size >= bytes) ?? Math.ceil(bytes / PAGE_BYTES) * PAGE_BYTES;

class Slab {
  readonly inside: Inside<Functions>;

  constructor(bytes = 8 << 20) {
    this.inside = make(bytes);
    assert.equal(this.inside.core.arenaFormat(CPUS, 1), 0);
    this.inside.core.switchCpu(0);
  }

  /** Up to `count` objects. */
  take({ bytes, perCpu }: Kind, count: number): number[] {
    const objects: number[] = [];
    let object = this.inside.core.take(bytes, perCpu, count);
    for (; object !== 0; object = this.inside.words(object)[0] ?? 0) objects.push(object);
    return objects;
  }

  give({ bytes, perCpu }: Kind, objects: readonly number[]): void {
    for (const [index, object] of objects.entries()) this.inside.words(object)[0] = objects[index + 1] ?? 0;
    this.inside.core.give(bytes, perCpu, objects[0] ?? 0, objects.length);
  }

  /** An object's bytes, of each CPU's copy. */
  copies({ bytes, perCpu }: Kind, object: number): Uint8Array[] {
    const stride = this.inside.core.copyStride(bytes);
    return Array.from({ length: perCpu === 1 ? CPUS : 1 }, (_, cpu) => {
      return new Uint8Array(this.inside.memory.buffer, object + cpu * stride, objectBytes(bytes));
    });
  }

  field(index: number, name: keyof typeof LAYOUT.SlabClass): number {
    return this.inside.words(SLAB_CLASSES + index * SLAB_CLASS_BYTES + LAYOUT.SlabClass[name])[0] ?? 0;
  }

  setField(index: number, name: keyof typeof LAYOUT.SlabClass, value: number): void {
    this.inside.words(SLAB_CLASSES + index * SLAB_CLASS_BYTES + LAYOUT.SlabClass[name])[0] = value;
  }

  /** Nothing is in use: a class keeps one slab at most, and none after a trim. */
  assertEmpty(): void {
    for (let index = 0; index < 2 * CLASS_COUNT; index++) {
      assert.equal(this.field(index, "objectsInUse"), 0);
      assert.ok(this.field(index, "slabs") <= 1 && this.field(index, "slabs") === this.field(index, "emptySlabs"));
    }
    this.inside.core.trimSlab();
    assert.equal(this.inside.core.usedPages(), 0);
  }
}

test("a request is served by the smallest class that holds it, a large one by pages", () => {
  const { core } = new Slab().inside;
  for (let bytes = 9; bytes <= 4100; bytes++) {
    const index = SIZES.findIndex((size) => size >= bytes);
    assert.equal(core.classFor(bytes, 0), index < 0 ? CLASS_RUN : index, `${bytes} bytes`);
    assert.equal(core.classFor(bytes, 1), index < 0 ? CLASS_RUN : index + CLASS_COUNT, `${bytes} bytes a CPU`);
  }
});

const kind = fc.record({
  bytes: fc.oneof(fc.constantFrom(9, 16, 65, 97, 200, 2049, 4096), fc.integer({ min: 4097, max: 40_000 })),
  perCpu: fc.constantFrom(0 as const, 1 as const),
});
const steps = fc.array(
  fc.oneof(fc.record({ kind, take: fc.integer({ min: 1, max: 70 }) }), fc.record({ give: fc.nat() })),
  { minLength: 5, maxLength: 40, size: "max" },
);

test("any takes and returns: objects never overlap, copies neither; out of memory gives what there is; all comes back", () => {
  let short = 0;
  fc.assert(
    fc.property(steps, (sequence) => {
      const slab = new Slab(4 << 20);
      const live: { kind: Kind; mark: number; objects: number[] }[] = [];
      const give = ({ kind, mark, objects }: (typeof live)[number]): void => {
        for (const copy of objects.flatMap((object) => slab.copies(kind, object)))
          assert.ok(Buffer.alloc(copy.length, mark).equals(copy), "somebody else wrote to it");
        slab.give(kind, objects);
      };
      for (const [mark, step] of sequence.entries()) {
        if ("take" in step) {
          const objects = slab.take(step.kind, step.take);
          short += objects.length < step.take ? 1 : 0;
          assert.ok(objects.length <= step.take && objects.every((object) => object % 8 === 0));
          for (const object of objects) for (const copy of slab.copies(step.kind, object)) copy.fill(mark + 1);
          live.push({ kind: step.kind, mark: mark + 1, objects });
        } else for (const batch of live.splice(step.give % (live.length + 1), 1)) give(batch);
      }
      for (const batch of live) give(batch);
      slab.assertEmpty();
    }),
    { numRuns: 40 },
  );
  assert.ok(short > 10, `memory has been out ${short} times`);
});

test("a fresh object is zeroed but for its link, a run of pages always is", () => {
  const slab = new Slab();
  const before = { bytes: 1 << 20, perCpu: 0 } as const;
  const [dirty = 0] = slab.take(before, 1);
  for (const copy of slab.copies(before, dirty)) copy.fill(0xff);
  slab.give(before, [dirty]);
  for (const bytes of [16, 96, 4096, 5000]) {
    const wanted = { bytes, perCpu: 1 } as const;
    for (let turn = 0; turn < (bytes > 4096 ? 2 : 1); turn++) {
      const objects = slab.take(wanted, 3);
      for (const copy of objects.flatMap((object) => slab.copies(wanted, object))) {
        assert.ok(
          copy.subarray(4).every((byte) => byte === 0),
          `${bytes} bytes`,
        );
        copy.fill(0xff);
      }
      slab.give(wanted, objects);
    }
  }
});

test("a class keeps one empty slab, the others go back at once; full ones are found again when an object returns", () => {
  const slab = new Slab();
  const wanted = { bytes: 2048, perCpu: 0 } as const;
  const index = SIZES.indexOf(2048);
  const batches = Array.from({ length: 5 }, () => slab.take(wanted, PAGE_BYTES / 2048));
  assert.deepEqual([slab.field(index, "slabs"), slab.field(index, "partial")], [5, 0], "five slabs, none has room");
  for (const [count, batch] of batches.entries()) {
    slab.give(wanted, batch);
    assert.equal(slab.field(index, "slabs"), count === 0 ? 5 : 5 - count);
  }
  assert.deepEqual([slab.field(index, "emptySlabs"), slab.inside.core.usedPages()], [1, 1]);
  assert.equal(slab.take(wanted, 1).length, 1);
  assert.deepEqual([slab.field(index, "emptySlabs"), slab.inside.core.usedPages()], [0, 1]);
});

test("objects that come back while a dead thread has the class's lock wait for the next who has it", () => {
  const slab = new Slab();
  const wanted = { bytes: 512, perCpu: 0 } as const;
  const index = SIZES.indexOf(512);
  const objects = slab.take(wanted, 3);
  slab.setField(index, "lockWord", 2);
  slab.give(wanted, objects);
  for (const object of objects) assert.equal(slab.inside.core.isLeftForHolder(index, object), 1);
  assert.equal(slab.field(index, "objectsInUse"), 3);
  slab.setField(index, "lockWord", 0);
  slab.inside.core.trimSlab();
  assert.equal(slab.inside.core.isLeftForHolder(index, objects[0] ?? 0), 0);
  slab.assertEmpty();
});

/** Grace periods of both flavours, and what waits for them: freeRcu for a normal one, trimmed objects for both. */

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Address, ObjectAllocator } from "../../src/arena/allocator.ts";
import type { Arena } from "../../src/arena/arena.ts";
import { CONSTANTS } from "../../src/wasm/face.ts";
import { makeArena, take } from "../testing.ts";

const NORMAL = 0;
const TASKS_TRACE = 1;

interface Section {
  readonly enter: () => void;
  readonly leave: () => void;
}

function section(arena: Arena, flavour: number): Section {
  const { core } = arena;
  return flavour === NORMAL
    ? { enter: () => core.readEnter(), leave: () => core.readLeave() }
    : { enter: () => core.traceEnter(), leave: () => core.traceLeave() };
}

/** Acts as CPU 1 for a moment. */
function onOther(arena: Arena, act: () => void): void {
  arena.switchCpu(1);
  act();
  arena.switchCpu(0);
}

async function twoCpus(): Promise<Arena> {
  const arena = await makeArena();
  arena.takeCpu(1);
  arena.switchCpu(0);
  return arena;
}

const over = (arena: Arena, flavour: number, target: number): boolean =>
  arena.core.gracePeriodOver(flavour, target) === 1;

for (const flavour of [NORMAL, TASKS_TRACE])
  test(`flavour ${flavour}: a reader that was there holds a grace period up, of its own flavour only`, async () => {
    const arena = await twoCpus();
    const { enter, leave } = section(arena, flavour);
    onOther(arena, enter);
    onOther(arena, enter);
    const targets = [NORMAL, TASKS_TRACE].map((each) => arena.core.gracePeriodStart(each));
    const ended = (): boolean[] => targets.map((target, each) => over(arena, each, target));
    for (let turn = 0; turn < 5; turn++) assert.deepEqual(ended(), [flavour !== NORMAL, flavour !== TASKS_TRACE]);
    onOther(arena, leave);
    assert.equal(ended()[flavour], false, "the outer section still lasts");
    onOther(arena, leave);
    assert.deepEqual(ended(), [true, true]);
  });

test("CPUs that read nothing, or that nobody holds, hold nothing up", async () => {
  const arena = await makeArena({ cpus: 64 });
  for (let turn = 0; turn < 100; turn++)
    for (const flavour of [NORMAL, TASKS_TRACE]) assert.ok(over(arena, flavour, arena.core.gracePeriodStart(flavour)));
});

test("an epoch that wraps skips 0, which means not reading", async () => {
  const arena = await twoCpus();
  const epoch = new Uint32Array(arena.memory.buffer, CONSTANTS.EPOCH_WORDS, 2);
  for (const flavour of [NORMAL, TASKS_TRACE]) {
    // One step from the last epoch on, and no further: target 0 asks for no more.
    epoch[flavour] = 0xffff_ffff;
    assert.equal(over(arena, flavour, 0), true);
    assert.equal(epoch[flavour], 2);
    epoch[flavour] = 0xffff_fff0;
    const { enter, leave } = section(arena, flavour);
    for (let turn = 0; turn < 40; turn++) {
      onOther(arena, enter);
      const target = arena.core.gracePeriodStart(flavour);
      assert.equal(over(arena, flavour, target), false, `epoch ${epoch[flavour]}`);
      onOther(arena, leave);
      assert.equal(over(arena, flavour, target), true);
      assert.notEqual(epoch[flavour], 0);
    }
  }
});

test("random sections: a grace period is never over while a reader that was there before it still reads", async () => {
  const step = fc.record({ cpu: fc.nat(2), what: fc.constantFrom("enter", "leave", "start", "ask") });
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 200 }),
      fc.constantFrom(NORMAL, TASKS_TRACE),
      async (steps, flavour) => {
        const arena = await makeArena({ cpus: 3 });
        for (const cpu of [1, 2]) arena.takeCpu(cpu);
        const { enter, leave } = section(arena, flavour);
        // Of each CPU the number of its section and its depth; of each grace period, the sections that were there.
        const readers = [0, 1, 2].map(() => ({ section: 0, depth: 0 }));
        const periods: { target: number; waitsFor: { cpu: number; section: number }[] }[] = [];
        for (const { cpu, what } of steps) {
          const reader = readers[cpu];
          if (reader === undefined) return;
          arena.switchCpu(cpu);
          if (what === "enter") {
            if (reader.depth++ === 0) reader.section++;
            enter();
          } else if (what === "leave" && reader.depth > 0) {
            reader.depth--;
            leave();
          } else if (what === "start") {
            const waitsFor = readers.flatMap((each, index) =>
              each.depth > 0 ? [{ cpu: index, section: each.section }] : [],
            );
            periods.push({ target: arena.core.gracePeriodStart(flavour), waitsFor });
          } else if (what === "ask") {
            for (const { target, waitsFor } of periods) {
              const held = waitsFor.some((each) => {
                const now = readers[each.cpu];
                return now !== undefined && now.depth > 0 && now.section === each.section;
              });
              if (over(arena, flavour, target)) assert.equal(held, false);
            }
          }
        }
      },
    ),
    { numRuns: 200 },
  );
});

/** What one CPU's cache of a fixed-size allocator holds. */
function onCpu(allocator: ObjectAllocator, cpu: number): ReturnType<ObjectAllocator["statistics"]>["caches"][number] {
  const found = allocator.statistics().caches.find((each) => each.cpu === cpu);
  if (found === undefined) throw new Error(`no CPU ${cpu}`);
  return found;
}

/** Lets work happen that is due, as often as a few grace periods need. */
function settle(arena: Arena, allocator: ObjectAllocator): void {
  for (let turn = 0; turn < 6; turn++) {
    arena.poll();
    allocator.trim();
  }
}

/** Allocates and frees until every object that can be reused has come by. */
function reachable(allocator: ObjectAllocator, count: number): Set<Address> {
  const addresses = Array.from({ length: count }, () => take(allocator));
  for (const address of addresses) allocator.free(address);
  return new Set(addresses);
}

for (const { reader, held } of [
  { reader: NORMAL, held: true },
  { reader: TASKS_TRACE, held: false },
])
  test(`freeRcu: a ${reader === NORMAL ? "normal" : "tasks-trace"} section ${held ? "holds" : "does not hold"} the object back`, async () => {
    const arena = await twoCpus();
    const allocator = arena.createAllocator({ objectSize: 56 });
    const { enter, leave } = section(arena, reader);
    const freed = Array.from({ length: 20 }, () => take(allocator));
    onOther(arena, enter);
    for (const address of freed) allocator.freeRcu(address);
    // The work is due at once, the objects are not: not even with the list empty.
    const early = reachable(allocator, 30);
    for (let turn = 0; turn < 5; turn++) arena.poll();
    const reused = new Set([...early, ...reachable(allocator, 2000)]);
    assert.equal(
      freed.some((address) => reused.has(address)),
      !held,
    );
    onOther(arena, leave);
    settle(arena, allocator);
    const { byRcu, waitingRcu } = onCpu(allocator, 0);
    assert.deepEqual([byRcu, waitingRcu], [0, 0]);
    allocator.destroy();
  });

for (const reader of [NORMAL, TASKS_TRACE])
  test(`trimmed objects: a ${reader === NORMAL ? "normal" : "tasks-trace"} section keeps them from the slab, not from their allocator`, async () => {
    const arena = await twoCpus();
    const allocator = arena.createAllocator({ objectSize: 56 });
    const { enter, leave } = section(arena, reader);
    const addresses = Array.from({ length: 500 }, () => take(allocator));
    onOther(arena, enter);
    for (const address of addresses) allocator.free(address);
    settle(arena, allocator);
    const kept = onCpu(allocator, 0);
    assert.ok(kept.byGp + kept.waiting >= 500, `${kept.byGp} + ${kept.waiting}`);
    const again = Array.from({ length: 300 }, () => take(allocator));
    assert.equal(onCpu(allocator, 0).owned, kept.owned, "a refill takes what waits and asks the slab for nothing");
    for (const address of again) allocator.free(address);
    onOther(arena, leave);
    settle(arena, allocator);
    assert.equal(onCpu(allocator, 0).owned, 0);
  });

for (const reader of [NORMAL, TASKS_TRACE])
  test(`destroy does not wait for a ${reader === NORMAL ? "normal" : "tasks-trace"} reader: it says who is in the way`, async () => {
    const arena = await twoCpus();
    arena.core.trimSlabs();
    const before = arena.core.pagesInUse();
    const allocator = arena.createAllocator({ objectSize: 56 });
    const { enter, leave } = section(arena, reader);
    onOther(arena, enter);
    allocator.freeRcu(take(allocator));
    const flavour = reader === NORMAL ? /the normal grace period/ : /the tasks-trace grace period/;
    for (let turn = 0; turn < 3; turn++) assert.throws(() => allocator.destroy(), { code: "EBUSY", message: flavour });
    // It lives on.
    const address = take(allocator);
    onOther(arena, leave);
    assert.throws(() => allocator.destroy(), { code: "EBUSY", message: /1 of 56 bytes/ });
    allocator.free(address);
    allocator.destroy();
    assert.equal(arena.core.pagesInUse(), before);
  });

/**
 * Objects that are damaged or made to harm: whatever comes of loading and running them is an AnyctxError or a result,
 * soon, and a load that fails leaves no map behind.
 *
 * Strategy: the examples' objects with a few bytes changed, at places that are likely to matter: anywhere, in the
 * instructions' fields, in the section and map tables. Each is read, loaded and run on the first events of the recorded
 * trace. The interpreter checks every access, so it runs everything that loads; compiled programs are compiled and
 * bound, and run where the interpreter found no error in them.
 */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import { Arena } from "../src/arena/arena.ts";
import { readObject } from "../src/bpf/object/object.ts";
import type { ObjectSpec } from "../src/bpf/object/spec.ts";
import { AnyctxError } from "../src/error.ts";
import { openEvents } from "../src/events/file.ts";
import type { Engine } from "../src/load/choices.ts";
import { loadSpec } from "../src/load/load.ts";
import { u32 } from "../src/maps/codec/codec.ts";
import type { RunCounts } from "../src/replay/counts.ts";
import { DEFAULT_RULE } from "../src/replay/interrupts.ts";
import { replay } from "../src/replay/ordered.ts";
import { firstLines } from "./command-line.ts";

const EVENTS = 150;
const TEXT = Buffer.from(firstLines(EVENTS + 11), "latin1");
const OBJECTS = new Map(
  ["memleak", "runqlat", "syslat"].map((name) => [name, readFileSync(`examples/bpf/${name}.bpf.o`)]),
);
const SECONDS = 10;

interface Change {
  readonly at: number;
  readonly byte: number;
}

/** Section headers are the last 22 * 64 bytes of these files. */
const TABLE_BYTES = 22 * 64;
/** Instructions lie between the file's header and everything else. */
const FIRST_SLOT = 8;
const LAST_SLOT = 150;

const byte = fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 4, 5, 0x18, 0x7f, 0x80, 0x85, 0x95, 0xff));

/** Any byte of the file, those of its section headers more often. */
function anyByte(length: number): fc.Arbitrary<Change[]> {
  const at = fc.oneof(fc.nat(length - 1), fc.integer({ min: length - TABLE_BYTES, max: length - 1 }));
  return fc.array(fc.record({ at, byte }), { minLength: 1, maxLength: 3 });
}

/** One field of an instruction, so that it stays one more often: registers, or the low byte of offset or immediate. */
const register = fc.nat(10);
const field = fc.oneof(
  fc.tuple(register, register).map(([dst, src]) => ({ at: 1, byte: dst | (src << 4) })),
  fc.record({ at: fc.constantFrom(2, 4), byte }),
);
const oneField: fc.Arbitrary<Change[]> = fc
  .tuple(fc.integer({ min: FIRST_SLOT, max: LAST_SLOT }), field)
  .map(([slot, change]) => [{ at: slot * 8 + change.at, byte: change.byte }]);

interface Damage {
  readonly name: string;
  readonly changes: readonly Change[];
  /** Where the file ends, if not at its end. */
  readonly length: number | undefined;
}

const damage: fc.Arbitrary<Damage> = fc.constantFrom(...OBJECTS).chain(([name, { length }]) =>
  fc.record({
    name: fc.constant(name),
    changes: fc.oneof(anyByte(length), oneField),
    length: fc.oneof({ weight: 12, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: fc.nat(length - 1) }),
  }),
);

function damaged({ name, changes, length }: Damage): Uint8Array {
  const bytes = Buffer.from(OBJECTS.get(name) ?? "");
  for (const { at, byte } of changes) bytes[at] = byte;
  return bytes.subarray(0, length);
}

/** What `action` gives, or undefined where it ended in the only error it may end in. */
async function attempt<T>(action: () => T | Promise<T>): Promise<T | undefined> {
  try {
    return await action();
  } catch (error) {
    if (!(error instanceof AnyctxError)) throw error;
    assert.match(error.message, /^[^\n]{5,}$/, "one line");
    assert.doesNotMatch(error.message, /undefined|\[object|NaN/);
    return undefined;
  }
}

function mapNames(arena: Arena): string[] {
  return arena.maps().map(({ name }) => name);
}

async function* chunks(): AsyncIterable<Uint8Array> {
  yield TEXT;
}

/** Loads an object into an arena that holds one map already, and runs it; the arena must be as before when it fails. */
async function loadAndRun(object: ObjectSpec, engine: Engine): Promise<RunCounts | undefined> {
  const arena = await Arena.create({ cpus: 2, seed: 1, maximumBytes: 1 << 28 });
  arena.createMap({ type: "array", name: "keep", key: u32, value: u32, maxEntries: 1 });
  const loaded = await attempt(() => loadSpec(arena, object, { engine }));
  if (loaded === undefined) {
    assert.deepEqual(mapNames(arena), ["keep"], "a load that failed leaves no map");
    return undefined;
  }
  const trace = await openEvents(chunks());
  const ignore = (): void => undefined;
  return (await attempt(() => replay(arena, loaded.programs, trace, DEFAULT_RULE, ignore, ignore)))?.counts;
}

const runsOf = (counts: RunCounts | undefined): unknown => counts?.programs.map(({ name, runs }) => [name, runs]);

test("damaged objects end in a result or an AnyctxError, soon, and leave nothing half-loaded", async () => {
  const ended = { unreadable: 0, refused: 0, failed: 0, ran: 0 };
  await fc.assert(
    fc.asyncProperty(damage, async (chosen) => {
      const start = performance.now();
      const object = await attempt(() => readObject(damaged(chosen), "damaged.bpf.o"));
      if (object === undefined) {
        ended.unreadable++;
        return;
      }
      const interpreted = await loadAndRun(object, "interpreter");
      const clean = interpreted?.programs.every(({ errors }) => errors === 0);
      ended[interpreted === undefined ? "refused" : clean ? "ran" : "failed"]++;
      // What a program finds on a stack it never wrote to may differ, so no more than this is said about results.
      if (clean) assert.deepEqual(runsOf(await loadAndRun(object, "jit")), runsOf(interpreted));
      assert.ok(performance.now() - start < SECONDS * 1000, `took longer than ${SECONDS} seconds`);
    }),
    { numRuns: 800 },
  );
  for (const [how, times] of Object.entries(ended))
    assert.ok(times > 20, `${times} objects were ${how}: too few to say`);
});

/** Replaces the last instruction of the object, the exit of its last program. */
function withLastInstruction(name: string, instruction: readonly number[]): ObjectSpec {
  const bytes = Buffer.from(OBJECTS.get(name) ?? "");
  const at = bytes.lastIndexOf(Buffer.from([0x95, 0, 0, 0, 0, 0, 0, 0]));
  bytes.set(instruction, at);
  return readObject(bytes, `${name}.bpf.o`);
}

const GOTO_ITSELF = [0x05, 0, 0xff, 0xff, 0, 0, 0, 0];

for (const engine of ["jit", "interpreter"] as const)
  test(`a program that never ends is stopped, then left out, and the others go on (${engine})`, async () => {
    const counts = await loadAndRun(withLastInstruction("memleak", GOTO_ITSELF), engine);
    const [, , , endless] = counts?.programs ?? [];
    assert.match(endless?.firstError ?? "", /on_kmem_cache_free was stopped after \d+ .*endless loop/);
    assert.deepEqual([counts?.replayed, endless?.runs, endless?.errors], [EVENTS, 16, 16]);
    assert.ok((endless?.leftOut ?? 0) > 0);
    assert.ok(counts?.programs.slice(0, 3).every(({ runs, errors }) => runs > 0 && errors === 0));
  });

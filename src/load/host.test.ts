import assert from "node:assert/strict";
import { test } from "node:test";
import { Arena } from "../arena/arena.ts";
import { HELPERS } from "../bpf/helpers/table.ts";
import { assemble } from "../bpf/isa/assemble.ts";
import { type ObjectSpec, specOfInstructions } from "../bpf/object/spec.ts";
import { programKind } from "../bpf/programs/table.ts";
import { RECORD } from "../events/record.ts";
import { MAP_KINDS, type MapKind } from "../maps/kinds.ts";
import type { Engine } from "./choices.ts";
import { DirectRuns } from "./direct.ts";
import { programHost } from "./host.ts";
import { instantiateImage, loadSpec } from "./load.ts";

test("helpers of programs: the task's name comes from the record, reads outside the memory give zeroes", async () => {
  const arena = await Arena.create({ cpus: 1 });
  const { core } = programHost(arena, () => undefined);
  const record = arena.allocate(128);
  const out = arena.allocate(64);
  const view = new Uint8Array(arena.memory.buffer);
  view.set(Buffer.from("cat\0"), record + RECORD.comm);
  arena.core.setCurrentTask(record);
  assert.equal(core["taskComm"]?.(out, 16), 0);
  assert.equal(Buffer.from(view.subarray(out, out + 4)).toString(), "cat\0");
  assert.equal(core["probeRead"]?.(out, 4, BigInt(record + RECORD.comm)), 0);
  for (const address of [0n, 100n, 2n ** 32n + 70000n, 0xffff_8000_0000_0000n, 2n ** 32n - 2n]) {
    assert.equal(core["probeRead"]?.(out, 4, address), -14, `address ${address}`);
    assert.deepEqual([...view.subarray(out, out + 4)], [0, 0, 0, 0]);
  }
  assert.equal(core["probeReadString"]?.(out, 16, BigInt(record + RECORD.comm)), 4);
  assert.equal(core["probeReadString"]?.(out, 3, BigInt(record + RECORD.comm)), 3);
  assert.equal(Buffer.from(view.subarray(out, out + 3)).toString(), "ca\0");
});

/** A descriptor's bytes, nothing of a ring buffer, otherwise a word's. */
function valueSizeOf({ records, system, type }: MapKind): number {
  if (records !== undefined) return 0;
  return type.endsWith("_array") && system.update === undefined ? 4 : 8;
}

/** An object whose one program names a map of each kind and calls a helper. */
function objectThatCalls(helper: string): ObjectSpec {
  // With an arena map a program is verified, which this one would not pass.
  const kinds = MAP_KINDS.filter(({ variable, inner, pages }) =>
    [variable, inner, pages].every((each) => each !== true),
  );
  const loads = kinds.map(() => "r1 = 0 ll").join("\n");
  const spec = specOfInstructions("p", assemble(`${loads}\ncall ${helper}\nexit`));
  const maps = kinds.map((kind) => ({
    name: kind.type,
    bpfType: kind.bpfType,
    keySize: { none: 0, prefix: 8, bytes: 4, index: 4, owner: 4 }[kind.keys],
    valueSize: valueSizeOf(kind),
    maxEntries: 4096,
    // A trie has to be dynamic.
    flags: kind.keys === "prefix" ? 1 : 0,
    readOnly: false,
  }));
  const relocations = maps.map(({ name }, index) => ({ type: "map", instruction: 2 * index, map: name }) as const);
  const kind = programKind("freplace/made_up");
  return { ...spec, maps, programs: spec.programs.map((program) => ({ ...program, relocations, kind })) };
}

test("the core has every function that a helper calls, of the types that its row says, for each kind of map", async () => {
  for (const { name } of HELPERS) {
    const arena = await Arena.create({ cpus: 1 });
    const { programs } = loadSpec(arena, objectThatCalls(name));
    const [image] = programs;
    assert.ok(image !== undefined && "module" in image.code);
    // WebAssembly itself refuses an import of another type.
    instantiateImage(
      image,
      programHost(arena, () => undefined),
    );
  }
});

/** An object of one program with a ring buffer, whose address is what it loads first. */
function objectWithRecords(text: string): ObjectSpec {
  const spec = specOfInstructions("p", assemble(`r1 = 0 ll\n${text}\nexit`));
  const maps = [
    { name: "records", bpfType: 27, keySize: 0, valueSize: 0, maxEntries: 4096, flags: 0, readOnly: false },
  ];
  const relocations = [{ type: "map", instruction: 0, map: "records" } as const];
  const kind = programKind("syscall");
  return { ...spec, maps, programs: spec.programs.map((program) => ({ ...program, relocations, kind })) };
}

const RESERVE = "r2 = 8\nr3 = 0\ncall ringbuf_reserve\nif r0 == 0 goto +4\n*(u64 *)(r0 + 0) = 7\nr1 = r0\nr2 = 0\n";

for (const engine of ["interpreter", "jit"] satisfies Engine[])
  test(`${engine}: a record that a program reserves and submits comes to the consumer, one that it discards does not`, async () => {
    for (const [call, expected] of [
      ["call ringbuf_submit", [Uint8Array.of(7, 0, 0, 0, 0, 0, 0, 0)]],
      ["call ringbuf_discard", []],
    ] as const) {
      const arena = await Arena.create({ cpus: 1 });
      const loaded = loadSpec(arena, objectWithRecords(`${RESERVE}${call}`), { engine });
      assert.equal(new DirectRuns(arena, loaded).run({ program: "p" }).error, undefined);
      assert.deepEqual(loaded.maps[0]?.map.takeRecords(), expected);
    }
  });

test("interpreter: a run that ends with a record is stopped, and keeps the consumer from nothing", async () => {
  const arena = await Arena.create({ cpus: 1 });
  const loaded = loadSpec(arena, objectWithRecords(`${RESERVE}r0 = 0`), { engine: "interpreter" });
  const { error } = new DirectRuns(arena, loaded).run({ program: "p" });
  assert.match(`${error}`, /a record that is neither submitted nor discarded/);
  const map = loaded.maps[0]?.map ?? assert.fail();
  assert.equal(map.output(Uint8Array.of(1)), 0);
  assert.deepEqual(map.takeRecords(), [Uint8Array.of(1)]);
});

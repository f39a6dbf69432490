import assert from "node:assert/strict";
import { test } from "node:test";
import { Arena } from "../arena/arena.ts";
import { HELPERS } from "../bpf/helpers/table.ts";
import { assemble } from "../bpf/isa/assemble.ts";
import { type ObjectSpec, specOfInstructions } from "../bpf/object/spec.ts";
import { programKind } from "../bpf/programs/table.ts";
import { RECORD } from "../events/record.ts";
import { MAP_KINDS } from "../maps/kinds.ts";
import { programHost } from "./host.ts";
import { instantiateImage, loadObject } from "./load.ts";

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

/** An object whose one program names a map of each kind and calls a helper. */
function objectThatCalls(helper: string): ObjectSpec {
  const loads = MAP_KINDS.map(() => "r1 = 0 ll").join("\n");
  const spec = specOfInstructions("p", assemble(`${loads}\ncall ${helper}\nexit`));
  const maps = MAP_KINDS.map(({ type, bpfType, keys, program }) => ({
    ...{
      name: type,
      bpfType,
      keySize: { none: 0, prefix: 8, bytes: 4, index: 4 }[keys],
      valueSize: program.output === undefined ? 8 : 0,
      maxEntries: 4096,
      // A trie has to be dynamic.
      flags: keys === "prefix" ? 1 : 0,
      readOnly: false,
    },
  }));
  const relocations = maps.map(({ name }, index) => ({ type: "map", instruction: 2 * index, map: name }) as const);
  const kind = programKind("tracepoint/made/up");
  return { ...spec, maps, programs: spec.programs.map((program) => ({ ...program, relocations, kind })) };
}

test("the core has every function that a helper calls, of the types that its row says, for each kind of map", async () => {
  for (const { name } of HELPERS) {
    const arena = await Arena.create({ cpus: 1 });
    const { programs } = loadObject(arena, objectThatCalls(name));
    const [image] = programs;
    assert.ok(image !== undefined && "module" in image.code);
    // WebAssembly itself refuses an import of another type.
    instantiateImage(
      image,
      programHost(arena, () => undefined),
    );
  }
});

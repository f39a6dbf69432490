/** Objects of old compilers and of other loaders. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Arena } from "../arena/arena.ts";
import { readObject } from "../bpf/object/object.ts";
import { DirectRuns } from "./direct.ts";
import { loadSpec } from "./load.ts";

const PATH = "src/bpf/fixtures/iproute2.bpf.o";
const LONG = "sized_by_a_loader_and_with_a_name_that_is_longer_than_sixty_three_bytes";

async function runsOf(bytes: Uint8Array): Promise<DirectRuns> {
  const arena = await Arena.create({ cpus: 1, maximumBytes: 64 << 20, seed: 1 });
  const valueSizes = new Map([[LONG, 16]]);
  return new DirectRuns(arena, loadSpec(arena, readObject(bytes, PATH), { valueSizes }));
}

test("maps in iproute2's form, with a size that is set, and a name longer than names are here", async () => {
  const runs = await runsOf(readFileSync(PATH));
  assert.equal(runs.run({ program: "counted" }).result, 5n);
  assert.equal(runs.run({ program: "sized" }).result, 4n);
  const nested = readObject(readFileSync(PATH), PATH).maps.find(({ name }) => name === "nested");
  assert.match(nested?.unsupported ?? "", /maps of maps in iproute2's form/);
});

test("a size that nobody sets, or of a map that there is not, is said", async () => {
  const arena = await Arena.create({ cpus: 1, maximumBytes: 64 << 20 });
  const object = readObject(readFileSync(PATH), PATH);
  const valueSizes = new Map([["none", 16]]);
  assert.throws(() => loadSpec(arena, object, { valueSizes }), { code: "EINVAL", message: /has no map none/ });
  assert.throws(() => loadSpec(arena, object), { message: /value 0|value size/ });
});

/** The object with the symbols of its functions as compilers before 2018 wrote them: without a type, without a size. */
function withoutTypes(bytes: Uint8Array): Uint8Array {
  const copy = Uint8Array.from(bytes);
  const view = new DataView(copy.buffer);
  const headers = Number(view.getBigUint64(0x28, true));
  for (let section = 0; section < view.getUint16(0x3c, true); section++) {
    const header = headers + section * 64;
    if (view.getUint32(header + 4, true) !== 2) continue;
    const [begin, size] = [24, 32].map((at) => Number(view.getBigUint64(header + at, true)));
    for (let at = begin ?? 0; at < (begin ?? 0) + (size ?? 0); at += 24) {
      if ((view.getUint8(at + 4) & 15) !== 2) continue;
      view.setUint8(at + 4, view.getUint8(at + 4) & 0xf0);
      view.setBigUint64(at + 16, 0n, true);
    }
  }
  return copy;
}

test("functions without a type or a size are found by their names", async () => {
  const old = withoutTypes(readFileSync(PATH));
  assert.notDeepEqual(old, new Uint8Array(readFileSync(PATH)));
  const [plain, typed] = [old, readFileSync(PATH)].map((bytes) =>
    readObject(bytes, PATH).programs.map(({ name, instructions }) => [name, instructions.length]),
  );
  assert.deepEqual(plain, typed);
  assert.equal((await runsOf(old)).run({ program: "sized" }).result, 4n);
});

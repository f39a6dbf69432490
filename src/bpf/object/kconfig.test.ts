/** What an object asks of a kernel's configuration: what is known, what may be missing, and what nobody knows. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Arena } from "../../arena/arena.ts";
import type { Engine } from "../../load/choices.ts";
import { DirectRuns } from "../../load/direct.ts";
import { loadSpec } from "../../load/load.ts";
import { readKconfig } from "./kconfig.ts";
import { readObject } from "./object.ts";
import { setVariable } from "./spec.ts";

const FILE = new URL("../fixtures/kconfig.bpf.o", import.meta.url);
const read = () => readObject(readFileSync(FILE), "kconfig.bpf.o");
const spec = read();

for (const engine of ["interpreter", "jit"] satisfies Engine[])
  test(`${engine}: the kernel's version, what may be missing as 0, and what is set`, async () => {
    const older = read();
    setVariable(older, "LINUX_KERNEL_VERSION", 0x50001);
    for (const [object, version] of [
      [spec, 0x61200n],
      [older, 0x50001n],
    ] as const) {
      const arena = await Arena.create({ cpus: 1 });
      const loaded = loadSpec(arena, object, { engine });
      assert.deepEqual(
        loaded.skipped.map(({ name, reason }) => [name, reason.replace(/^.*?\): /, "")]),
        [["unknown", "CONFIG_HZ is of a kernel's configuration, which is not known here: --set CONFIG_HZ=... says it"]],
      );
      const runs = new DirectRuns(arena, loaded);
      const results = ["version", "wrapper", "missing"].map((program) => runs.run({ program, args: [] }).result);
      assert.deepEqual(results, [version, 1n, 0n]);
    }
  });

test("a program that uses an option which is not known loads once it is set", async () => {
  const object = read();
  setVariable(object, "CONFIG_HZ", 250);
  const loaded = loadSpec(await Arena.create({ cpus: 1 }), object, {});
  assert.deepEqual(loaded.skipped, []);
});

test("the variables lie one after the other, each at a multiple of its size", () => {
  const [map] = spec.maps;
  assert.deepEqual([spec.maps.length, map?.name, map?.readOnly], [1, ".kconfig", true]);
  const places = (map?.variables ?? []).map(({ offset, size }) => [offset % size, size]);
  assert.deepEqual(
    places.map(([rest]) => rest),
    [0, 0, 0, 0],
  );
  assert.deepEqual(places.map(([, size]) => size).sort(), [1, 4, 4, 8]);
});

test("a section that nobody could want is refused", () => {
  const { btf } = spec;
  assert.ok(btf !== undefined);
  const types = btf.types.map((type) => (type.kind === "int" ? { ...type, size: 1 << 20 } : type));
  const elf = { sections: [], symbols: [], relocations: new Map() };
  assert.throws(() => readKconfig(elf as never, { ...btf, types }, "x"), {
    code: "BAD_OBJECT",
    message: /^x: its \.kconfig has \d+ bytes, more than 65536$/,
  });
});

test("a value that has no room in its variable is refused", () => {
  const { btf } = spec;
  assert.ok(btf !== undefined);
  const types = btf.types.map((type) => (type.kind === "int" ? { ...type, size: 2 } : type));
  const elf = { sections: [], symbols: [], relocations: new Map() };
  assert.throws(() => readKconfig(elf as never, { ...btf, types }, "x"), {
    code: "BAD_OBJECT",
    message: "x: LINUX_KERNEL_VERSION is 397824, for which it has 2 bytes only",
  });
});

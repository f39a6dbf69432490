import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { compile, describeObject, EXAMPLES_FOLDER, findToolchain, programNames, readManifest } from "./examples.ts";

const manifest = readManifest();

test("every example has an object, and no object is without its example", () => {
  assert.deepEqual(Object.keys(manifest.objects).sort(), programNames());
});

for (const name of programNames()) {
  test(`${name}: source and object belong together`, () => {
    assert.deepEqual(
      describeObject(name),
      manifest.objects[name],
      `${name}.bpf.c, a header or ${name}.bpf.o changed: run \`npm run examples\` and commit what it writes`,
    );
  });

  test(`${name}: the object names no folder of the machine that built it`, () => {
    const text = readFileSync(`${EXAMPLES_FOLDER}/${name}.bpf.o`, "latin1");
    assert.doesNotMatch(text, /\/(home|root|tmp|work|Users)\//);
  });

  test(`${name}: the same clang makes the same bytes`, (context) => {
    const toolchain = findToolchain(manifest.clang);
    if (toolchain?.version !== manifest.clang)
      return context.skip(`clang ${manifest.clang} is not here (found ${toolchain?.version ?? "none"})`);
    const folder = mkdtempSync(join(tmpdir(), "examples-"));
    try {
      const path = join(folder, `${name}.bpf.o`);
      compile(toolchain, name, path);
      assert.deepEqual(readFileSync(path), readFileSync(`${EXAMPLES_FOLDER}/${name}.bpf.o`));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
}

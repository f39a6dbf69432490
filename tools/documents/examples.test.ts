import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { compile, describeObject, FOLDERS, findToolchain, programNames, readManifest } from "./examples.ts";

for (const folder of FOLDERS)
  test(`${folder}: every program has an object, and no object is without its program`, () => {
    assert.deepEqual(Object.keys(readManifest(folder).objects).sort(), programNames(folder));
  });

for (const [folder, name] of FOLDERS.flatMap((folder) => programNames(folder).map((name) => [folder, name] as const))) {
  const manifest = readManifest(folder);

  test(`${name}: source and object belong together`, () => {
    assert.deepEqual(
      describeObject(folder, name),
      manifest.objects[name],
      `${name}.bpf.c, a header or ${name}.bpf.o changed: run \`npm run examples\` and commit what it writes`,
    );
  });

  test(`${name}: the object names no folder of the machine that built it`, () => {
    const text = readFileSync(`${folder}/${name}.bpf.o`, "latin1");
    assert.doesNotMatch(text, /\/(home|root|tmp|work|Users)\//);
  });

  test(`${name}: the same clang makes the same bytes`, (context) => {
    const toolchain = findToolchain(manifest.clang);
    if (toolchain?.version !== manifest.clang)
      return context.skip(`clang ${manifest.clang} is not here (found ${toolchain?.version ?? "none"})`);
    const place = mkdtempSync(join(tmpdir(), "examples-"));
    try {
      const path = join(place, `${name}.bpf.o`);
      compile(toolchain, folder, name, path);
      assert.deepEqual(readFileSync(path), readFileSync(`${folder}/${name}.bpf.o`));
    } finally {
      rmSync(place, { recursive: true });
    }
  });
}

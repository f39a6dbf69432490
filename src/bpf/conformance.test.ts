/** The conformance script on the committed vectors, and on files that are none. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";

const VECTORS = "test/data/bpf_conformance_vectors.json";

function conformance(...args: readonly string[]): { status: number | null; stdout: string; stderr: string } {
  const command = ["--import", "tsx", "tools/programs/conformance.ts", ...args];
  return spawnSync(process.execPath, command, { encoding: "utf8" });
}

test("all conformance vectors pass by both engines and callx is refused", () => {
  const { status, stdout } = conformance(VECTORS);
  assert.match(stdout, /callx: refused as it should be/);
  assert.equal(stdout.trim().split("\n").at(-1), "jit 312/312 interpreter 312/312");
  assert.equal(status, 0);
});

test("a wrong result and a bad file fail", () => {
  const folder = mkdtempSync(join(tmpdir(), "conformance-"));
  try {
    const path = join(folder, "vectors.json");
    const [vector] = JSON.parse(readFileSync(VECTORS, "utf8")) as { result: string }[];
    writeFileSync(path, JSON.stringify([{ ...vector, result: "0x99" }]));
    const wrong = conformance(path);
    assert.match(wrong.stdout, /FAIL jit .*r0 = 0x3, expected 0x99\n/);
    assert.match(wrong.stdout, /jit 0\/1 interpreter 0\/1/);
    assert.equal(wrong.status, 1);
    for (const text of ["[]", "{}", "not json", '[{"name":"x"}]']) {
      writeFileSync(path, text);
      assert.equal(conformance(path).status, 1, text);
    }
    assert.equal(conformance(join(folder, "missing")).status, 1);
    assert.equal(conformance().status, 1);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

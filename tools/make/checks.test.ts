import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { findingFrom } from "../../src/sim/finding.ts";
import { CONSTANTS, LAYOUT } from "../../src/wasm/face.ts";
import { instantiateCore } from "../../src/wasm/instance.ts";
import { writeChecks } from "./checks.ts";

const SOURCE = ['import { check, expect } from "../base/check";', "  check(a == b);", "  expect(c != 0);", "return;"];

test("check stays in both cores, expect in the simulator's; no line moves", () => {
  const simulated = writeChecks("core/x/y.ts", SOURCE.join("\n"), true).split("\n");
  assert.match(simulated[1] ?? "", /^ {2}if \(!\(a == b\)\) check_failed_in_line_2\(\);$/);
  assert.match(simulated[2] ?? "", /^ {2}if \(!\(c != 0\)\) check_failed_in_line_3\(\);$/);
  assert.equal(simulated[3], "return;");
  const shipped = writeChecks("core/x/y.ts", SOURCE.join("\n"), false).split("\n");
  assert.equal(shipped[1], simulated[1]);
  assert.equal(shipped[2], "");
  assert.deepEqual([shipped[0], shipped[3]], ["", "return;"]);
});

test("a file without checks is left as it is; a check over two lines is refused", () => {
  assert.equal(writeChecks("core/x.ts", "check(1);", true), "check(1);");
  assert.throws(() => writeChecks("core/x.ts", `${SOURCE[0]}\n  check(\n    a);`, true), /core\/x\.ts:2: a check/);
});

test("a failed check of the core that ships names its place", async () => {
  const memory = new WebAssembly.Memory({ initial: 64, maximum: 64, shared: true });
  const module = await WebAssembly.compile(readFileSync("build/core.wasm"));
  const { core } = await instantiateCore(module, memory);
  assert.equal(core.arenaFormat(1, 1), 0);
  core.switchCpu(0);
  // A lock that its own CPU has: what cannot be.
  new Uint32Array(memory.buffer, CONSTANTS.SUPERBLOCK + LAYOUT.Superblock.controlLock, 1)[0] = 1;
  let thrown: unknown;
  try {
    core.reapMaps();
    core.findMap(CONSTANTS.SUPERBLOCK);
  } catch (error) {
    thrown = error;
  }
  const line = readFileSync("core/cpu/lock.ts", "utf8").split("\n").indexOf("  check(peek(word) != mine);") + 1;
  const { kind, message } = findingFrom(thrown);
  assert.deepEqual([kind, message], ["check", `the check in core/cpu/lock.ts:${line} failed`]);
});

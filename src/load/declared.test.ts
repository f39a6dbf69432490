/** Maps and global functions as objects declare them: those that loaders or kernels take none of are refused, each with its programs. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { Arena } from "../arena/arena.ts";
import { readObject } from "../bpf/object/object.ts";
import type { Engine } from "./choices.ts";
import { DirectRuns } from "./direct.ts";
import { loadSpec } from "./load.ts";
import { verifyObject } from "./verify.ts";

const OBJECT = "src/bpf/fixtures/declared.bpf.o";

/** By program, what is said of it; the others are accepted. */
const REFUSED: Readonly<Record<string, RegExp>> = {
  of_own: /map own: it is static or hidden/,
  of_hidden: /map hidden: it is static or hidden/,
  of_far: /map far: its memory is to be of NUMA node 9, and there is node 0 alone/,
  of_wide: /map wide: maps are in it from the start by numbers of 4 bytes, and its keys have 8/,
  of_parts: /map parts: a function is in it from the start that is no program/,
  makes_both: /makes a both, which may be in a list and in a tree, and does not count its references/,
  passes_struct: /by_value\(\), a global function, takes a struct that is passed as it is/,
  passes_pointer: /of_no_size\(\), a global function, takes a pointer to what has no size/,
};

test("what loaders and kernels take of declarations is taken, hidden functions as static ones", () => {
  const verdicts = verifyObject(readObject(readFileSync(OBJECT), OBJECT));
  for (const { program, verdict, message = "" } of verdicts) {
    const says = REFUSED[program];
    if (says === undefined) assert.equal(verdict, "accepted", `${program}: ${message}`);
    else assert.match(message, says, program);
  }
  assert.equal(verdicts.length, Object.keys(REFUSED).length + 5);
});

for (const engine of ["interpreter", "jit"] satisfies Engine[])
  test(`${engine}: a program does not go on in one of another type that its object puts there`, async () => {
    const arena = await Arena.create({ cpus: 1, maximumBytes: 64 << 20 });
    const object = readObject(readFileSync(OBJECT), OBJECT);
    const programs = object.programs.filter(({ name }) => /^(on_frames|goes_on_elsewhere)$/.test(name));
    const maps = object.maps.filter(({ name }) => name === "frames");
    const runs = new DirectRuns(arena, loadSpec(arena, { ...object, programs, maps }, { engine, verify: true }));
    assert.equal(runs.run({ program: "goes_on_elsewhere", packet: new Uint8Array(64) }).result, 7n);
  });

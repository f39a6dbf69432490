/** One program that cannot load keeps no other from loading; what keeps them is said, of all. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Arena } from "../arena/arena.ts";
import { assemble } from "../bpf/isa/assemble.ts";
import { type ObjectSpec, type ProgramSpec, type RelocationSpec, specOfInstructions } from "../bpf/object/spec.ts";
import { programKind } from "../bpf/programs/table.ts";
import { type LoadOptions, loadSpec } from "./load.ts";
import { selectPrograms } from "./select.ts";

interface Made {
  readonly name: string;
  readonly section?: string;
  readonly text?: string;
  readonly relocations?: readonly RelocationSpec[];
}

function objectOf(...made: readonly Made[]): ObjectSpec {
  const programs = made.map(
    ({ name, section = "tracepoint/a/b", text = "r0 = 0\nexit", relocations = [] }): ProgramSpec => {
      const [program] = specOfInstructions(name, assemble(text)).programs;
      assert.ok(program !== undefined);
      return { ...program, section, relocations, kind: programKind(section), autoload: !section.startsWith("?") };
    },
  );
  const sizes = { keySize: 4, valueSize: 8, maxEntries: 4, flags: 0, readOnly: false };
  const maps = [
    { ...sizes, name: "counts", bpfType: 1 },
    { ...sizes, name: "strange", bpfType: 999 },
  ];
  return { ...specOfInstructions("object", []), name: "object", programs, functions: programs, maps };
}

const uses = (map: string): Made => ({
  name: `uses_${map}`,
  text: "r1 = 0 ll\nr0 = 0\nexit",
  relocations: [{ type: "map", instruction: 0, map }],
});
const good = { name: "good" };
const bad = {
  name: "bad",
  relocations: [{ type: "unsupported", instruction: 0, reason: "it needs the moon" }],
} as const;
const probe = { name: "probe", section: "custom/x" };

test("programs load beside others that do not, and each of those says why", async () => {
  const object = objectOf(good, bad, probe, uses("counts"), uses("strange"), {
    name: "asleep",
    section: "?tracepoint/a/b",
  });
  const arena = await Arena.create({ cpus: 1, maximumBytes: 32 << 20 });
  const { programs, maps, skipped } = loadSpec(arena, object);
  assert.deepEqual(
    programs.map(({ name }) => name),
    ["good", "uses_counts"],
  );
  assert.deepEqual(
    maps.map(({ spec }) => spec.name),
    ["counts"],
  );
  const reasons = new Map(skipped.map(({ name, reason }) => [name, reason]));
  assert.match(reasons.get("bad") ?? "", /^instruction 0 \(r0 = 0\): it needs the moon$/);
  assert.match(reasons.get("probe") ?? "", /^section custom\/x names no kind of program/);
  assert.equal(reasons.get("uses_strange"), "map strange: map type 999 is not supported yet");
  assert.match(reasons.get("asleep") ?? "", /not to load it/);
  assert.equal(reasons.size, 4);
});

test("where nothing loads all reasons are counted; of a single program it is its own error", () => {
  assert.throws(() => selectPrograms(objectOf(bad)), {
    code: "UNSUPPORTED",
    message: "object: program bad, instruction 0 (r0 = 0): it needs the moon",
  });
  const again = { ...bad, name: "worse" };
  assert.throws(() => selectPrograms(objectOf(bad, probe, again)), {
    code: "UNSUPPORTED",
    message:
      /^Nothing of object can run here: 2 programs: instruction 0 \(r0 = 0\): it needs the moon; 1 program: section custom/,
  });
  assert.throws(() => selectPrograms(objectOf()), { message: /it has no program$/ });
});

test("a program that is wanted by name loads though its section says not to", async () => {
  const object = objectOf(
    { name: "asleep", section: "?tracepoint/a/b" },
    { name: "other", section: "?tracepoint/a/b" },
  );
  assert.throws(() => selectPrograms(object), /2 programs: its section says not to load it/);
  const names = (enable: ReadonlySet<string> | "all"): string[] =>
    selectPrograms(object, { enable }).chosen.map(({ name }) => name);
  assert.deepEqual(names(new Set(["asleep"])), ["asleep"]);
  assert.deepEqual(names("all"), ["asleep", "other"]);
});

test("a policy keeps a program from loading, in the mode that its maps are created in, or warns", async () => {
  const sleeper = { ...uses("counts"), name: "sleeper", section: "lsm.s/hook" };
  const object = objectOf(good, uses("counts"), sleeper);
  const load = async (options: LoadOptions, realTime = false): Promise<string[]> => {
    const arena = await Arena.create({ cpus: 1, maximumBytes: 32 << 20, realTime });
    const { programs, skipped, warnings } = loadSpec(arena, object, { hashes: "dynamic", ...options });
    const say = (rows: typeof skipped): string[] => rows.map(({ name, reason }) => `${name}: ${reason}`);
    return [programs.map(({ name }) => name).join(), ...say(skipped), ...say(warnings)];
  };
  const refused = "linux-6.0, map counts:";
  assert.deepEqual(await load({ policy: "linux-6.0" }), [
    "good,uses_counts",
    `sleeper: ${refused} Sleepable programs can only use preallocated maps.`,
    `uses_counts: ${refused} trace type programs with run-time allocated hash maps are unsafe. Switch to preallocated hash maps.`,
  ]);
  assert.deepEqual(await load({ policy: "linux-6.0" }, true), [
    "good",
    `uses_counts: ${refused} trace type programs can only use preallocated hash map`,
    `sleeper: ${refused} Sleepable programs can only use preallocated maps.`,
  ]);
  const all = ["good,uses_counts,sleeper"];
  assert.deepEqual(await load({ policy: "linux-6.0", hashes: "preallocated" }), all);
  assert.deepEqual(await load({ policy: "linux-6.1" }), all);
  assert.deepEqual(await load({}), all);
});

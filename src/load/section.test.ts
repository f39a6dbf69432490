/** In which read section programs run, by what a grace period waits for while they do. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { Arena } from "../arena/arena.ts";
import { assemble } from "../bpf/isa/assemble.ts";
import { type ProgramSpec, specOfInstructions } from "../bpf/object/spec.ts";
import { programKind } from "../bpf/programs/table.ts";
import type { Engine } from "./choices.ts";
import { DirectRuns } from "./direct.ts";
import { loadSpec } from "./load.ts";

/** A helper that asks its host, by both engines. */
const LOOK = "call get_current_cgroup_id";
const IN_RCU = `call bpf_rcu_read_lock\ncall bpf_rcu_read_lock\ncall bpf_rcu_read_unlock\n${LOOK}\ncall bpf_rcu_read_unlock`;

/** Programs by section and text, and which grace periods wait for a run when it looks. */
const CASES = [
  ["kprobe/f", LOOK, ["normal"]],
  ["syscall", LOOK, ["tasks-trace"]],
  ["lsm.s/f", LOOK, ["tasks-trace"]],
  ["fentry.s/f", `${IN_RCU}\n${LOOK}`, ["normal, tasks-trace", "tasks-trace"]],
  ["kprobe/f", `${IN_RCU}\n${LOOK}`, ["normal", "normal"]],
] as const;

const FLAVOURS = ["normal", "tasks-trace"];

for (const engine of ["interpreter", "jit"] satisfies Engine[])
  for (const [section, text, expected] of CASES)
    test(`${engine}: ${section} in its section: ${expected.join(", then ")}`, async () => {
      const arena = await Arena.create({ cpus: 2, maximumBytes: 32 << 20 });
      const [program] = specOfInstructions("p", assemble(`${text}\nr0 = 0\nexit`)).programs;
      assert.ok(program !== undefined);
      const programs: ProgramSpec[] = [{ ...program, section, kind: programKind(section) }];
      const runs = new DirectRuns(
        arena,
        loadSpec(arena, { ...specOfInstructions("object", []), programs }, { engine }),
      );
      const { core } = arena;
      const waiting = (): string =>
        FLAVOURS.filter((_, flavour) => core.gracePeriodOver(flavour, core.gracePeriodStart(flavour)) === 0).join(", ");
      const seen: string[] = [];
      const look = (): bigint => {
        seen.push(waiting());
        return 0n;
      };
      const { error } = runs.run({ program: "p", helpers: new Map([["get_current_cgroup_id", look]]) });
      assert.equal(error, undefined);
      assert.deepEqual(seen, expected);
      assert.equal(waiting(), "", "no section is left over");
    });

test("a run that is stopped in a section that it has begun has left it, and ends in none", async () => {
  const arena = await Arena.create({ cpus: 2, maximumBytes: 32 << 20 });
  const [stopped] = specOfInstructions(
    "stopped",
    assemble("call bpf_rcu_read_lock\nr0 = *(u64 *)(r0 + 0)\nexit"),
  ).programs;
  const [open] = specOfInstructions("open", assemble("call bpf_rcu_read_lock\nr0 = 0\nexit")).programs;
  const [extra] = specOfInstructions("extra", assemble("call bpf_rcu_read_unlock\nr0 = 0\nexit")).programs;
  assert.ok(stopped !== undefined && open !== undefined && extra !== undefined);
  const kind = programKind("syscall");
  const programs = [stopped, open, extra].map((program): ProgramSpec => ({ ...program, section: "syscall", kind }));
  const spec = { ...specOfInstructions("object", []), programs };
  const runs = new DirectRuns(arena, loadSpec(arena, spec, { engine: "interpreter" }));
  const said = programs.map(({ name }) => runs.run({ program: name }).error ?? "");
  assert.match(said[0] ?? "", /reads 8 bytes at a null pointer/);
  assert.match(said[1] ?? "", /it ends with an RCU section/);
  assert.match(said[2] ?? "", /in no RCU section that it has begun/);
  const { core } = arena;
  for (const flavour of [0, 1])
    assert.notEqual(core.gracePeriodOver(flavour, core.gracePeriodStart(flavour)), 0, FLAVOURS[flavour]);
});

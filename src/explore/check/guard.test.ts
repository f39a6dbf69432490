import assert from "node:assert/strict";
import { test } from "node:test";
import { assemble } from "../../bpf/isa/assemble.ts";
import { type MapSpec, type ObjectSpec, type ProgramSpec, specOfInstructions } from "../../bpf/object/spec.ts";
import { type CheckedProgram, checkObject } from "./check.ts";
import { generatedInputs } from "./inputs.ts";

const EVENT = { type: "tracepoint", target: { category: "made", event: "up" } };
const RUNS = 20;

function objectOf(text: string): ObjectSpec {
  const instructions = assemble(text);
  const [program] = specOfInstructions("program", instructions).programs;
  const relocations = instructions.flatMap(({ code }, instruction) =>
    code === 0x18 ? [{ type: "map", instruction, map: "map" } as const] : [],
  );
  const spec: ProgramSpec = { ...(program as ProgramSpec), section: "tracepoint/made/up", kind: EVENT, relocations };
  const map: MapSpec = {
    ...{ name: "map", bpfType: 1, keySize: 8, valueSize: 8, maxEntries: 1000 },
    flags: 1,
    readOnly: false,
  };
  return { name: "made.bpf.o", license: "", programs: [spec], functions: [], maps: [map], btf: undefined };
}

async function check(guards: string, madeUp = true): Promise<CheckedProgram> {
  const object = objectOf(`
    r6 = r1
    ${guards}
    r7 = *(u64 *)(r6 + 48)
    *(u64 *)(r10 - 8) = r7
    r1 = 0 ll
    r2 = r10
    r2 += -8
    r3 = r10
    r3 += -400
    r4 = 0
    call map_update_elem
    r0 = 0
    exit`);
  const inputs = new Map([["program", generatedInputs(EVENT, RUNS)]]);
  const settings = { profile: "linux", contexts: ["hardirq"], realTime: [false], dynamic: false, runs: RUNS } as const;
  const { programs } = await checkObject(object, { ...settings, inputs, madeUp }, () => undefined);
  const [program] = programs;
  assert.ok(program);
  return program;
}

const failsAfter = ({ cells }: CheckedProgram): (number | undefined)[] => cells.map(({ failure }) => failure?.inserted);

/** Leaves unless the comparison holds. */
const unless = (load: string, comparison: string): string => `${load}\n${comparison} goto +2\nr0 = 0\nexit`;

const ENTERED = [
  ["a constant", unless("r1 = *(u64 *)(r6 + 8)", "if r1 == 321"), /context \+ 8 holds 321,/],
  ["half a word", unless("r1 = *(u16 *)(r6 + 18)", "if w1 == 77"), /context \+ 18 holds 77,/],
  ["at least so much", unless("r1 = *(u32 *)(r6 + 16)", "if r1 > 0x70000000"), /context \+ 16 holds 1879048193,/],
  ["less than that", unless("r1 = *(u32 *)(r6 + 16)", "if r1 < 5"), /context \+ 16 holds 4,/],
] as const;

for (const [what, guard, says] of ENTERED)
  test(`a guard that compares with ${what} is entered, and keys still differ`, async () => {
    const program = await check(guard);
    assert.equal(program.entered?.length, 1);
    assert.match(program.entered[0] ?? "", says);
    assert.deepEqual([failsAfter(program), program.guard], [[4], undefined]);
  });

test("guards one behind the other are all entered", async () => {
  const program = await check(
    `${unless("r1 = *(u64 *)(r6 + 8)", "if r1 == 321")}\n${unless("r1 = *(u32 *)(r6 + 24)", "if r1 != 0x1b1a1918")}`,
  );
  assert.equal(program.entered?.length, 2);
  assert.deepEqual(failsAfter(program), [4]);
});

test("the task's number can be what is asked for", async () => {
  const program = await check(unless("call get_current_pid_tgid\nr1 = r0\nr1 >>= 32", "if r1 == 4242"));
  assert.match(program.entered?.[0] ?? "", /task \+ 4 holds 4242/);
});

test("a guard that compares with nothing of the input is told, with its instruction", async () => {
  const program = await check(unless("r1 = 1", "if r1 == 2"));
  assert.deepEqual([program.entered, program.cells], [undefined, []]);
  assert.match(program.note ?? "", /never gets to an update/);
  assert.match(program.guard ?? "", /^instruction 2 \(if r1 == 2 goto \+2\)/);
});

test("recorded and given inputs stay as they are: the guard is told", async () => {
  const program = await check(ENTERED[0][1], false);
  assert.equal(program.entered, undefined);
  assert.match(program.guard ?? "", /^instruction 2 \(if r1 == 321 /);
});

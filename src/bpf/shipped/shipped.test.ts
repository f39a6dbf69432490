/** Types of kernels that come along: what `bpftool btf dump` says of the kernels that they were cut out of. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { assemble } from "../isa/assemble.ts";
import { layoutsOf } from "../kernel/layout.ts";
import type { Btf, BtfType } from "../object/btf.ts";
import { relocateTypes } from "../object/core-relocate.ts";
import { type CoreRelocation, type ObjectSpec, specOfInstructions } from "../object/spec.ts";
import { unpackTypes } from "./kernel-types.ts";
import { LINUX_6_18 } from "./linux-6.18.ts";
import { SHIPPED } from "./table.ts";

/** Bytes of structs, and bits from their start to members. */
const DUMPED: Readonly<Record<string, Readonly<Record<string, readonly [bytes: number, ...bits: number[]]>>>> = {
  "linux-6.1": {
    "task_struct pid tgid real_parent start_time comm": [9792, 19328, 19360, 19456, 22208, 23808],
    "request __data_len": [272, 352],
    "sk_buff len": [232, 896],
    "inode i_ino": [632, 512],
    "sock_common skc_family": [136, 128],
  },
  "linux-6.12": {
    "task_struct pid tgid real_parent start_time comm": [9792, 19456, 19488, 19584, 22208, 23808],
    "request __data_len": [248, 352],
    "sk_buff len": [232, 896],
    "inode i_ino": [624, 512],
    "sock_common skc_family": [136, 128],
  },
  "linux-6.18": {
    "task_struct pid tgid real_parent start_time comm": [3264, 10112, 10144, 10240, 12416, 14016],
    "request __data_len": [248, 352],
    "sk_buff len": [224, 896],
    "inode i_ino": [616, 512],
    "sock_common skc_family": [136, 128],
  },
};

const typesOf = async (name: string): Promise<Btf> => unpackTypes(await (SHIPPED[name] ?? assert.fail(name))());

for (const [name, structs] of Object.entries(DUMPED))
  test(`${name}: members lie where that kernel has them`, async () => {
    const kernel = await typesOf(name);
    assert.equal((await SHIPPED[name]?.())?.name, name);
    const layouts = layoutsOf(kernel, kernel);
    for (const [key, [bytes, ...bits]] of Object.entries(structs)) {
      const [struct = "", ...members] = key.split(" ");
      const { size, places } = layouts.get(struct) ?? assert.fail(struct);
      // Of what lies in a union or a struct without a name the place is named as if it were outside.
      const at = members.map((member) => places.find((place) => place.name === member)?.offset);
      assert.deepEqual([size, ...at], [bytes, ...bits.map((bit) => bit / 8)], `${struct} of ${name}`);
    }
  });

test("each kernel that has types here is tried", () => assert.deepEqual(Object.keys(SHIPPED), Object.keys(DUMPED)));

/** An idea of some types of the kernel: of each its only member, in front. */
const OWN: readonly BtfType[] = [
  { name: "void", kind: "void" },
  { name: "int", kind: "int", size: 4, encoding: "signed" },
  ...["task_struct/tgid", "trace_event_raw_block_rq_complete/dev", "nobody_has_it/x"].map((text): BtfType => {
    const [name = "", member = ""] = text.split("/");
    return { name, kind: "struct", size: 4, members: [{ name: member, type: 1, bitOffset: 0, bitSize: 0 }] };
  }),
];

/** Loads the members one after the other, and asks whether the structs are there. */
function asking(): ObjectSpec {
  const names = [2, 3, 4];
  const loads = names.map((_, index) => `r${index + 2} = *(u32 *)(r1 + 0)`);
  const questions = names.map((_, index) => `r${index + 5} = 0`);
  const object = specOfInstructions("p", assemble([...loads, ...questions, "r0 = 0", "exit"].join("\n")));
  const relocation = (kind: string, access: string, first: number) => (typeId: number, index: number) =>
    ({ instruction: first + index, type: "", typeId, access, kind }) satisfies CoreRelocation;
  const coreRelocations = [
    ...names.map(relocation("byte_off", "0:0", 0)),
    ...names.map(relocation("type_exists", "0", names.length)),
  ];
  return {
    ...object,
    btf: { what: "own", types: OWN },
    programs: object.programs.map((program) => ({ ...program, coreRelocations })),
  };
}

test("what the kernel has, what it is known not to have, and what nothing is known of", async () => {
  const { object, missing, unknown } = relocateTypes(asking(), await unpackTypes(LINUX_6_18));
  const slots = object.programs[0]?.instructions ?? [];
  assert.deepEqual([slots[0]?.code, slots[0]?.offset], [0x61, 10_144 / 8]);
  assert.equal(slots[1]?.code, 0x85, "a trap");
  assert.deepEqual([slots[2]?.code, slots[2]?.offset], [0x61, 0]);
  assert.deepEqual(
    slots.slice(3, 6).map(({ imm }) => imm),
    [1, 0, 1],
  );
  assert.deepEqual(
    missing.map(({ what }) => what),
    ["byte_off of trace_event_raw_block_rq_complete.dev"],
  );
  assert.deepEqual(unknown, ["nobody_has_it"]);
});

test("damaged types are refused by their name", async () => {
  const code = "BAD_OBJECT";
  await assert.rejects(unpackTypes({ ...LINUX_6_18, packed: "%" }), { code, message: /linux-6\.18/ });
  await assert.rejects(unpackTypes({ ...LINUX_6_18, packed: LINUX_6_18.packed.slice(0, 4000) }), { code });
});

test("nobody but who asks by name reads them", () => {
  for (const path of ["src/bpf/shipped/kernel-types.ts", "src/load/typed-object.ts", "src/load/index.ts"])
    assert.doesNotMatch(readFileSync(path, "utf8"), /shipped\/(table|linux)|\.\/linux-/, path);
});

/** Fields of recorded events are where the program takes them from, or it is said that they are not. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { parseFormat } from "../../events/tracepoints/format.ts";
import { assemble } from "../isa/assemble.ts";
import { programKind } from "../programs/table.ts";
import type { Btf, BtfType } from "./btf.ts";
import { relocateTypes } from "./core-relocate.ts";
import { checkEventFields, eventFieldsOf, relocateEventFields } from "./event-fields.ts";
import { type CoreRelocation, specOfInstructions } from "./spec.ts";

const TYPES: readonly BtfType[] = [
  { name: "void", kind: "void" },
  { name: "u64", kind: "int", size: 8, encoding: "unsigned" },
  {
    name: "trace_event_raw_thing",
    kind: "struct",
    size: 24,
    members: [
      { name: "common", type: 1, bitOffset: 0, bitSize: 0 },
      { name: "count", type: 1, bitOffset: 64, bitSize: 0 },
      { name: "other", type: 1, bitOffset: 128, bitSize: 0 },
    ],
  },
  { name: "task_struct", kind: "struct", size: 8, members: [{ name: "pid", type: 1, bitOffset: 0, bitSize: 0 }] },
];

const relocation = (typeId: number, access: string, kind = "byte_off"): CoreRelocation => ({
  ...{ instruction: 0, typeId, access, kind },
  type: TYPES[typeId]?.name ?? "",
});

function fieldsOf(...coreRelocations: readonly CoreRelocation[]): ReturnType<typeof eventFieldsOf> {
  const spec = specOfInstructions("p", assemble("exit"));
  const [program] = spec.programs;
  assert.ok(program !== undefined);
  return eventFieldsOf({ ...spec, btf: { what: "test", types: TYPES } }, [{ ...program, coreRelocations }]);
}

test("fields of recorded structs, each once; of other types and other relocations none", () => {
  const count = { struct: "trace_event_raw_thing", name: "count", offset: 8 };
  assert.deepEqual(fieldsOf(relocation(2, "0:1"), relocation(2, "0:1"), relocation(3, "0:0")), [count]);
  assert.deepEqual(fieldsOf(relocation(2, "0:1", "field_exists"), relocation(2, "0:9"), relocation(2, "1:1")), []);
});

test("an instruction that asks for what the kernel does not have stays a trap, whatever the event has", () => {
  const spec = specOfInstructions("p", assemble("r2 = *(u64 *)(r1 + 8)\nr0 = 0\nexit"));
  const coreRelocations = [relocation(2, "0:1")];
  const kind = programKind("tracepoint/kmem/thing");
  const programs = spec.programs.map((program) => ({ ...program, kind, coreRelocations }));
  const format = parseFormat(
    'name: thing\nID: 7\nformat:\n\tfield:u64 count;\toffset:16;\tsize:8;\tsigned:0;\n\nprint fmt: "count=%llu", REC->count\n',
    { category: "kmem" },
  );
  const first = (kernel: Btf | undefined) => {
    const { object } = relocateTypes({ ...spec, btf: { what: "test", types: TYPES }, programs }, kernel);
    return relocateEventFields(object, [{ name: "thing", category: "kmem", format }]).programs[0]?.instructions[0];
  };
  assert.equal(first(undefined)?.offset, 16);
  const none = { what: "none", types: TYPES.slice(0, 2) };
  assert.deepEqual(
    first(none),
    relocateTypes({ ...spec, btf: { what: "test", types: TYPES }, programs }, none).object.programs[0]?.instructions[0],
  );
  assert.equal(first(none)?.code, 0x85);
});

test("a field that the event has elsewhere is refused by name; one that it has not, or has there, is not", () => {
  const fields = fieldsOf(relocation(2, "0:1"), relocation(2, "0:2"));
  const formatWith = (offset: number): ReturnType<typeof parseFormat> =>
    parseFormat(
      `name: thing\nID: 7\nformat:\n\tfield:u64 count;\toffset:${offset};\tsize:8;\tsigned:0;\n\nprint fmt: "count=%llu", REC->count\n`,
      { category: "kmem" },
    );
  checkEventFields("p", fields, formatWith(8));
  checkEventFields("p", fields, undefined);
  assert.throws(() => checkEventFields("p", fields, formatWith(16)), {
    code: "UNSUPPORTED",
    message: "program p takes trace_event_raw_thing.count from byte 8, as it was compiled; kmem:thing has it at 16",
  });
});

/** Objects from assembly text, with a set of maps that are always the same. */
import { assemble } from "../../src/bpf/isa/assemble.ts";
import { isWide, PSEUDO } from "../../src/bpf/isa/instructions.ts";
import type { Btf } from "../../src/bpf/object/btf.ts";
import type { MapSpec, ObjectSpec, RelocationSpec } from "../../src/bpf/object/spec.ts";
import { programKind } from "../../src/bpf/programs/table.ts";
import { NO_PREALLOC } from "../../src/maps/kinds.ts";

export const VALUE_BYTES = 16;
export const SECTION_BYTES = 64;

/** Bytes of the kernel's structs that programs keep in theirs. */
const OPAQUE = {
  bpf_spin_lock: 4,
  bpf_list_head: 16,
  bpf_rb_root: 16,
  bpf_list_node: 24,
  bpf_rb_node: 32,
  bpf_timer: 16,
};

/**
 * Types of what lies in `guarded`: `struct value { lock, list, tree, kept, timer, count }`, whose list and tree hold `struct item
 * { number, inList, inTree, references }`, and so does the pointer; of what lies in `things`: `struct things { task, count,
 * counters }`, with places for a task and for a `struct counters { first, second }` of each CPU.
 */
const TYPES: Btf = {
  what: "made-up",
  types: [
    { name: "void", kind: "void" },
    { name: "u64", kind: "int", size: 8, encoding: "unsigned" },
    ...Object.entries(OPAQUE).map(([name, size]) => ({ name, kind: "struct" as const, size, members: [] })),
    { name: "bpf_refcount", kind: "struct", size: 4, members: [] },
    struct("item", 80, [1, 0, "number"], [5, 8, "inList"], [6, 32, "inTree"], [8, 64, "references"]),
    { name: "kptr", kind: "alias", type: 9, tag: true },
    { name: "", kind: "pointer", type: 10 },
    struct(
      "value",
      72,
      [2, 0, "lock"],
      [3, 8, "list"],
      [4, 24, "tree"],
      [11, 40, "kept"],
      [7, 48, "timer"],
      [1, 64, "count"],
    ),
    { name: "contains:item:inList", kind: "decl_tag", type: 12, part: 1 },
    { name: "contains:item:inTree", kind: "decl_tag", type: 12, part: 2 },
    struct("task_struct", 8, [1, 0, "flags"]),
    { name: "kptr", kind: "alias", type: 15, tag: true },
    { name: "", kind: "pointer", type: 16 },
    struct("things", 24, [17, 0, "task"], [1, 8, "count"], [21, 16, "counters"]),
    struct("counters", 16, [1, 0, "first"], [1, 8, "second"]),
    { name: "percpu_kptr", kind: "alias", type: 19, tag: true },
    { name: "", kind: "pointer", type: 20 },
  ],
};

/** The number of `struct item`, for `bpf_obj_new`. */
export const ITEM = 9;
/** The number of `struct counters`, for `bpf_percpu_obj_new`. */
export const COUNTERS = 19;
const VALUE = 12;
const THINGS = 18;

function struct(name: string, size: number, ...members: [type: number, offset: number, name: string][]) {
  const rows = members.map(([type, offset, member]) => ({ name: member, type, bitOffset: offset * 8, bitSize: 0 }));
  return { name, kind: "struct" as const, size, members: rows };
}

function map(name: string, bpfType: number, keySize: number, valueSize: number, maxEntries: number): MapSpec {
  return { name, bpfType, keySize, valueSize, maxEntries, flags: 0, readOnly: false };
}

/** Maps that programs may name: a hash, an array, others by their kind, two ring buffers, variables, constants, and texts. */
export const MAPS: readonly MapSpec[] = [
  map("counts", 1, 4, VALUE_BYTES, 16),
  map("array", 2, 4, VALUE_BYTES, 4),
  map("percpu", 5, 8, 8, 16),
  map("queue", 22, 0, 8, 8),
  { ...map("trie", 11, 8, 8, 8), flags: NO_PREALLOC },
  { ...map("guarded", 2, 4, 72, 2), valueTypeId: VALUE },
  { ...map("things", 2, 4, 24, 1), valueTypeId: THINGS },
  map("ring", 27, 0, 0, 4096),
  map("commands", 31, 0, 0, 4096),
  map("events", 4, 4, 4, 2),
  map("programs", 3, 4, 4, 2),
  { ...map(".bss", 2, 4, SECTION_BYTES, 1), contents: new Uint8Array(SECTION_BYTES) },
  { ...map(".rodata", 2, 4, SECTION_BYTES, 1), contents: new Uint8Array(SECTION_BYTES).fill(1), readOnly: true },
  { ...map(".texts", 2, 4, SECTION_BYTES, 1), contents: texts("%d", "%d %q", "%s%"), readOnly: true },
];

/** Texts that begin 16 bytes from one another. */
function texts(...each: readonly string[]): Uint8Array {
  const contents = new Uint8Array(SECTION_BYTES);
  each.forEach((text, index) => {
    contents.set(new TextEncoder().encode(text), 16 * index);
  });
  return contents;
}

/** `r1 = &counts` for a map's address, `r1 = &.bss+8` for a variable's. */
const ADDRESS = /= &(\.?\w+)(?:\+(\d+))?/g;

/** @param text assembly; `&NAME` is the address of a map, `&.bss+N` that of a variable */
export function objectOf(section: string, text: string, maps: readonly MapSpec[] = MAPS): ObjectSpec {
  const named: { readonly name: string; readonly offset: number }[] = [];
  const plain = text.replace(ADDRESS, (_, name: string, offset = "0") => {
    named.push({ name, offset: Number(offset) });
    return name.startsWith(".") ? "= value(0) ll" : "= map(0) ll";
  });
  const instructions = assemble(plain);
  const holds = (src: number): boolean => src === PSEUDO.mapAddress || src === PSEUDO.mapValue;
  const places = instructions.flatMap((slot, at) => (isWide(slot) && holds(slot.src) ? [at] : []));
  const relocations = places.map((instruction, index): RelocationSpec => {
    const { name = "", offset = 0 } = named[index] ?? {};
    return name.startsWith(".")
      ? { type: "data", instruction, map: name, offset }
      : { type: "map", instruction, map: name };
  });
  const program = { name: "program", section, kind: programKind(section), autoload: true };
  const item = { instruction: 0, type: "item", typeId: ITEM, access: "0", kind: "local_type_id" };
  const counters = { ...item, type: "counters", typeId: COUNTERS };
  const code = { instructions, relocations, coreRelocations: /_obj_new/.test(text) ? [item, counters] : [], lines: [] };
  return { name: "made-up", license: "GPL", programs: [{ ...program, ...code }], functions: [], maps, btf: TYPES };
}

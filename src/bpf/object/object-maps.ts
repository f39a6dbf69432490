/** The maps an object declares: BTF-defined ones, those of the older `maps` section, and its data sections. */
import { AnyctxError } from "../../error.ts";
import { type Btf, type BtfMember, type BtfType, resolveType, sizeOf, typeOf } from "./btf.ts";
import { ByteReader } from "./bytes.ts";
import {
  type ElfObject,
  type ElfSection,
  type ElfSymbol,
  MAPS_SECTION,
  SECTION_FLAG,
  SECTION_TYPE,
  SYMBOL_BINDING,
  SYMBOL_TYPE,
} from "./elf.ts";
import { BPF_MAP_TYPE_ARRAY, createdEntries, type MapSpec, RDONLY_PROG, type VariableSpec } from "./spec.ts";

const NAMES = /^\.(rodata|data|bss)(\..+)?$/;
/** Variables of the arena map. */
export const ARENA_SECTION = ".addr_space.1";
const BPF_MAP_TYPE_ARENA = 33;

/** Whether the section holds global variables. */
export function isDataSection(section: ElfSection): boolean {
  const data = section.type === SECTION_TYPE.progbits || section.type === SECTION_TYPE.nobits;
  return data && NAMES.test(section.name) && (section.flags & SECTION_FLAG.alloc) !== 0;
}

function bad(name: string, problem: string): never {
  throw new AnyctxError("BAD_OBJECT", `${name}: ${problem}`);
}

type Attributes = { -readonly [key in keyof MapSpec]?: MapSpec[key] };

/** `__uint(name, value)` declares a pointer to an array whose length is the value. */
function uintOf(btf: Btf, member: BtfMember, what: string): number {
  const pointer = resolveType(btf, member.type);
  const array = pointer.kind === "pointer" ? resolveType(btf, pointer.type) : undefined;
  return array?.kind === "array" ? array.count : bad(what, `attribute ${member.name} is not a number`);
}

/** `__ulong(name, value)` declares an enum of that one value; `__uint` will do where 32 bits are enough. */
function numberOf(btf: Btf, member: BtfMember, what: string): bigint {
  const type = resolveType(btf, member.type);
  const [only] = type.kind === "enum" ? type.values : [];
  return only === undefined ? BigInt(uintOf(btf, member, what)) : BigInt.asUintN(64, only.value);
}

/** `__type(name, type)` declares a pointer to the type. */
function pointeeOf(btf: Btf, member: BtfMember, what: string): number {
  const pointer = resolveType(btf, member.type);
  return pointer.kind === "pointer" ? pointer.type : bad(what, `attribute ${member.name} is not a type`);
}

type Apply = (map: Attributes, btf: Btf, member: BtfMember, what: string) => void;

type Count = "bpfType" | "maxEntries" | "flags" | "keySize" | "valueSize";

/** Sets a number that may be given twice (a key's type and its size) if both agree. */
function set(map: Attributes, field: Count, value: number, what: string): void {
  const earlier = map[field];
  if (earlier !== undefined && earlier !== value) bad(what, `${field} is given as ${earlier} and as ${value}`);
  map[field] = value;
}

const uint =
  (field: Count): Apply =>
  (map, btf, member, what) =>
    set(map, field, uintOf(btf, member, what), what);

/** `enum libbpf_pin_type`. */
const PIN_NONE = 0;
const PIN_BY_NAME = 1;

/** Says nothing about how a map behaves here: where its memory lies. */
const ignore: Apply = () => {};

/** What the pointers of `__array(values, ...)` lead to: functions, as the map holds programs, or a map's definition. */
function heldIn(btf: Btf, member: BtfMember): BtfType | undefined {
  const array = resolveType(btf, member.type);
  const pointer = array.kind === "array" ? resolveType(btf, array.element) : undefined;
  return pointer?.kind === "pointer" ? resolveType(btf, pointer.type) : undefined;
}

const POINTER_BYTES = 8;
/** What user space puts into such a map: a descriptor of the program or the map. */
const DESCRIPTOR_BYTES = 4;

/** The programs or maps that a map has in it from the start: what the pointers in its definition lead to. */
function initialValues(
  elf: ElfObject,
  section: ElfSection,
  name: string,
  members: readonly BtfMember[],
): Pick<MapSpec, "programs" | "innerMaps" | "unsupported"> {
  const values = members.find((member) => member.name === "values");
  const symbol = elf.symbols.find((each) => each.section === section.index && each.name === name);
  if (values === undefined || symbol === undefined) return {};
  const begin = symbol.value + values.bitOffset / 8;
  const inside = (elf.relocations.get(section.index) ?? []).filter(
    ({ offset }) => offset >= begin && offset < symbol.value + symbol.size,
  );
  const of = (wanted: number): ReadonlyMap<number, string> => {
    const found = inside.filter(({ symbol: { type } }) => type === wanted);
    return new Map(found.map((each) => [(each.offset - begin) / POINTER_BYTES, each.symbol.name]));
  };
  const [programs, innerMaps] = [of(SYMBOL_TYPE.function), of(SYMBOL_TYPE.object)];
  const sections = new Map(elf.symbols.map((each) => [each.name, elf.sections[each.section]?.name]));
  const isNamed = programs.size + innerMaps.size === inside.length;
  const isProgram = [...programs.values()].every((each) => sections.get(each) !== ".text");
  const unsupported =
    isNamed && isProgram ? {} : { unsupported: "a function is in it from the start that is no program" };
  return { programs, innerMaps, ...unsupported };
}

/** Attributes of a BTF-defined map, as libbpf names them. */
const ATTRIBUTES: ReadonlyMap<string, Apply> = new Map<string, Apply>([
  ["type", uint("bpfType")],
  ["max_entries", uint("maxEntries")],
  ["map_flags", uint("flags")],
  ["key_size", uint("keySize")],
  ["value_size", uint("valueSize")],
  [
    "key",
    (map, btf, member, what) => {
      map.keyTypeId = pointeeOf(btf, member, what);
      set(map, "keySize", sizeOf(btf, map.keyTypeId), what);
    },
  ],
  [
    "value",
    (map, btf, member, what) => {
      map.valueTypeId = pointeeOf(btf, member, what);
      set(map, "valueSize", sizeOf(btf, map.valueTypeId), what);
    },
  ],
  [
    "values",
    (map, btf, member, what) => {
      map.valueSize ??= DESCRIPTOR_BYTES;
      const held = heldIn(btf, member);
      if (held?.kind !== "struct") return;
      const inner = `${what}, its inner map`;
      map.inner = typedMap(btf, held.members, member.name, inner);
      if (map.inner.pinned === true) bad(inner, "it is pinned, and only the map that it is in can be");
    },
  ],
  [
    "pinning",
    (map, btf, member, what) => {
      const how = uintOf(btf, member, what);
      if (how !== PIN_NONE && how !== PIN_BY_NAME) bad(what, `${how} is no way of pinning`);
      if (how === PIN_BY_NAME) map.pinned = true;
    },
  ],
  ["numa_node", ignore],
  [
    "map_extra",
    (map, btf, member, what) => {
      map.extra = numberOf(btf, member, what);
    },
  ],
]);

function typedMap(btf: Btf, members: readonly BtfMember[], name: string, what: string): MapSpec {
  const map: Attributes = {};
  for (const member of members) {
    const apply = ATTRIBUTES.get(member.name);
    if (apply === undefined) return bad(what, `attribute ${member.name} is unknown`);
    apply(map, btf, member, what);
  }
  if (map.bpfType === undefined) return bad(what, "it has no type");
  const flags = map.flags ?? 0;
  return {
    ...map,
    name,
    bpfType: map.bpfType,
    keySize: map.keySize ?? 0,
    valueSize: map.valueSize ?? 0,
    maxEntries: createdEntries(map.bpfType, map.maxEntries ?? 0),
    flags,
    readOnly: (flags & RDONLY_PROG) !== 0,
  };
}

/** Maps declared with `SEC(".maps")`. @throws {AnyctxError} BAD_OBJECT */
export function typedMaps(elf: ElfObject, btf: Btf | undefined, name: string): MapSpec[] {
  const section = elf.sections.find((candidate) => candidate.name === MAPS_SECTION);
  if (section === undefined) return [];
  if (btf === undefined) return bad(name, "section .maps needs BTF: compile with -g");
  const list = btf.types.find((type) => type.kind === "section" && type.name === MAPS_SECTION);
  if (list?.kind !== "section") return bad(name, "section .maps has no entry in BTF");
  return list.variables.map((entry) => {
    const variable = typeOf(btf, entry.type);
    const what = `${name}: map ${variable.name}`;
    const type = resolveType(btf, entry.type);
    if (type.kind !== "struct") return bad(what, "its declaration is not a struct");
    const map = typedMap(btf, type.members, variable.name, what);
    const found = { ...map, ...initialValues(elf, section, variable.name, type.members) };
    const unsupported = problemOf(elf, section, found) ?? nodeProblem(btf, type.members, map.flags);
    return unsupported === undefined ? found : { ...found, unsupported };
  });
}

/** What loaders have against a map, and what is in it from the start. */
function problemOf(elf: ElfObject, { index }: ElfSection, map: MapSpec): string | undefined {
  const { name, innerMaps, bpfType, keySize } = map;
  const symbol = elf.symbols.find((each) => each.section === index && each.name === name);
  if (symbol?.binding === SYMBOL_BINDING.local || symbol?.hidden === true)
    return "it is static or hidden, and maps are taken by names that all may see";
  const isOfMaps = bpfType === BPF_MAP_TYPE_HASH_OF_MAPS && (innerMaps?.size ?? 0) > 0;
  if (isOfMaps && keySize !== INDEX_BYTES)
    return `maps are in it from the start by numbers of ${INDEX_BYTES} bytes, and its keys have ${keySize}`;
  return map.unsupported;
}

const BPF_MAP_TYPE_HASH_OF_MAPS = 13;
const INDEX_BYTES = 4;
const NUMA_NODE_FLAG = 4;

/** There is one node of memory, 0. */
function nodeProblem(btf: Btf, members: readonly BtfMember[], flags: number): string | undefined {
  const member = members.find(({ name }) => name === "numa_node");
  const node = member === undefined || (flags & NUMA_NODE_FLAG) === 0 ? 0 : uintOf(btf, member, "numa_node");
  return node === 0 ? undefined : `its memory is to be of NUMA node ${node}, and there is node 0 alone`;
}

const LEGACY_BYTES = 20;
/** `struct bpf_elf_map` of iproute2: a number for tail calls, how it is shared, and which map is in it, behind the five numbers. */
const IPROUTE2_BYTES = 36;
const IPROUTE2_PINNING = 6;
const IPROUTE2_INNER = 7;
/** Pinned for all objects; 1 is for the programs of this one. */
const PIN_GLOBAL_NS = 2;

/** Maps of the older `maps` section: five numbers each. @throws {AnyctxError} BAD_OBJECT */
export function legacyMaps(elf: ElfObject, name: string): MapSpec[] {
  const section = elf.sections.find((candidate) => candidate.name === "maps");
  if (section === undefined) return [];
  const symbols = elf.symbols.filter((s) => s.section === section.index && isVariable(s));
  if (symbols.length === 0) return bad(name, "section maps has no symbols");
  const stride = section.size / symbols.length;
  return symbols.map((symbol) => {
    const what = `${name}: map ${symbol.name}`;
    if (stride < LEGACY_BYTES) return bad(what, `its definition has ${stride} bytes instead of at least 20`);
    const reader = new ByteReader(section.bytes, what);
    const field = (index: number): number => reader.u32(symbol.value + index * 4, "its definition");
    const isIproute2 = stride === IPROUTE2_BYTES;
    for (let at = LEGACY_BYTES; at + 4 <= stride && !isIproute2; at += 4)
      if (field(at / 4) !== 0) return bad(what, "its definition has fields beyond the five known ones");
    const flags = field(4);
    const [bpfType, keySize, valueSize, maxEntries] = [field(0), field(1), field(2), field(3)];
    const readOnly = (flags & RDONLY_PROG) !== 0;
    const holdsMap = isIproute2 && field(IPROUTE2_INNER) !== 0;
    const pinned = isIproute2 && field(IPROUTE2_PINNING) === PIN_GLOBAL_NS;
    return {
      ...{ name: symbol.name, bpfType, keySize, valueSize, maxEntries, flags, readOnly },
      ...(pinned ? { pinned } : {}),
      ...(holdsMap ? { unsupported: "maps of maps in iproute2's form are not supported" } : {}),
    };
  });
}

function isVariable(symbol: ElfSymbol): boolean {
  return (symbol.type === SYMBOL_TYPE.object || symbol.type === SYMBOL_TYPE.none) && symbol.name !== "";
}

/** Type numbers of global variables by section and name. */
function variableTypes(btf: Btf | undefined): Map<string, Map<string, number>> {
  const sections = new Map<string, Map<string, number>>();
  for (const list of btf?.types ?? [])
    if (btf !== undefined && list.kind === "section")
      sections.set(list.name, new Map(list.variables.map(({ type }) => [typeOf(btf, type).name, type])));
  return sections;
}

/** Global variables by section. Offsets and sizes come from symbols: clang leaves those of BTF to a linker. */
function variablesBySection(elf: ElfObject, btf: Btf | undefined, name: string): Map<number, VariableSpec[]> {
  const types = variableTypes(btf);
  const result = new Map<number, VariableSpec[]>();
  for (const symbol of elf.symbols) {
    const section = elf.sections[symbol.section];
    const isData = section !== undefined && (isDataSection(section) || section.name === ARENA_SECTION);
    if (symbol.type !== SYMBOL_TYPE.object || !isData) continue;
    const { value: offset, size: bytes } = symbol;
    if (offset + bytes > section.size) bad(name, `variable ${symbol.name} does not fit section ${section.name}`);
    const typeId = types.get(section.name)?.get(symbol.name);
    const variable = { name: symbol.name, offset, size: bytes };
    const rows = result.get(section.index) ?? [];
    rows.push(typeId === undefined ? variable : { ...variable, typeId });
    result.set(section.index, rows);
  }
  for (const rows of result.values()) rows.sort((a, b) => a.offset - b.offset);
  return result;
}

/**
 * Each data section as an array map of one entry. An address in it (a table of names for user space) stays as the compiler wrote it,
 * as with libbpf: the offset in the section that it points to.
 * @throws {AnyctxError} BAD_OBJECT
 */
export function dataMaps(elf: ElfObject, btf: Btf | undefined, name: string): MapSpec[] {
  const sections = elf.sections.filter((section) => isDataSection(section) && section.size > 0);
  const variables = variablesBySection(elf, btf, name);
  return sections.map((section) => {
    const contents = new Uint8Array(section.size);
    contents.set(section.bytes);
    const readOnly = section.name.startsWith(".rodata");
    return {
      name: section.name,
      bpfType: BPF_MAP_TYPE_ARRAY,
      keySize: 4,
      valueSize: section.size,
      maxEntries: 1,
      flags: readOnly ? RDONLY_PROG : 0,
      contents,
      readOnly,
      variables: variables.get(section.index) ?? [],
    };
  });
}

/** The object's arena map, as libbpf has it: one. */
export function arenaMapOf(maps: readonly MapSpec[]): MapSpec | undefined {
  return maps.find(({ bpfType }) => bpfType === BPF_MAP_TYPE_ARENA);
}

/** The maps with the arena's variables in the arena map, whose first pages they are. @throws {AnyctxError} BAD_OBJECT */
export function withArenaVariables(
  maps: readonly MapSpec[],
  elf: ElfObject,
  btf: Btf | undefined,
  name: string,
): readonly MapSpec[] {
  const section = elf.sections.find((each) => each.name === ARENA_SECTION && each.size > 0);
  const arena = arenaMapOf(maps);
  if (section === undefined || arena === undefined) return maps;
  const firstBytes = new Uint8Array(section.size);
  firstBytes.set(section.bytes);
  const variables = variablesBySection(elf, btf, name).get(section.index) ?? [];
  return maps.map((map) => (map === arena ? { ...map, firstBytes, variables } : map));
}

/**
 * Object file -> spec: functions out of their sections, relocations resolved to maps, variables and callees. What
 * cannot be run here is kept and marked, so that any object can be inspected; what is damaged is refused as a whole.
 */
import { checkText } from "../../arguments.ts";
import { AnyctxError } from "../../error.ts";
import { givenBytes } from "../../maps/codec/typed-array.ts";
import { CALL, decodeInstructions, INSTRUCTION_BYTES, type Instruction, isWide, PSEUDO } from "../isa/instructions.ts";
import { programKind } from "../programs/table.ts";
import { type Btf, readBtf } from "./btf.ts";
import { type ExtensionInfo, NO_EXTENSIONS, readExtensions } from "./btf-ext.ts";
import { decodeText } from "./bytes.ts";
import {
  type ElfObject,
  type ElfRelocation,
  type ElfSection,
  type ElfSymbol,
  RELOCATION,
  readElf,
  SECTION_FLAG,
  SECTION_TYPE,
  SPECIAL_SECTIONS,
  SYMBOL_BINDING,
  SYMBOL_TYPE,
  sectionOrAll,
} from "./elf.ts";
import { KCONFIG_SECTION, readKconfig } from "./kconfig.ts";
import {
  ARENA_SECTION,
  arenaMapOf,
  dataMaps,
  isDataSection,
  legacyMaps,
  typedMaps,
  withArenaVariables,
} from "./object-maps.ts";
import type { FunctionSpec, MapSpec, ObjectSpec, ProgramSpec, RelocationSpec } from "./spec.ts";

/** A function's place in its section, in slots. */
interface Place {
  readonly name: string;
  readonly section: ElfSection;
  readonly start: number;
  readonly end: number;
  readonly isProgram: boolean;
}

interface Context {
  readonly name: string;
  readonly elf: ElfObject;
  readonly places: readonly Place[];
  /** Names of maps by section index and byte offset, as symbols refer to them. */
  readonly mapAt: ReadonlyMap<string, string>;
  /** The name of the arena map, if the object has one. */
  readonly arena: string | undefined;
  /** The section of options of a kernel, if the object asks for any. */
  readonly kconfig: MapSpec | undefined;
  readonly extensions: ExtensionInfo;
  readonly slots: ReadonlyMap<number, readonly Instruction[]>;
}

function bad(name: string, problem: string): never {
  throw new AnyctxError("BAD_OBJECT", `${name}: ${problem}`);
}

const isCode = (section: ElfSection): boolean =>
  section.type === SECTION_TYPE.progbits && (section.flags & SECTION_FLAG.execute) !== 0 && section.size > 0;

const TEXT = ".text";

/**
 * Symbols that functions begin at. Old compilers give them neither a type nor a size: then every global name in such a section is one,
 * up to the next or the section's end.
 */
function functionSymbols(elf: ElfObject): ElfSymbol[] {
  return elf.sections.filter(isCode).flatMap((section) => {
    const inside = elf.symbols.filter((symbol) => symbol.section === section.index);
    const typed = inside.filter(({ type }) => type === SYMBOL_TYPE.function);
    if (typed.length > 0) return typed;
    const plain = inside.filter(({ type, binding, name }) => {
      return type === SYMBOL_TYPE.none && binding !== SYMBOL_BINDING.local && name !== "";
    });
    plain.sort((a, b) => a.value - b.value);
    return plain.map((symbol, index) => ({
      ...symbol,
      size: (plain[index + 1]?.value ?? section.size) - symbol.value,
    }));
  });
}

/** The functions of the code sections, in order; a code section's whole length must be functions. */
function findPlaces(elf: ElfObject, name: string): Place[] {
  const code = elf.sections.filter(isCode);
  const onlyText = code.every((section) => section.name === TEXT);
  const functions = functionSymbols(elf);
  const places: Place[] = [];
  for (const symbol of functions) {
    const section = elf.sections[symbol.section];
    if (section === undefined) continue;
    const { value, size } = symbol;
    if (value % INSTRUCTION_BYTES !== 0 || size % INSTRUCTION_BYTES !== 0 || size === 0 || value + size > section.size)
      bad(name, `function ${symbol.name} at ${value}, ${size} bytes, does not fit section ${section.name}`);
    const global = symbol.binding !== SYMBOL_BINDING.local;
    places.push({
      name: symbol.name,
      section,
      start: value / INSTRUCTION_BYTES,
      end: (value + size) / INSTRUCTION_BYTES,
      // Where there are several functions in it, libbpf takes none of them for a program.
      isProgram: global && (section.name !== TEXT || (onlyText && functions.length === 1)),
    });
  }
  places.sort((a, b) => a.section.index - b.section.index || a.start - b.start);
  places.forEach((place, index) => {
    const next = places[index + 1];
    if (next?.section === place.section && next.start < place.end)
      bad(name, `functions ${place.name} and ${next.name} overlap in section ${place.section.name}`);
  });
  return places;
}

function sectionsBySlots(elf: ElfObject, name: string): Map<number, readonly Instruction[]> {
  const code = elf.sections.filter(isCode);
  return new Map(code.map((s) => [s.index, decodeInstructions(s.bytes, `${name}: section ${s.name}`)]));
}

/** The first index in rows sorted by `key` whose key is at least `value`. */
function lowerBound<T>(rows: readonly T[], value: number, key: (row: T) => number): number {
  let low = 0;
  let high = rows.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const row = rows[middle];
    if (row !== undefined && key(row) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The rows whose key lies in [from, to). */
function between<T>(rows: readonly T[], from: number, to: number, key: (row: T) => number): readonly T[] {
  return rows.slice(lowerBound(rows, from, key), lowerBound(rows, to, key));
}

/** Orders places by section, then by slot. */
const positionOf = (section: number, slot: number): number => section * 2 ** 32 + slot;

type Resolved = RelocationSpec | undefined;

/** Index of the function that holds a slot of a section, or undefined. */
function placeAt(context: Context, section: number, slot: number): number | undefined {
  const position = positionOf(section, slot);
  const index = lowerBound(context.places, position, (p) => positionOf(p.section.index, p.end - 1));
  const place = context.places[index];
  return place !== undefined && place.section.index === section && slot >= place.start ? index : undefined;
}

/** A call: to the function that holds the target instruction. */
function resolveCall(context: Context, at: number, section: number, target: number): RelocationSpec {
  const callee = placeAt(context, section, target);
  const place = callee === undefined ? undefined : context.places[callee];
  if (callee === undefined || place === undefined)
    return {
      type: "unsupported",
      instruction: at,
      reason: `it calls slot ${target} of a section, which is no function`,
    };
  return { type: "call", instruction: at, callee, entry: target - place.start };
}

/** A symbol that the object does not define: an option of a kernel's configuration, or something of the kernel's own. */
function resolveExternal({ kconfig }: Context, symbol: ElfSymbol, slot: Instruction, at: number): RelocationSpec {
  const option = kconfig?.variables?.find(({ name }) => name === symbol.name);
  return option === undefined
    ? kernelSymbol(symbol, at)
    : { type: "data", instruction: at, map: KCONFIG_SECTION, offset: option.offset + slot.imm };
}

function kernelSymbol({ name, binding }: ElfSymbol, at: number): RelocationSpec {
  return { type: "kernel", instruction: at, name, weak: binding === SYMBOL_BINDING.weak };
}

/** What a 64-bit load of an address refers to: a map, a variable, a function, or something unsupported. */
function resolveAddress(context: Context, symbol: ElfSymbol, slot: Instruction, at: number): RelocationSpec {
  const unsupported = (reason: string): RelocationSpec => ({ type: "unsupported", instruction: at, reason });
  const section = context.elf.sections[symbol.section];
  if (section === undefined || symbol.section === 0 || symbol.section >= SPECIAL_SECTIONS)
    return resolveExternal(context, symbol, slot, at);
  if (isDataSection(section))
    return { type: "data", instruction: at, map: section.name, offset: symbol.value + slot.imm };
  if (section.name === ARENA_SECTION) {
    if (context.arena === undefined) return unsupported(`${symbol.name} is in an arena map, and the object has none`);
    return { type: "data", instruction: at, map: context.arena, offset: symbol.value + slot.imm };
  }
  const map = context.mapAt.get(`${section.index}:${symbol.value + slot.imm}`);
  if (map !== undefined) return { type: "map", instruction: at, map };
  if (isCode(section)) {
    const target = (symbol.value + slot.imm) / INSTRUCTION_BYTES;
    const callee = placeAt(context, section.index, target);
    if (callee !== undefined && context.places[callee]?.start === target)
      return { type: "function", instruction: at, callee };
    return unsupported(`the address of ${symbol.name} in section ${section.name} is not that of a function`);
  }
  return unsupported(`the address of ${symbol.name} in section ${section.name} is not supported`);
}

function resolveRelocation(context: Context, place: Place, relocation: ElfRelocation, slot: Instruction): Resolved {
  const at = relocation.offset / INSTRUCTION_BYTES - place.start;
  const { symbol } = relocation;
  if (relocation.type === RELOCATION.none) return undefined;
  if (relocation.type === RELOCATION.wide && isWide(slot)) return resolveAddress(context, symbol, slot, at);
  if (relocation.type === RELOCATION.call && slot.code === CALL) {
    if (symbol.section === 0) return kernelSymbol(symbol, at);
    return resolveCall(context, at, symbol.section, symbol.value / INSTRUCTION_BYTES + slot.imm + 1);
  }
  const reason = `relocation type ${relocation.type} against ${symbol.name} is not supported`;
  return { type: "unsupported", instruction: at, reason };
}

/** Relocations of one function, and calls within the section that clang resolved itself but that leave the function. */
function functionRelocations(context: Context, place: Place, slots: readonly Instruction[]): RelocationSpec[] {
  const result = new Map<number, RelocationSpec>();
  const all = context.elf.relocations.get(place.section.index) ?? [];
  for (const relocation of between(all, place.start * 8, place.end * 8, ({ offset }) => offset)) {
    const instruction = slots[relocation.offset / INSTRUCTION_BYTES - place.start];
    if (instruction === undefined)
      return bad(context.name, `a relocation at byte ${relocation.offset} of ${place.section.name} is no instruction`);
    const resolved = resolveRelocation(context, place, relocation, instruction);
    if (resolved !== undefined) result.set(resolved.instruction, resolved);
  }
  slots.forEach((slot, at) => {
    const target = place.start + at + slot.imm + 1;
    const local = slot.code === CALL && slot.src === PSEUDO.localCall;
    if (!local || result.has(at) || (target >= place.start && target < place.end)) return;
    result.set(at, resolveCall(context, at, place.section.index, target));
  });
  return [...result.values()].sort((a, b) => a.instruction - b.instruction);
}

function functionSpec(context: Context, place: Place): FunctionSpec {
  const slots = (context.slots.get(place.section.index) ?? []).slice(place.start, place.end);
  const inside = <T extends { readonly instruction: number }>(rows: readonly T[] | undefined): T[] =>
    between(rows ?? [], place.start, place.end, ({ instruction }) => instruction).map((row) => ({
      ...row,
      instruction: row.instruction - place.start,
    }));
  return {
    name: place.name,
    section: place.section.name,
    instructions: slots,
    relocations: functionRelocations(context, place, slots),
    coreRelocations: inside(context.extensions.core.get(place.section.name)),
    lines: inside(context.extensions.lines.get(place.section.name)),
  };
}

function programs(context: Context, functions: readonly FunctionSpec[]): ProgramSpec[] {
  return functions.flatMap((own, index) => {
    const place = context.places[index];
    if (place === undefined || !place.isProgram) return [];
    const { section } = own;
    return [{ ...own, kind: programKind(section), autoload: !section.startsWith("?") }];
  });
}

function mapPositions(elf: ElfObject, maps: readonly MapSpec[]): Map<string, string> {
  const names = new Set(maps.map(({ name }) => name));
  const positions = new Map<string, string>();
  for (const symbol of elf.symbols)
    if (names.has(symbol.name) && symbol.type !== SYMBOL_TYPE.section)
      positions.set(`${symbol.section}:${symbol.value}`, symbol.name);
  return positions;
}

function license(elf: ElfObject): string {
  const section = elf.sections.find(({ name }) => name === "license");
  if (section === undefined) return "";
  const end = section.bytes.indexOf(0);
  return decodeText(end < 0 ? section.bytes : section.bytes.subarray(0, end));
}

/**
 * The types of a kernel: as `/sys/kernel/btf/vmlinux` has them, or in an ELF file, an object's or a kernel's.
 * @throws {AnyctxError} BAD_OBJECT
 */
export function readKernelTypes(bytes: Uint8Array, name: string): Btf {
  return readBtf(sectionOrAll(bytes, name, ".BTF"), name).btf;
}

function readTypes(elf: ElfObject, name: string): { btf: Btf | undefined; extensions: ExtensionInfo } {
  const types = elf.sections.find((section) => section.name === ".BTF");
  if (types === undefined) return { btf: undefined, extensions: NO_EXTENSIONS };
  const { btf, text } = readBtf(types.bytes, `${name}: .BTF`);
  const more = elf.sections.find((section) => section.name === ".BTF.ext");
  return {
    btf,
    extensions: more === undefined ? NO_EXTENSIONS : readExtensions(more.bytes, `${name}: .BTF.ext`, btf, text),
  };
}

/** Functions that nobody outside is to see are as static ones: they are looked at from each of their calls. */
function withHidden(elf: ElfObject, btf: Btf): Btf {
  const hidden = new Set(elf.symbols.flatMap(({ hidden, name }) => (hidden ? [name] : [])));
  if (hidden.size === 0) return btf;
  const types = btf.types.map((each) =>
    each.kind === "func" && hidden.has(each.name) ? { ...each, global: false } : each,
  );
  return { ...btf, types };
}

/**
 * Reads an object file that clang wrote for `-target bpf`.
 *
 * @param name of the file, for errors and as the spec's name
 * @throws {AnyctxError} BAD_OBJECT, one sentence that says what is wrong and where; EINVAL: what is given is no bytes
 */
export function readObject(bytes: Uint8Array, name: string): ObjectSpec {
  checkText("readObject", "name", name);
  const elf = readElf(givenBytes("readObject", "bytes", bytes), name);
  const { btf: declared, extensions } = readTypes(elf, name);
  const btf = declared && withHidden(elf, declared);
  const kconfig = readKconfig(elf, btf, name);
  const maps = [
    ...withArenaVariables(typedMaps(elf, btf, name), elf, btf, name),
    ...legacyMaps(elf, name),
    ...dataMaps(elf, btf, name),
    ...(kconfig === undefined ? [] : [kconfig]),
  ];
  const places = findPlaces(elf, name);
  const slots = sectionsBySlots(elf, name);
  const arena = arenaMapOf(maps)?.name;
  const context: Context = { name, elf, places, mapAt: mapPositions(elf, maps), arena, kconfig, extensions, slots };
  const functions = places.map((place) => functionSpec(context, place));
  return { name, license: license(elf), programs: programs(context, functions), functions, maps, btf };
}

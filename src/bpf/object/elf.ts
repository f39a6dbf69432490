/**
 * ELF64 relocatable objects for BPF, as clang writes them: sections, symbols, relocations. Numbers are those of the
 * System V ABI's ELF-64 chapter and of LLVM's BPF relocation list. Nothing in the file is trusted: each offset, size
 * and index is checked before use, and counts are bounded by the bytes that are really there.
 */
import { ByteReader } from "./bytes.ts";

export interface ElfSection {
  readonly index: number;
  readonly name: string;
  readonly type: number;
  readonly flags: number;
  /** Bytes in memory; a NOBITS section (`.bss`) has no bytes in the file. */
  readonly size: number;
  readonly bytes: Uint8Array;
  readonly link: number;
  readonly info: number;
  readonly entrySize: number;
}

export interface ElfSymbol {
  readonly name: string;
  readonly value: number;
  readonly size: number;
  readonly type: number;
  readonly binding: number;
  /** Nobody outside of the object is to see it (`__hidden`). */
  readonly hidden: boolean;
  /** Index of the section it lies in; 0 where undefined, from 0xff00 up for special values. */
  readonly section: number;
}

export interface ElfRelocation {
  /** Byte offset in the section it applies to. */
  readonly offset: number;
  readonly type: number;
  readonly symbol: ElfSymbol;
}

export interface ElfObject {
  readonly sections: readonly ElfSection[];
  readonly symbols: readonly ElfSymbol[];
  /** By index of the section they apply to, in order of offset. */
  readonly relocations: ReadonlyMap<number, readonly ElfRelocation[]>;
}

export const SECTION_TYPE = { progbits: 1, symtab: 2, strtab: 3, rela: 4, nobits: 8, rel: 9 } as const;
export const SECTION_FLAG = { write: 1, alloc: 2, execute: 4 } as const;
export const SYMBOL_TYPE = { none: 0, object: 1, function: 2, section: 3, file: 4 } as const;
export const SYMBOL_BINDING = { local: 0, global: 1, weak: 2 } as const;
/** STV_INTERNAL and STV_HIDDEN. */
const HIDDEN: readonly number[] = [1, 2];
/** LLVM's `R_BPF_*` numbers. */
export const RELOCATION = { none: 0, wide: 1, abs64: 2, abs32: 3, nodyld32: 4, call: 10 } as const;

/** Where maps are declared by their types. */
export const MAPS_SECTION = ".maps";

const HEADER_BYTES = 64;
const SECTION_HEADER_BYTES = 64;
const SYMBOL_BYTES = 24;
const REL_BYTES = 16;
const EM_BPF = 247;
const ET_REL = 1;
/** Section indexes from here on are no sections (absolute, common). */
export const SPECIAL_SECTIONS = 0xff00;
/** A map has no larger value; keeps a damaged size from asking for more memory than a process may have. */
const NOBITS_LIMIT = 2 ** 30;

/** Byte values at fixed places of the header, and what it means when they differ. */
const IDENTITY: readonly { at: number; value: number; problem: string }[] = [
  { at: 4, value: 2, problem: "this is a 32-bit ELF file; BPF objects are 64-bit" },
  { at: 5, value: 1, problem: "this ELF file is big-endian; compile with -target bpfel" },
  { at: 6, value: 1, problem: "the ELF version is not 1" },
];

const MAGIC = 0x464c457f;

function isElf(file: ByteReader): boolean {
  return file.length >= 4 && file.u32(0, "ELF magic") === MAGIC;
}

/** That sections can be found in the file, for whatever machine it is. */
function checkFile(file: ByteReader): void {
  if (!isElf(file)) file.fail("this is not an ELF file");
  if (file.length < HEADER_BYTES) file.fail(`the file ends inside the ELF header (${file.length} of 64 bytes)`);
  for (const { at, value, problem } of IDENTITY) if (file.u8(at, "ELF identity") !== value) file.fail(problem);
}

function checkHeader(file: ByteReader): void {
  checkFile(file);
  const type = file.u16(16, "ELF type");
  if (type !== ET_REL) file.fail(`ELF type ${type} is not a relocatable object (compile with -c)`);
  const machine = file.u16(18, "ELF machine");
  if (machine !== EM_BPF) file.fail(`ELF machine ${machine} is not BPF (compile with clang -target bpf)`);
}

function readSection(file: ByteReader, table: number, index: number): Omit<ElfSection, "name"> & { nameAt: number } {
  const at = table + index * SECTION_HEADER_BYTES;
  const what = `section header ${index}`;
  const type = file.u32(at + 4, what);
  const offset = file.size(at + 24, what);
  const size = file.size(at + 32, what);
  const inFile = index !== 0 && type !== SECTION_TYPE.nobits;
  if (type === SECTION_TYPE.nobits && size > NOBITS_LIMIT) file.fail(`section ${index} claims ${size} zero bytes`);
  return {
    index,
    nameAt: file.u32(at, what),
    type,
    flags: file.size(at + 8, what),
    size: index === 0 ? 0 : size,
    bytes: inFile ? file.slice(offset, size, `section ${index}`) : new Uint8Array(0),
    link: file.u32(at + 40, what),
    info: file.u32(at + 44, what),
    entrySize: file.size(at + 56, what),
  };
}

function readSections(file: ByteReader, name: string): ElfSection[] {
  const table = file.size(40, "section table offset");
  const entryBytes = file.u16(58, "section header size");
  let count = file.u16(60, "section count");
  let names = file.u16(62, "section name index");
  if (table === 0) file.fail("the file has no sections");
  if (entryBytes !== SECTION_HEADER_BYTES) file.fail(`section headers of ${entryBytes} bytes instead of 64`);
  // Too many sections for 16 bits: the numbers are in header 0 (System V ABI).
  if (count === 0) count = file.size(table + 32, "section header 0");
  if (names === 0xffff) names = file.u32(table + 40, "section header 0");
  if (table + count * SECTION_HEADER_BYTES > file.length)
    file.fail(`${count} section headers at offset ${table} go beyond the file's ${file.length} bytes`);
  const raw = Array.from({ length: count }, (_, index) => readSection(file, table, index));
  // Sections that share bytes would make a small file mean a large one.
  const total = raw.reduce((sum, section) => sum + section.bytes.length, 0);
  if (total > file.length) file.fail(`sections overlap: ${total} bytes in a file of ${file.length}`);
  const strings = raw[names];
  if (strings === undefined || strings.type !== SECTION_TYPE.strtab)
    return file.fail(`section ${names} holds no section names`);
  const text = new ByteReader(strings.bytes, `${name}: section name table`);
  return raw.map(({ nameAt, ...section }) => ({
    ...section,
    name: section.index === 0 ? "" : text.string(nameAt, `name of section ${section.index}`),
  }));
}

function readSymbols(file: ByteReader, sections: readonly ElfSection[], name: string): ElfSymbol[] {
  const table = sections.find((section) => section.type === SECTION_TYPE.symtab);
  if (table === undefined) return [];
  if (table.size % SYMBOL_BYTES !== 0) file.fail(`the symbol table's ${table.size} bytes are not a multiple of 24`);
  const strings = sections[table.link];
  if (strings === undefined || strings.type !== SECTION_TYPE.strtab)
    return file.fail(`the symbol table's section of names, ${table.link}, is none`);
  const text = new ByteReader(strings.bytes, `${name}: symbol names`);
  const reader = new ByteReader(table.bytes, `${name}: symbol table`);
  return Array.from({ length: table.size / SYMBOL_BYTES }, (_, index) => {
    const at = index * SYMBOL_BYTES;
    const what = `symbol ${index}`;
    const info = reader.u8(at + 4, what);
    const section = reader.u16(at + 6, what);
    const type = info & 15;
    if (section < SPECIAL_SECTIONS && section >= sections.length)
      reader.fail(`${what} lies in section ${section} but there are ${sections.length}`);
    const own = text.string(reader.u32(at, what), `name of ${what}`);
    return {
      name: own === "" && type === SYMBOL_TYPE.section ? (sections[section]?.name ?? "") : own,
      value: reader.size(at + 8, what),
      size: reader.size(at + 16, what),
      type,
      binding: info >> 4,
      hidden: HIDDEN.includes(reader.u8(at + 5, what) & 3),
      section,
    };
  });
}

function readRelocations(section: ElfSection, target: ElfSection, symbols: readonly ElfSymbol[], name: string) {
  const reader = new ByteReader(section.bytes, `${name}: section ${section.name}`);
  if (section.size % REL_BYTES !== 0) reader.fail(`its ${section.size} bytes are not a multiple of 16`);
  const relocations: ElfRelocation[] = [];
  for (let at = 0; at < section.size; at += REL_BYTES) {
    const index = reader.u32(at + 12, "relocation");
    const symbol = symbols[index];
    if (symbol === undefined) return reader.fail(`a relocation names symbol ${index} but there are ${symbols.length}`);
    const offset = reader.size(at, "relocation");
    if (offset >= target.size)
      reader.fail(`a relocation at ${offset} is outside ${target.name} (${target.size} bytes)`);
    relocations.push({ offset, type: reader.u32(at + 8, "relocation"), symbol });
  }
  return relocations.sort((a, b) => a.offset - b.offset);
}

/** Code, and maps with what they hold. What else is relocated, as debugging information is, nobody looks at, in libbpf neither. */
function isRelocated({ flags, name }: ElfSection): boolean {
  return (flags & SECTION_FLAG.execute) !== 0 || name === MAPS_SECTION;
}

/**
 * @param name of the file, for errors
 * @throws {AnyctxError} BAD_OBJECT, one sentence: what is wrong and where
 */
export function readElf(bytes: Uint8Array, name: string): ElfObject {
  const file = new ByteReader(bytes, name);
  checkHeader(file);
  const sections = readSections(file, name);
  const symbols = readSymbols(file, sections, name);
  const relocations = new Map<number, readonly ElfRelocation[]>();
  for (const section of sections) {
    if (section.type !== SECTION_TYPE.rel && section.type !== SECTION_TYPE.rela) continue;
    const target = sections[section.info];
    if (target === undefined)
      return file.fail(`section ${section.name} relocates section ${section.info}, which there is not`);
    if (!isRelocated(target)) continue;
    if (section.type === SECTION_TYPE.rela)
      file.fail(`section ${section.name}: relocations with addends are not BPF's`);
    if (relocations.has(section.info)) file.fail(`section ${target.name} has two sections of relocations`);
    relocations.set(section.info, readRelocations(section, target, symbols, name));
  }
  return { sections, symbols, relocations };
}

/**
 * The bytes of a section of an ELF file for whatever machine, as a kernel's image is; those of the file itself, if it is no ELF file.
 * @throws {AnyctxError} BAD_OBJECT: it is damaged, or has no such section
 */
export function sectionOrAll(bytes: Uint8Array, name: string, section: string): Uint8Array {
  const file = new ByteReader(bytes, name);
  if (!isElf(file)) return bytes;
  checkFile(file);
  const found = readSections(file, name).find((each) => each.name === section);
  return found?.bytes ?? file.fail(`it has no section ${section}`);
}

/**
 * `.BTF.ext`: which source line each instruction comes from, and CO-RE relocations. Records are grouped by section
 * and may be longer than what is known of them here (Linux's `Documentation/bpf/btf.rst`, "ELF file format").
 */
import type { Btf } from "./btf.ts";
import { ByteReader } from "./bytes.ts";
import type { CoreRelocation, SourceLine } from "./spec.ts";

/** By section name; instruction numbers are slots from the section's start, in order. */
export interface ExtensionInfo {
  readonly lines: ReadonlyMap<string, readonly SourceLine[]>;
  readonly core: ReadonlyMap<string, readonly CoreRelocation[]>;
}

export const NO_EXTENSIONS: ExtensionInfo = { lines: new Map(), core: new Map() };

/** `enum bpf_core_relo_kind`, as clang names them. */
const CORE_KINDS: readonly string[] = [
  "byte_off",
  "byte_sz",
  "field_exists",
  "signed",
  "lshift_u64",
  "rshift_u64",
  "local_type_id",
  "target_type_id",
  "type_exists",
  "type_size",
  "enumval_exists",
  "enumval_value",
  "type_matches",
];

type Text = (offset: number) => string;

/** Reads one subsection: a record size, then for each section its name, a count and the records. */
function readGroups<T extends { readonly instruction: number }>(
  reader: ByteReader,
  start: number,
  size: number,
  minimum: number,
  text: Text,
  read: (at: number) => T,
): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  if (size === 0) return groups;
  const end = start + size;
  if (end > reader.length) reader.fail(`a subsection of ${size} bytes at ${start} goes beyond the ${reader.length}`);
  const recordBytes = reader.u32(start, "record size");
  if (recordBytes < minimum || recordBytes > 256) reader.fail(`records of ${recordBytes} bytes at ${start}`);
  for (let at = start + 4; at < end; ) {
    const section = text(reader.u32(at, "section name"));
    const count = reader.u32(at + 4, "record count");
    const first = at + 8;
    at = first + count * recordBytes;
    if (at > end) reader.fail(`${count} records for section ${section} go beyond the subsection`);
    const records = groups.get(section) ?? [];
    for (let index = 0; index < count; index++) records.push(read(first + index * recordBytes));
    groups.set(section, records);
  }
  for (const records of groups.values()) records.sort((a, b) => a.instruction - b.instruction);
  return groups;
}

const LINE_COLUMN_BITS = 10;

/** @throws {AnyctxError} BAD_OBJECT */
export function readExtensions(bytes: Uint8Array, what: string, btf: Btf, text: Text): ExtensionInfo {
  const reader = new ByteReader(bytes, what);
  const magic = reader.u16(0, "magic");
  if (magic !== 0xeb9f) reader.fail(`it starts with 0x${magic.toString(16)} instead of 0xeb9f`);
  const header = reader.u32(4, "header");
  const part = (at: number): { start: number; size: number } =>
    at + 8 > header
      ? { start: 0, size: 0 }
      : { start: header + reader.u32(at, "header"), size: reader.u32(at + 4, "header") };
  const lines = part(16);
  const core = part(24);
  return {
    lines: readGroups(reader, lines.start, lines.size, 16, text, (at) => ({
      instruction: reader.u32(at, "line") / 8,
      file: text(reader.u32(at + 4, "line")),
      text: text(reader.u32(at + 8, "line")).trim(),
      line: reader.u32(at + 12, "line") >>> LINE_COLUMN_BITS,
    })),
    core: readGroups(reader, core.start, core.size, 16, text, (at) => {
      const kind = reader.u32(at + 12, "relocation");
      return {
        instruction: reader.u32(at, "relocation") / 8,
        type: btf.types[reader.u32(at + 4, "relocation")]?.name ?? "(unknown type)",
        typeId: reader.u32(at + 4, "relocation"),
        access: text(reader.u32(at + 8, "relocation")),
        kind: CORE_KINDS[kind] ?? `kind ${kind}`,
      };
    }),
  };
}

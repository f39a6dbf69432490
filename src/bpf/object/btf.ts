/**
 * BTF, the type information clang puts beside BPF code (Linux's `Documentation/bpf/btf.rst` has the numbers): types,
 * their sizes, and values decoded for people. The file is not trusted: type numbers are checked when followed, chains
 * of types and the work of decoding are bounded, so that a cyclic or exploding type ends in an error.
 */
import { AnyctxError } from "../../error.ts";
import { ByteReader, decodeText } from "./bytes.ts";

export interface BtfMember {
  readonly name: string;
  readonly type: number;
  readonly bitOffset: number;
  /** 0 where the member is no bit field. */
  readonly bitSize: number;
}

export interface BtfParameter {
  readonly type: number;
  /** Left out where it has none. */
  readonly name?: string;
}

export type BtfType = { readonly name: string } & (
  | { readonly kind: "void" }
  /** A struct or a union of which no more is known. */
  | { readonly kind: "fwd"; readonly union: boolean }
  /** `type` is what it returns. */
  | { readonly kind: "func_proto"; readonly type: number; readonly parameters: readonly BtfParameter[] }
  | { readonly kind: "func"; readonly type: number; readonly global: boolean }
  /** A note on a type (`part` -1) or on one of its members or parameters: the name is its text. */
  | { readonly kind: "decl_tag"; readonly type: number; readonly part: number }
  | { readonly kind: "int"; readonly size: number; readonly encoding: "unsigned" | "signed" | "char" | "bool" }
  | { readonly kind: "float"; readonly size: number }
  | { readonly kind: "pointer"; readonly type: number }
  | { readonly kind: "array"; readonly element: number; readonly count: number }
  | { readonly kind: "struct" | "union"; readonly size: number; readonly members: readonly BtfMember[] }
  | {
      readonly kind: "enum";
      readonly size: number;
      readonly signed: boolean;
      readonly values: readonly { readonly name: string; readonly value: bigint }[];
    }
  /** A typedef or a qualifier. `tag`: a note on the type, whose text the name is. */
  | { readonly kind: "alias"; readonly type: number; readonly tag?: true }
  | { readonly kind: "variable"; readonly type: number; readonly static: boolean }
  | {
      readonly kind: "section";
      readonly variables: readonly { readonly type: number; readonly offset: number; readonly size: number }[];
    }
);

/** Pure data: type 0 is void, as in the file. */
export interface Btf {
  readonly what: string;
  readonly types: readonly BtfType[];
  /** Of a part of a kernel's types: names that the kernel lacks. What is neither here nor among the types is not known. */
  readonly without?: ReadonlySet<string>;
}

/** A decoded value: numbers up to 32 bits, bigints above, text for character arrays. */
export type BtfValue =
  | number
  | bigint
  | boolean
  | string
  | readonly BtfValue[]
  | { readonly [member: string]: BtfValue };

const MAGIC = 0xeb9f;
const POINTER_BYTES = 8;
/** Longest chain of typedefs, qualifiers and nested types that is followed; C code has a handful. */
const MAXIMUM_DEPTH = 32;
/** Most values that one decoded value may consist of. */
const MAXIMUM_VALUES = 1 << 20;

interface Row {
  readonly name: string;
  readonly count: number;
  readonly flag: boolean;
  /** The field that is a size for some kinds and a type number for others. */
  readonly sizeOrType: number;
  readonly at: number;
}

interface Kind {
  /** Bytes after the common 12. */
  readonly extra: (count: number) => number;
  readonly read: (row: Row, reader: ByteReader, text: (offset: number) => string) => BtfType;
}

function readInt({ name, sizeOrType, at }: Row, reader: ByteReader): BtfType {
  const data = reader.u32(at, "integer type");
  const encoding = (data >>> 24) & 15;
  const names = { 1: "signed", 2: "char", 4: "bool" } as const;
  if (![1, 2, 4, 8, 16].includes(sizeOrType)) reader.fail(`integer type ${name} has ${sizeOrType} bytes`);
  return { name, kind: "int", size: sizeOrType, encoding: names[encoding as keyof typeof names] ?? "unsigned" };
}

const readComposite =
  (kind: "struct" | "union"): Kind["read"] =>
  ({ name, count, flag, sizeOrType, at }, reader, text) => ({
    name,
    kind,
    size: sizeOrType,
    members: Array.from({ length: count }, (_, index) => {
      const member = at + index * 12;
      const position = reader.u32(member + 8, `member ${index} of ${name}`);
      return {
        name: text(reader.u32(member, "member name")),
        type: reader.u32(member + 4, "member type"),
        bitOffset: flag ? position & 0xffffff : position,
        bitSize: flag ? position >>> 24 : 0,
      };
    }),
  });

const readEnum =
  (bytes: 4 | 8): Kind["read"] =>
  ({ name, count, flag, sizeOrType, at }, reader, text) => ({
    name,
    kind: "enum",
    size: sizeOrType,
    signed: flag,
    values: Array.from({ length: count }, (_, index) => {
      const entry = at + index * (4 + bytes);
      const low = BigInt(reader.u32(entry + 4, "enum value"));
      const high = bytes === 8 ? BigInt(reader.u32(entry + 8, "enum value")) : 0n;
      const value = (high << 32n) | low;
      return { name: text(reader.u32(entry, "enum name")), value: flag ? BigInt.asIntN(bytes * 8, value) : value };
    }),
  });

function readSection({ name, count, at }: Row, reader: ByteReader): BtfType {
  const variables = Array.from({ length: count }, (_, index) => ({
    type: reader.u32(at + index * 12, "section variable"),
    offset: reader.u32(at + index * 12 + 4, "section variable"),
    size: reader.u32(at + index * 12 + 8, "section variable"),
  }));
  return { name, kind: "section", variables };
}

function readArray({ name, at }: Row, reader: ByteReader): BtfType {
  return { name, kind: "array", element: reader.u32(at, "array type"), count: reader.u32(at + 8, "array type") };
}

const none = (): number => 0;
const alias: Kind = { extra: none, read: ({ name, sizeOrType }) => ({ name, kind: "alias", type: sizeOrType }) };

/** `BTF_FUNC_GLOBAL`. */
const GLOBAL = 1;

/** `BTF_KIND_*` by number. */
const KINDS: readonly (Kind | undefined)[] = [
  undefined,
  { extra: () => 4, read: readInt },
  { extra: none, read: ({ name, sizeOrType }) => ({ name, kind: "pointer", type: sizeOrType }) },
  { extra: () => 12, read: readArray },
  { extra: (count) => count * 12, read: readComposite("struct") },
  { extra: (count) => count * 12, read: readComposite("union") },
  { extra: (count) => count * 8, read: readEnum(4) },
  { extra: none, read: ({ name, flag }) => ({ name, kind: "fwd", union: flag }) },
  alias, // typedef
  alias, // volatile
  alias, // const
  alias, // restrict
  {
    extra: none,
    read: ({ name, count, sizeOrType }) => ({ name, kind: "func", type: sizeOrType, global: count === GLOBAL }),
  },
  {
    extra: (count) => count * 8,
    read: ({ name, count, sizeOrType, at }, reader, text) => ({
      name,
      kind: "func_proto",
      type: sizeOrType,
      parameters: Array.from({ length: count }, (_, index) => ({
        name: text(reader.u32(at + index * 8, "parameter name")),
        type: reader.u32(at + index * 8 + 4, "parameter"),
      })),
    }),
  },
  {
    extra: () => 4,
    read: ({ name, sizeOrType, at }, reader) => ({
      name,
      kind: "variable",
      type: sizeOrType,
      static: reader.u32(at, "variable linkage") === 0,
    }),
  },
  { extra: (count) => count * 12, read: readSection },
  { extra: none, read: ({ name, sizeOrType }) => ({ name, kind: "float", size: sizeOrType }) },
  {
    extra: () => 4,
    read: ({ name, sizeOrType, at }, reader) => ({
      name,
      kind: "decl_tag",
      type: sizeOrType,
      part: reader.u32(at, "declaration tag") | 0,
    }),
  },
  { extra: none, read: ({ name, sizeOrType }) => ({ name, kind: "alias", type: sizeOrType, tag: true }) },
  { extra: (count) => count * 12, read: readEnum(8) },
];

/** Where the strings and the types of a `.BTF` section lie. */
export interface BtfLayout {
  readonly text: (offset: number) => string;
  readonly types: ByteReader;
}

/** @throws {AnyctxError} BAD_OBJECT */
function layOut(bytes: Uint8Array, what: string): BtfLayout {
  const file = new ByteReader(bytes, what);
  const magic = file.u16(0, "BTF magic");
  if (magic !== MAGIC) file.fail(`BTF starts with 0x${magic.toString(16)} instead of 0xeb9f`);
  const version = file.u8(2, "BTF version");
  if (version !== 1) file.fail(`BTF version ${version} is unknown`);
  const header = file.u32(4, "BTF header");
  const at = (field: number): number => header + file.u32(field, "BTF header");
  const types = file.slice(at(8), file.u32(12, "BTF header"), "BTF types");
  const strings = file.slice(at(16), file.u32(20, "BTF header"), "BTF strings");
  const reader = new ByteReader(strings, `${what} strings`);
  return { types: new ByteReader(types, `${what} types`), text: (offset) => reader.string(offset, "name") };
}

/** @throws {AnyctxError} BAD_OBJECT when it is damaged or has a kind of type this does not know */
export function readBtf(bytes: Uint8Array, what: string): { btf: Btf; text: (offset: number) => string } {
  const { types: reader, text } = layOut(bytes, what);
  const types: BtfType[] = [{ name: "void", kind: "void" }];
  for (let at = 0; at < reader.length; ) {
    const info = reader.u32(at + 4, `type ${types.length}`);
    const kind = KINDS[(info >>> 24) & 31];
    if (kind === undefined)
      return reader.fail(`type ${types.length} is of kind ${(info >>> 24) & 31}, which is unknown`);
    const count = info & 0xffff;
    const next = at + 12 + kind.extra(count);
    if (next > reader.length) reader.fail(`type ${types.length} goes beyond the end of the types`);
    const name = text(reader.u32(at, "type name"));
    const sizeOrType = reader.u32(at + 8, `type ${types.length}`);
    types.push(kind.read({ name, count, flag: info >>> 31 === 1, sizeOrType, at: at + 12 }, reader, text));
    at = next;
  }
  return { btf: { what, types }, text };
}

export interface NamedFunction {
  readonly id: number;
  readonly global: boolean;
  readonly proto: Extract<BtfType, { readonly kind: "func_proto" }>;
}

function fail(btf: Btf, problem: string): never {
  throw new AnyctxError("BAD_OBJECT", `${btf.what}: ${problem}`);
}

/** @throws {AnyctxError} BAD_OBJECT when there is no such type */
export function typeOf(btf: Btf, id: number): BtfType {
  return btf.types[id] ?? fail(btf, `there is no type ${id}; the last is ${btf.types.length - 1}`);
}

/** A function by its name, and what it takes and returns; undefined: there is none. */
export function functionNamed(btf: Btf, name: string): NamedFunction | undefined {
  const id = btf.types.findIndex((each) => each.kind === "func" && each.name === name);
  const declared = btf.types[id];
  const proto = declared?.kind === "func" ? typeOf(btf, declared.type) : undefined;
  return declared?.kind === "func" && proto?.kind === "func_proto" ? { id, global: declared.global, proto } : undefined;
}

/** Tags in a type's declaration: of all of it, or of one of its parameters or members. */
export function declaredTags(btf: Btf, id: number, part?: number): string[] {
  return btf.types.flatMap((each) =>
    each.kind === "decl_tag" && each.type === id && (part === undefined || each.part === part) ? [each.name] : [],
  );
}

/** The type behind typedefs and qualifiers. @throws {AnyctxError} BAD_OBJECT when they run in a circle */
export function resolveType(btf: Btf, id: number): BtfType {
  let type = typeOf(btf, id);
  for (let depth = 0; type.kind === "alias" || type.kind === "variable"; depth++) {
    if (depth === MAXIMUM_DEPTH) fail(btf, `type ${id} is more than ${MAXIMUM_DEPTH} typedefs deep`);
    type = typeOf(btf, type.type);
  }
  return type;
}

/** Bytes of a type. @throws {AnyctxError} BAD_OBJECT for one without a size (void, a function) or too deep */
export function sizeOf(btf: Btf, id: number): number {
  let factor = 1;
  let type = resolveType(btf, id);
  for (let depth = 0; type.kind === "array"; depth++) {
    if (depth === MAXIMUM_DEPTH) fail(btf, `type ${id} is an array of more than ${MAXIMUM_DEPTH} dimensions`);
    factor *= type.count;
    type = resolveType(btf, type.element);
  }
  if (type.kind === "pointer") return factor * POINTER_BYTES;
  if (!("size" in type)) return fail(btf, `type ${id} (${type.kind} ${type.name}) has no size`);
  const size = factor * type.size;
  if (size > 2 ** 32) fail(btf, `type ${id} has ${size} bytes`);
  return size;
}

interface Decoder {
  readonly btf: Btf;
  readonly bytes: Uint8Array;
  left: number;
}

function readBits(decoder: Decoder, bitOffset: number, bits: number): bigint {
  const first = Math.floor(bitOffset / 8);
  const last = Math.ceil((bitOffset + bits) / 8);
  if (last > decoder.bytes.length)
    fail(decoder.btf, `a value needs ${last} bytes but there are ${decoder.bytes.length}`);
  let value = 0n;
  for (let at = last - 1; at >= first; at--) value = (value << 8n) | BigInt(decoder.bytes[at] ?? 0);
  return BigInt.asUintN(bits, value >> BigInt(bitOffset % 8));
}

function integer(value: bigint, bits: number, signed: boolean): number | bigint {
  const exact = signed ? BigInt.asIntN(bits, value) : value;
  return bits <= 32 ? Number(exact) : exact;
}

function decodeInt(decoder: Decoder, type: BtfType & { kind: "int" }, bitOffset: number, bitSize: number): BtfValue {
  const bits = bitSize === 0 ? type.size * 8 : bitSize;
  const value = readBits(decoder, bitOffset, bits);
  return type.encoding === "bool" ? value !== 0n : integer(value, bits, type.encoding === "signed");
}

function decodeEnum(decoder: Decoder, type: BtfType & { kind: "enum" }, bitOffset: number, bitSize: number): BtfValue {
  const bits = bitSize === 0 ? type.size * 8 : bitSize;
  const value = integer(readBits(decoder, bitOffset, bits), bits, type.signed);
  return type.values.find((entry) => entry.value === BigInt(value))?.name ?? value;
}

/** Whether an array of this type is text: `char`, which clang marks as a signed 8-bit integer of that name. */
export function isCharacter(type: BtfType): boolean {
  return type.kind === "int" && type.size === 1 && (type.encoding === "char" || type.name === "char");
}

function decodeArray(decoder: Decoder, type: BtfType & { kind: "array" }, bitOffset: number, depth: number): BtfValue {
  const element = resolveType(decoder.btf, type.element);
  const size = sizeOf(decoder.btf, type.element);
  if (size === 0) return [];
  const start = bitOffset / 8;
  if (start + size * type.count > decoder.bytes.length)
    fail(decoder.btf, `an array of ${type.count} x ${size} bytes goes beyond the value's ${decoder.bytes.length}`);
  if (isCharacter(element)) {
    const text = decoder.bytes.subarray(start, start + type.count);
    const end = text.indexOf(0);
    return decodeText(end < 0 ? text : text.subarray(0, end));
  }
  return Array.from({ length: type.count }, (_, index) =>
    decodeAt(decoder, type.element, bitOffset + index * size * 8, 0, depth + 1),
  );
}

function decodeMembers(decoder: Decoder, members: readonly BtfMember[], bitOffset: number, depth: number): BtfValue {
  const result: Record<string, BtfValue> = Object.create(null);
  members.forEach((member, index) => {
    const value = decodeAt(decoder, member.type, bitOffset + member.bitOffset, member.bitSize, depth + 1);
    // A nameless member is an anonymous struct or union: its members are written as the outer one's, as in C.
    if (member.name === "" && typeof value === "object" && !Array.isArray(value)) Object.assign(result, value);
    else result[member.name === "" ? `member${index}` : member.name] = value;
  });
  return { ...result };
}

function decodeAt(decoder: Decoder, id: number, bitOffset: number, bitSize: number, depth: number): BtfValue {
  const { btf } = decoder;
  if (depth > MAXIMUM_DEPTH) fail(btf, `type ${id} is nested more than ${MAXIMUM_DEPTH} deep`);
  if (decoder.left-- === 0) fail(btf, `a value of type ${id} has more than ${MAXIMUM_VALUES} parts`);
  const type = resolveType(btf, id);
  if (type.kind === "int") return decodeInt(decoder, type, bitOffset, bitSize);
  if (type.kind === "enum") return decodeEnum(decoder, type, bitOffset, bitSize);
  if (bitOffset % 8 !== 0) return fail(btf, `type ${id} (${type.kind}) lies at bit ${bitOffset}, which is no byte`);
  if (type.kind === "pointer") return readBits(decoder, bitOffset, POINTER_BYTES * 8);
  if (type.kind === "array") return decodeArray(decoder, type, bitOffset, depth);
  if (type.kind === "struct" || type.kind === "union") return decodeMembers(decoder, type.members, bitOffset, depth);
  if (type.kind === "float") return decodeFloat(decoder, type.size, bitOffset);
  return fail(btf, `type ${id} (${type.kind} ${type.name}) has no values`);
}

function decodeFloat(decoder: Decoder, size: number, bitOffset: number): BtfValue {
  const view = new DataView(new ArrayBuffer(8));
  if (size !== 4 && size !== 8) return fail(decoder.btf, `a float of ${size} bytes is unknown`);
  view.setBigUint64(0, readBits(decoder, bitOffset, size * 8), true);
  return size === 4 ? view.getFloat32(0, true) : view.getFloat64(0, true);
}

/**
 * The bytes of a value as plain JavaScript: integers up to 32 bits as numbers, larger ones as bigints, enums by name
 * where it is known, character arrays as text up to the first NUL, structs and unions as objects.
 *
 * @throws {AnyctxError} BAD_OBJECT when the type is damaged, endless or needs more bytes than there are
 */
export function decodeBtf(btf: Btf, typeId: number, bytes: Uint8Array): BtfValue {
  return decodeAt({ btf, bytes, left: MAXIMUM_VALUES }, typeId, 0, 0, 0);
}

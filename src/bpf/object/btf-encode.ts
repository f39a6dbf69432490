/**
 * The bytes of a value of a C type, from plain JavaScript: the way back of `decodeBtf`. What is not given is zero; what does not fit, or
 * has no place, is refused.
 */
import { show } from "../../arguments.ts";
import { AnyctxError } from "../../error.ts";
import { utf8Of } from "../../maps/codec/utf8.ts";
import { type Btf, type BtfMember, type BtfType, isCharacter, resolveType, sizeOf } from "./btf.ts";

const MAXIMUM_DEPTH = 32;

interface Encoder {
  readonly btf: Btf;
  readonly bytes: Uint8Array;
}

interface Place {
  readonly bitOffset: number;
  readonly bitSize: number;
  /** What is written, as a path: `.ports[1]`. */
  readonly path: string;
  readonly depth: number;
}

function refuse({ path }: Place, wanted: string, value: unknown): never {
  const where = path === "" ? "it" : path.replace(/^\./, "");
  throw new AnyctxError("EINVAL", `${where} is ${wanted}, not ${show(value)}`);
}

function writeBits({ bytes }: Encoder, bitOffset: number, bits: number, value: bigint): void {
  let rest = BigInt.asUintN(bits, value) << BigInt(bitOffset % 8);
  let mask = ((1n << BigInt(bits)) - 1n) << BigInt(bitOffset % 8);
  for (let at = Math.floor(bitOffset / 8); mask !== 0n; at++) {
    const kept = (bytes[at] ?? 0) & ~Number(mask & 0xffn);
    bytes[at] = kept | Number(rest & 0xffn);
    rest >>= 8n;
    mask >>= 8n;
  }
}

/** A whole number as one; undefined for anything else. */
function whole(value: unknown): bigint | undefined {
  if (typeof value === "bigint") return value;
  return Number.isSafeInteger(value) ? BigInt(value as number) : undefined;
}

function writeInteger(encoder: Encoder, place: Place, size: number, signed: boolean | "either", value: unknown): void {
  const bits = place.bitSize === 0 ? size * 8 : place.bitSize;
  const number = whole(value);
  const least = signed === false ? 0n : -(1n << BigInt(bits - 1));
  const most = signed === true ? (1n << BigInt(bits - 1)) - 1n : (1n << BigInt(bits)) - 1n;
  if (number === undefined || number < least || number > most)
    refuse(place, `a whole number from ${least} to ${most}`, value);
  writeBits(encoder, place.bitOffset, bits, number);
}

function writeInt(encoder: Encoder, type: BtfType & { kind: "int" }, place: Place, value: unknown): void {
  if (type.encoding !== "bool") {
    const signed = isCharacter(type) ? "either" : type.encoding === "signed";
    writeInteger(encoder, place, type.size, signed, value);
    return;
  }
  if (typeof value !== "boolean") refuse(place, "true or false", value);
  writeBits(encoder, place.bitOffset, place.bitSize === 0 ? type.size * 8 : place.bitSize, value ? 1n : 0n);
}

/** By its name, or a number that may have none. */
function writeEnum(encoder: Encoder, type: BtfType & { kind: "enum" }, place: Place, value: unknown): void {
  const named = type.values.find(({ name }) => name === value);
  if (named === undefined && typeof value === "string")
    refuse(place, `one of ${type.values.map(({ name }) => name).join(", ")}`, value);
  writeInteger(encoder, place, type.size, type.signed, named?.value ?? value);
}

function writeFloat(encoder: Encoder, size: number, place: Place, value: unknown): void {
  if (typeof value !== "number") refuse(place, "a number", value);
  const view = new DataView(new ArrayBuffer(8));
  if (size === 4) view.setFloat32(0, value, true);
  else view.setFloat64(0, value, true);
  writeBits(encoder, place.bitOffset, size * 8, view.getBigUint64(0, true));
}

function writeText(encoder: Encoder, count: number, place: Place, value: unknown): void {
  if (typeof value !== "string" || value.includes("\0")) refuse(place, "a text without a NUL", value);
  const bytes = utf8Of(value);
  if (bytes.length > count) refuse(place, `a text of at most ${count} bytes`, value);
  encoder.bytes.set(bytes, place.bitOffset / 8);
}

function writeArray(encoder: Encoder, type: BtfType & { kind: "array" }, place: Place, value: unknown): void {
  const { btf } = encoder;
  const element = resolveType(btf, type.element);
  if (isCharacter(element) && typeof value === "string") {
    writeText(encoder, type.count, place, value);
    return;
  }
  const list = Array.isArray(value) || ArrayBuffer.isView(value) ? (value as ArrayLike<unknown>) : undefined;
  if (list === undefined || list.length > type.count)
    refuse(place, isCharacter(element) ? "a text or bytes" : `an array of at most ${type.count}`, value);
  const size = sizeOf(btf, type.element) * 8;
  for (let index = 0; index < list.length; index++) {
    const at = { bitOffset: place.bitOffset + index * size, bitSize: 0, path: `${place.path}[${index}]` };
    writeAt(encoder, type.element, { ...at, depth: place.depth + 1 }, list[index]);
  }
}

/** Members by name, those of anonymous structs and unions among the outer one's, each at its bit. */
function membersOf(btf: Btf, members: readonly BtfMember[], from: number, depth: number): Map<string, BtfMember> {
  const found = new Map<string, BtfMember>();
  for (const member of members) {
    const type = resolveType(btf, member.type);
    const placed = { ...member, bitOffset: from + member.bitOffset };
    if (member.name !== "") found.set(member.name, placed);
    else if ((type.kind === "struct" || type.kind === "union") && depth < MAXIMUM_DEPTH)
      for (const [name, inner] of membersOf(btf, type.members, placed.bitOffset, depth + 1)) found.set(name, inner);
  }
  return found;
}

function writeMembers(encoder: Encoder, members: readonly BtfMember[], place: Place, value: unknown): void {
  if (typeof value !== "object" || value === null || Array.isArray(value)) refuse(place, "an object", value);
  const known = membersOf(encoder.btf, members, place.bitOffset, 0);
  for (const [name, each] of Object.entries(value)) {
    const member = known.get(name);
    if (member === undefined)
      throw new AnyctxError("EINVAL", `there is no field ${name}, only ${[...known.keys()].join(", ")}`);
    const { bitOffset, bitSize } = member;
    writeAt(encoder, member.type, { bitOffset, bitSize, path: `${place.path}.${name}`, depth: place.depth + 1 }, each);
  }
}

function writeAt(encoder: Encoder, id: number, place: Place, value: unknown): void {
  const type = resolveType(encoder.btf, id);
  if (place.depth > MAXIMUM_DEPTH) refuse(place, "nested too deep", value);
  if (type.kind === "int") writeInt(encoder, type, place, value);
  else if (type.kind === "enum") writeEnum(encoder, type, place, value);
  else if (type.kind === "pointer") writeInteger(encoder, place, 8, "either", value);
  else if (type.kind === "float") writeFloat(encoder, type.size, place, value);
  else if (type.kind === "array") writeArray(encoder, type, place, value);
  else if (type.kind === "struct" || type.kind === "union") writeMembers(encoder, type.members, place, value);
  else refuse(place, `of a type without values (${type.kind} ${type.name})`, value);
}

/**
 * @param value whole numbers as numbers or bigints, enums by name or number, texts for arrays of char, arrays that may be shorter, and
 * objects: of a union the member that is given
 * @throws {AnyctxError} EINVAL: it does not fit; BAD_OBJECT as `sizeOf`
 */
export function encodeBtf(btf: Btf, typeId: number, value: unknown): Uint8Array {
  const encoder = { btf, bytes: new Uint8Array(sizeOf(btf, typeId)) };
  writeAt(encoder, typeId, { bitOffset: 0, bitSize: 0, path: "", depth: 0 }, value);
  return encoder.bytes;
}

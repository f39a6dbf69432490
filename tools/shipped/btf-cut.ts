/** A kernel's types cut down to some of them: these as a whole, with all that lies in them; of what pointers lead to the names alone. */
import { type Btf, type BtfMember, type BtfType, resolveType, typeOf } from "../../src/bpf/object/btf.ts";

/** Names of types, of whatever kind, and of functions, that a cut has. */
export interface Roots {
  readonly types: ReadonlySet<string>;
  readonly functions: ReadonlySet<string>;
}

type Of<Kind extends BtfType["kind"]> = BtfType & { readonly kind: Kind };

const NOTHING: BtfType = { name: "void", kind: "void" };

class Cutter {
  readonly #whole: Btf;
  readonly #roots: Roots;
  /** The cut's types, in their order: type 0 is void. */
  readonly types: BtfType[] = [NOTHING];
  /** New numbers by the old ones, and of what is alike by what it says. */
  readonly #numbers = new Map<number, number>([[0, 0]]);
  readonly #alike = new Map<string, number>();

  constructor(whole: Btf, roots: Roots) {
    this.#whole = whole;
    this.#roots = roots;
    for (const [id, type] of whole.types.entries()) if (this.#isRoot(type)) this.#take(id);
  }

  #isRoot({ kind, name }: BtfType): boolean {
    if (kind === "func") return this.#roots.functions.has(name);
    return name !== "" && kind !== "variable" && kind !== "decl_tag" && this.#roots.types.has(name);
  }

  /** @returns the number that the type has in the cut */
  #take(id: number): number {
    const known = this.#numbers.get(id);
    if (known !== undefined) return known;
    const type = typeOf(this.#whole, id);
    if (type.kind === "alias" && !this.#isRoot(type)) return this.#take(type.type);
    if (type.kind === "struct" || type.kind === "union") return this.#takeComposite(id, type);
    const number = this.#add(this.#made(type));
    this.#numbers.set(id, number);
    return number;
  }

  /** Types that say the same are one. */
  #add(type: BtfType): number {
    const key = JSON.stringify(type, (_, value) => (typeof value === "bigint" ? `${value}n` : value));
    const number = this.#alike.get(key) ?? this.types.push(type) - 1;
    this.#alike.set(key, number);
    return number;
  }

  /** Its number comes before its members, which may lead back to it. */
  #takeComposite(id: number, type: Of<"struct" | "union">): number {
    const number = this.types.push(NOTHING) - 1;
    this.#numbers.set(id, number);
    const members = type.members.map((member): BtfMember => ({ ...member, type: this.#take(member.type) }));
    this.types[number] = { ...type, members };
    return number;
  }

  #made(type: BtfType): BtfType {
    if (type.kind === "pointer") return { ...type, type: this.#pointee(type.type) };
    if (type.kind === "array") return { ...type, element: this.#take(type.element) };
    if (type.kind === "alias" || type.kind === "func") return { ...type, type: this.#take(type.type) };
    // An enumeration without its values must not be taken for one that has none.
    if (type.kind === "enum") return this.#isRoot(type) ? type : { ...type, name: "", values: [] };
    if (type.kind !== "func_proto") return type;
    const parameters = type.parameters.map((parameter) => ({ ...parameter, type: this.#take(parameter.type) }));
    return { ...type, type: this.#take(type.type), parameters };
  }

  #pointee(id: number): number {
    const type = resolveType(this.#whole, id);
    if (this.#isRoot(type) || type.kind === "int") return this.#take(this.#whole.types.indexOf(type));
    if (type.kind === "pointer") return this.#add({ ...type, type: this.#pointee(type.type) });
    if (type.name === "" || !("members" in type || type.kind === "fwd")) return 0;
    return this.#add({ name: type.name, kind: "fwd", union: type.kind === "fwd" ? type.union : type.kind === "union" });
  }
}

/** @param whole a kernel's types */
export function cutTypes(whole: Btf, roots: Roots): Btf {
  return { what: whole.what, types: new Cutter(whole, roots).types };
}

/** `enum BTF_KIND_*` of Linux. */
const KIND = {
  ...{ int: 1, pointer: 2, array: 3, struct: 4, union: 5, enum: 6, fwd: 7, alias: 8 },
  ...{ func: 12, func_proto: 13, float: 16, enum64: 19 },
} as const;
const ENCODING = { unsigned: 0, signed: 1, char: 2, bool: 4 } as const;
const MAGIC = 0xeb9f;
const HEADER_BYTES = 24;
const FLAG = 2 ** 31;
const BITS_OF_OFFSET = 2 ** 24;

/** Texts one after the other, each once; the first is empty. */
class Strings {
  readonly #offsets = new Map<string, number>([["", 0]]);
  readonly #parts: Buffer[] = [Buffer.alloc(1)];
  #length = 1;

  at(text: string): number {
    const known = this.#offsets.get(text);
    if (known !== undefined) return known;
    const part = Buffer.from(`${text}\0`, "latin1");
    this.#offsets.set(text, this.#length);
    this.#parts.push(part);
    this.#length += part.length;
    return this.#length - part.length;
  }

  bytes(): Buffer {
    return Buffer.concat(this.#parts);
  }
}

const low = (value: bigint): number => Number(BigInt.asUintN(32, value));

/** What follows a type's name, as words: its info, its size or type, and what its kind has. */
function wordsOf(type: BtfType, strings: Strings): number[] {
  switch (type.kind) {
    case "int":
      return [KIND.int * BITS_OF_OFFSET, type.size, ENCODING[type.encoding] * BITS_OF_OFFSET + type.size * 8];
    case "float":
      return [KIND.float * BITS_OF_OFFSET, type.size];
    case "pointer":
    case "alias":
    case "func":
      return [KIND[type.kind] * BITS_OF_OFFSET, type.type];
    case "array":
      return [KIND.array * BITS_OF_OFFSET, 0, type.element, 0, type.count];
    case "fwd":
      return [KIND.fwd * BITS_OF_OFFSET + (type.union ? FLAG : 0), 0];
    case "func_proto": {
      const parameters = type.parameters.flatMap(({ name = "", type: of }) => [strings.at(name), of]);
      return [KIND.func_proto * BITS_OF_OFFSET + type.parameters.length, type.type, ...parameters];
    }
    case "enum":
      return enumWords(type, strings);
    case "struct":
    case "union":
      return compositeWords(type, strings);
    default:
      throw new Error(`${type.kind} ${type.name} is not for a cut`);
  }
}

function enumWords({ size, signed, values }: Of<"enum">, strings: Strings): number[] {
  const isWide = size === 8;
  const info = (isWide ? KIND.enum64 : KIND.enum) * BITS_OF_OFFSET + values.length + (signed ? FLAG : 0);
  const rows = values.flatMap(({ name, value }) => [
    strings.at(name),
    low(value),
    ...(isWide ? [low(BigInt.asUintN(64, value) >> 32n)] : []),
  ]);
  return [info, size, ...rows];
}

function compositeWords({ kind, size, members }: Of<"struct" | "union">, strings: Strings): number[] {
  const hasBits = members.some(({ bitSize }) => bitSize !== 0);
  const rows = members.flatMap(({ name, type, bitOffset, bitSize }) => [
    strings.at(name),
    type,
    hasBits ? bitSize * BITS_OF_OFFSET + bitOffset : bitOffset,
  ]);
  return [KIND[kind] * BITS_OF_OFFSET + members.length + (hasBits ? FLAG : 0), size, ...rows];
}

/** The types as a `.BTF` section has them (Linux's `Documentation/bpf/btf.rst`). */
export function encodeTypes({ types }: Btf): Buffer {
  const strings = new Strings();
  const words = types.slice(1).flatMap((type) => [strings.at(type.name), ...wordsOf(type, strings)]);
  const body = Buffer.from(Uint32Array.from(words).buffer);
  const texts = strings.bytes();
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt16LE(MAGIC, 0);
  header.writeUInt8(1, 2);
  for (const [index, word] of [HEADER_BYTES, 0, body.length, body.length, texts.length].entries())
    header.writeUInt32LE(word, 4 + index * 4);
  return Buffer.concat([header, body, texts]);
}

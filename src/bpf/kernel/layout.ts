/** How the kernel's structs are laid out, of those that an object's programs know: plain data, taken from its types. */
import { type Btf, type BtfType, resolveType, sizeOf } from "../object/btf.ts";
import { essentialName } from "../object/core-access.ts";

/** A member that is no struct itself: of those inside of others with the way to it, `__sk_common.skc_dport`. */
export interface Place {
  readonly name: string;
  /** Bytes from the struct's start. */
  readonly offset: number;
  readonly size: number;
  /** Of a bit field: its lowest bit in these bytes, and how many. */
  readonly bits?: readonly [shift: number, count: number];
  /** Of a pointer: the struct that it leads to, or `char`; text where nothing more is known. */
  readonly leadsTo?: string;
}

export interface StructLayout {
  readonly size: number;
  /** In the order of the declaration. */
  readonly places: readonly Place[];
}

/** By the name of the struct. */
export type Layouts = ReadonlyMap<string, StructLayout>;

/** Structs inside of structs. */
const MOST_NESTED = 16;
const MOST_PLACES = 8192;

type Composite = BtfType & { readonly kind: "struct" | "union" };
const isComposite = (type: BtfType): type is Composite => type.kind === "struct" || type.kind === "union";

/** What a pointer's type leads to, by name. */
function leadsTo(btf: Btf, type: BtfType): string | undefined {
  if (type.kind !== "pointer") return undefined;
  const target = resolveType(btf, type.type);
  if (isComposite(target) || target.kind === "fwd") return essentialName(target.name);
  return target.kind === "int" && target.size === 1 ? "char" : undefined;
}

function placesIn(btf: Btf, struct: Composite, prefix: string, bitsBefore: number, depth: number): Place[] {
  if (depth > MOST_NESTED) return [];
  return struct.members.flatMap((member): Place[] => {
    const type = resolveType(btf, member.type);
    const name = `${prefix}${member.name}`;
    const bit = bitsBefore + member.bitOffset;
    if (isComposite(type)) return placesIn(btf, type, member.name === "" ? prefix : `${name}.`, bit, depth + 1);
    if (type.kind === "fwd" || type.kind === "void" || type.kind === "func_proto") return [];
    if (member.bitSize !== 0) {
      const offset = Math.floor(bit / 8);
      const shift = bit - offset * 8;
      return [{ name, offset, size: Math.ceil((shift + member.bitSize) / 8), bits: [shift, member.bitSize] }];
    }
    const leads = leadsTo(btf, type);
    const size = sizeOf(btf, member.type);
    return size === 0 ? [] : [{ name, offset: bit / 8, size, ...(leads === undefined ? {} : { leadsTo: leads }) }];
  });
}

/**
 * Of each name the largest struct, as declarations of a part have fewer members. Where there are only such under other names
 * (`request_queue___x`), all of them: programs take each for the whole.
 */
function structsOf(btf: Btf, isWanted: (name: string) => boolean): Map<string, readonly Composite[]> {
  const structs = new Map<string, readonly Composite[]>();
  for (const type of btf.types) {
    const name = essentialName(type.name);
    if (!isComposite(type) || type.name === "" || !isWanted(name)) continue;
    const known = structs.get(name) ?? [];
    const [first] = known;
    if (type.name !== name) {
      if (first?.name !== name) structs.set(name, [...known, type]);
    } else if (first?.name !== name || first.size < type.size) structs.set(name, [type]);
  }
  return structs;
}

/**
 * @param own the object's types: what it does not know its programs cannot read
 * @param kernel the types of the kernel that it is for, its own if there are no others
 */
export function layoutsOf(own: Btf | undefined, kernel: Btf | undefined): Layouts {
  if (own === undefined) return new Map();
  const names = new Set(own.types.filter((type) => isComposite(type)).map(({ name }) => essentialName(name)));
  const btf = kernel ?? own;
  const there = layoutsIn(btf, (name) => names.has(name));
  const { without } = btf;
  if (without === undefined) return there;
  // Of what a part of a kernel's types does not tell the object's own types do.
  return new Map([...layoutsIn(own, (name) => names.has(name) && !without.has(name)), ...there]);
}

function layoutsIn(btf: Btf, isWanted: (name: string) => boolean): Map<string, StructLayout> {
  return new Map(
    [...structsOf(btf, isWanted)].map(([name, structs]) => [
      name,
      {
        size: Math.max(...structs.map(({ size }) => size)),
        places: structs.flatMap((struct) => placesIn(btf, struct, "", 0, 0)).slice(0, MOST_PLACES),
      },
    ]),
  );
}

/** A way to a member as recorded arguments can spell it, which have letters, digits and `_` only. */
const spelled = (path: string): string => path.replaceAll(".", "__");

export interface Found {
  readonly place: Place;
  /** What is left of the way, behind the pointer that the place is. */
  readonly rest: string;
}

/** The member that a way begins with, `a.b.c` or `a__b__c`. */
export function findPlace({ places }: StructLayout, path: string): Found | undefined {
  const wanted = spelled(path);
  for (const place of places) {
    const name = spelled(place.name);
    if (wanted === name) return { place, rest: "" };
    if (wanted.startsWith(`${name}__`) && place.leadsTo !== undefined)
      return { place, rest: wanted.slice(name.length + 2) };
  }
  return undefined;
}

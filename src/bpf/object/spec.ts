/**
 * Specs: what an object file says, as pure data that is the same everywhere and survives structured cloning.
 * Nothing here depends on an arena; addresses come in when `link.ts` turns a program's spec into a linked program.
 */
import { show } from "../../arguments.ts";
import { AnyctxError } from "../../error.ts";
import type { Instruction } from "../isa/instructions.ts";
import type { ProgramKind, UnsupportedKind } from "../programs/program-type.ts";
import { type Btf, resolveType, sizeOf } from "./btf.ts";

export interface ObjectSpec {
  readonly name: string;
  readonly license: string;
  readonly programs: readonly ProgramSpec[];
  /** Every function, programs too: what `callee` of a relocation counts in. */
  readonly functions: readonly FunctionSpec[];
  readonly maps: readonly MapSpec[];
  readonly btf: Btf | undefined;
  /** Types of the kernel that it was made right for; its own if there are none. */
  readonly kernel?: Btf;
}

export interface FunctionSpec {
  readonly name: string;
  readonly section: string;
  readonly instructions: readonly Instruction[];
  readonly relocations: readonly RelocationSpec[];
  readonly coreRelocations: readonly CoreRelocation[];
  /** Where instructions come from in the source, in order of `instruction`; empty without `-g`. */
  readonly lines: readonly SourceLine[];
}

export interface ProgramSpec extends FunctionSpec {
  readonly kind: ProgramKind | UnsupportedKind;
  /** False where the section name starts with `?`: its author does not want it loaded unless asked for. */
  readonly autoload: boolean;
}

/** `instruction` counts slots from the function's start. */
export type RelocationSpec =
  | { readonly type: "map"; readonly instruction: number; readonly map: string }
  | { readonly type: "data"; readonly instruction: number; readonly map: string; readonly offset: number }
  | { readonly type: "call"; readonly instruction: number; readonly callee: number; readonly entry: number }
  /** The address of a function, for a helper to call. */
  | { readonly type: "function"; readonly instruction: number; readonly callee: number }
  /** A function or a variable of the kernel's, by its name: called, or its address. `weak`: it need not be there. */
  | { readonly type: "kernel"; readonly instruction: number; readonly name: string; readonly weak: boolean }
  | { readonly type: "unsupported"; readonly instruction: number; readonly reason: string };

/** A CO-RE relocation of `.BTF.ext`: the instruction depends on the layout of a type of the running kernel. */
export interface CoreRelocation {
  readonly instruction: number;
  readonly type: string;
  /** The type's number in the object's BTF. */
  readonly typeId: number;
  /** Numbers of members and elements on the way to the field, the first of the pointed-to object itself: `0:2:1`. */
  readonly access: string;
  /** As clang names it: `byte_off`, `field_exists`, ... */
  readonly kind: string;
}

export interface SourceLine {
  readonly instruction: number;
  readonly file: string;
  readonly line: number;
  readonly text: string;
}

export interface MapSpec {
  readonly name: string;
  /** `enum bpf_map_type` of Linux. */
  readonly bpfType: number;
  readonly keySize: number;
  readonly valueSize: number;
  /** May be 0 where the loader is to decide. */
  readonly maxEntries: number;
  readonly flags: number;
  readonly keyTypeId?: number;
  readonly valueTypeId?: number;
  /** Its name is one for all objects that have a map pinned by it (LIBBPF_PIN_BY_NAME, iproute2's PIN_GLOBAL_NS): they share it. */
  readonly pinned?: boolean;
  /** map_extra, where it is declared. */
  readonly extra?: bigint;
  /** Of an arena map: what its first pages hold, and `variables` are in it. */
  readonly firstBytes?: Uint8Array;
  /** First contents of a data section (`.rodata`, `.data`, `.bss`), which becomes an array of one entry. */
  readonly contents?: Uint8Array;
  /** A program may not write to it. */
  readonly readOnly: boolean;
  readonly variables?: readonly VariableSpec[];
  /** Variables that have no value, so that no program that uses them can be loaded, until they are set. */
  readonly unset?: Set<string>;
  /** Names of programs that are in it from the start, by index. */
  readonly programs?: ReadonlyMap<number, string>;
  /** Of a map of maps: what its inner maps are like, and which of the object's maps are in it from the start, by index. */
  readonly inner?: MapSpec;
  readonly innerMaps?: ReadonlyMap<number, string>;
  /** Why no program that uses it can be loaded. */
  readonly unsupported?: string;
}

/** A global variable of a data section. */
export interface VariableSpec {
  readonly name: string;
  readonly offset: number;
  readonly size: number;
  readonly typeId?: number;
}

/** `BPF_MAP_TYPE_ARRAY`, which data sections become. */
export const BPF_MAP_TYPE_ARRAY = 2;

/** `BPF_F_RDONLY_PROG`: programs cannot write to the map. */
export const RDONLY_PROG: number = 1 << 7;
/** `BPF_F_WRONLY_PROG`: programs cannot read the map's values. */
export const WRONLY_PROG: number = 1 << 8;

const RINGS: readonly number[] = [27, 31];
const PAGE_BYTES = 4096;
const MOST_RING_BYTES = 2 ** 31;

/** `max_entries` as libbpf gives it to the kernel: a ring buffer's bytes become the next power of two that is of whole pages. */
export function createdEntries(bpfType: number, maxEntries: number): number {
  if (!RINGS.includes(bpfType) || maxEntries === 0 || maxEntries > MOST_RING_BYTES) return maxEntries;
  return Math.max(PAGE_BYTES, 2 ** Math.ceil(Math.log2(maxEntries)));
}

/** @throws {AnyctxError} EINVAL naming the programs there are */
export function programSpec(spec: ObjectSpec, name: string): ProgramSpec {
  const found = spec.programs.find((program) => program.name === name);
  if (found !== undefined) return found;
  const names = spec.programs.map((program) => program.name).join(", ");
  throw new AnyctxError("EINVAL", `${spec.name} has no program ${name}; it has ${names === "" ? "none" : names}`);
}

/** All functions that a program may call or have called, directly or not, in the order of the object file. */
export function subprogramsOf(spec: ObjectSpec, program: ProgramSpec): FunctionSpec[] {
  const seen = new Set<number>();
  const work: FunctionSpec[] = [program];
  for (let at = work.pop(); at !== undefined; at = work.pop())
    for (const relocation of at.relocations) {
      if (!("callee" in relocation) || seen.has(relocation.callee)) continue;
      const callee = spec.functions[relocation.callee];
      seen.add(relocation.callee);
      if (callee !== undefined) work.push(callee);
    }
  return spec.functions.filter((_, index) => seen.has(index));
}

/** A spec of one program from instructions, for code that did not come from an object file. Calls stay relative. */
export function specOfInstructions(name: string, instructions: readonly Instruction[]): ObjectSpec {
  const program: ProgramSpec = {
    name,
    section: "",
    kind: { type: "unsupported", reason: "a program without a section runs on no event" },
    autoload: true,
    instructions,
    relocations: [],
    coreRelocations: [],
    lines: [],
  };
  return { name, license: "", programs: [program], functions: [], maps: [], btf: undefined };
}

interface Found {
  readonly map: MapSpec;
  readonly variable: VariableSpec;
}

function variablesOf(spec: ObjectSpec): Found[] {
  return spec.maps.flatMap((map) => (map.variables ?? []).map((variable) => ({ map, variable })));
}

interface Range {
  readonly low: bigint;
  readonly high: bigint;
}

/** The values a variable takes, or undefined where it is no number. Without BTF any number of its size is taken. */
function rangeOf(spec: ObjectSpec, variable: VariableSpec): Range | undefined {
  const bits = BigInt(variable.size * 8);
  if (![1, 2, 4, 8].includes(variable.size)) return undefined;
  const unsigned: Range = { low: 0n, high: (1n << bits) - 1n };
  const signed: Range = { low: -(1n << (bits - 1n)), high: (1n << (bits - 1n)) - 1n };
  if (spec.btf === undefined || variable.typeId === undefined) return { low: signed.low, high: unsigned.high };
  const type = resolveType(spec.btf, variable.typeId);
  if ((type.kind !== "int" && type.kind !== "enum") || sizeOf(spec.btf, variable.typeId) !== variable.size)
    return undefined;
  if (type.kind === "enum") return type.signed ? signed : unsigned;
  if (type.encoding === "bool") return { low: 0n, high: 1n };
  // `char` may be meant either way.
  if (type.encoding === "char" || type.name === "char") return { low: signed.low, high: unsigned.high };
  return type.encoding === "signed" ? signed : unsigned;
}

function parseNumber(text: string): bigint | undefined {
  const match = /^(-?)(0[xX][0-9a-fA-F]+|\d+)$/.exec(text.trim());
  if (text.trim() === "true") return 1n;
  if (text.trim() === "false") return 0n;
  if (match === null) return undefined;
  const magnitude = BigInt(match[2] ?? "0");
  return match[1] === "-" ? -magnitude : magnitude;
}

function toBigInt(value: string | number | bigint | boolean): bigint | undefined {
  if (typeof value === "bigint") return value;
  if (typeof value === "boolean") return value ? 1n : 0n;
  if (typeof value === "number") return Number.isSafeInteger(value) ? BigInt(value) : undefined;
  return typeof value === "string" ? parseNumber(value) : undefined;
}

/**
 * Writes a global variable into the first contents of its section, in place, before the object is loaded: the way to
 * configure a program (`const volatile` variables of `.rodata`).
 *
 * @param value a number, or its decimal, `0x` or negative text, or `true` / `false`
 * @throws {AnyctxError} EINVAL when there is no such variable (the message lists those there are) or it is no number;
 * ERANGE when the value does not fit
 */
export function setVariable(spec: ObjectSpec, name: string, value: string | number | bigint | boolean): void {
  const all = variablesOf(spec);
  const found = all.find(({ variable }) => variable.name === name);
  if (found === undefined) {
    const names = all.map(({ variable }) => variable.name).join(", ");
    throw new AnyctxError("EINVAL", `${spec.name} has no variable ${name}; it has ${names === "" ? "none" : names}`);
  }
  const { map, variable } = found;
  const range = rangeOf(spec, variable);
  const bytes = map.contents ?? map.firstBytes;
  if (range === undefined || bytes === undefined)
    throw new AnyctxError("EINVAL", `variable ${name} of ${spec.name} is no integer, so it cannot be set`);
  const number = toBigInt(value);
  if (number === undefined) throw new AnyctxError("EINVAL", `variable ${name}: ${show(value)} is not an integer`);
  if (number < range.low || number > range.high)
    throw new AnyctxError("ERANGE", `variable ${name}: ${number} is not between ${range.low} and ${range.high}`);
  for (let at = 0; at < variable.size; at++) bytes[variable.offset + at] = Number((number >> BigInt(at * 8)) & 0xffn);
  map.unset?.delete(name);
}

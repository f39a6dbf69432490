/** An object file as a plain document: what `anyctx inspect --json` prints and its tables are drawn from. */

import { disassembleAt } from "../bpf/isa/disassemble.ts";
import type { BtfValue } from "../bpf/object/btf.ts";
import type { FunctionSpec, MapSpec, ObjectSpec, ProgramSpec, RelocationSpec } from "../bpf/object/spec.ts";
import { programType } from "../bpf/programs/table.ts";
import { mapKindByBpfType, NO_PREALLOC } from "../maps/kinds.ts";
import { variablesOf } from "./values.ts";

export interface ObjectDescription {
  readonly name: string;
  readonly license: string;
  readonly btfTypes: number;
  /** Sections with code or data that something here comes from. */
  readonly sections: readonly { readonly name: string; readonly holds: string }[];
  readonly programs: readonly ProgramDescription[];
  readonly maps: readonly MapDescription[];
  readonly variables: readonly VariableDescription[];
  readonly functions: readonly FunctionDescription[];
}

export interface ProgramDescription {
  readonly name: string;
  readonly section: string;
  /** The event it runs on. */
  readonly attachesTo?: string;
  /** Why it cannot run here, or only when asked for. */
  readonly cannotRun?: string;
  /** Slots of 8 bytes, as `bpftool` counts. */
  readonly instructions: number;
}

export interface MapDescription {
  readonly name: string;
  /** A type known here, or Linux's number of it. */
  readonly type: string;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly flags: number;
  /** How its elements are allocated. */
  readonly elements: "dynamic" | "preallocated" | "fixed";
  /** It is one for all objects that have a map pinned by this name. */
  readonly pinned?: true;
  readonly cannotUse?: string;
}

export interface VariableDescription {
  readonly section: string;
  readonly name: string;
  readonly size: number;
  /** As it is before anything ran; whole numbers beyond 2^53 as text. */
  readonly value: unknown;
}

export interface FunctionDescription {
  readonly name: string;
  readonly section: string;
  readonly instructions: readonly InstructionDescription[];
}

export interface InstructionDescription {
  readonly slot: number;
  readonly text: string;
  /** The map, variable or function that the instruction refers to. */
  readonly refers?: string;
  /** Where a new source line begins. */
  readonly source?: { readonly file: string; readonly line: number; readonly text: string };
}

export function describeObject(object: ObjectSpec): ObjectDescription {
  return {
    name: object.name,
    license: object.license,
    btfTypes: Math.max(0, (object.btf?.types.length ?? 0) - 1),
    sections: sectionsOf(object),
    programs: object.programs.map(describeProgram),
    maps: object.maps.map(describeMap),
    variables: object.maps.flatMap((map) => describeVariables(object, map)),
    functions: object.functions.map((each) => describeFunction(object, each)),
  };
}

function sectionsOf(object: ObjectSpec): ObjectDescription["sections"] {
  const holds = new Map<string, string[]>();
  const add = (section: string, what: string): void => {
    holds.set(section, [...(holds.get(section) ?? []), what]);
  };
  for (const { name, section } of object.functions) add(section, name);
  for (const { name, contents } of object.maps) {
    if (contents === undefined) add(".maps", name);
    else add(name, `${contents.length} bytes`);
  }
  return [...holds].map(([name, whats]) => ({ name, holds: whats.join(", ") }));
}

function describeProgram({ name, section, kind, autoload, instructions }: ProgramSpec): ProgramDescription {
  const refusal = "reason" in kind ? kind.reason : autoload ? undefined : "its section says not to load it (?)";
  return {
    name,
    section,
    ...("reason" in kind ? {} : { attachesTo: programType(kind).describe(kind.target) }),
    ...(refusal === undefined ? {} : { cannotRun: refusal }),
    instructions: instructions.length,
  };
}

function describeMap(map: MapSpec): MapDescription {
  const { name, bpfType, keySize, valueSize, maxEntries, flags, pinned, unsupported } = map;
  const kind = mapKindByBpfType(bpfType);
  const why = unsupported ?? (kind === undefined ? `map type ${bpfType} is not supported yet` : undefined);
  const dynamic = (flags & NO_PREALLOC) !== 0;
  return {
    name,
    type: kind?.type ?? String(bpfType),
    keySize,
    valueSize,
    maxEntries,
    flags,
    elements: kind?.mayBeDynamic === false ? "fixed" : dynamic ? "dynamic" : "preallocated",
    ...(pinned === true ? { pinned } : {}),
    ...(why === undefined ? {} : { cannotUse: why }),
  };
}

function describeVariables(object: ObjectSpec, map: MapSpec): VariableDescription[] {
  const values = variablesOf(map, object.btf, map.contents ?? new Uint8Array(0));
  return values.map(({ name, value }, index) => ({
    section: map.name,
    name,
    size: map.variables?.[index]?.size ?? 0,
    value: plain(value),
  }));
}

/** JSON has no integers beyond 2^53. */
function plain(value: BtfValue): unknown {
  if (typeof value === "bigint") return Number.isSafeInteger(Number(value)) ? Number(value) : value.toString();
  if (typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map(plain);
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, plain(each)]));
}

function describeFunction(object: ObjectSpec, { name, section, ...code }: FunctionSpec): FunctionDescription {
  const lines = new Map(code.lines.map((line) => [line.instruction, line]));
  const relocations = new Map(code.relocations.map((relocation) => [relocation.instruction, relocation]));
  let before = "";
  const instructions = code.instructions.flatMap((_, slot) => {
    const text = disassembleAt(code.instructions, slot);
    if (text === "") return [];
    const relocation = relocations.get(slot);
    const line = lines.get(slot);
    const place = line === undefined ? before : `${line.file}:${line.line}`;
    const begins = line !== undefined && place !== before;
    before = place;
    return [
      {
        slot,
        text,
        ...(relocation === undefined ? {} : { refers: referenceText(object, relocation) }),
        ...(!begins ? {} : { source: { file: line.file, line: line.line, text: line.text.trim() } }),
      },
    ];
  });
  return { name, section, instructions };
}

function referenceText(object: ObjectSpec, relocation: RelocationSpec): string {
  if ("callee" in relocation) return object.functions[relocation.callee]?.name ?? `function ${relocation.callee}`;
  if (relocation.type === "unsupported") return relocation.reason;
  if (relocation.type === "kernel") return `${relocation.name} of the kernel`;
  if (relocation.type === "map") return `map ${relocation.map}`;
  const variables = object.maps.find(({ name }) => name === relocation.map)?.variables ?? [];
  const variable = variables.find(
    ({ offset, size }) => relocation.offset >= offset && relocation.offset < offset + Math.max(1, size),
  );
  return variable?.name ?? `${relocation.map} + ${relocation.offset}`;
}

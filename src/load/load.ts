/**
 * From an object's spec to programs that run: maps created in an arena, data sections filled, every program linked and
 * compiled (or left to the interpreter). Loading either succeeds or leaves no map behind.
 */

import type { Arena } from "../arena/arena.ts";
import { innerMaps } from "../arena/inner-maps.ts";
import type { MapBinding, ProgramHost, RunProgram } from "../bpf/host.ts";
import { createInterpreter } from "../bpf/interpreter/interpreter.ts";
import type { InterpreterOptions } from "../bpf/interpreter/state.ts";
import { type CompiledProgram, compileProgram } from "../bpf/jit/compile.ts";
import { instantiateProgram } from "../bpf/jit/instantiate.ts";
import { type FunctionTypes, functionTypes } from "../bpf/kernel/functions.ts";
import { type Layouts, layoutsOf } from "../bpf/kernel/layout.ts";
import { linkProgram } from "../bpf/link.ts";
import type { LinkedProgram } from "../bpf/linked.ts";
import { type EventField, eventFieldsOf } from "../bpf/object/event-fields.ts";
import { type MapSpec, type ObjectSpec, subprogramsOf } from "../bpf/object/spec.ts";
import { type Policy, type PolicyFinding, policyFinding } from "../bpf/policy.ts";
import type { ProgramKind } from "../bpf/programs/program-type.ts";
import { verifyProgram } from "../bpf/verifier/verify.ts";
import { AnyctxError } from "../error.ts";
import { firstPointer } from "../maps/arena-pages.ts";
import { bytes, type Codec, none } from "../maps/codec.ts";
import { type MapKind, mapKindByBpfType, NO_PREALLOC } from "../maps/kinds.ts";
import type { ArenaMap } from "../maps/map.ts";
import { encodeUtf8 } from "../maps/utf8.ts";
import { CONSTANTS, LAYOUT } from "../wasm/face.ts";
import {
  innerBinding,
  mapProblem,
  mapsUsed,
  nothingRuns,
  type Runnable,
  type SelectOptions,
  type Skipped,
  selectPrograms,
  tryPrograms,
} from "./select.ts";
import { refusalText } from "./verify.ts";

/** `jit`: compiled to WebAssembly; `interpreter`: the reference, which checks every access. */
export type Engine = "jit" | "interpreter";

export interface LoadOptions {
  readonly engine?: Engine;
  /** Overrides every hash: all preallocated or all dynamic. By default each is what its BPF_F_NO_PREALLOC says. */
  readonly hashes?: "preallocated" | "dynamic";
  /** max_entries by map name. */
  readonly mapEntries?: ReadonlyMap<string, number>;
  /** Bytes of a map's values, by its name: of those that a loader sets. */
  readonly valueSizes?: ReadonlyMap<string, number>;
  /** Allocators whose capacity a dynamic hash's elements count against, by map name. */
  readonly allocators?: ReadonlyMap<string, { readonly address: number }>;
  /** A kernel whose rules hold, of which programs may use which maps (bpf/policy.ts). By default none is in the way. */
  readonly policy?: Policy;
  /** Programs that load although their sections say not to (`?`), by name. */
  readonly enable?: ReadonlySet<string>;
  /** `any`: an object of which no program can run has its maps. By default it is refused. */
  readonly programs?: "some" | "any";
  /** Programs that the verifier refuses are not loaded. Left out: none is looked at, and all that link are, but in objects with an arena map. */
  readonly verify?: boolean;
}

/** A place of a map of programs, by the map's address, and the name of the program in it. */
export interface Tail {
  readonly map: number;
  readonly index: number;
  readonly program: string;
}

/** Everything a thread needs to run a program; goes through postMessage. */
export interface ProgramImage {
  readonly name: string;
  readonly section: string;
  readonly kind: ProgramKind;
  readonly code: CompiledProgram | LinkedProgram;
  /** The same as it was linked, for runs that are looked at. */
  readonly linked: LinkedProgram;
  /** Where it takes fields of recorded events from. */
  readonly eventFields: readonly EventField[];
  /** Programs in maps of programs, as its object has them. */
  readonly tails: readonly Tail[];
  /** Where members of the kernel's structs lie, of those that its object knows. */
  readonly layouts: Layouts;
  /** What the functions take that programs of its object run on. */
  readonly functions: FunctionTypes;
}

export interface LoadedMap {
  readonly spec: MapSpec;
  readonly map: ArenaMap<Uint8Array, Uint8Array | Uint8Array[]>;
}

export interface LoadedObject {
  readonly programs: readonly ProgramImage[];
  readonly maps: readonly LoadedMap[];
  /** Programs that are not loaded, with the reason as a sentence. */
  readonly skipped: readonly Skipped[];
  /** What the policy warns of, as a sentence. */
  readonly warnings: readonly Skipped[];
}

/** The same object, in the same arena, as another thread's place in it sees it. */
export function reopenObject(loaded: LoadedObject, arena: Arena): LoadedObject {
  return { ...loaded, maps: loaded.maps.map(({ spec, map }) => ({ spec, map: arena.openMap(map.info.name) })) };
}

/** Keys are bytes here; of a map without keys none are asked for. */
const NOTHING = none as Codec<unknown> as Codec<Uint8Array>;

const OWNER_BYTES = 8;
/** Linux has no bound: as many as there may be tasks, unless an option says less. */
const MOST_OWNERS = 1 << 22;

/** Bytes of a map's name. */
const LONGEST_NAME = CONSTANTS.NAME_BYTES - 1;

/** FNV-1a: tells names apart that are alike as far as they fit. */
function digestOf(text: string): string {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  return (value >>> 0).toString(16).padStart(8, "0");
}

/**
 * Data sections of different objects share an arena: they go by the object's name. If both do not fit, the object's part is cut, never
 * the section's.
 */
function nameInArena(object: ObjectSpec, map: MapSpec): string {
  if (map.contents === undefined) return shortened(map.name, "");
  return shortened(object.name.replace(/^.*[/\\]/, "").replace(/\.(bpf\.)?o$/, ""), map.name);
}

/** The first part is cut where both are too long for a name, and told apart from others that begin alike. */
function shortened(base: string, rest: string): string {
  const bytesOf = (text: string): number => encodeUtf8(text, new Uint8Array(0));
  if (bytesOf(base + rest) <= LONGEST_NAME) return base + rest;
  const behind = `~${digestOf(base)}${rest}`;
  let kept = [...base];
  while (kept.length > 0 && bytesOf(kept.join("") + behind) > LONGEST_NAME) kept = kept.slice(0, -1);
  return `${kept.join("")}${behind}`;
}

/** Whether a map's elements come as they are asked for. A trie of prefixes is dynamic or refused. */
function isDynamic({ bpfType, flags }: MapSpec, { hashes }: LoadOptions): boolean {
  const isChosen = hashes !== undefined && mapKindByBpfType(bpfType)?.memoryUse === "hash";
  return isChosen ? hashes === "dynamic" : (flags & NO_PREALLOC) !== 0;
}

/** What the policy has against a program's use of a map, and what it warns of. */
function underPolicy(arena: Arena, options: LoadOptions, verdict: PolicyFinding["verdict"]): SelectOptions {
  const { policy } = options;
  if (policy === undefined) return {};
  return {
    against: ({ kind: { type }, section }, map) => {
      const use = { bpfType: map.bpfType, dynamic: isDynamic(map, options) };
      const found = policyFinding(policy, arena.realTime, { type, section }, use);
      return found?.verdict === verdict ? `${policy}, map ${map.name}: ${found.message}` : undefined;
    },
  };
}

/** What a policy says of programs that it lets load. */
function warningsOf(object: ObjectSpec, chosen: readonly Runnable[], { against }: SelectOptions): Skipped[] {
  return chosen.flatMap((program) => {
    const used = mapsUsed(object, [program]);
    const reasons = object.maps.flatMap((map) => (used.has(map.name) ? (against?.(program, map) ?? []) : []));
    return reasons.map((reason) => ({ name: program.name, reason }));
  });
}

/** What a map's values are: bytes, or maps that are all like one, which is made for that and goes again. */
function createMap(arena: Arena, object: ObjectSpec, spec: MapSpec, options: LoadOptions): LoadedMap {
  if (spec.inner === undefined) return createWith(arena, object, spec, options, undefined);
  const name = `${spec.name}.${spec.inner.name}`;
  const { map: like } = createWith(arena, object, { ...spec.inner, name }, options, undefined);
  try {
    return createWith(arena, object, spec, options, innerMaps(arena, like) as Codec<unknown> as Codec<Uint8Array>);
  } finally {
    arena.destroyMap(like.info.name);
  }
}

/** The address of an owner is larger than the descriptor that user space has of it. */
function keyOf({ keySize }: MapSpec, { keys }: MapKind): Codec<Uint8Array> {
  if (keys === "owner") return bytes(OWNER_BYTES);
  return keySize === 0 ? NOTHING : bytes(keySize);
}

/** Entries of a map that is declared with none. */
function leastEntries({ keys, placeForEachCpu }: MapKind, { cpus }: Arena): number {
  if (keys === "owner") return MOST_OWNERS;
  return placeForEachCpu ? cpus : 0;
}

function createWith(
  arena: Arena,
  object: ObjectSpec,
  spec: MapSpec,
  options: LoadOptions,
  values: Codec<Uint8Array> | undefined,
): LoadedMap {
  const kind = mapKindByBpfType(spec.bpfType);
  if (kind === undefined) throw new AnyctxError("UNSUPPORTED", `${mapProblem(spec)}`);
  const prealloc = !isDynamic(spec, options);
  const allocator = options.allocators?.get(spec.name);
  const valueSize = options.valueSizes?.get(spec.name) ?? spec.valueSize;
  const map = arena.createMap({
    type: kind.type,
    name: nameInArena(object, spec),
    key: keyOf(spec, kind),
    value: values ?? (valueSize === 0 ? NOTHING : bytes(valueSize)),
    maxEntries: options.mapEntries?.get(spec.name) ?? (spec.maxEntries || leastEntries(kind, arena)),
    ...(spec.extra === undefined ? {} : { extra: spec.extra }),
    flags: kind.mayBeDynamic ? spec.flags & ~NO_PREALLOC : spec.flags,
    prealloc: kind.mayBeDynamic && prealloc,
    ...(allocator === undefined ? {} : { allocator }),
  });
  try {
    if (spec.contents !== undefined) map.set(new Uint8Array(4), spec.contents);
    if (spec.firstBytes !== undefined) fillPages(arena, object, map, spec.firstBytes);
  } catch (error) {
    arena.destroyMap(map.info.name);
    throw error;
  }
  const isConstant = options.verify === true && spec.readOnly && spec.contents !== undefined;
  return { spec, map: isConstant ? frozen(arena, map) : map };
}

/** The variables of an arena map. @throws {AnyctxError} ENOMEM */
function fillPages(arena: Arena, { name }: ObjectSpec, map: LoadedMap["map"], bytes: Uint8Array): void {
  const first = firstPointer(arena, map.info.address);
  const pages = Math.ceil(bytes.length / CONSTANTS.ARENA_PAGE_BYTES);
  if (pages > map.info.maxEntries)
    throw new AnyctxError("BAD_OBJECT", `${name}: ${pages} pages of variables are more than map ${map.info.name} has`);
  if (map.allocatePages(pages, first) !== undefined && map.writeBytes(first, bytes) === 0) return;
  throw new AnyctxError("ENOMEM", `${name}: there is no memory for the variables of map ${map.info.name}`);
}

/** The map as it is now, for good: the verifier goes by what is in it. */
function frozen(arena: Arena, map: LoadedMap["map"]): LoadedMap["map"] {
  const { name, address, keySize, valueSize } = map.info;
  arena.core.freezeMap(address);
  return arena.openMap(name, { key: bytes(keySize), value: bytes(valueSize) });
}

function bindingOf(arena: Arena, { spec, map }: LoadedMap): MapBinding {
  const { kind, address, keySize, valueSize, maxEntries, valueStride, flags } = map.info;
  const firstValue = kind.keys === "index" && !kind.inner ? arena.word(address + LAYOUT.MapHeader.storage) : 0;
  const sizes = { keySize, valueSize, maxEntries, valueStride };
  const asAddresses = (flags & CONSTANTS.NO_USER_CONV) !== 0;
  const pages = kind.pages === true ? { pages: { first: firstPointer(arena, address), asAddresses } } : {};
  return { name: spec.name, kind, address, ...sizes, firstValue, ...pages, ...innerBinding(spec) };
}

/** Of an object with an arena map what leads into that is known to the verifier alone: then all its programs are verified. */
function withVerifier({ maps }: ObjectSpec, options: LoadOptions): LoadOptions {
  const hasPages = maps.some(({ bpfType }) => mapKindByBpfType(bpfType)?.pages === true);
  return hasPages ? { ...options, verify: true } : options;
}

/** What is said of maps that there are not would be lost. */
function checkMapNames(object: ObjectSpec, { mapEntries, valueSizes }: LoadOptions): void {
  for (const name of [...(mapEntries?.keys() ?? []), ...(valueSizes?.keys() ?? [])]) {
    if (object.maps.some((map) => map.name === name && map.contents === undefined)) continue;
    const known = object.maps.filter((map) => map.contents === undefined).map((map) => map.name);
    throw new AnyctxError("EINVAL", `${object.name} has no map ${name}; it has ${known.join(", ") || "none"}`);
  }
}

/**
 * Creates an object's maps in an arena and makes its programs ready.
 * @throws {AnyctxError} UNSUPPORTED, BAD_OBJECT, EINVAL or a map's own error; no map of the object is left then
 */
export function loadSpec(arena: Arena, object: ObjectSpec, given: LoadOptions = {}): LoadedObject {
  const options = withVerifier(object, given);
  const wanted: SelectOptions = { ...underPolicy(arena, options, "refuse"), enable: options.enable ?? new Set() };
  const { chosen, skipped } = (options.programs === "any" ? tryPrograms : selectPrograms)(object, wanted);
  checkMapNames(object, options);
  const used = mapsUsed(object, chosen);
  const isWanted = (spec: MapSpec): boolean => used.has(spec.name) || mapProblem(spec) === undefined;
  const maps: LoadedMap[] = [];
  try {
    // A map that nothing loaded refers to may be of a kind that is not supported.
    for (const spec of object.maps.filter(isWanted)) maps.push(createMap(arena, object, spec, options));
    putInnerMaps(object, maps);
    const bindings = new Map(maps.map((map) => [map.spec.name, bindingOf(arena, map)]));
    const made = chosen.map((program) => makeImage(object, program, bindings, options));
    const images = made.flatMap((each) => ("reason" in each ? [] : [each]));
    const left = [...skipped, ...made.flatMap((each) => ("reason" in each ? [each] : []))];
    if (images.length === 0 && options.programs !== "any") throw nothingRuns(object, left);
    const tails = tailsOf(maps, images);
    const layouts = layoutsOf(object.btf, object.kernel);
    const functions = functionsOf(object, images);
    return {
      programs: images.map((image) => ({ ...image, tails, layouts, functions })),
      maps,
      skipped: left,
      warnings: warningsOf(object, chosen, underPolicy(arena, options, "warn")),
    };
  } catch (error) {
    for (const { map } of maps) {
      map.close();
      arena.destroyMap(map.info.name);
    }
    throw error;
  }
}

/** What the functions take that programs run on: by the kernel's types where those are given. */
function functionsOf({ btf, kernel }: ObjectSpec, programs: readonly Pick<ProgramImage, "kind">[]): FunctionTypes {
  const names = programs.map(({ kind }) => (kind.target["function"] ?? "").replace(/^.*[/:]|\+.*$/g, ""));
  return functionTypes(new Set(names), kernel === btf ? undefined : kernel);
}

/** What the object puts into maps of maps. */
function putInnerMaps({ name }: ObjectSpec, maps: readonly LoadedMap[]): void {
  for (const { spec, map } of maps)
    for (const [index, wanted] of spec.inner === undefined ? [] : (spec.innerMaps ?? [])) {
      const inner = maps.find((each) => each.spec.name === wanted);
      if (inner === undefined)
        throw new AnyctxError(
          "BAD_OBJECT",
          `${name}: map ${spec.name} has ${wanted} in it, which is no map that is loaded`,
        );
      const key = new Uint8Array(spec.keySize);
      new DataView(key.buffer).setUint32(0, index, true);
      map.set(key, inner.map as unknown as Uint8Array);
    }
}

/** What the object puts into maps of programs, as far as it is loaded. */
function tailsOf(maps: readonly LoadedMap[], programs: readonly Pick<ProgramImage, "name">[]): Tail[] {
  return maps.flatMap(({ spec, map }) =>
    [...(spec.programs ?? [])]
      .filter(([, program]) => programs.some(({ name }) => name === program))
      .map(([index, program]) => ({ map: map.info.address, index, program })),
  );
}

/** A program ready to run, on the maps that it was linked with; or why the verifier refuses it. */
function makeImage(
  object: ObjectSpec,
  program: Runnable,
  bindings: ReadonlyMap<string, MapBinding>,
  { engine = "jit", verify = false }: LoadOptions,
): Omit<ProgramImage, "tails" | "layouts" | "functions"> | Skipped {
  const { name, section, kind } = program;
  let linked = linkProgram(object, name, bindings);
  if (verify) {
    // The interpreter compares what was believed with each run.
    const found = verifyProgram(linked, { beliefs: engine === "interpreter" });
    if (found.verdict === "rejected") return { name, reason: refusalText(found) };
    linked = found.program;
  }
  return {
    ...{ name, section, kind },
    code: engine === "jit" ? compileProgram(linked) : linked,
    linked,
    eventFields: eventFieldsOf(object, [program, ...subprogramsOf(object, program)]),
  };
}

/** Makes an image runnable on this thread. */
export function instantiateImage(image: ProgramImage, host: ProgramHost, options: InterpreterOptions = {}): RunProgram {
  if ("module" in image.code) return instantiateProgram(image.code, host);
  return createInterpreter(image.code, host, options);
}

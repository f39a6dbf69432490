/**
 * From an object's spec to programs that run: maps created in an arena, data sections filled, every program linked and
 * compiled (or left to the interpreter). Loading either succeeds or leaves no map behind.
 */

import type { Arena } from "../arena/arena.ts";
import { checkBooleans, checkOptions, refuse } from "../arguments.ts";
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
import { firstPointer } from "../maps/arena-pages.ts";
import { mapKindByBpfType } from "../maps/kinds.ts";
import { CONSTANTS, LAYOUT } from "../wasm/face.ts";
import { checkChoices, type Engine } from "./choices.ts";
import { checkMapNames, isDynamic, type LoadedMap, makeMaps, type ObjectMapOptions } from "./maps.ts";
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

export interface LoadOptions extends ObjectMapOptions {
  readonly engine?: Engine;
  /** A kernel whose rules hold, of which programs may use which maps (bpf/policy.ts). By default none is in the way. */
  readonly policy?: Policy;
  /** Programs that load although their sections say not to (`?`), by name. */
  readonly enable?: ReadonlySet<string>;
  /** `any`: an object of which no program can run has its maps. By default it is refused. */
  readonly programs?: "some" | "any";
}

/** A place of a map of programs, by the map's address, and the program in it by its linked name. */
export interface Tail {
  readonly map: number;
  readonly index: number;
  readonly program: string;
}

/** Everything a thread needs to run a program; goes through postMessage. */
export interface ProgramImage {
  readonly name: string;
  /** The label of its object, where that has one. */
  readonly object?: string;
  readonly section: string;
  readonly kind: ProgramKind;
  readonly code: CompiledProgram | LinkedProgram;
  /** The same as it was linked, for runs that are looked at. Its name has the object's label in front: no other has it. */
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
  return { ...loaded, maps: loaded.maps.map((each) => ({ ...each, map: arena.openMap(each.map.info.name) })) };
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

const OPTIONS: readonly (keyof LoadOptions)[] = [
  ...(["engine", "policy", "enable", "programs", "hashes", "mapEntries", "valueSizes"] as const),
  ...(["allocators", "verify", "label"] as const),
];
/**
 * What loading is called with, of whichever form.
 * @param known options that the call has
 * @throws {AnyctxError} EINVAL: no arena, an option that there is not, or a value that is none of what it may be
 */
export function checkLoading(call: string, arena: unknown, options: object, known: readonly string[]): void {
  if (typeof arena !== "object" || arena === null || !("createMap" in arena)) refuse(call, "an Arena", "arena", arena);
  checkOptions(call, options, known);
  checkBooleans(call, options, ["verify"]);
  checkChoices(options);
}

/**
 * Creates an object's maps in an arena and makes its programs ready.
 * @throws {AnyctxError} UNSUPPORTED, BAD_OBJECT, EINVAL or a map's own error; no map of the object is left then
 */
export function loadSpec(arena: Arena, object: ObjectSpec, options: LoadOptions = {}): LoadedObject {
  checkLoading("loadSpec", arena, options, OPTIONS);
  return loadUndoably(arena, object, options).loaded;
}

/** As loadSpec, and `undo`, which leaves no map of the object, for whoever loads others beside it. */
export function loadUndoably(
  arena: Arena,
  object: ObjectSpec,
  given: LoadOptions,
): { readonly loaded: LoadedObject; readonly undo: () => void } {
  const options = withVerifier(object, given);
  const wanted: SelectOptions = { ...underPolicy(arena, options, "refuse"), enable: options.enable ?? new Set() };
  const { chosen, skipped } = (options.programs === "any" ? tryPrograms : selectPrograms)(object, wanted);
  checkMapNames(object, options);
  const used = mapsUsed(object, chosen);
  const isWanted = (spec: MapSpec): boolean => used.has(spec.name) || mapProblem(spec) === undefined;
  // A map that nothing loaded refers to may be of a kind that is not supported.
  const made = makeMaps(arena, object, object.maps.filter(isWanted), options);
  try {
    const ready = programsOn(arena, object, made.maps, chosen, options);
    const left = labelled(options, [...skipped, ...ready.skipped]);
    if (ready.programs.length === 0 && options.programs !== "any") throw nothingRuns(object, left);
    const warnings = labelled(options, warningsOf(object, chosen, underPolicy(arena, options, "warn")));
    const loaded = { programs: ready.programs, maps: made.maps, skipped: left, warnings };
    return { loaded, undo: made.undo };
  } catch (error) {
    made.undo();
    throw error;
  }
}

const labelled = ({ label }: LoadOptions, skipped: readonly Skipped[]): readonly Skipped[] =>
  label === undefined ? skipped : skipped.map((each) => ({ ...each, object: label }));

/** Programs linked on an object's maps, with what they have in common; and those that the verifier refuses. */
function programsOn(
  arena: Arena,
  object: ObjectSpec,
  maps: readonly LoadedMap[],
  chosen: readonly Runnable[],
  options: LoadOptions,
): Pick<LoadedObject, "programs" | "skipped"> {
  const bindings = new Map(maps.map((map) => [map.spec.name, bindingOf(arena, map)]));
  const made = chosen.map((program) => makeImage(object, program, bindings, options));
  const images = made.flatMap((each) => ("reason" in each ? [] : [each]));
  const common = {
    tails: tailsOf(maps, images),
    layouts: layoutsOf(object.btf, object.kernel),
    functions: functionsOf(object, images),
  };
  return {
    programs: images.map((image) => ({ ...image, ...common })),
    skipped: made.flatMap((each) => ("reason" in each ? [each] : [])),
  };
}

/** What the functions take that programs run on: by the kernel's types where those are given. */
function functionsOf({ btf, kernel }: ObjectSpec, programs: readonly Pick<ProgramImage, "kind">[]): FunctionTypes {
  const names = programs.map(({ kind }) => (kind.target["function"] ?? "").replace(/^.*[/:]|\+.*$/g, ""));
  return functionTypes(new Set(names), kernel === btf ? undefined : kernel);
}

/** What the object puts into maps of programs, as far as it is loaded. */
function tailsOf(maps: readonly LoadedMap[], programs: readonly Pick<ProgramImage, "name" | "linked">[]): Tail[] {
  const nameOf = new Map(programs.map(({ name, linked }) => [name, linked.name]));
  return maps.flatMap(({ spec, map }) =>
    [...(spec.programs ?? [])].flatMap(([index, named]): Tail[] => {
      const program = nameOf.get(named);
      return program === undefined ? [] : [{ map: map.info.address, index, program }];
    }),
  );
}

/** A program ready to run, on the maps that it was linked with; or why the verifier refuses it. */
function makeImage(
  object: ObjectSpec,
  program: Runnable,
  bindings: ReadonlyMap<string, MapBinding>,
  { engine = "jit", verify = false, label }: LoadOptions,
): Omit<ProgramImage, "tails" | "layouts" | "functions"> | Skipped {
  const { name, section, kind } = program;
  const plain = linkProgram(object, name, bindings);
  let linked = label === undefined ? plain : { ...plain, name: `${label}:${name}` };
  if (verify) {
    // The interpreter compares what was believed with each run.
    const found = verifyProgram(linked, { beliefs: engine === "interpreter" });
    if (found.verdict === "rejected") return { name, reason: refusalText(found) };
    linked = found.program;
  }
  return {
    ...{ name, section, kind },
    ...(label === undefined ? {} : { object: label }),
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

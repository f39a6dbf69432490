/**
 * Which of an object's programs load. What one of them needs that is not there keeps none of the others from loading; all reasons
 * are kept.
 */
import type { MapBinding } from "../bpf/host.ts";
import { linkProgram } from "../bpf/link.ts";
import type { LinkedProgram } from "../bpf/linked.ts";
import { type MapSpec, type ObjectSpec, type ProgramSpec, subprogramsOf } from "../bpf/object/spec.ts";
import type { ProgramKind } from "../bpf/programs/program-type.ts";
import { AnyctxError } from "../error.ts";
import { mapKindByBpfType } from "../maps/kinds.ts";

/** A program whose section names a type that runs here. */
export type Runnable = ProgramSpec & { readonly kind: ProgramKind };

/** A program that is not loaded, with the reason as a sentence. */
export interface Skipped {
  readonly name: string;
  /** The label of its object, where that has one. */
  readonly object?: string;
  readonly reason: string;
}

export interface Selection {
  readonly chosen: readonly Runnable[];
  readonly skipped: readonly Skipped[];
}

/** Names of the maps that the programs refer to; data sections belong to the object as a whole. */
export function mapsUsed(object: ObjectSpec, programs: readonly ProgramSpec[]): Set<string> {
  const functions = programs.flatMap((program) => [program, ...subprogramsOf(object, program)]);
  const names = functions.flatMap((each) =>
    each.relocations.flatMap((relocation) => ("map" in relocation ? [relocation.map] : [])),
  );
  return new Set(names);
}

/** Why a map cannot be created here; undefined if it can. */
export function mapReason({ bpfType, unsupported, inner }: MapSpec): string | undefined {
  if (unsupported !== undefined) return unsupported;
  const kind = mapKindByBpfType(bpfType);
  if (kind?.inner === true)
    return inner === undefined ? "it does not say what its inner maps are like" : mapReason(inner);
  // Those whose entries have lengths of their own are none of Linux's.
  return kind !== undefined && kind.variable !== true ? undefined : `map type ${bpfType} is not supported yet`;
}

/** The same with the map's name in front. */
export function mapProblem(map: MapSpec): string | undefined {
  const reason = mapReason(map);
  return reason === undefined ? undefined : `map ${map.name}: ${reason}`;
}

/** What inner maps are like, for whoever links a program on them. */
export function innerBinding({ name, inner }: MapSpec): Pick<MapBinding, "inner"> {
  const kind = inner === undefined ? undefined : mapKindByBpfType(inner.bpfType);
  if (inner === undefined || kind === undefined) return {};
  const { keySize, valueSize, maxEntries } = inner;
  const sizes = { keySize, valueSize, maxEntries, valueStride: Math.ceil(valueSize / 8) * 8 };
  return { inner: { name: `${name}.inner`, kind, address: 0, firstValue: 0, ...sizes } };
}

const STEP = 65536;

/**
 * What stands for each map of an object that there can be, by name, while it is tried whether programs link: no maps, nothing is run.
 * None of them overlap.
 */
export function placeholders(object: ObjectSpec): Map<string, MapBinding> {
  const bindings = new Map<string, MapBinding>();
  let address = STEP;
  for (const map of object.maps) {
    const { name, bpfType, keySize, valueSize, maxEntries } = map;
    const kind = mapKindByBpfType(bpfType);
    if (kind === undefined) continue;
    const firstValue = kind.keys === "index" ? address + STEP : 0;
    const sizes = { keySize, valueSize, maxEntries, valueStride: valueSize };
    const pages = kind.pages === true ? { pages: { first: map.extra ?? BigInt(STEP), asAddresses: false } } : {};
    bindings.set(name, { name, kind, address, ...sizes, firstValue, ...pages, ...innerBinding(map) });
    address += 2 * STEP + Math.ceil((valueSize + 1) / STEP) * STEP;
  }
  return bindings;
}

/** Which programs are wanted, and what is against some of them besides. */
export interface SelectOptions {
  /** Programs that load although their sections say not to (`?`): by name, or all of them. */
  readonly enable?: ReadonlySet<string> | "all";
  /** Why a program may not use a map, as a sentence; undefined if it may. */
  readonly against?: (program: Runnable, map: MapSpec) => string | undefined;
}

function isEnabled({ name, autoload }: ProgramSpec, { enable }: SelectOptions): boolean {
  return autoload || enable === "all" || enable?.has(name) === true;
}

/** What keeps a program from loading, if something does. */
function problemOf(
  object: ObjectSpec,
  program: ProgramSpec,
  bindings: ReadonlyMap<string, MapBinding>,
  options: SelectOptions,
): unknown {
  if ("reason" in program.kind) return new AnyctxError("UNSUPPORTED", program.kind.reason);
  if (!isEnabled(program, options)) return new AnyctxError("UNSUPPORTED", "its section says not to load it (?)");
  try {
    linkTried(object, program, bindings, options);
    return undefined;
  } catch (error) {
    return error;
  }
}

/**
 * A program linked against what stands for its maps: to look at, not to run.
 * @throws {AnyctxError} what keeps it from loading
 */
export function linkTried(
  object: ObjectSpec,
  program: ProgramSpec,
  bindings: ReadonlyMap<string, MapBinding>,
  { against }: Pick<SelectOptions, "against"> = {},
): LinkedProgram {
  if ("reason" in program.kind) throw new AnyctxError("UNSUPPORTED", program.kind.reason);
  const used = mapsUsed(object, [program]);
  for (const map of object.maps.filter(({ name }) => used.has(name))) {
    const problem = mapProblem(map) ?? against?.(program as Runnable, map);
    if (problem !== undefined)
      throw new AnyctxError("UNSUPPORTED", `${object.name}: program ${program.name}: ${problem}`);
  }
  return linkProgram(object, program.name, bindings);
}

/** The reason without what is said beside it: the object's name and the program's. */
export function reasonOf(object: ObjectSpec, { name }: ProgramSpec, problem: AnyctxError): string {
  const prefix = `${object.name}: program ${name}`;
  return problem.message.startsWith(prefix)
    ? problem.message.slice(prefix.length).replace(/^[,:] /, "")
    : problem.message;
}

/** How often each reason was given, the most frequent first. */
function countReasons(skipped: readonly Skipped[]): string {
  const counts = new Map<string, number>();
  for (const { reason } of skipped) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  const rows = [...counts].sort(([, a], [, b]) => b - a);
  return rows.map(([reason, count]) => `${count} program${count === 1 ? "" : "s"}: ${reason}`).join("; ");
}

/** Every program tried by itself, with the error that keeps it from loading. */
function problemsOf(
  object: ObjectSpec,
  options: SelectOptions,
): { program: ProgramSpec; problem: AnyctxError | undefined }[] {
  const bindings = placeholders(object);
  return object.programs.map((program) => {
    const problem = problemOf(object, program, bindings, options);
    if (problem !== undefined && !(problem instanceof AnyctxError)) throw problem;
    return { program, problem };
  });
}

/** The programs that load, and those that do not, with their reasons. */
export function tryPrograms(object: ObjectSpec, options: SelectOptions = {}): Selection {
  const tried = problemsOf(object, options);
  const chosen = tried.filter(({ problem }) => problem === undefined).map(({ program }) => program as Runnable);
  const skipped = tried.flatMap(({ program, problem }) =>
    problem === undefined ? [] : [{ name: program.name, reason: reasonOf(object, program, problem) }],
  );
  return { chosen, skipped };
}

/**
 * As tryPrograms, where something has to load.
 * @throws {AnyctxError} nothing does: the error of the only program, or UNSUPPORTED with all reasons
 */
export function selectPrograms(object: ObjectSpec, options: SelectOptions = {}): Selection {
  const selection = tryPrograms(object, options);
  const { chosen, skipped } = selection;
  if (chosen.length > 0) return selection;
  const [only, ...others] = problemsOf(object, options);
  const isWanted = only !== undefined && !("reason" in only.program.kind) && isEnabled(only.program, options);
  if (isWanted && others.length === 0 && only.problem !== undefined) throw only.problem;
  throw nothingRuns(object, skipped);
}

/** What is said where no program of an object is left. */
export function nothingRuns(object: ObjectSpec, skipped: readonly Skipped[]): AnyctxError {
  const [first] = skipped;
  const one = first === undefined ? "it has no program" : `${first.name}: ${first.reason}`;
  const why = skipped.length > 1 ? countReasons(skipped) : one;
  return new AnyctxError("UNSUPPORTED", `Nothing of ${object.name} can run here: ${why}`);
}

/**
 * Which of an object's programs load. What one of them needs that is not there keeps none of the others from loading; all reasons
 * are kept.
 */
import type { MapBinding } from "../bpf/host.ts";
import { linkProgram } from "../bpf/link.ts";
import { type MapSpec, type ObjectSpec, type ProgramSpec, subprogramsOf } from "../bpf/object/spec.ts";
import type { ProgramKind } from "../bpf/programs/program-type.ts";
import { AnyctxError } from "../error.ts";
import { mapKindByBpfType } from "../maps/kinds.ts";

/** A program whose section names a type that runs here. */
export type Runnable = ProgramSpec & { readonly kind: ProgramKind };

/** A program that is not loaded, with the reason as a sentence. */
export interface Skipped {
  readonly name: string;
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

/** Why a map cannot be created here, as a sentence; undefined if it can. */
export function mapProblem(map: MapSpec): string | undefined {
  if (map.unsupported !== undefined) return `map ${map.name}: ${map.unsupported}`;
  const kind = mapKindByBpfType(map.bpfType);
  // Those whose entries have lengths of their own are none of Linux's.
  if (kind !== undefined && kind.variable !== true) return undefined;
  return `map ${map.name} has map type ${map.bpfType}, which is not supported yet`;
}

/** What stands for a map while it is tried whether programs link: no map, nothing is run. */
function placeholder({ name, bpfType, keySize, valueSize, maxEntries }: MapSpec, index: number): MapBinding[] {
  const kind = mapKindByBpfType(bpfType);
  if (kind === undefined) return [];
  const address = 65536 * (2 * index + 1);
  const firstValue = kind.keys === "index" ? address + 65536 : 0;
  return [{ name, kind, address, keySize, valueSize, maxEntries, valueStride: valueSize, firstValue }];
}

/** Why a program does not load, if it does not. */
function problemOf(object: ObjectSpec, program: ProgramSpec, bindings: ReadonlyMap<string, MapBinding>): unknown {
  if ("reason" in program.kind) return new AnyctxError("UNSUPPORTED", program.kind.reason);
  if (!program.autoload) return new AnyctxError("UNSUPPORTED", "its section says not to load it (?)");
  const used = mapsUsed(object, [program]);
  for (const map of object.maps) {
    const problem = used.has(map.name) ? mapProblem(map) : undefined;
    if (problem !== undefined)
      return new AnyctxError("UNSUPPORTED", `${object.name}: program ${program.name}: ${problem}`);
  }
  try {
    linkProgram(object, program.name, bindings);
    return undefined;
  } catch (error) {
    return error;
  }
}

/** The reason without what is said beside it: the object's name and the program's. */
function reasonOf(object: ObjectSpec, { name }: ProgramSpec, problem: AnyctxError): string {
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

/**
 * The programs that load, and those that do not, with their reasons.
 * @throws {AnyctxError} nothing loads: the reason of the only program, or UNSUPPORTED with all reasons
 */
export function selectPrograms(object: ObjectSpec): Selection {
  const bindings = new Map(object.maps.flatMap(placeholder).map((binding) => [binding.name, binding]));
  const chosen: Runnable[] = [];
  const skipped: Skipped[] = [];
  let last: unknown;
  for (const program of object.programs) {
    const problem = problemOf(object, program, bindings);
    if (problem === undefined) chosen.push(program as Runnable);
    else if (!(problem instanceof AnyctxError)) throw problem;
    else skipped.push({ name: program.name, reason: reasonOf(object, program, problem) });
    last = problem;
  }
  if (chosen.length > 0) return { chosen, skipped };
  const [only] = object.programs;
  if (only !== undefined && object.programs.length === 1 && !("reason" in only.kind) && only.autoload) throw last;
  const [first] = skipped;
  const why =
    first === undefined
      ? "it has no program"
      : skipped.length === 1
        ? `${first.name}: ${first.reason}`
        : countReasons(skipped);
  throw new AnyctxError("UNSUPPORTED", `Nothing of ${object.name} can run here: ${why}`);
}

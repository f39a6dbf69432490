/** An object without what cannot run here, so that the rest gets its advice: maps of kinds that are not there, and who uses them. */
import { type MapSpec, type ObjectSpec, type ProgramSpec, subprogramsOf } from "../bpf/object/spec.ts";
import { mapKindByBpfType } from "../maps/kinds.ts";

export interface MissingMap {
  readonly spec: MapSpec;
  readonly reason: string;
}

export interface Usable {
  readonly object: ObjectSpec;
  readonly missing: readonly MissingMap[];
}

function reasonOf({ bpfType, unsupported }: MapSpec): string | undefined {
  if (unsupported !== undefined) return unsupported;
  return mapKindByBpfType(bpfType) === undefined ? `map type ${bpfType} is not supported yet` : undefined;
}

export function usable(object: ObjectSpec): Usable {
  const missing = object.maps.flatMap((spec) => {
    const reason = reasonOf(spec);
    return reason === undefined ? [] : [{ spec, reason }];
  });
  if (missing.length === 0) return { object, missing };
  const programs = object.programs.map((program) => withReason(object, program, missing));
  const maps = object.maps.filter((spec) => !missing.some((each) => each.spec === spec));
  return { object: { ...object, programs, maps }, missing };
}

function withReason(object: ObjectSpec, program: ProgramSpec, missing: readonly MissingMap[]): ProgramSpec {
  const names = [program, ...subprogramsOf(object, program)].flatMap(({ relocations }) =>
    relocations.flatMap((relocation) => ("map" in relocation ? [relocation.map] : [])),
  );
  const found = missing.find(({ spec }) => names.includes(spec.name));
  if (found === undefined || "reason" in program.kind) return program;
  return { ...program, kind: { type: "unsupported", reason: `it uses ${found.spec.name}: ${found.reason}` } };
}

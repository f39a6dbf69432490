/** An object without what cannot run here, so that the rest gets its advice: maps of kinds that are not there, and who uses them. */
import type { MapSpec, ObjectSpec, ProgramSpec } from "../bpf/object/spec.ts";
import { mapReason, mapsUsed } from "../load/select.ts";

/** An object that advice is asked for. */
export interface Advised {
  readonly object: ObjectSpec;
  /** What it is called, where there are several. */
  readonly label?: string;
  /** max_entries by map name. */
  readonly mapEntries?: ReadonlyMap<string, number>;
}

export interface MissingMap {
  readonly spec: MapSpec;
  readonly reason: string;
}

export interface Usable extends Advised {
  readonly missing: readonly MissingMap[];
}

export function usable(advised: Advised): Usable {
  const { object } = advised;
  const missing = object.maps.flatMap((spec) => {
    const reason = mapReason(spec);
    return reason === undefined ? [] : [{ spec, reason }];
  });
  if (missing.length === 0) return { ...advised, missing };
  const programs = object.programs.map((program) => withReason(object, program, missing));
  const maps = object.maps.filter((spec) => !missing.some((each) => each.spec === spec));
  return { ...advised, object: { ...object, programs, maps }, missing };
}

function withReason(object: ObjectSpec, program: ProgramSpec, missing: readonly MissingMap[]): ProgramSpec {
  const names = mapsUsed(object, [program]);
  const found = missing.find(({ spec }) => names.has(spec.name));
  if (found === undefined || "reason" in program.kind) return program;
  return { ...program, kind: { type: "unsupported", reason: `it uses ${found.spec.name}: ${found.reason}` } };
}

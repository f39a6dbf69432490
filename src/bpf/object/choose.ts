/** Which of an object's programs are wanted, and what they run on, where their loader says so. */
import { AnyctxError } from "../../error.ts";
import { programKind } from "../programs/table.ts";
import type { ObjectSpec } from "./spec.ts";

function checkPrograms({ name, programs }: ObjectSpec, wanted: Iterable<string>): void {
  const known = programs.map((program) => program.name);
  for (const each of wanted)
    if (!known.includes(each))
      throw new AnyctxError("EINVAL", `${name} has no program ${each}; it has ${known.join(", ") || "none"}`);
}

/**
 * The object with programs on other targets, as a loader says them: what follows the first part of their sections.
 * @throws {AnyctxError} EINVAL for a program that it does not have
 */
export function retarget(object: ObjectSpec, targets: ReadonlyMap<string, string>): ObjectSpec {
  checkPrograms(object, targets.keys());
  const programs = object.programs.map((program) => {
    const target = targets.get(program.name);
    if (target === undefined) return program;
    const section = `${program.section.split("/")[0]}/${target}`;
    return { ...program, section, kind: programKind(section) };
  });
  return { ...object, programs };
}

/** The object with some of its programs; all if none are named. @throws {AnyctxError} EINVAL for one that it does not have */
export function choosePrograms(object: ObjectSpec, names: readonly string[] | undefined): ObjectSpec {
  if (names === undefined) return object;
  checkPrograms(object, names);
  return { ...object, programs: object.programs.filter(({ name }) => names.includes(name)) };
}

/** What both verifiers are asked about: the small programs, good and bad, and random ones. */
import type { ObjectSpec, ProgramSpec } from "../../../src/bpf/object/spec.ts";
import { BAD_PROGRAMS } from "../bad-programs.ts";
import { objectOf } from "../object.ts";
import { Random, randomObject } from "../random-programs.ts";
import { isOffered } from "./offer.ts";

export interface Candidate {
  readonly name: string;
  readonly object: ObjectSpec;
}

const SEED = 618;
const RANDOM_PROGRAMS = 3000;

export function corpus(): Candidate[] {
  const named = BAD_PROGRAMS.flatMap(({ name, section, bad, good }) => [
    { name: `bad: ${name}`, object: objectOf(section, bad) },
    ...(good === undefined ? [] : [{ name: `good: ${name}`, object: objectOf(section, good) }]),
  ]);
  const random = new Random(SEED);
  const made = Array.from({ length: RANDOM_PROGRAMS }, (_, index) => ({
    name: `random ${index}`,
    object: randomObject(random),
  }));
  return [...named, ...made].filter(({ object }) => isOffered(object.programs[0] as ProgramSpec));
}

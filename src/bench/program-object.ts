/** Objects of one program for benches: written as text, with a map where `map(0)` stands for it. */
import { assemble } from "../bpf/isa/assemble.ts";
import { isWide, PSEUDO } from "../bpf/isa/instructions.ts";
import { type MapSpec, type ObjectSpec, specOfInstructions } from "../bpf/object/spec.ts";
import { programKind } from "../bpf/programs/table.ts";

/** @param map what the first of its wide instructions that names a map leads to */
export function programObject(name: string, section: string, text: string, map: MapSpec): ObjectSpec {
  const instructions = assemble(text);
  const spec = specOfInstructions(name, instructions);
  const at = instructions.findIndex((slot) => isWide(slot) && slot.src === PSEUDO.mapAddress);
  const relocations = at < 0 ? [] : [{ type: "map" as const, instruction: at, map: map.name }];
  const programs = spec.programs.map((program) => ({ ...program, relocations, section, kind: programKind(section) }));
  return { ...spec, maps: at < 0 ? [] : [map], functions: programs, programs };
}

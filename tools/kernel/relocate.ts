/** Programs as the kernel takes them: with numbers in place of maps' names. */
import { type Instruction, PSEUDO } from "../../src/bpf/isa/instructions.ts";
import type { ProgramSpec } from "../../src/bpf/object/spec.ts";

/** A program's instructions with maps by number: descriptors, or whatever the loader makes them of. */
export function withMaps({ instructions, relocations }: ProgramSpec, numberOf: (map: string) => number): Instruction[] {
  const slots = [...instructions];
  for (const relocation of relocations) {
    if (!("map" in relocation)) continue;
    const [slot, tail] = [slots[relocation.instruction], slots[relocation.instruction + 1]];
    if (slot === undefined || tail === undefined) continue;
    const src = relocation.type === "map" ? PSEUDO.mapAddress : PSEUDO.mapValue;
    slots[relocation.instruction] = { ...slot, src, imm: numberOf(relocation.map) };
    slots[relocation.instruction + 1] = { ...tail, imm: relocation.type === "data" ? relocation.offset : 0 };
  }
  return slots;
}

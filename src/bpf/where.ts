/** Where in a program something is, for people. */
import { disassembleAt } from "./isa/disassemble.ts";
import type { LinkedProgram } from "./linked.ts";
import type { SourceLine } from "./object/spec.ts";

/** The source line that an instruction comes from, if the object says. */
export function lineOf({ lines }: Pick<LinkedProgram, "lines">, instruction: number): SourceLine | undefined {
  return lines.findLast((line) => line.instruction <= instruction);
}

/** An instruction for people: its number and text, and its source line if known. */
export function instructionText(program: LinkedProgram, instruction: number): string {
  const line = lineOf(program, instruction);
  const source = line === undefined ? "" : ` at ${line.file}:${line.line}`;
  return `instruction ${instruction} (${disassembleAt(program.instructions, instruction)})${source}`;
}

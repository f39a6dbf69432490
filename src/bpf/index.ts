/** BPF objects: read, inspected, linked, interpreted, compiled. The subpath export `anyctx/bpf`. */
export { assemble } from "./assemble.ts";
export { type Btf, type BtfType, type BtfValue, decodeBtf, resolveType, sizeOf } from "./btf.ts";
export { disassemble, disassembleAt } from "./disassemble.ts";
export { HELPERS, type Helper, helperById, helperByName } from "./helpers.ts";
export {
  decodeInstructions,
  encodeInstructions,
  type Instruction,
  OPERATIONS,
  type Operation,
} from "./instructions.ts";
export { createInterpreter, prepare, start, step } from "./interpreter.ts";
export type { Interpreter, InterpreterOptions, RunState } from "./interpreter-state.ts";
export { type CompiledProgram, compileProgram } from "./jit/compile.ts";
export { instantiateProgram } from "./jit/instantiate.ts";
export { type LinkedMap, type LinkedProgram, type LinkOptions, linkProgram, type Subprogram } from "./link.ts";
export {
  FRAME_BYTES,
  MAX_FRAMES,
  type MapBinding,
  NULL_GUARD_BYTES,
  type ProgramMachine,
  type RunProgram,
} from "./machine.ts";
export { readObject } from "./object.ts";
export { attachTarget, programKind } from "./sections.ts";
export {
  type FunctionSpec,
  type MapSpec,
  type ObjectSpec,
  type ProgramKind,
  type ProgramSpec,
  programSpec,
  type SourceLine,
  setVariable,
  specOfInstructions,
  subprogramsOf,
  type VariableSpec,
} from "./spec.ts";

/** BPF objects: read, inspected, linked, interpreted, compiled. The subpath export `anyctx/bpf`. */

export type { ParameterKind } from "./helpers/parameters/parameter-kind.ts";
export { PARAMETER_KINDS } from "./helpers/parameters/table.ts";
export { HELPERS, type Helper, type HelperGroup, helperById, helperByName } from "./helpers/table.ts";
export {
  FRAME_BYTES,
  MAX_FRAMES,
  type MapBinding,
  NULL_GUARD_BYTES,
  type ProgramHost,
  type RunProgram,
} from "./host.ts";
export { createInterpreter, prepare, start, step } from "./interpreter/interpreter.ts";
export type { Interpreter, InterpreterOptions, RunState } from "./interpreter/state.ts";
export { assemble } from "./isa/assemble.ts";
export { disassemble, disassembleAt } from "./isa/disassemble.ts";
export {
  decodeInstructions,
  encodeInstructions,
  type Instruction,
  OPERATIONS,
  type Operation,
} from "./isa/instructions.ts";
export { type CompiledProgram, compileProgram } from "./jit/compile.ts";
export { instantiateProgram } from "./jit/instantiate.ts";
export { type LinkOptions, linkProgram } from "./link.ts";
export type { LinkedMap, LinkedProgram, Subprogram } from "./linked.ts";
export { type Btf, type BtfType, type BtfValue, decodeBtf, resolveType, sizeOf } from "./object/btf.ts";
export { readObject } from "./object/object.ts";
export {
  type FunctionSpec,
  type MapSpec,
  type ObjectSpec,
  type ProgramSpec,
  programSpec,
  type SourceLine,
  setVariable,
  specOfInstructions,
  subprogramsOf,
  type VariableSpec,
} from "./object/spec.ts";
export type {
  ContextField,
  EventContext,
  ProgramContext,
  ProgramEvent,
  ProgramKind,
  ProgramTarget,
  ProgramType,
  UnsupportedKind,
} from "./programs/program-type.ts";
export { attachTarget, PROGRAM_TYPES, programKind, programType } from "./programs/table.ts";

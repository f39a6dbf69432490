/** BPF objects: read, inspected, loaded into an arena, linked, interpreted, compiled. The subpath export `anyctx/bpf`. */

export type { Caller } from "../bpf/helpers/callers.ts";
export type { Helper } from "../bpf/helpers/helper.ts";
export type { ParameterKind } from "../bpf/helpers/parameters/parameter-kind.ts";
export { PARAMETER_KINDS } from "../bpf/helpers/parameters/table.ts";
export { HELPERS, helperById, helperByName } from "../bpf/helpers/table.ts";
export {
  FRAME_BYTES,
  MAX_FRAMES,
  type MapBinding,
  NULL_GUARD_BYTES,
  type ProgramHost,
  type RunProgram,
} from "../bpf/host.ts";
export { createInterpreter, prepare, start } from "../bpf/interpreter/interpreter.ts";
export { type Interpreter, type InterpreterOptions, type RunState, step } from "../bpf/interpreter/state.ts";
export { assemble } from "../bpf/isa/assemble.ts";
export { disassemble, disassembleAt } from "../bpf/isa/disassemble.ts";
export {
  decodeInstructions,
  encodeInstructions,
  type Instruction,
  OPERATIONS,
  type Operation,
} from "../bpf/isa/instructions.ts";
export { type CompiledProgram, compileProgram } from "../bpf/jit/compile.ts";
export { instantiateProgram } from "../bpf/jit/instantiate.ts";
export { linkProgram } from "../bpf/link.ts";
export type { LinkedMap, LinkedProgram, Subprogram } from "../bpf/linked.ts";
export { type Btf, type BtfType, type BtfValue, decodeBtf, resolveType, sizeOf } from "../bpf/object/btf.ts";
export { readObject } from "../bpf/object/object.ts";
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
} from "../bpf/object/spec.ts";
export { POLICIES, type Policy } from "../bpf/policy.ts";
export type {
  ContextField,
  EventContext,
  ProgramContext,
  ProgramEvent,
  ProgramKind,
  ProgramTarget,
  ProgramType,
  UnsupportedKind,
} from "../bpf/programs/program-type.ts";
export { attachTarget, PROGRAM_TYPES, programKind, programType } from "../bpf/programs/table.ts";
export type { KernelTypes } from "../bpf/shipped/kernel-types.ts";
export { type Accepted, type Refused, type VerifyOptions, verifyProgram } from "../bpf/verifier/verify.ts";
export type { Engine } from "./choices.ts";
export { programHost } from "./host.ts";
export { type Channel, channel } from "./live/channels.ts";
export { type MethodOptions, method } from "./live/functions.ts";
export type { LiveLink, LiveOptions, LiveSourceKind } from "./live/link.ts";
export { type MessageSource, messages } from "./live/messages.ts";
export { LIVE_SOURCES } from "./live/sources.ts";
export { clock } from "./live/timers.ts";
export {
  instantiateImage,
  type LoadedObject,
  type LoadOptions,
  loadSpec,
  type ProgramImage,
} from "./load.ts";
export type { LoadedMap, ObjectMapOptions } from "./maps.ts";
export type { ObjectOptions } from "./object-options.ts";
export type { PreparedOutput, PreparedProgram, RunCounts } from "./prepared.ts";
export type { HelperAnswer, HelperAnswers, RunInput } from "./run-input.ts";
export {
  type AnyShape,
  type BpfObject,
  loadObject,
  type ObjectShape,
  type ProgramSource,
  type RunResult,
  type TypedProgram,
} from "./typed-object.ts";
export { type ProgramVerdict, type VerifyObjectOptions, verifyObject } from "./verify.ts";

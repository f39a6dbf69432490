/**
 * Linked program -> WebAssembly module.
 *
 * Registers are 64-bit locals, subprograms are functions, maps are called in the core's instance directly. The module
 * imports the one shared memory (`env.memory`), the offsets in a CPU's area (`layout.*`), the core's functions by name
 * (`core.*`) and, off the hot path, the host's `fail` and tail calls, and helpers that are carried out in TypeScript (`service.*`).
 */
import { AnyctxError } from "../../error.ts";
import { encodeModule, type FunctionType, TYPE, type WasmFunction, type WasmImport } from "../../wasm/encode.ts";
import type { CoreModule } from "../../wasm/types.ts";
import { edgeOf } from "../analysis/edges.ts";
import { type Helper, signatureOf } from "../helpers/helper.ts";
import { CALLBACK } from "../helpers/parameters/callback.ts";
import { helperById } from "../helpers/table.ts";
import { operationOf } from "../isa/instructions.ts";
import type { LinkedProgram } from "../linked.ts";
import { arenaImports } from "./arena.ts";
import type { Confinement, ModuleIndexes } from "./emitter.ts";
import { compileFunction } from "./function.ts";

/** Structured-cloneable: compile once, post it to every worker, instantiate there. */
export interface CompiledProgram {
  readonly module: CoreModule;
  readonly program: LinkedProgram;
  /** Bytes of the module. */
  readonly bytes: number;
  /** Nobody has verified it, and the host is asked where it may write to. */
  readonly confined: boolean;
}

export const HOST = {
  fail: "fail",
  tail: "tail",
  tailResult: "tailResult",
  confine: "confine",
  grant: "grant",
  packet: "packet",
} as const;
export const ENTRY = "run";

/** What a function that helpers call is exported as, by the slot of its first instruction. */
export function callbackExport(slot: number): string {
  return `function${slot}`;
}

const FAIL_TYPE: FunctionType = { parameters: [TYPE.i32], results: [] };
/** Map, index, the frame's top; whether another program ran. */
const TAIL_TYPE: FunctionType = { parameters: [TYPE.i32, TYPE.i64, TYPE.i32], results: [TYPE.i32] };
/** Address and bytes; whether a run may not write there. */
const CONFINE_TYPE: FunctionType = { parameters: [TYPE.i32, TYPE.i32], results: [TYPE.i32] };
const GRANT_TYPE: FunctionType = { parameters: [TYPE.i32, TYPE.i32], results: [] };
/** Offset and bytes; the number, or -1 where the packet has no such bytes. */
const PACKET_TYPE: FunctionType = { parameters: [TYPE.i32, TYPE.i32], results: [TYPE.i64] };
const TAIL_RESULT_TYPE: FunctionType = { parameters: [], results: [TYPE.i64] };

/** Names of the fields of `ProgramHost.layout` that a module imports, in this order. */
export const LAYOUT_FIELDS = ["id", "task", "random"] as const;

/** The imports that one helper needs, given the program's maps. */
function importsOf(helper: Helper, program: LinkedProgram): WasmImport[] {
  const { action } = helper;
  const { parameters, results } = signatureOf(helper);
  const type: FunctionType = {
    parameters: parameters.map((each) => TYPE[each]),
    results: results.map((each) => TYPE[each]),
  };
  if (action.type === "service" || action.type === "unknown") {
    const frame = helper.parameters.includes(CALLBACK) ? [TYPE.i32] : [];
    const own = { ...type, parameters: [...type.parameters, ...frame] };
    return [{ module: "service", name: helper.name, type: own }];
  }
  if (action.type === "tail")
    return [
      { module: "host", name: HOST.tail, type: TAIL_TYPE },
      { module: "host", name: HOST.tailResult, type: TAIL_RESULT_TYPE },
    ];
  if (action.type === "core") return [{ module: "core", name: action.name, type }];
  if (action.type !== "map") return [];
  const maps = program.maps.flatMap((map) => [map, ...(map.inner === undefined ? [] : [map.inner])]);
  return maps.flatMap(({ kind }) => {
    const name = kind.program[action.role];
    return name === undefined ? [] : [{ module: "core", name, type }];
  });
}

/** What the program imports, each once; function indexes count these first. */
function planImports(program: LinkedProgram): Map<string, WasmImport & { readonly index: number }> {
  const planned = new Map<string, WasmImport & { readonly index: number }>();
  const rows: WasmImport[] = [{ module: "host", name: HOST.fail, type: FAIL_TYPE }];
  if (program.proofs === undefined)
    rows.push(
      { module: "host", name: HOST.confine, type: CONFINE_TYPE },
      { module: "host", name: HOST.grant, type: GRANT_TYPE },
    );
  rows.push(...arenaImports(program));
  if (program.instructions.some((slot) => operationOf(slot)?.effect.type === "packet"))
    rows.push({ module: "host", name: HOST.packet, type: PACKET_TYPE });
  for (const id of program.helpers) {
    const helper = helperById(id);
    if (helper !== undefined) rows.push(...importsOf(helper, program));
  }
  for (const row of rows) {
    const key = `${row.module}.${row.name}`;
    if (!planned.has(key)) planned.set(key, { ...row, index: planned.size });
  }
  return planned;
}

function indexesOf(program: LinkedProgram, imports: ReadonlyMap<string, { readonly index: number }>): ModuleIndexes {
  const imported = (module: WasmImport["module"], name: string): number =>
    imports.get(`${module}.${name}`)?.index ?? missing(`import ${module}.${name}`);
  const subprograms = new Map(program.subprograms.map(({ start }, index) => [start, imports.size + index]));
  return {
    fail: imported("host", HOST.fail),
    service: (name) => imported("service", name),
    tail: () => imported("host", HOST.tail),
    tailResult: () => imported("host", HOST.tailResult),
    core: (name) => imported("core", name),
    subprogram: (start) => subprograms.get(start) ?? missing(`function at slot ${start}`),
    constants: {
      id: LAYOUT_FIELDS.indexOf("id"),
      task: LAYOUT_FIELDS.indexOf("task"),
      random: LAYOUT_FIELDS.indexOf("random"),
    },
    budget: LAYOUT_FIELDS.length,
    contextBytes: LAYOUT_FIELDS.length + 1,
    context: LAYOUT_FIELDS.length + 2,
    confine: () => imported("host", HOST.confine),
    grant: () => imported("host", HOST.grant),
    packet: () => imported("host", HOST.packet),
  };
}

/** The functions that helpers call, and the one that a program which ends itself ends in, by their index among the program's. */
function callbackExports(program: LinkedProgram): { name: string; index: number }[] {
  const { instructions, subprograms, exception } = program;
  const starts = new Set<number>(exception === undefined ? [] : [exception]);
  for (const [at, slot] of instructions.entries()) {
    const effect = operationOf(slot)?.effect;
    const edge = effect === undefined ? undefined : edgeOf(effect, slot, at);
    if (edge?.type === "callback") starts.add(edge.target);
  }
  return subprograms.flatMap(({ start }, index) => (starts.has(start) ? [{ name: callbackExport(start), index }] : []));
}

/** What code refers to has been planned: anything else is a bug, and would be another function's index. */
function missing(what: string): never {
  throw new Error(`the module has no ${what}`);
}

/**
 * Compiles a linked program. The same everywhere.
 * @throws {AnyctxError} UNSUPPORTED when the engine refuses the module, as for functions beyond its size limit
 */
export function compileProgram(program: LinkedProgram): CompiledProgram {
  const imports = planImports(program);
  const indexes = indexesOf(program, imports);
  const confinement = { asked: false, tells: false };
  const compile = (confined: Confinement): WasmFunction[] =>
    program.subprograms.map((_, index) =>
      compileFunction(program, index, indexes, program.proofs === undefined ? confined : undefined),
    );
  const plain = compile(confinement);
  // What helpers give is of interest only where a store goes where nobody knows.
  const functions = confinement.asked ? compile({ asked: true, tells: true }) : plain;
  const bytes = encodeModule({
    imports: [...imports.values()],
    constants: LAYOUT_FIELDS,
    globals: 3,
    functions,
    exports: [{ name: ENTRY, index: 0 }, ...callbackExports(program)],
  });
  try {
    return { module: new WebAssembly.Module(bytes), program, bytes: bytes.length, confined: confinement.asked };
  } catch (cause) {
    const size = `${program.instructions.length} instructions, ${bytes.length} bytes of code`;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new AnyctxError("UNSUPPORTED", `program ${program.name} (${size}) cannot be compiled here: ${why}`, {
      cause,
    });
  }
}

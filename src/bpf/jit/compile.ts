/**
 * Linked program -> WebAssembly module.
 *
 * Registers are 64-bit locals, subprograms are functions, maps are called in the core's instance directly. The module
 * imports the one shared memory (`env.memory`), the offsets in a CPU's area (`layout.*`), the core's functions by name
 * (`core.*`) and, off the hot path, the host's `fail`, `print` and `output`.
 */
import { AnyctxError } from "../../error.ts";
import { encodeModule, type FunctionType, TYPE, type WasmImport } from "../../wasm/encode.ts";
import type { CoreModule } from "../../wasm/types.ts";
import { type Helper, helperById, signatureOf } from "../helpers/table.ts";
import type { LinkedProgram } from "../linked.ts";
import type { ModuleIndexes } from "./emitter.ts";
import { compileFunction } from "./function.ts";

/** Structured-cloneable: compile once, post it to every worker, instantiate there. */
export interface CompiledProgram {
  readonly module: CoreModule;
  readonly program: LinkedProgram;
  /** Bytes of the module. */
  readonly bytes: number;
}

export const HOST = { fail: "fail", print: "print", output: "output" } as const;
export const ENTRY = "run";

const FAIL_TYPE: FunctionType = { parameters: [TYPE.i32], results: [] };

/** Names of the fields of `ProgramHost.layout` that a module imports, in this order. */
export const LAYOUT_FIELDS = ["id", "task"] as const;

/** The imports that one helper needs, given the program's maps. */
function importsOf(helper: Helper, program: LinkedProgram): WasmImport[] {
  const { action } = helper;
  const { parameters, results } = signatureOf(helper);
  const type: FunctionType = {
    parameters: parameters.map((each) => TYPE[each]),
    results: results.map((each) => TYPE[each]),
  };
  if (action.type === "output") return [{ module: "host", name: HOST.output, type }];
  if (action.type === "print") return [{ module: "host", name: HOST.print, type }];
  if (action.type === "core") return [{ module: "core", name: action.name, type }];
  if (action.type !== "map") return [];
  return program.maps.flatMap(({ kind }) => {
    const name = kind.program[action.role];
    return name === undefined ? [] : [{ module: "core", name, type }];
  });
}

/** What the program imports, each once; function indexes count these first. */
function planImports(program: LinkedProgram): Map<string, WasmImport & { readonly index: number }> {
  const planned = new Map<string, WasmImport & { readonly index: number }>();
  const rows: WasmImport[] = [{ module: "host", name: HOST.fail, type: FAIL_TYPE }];
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
    print: () => imported("host", HOST.print),
    output: () => imported("host", HOST.output),
    core: (name) => imported("core", name),
    subprogram: (start) => subprograms.get(start) ?? missing(`function at slot ${start}`),
    constants: { id: LAYOUT_FIELDS.indexOf("id"), task: LAYOUT_FIELDS.indexOf("task") },
    budget: LAYOUT_FIELDS.length,
  };
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
  const functions = program.subprograms.map((_, index) => compileFunction(program, index, indexes));
  const bytes = encodeModule({
    imports: [...imports.values()],
    constants: LAYOUT_FIELDS,
    globals: 1,
    functions,
    exports: [{ name: ENTRY, index: 0 }],
  });
  try {
    return { module: new WebAssembly.Module(bytes), program, bytes: bytes.length };
  } catch (cause) {
    const size = `${program.instructions.length} instructions, ${bytes.length} bytes of code`;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new AnyctxError("UNSUPPORTED", `program ${program.name} (${size}) cannot be compiled here: ${why}`, {
      cause,
    });
  }
}

/**
 * Linked program -> WebAssembly module.
 *
 * Registers are 64-bit locals, subprograms are functions, maps are called in the core's instance directly. The module
 * imports the one shared memory (`env.memory`), the offsets in a CPU's area (`layout.*`), the core's functions by name
 * (`core.*`) and, off the hot path, the host's `fail` and `print`.
 */
import { AnyctxError } from "../../error.ts";
import { encodeModule, type FunctionType, TYPE, type WasmImport } from "../../wasm/encode.ts";
import { type Helper, helperById, type MapRole } from "../helpers/table.ts";
import type { LinkedProgram } from "../linked.ts";
import type { ModuleIndexes } from "./emitter.ts";
import { compileFunction } from "./function.ts";

/** Structured-cloneable: compile once, post it to every worker, instantiate there. */
export interface CompiledProgram {
  readonly module: WebAssembly.Module;
  readonly program: LinkedProgram;
  /** Bytes of the module. */
  readonly bytes: number;
}

export const HOST = { fail: "fail", print: "print" } as const;
export const ENTRY = "run";

const { i32, i64 } = TYPE;
const FAIL_TYPE: FunctionType = { parameters: [i32], results: [] };
const PRINT_TYPE: FunctionType = { parameters: [i32, i32, i64, i64, i64], results: [i32] };

/** What core functions take and give beyond `map` functions, which are all u32 to i32. */
const CORE_TYPES: Readonly<Record<string, FunctionType>> = {
  probeRead: { parameters: [i32, i32, i64], results: [i32] },
  probeReadString: { parameters: [i32, i32, i64], results: [i32] },
  pseudoRandom: { parameters: [], results: [i32] },
  taskComm: { parameters: [i32, i32], results: [i32] },
};

const MAP_TYPES: Readonly<Record<MapRole, FunctionType>> = {
  lookup: { parameters: [i32, i32], results: [i32] },
  update: { parameters: [i32, i32, i32, i32], results: [i32] },
  delete: { parameters: [i32, i32], results: [i32] },
};

/** Names of the fields of `ProgramHost.layout` that a module imports, in this order. */
export const LAYOUT_FIELDS = ["id", "task"] as const;

/** The imports that one helper needs, given the program's maps. */
function importsOf({ action }: Helper, program: LinkedProgram): WasmImport[] {
  if (action.type === "print") return [{ module: "host", name: HOST.print, type: PRINT_TYPE }];
  if (action.type === "core") {
    const type = CORE_TYPES[action.name];
    return type === undefined ? [] : [{ module: "core", name: action.name, type }];
  }
  if (action.type !== "map") return [];
  const { role } = action;
  return program.maps.map(({ kind }) => ({ module: "core", name: kind.program[role], type: MAP_TYPES[role] }));
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
  const imported = (key: string): number => imports.get(key)?.index ?? 0;
  const subprograms = new Map(program.subprograms.map(({ start }, index) => [start, imports.size + index]));
  return {
    fail: imported(`host.${HOST.fail}`),
    print: imported(`host.${HOST.print}`),
    core: (name) => imported(`core.${name}`),
    subprogram: (start) => subprograms.get(start) ?? 0,
    constants: { id: 0, task: 1 },
    budget: LAYOUT_FIELDS.length,
  };
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

/** A compiled program in a thread: its imports bound to its host on that thread. */
import { AnyctxError } from "../../error.ts";
import { perfEventOutput } from "../helpers/output.ts";
import { tracePrint } from "../helpers/print.ts";
import type { ProgramHost, RunProgram } from "../host.ts";
import { instructionText, type LinkedProgram } from "../linked.ts";
import { type CompiledProgram, ENTRY, HOST, LAYOUT_FIELDS } from "./compile.ts";
import { OUT_OF_BUDGET } from "./emitter.ts";
import { BACKWARD_JUMPS } from "./function.ts";

/** What the module calls when a check failed. */
function fail(program: LinkedProgram, instruction: number): never {
  const name = `program ${program.name}`;
  if (instruction === OUT_OF_BUDGET)
    throw new AnyctxError("ETIMEDOUT", `${name} was stopped after ${BACKWARD_JUMPS} backward jumps: an endless loop?`);
  const problem = "it uses a pointer to memory it may not touch, or a map or a size that is none";
  throw new AnyctxError("EFAULT", `${name}, ${instructionText(program, instruction)}: ${problem}`);
}

/** What the run threw: our own errors as they are, WebAssembly's traps with the program's name. */
function explain(program: LinkedProgram, cause: unknown): unknown {
  if (!(cause instanceof WebAssembly.RuntimeError)) return cause;
  const message = `program ${program.name} touched memory that does not exist: ${cause.message}`;
  return new AnyctxError("EFAULT", message, { cause });
}

function instantiate(module: WebAssembly.Module, imports: WebAssembly.Imports, program: LinkedProgram): RunProgram {
  try {
    return new WebAssembly.Instance(module, imports).exports[ENTRY] as RunProgram;
  } catch (cause) {
    // A memory that is not shared, or a core of another version whose functions have other types.
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new AnyctxError("UNSUPPORTED", `program ${program.name} does not fit this host: ${why}`, { cause });
  }
}

/**
 * Binds a compiled program to a host.
 *
 * The returned function throws AnyctxError: EFAULT where a check or WebAssembly itself stopped an access, ETIMEDOUT for
 * an endless loop.
 *
 * @throws {AnyctxError} UNSUPPORTED when the core lacks a function the program needs, or the memory is of another kind
 */
export function instantiateProgram({ module, program }: CompiledProgram, host: ProgramHost): RunProgram {
  // Whose run it is: one at a time on a thread.
  let current = 0;
  const services = {
    [HOST.output]: (_: bigint, map: number, flags: bigint, address: number, bytes: number) => {
      const its = program.maps.find((each) => each.address === map >>> 0);
      return perfEventOutput(host, its, current, BigInt.asUintN(64, flags), { address: address >>> 0, bytes });
    },
    [HOST.fail]: (instruction: number) => fail(program, instruction),
    [HOST.print]: (format: number, size: number, ...values: bigint[]) =>
      tracePrint(host, BigInt(format >>> 0), size, values),
  };
  const layout = Object.fromEntries(LAYOUT_FIELDS.map((field) => [field, host.layout[field]]));
  const missing = WebAssembly.Module.imports(module).find(
    (row) => row.module === "core" && typeof host.core[row.name] !== "function",
  );
  if (missing !== undefined)
    throw new AnyctxError("UNSUPPORTED", `program ${program.name} needs ${missing.name}, which the core does not have`);
  const imports = { env: { memory: host.memory }, layout, core: host.core, host: services };
  const run = instantiate(module, imports, program);
  return (context, cpu, stackTop) => {
    current = cpu;
    try {
      return BigInt.asUintN(64, run(context, cpu, stackTop));
    } catch (cause) {
      throw explain(program, cause);
    }
  };
}

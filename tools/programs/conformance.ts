/**
 * Runs vectors of the bpf_conformance suite by the JIT and by the interpreter, each in memory of its own.
 *
 *     npm run conformance -- FILE.json
 *
 * A vector is `{ name, insns, mem, result, error, callx }`: hexadecimal instructions and memory, and the r0 expected
 * with r1 = address of the memory (0 where there is none) and r2 = its length. Prints a row per failure, then
 * `jit 312/312 interpreter 312/312`; exit code 1 on any failure. The callx vector is not counted: it must be refused.
 */
import { readFileSync } from "node:fs";
import { AnyctxError } from "../../src/error.ts";
import {
  assemble,
  compileProgram,
  createInterpreter,
  decodeInstructions,
  FRAME_BYTES,
  instantiateProgram,
  type LinkedProgram,
  linkProgram,
  MAX_FRAMES,
  type ProgramHost,
  type RunProgram,
  specOfInstructions,
} from "../../src/load/index.ts";

interface Vector {
  readonly name: string;
  readonly insns: string;
  readonly mem: string;
  readonly result: string;
  readonly error: string | null;
  readonly callx: boolean;
}

/** Where things lie in a vector's memory; all above the null guard. */
const CPU = 0x10000;
const RECORD = 0x11000;
const STACK_TOP = 0x20000 + MAX_FRAMES * FRAME_BYTES;
const CONTEXT = 0x30000;
const PAGES = 4;

const ENGINES = ["jit", "interpreter"] as const;
type Engine = (typeof ENGINES)[number];

const MAKE: Readonly<Record<Engine, (program: LinkedProgram, host: ProgramHost) => RunProgram>> = {
  jit: (program, host) => instantiateProgram(compileProgram(program), host),
  interpreter: createInterpreter,
};

function hex(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, "hex"));
}

/** Programs take one argument; a first instruction sets r2 to the length. Jumps are relative, so nothing else moves. */
function link(vector: Vector): LinkedProgram {
  const length = hex(vector.mem).length;
  const slots = [...assemble(`r2 = ${length}`), ...decodeInstructions(hex(vector.insns), vector.name)];
  return linkProgram(specOfInstructions(vector.name, slots), vector.name, new Map());
}

function run(program: LinkedProgram, memory: Uint8Array, engine: Engine): bigint {
  const shared = new WebAssembly.Memory({ initial: PAGES, maximum: 65536, shared: true });
  new Uint8Array(shared.buffer).set(memory, CONTEXT);
  new DataView(shared.buffer).setUint32(CPU + 4, RECORD, true);
  const host: ProgramHost = { memory: shared, core: {}, layout: { id: 0, task: 4, random: 8 }, print: () => {} };
  const context = memory.length === 0 ? 0 : CONTEXT;
  return MAKE[engine](program, host)(context, CPU, STACK_TOP, memory.length);
}

/** What went wrong, or undefined where r0 is as expected. */
function check(vector: Vector, engine: Engine): string | undefined {
  try {
    const result = run(link(vector), hex(vector.mem), engine);
    return result === BigInt(vector.result) ? undefined : `r0 = 0x${result.toString(16)}, expected ${vector.result}`;
  } catch (error) {
    if (!(error instanceof AnyctxError)) throw error;
    return error.message;
  }
}

/** A call through a register must be refused when the program is linked. */
function checkRefused(vector: Vector): boolean {
  const problem = check(vector, "interpreter");
  const refused = problem?.includes("callx") === true;
  console.log(refused ? `${vector.name}: refused as it should be: ${problem}` : `${vector.name}: was not refused`);
  return refused;
}

function isVector(value: unknown): value is Vector {
  if (typeof value !== "object" || value === null) return false;
  const row = value as Partial<Record<keyof Vector, unknown>>;
  const isHex = (text: unknown): boolean => typeof text === "string" && /^([0-9a-f]{2})*$/i.test(text);
  const numeric = typeof row.result === "string" && /^(0x[0-9a-f]+|\d+)$/i.test(row.result);
  return (
    typeof row.name === "string" && isHex(row.insns) && isHex(row.mem) && numeric && typeof row.callx === "boolean"
  );
}

/** @throws {Error} saying what is wrong with the file */
function readVectors(path: string): Vector[] {
  const rows: unknown = JSON.parse(readFileSync(path, "utf8"));
  if (!Array.isArray(rows) || rows.length === 0) throw new Error("it is no list of vectors");
  rows.forEach((row, index) => {
    if (!isVector(row)) throw new Error(`entry ${index} is no vector { name, insns, mem, result, error, callx }`);
  });
  return rows;
}

function runAll(vectors: readonly Vector[]): boolean {
  const counted = vectors.filter(({ callx }) => !callx);
  const passed: Record<Engine, number> = { jit: 0, interpreter: 0 };
  for (const vector of counted)
    for (const engine of ENGINES) {
      const problem = check(vector, engine);
      if (problem === undefined) passed[engine]++;
      else console.log(`FAIL ${engine.padEnd(11)} ${vector.name}: ${problem}`);
    }
  const refused = vectors.filter(({ callx }) => callx).map(checkRefused);
  console.log(ENGINES.map((engine) => `${engine} ${passed[engine]}/${counted.length}`).join(" "));
  return refused.every(Boolean) && ENGINES.every((engine) => passed[engine] === counted.length);
}

const [path] = process.argv.slice(2);
if (path === undefined) {
  console.error("usage: npm run conformance -- FILE.json");
  process.exit(1);
}
try {
  process.exit(runAll(readVectors(path)) ? 0 : 1);
} catch (error) {
  console.error(`${path}: ${error instanceof Error ? error.message : error}`);
  process.exit(1);
}

/**
 * Instruments a core for the deterministic machine: before every access to memory a call of `sim.step(address, size,
 * site)`, and then binaryen's Asyncify with that call as the only one that may unwind. Nothing else changes: without
 * the calls it is the module it was.
 *
 * A site is the place of one access in the code. Its number is the last argument of its call; `build/core.sim.json` says
 * for each one what it does and where it stands in the source.
 */
import binaryen from "binaryen";
import type { AccessKind } from "../../src/sim/core.ts";
import { decodeMappings, type Position } from "./source-map.ts";

export interface Site {
  readonly kind: AccessKind;
  readonly file: string;
  readonly line: number;
}

export interface Instrumented {
  readonly binary: Uint8Array;
  readonly sites: readonly Site[];
}

type Ref = binaryen.ExpressionRef;

/** One expression class of binaryen.js: getters and setters by the name of the operand. */
type Wrapper = Readonly<Record<string, (expression: Ref, value?: Ref) => Ref>>;

/** Parts of binaryen.js that its declarations leave out. */
interface Raw {
  readonly [name: string]: Wrapper;
}
const raw = binaryen as unknown as Raw;
const addVariable = (
  binaryen as unknown as { readonly _BinaryenFunctionAddVar: (owner: number, type: binaryen.Type) => number }
)._BinaryenFunctionAddVar;

/** Operands of each kind of expression; those ending in s are lists. */
const OPERANDS: Readonly<Record<string, readonly string[]>> = {
  Nop: [],
  Unreachable: [],
  Const: [],
  LocalGet: [],
  GlobalGet: [],
  MemorySize: [],
  AtomicFence: [],
  Block: ["Children"],
  If: ["Condition", "IfTrue", "IfFalse"],
  Loop: ["Body"],
  Break: ["Condition", "Value"],
  Switch: ["Condition", "Value"],
  Call: ["Operands"],
  LocalSet: ["Value"],
  GlobalSet: ["Value"],
  Load: ["Ptr"],
  Store: ["Ptr", "Value"],
  Unary: ["Value"],
  Binary: ["Left", "Right"],
  Select: ["Condition", "IfTrue", "IfFalse"],
  Drop: ["Value"],
  Return: ["Value"],
  MemoryGrow: ["Delta"],
  AtomicRMW: ["Ptr", "Value"],
  AtomicCmpxchg: ["Ptr", "Expected", "Replacement"],
  SIMDExtract: ["Vec"],
  SIMDReplace: ["Vec", "Value"],
  SIMDShuffle: ["Left", "Right"],
  SIMDShift: ["Vec", "Shift"],
  SIMDTernary: ["A", "B", "C"],
  MemoryCopy: ["Dest", "Source", "Size"],
  MemoryFill: ["Dest", "Value", "Size"],
};

const KIND_BY_ID = new Map(
  Object.keys(OPERANDS).map((name) => [(binaryen as unknown as Record<string, number>)[`${name}Id`], name]),
);

function kindOf(expression: Ref): string {
  const id = binaryen.getExpressionId(expression);
  const kind = KIND_BY_ID.get(id);
  if (kind === undefined) throw new Error(`instrument: no row for expression ${id}`);
  return kind;
}

function operand(kind: string, name: string, expression: Ref): Ref {
  return raw[kind]?.[`get${name}`]?.(expression) ?? 0;
}

function setOperand(kind: string, name: string, expression: Ref, value: Ref): void {
  raw[kind]?.[`set${name}`]?.(expression, value);
}

function operandsOf(kind: string, expression: Ref): Ref[] {
  if (kind === "Block") return (raw["Block"]?.["getChildren"]?.(expression) ?? []) as unknown as Ref[];
  if (kind === "Call") return (raw["Call"]?.["getOperands"]?.(expression) ?? []) as unknown as Ref[];
  return (OPERANDS[kind] ?? []).map((name) => operand(kind, name, expression)).filter((ref) => ref !== 0);
}

/** Every expression that accesses memory, operands first: in the order in which they happen. */
function accesses(expression: Ref, found: Ref[]): void {
  const kind = kindOf(expression);
  for (const child of operandsOf(kind, expression)) accesses(child, found);
  if (
    kind === "Load" ||
    kind === "Store" ||
    kind.startsWith("Atomic") ||
    kind === "MemoryCopy" ||
    kind === "MemoryFill"
  )
    if (kind !== "AtomicFence") found.push(expression);
}

/** Puts the calls of one function in place. */
class FunctionRewriter {
  readonly #module: binaryen.Module;
  readonly #owner: number;
  readonly #sites: AccessKind[];

  constructor(module: binaryen.Module, owner: number, sites: AccessKind[]) {
    this.#module = module;
    this.#owner = owner;
    this.#sites = sites;
  }

  /** Keeps an operand in a new local: evaluated where it was, read as often as wanted. */
  #keep(kind: string, name: string, expression: Ref): () => Ref {
    const value = operand(kind, name, expression);
    const type = binaryen.getExpressionType(value);
    const local = addVariable(this.#owner, type);
    setOperand(kind, name, expression, this.#module.local.tee(local, value, type));
    return () => this.#module.local.get(local, type);
  }

  #step(kind: AccessKind, address: Ref, offset: number, size: Ref): Ref {
    const { i32 } = this.#module;
    const site = this.#sites.push(kind) - 1;
    const at = offset === 0 ? address : i32.add(address, i32.const(offset));
    return this.#module.call("sim.step", [at, size, i32.const(site)], binaryen.none);
  }

  /** Lets `steps` happen after the last operand was evaluated, which is right before the access. */
  #before(kind: string, name: string, expression: Ref, steps: Ref[]): void {
    const last = this.#keep(kind, name, expression);
    const value = operand(kind, name, expression);
    const type = binaryen.getExpressionType(value);
    setOperand(kind, name, expression, this.#module.block(null, [this.#module.drop(value), ...steps, last()], type));
  }

  #single(kind: string, last: string, expression: Ref, access: AccessKind): void {
    const offset = raw[kind]?.["getOffset"]?.(expression) ?? 0;
    const size = raw[kind]?.["getBytes"]?.(expression) ?? 0;
    const address = this.#keep(kind, "Ptr", expression);
    this.#before(kind, last, expression, [this.#step(access, address(), offset, this.#module.i32.const(size))]);
  }

  rewrite(expression: Ref): void {
    const kind = kindOf(expression);
    const atomic = (raw[kind]?.["isAtomic"]?.(expression) ?? 0) as unknown as boolean;
    if (kind === "Load") this.#single(kind, "Ptr", expression, atomic ? "atomic load" : "load");
    else if (kind === "Store") this.#single(kind, "Value", expression, atomic ? "atomic store" : "store");
    else if (kind === "AtomicRMW") this.#single(kind, "Value", expression, "exchange");
    else if (kind === "AtomicCmpxchg") this.#single(kind, "Replacement", expression, "exchange");
    else if (kind === "MemoryFill") {
      const to = this.#keep(kind, "Dest", expression);
      const size = this.#keep(kind, "Size", expression);
      this.#before(kind, "Size", expression, [this.#step("fill", to(), 0, size())]);
    } else if (kind === "MemoryCopy") {
      const to = this.#keep(kind, "Dest", expression);
      const from = this.#keep(kind, "Source", expression);
      const size = this.#keep(kind, "Size", expression);
      const steps = [this.#step("copy from", from(), 0, size()), this.#step("copy to", to(), 0, size())];
      this.#before(kind, "Size", expression, steps);
    } else throw new Error(`instrument: no way to instrument ${kind}`);
  }
}

function addSteps(module: binaryen.Module): AccessKind[] {
  const sites: AccessKind[] = [];
  const { i32 } = binaryen;
  module.addFunctionImport("sim.step", "sim", "step", binaryen.createType([i32, i32, i32]), binaryen.none);
  for (let index = 0; index < module.getNumFunctions(); index++) {
    const owner = module.getFunctionByIndex(index);
    const { base, body } = binaryen.getFunctionInfo(owner);
    if (base !== "" && base !== null) continue;
    const found: Ref[] = [];
    accesses(body, found);
    const rewriter = new FunctionRewriter(module, owner, sites);
    for (const access of found) rewriter.rewrite(access);
  }
  return sites;
}

function signedLeb(value: number): number[] {
  const bytes: number[] = [];
  for (let rest = value; ; ) {
    const byte = rest & 0x7f;
    rest >>= 7;
    if ((rest === 0 && (byte & 0x40) === 0) || (rest === -1 && (byte & 0x40) !== 0)) return [...bytes, byte];
    bytes.push(byte | 0x80);
  }
}

/**
 * The place in the source of each site: its call is `i32.const SITE` and `call 0` (the only import), and the access
 * that follows, behind local.gets, has its place in the source map.
 */
function locate(module: binaryen.Module, count: number): Position[] {
  const { binary, sourceMap } = module.emitBinary("core.map") as unknown as { binary: Uint8Array; sourceMap: string };
  const positions = decodeMappings(sourceMap);
  const code = Buffer.from(binary);
  const found: Position[] = [];
  let from = 0;
  for (let site = 0; site < count; site++) {
    const at = code.indexOf(Buffer.from([0x41, ...signedLeb(site), 0x10, 0x00]), from);
    // Code that nothing reaches is not written.
    if (at < 0) {
      found.push({ file: "", line: 0 });
      continue;
    }
    from = at;
    // Behind the call come local.gets, each 0x20 and a number.
    let access = at + 3 + signedLeb(site).length;
    while (code[access] === 0x20) {
      access++;
      while ((code[access] ?? 0) >= 0x80) access++;
      access++;
    }
    found.push(positions(access));
  }
  return found;
}

/**
 * Instruments `module` in place. It is not to be used for anything else afterwards.
 * @param size `small` takes seconds and makes the result a third as large, which is not any faster
 */
export function instrument(module: binaryen.Module, size: "small" | "large"): Instrumented {
  const kinds = addSteps(module);
  if (!module.validate()) throw new Error("the instrumented core is not valid");
  const places = locate(module, kinds.length);
  const sites = kinds.map((kind, site) => ({ kind, ...(places[site] ?? { file: "", line: 0 }) }));
  binaryen.setPassArgument("asyncify-imports", "sim.step");
  binaryen.setPassArgument("asyncify-ignore-indirect", "");
  binaryen.setShrinkLevel(0);
  binaryen.setOptimizeLevel(size === "small" ? 1 : 0);
  if (size === "small") module.runPasses(["simplify-locals-nostructure", "coalesce-locals"]);
  module.runPasses(["asyncify"]);
  if (size === "small") module.optimize();
  if (!module.validate()) throw new Error("the asyncified core is not valid");
  return { binary: module.emitBinary(), sites };
}

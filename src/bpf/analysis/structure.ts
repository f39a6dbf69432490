/**
 * Structure of a linked program: the checks that need no knowledge of values. Anything that passes can be interpreted
 * and compiled without a further look at its shape (RFC 9669 for fields, Linux for frames and r10).
 */
import { AnyctxError } from "../../error.ts";
import { CALLBACK } from "../helpers/parameters/callback.ts";
import { helperById } from "../helpers/table.ts";
import { FRAME_BYTES } from "../host.ts";
import { disassembleAt } from "../isa/disassemble.ts";
import {
  type Effect,
  FRAME_POINTER,
  type Instruction,
  isWide,
  type Operation,
  operationOf,
  REGISTERS,
} from "../isa/instructions.ts";
import type { LinkedMap, Subprogram } from "../linked.ts";
import type { ProgramKind } from "../programs/program-type.ts";
import { programType } from "../programs/table.ts";
import { type Edge, edgeOf } from "./edges.ts";
import { findSubprograms, type PlacedFunction } from "./subprograms.ts";

interface Subject {
  readonly object: string;
  readonly program: string;
  /** Says which helpers it may call; undefined for a program of no type, which may call all. */
  readonly kind: ProgramKind | undefined;
  readonly instructions: readonly Instruction[];
  readonly maps: readonly LinkedMap[];
  /** The program, then the functions of the object that it calls. */
  readonly placed: readonly PlacedFunction[];
}

type Code = "BAD_OBJECT" | "UNSUPPORTED";

function refuse(subject: Subject, at: number, why: string, code: Code = "BAD_OBJECT"): never {
  const text = disassembleAt(subject.instructions, at);
  const what = `${subject.object}: program ${subject.program}, instruction ${at} (${text})`;
  throw new AnyctxError(code, `${what}: ${why}`);
}

const WRITES_DESTINATION: ReadonlySet<Effect["type"]> = new Set(["alu", "cast", "load", "constant"]);

/** The register an operation writes, or undefined. */
export function writtenRegister(effect: Effect, slot: Instruction): number | undefined {
  if (WRITES_DESTINATION.has(effect.type)) return slot.dst;
  if (effect.type === "atomic" && effect.fetch) return effect.atomic === "cmpxchg" ? 0 : slot.src;
  return effect.type === "call" ? 0 : undefined;
}

type Holds = Extract<Effect, { readonly type: "constant" }>["holds"];

function isMapAddress(subject: Subject, address: number, holds: Holds): boolean {
  return subject.maps.some((map) =>
    holds === "map"
      ? map.address === address
      : map.firstValue !== 0 && address >= map.firstValue && address <= map.firstValue + map.valueSize,
  );
}

/** Whether it calls a helper that calls one of the program's functions. */
export function takesCallback(slot: Instruction): boolean {
  const effect = operationOf(slot)?.effect;
  if (effect?.type !== "call" || effect.target !== "helper") return false;
  return helperById(slot.imm)?.parameters.includes(CALLBACK) === true;
}

/** A function's address is of use to a helper that calls it, and to nothing else. */
function checkCallback(subject: Subject, at: number, slot: Instruction, tail: Instruction): void {
  if (tail.imm !== 0) refuse(subject, at, "the second half of a function's address is not zero");
  if (subject.instructions.some(takesCallback)) return;
  const target = at + 1 + slot.imm;
  const name = subject.placed.find(({ start }) => start === target)?.name ?? `slot ${target}`;
  const why = `the address of function ${name} (a callback) is not supported: no helper that is called here takes one`;
  refuse(subject, at, why, "UNSUPPORTED");
}

function checkWide(subject: Subject, at: number, slot: Instruction, holds: Holds): void {
  const tail = subject.instructions[at + 1];
  if (tail === undefined || tail.code !== 0 || tail.dst !== 0 || tail.src !== 0 || tail.offset !== 0)
    refuse(subject, at, "the second half of this 64-bit load is missing");
  if (holds === "number") return;
  if (holds === "function") checkCallback(subject, at, slot, tail);
  else if (tail.imm !== 0 || !isMapAddress(subject, slot.imm >>> 0, holds))
    refuse(subject, at, "there is no map at this address");
}

/** Memory operations by effect: the register that holds the address. */
const ADDRESS_REGISTER: Readonly<Partial<Record<Effect["type"], "dst" | "src">>> = {
  load: "src",
  store: "dst",
  atomic: "dst",
};

/** An access relative to r10 itself stays in the function's own frame: what lies above is the caller's. */
function checkFrame(subject: Subject, at: number, slot: Instruction, effect: Effect): void {
  const register = ADDRESS_REGISTER[effect.type];
  if (register === undefined || slot[register] !== FRAME_POINTER || !("bytes" in effect)) return;
  if (slot.offset >= -FRAME_BYTES && slot.offset + effect.bytes <= 0) return;
  refuse(subject, at, `a frame is ${FRAME_BYTES} bytes below r10; this access lies outside`);
}

function checkHelper(subject: Subject, at: number, slot: Instruction): void {
  const unknown = (): never => refuse(subject, at, `helper ${slot.imm} is unknown here`, "UNSUPPORTED");
  const helper = helperById(slot.imm) ?? unknown();
  const { kind } = subject;
  const caller = kind === undefined ? undefined : programType(kind).caller(kind.target);
  if (caller !== undefined && helper.callers?.includes(caller) === false)
    refuse(subject, at, `helper ${helper.name} is not for programs of type ${caller}`, "UNSUPPORTED");
}

function checkSlot(subject: Subject, at: number, slot: Instruction): Operation {
  const operation = operationOf(slot);
  if (operation === undefined)
    return refuse(subject, at, "this is no instruction of RFC 9669, or a reserved field is not zero");
  const { effect } = operation;
  if (slot.dst >= REGISTERS || slot.src >= REGISTERS) refuse(subject, at, "registers go from r0 to r10");
  if (effect.type === "refused") refuse(subject, at, effect.reason, "UNSUPPORTED");
  if (writtenRegister(effect, slot) === FRAME_POINTER) refuse(subject, at, "r10, the frame pointer, is read-only");
  checkFrame(subject, at, slot, effect);
  if (effect.type === "constant") checkWide(subject, at, slot, effect.holds);
  if (effect.type === "call" && effect.target === "helper") checkHelper(subject, at, slot);
  return operation;
}

/** Operations by slot; undefined for second halves of wide loads. */
function checkSlots(subject: Subject): (Operation | undefined)[] {
  const operations: (Operation | undefined)[] = [];
  for (let at = 0; at < subject.instructions.length; at++) {
    const slot = subject.instructions[at];
    if (slot === undefined) continue;
    operations[at] = checkSlot(subject, at, slot);
    if (isWide(slot)) operations[++at] = undefined;
  }
  return operations;
}

function edgesOf(subject: Subject, operations: readonly (Operation | undefined)[]): Edge[] {
  return operations.flatMap((operation, at) => {
    const slot = subject.instructions[at];
    const edge = operation === undefined || slot === undefined ? undefined : edgeOf(operation.effect, slot, at);
    if (edge === undefined) return [];
    if (operations[edge.target] === undefined)
      refuse(subject, at, `it goes to slot ${edge.target}, where no instruction starts`);
    return [edge];
  });
}

/** @throws {AnyctxError} BAD_OBJECT or UNSUPPORTED with program, instruction and reason */
export function validate(subject: Subject): { subprograms: Subprogram[]; helpers: number[] } {
  if (subject.instructions.length === 0)
    throw new AnyctxError("BAD_OBJECT", `${subject.object}: program ${subject.program} has no instructions`);
  const operations = checkSlots(subject);
  const edges = edgesOf(subject, operations);
  const subprograms = findSubprograms(operations, subject.placed, edges, (at, why) => refuse(subject, at, why));
  const helpers = new Set<number>();
  subject.instructions.forEach((slot, at) => {
    const effect = operations[at]?.effect;
    if (effect?.type === "call" && effect.target === "helper") helpers.add(slot.imm);
  });
  return { subprograms, helpers: [...helpers] };
}

/**
 * Structure of a linked program: the checks that need no knowledge of values. Anything that passes can be interpreted
 * and compiled without a further look at its shape (RFC 9669 for fields, Linux for frames and r10).
 */
import { AnyctxError } from "../../error.ts";
import { helperById } from "../helpers/table.ts";
import { FRAME_BYTES, MAX_FRAMES } from "../host.ts";
import { disassembleAt } from "../isa/disassemble.ts";
import {
  type Effect,
  FRAME_POINTER,
  type Instruction,
  isWide,
  type Operation,
  operationOf,
  PSEUDO,
  REGISTERS,
} from "../isa/instructions.ts";
import type { LinkedMap, Placed, Subprogram } from "../link.ts";

interface Subject {
  readonly object: string;
  readonly program: string;
  readonly instructions: readonly Instruction[];
  readonly maps: readonly LinkedMap[];
  readonly placed: readonly Placed[];
}

type Code = "BAD_OBJECT" | "UNSUPPORTED";

function refuse(subject: Subject, at: number, why: string, code: Code = "BAD_OBJECT"): never {
  const text = disassembleAt(subject.instructions, at);
  const what = `${subject.object}: program ${subject.program}, instruction ${at} (${text})`;
  throw new AnyctxError(code, `${what}: ${why}`);
}

/** The register an operation writes, or undefined. */
export function writtenRegister(effect: Effect, slot: Instruction): number | undefined {
  if (effect.type === "alu" || effect.type === "load" || effect.type === "constant") return slot.dst;
  if (effect.type === "atomic" && effect.fetch) return effect.atomic === "cmpxchg" ? 0 : slot.src;
  return effect.type === "call" ? 0 : undefined;
}

/** Where a jump or local call goes, or undefined for other operations. */
export function jumpTarget(effect: Effect, slot: Instruction, at: number): number | undefined {
  if (effect.type === "branch" || (effect.type === "goto" && effect.distance === "offset")) return at + 1 + slot.offset;
  if (effect.type === "goto" || (effect.type === "call" && effect.target === "local")) return at + 1 + slot.imm;
  return undefined;
}

function checkWide(subject: Subject, at: number, slot: Instruction): void {
  const tail = subject.instructions[at + 1];
  if (tail === undefined || tail.code !== 0 || tail.dst !== 0 || tail.src !== 0 || tail.offset !== 0)
    refuse(subject, at, "the second half of this 64-bit load is missing");
  if (slot.src === 0) return;
  const address = slot.imm >>> 0;
  const known = subject.maps.some((map) =>
    slot.src === PSEUDO.mapAddress
      ? map.address === address
      : map.firstValue !== 0 && address >= map.firstValue && address <= map.firstValue + map.valueSize,
  );
  if (!known || tail?.imm !== 0) refuse(subject, at, "there is no map at this address");
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
  if (helperById(slot.imm) === undefined) refuse(subject, at, `helper ${slot.imm} is unknown here`, "UNSUPPORTED");
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
  if (effect.type === "constant") checkWide(subject, at, slot);
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

interface Edge {
  readonly at: number;
  readonly target: number;
  readonly call: boolean;
}

function edgesOf(subject: Subject, operations: readonly (Operation | undefined)[]): Edge[] {
  return operations.flatMap((operation, at) => {
    const slot = subject.instructions[at];
    const target = operation === undefined || slot === undefined ? undefined : jumpTarget(operation.effect, slot, at);
    if (target === undefined || operation === undefined) return [];
    if (operations[target] === undefined) refuse(subject, at, `it goes to slot ${target}, where no instruction starts`);
    return [{ at, target, call: operation.effect.type === "call" }];
  });
}

/** Subprograms start at slot 0, at each function of the object and wherever a call goes. */
function cut(subject: Subject, edges: readonly Edge[]): Subprogram[] {
  const starts = new Set([0, ...subject.placed.map(({ start }) => start)]);
  for (const { target, call } of edges) if (call) starts.add(target);
  const sorted = [...starts].sort((a, b) => a - b);
  const names = new Map(subject.placed.map(({ spec, start }) => [start, spec.name]));
  return sorted.map((start, index) => ({
    name: names.get(start) ?? `${subject.program}+${start}`,
    start,
    end: sorted[index + 1] ?? subject.instructions.length,
  }));
}

function checkEnds(
  subject: Subject,
  operations: readonly (Operation | undefined)[],
  parts: readonly Subprogram[],
): void {
  for (const { name, end } of parts) {
    const at = operations[end - 1] === undefined ? end - 2 : end - 1;
    const last = operations[at]?.effect.type;
    if (last !== "exit" && last !== "goto") refuse(subject, Math.max(at, 0), `function ${name} runs off its end`);
  }
}

/** Which subprogram holds each slot. */
function ownerBySlot(parts: readonly Subprogram[]): number[] {
  return parts.flatMap(({ start, end }, index) => new Array<number>(end - start).fill(index));
}

/** Jumps stay inside, chains of calls are short and never come back. */
function checkEdges(subject: Subject, edges: readonly Edge[], parts: readonly Subprogram[]): void {
  const owner = ownerBySlot(parts);
  const calls: Edge[][] = parts.map(() => []);
  for (const edge of edges) {
    const from = owner[edge.at] ?? 0;
    if (edge.call) calls[from]?.push(edge);
    else if (owner[edge.target] !== from) refuse(subject, edge.at, "it jumps into another function");
  }
  const depths = new Map<number, number | "open">();
  const frames = (part: number, level: number, from: number): number => {
    const known = depths.get(part);
    if (known === "open") return refuse(subject, from, "functions may not call each other in a circle");
    if (known !== undefined) return known;
    if (level > MAX_FRAMES) return refuse(subject, from, `calls are more than ${MAX_FRAMES} frames deep`);
    depths.set(part, "open");
    const below = (calls[part] ?? []).map((edge) => frames(owner[edge.target] ?? 0, level + 1, edge.at));
    const depth = 1 + below.reduce((most, one) => Math.max(most, one), 0);
    depths.set(part, depth);
    return depth;
  };
  if (frames(0, 1, 0) > MAX_FRAMES) refuse(subject, 0, `its calls are more than ${MAX_FRAMES} frames deep`);
}

/** @throws {AnyctxError} BAD_OBJECT or UNSUPPORTED with program, instruction and reason */
export function validate(subject: Subject): { subprograms: Subprogram[]; helpers: number[] } {
  if (subject.instructions.length === 0)
    throw new AnyctxError("BAD_OBJECT", `${subject.object}: program ${subject.program} has no instructions`);
  const operations = checkSlots(subject);
  const edges = edgesOf(subject, operations);
  const subprograms = cut(subject, edges);
  checkEnds(subject, operations, subprograms);
  checkEdges(subject, edges, subprograms);
  const helpers = new Set<number>();
  subject.instructions.forEach((slot, at) => {
    const effect = operations[at]?.effect;
    if (effect?.type === "call" && effect.target === "helper") helpers.add(slot.imm);
  });
  return { subprograms, helpers: [...helpers] };
}

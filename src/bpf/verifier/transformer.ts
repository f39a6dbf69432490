/** What an instruction makes of a state, whatever the values are that its registers may have. The checker has seen it before. */
import { SOCKET_SHAPES } from "../helpers/rules.ts";
import { type Effect, wideImmediate } from "../isa/instructions.ts";
import { ARENA_POINTER } from "../linked.ts";
import { Basis } from "./basis.ts";
import { aluName, isMove } from "./checker.ts";
import {
  ANY_NUMBER,
  isArena,
  isPacket,
  type NumberRegister,
  number,
  type PointerRegister,
  pointer,
  type Register,
  rely,
  zero,
} from "./registers.ts";
import { coversWord, loadAt, smear, storeAt, wordAt } from "./stack.ts";
import { overwrite } from "./stack-objects.ts";
import type { State } from "./state.ts";
import type { Step, Subject } from "./subject.ts";
import { bytesLoaded, constant, constantOf, SCALAR_OPERATIONS, type Scalar, UNKNOWN, WIDTHS } from "./values/scalar.ts";

type Of<Type extends Effect["type"]> = Extract<Effect, { readonly type: Type }>;

/** The scalar of an operand; a pointer that is taken for a number may be any. */
function scalarOperand(register: Register): Scalar {
  return register.type === "number" ? register.scalar : UNKNOWN;
}

function operandOf(state: State, { slot }: Step, operand: Of<"alu">["operand"]): Register {
  if (operand === "src") return state.register(slot.src);
  return operand === "imm" ? number(constant(slot.imm)) : zero();
}

const ADD = operationNamed("add");
const SUBTRACT = operationNamed("sub");

function operationNamed(wanted: string) {
  for (const [effect, operation] of SCALAR_OPERATIONS) if (aluName(effect) === wanted) return operation;
  throw new RangeError(`there is no operation ${wanted}`);
}

/** How far a packet pointer is moved by constants. */
const FARTHEST = 1n << 29n;

/** A pointer moved by a number. */
function moved(subject: Subject, from: PointerRegister, by: Scalar, name: string): PointerRegister {
  const operation = name === "sub" ? SUBTRACT : ADD;
  const exact = constantOf(by);
  if (!isPacket(from.target)) return { ...from, offset: operation(WIDTHS, from.offset, by, false) };
  if (exact !== undefined) {
    const fixed = BigInt(from.fixed) + (name === "sub" ? -1n : 1n) * BigInt.asIntN(64, exact);
    if (fixed > -FARTHEST && fixed < FARTHEST) return { ...from, fixed: Number(fixed) };
  }
  return { ...from, offset: operation(WIDTHS, from.offset, by, false), range: 0, id: subject.nextId++ };
}

/** A number that is copied is one number in two places. */
function linked(subject: Subject, state: State, index: number, register: NumberRegister): NumberRegister {
  if (register.id !== 0 || constantOf(register.scalar) !== undefined) return register;
  const named = { ...register, id: subject.nextId++ };
  state.set(index, named);
  return named;
}

/** What relies on the copy relies on the number, and not the other way round: the copy of a loop's counter is no counter. */
function copyOf(register: NumberRegister): NumberRegister {
  return { ...register, basis: new Basis(register.basis) };
}

function move(subject: Subject, step: Step, state: State, effect: Of<"alu">): Register {
  const { slot } = step;
  const source = operandOf(state, step, effect.operand);
  const isPlain = aluName(effect.alu) === "mov";
  if (isPlain && effect.width === 64)
    return source.type === "number" && effect.operand === "src"
      ? copyOf(linked(subject, state, slot.src, source))
      : source;
  if (source.type !== "number") return number(effect.width === 32 ? bytesLoaded(4) : UNKNOWN);
  // The lower half of what has no upper half is the same number.
  if (isPlain && effect.operand === "src" && source.scalar.wide.umax <= 0xffffffffn)
    return { ...copyOf(linked(subject, state, slot.src, source)), kernel: false };
  const operation = SCALAR_OPERATIONS.get(effect.alu);
  const scalar = operation?.(WIDTHS, UNKNOWN, source.scalar, effect.width === 32) ?? UNKNOWN;
  return number(scalar, false, new Basis(source.basis));
}

/** Whatever is done with a pointer into an arena map, or added to one: 32 bits of what comes out are a pointer into it. */
function arenaMoved({ arenaPointers }: Subject, { at }: Step, pointer: PointerRegister): Register {
  arenaPointers.set(at, ARENA_POINTER);
  return pointer;
}

function alu(subject: Subject, step: Step, state: State, effect: Of<"alu">): Register {
  const { slot } = step;
  const name = aluName(effect.alu);
  if (isMove(name)) return move(subject, step, state, effect);
  const left = state.register(slot.dst);
  const right = operandOf(state, step, effect.operand);
  if (isArena(left) && effect.operand !== "none") return arenaMoved(subject, step, left);
  if (isArena(right) && left.type === "number" && name === "add" && effect.width === 64)
    return arenaMoved(subject, step, right);
  if (left.type === "pointer" && (right.type === "pointer" || effect.operand === "none")) return ANY_NUMBER;
  // Half of an address is a number.
  if (effect.width === 32 && (left.type === "pointer" || right.type === "pointer")) return number(bytesLoaded(4));
  if (left.type === "pointer" || right.type === "pointer") {
    rely(left);
    rely(right);
  }
  if (left.type === "pointer") return moved(subject, left, scalarOperand(right), name);
  if (right.type === "pointer") return moved(subject, right, scalarOperand(left), name);
  if (left.type !== "number" || right.type !== "number") return ANY_NUMBER;
  const [a, b] = [left.scalar, right.scalar];
  const scalar = SCALAR_OPERATIONS.get(effect.alu)?.(WIDTHS, a, b, effect.width === 32) ?? UNKNOWN;
  // A member of an object of the kernel's is where the object is, some bytes further.
  const stays = (name === "add" || name === "sub") && effect.width === 64 && constantOf(b) !== undefined;
  if (left.kernel) rely(right);
  const basis = new Basis(left.basis, effect.operand === "src" ? right.basis : undefined);
  const result = number(scalar, stays && left.kernel, basis);
  // What is found out of a number holds for the one that is a constant away from it.
  const isAway = stays && effect.operand === "imm" && left.id !== 0 && constantOf(scalar) === undefined;
  const by = BigInt(slot.imm) * (name === "sub" ? -1n : 1n);
  return isAway ? { ...result, id: left.id, plus: BigInt.asIntN(64, left.plus + by) } : result;
}

/** What a field of the context leads to, if that is an address. */
function addressIn(subject: Subject, at: number, field: number, bytes: number): PointerRegister | undefined {
  const found = subject.addresses.find((each) => each.offset === field && each.bytes === bytes);
  if (found?.leads !== "socket") return found && pointer({ type: found.leads }, at);
  const socket = { type: "kernel", what: "socket", reference: 0, shape: SOCKET_SHAPES.common } as const;
  return pointer(socket, at, { maybeNull: true, id: subject.nextId++ });
}

function loaded(subject: Subject, step: Step, state: State, { bytes, signed }: Of<"load">): Register {
  const { slot, at } = step;
  const base = state.register(slot.src);
  const ofKernel = base.type === "number" ? base.kernel : base.type === "pointer" && base.target.type === "kernel";
  const follows = (ofKernel || subject.type?.followsPointers === true) && bytes === 8;
  if (base.type !== "pointer" || base.target.type === "kernel") return number(bytesLoaded(bytes, signed), follows);
  const { target, offset } = base;
  const exact = constantOf(offset);
  if (target.type === "context") {
    const field = exact === undefined ? -1 : Number(BigInt.asIntN(64, exact)) + slot.offset;
    const found = addressIn(subject, at, field, bytes);
    return found ?? number(bytesLoaded(bytes, signed), follows);
  }
  const kept = exact === undefined ? undefined : keptIn(subject, at, target, Number(exact) + slot.offset, bytes);
  if (kept !== undefined) return kept;
  if (target.type === "value" && exact !== undefined && target.map.contents !== undefined)
    return number(constantAt(target.map.contents, Number(exact) + slot.offset, bytes, signed));
  if (target.type !== "stack" || exact === undefined) return number(bytesLoaded(bytes, signed));
  const stack = state.frames[target.frame]?.stack ?? [];
  const found = loadAt(stack, Number(BigInt.asIntN(64, exact)) + slot.offset, bytes) ?? number(bytesLoaded(bytes));
  return signed ? signExtended(found, bytes) : found;
}

/**
 * A thing of the kernel's, or an object for each CPU, that a value or an object keeps: it may be looked at, as none goes away in the middle
 * of a run.
 */
function keptIn(
  subject: Subject,
  at: number,
  target: PointerRegister["target"],
  offset: number,
  bytes: number,
): PointerRegister | undefined {
  const fields = target.type === "value" ? target.map.fields : target.type === "object" ? target.object.fields : [];
  const holds = fields.find((field) => field.offset === offset && field.bytes === bytes)?.holds;
  const maybe = { maybeNull: true, id: subject.nextId++ };
  if (holds?.thing !== undefined) return pointer({ type: "kernel", what: holds.thing, reference: 0 }, at, maybe);
  const object = holds?.copies === true ? subject.program.types.get(holds.type) : undefined;
  return object && pointer({ type: "copies", object, reference: 0 }, at, maybe);
}

/** What lies in a section of constants, which nobody changes while the program is loaded. */
function constantAt(contents: Uint8Array, at: number, bytes: number, signed: boolean): Scalar {
  let value = 0n;
  for (let index = bytes - 1; index >= 0; index--) value = (value << 8n) | BigInt(contents[at + index] ?? 0);
  return constant(signed ? BigInt.asIntN(bytes * 8, value) : value);
}

function signExtended(register: Register, bytes: number): Register {
  const { wide } = scalarOperand(register);
  const isSmall = wide.umax < 1n << BigInt(bytes * 8 - 1);
  return register.type === "number" && isSmall ? register : number(bytesLoaded(bytes, true));
}

/** Stores a register, or anything, through a pointer; only the stack is remembered. */
function stored(step: Step, state: State, base: Register, bytes: number, register: Register): void {
  if (base.type !== "pointer" || base.target.type !== "stack") return;
  const { frame } = base.target;
  const by = step.slot.offset;
  const { stack } = state.ownFrame(frame);
  const exact = constantOf(base.offset);
  if (exact === undefined) {
    const { smin, smax } = base.offset.wide;
    const from = Number(smin) + by;
    const all = Number(smax) + by + bytes - from;
    overwrite(state, step.at, frame, from, all);
    smear(stack, from, all, false);
    return;
  }
  const offset = Number(BigInt.asIntN(64, exact)) + by;
  overwrite(state, step.at, frame, offset, bytes);
  storeAt(stack, offset, bytes, register);
  if (coversWord(offset, bytes)) state.markWritten(frame, wordAt(offset));
}

function store(subject: Subject, step: Step, state: State, { bytes, operand }: Of<"store">): void {
  const { slot } = step;
  const held = operand === "src" ? state.register(slot.src) : number(constant(slot.imm));
  // What comes back from the stack is the same number.
  const value = operand === "src" && held.type === "number" ? linked(subject, state, slot.src, held) : held;
  stored(step, state, state.register(slot.dst), bytes, value);
}

function atomic(step: Step, state: State, { bytes, fetch, atomic: name }: Of<"atomic">): void {
  const { slot } = step;
  const base = state.register(slot.dst);
  stored(step, state, base, bytes, number(bytesLoaded(bytes)));
  if (fetch) state.set(name === "cmpxchg" ? 0 : slot.src, number(bytesLoaded(bytes)));
}

function constantLoad(subject: Subject, { slot, at }: Step, { holds }: Of<"constant">): Register {
  const { maps, instructions } = subject.program;
  const address = slot.imm >>> 0;
  if (holds === "function") return pointer({ type: "function", start: at + 1 + slot.imm }, at);
  if (holds === "map") {
    const map = maps.find((each) => each.address === address);
    return map === undefined ? ANY_NUMBER : pointer({ type: "map", map }, at);
  }
  const map =
    holds === "value"
      ? maps.find((each) => each.direct && address >= each.firstValue && address <= each.firstValue + each.valueSize)
      : undefined;
  if (map !== undefined) {
    const offset = constant(address - map.firstValue);
    return pointer({ type: "value", map, instance: 0 }, at, { offset });
  }
  const tail = instructions[at + 1];
  return number(tail === undefined ? UNKNOWN : constant(wideImmediate(slot, tail)));
}

/** As behind a call: r1 to r5 hold nothing. */
function packetLoaded({ at }: Step, state: State, { bytes }: Of<"packet">): void {
  for (let index = 1; index <= 5; index++) state.set(index, { type: "nothing", lostAt: at });
  state.set(0, number(bytesLoaded(bytes)));
}

/** Changes the state from before an instruction to after it; branches, calls and exits lead elsewhere and are not here. */
export function transform(subject: Subject, step: Step, state: State): void {
  const { effect } = step.operation;
  if (effect.type === "alu") state.set(step.slot.dst, alu(subject, step, state, effect));
  else if (effect.type === "cast")
    state.set(step.slot.dst, effect.to === "memory" ? pointer({ type: "arena" }, step.at) : ANY_NUMBER);
  else if (effect.type === "packet") packetLoaded(step, state, effect);
  else if (effect.type === "load") state.set(step.slot.dst, loaded(subject, step, state, effect));
  else if (effect.type === "store") store(subject, step, state, effect);
  else if (effect.type === "atomic") atomic(step, state, effect);
  else if (effect.type === "constant") state.set(step.slot.dst, constantLoad(subject, step, effect));
}

/** What has to hold before an instruction: everything that it does with any of the values that its registers may have is allowed. */

import type { Effect, Instruction } from "../isa/instructions.ts";
import { ALU_OPERATIONS, type AluEffect } from "../isa/semantics.ts";
import { checkAccess, neverWritten } from "./access.ts";
import { REFERENCES } from "./references.ts";
import { Refusal } from "./refusal.ts";
import {
  describe,
  describeScalar,
  isArena,
  NOTHING,
  type PointerRegister,
  type Register,
  rely,
  WITHOUT_MEMORY,
} from "./registers.ts";
import type { CallbackFrame, Reference, State } from "./state.ts";
import { nameOf, type Step, type Subject, sourceAt } from "./subject.ts";
import { constantOf } from "./values/scalar.ts";

type Of<Type extends Effect["type"]> = Extract<Effect, { readonly type: Type }>;

const ALU_NAMES: ReadonlyMap<AluEffect, string> = new Map(ALU_OPERATIONS.map((row) => [row, row.name]));

/** The operation's name in `semantics.ts`; a swap has none. */
export function aluName(alu: AluEffect): string {
  return ALU_NAMES.get(alu) ?? "swap";
}

/** Moves to another register as it is. */
export function isMove(name: string): boolean {
  return name.startsWith("mov");
}

function mustHold(at: number, index: number, register: Register): void {
  if (register.type === "nothing") throw neverWritten(at, index, register);
}

function arithmetic(subject: Subject, at: number, index: number, register: PointerRegister, why: string): Refusal {
  const name = nameOf(subject, index, register);
  const message = `it calculates with ${name}, a pointer to ${describe(register)}, ${why}`;
  const suggestion = register.maybeNull
    ? "Compare the pointer with NULL before anything is added to it."
    : "Only numbers can be added to a pointer or subtracted from it, in 64 bits.";
  const because = register.origin < 0 ? [] : [{ at: register.origin, what: "the pointer comes from here" }];
  return new Refusal("arithmetic", at, message, suggestion, because);
}

/** What is inside of a thing of the kernel's has an address too, where the thing may be looked into as a whole. */
function isFixed({ target }: PointerRegister): boolean {
  const isOpen = target.type === "kernel" && target.shape === undefined && target.what !== "socket";
  return WITHOUT_MEMORY.has(target.type) && !isOpen;
}

/** A pointer is moved by a number, or subtracted from a pointer: nothing else. */
function checkPointerArithmetic(subject: Subject, step: Step, state: State, effect: Of<"alu">): void {
  const { at, slot } = step;
  const name = aluName(effect.alu);
  const destination = state.register(slot.dst);
  // A pointer into an arena map is as good as a number.
  if (destination.type === "pointer" && destination.target.type === "arena") return;
  const source = effect.operand === "src" ? state.register(slot.src) : undefined;
  const isLeft = destination.type === "pointer";
  const [index, register] = isLeft ? [slot.dst, destination] : [slot.src, source];
  if (register?.type !== "pointer") return;
  const refuse = (why: string): never => {
    throw arithmetic(subject, at, index, register, why);
  };
  if (isLeft && source?.type === "pointer") {
    if (name !== "sub") refuse("together with another pointer");
    return;
  }
  if (effect.width === 32 && name !== "sub") refuse("in 32 bits, which no address survives");
  if (effect.width === 32) return;
  if (name !== "add" && (name !== "sub" || !isLeft)) refuse(`by an operation (${name}) that leaves no pointer`);
  if (register.maybeNull) refuse("and it may be NULL");
  if (isFixed(register)) refuse("which cannot be moved");
  if (name === "sub" && register.target.type === "stack")
    refuse("from which nothing may be subtracted: add what is below 0");
  const by = isLeft ? source : destination;
  const moves = effect.operand === "imm" ? BigInt(slot.imm) : by?.type === "number" ? by.scalar.wide.smin : 0n;
  if (subject.far !== undefined || (moves > -FARTHEST && moves < FARTHEST)) return;
  if (by !== undefined) rely(by);
  // What is then accessed through it is worse, and has an input with which it faults.
  const why = `which may be moved by ${moves} bytes: further than anything reaches`;
  subject.far = { refusal: arithmetic(subject, at, index, register, why), state: state.copy() };
}

/** How far Linux lets a pointer be moved at a time (BPF_MAX_VAR_OFF). */
const FARTHEST = 1n << 29n;

/** What an instruction set defines, and no author means. */
function checkConstant({ at, slot }: Step, name: string, { width }: Of<"alu">): void {
  const divides = name.endsWith("div") || name.endsWith("mod");
  const shifts = name.endsWith("sh");
  if (divides && slot.imm === 0) {
    const message = "it divides by a constant 0";
    throw new Refusal("arithmetic", at, message, "Divide by something else.");
  }
  if (!shifts || (slot.imm >= 0 && slot.imm < width)) return;
  const message = `it shifts a number of ${width} bits by ${slot.imm}`;
  throw new Refusal("arithmetic", at, message, `Shift by 0 to ${width - 1} bits.`);
}

function checkAlu(subject: Subject, step: Step, state: State, effect: Of<"alu">): void {
  const { at, slot } = step;
  const name = aluName(effect.alu);
  const moves = isMove(name);
  if (!moves) mustHold(at, slot.dst, state.register(slot.dst));
  if (effect.operand === "src") mustHold(at, slot.src, state.register(slot.src));
  if (effect.operand === "imm") checkConstant(step, name, effect);
  // Of a pointer that is negated or turned around a number is left.
  if (!moves && effect.operand !== "none") checkPointerArithmetic(subject, step, state, effect);
}

function checkLoad(subject: Subject, { at, slot }: Step, state: State, effect: Of<"load">): void {
  const { bytes, signed, ordered = false } = effect;
  checkAccess(subject, state, { at, register: slot.src, offset: slot.offset, bytes, does: "read", signed, ordered });
}

function checkStore(subject: Subject, { at, slot }: Step, state: State, effect: Of<"store">): void {
  const { bytes, operand, ordered = false } = effect;
  const stored = operand === "src" ? state.register(slot.src) : undefined;
  if (stored !== undefined) mustHold(at, slot.src, stored);
  checkAccess(subject, state, { at, register: slot.dst, offset: slot.offset, bytes, does: "write", ordered });
  const base = state.register(slot.dst);
  if (stored === undefined || base.type !== "pointer" || base.target.type !== "stack") return;
  if (base.target.frame < state.depth) checkEscape(at, stored, base.target.frame);
}

/** Where a pointer to a function's stack may not go: to where it is when the function has ended. */
function checkEscape(at: number, register: Register, frame: number): void {
  if (register.type !== "pointer" || register.target.type !== "stack" || register.target.frame <= frame) return;
  const message = "it keeps a pointer to its own stack where the function's caller finds it";
  throw new Refusal("frame", at, message, "Let the caller have the variable, and pass its address.");
}

/** What x86-64 has no instruction for that gives the word as it was: Linux makes loops of them, and none where an access may fault. */
const LOOPED: ReadonlySet<string> = new Set(["or", "and", "xor"]);

function checkAtomic(subject: Subject, { at, slot }: Step, state: State, effect: Of<"atomic">): void {
  const { bytes, atomic, fetch } = effect;
  mustHold(at, slot.src, state.register(slot.src));
  if (atomic === "cmpxchg") mustHold(at, 0, state.register(0));
  if (fetch && LOOPED.has(atomic) && isArena(state.register(slot.dst))) {
    const message = `it changes a word of the arena map by ${atomic} and asks what was there, which Linux does not do on x86-64`;
    throw new Refusal("type", at, message, "Do without what was there, or use a compare-and-exchange.");
  }
  checkAccess(subject, state, { at, register: slot.dst, offset: slot.offset, bytes, does: "atomic" });
}

/** The end of a function that the program or a helper has called, or of the program. */
function checkExit(subject: Subject, { at }: Step, state: State): void {
  const result = state.register(0);
  const { depth, frame, references } = state;
  const { callback } = frame;
  if (callback !== undefined) checkCallbackExit(subject, at, state, callback);
  if (depth > 0) {
    checkEscape(at, result, depth - 1);
    return;
  }
  const [reference] = references;
  if (reference !== undefined) throw notReleased(subject, at, reference, "it ends");
  if (frame.global !== undefined) checkGlobalResult(at, result, frame.global);
  else if (callback === undefined) checkFinalResult(subject, at, result);
}

/** Whoever calls a global function knows of its result that it is a number, if there is one. */
function checkGlobalResult(at: number, result: Register, name: string): void {
  if (result.type !== "pointer") return;
  const message = `${name}(), a global function, returns ${describe(result)}, where a number is all that callers may be given`;
  throw new Refusal("result", at, message, "Return a number, or make the function static.");
}

/** What the program ends with. */
export function checkFinalResult(subject: Subject, at: number, result: Register): void {
  if (subject.program.subprograms[0]?.isVoid === true) return;
  mustHold(at, 0, result);
  const { kind } = subject.program;
  const between = "reason" in kind ? undefined : subject.type?.result.between?.(kind.target);
  if (between !== undefined) checkResult(subject, at, result, between, `a program of type ${subject.type?.name}`);
}

/** A function that a helper calls gives back what it has taken, as it may be called again, or not at all. */
function checkCallbackExit(subject: Subject, at: number, { references, frame }: State, callback: CallbackFrame): void {
  const { rules, helper } = callback;
  const left = references[callback.references];
  if (left !== undefined) throw notReleased(subject, at, left, "a function that a helper calls ends");
  const result = frame.registers[0] ?? NOTHING;
  mustHold(at, 0, result);
  if (rules.result === undefined) rely(result);
  else checkResult(subject, at, result, rules.result, `a function that bpf_${helper.name}() calls`);
}

function notReleased(subject: Subject, at: number, reference: Reference, does: string): Refusal {
  const { noun, left, begun, suggestion } = REFERENCES[reference.kind];
  const source = sourceAt(subject.program, reference.at);
  const where = source === undefined ? `instruction ${reference.at}` : `line ${source.line}`;
  const message = `${does} with ${noun}, from ${where}, that is ${left}`;
  return new Refusal("reference", at, message, suggestion, [{ at: reference.at, what: begun }]);
}

function checkResult(
  subject: Subject,
  at: number,
  result: Register,
  [least, most]: readonly [number, number],
  who: string,
): void {
  rely(result);
  // What a hook of the kernel's returns is an int, and read as one; elsewhere Linux looks at all of r0.
  const isInt = subject.type?.name === "lsm" && who.startsWith("a program");
  const seen = result.type !== "number" ? undefined : isInt ? result.scalar.low : result.scalar.wide;
  if (seen !== undefined && seen.smin >= BigInt(least) && seen.smax <= BigInt(most)) return;
  const is = result.type === "number" ? describeScalar(result.scalar) : describe(result);
  const message = `it returns ${is}, where ${who} returns ${least} to ${most}`;
  const suggestion = who.startsWith("a program") ? subject.type?.result.doc : undefined;
  throw new Refusal("result", at, message, suggestion ?? `Return ${least === most ? least : `${least} or ${most}`}.`);
}

function checkBranch(step: Step, state: State, effect: Of<"branch">): void {
  const { at, slot } = step;
  mustHold(at, slot.dst, state.register(slot.dst));
  if (effect.operand === "src") mustHold(at, slot.src, state.register(slot.src));
}

type Checks = {
  readonly [Type in Effect["type"]]?: (subject: Subject, step: Step, state: State, effect: Of<Type>) => void;
};

/** @throws {Refusal} there is no arena map that it could be a pointer into */
function checkCast({ program }: Subject, { at, slot }: Step, state: State): void {
  mustHold(at, slot.src, state.register(slot.src));
  if (program.arena !== undefined) return;
  const message = "it casts a pointer between address spaces, and the program has no arena map";
  throw new Refusal("type", at, message, "Name an arena map in the program, as bpf_arena_alloc_pages() does.");
}

/** Where loads from the packet want the context. */
const CONTEXT_REGISTER = 6;
/** Types of programs that may load from the packet so. */
const LOAD_PACKETS: ReadonlySet<string | undefined> = new Set(["socket_filter", "sched_cls", "sched_act"]);

/** @throws {Refusal} the packet is not the program's to load from, or something would be left where there are no such bytes */
function checkPacketLoad(subject: Subject, { at, slot }: Step, state: State, { indirect }: Of<"packet">): void {
  const { type } = subject;
  if (!LOAD_PACKETS.has(type?.name)) {
    const message = `it loads from the packet (ld_abs, ld_ind), which programs of type ${type?.name ?? "unknown"} do not`;
    throw new Refusal("context", at, message, "Use bpf_skb_load_bytes(), or pointers into the packet.");
  }
  const context = state.register(CONTEXT_REGISTER);
  mustHold(at, CONTEXT_REGISTER, context);
  if (context.type !== "pointer" || context.target.type !== "context" || constantOf(context.offset) !== 0n) {
    const message = `it loads from the packet, and r6 holds ${describe(context)} where the context has to be`;
    throw new Refusal("context", at, message, "Keep the context as the program got it in r6.");
  }
  if (indirect) mustHold(at, slot.src, state.register(slot.src));
  const [reference] = state.references;
  if (reference !== undefined) throw notReleased(subject, at, reference, "it may end where the packet does");
  const { name, isVoid } = subject.program.subprograms.find(({ start, end }) => start <= at && at < end) ?? {};
  if (isVoid !== true) return;
  const message = `it loads from the packet in ${name}(), which returns nothing, and gives 0 where the packet has no such bytes`;
  throw new Refusal("context", at, message, "Return an int, or use bpf_skb_load_bytes().");
}

const CHECKS: Checks = {
  alu: checkAlu,
  cast: checkCast,
  load: checkLoad,
  store: checkStore,
  atomic: checkAtomic,
  branch: (_, step, state, effect) => checkBranch(step, state, effect),
  exit: checkExit,
  packet: checkPacketLoad,
};

/**
 * Whatever is no helper call: those have their arguments checked by `checkCall`.
 * @throws {Refusal} where something that the state allows would go wrong
 */
export function check(subject: Subject, step: Step, state: State): void {
  const { effect } = step.operation;
  (CHECKS[effect.type] as Checks["alu"])?.(subject, step, state, effect as Of<"alu">);
}

/** The registers that an instruction reads, for what the verifier believed of them. */
export function registersRead({ effect }: Step["operation"], slot: Instruction): readonly number[] {
  if (effect.type === "alu") {
    const moves = isMove(aluName(effect.alu));
    return [...(moves ? [] : [slot.dst]), ...(effect.operand === "src" ? [slot.src] : [])];
  }
  if (effect.type === "load" || effect.type === "cast") return [slot.src];
  if (effect.type === "store" || effect.type === "branch")
    return effect.operand === "src" ? [slot.dst, slot.src] : [slot.dst];
  if (effect.type === "atomic") return effect.atomic === "cmpxchg" ? [0, slot.dst, slot.src] : [slot.dst, slot.src];
  if (effect.type === "packet") return effect.indirect ? [CONTEXT_REGISTER, slot.src] : [CONTEXT_REGISTER];
  return effect.type === "exit" ? [0] : [];
}

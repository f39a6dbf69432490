/** Where a branch leads, and what is known on each of its two ways. */
import { NULL_GUARD_BYTES } from "../host.ts";
import type { Effect } from "../isa/instructions.ts";
import { Basis } from "./basis.ts";
import { isArena, isPacket, number, type PointerRegister, type Register, rely, zero } from "./registers.ts";
import type { State } from "./state.ts";
import type { Step } from "./subject.ts";
import { compared } from "./values/relations.ts";
import { constant, constantOf, type Scalar, WIDTHS } from "./values/scalar.ts";

type Branch = Extract<Effect, { readonly type: "branch" }>;

/** What is to be changed in a state that goes one way; undefined where none goes it. */
type Way = ((state: State) => void) | undefined;

const nothing: Way = () => undefined;

/** No address that is further from its target's beginning than this is sure not to be 0. */
const NEAR = 1n << 31n;

/** That a context or a stack is there is not taken for granted, as in Linux: both ways are looked at where a program asks. */
function isNeverNull({ maybeNull, offset, fixed, target: { type } }: PointerRegister): boolean {
  if (type === "context" || type === "stack") return false;
  const by = BigInt(fixed);
  return !maybeNull && offset.wide.smin + by > -BigInt(NULL_GUARD_BYTES) && offset.wide.smax + by < NEAR;
}

/** What a lookup gave is a pointer, or it is 0: in every register that holds it. */
function becomes(id: number, isNull: boolean): Way {
  return (state) => {
    state.mapAll((each) => {
      if (each.type !== "pointer" || !each.maybeNull || each.id !== id) return each;
      return isNull ? zero() : { ...each, maybeNull: false, id: 0 };
    }, id);
    // What has to be given back has the number of the result that gave it: where that is nothing there is nothing to give back.
    if (isNull) state.references = state.references.filter((each) => each.id !== id);
  };
}

function againstNull(register: PointerRegister, comparison: string, holds: boolean): Way {
  if (comparison !== "jeq" && comparison !== "jne") return nothing;
  const isNull = (comparison === "jeq") === holds;
  if (register.maybeNull) return becomes(register.id, isNull);
  return isNull && isNeverNull(register) ? undefined : nothing;
}

/** What is the same as a pointer that is none of NULL is none of it either. */
function sameAs(left: PointerRegister, right: PointerRegister, comparison: string, holds: boolean): Way {
  if ((comparison !== "jeq" || !holds) && (comparison !== "jne" || holds)) return undefined;
  if (left.maybeNull && isNeverNull(right)) return becomes(left.id, false);
  return right.maybeNull && isNeverNull(left) ? becomes(right.id, false) : undefined;
}

/** Comparisons after which what is on the left is at most, or less than, what is on the right. */
const ORDER: Readonly<Record<string, readonly [name: "le" | "lt" | "ge" | "gt", not: "le" | "lt" | "ge" | "gt"]>> = {
  jle: ["le", "gt"],
  jlt: ["lt", "ge"],
  jge: ["ge", "lt"],
  jgt: ["gt", "le"],
};

/** Unknown offsets up to this lie in a packet, as long as any may be (MAX_PACKET_OFF). */
const MOST_OFFSET = 0xffffn;

/** Whether an edge lies behind what a pointer leads into: a packet ends at its end, what is in front of it where it begins. */
function isEdge(of: PointerRegister, edge: PointerRegister): boolean {
  if (of.target.type === "packet") return edge.target.type === "packetEnd";
  return edge.target.type === "packet" && edge.fixed === 0 && constantOf(edge.offset) === 0n;
}

/** A pointer into the packet lies before its end: so do as many bytes before it as it has been moved. */
function againstEdge(left: PointerRegister, right: PointerRegister, comparison: string, holds: boolean): Way {
  const relation = ORDER[comparison]?.[holds ? 0 : 1];
  const turned = isPacket(right.target) && isEdge(right, left);
  const [into, edge] = turned ? [right, left] : [left, right];
  if (relation === undefined || !isPacket(into.target) || !isEdge(into, edge)) return nothing;
  const isBefore = turned ? relation === "ge" || relation === "gt" : relation === "le" || relation === "lt";
  if (!isBefore || into.offset.wide.umax > MOST_OFFSET) return nothing;
  const range = into.fixed + (relation === "lt" || relation === "gt" ? 1 : 0);
  return (state) =>
    state.mapAll(
      (each) =>
        each.type === "pointer" && each.target.type === into.target.type && each.id === into.id && each.range < range
          ? { ...each, range }
          : each,
      into.id,
    );
}

function scalarOf(register: Register): Scalar | undefined {
  return register.type === "number" ? register.scalar : undefined;
}

function wayOf(step: Step, state: State, { comparison, operand, width }: Branch, holds: boolean): Way {
  const { slot } = step;
  const left = state.register(slot.dst);
  const right = operand === "src" ? state.register(slot.src) : number(constant(slot.imm));
  const [a, b] = [scalarOf(left), scalarOf(right)];
  if (a !== undefined && b !== undefined) {
    const found = compared(WIDTHS, comparison, holds, [a, b], width === 32);
    if (found === undefined) return undefined;
    return (changed) => {
      if (left.type !== "number" || right.type !== "number") return;
      const basis = new Basis(left.basis, right.basis);
      if (found[0] !== a) changed.narrow(slot.dst, { ...left, scalar: found[0], basis });
      if (operand === "src" && found[1] !== b) changed.narrow(slot.src, { ...right, scalar: found[1], basis });
    };
  }
  // A pointer into an arena map may be any number of 32 bits.
  if (width === 32 || isArena(left) || isArena(right)) return nothing;
  if (left.type === "pointer" && right.type === "pointer")
    return sameAs(left, right, comparison.name, holds) ?? againstEdge(left, right, comparison.name, holds);
  const [pointer, other] = left.type === "pointer" ? [left, b] : [right, a];
  if (pointer.type !== "pointer" || other === undefined || constantOf(other) !== 0n) return nothing;
  rely(left);
  rely(right);
  return againstNull(pointer, comparison.name, holds);
}

/**
 * The state on either way of a branch; undefined where no run goes it. The state that is given is one of them if there is any.
 */
export function branch(
  step: Step,
  state: State,
  effect: Branch,
): { readonly taken: State | undefined; readonly otherwise: State | undefined } {
  const taken = wayOf(step, state, effect, true);
  const otherwise = wayOf(step, state, effect, false);
  if (taken === undefined || otherwise === undefined) {
    rely(state.register(step.slot.dst));
    if (effect.operand === "src") rely(state.register(step.slot.src));
    (taken ?? otherwise)?.(state);
    return { taken: taken && state, otherwise: otherwise && state };
  }
  const other = state.copy();
  taken(other);
  otherwise(state);
  return { taken: other, otherwise: state };
}

/**
 * What was believed of the registers that an instruction reads, on all paths together: data that the linked program carries, so that
 * a run can be compared with it (`src/bpf/interpreter/beliefs.ts`).
 */
import type { Belief } from "../linked.ts";
import type { Basis } from "./basis.ts";
import type { Register, Target } from "./registers.ts";
import type { State } from "./state.ts";
import { joinScalars, type Scalar } from "./values/scalar.ts";

/** What is known of a register on all paths so far; `undefined`: nothing that a run could be compared with. */
type Known =
  | {
      readonly holds: Belief["holds"];
      readonly scalar: Scalar;
      readonly map: number;
      readonly frames: number;
      /** The last one that was seen. */
      readonly register: Register;
      /** What the numbers were made of: only what was relied on holds on paths that ended where another had been. */
      readonly bases: ReadonlySet<Basis>;
    }
  | undefined;

const HOLDS: Readonly<Record<string, Belief["holds"]>> = { context: "context", stack: "stack", map: "map" };

/** Where an inner map lies only a run knows. */
function holdsOf(target: Target): Belief["holds"] {
  return target.type === "map" && target.map.address === 0 ? "pointer" : (HOLDS[target.type] ?? "pointer");
}

function knownOf(register: Register, state: State): Known {
  if (register.type === "number") {
    const bases = new Set([register.basis]);
    return { holds: "number", scalar: register.scalar, map: 0, frames: 0, register, bases };
  }
  if (register.type !== "pointer" || register.maybeNull || register.target.type === "arena") return undefined;
  const { target, offset } = register;
  const map = target.type === "map" ? target.map.address : 0;
  const frames = target.type === "stack" ? state.depth - target.frame : 0;
  return { holds: holdsOf(target), scalar: offset, map, frames, register, bases: new Set() };
}

function join(a: Known, b: Known): Known {
  if (a === undefined || b === undefined || a.holds !== b.holds || a.map !== b.map || a.frames !== b.frames)
    return undefined;
  const bases = new Set([...a.bases, ...b.bases]);
  if (bases.size > MOST_BASES) return undefined;
  return { ...b, scalar: joinScalars(a.scalar, b.scalar), bases };
}

/** Numbers of one register before one instruction, after which it is not followed any further. */
const MOST_BASES = 256;

function isReliedOn({ bases }: NonNullable<Known>): boolean {
  return [...bases].every(({ relied, ignored }) => relied && !ignored);
}

export class BeliefBook {
  /** By slot, then by register. */
  readonly #known = new Map<number, Map<number, Known>>();

  note(at: number, registers: readonly number[], state: State): void {
    let known = this.#known.get(at);
    if (known === undefined) {
      known = new Map();
      this.#known.set(at, known);
    }
    for (const index of registers) {
      const register = state.register(index);
      if (!known.has(index)) known.set(index, knownOf(register, state));
      else {
        const before = known.get(index);
        if (before !== undefined && before.register !== register)
          known.set(index, join(before, knownOf(register, state)));
      }
    }
  }

  beliefs(): Belief[] {
    const beliefs: Belief[] = [];
    for (const [at, registers] of this.#known)
      for (const [register, known] of registers) {
        if (known === undefined || !isReliedOn(known)) continue;
        const { holds, scalar, map, frames } = known;
        const { value, mask, umin, umax, smin, smax } = scalar.wide;
        beliefs.push({ at, register, holds, value, mask, umin, umax, smin, smax, map, frames });
      }
    return beliefs.sort((a, b) => a.at - b.at);
  }
}

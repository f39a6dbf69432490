/**
 * Loops that end by themselves (iterators, functions that helpers call any number of times): numbers that differ from turn to turn are
 * widened, so that turns come to be alike. Those by which nothing was decided may be any from then on. The others keep what they are,
 * as an index has to; after many turns their bounds that still move are given up.
 */
import { number, type Register } from "./registers.ts";
import type { State } from "./state.ts";
import { includesScalar, type Scalar, scalarIn, UNKNOWN, WIDTHS } from "./values/scalar.ts";
import { between } from "./values/word.ts";

/** Turns that are looked at one by one although numbers differ by which something was decided. */
const PATIENCE = 1024;

const MOST = 2n ** 64n - 1n;

/** All numbers between the bounds that do not move. */
function settled({ wide: before }: Scalar, { wide: now }: Scalar): Scalar {
  const least = now.umin < before.umin ? 0n : before.umin;
  const most = now.umax > before.umax ? MOST : before.umax;
  return scalarIn(WIDTHS, between(WIDTHS.wide, least, most));
}

function widened(before: Register | undefined, now: Register, turn: number): Register {
  if (before?.type !== "number" || now.type !== "number") return now;
  if (includesScalar(before.scalar, now.scalar)) return now;
  if (!before.basis.relied && !now.basis.relied) return number(UNKNOWN, now.kernel);
  return turn < PATIENCE ? now : number(settled(before.scalar, now.scalar), now.kernel);
}

/**
 * @param before the state of the turn before, at the same place
 * @param turn how many there were
 */
export function widen(before: State, now: State, turn: number): void {
  now.frames.forEach(({ registers, stack }, frame) => {
    const old = before.frames[frame];
    registers.forEach((register, index) => {
      const wide = widened(old?.registers[index], register, turn);
      if (wide !== register) now.ownFrame(frame).registers[index] = wide;
    });
    stack.forEach((word, index) => {
      if (word === undefined || word.spills.length === 0) return;
      const spills = word.spills.map((spill) => {
        const same = old?.stack[index]?.spills.find(
          ({ offset, bytes }) => offset === spill.offset && bytes === spill.bytes,
        );
        return { ...spill, register: widened(same?.register, spill.register, turn) };
      });
      now.ownFrame(frame).stack[index] = { ...word, spills };
    });
  });
}

/** Pseudo-random numbers of 32 bits, each from the one before (xorshift: Marsaglia 2003). Both engines do it in place: a call would cost more. */

export const SHIFTS = { left: 13, right: 17, leftAgain: 5 } as const;

/** @param state not 0, as is what comes next */
export function nextRandom(state: number): number {
  let next = state;
  next ^= next << SHIFTS.left;
  next ^= next >>> SHIFTS.right;
  next ^= next << SHIFTS.leftAgain;
  return next >>> 0;
}

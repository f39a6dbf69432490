/** How keys and values lie in the arena's memory: from one whole word on to another. */

/** Bytes a view of the arena's memory needs to be aligned to. */
const ALIGN = 8;

export function roundUp(value: number): number {
  return Math.ceil(value / ALIGN) * ALIGN;
}

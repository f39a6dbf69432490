/** The functions that a program consists of: cut where calls and callbacks go, entered only at their start, never in a circle. */
import { MAX_FRAMES } from "../host.ts";
import type { Operation } from "../isa/instructions.ts";
import type { Subprogram } from "../linked.ts";
import type { Edge } from "./edges.ts";

/** A function of the object with the slot where it begins in the program; the first is the program itself, at 0. */
export interface PlacedFunction {
  readonly name: string;
  readonly start: number;
}

/** Throws, with the instruction and why it cannot be. */
export type Refuse = (at: number, why: string) => never;

/** Functions start at slot 0, at each function of the object and wherever a call or a callback goes. */
function cut(slots: number, placed: readonly PlacedFunction[], edges: readonly Edge[]): Subprogram[] {
  const starts = new Set([0, ...placed.map(({ start }) => start)]);
  for (const { type, target } of edges) if (type !== "jump") starts.add(target);
  const sorted = [...starts].sort((a, b) => a - b);
  const names = new Map(placed.map(({ name, start }) => [start, name]));
  return sorted.map((start, index) => ({
    name: names.get(start) ?? `${placed[0]?.name}+${start}`,
    start,
    end: sorted[index + 1] ?? slots,
  }));
}

function checkEnds(operations: readonly (Operation | undefined)[], parts: readonly Subprogram[], refuse: Refuse): void {
  for (const { name, end } of parts) {
    const at = operations[end - 1] === undefined ? end - 2 : end - 1;
    const last = operations[at]?.effect.type;
    if (last !== "exit" && last !== "goto") refuse(Math.max(at, 0), `function ${name} runs off its end`);
  }
}

/** Which function holds each slot. */
function ownerBySlot(parts: readonly Subprogram[]): number[] {
  return parts.flatMap(({ start, end }, index) => new Array<number>(end - start).fill(index));
}

/** Chains of calls (a callback is one: its frame lies below that of the helper's caller) are short and never come back to a function that is in them. */
function checkDepth(calls: readonly (readonly Edge[])[], owner: readonly number[], refuse: Refuse): void {
  const depths = new Map<number, number | "open">();
  const frames = (part: number, level: number, from: number): number => {
    const known = depths.get(part);
    if (known === "open") return refuse(from, "functions may not call each other in a circle");
    if (known !== undefined) return known;
    if (level > MAX_FRAMES) return refuse(from, `calls are more than ${MAX_FRAMES} frames deep`);
    depths.set(part, "open");
    const below = (calls[part] ?? []).map((edge) => frames(owner[edge.target] ?? 0, level + 1, edge.at));
    const depth = 1 + below.reduce((most, one) => Math.max(most, one), 0);
    depths.set(part, depth);
    return depth;
  };
  if (frames(0, 1, 0) > MAX_FRAMES) refuse(0, `its calls are more than ${MAX_FRAMES} frames deep`);
}

/**
 * The functions of a program, in order of their start, covering all slots.
 * @param operations by slot; undefined for second halves of wide loads
 */
export function findSubprograms(
  operations: readonly (Operation | undefined)[],
  placed: readonly PlacedFunction[],
  edges: readonly Edge[],
  refuse: Refuse,
): Subprogram[] {
  const parts = cut(operations.length, placed, edges);
  checkEnds(operations, parts, refuse);
  const owner = ownerBySlot(parts);
  const calls: Edge[][] = parts.map(() => []);
  for (const edge of edges) {
    const from = owner[edge.at] ?? 0;
    if (edge.type !== "jump") calls[from]?.push(edge);
    else if (owner[edge.target] !== from) refuse(edge.at, "it jumps into another function");
  }
  checkDepth(calls, owner, refuse);
  return parts;
}

/** Basic blocks of one subprogram, in reverse postorder, with their dominators. */
import { type Effect, type Instruction, isWide, operationOf } from "../isa/instructions.ts";
import { edgeOf } from "./edges.ts";

/** How a block ends. Blocks are named by their index in reverse postorder, so a jump to a lower one goes backwards. */
export type Exit =
  | { readonly type: "branch"; readonly at: number; readonly taken: number; readonly otherwise: number }
  | { readonly type: "goto"; readonly to: number }
  | { readonly type: "exit" };

export interface Block {
  /** Slots [start, end), the last being a branch, goto or exit where `exit` says so. */
  readonly start: number;
  readonly end: number;
  readonly exit: Exit;
  readonly predecessors: readonly number[];
  /** The block that every path to this one passes last; its own index for the first block. */
  readonly dominator: number;
}

interface Raw {
  readonly start: number;
  readonly end: number;
  /** Start slots of the blocks it may go to; the taken one first. */
  readonly targets: readonly number[];
  readonly last: "branch" | "goto" | "exit" | "falls";
}

const ENDS: ReadonlySet<Effect["type"]> = new Set<Effect["type"]>(["branch", "mayGoto", "goto", "exit"]);

function lastOf(slots: readonly Instruction[], at: number): { type: Effect["type"]; target: number } | undefined {
  const slot = slots[at];
  const effect = slot === undefined ? undefined : operationOf(slot)?.effect;
  if (slot === undefined || effect === undefined || !ENDS.has(effect.type)) return undefined;
  return { type: effect.type === "mayGoto" ? "branch" : effect.type, target: edgeOf(effect, slot, at)?.target ?? -1 };
}

function leaders(slots: readonly Instruction[], start: number, end: number): Set<number> {
  const found = new Set<number>([start]);
  for (let at = start; at < end; at++) {
    const slot = slots[at];
    if (slot !== undefined && isWide(slot)) {
      at++;
      continue;
    }
    const last = lastOf(slots, at);
    if (last === undefined) continue;
    found.add(at + 1);
    if (last.type !== "exit") found.add(last.target);
  }
  return found;
}

function rawBlocks(slots: readonly Instruction[], start: number, end: number): Map<number, Raw> {
  const starts = [...leaders(slots, start, end)].filter((at) => at < end).sort((a, b) => a - b);
  const blocks = new Map<number, Raw>();
  starts.forEach((from, index) => {
    const to = starts[index + 1] ?? end;
    // The last slot of a wide load is a zero slot, which is no operation.
    const last = lastOf(slots, to - 1);
    const targets =
      last === undefined ? [to] : last.type === "exit" ? [] : last.type === "goto" ? [last.target] : [last.target, to];
    const type = last === undefined ? "falls" : (last.type as Raw["last"]);
    blocks.set(from, { start: from, end: to, targets, last: type });
  });
  return blocks;
}

/** Start slots of the reachable blocks, in reverse postorder of a depth-first walk. */
function reversePostorder(blocks: ReadonlyMap<number, Raw>, first: number): number[] {
  const order: number[] = [];
  const seen = new Set<number>([first]);
  const stack = [{ start: first, next: 0 }];
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    const target = blocks.get(top.start)?.targets[top.next++];
    if (target === undefined) {
      order.push(top.start);
      stack.pop();
    } else if (!seen.has(target)) {
      seen.add(target);
      stack.push({ start: target, next: 0 });
    }
  }
  return order.reverse();
}

/** Dominators after Cooper, Harvey and Kennedy, "A Simple, Fast Dominance Algorithm". */
function dominators(predecessors: readonly (readonly number[])[]): number[] {
  const dominator: (number | undefined)[] = [0];
  const meet = (a: number, b: number): number => {
    let left = a;
    let right = b;
    while (left !== right) {
      while (left > right) left = dominator[left] ?? 0;
      while (right > left) right = dominator[right] ?? 0;
    }
    return left;
  };
  for (let changed = true; changed; ) {
    changed = false;
    for (let index = 1; index < predecessors.length; index++) {
      const ready = (predecessors[index] ?? []).filter((p) => dominator[p] !== undefined);
      const found = ready.reduce((a, b) => meet(a, b));
      if (dominator[index] === found) continue;
      dominator[index] = found;
      changed = true;
    }
  }
  return dominator.map((value) => value ?? 0);
}

function exitOf(raw: Raw, indexOf: (start: number) => number): Exit {
  const [taken, otherwise] = raw.targets.map(indexOf);
  if (taken === undefined) return { type: "exit" };
  if (otherwise === undefined || otherwise === taken) return { type: "goto", to: taken };
  return { type: "branch", at: raw.end - 1, taken, otherwise };
}

/** The reachable blocks of the slots [start, end). */
export function findBlocks(slots: readonly Instruction[], start: number, end: number): Block[] {
  const raw = rawBlocks(slots, start, end);
  const order = reversePostorder(raw, start);
  const indexes = new Map(order.map((at, index) => [at, index]));
  const predecessors: number[][] = order.map(() => []);
  order.forEach((at, index) => {
    for (const target of new Set(raw.get(at)?.targets)) predecessors[indexes.get(target) ?? 0]?.push(index);
  });
  const dominator = dominators(predecessors);
  return order.flatMap((at, index) => {
    const block = raw.get(at);
    if (block === undefined) return [];
    return {
      start: block.start,
      end: block.end,
      exit: exitOf(block, (target) => indexes.get(target) ?? 0),
      predecessors: predecessors[index] ?? [],
      dominator: dominator[index] ?? 0,
    };
  });
}

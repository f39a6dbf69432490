/**
 * Jumps -> WebAssembly's structured control flow.
 *
 * The method is Norman Ramsey's ("Beyond Relooper", ICFP 2022): the dominator tree is walked; a block that is jumped to
 * from behind becomes a `loop`, one that several blocks join in is placed after a `block` around those that jump to it,
 * and any other is written where its only predecessor jumps to it. A forward-only program comes out as plain nested
 * blocks. Where a loop has two entries (no dominator holds it together) the whole function becomes one loop around a
 * `br_table`. The walk uses its own stack: programs may be deeper than JavaScript's.
 */
import type { Block } from "../analysis/blocks.ts";

/** What is to be written, in order. `depth` is a branch label as WebAssembly counts them, innermost 0. */
export type FlowStep =
  | { readonly type: "loop" | "block" | "end" }
  /** The block's instructions, without the branch or goto at its end. */
  | { readonly type: "body"; readonly block: number }
  /** Evaluates the condition at the block's end; `negated` where it is wanted false. */
  | { readonly type: "if"; readonly block: number; readonly negated: boolean }
  | { readonly type: "branchIf"; readonly block: number; readonly negated: boolean; readonly depth: number }
  | { readonly type: "branch"; readonly depth: number }
  /** Irreducible functions: choose the next block, and go to the chosen one of `count`. */
  | { readonly type: "choose"; readonly block: number }
  | { readonly type: "dispatch"; readonly count: number };

/** Whether every backward jump goes to a block that dominates the one it comes from. */
function isReducible(blocks: readonly Block[]): boolean {
  const dominates = (above: number, below: number): boolean => {
    let at = below;
    while (at > above) at = blocks[at]?.dominator ?? 0;
    return at === above;
  };
  return blocks.every(({ predecessors }, to) => predecessors.every((from) => from < to || dominates(to, from)));
}

interface Shape {
  readonly blocks: readonly Block[];
  readonly loops: readonly boolean[];
  readonly joins: readonly boolean[];
  /** Joins that a block dominates directly, in order. */
  readonly joinsBelow: readonly (readonly number[])[];
  /** Blocks in the dominator tree below and including each. */
  readonly sizes: readonly number[];
}

function shapeOf(blocks: readonly Block[]): Shape {
  const loops = blocks.map(({ predecessors }, index) => predecessors.some((from) => from >= index));
  const joins = blocks.map(({ predecessors }, index) => predecessors.filter((from) => from < index).length > 1);
  const joinsBelow: number[][] = blocks.map(() => []);
  const sizes = new Array<number>(blocks.length).fill(1);
  blocks.forEach(({ dominator }, index) => {
    if (index > 0 && joins[index]) joinsBelow[dominator]?.push(index);
  });
  for (let index = blocks.length - 1; index > 0; index--) {
    const above = blocks[index]?.dominator ?? 0;
    sizes[above] = (sizes[above] ?? 0) + (sizes[index] ?? 0);
  }
  return { blocks, loops, joins, joinsBelow, sizes };
}

/** A walk of the dominator tree. */
interface Walk {
  readonly shape: Shape;
  readonly steps: FlowStep[];
  /** What is still to be written, the next last. */
  readonly work: (() => void)[];
  /** By block: how many loops, blocks and ifs were open when its own label was opened. */
  readonly loopLabel: number[];
  readonly blockLabel: number[];
  open: number;
}

function enter(walk: Walk, type: "loop" | "block"): void {
  walk.steps.push({ type });
  walk.open++;
}

function leave(walk: Walk): void {
  walk.steps.push({ type: "end" });
  walk.open--;
}

/** The depth at which a block can be jumped to, or undefined where it is written in place. */
function depthOf({ shape, loopLabel, blockLabel, open }: Walk, from: number, to: number): number | undefined {
  const label = to <= from ? loopLabel[to] : shape.joins[to] ? blockLabel[to] : undefined;
  return label === undefined ? undefined : open - 1 - label;
}

function go(walk: Walk, from: number, to: number): void {
  const depth = depthOf(walk, from, to);
  if (depth === undefined) planTree(walk, to);
  else walk.steps.push({ type: "branch", depth });
}

function fork(walk: Walk, block: number, taken: number, otherwise: number): void {
  const { sizes } = walk.shape;
  const takenDepth = depthOf(walk, block, taken);
  const depth = takenDepth ?? depthOf(walk, block, otherwise);
  if (depth !== undefined) {
    const negated = takenDepth === undefined;
    walk.steps.push({ type: "branchIf", block, negated, depth });
    go(walk, block, negated ? taken : otherwise);
    return;
  }
  // Both are written in place; the smaller one inside, so that nesting stays shallow.
  const negated = (sizes[taken] ?? 0) > (sizes[otherwise] ?? 0);
  walk.steps.push({ type: "if", block, negated });
  walk.open++;
  walk.work.push(() => {
    leave(walk);
    planTree(walk, negated ? taken : otherwise);
  });
  planTree(walk, negated ? otherwise : taken);
}

/** Writes one block inside the labels that are its own or its joins'. */
function writeBlock(walk: Walk, index: number, joins: readonly number[]): void {
  const { shape, steps } = walk;
  if (shape.loops[index] === true) {
    walk.loopLabel[index] = walk.open;
    enter(walk, "loop");
  }
  for (const join of joins) {
    walk.blockLabel[join] = walk.open;
    enter(walk, "block");
  }
  steps.push({ type: "body", block: index });
  const exit = shape.blocks[index]?.exit;
  if (exit?.type === "goto") go(walk, index, exit.to);
  else if (exit?.type === "branch") fork(walk, index, exit.taken, exit.otherwise);
}

/** Plans one block and what it dominates; what comes last is pushed first. */
function planTree(walk: Walk, index: number): void {
  const { shape, work } = walk;
  const joins = [...(shape.joinsBelow[index] ?? [])].reverse();
  if (shape.loops[index] === true) work.push(() => leave(walk));
  for (const join of joins)
    work.push(() => {
      leave(walk);
      planTree(walk, join);
    });
  work.push(() => writeBlock(walk, index, joins));
}

/** Writes the tree below the first block. */
function writeTree(shape: Shape): FlowStep[] {
  const walk: Walk = { shape, steps: [], work: [], loopLabel: [], blockLabel: [], open: 0 };
  planTree(walk, 0);
  for (let next = walk.work.pop(); next !== undefined; next = walk.work.pop()) next();
  return walk.steps;
}

/** One loop around a table of all blocks. */
function writeDispatch(blocks: readonly Block[]): FlowStep[] {
  const count = blocks.length;
  const steps: FlowStep[] = [{ type: "loop" }];
  for (let index = 0; index < count; index++) steps.push({ type: "block" });
  steps.push({ type: "dispatch", count });
  blocks.forEach(({ exit }, index) => {
    // `index + 1` blocks are closed by now, so the loop's label is that much nearer.
    const loop = count - 1 - index;
    const goTo = (block: number, depth: number): FlowStep[] => [
      { type: "choose", block },
      { type: "branch", depth },
    ];
    steps.push({ type: "end" }, { type: "body", block: index });
    if (exit.type === "goto") steps.push(...goTo(exit.to, loop));
    if (exit.type !== "branch") return;
    steps.push({ type: "if", block: index, negated: false }, ...goTo(exit.taken, loop + 1), { type: "end" });
    steps.push(...goTo(exit.otherwise, loop));
  });
  steps.push({ type: "end" });
  return steps;
}

/** The structured form of a function's blocks. */
export function structure(blocks: readonly Block[]): FlowStep[] {
  return isReducible(blocks) ? writeTree(shapeOf(blocks)) : writeDispatch(blocks);
}

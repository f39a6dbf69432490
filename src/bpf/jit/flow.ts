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

/** Writes the tree below the first block. */
function writeTree(shape: Shape): FlowStep[] {
  const steps: FlowStep[] = [];
  const loopLabel: number[] = [];
  const blockLabel: number[] = [];
  const work: (() => void)[] = [];
  let open = 0;

  const enter = (type: "loop" | "block"): void => {
    steps.push({ type });
    open++;
  };
  const leave = (): void => {
    steps.push({ type: "end" });
    open--;
  };
  /** The label of a block that is jumped to, or undefined where it is written in place. */
  const labelOf = (from: number, to: number): number | undefined => {
    if (to <= from) return loopLabel[to];
    return shape.joins[to] ? blockLabel[to] : undefined;
  };
  const depthOf = (label: number): number => open - 1 - label;
  const go = (from: number, to: number): void => {
    const label = labelOf(from, to);
    if (label === undefined) tree(to);
    else steps.push({ type: "branch", depth: depthOf(label) });
  };
  const fork = (block: number, taken: number, otherwise: number): void => {
    const takenLabel = labelOf(block, taken);
    const otherwiseLabel = labelOf(block, otherwise);
    const label = takenLabel ?? otherwiseLabel;
    if (label !== undefined) {
      const negated = takenLabel === undefined;
      steps.push({ type: "branchIf", block, negated, depth: depthOf(label) });
      go(block, negated ? taken : otherwise);
      return;
    }
    // Both are written in place; the smaller one inside, so that nesting stays shallow.
    const negated = (shape.sizes[taken] ?? 0) > (shape.sizes[otherwise] ?? 0);
    steps.push({ type: "if", block, negated });
    open++;
    work.push(() => {
      leave();
      tree(negated ? taken : otherwise);
    });
    tree(negated ? otherwise : taken);
  };
  const end = (index: number): void => {
    const exit = shape.blocks[index]?.exit;
    if (exit?.type === "goto") go(index, exit.to);
    else if (exit?.type === "branch") fork(index, exit.taken, exit.otherwise);
  };
  /** Plans one block and what it dominates; what comes last is pushed first. */
  const tree = (index: number): void => {
    const joins = shape.joinsBelow[index] ?? [];
    const loop = shape.loops[index] === true;
    if (loop) work.push(leave);
    for (const join of [...joins].reverse())
      work.push(() => {
        leave();
        tree(join);
      });
    work.push(() => {
      if (loop) {
        loopLabel[index] = open;
        enter("loop");
      }
      for (const join of [...joins].reverse()) {
        blockLabel[join] = open;
        enter("block");
      }
      steps.push({ type: "body", block: index });
      end(index);
    });
  };

  tree(0);
  for (let next = work.pop(); next !== undefined; next = work.pop()) next();
  return steps;
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

/**
 * Where in its context a program may read: at most, as far as it can be followed. For whoever has contexts of which not everything is known.
 */
import { helperById } from "../helpers/table.ts";
import { type Instruction, isWide, operationOf } from "../isa/instructions.ts";
import type { LinkedProgram } from "../linked.ts";
import { type Block, findBlocks } from "./blocks.ts";
import { analyse, type Facts, transfer } from "./facts.ts";

/** Bytes from the context's first one on. */
export interface ContextRead {
  readonly offset: number;
  readonly bytes: number;
}

const ARGUMENTS = [1, 2, 3, 4, 5];
const FRAME_WORD = 8;

/** What is known of a program so far; `anywhere` once it cannot be followed. */
interface Search {
  readonly reads: ContextRead[];
  /** Places of the stack where the context's address was stored, from the frame's top. */
  readonly stored: Set<number>;
  anywhere: boolean;
}

/** Where the program may read in its context; undefined: anywhere. */
export function contextReads(program: LinkedProgram): readonly ContextRead[] | undefined {
  const { start = 0, end = 0 } = program.subprograms[0] ?? {};
  const { instructions, maps } = program;
  const blocks = findBlocks(instructions, start, end);
  const before = analyse(blocks, instructions, maps, true);
  const search: Search = { reads: [], stored: new Set(), anywhere: false };
  // Twice: the first time says where addresses are stored.
  for (let round = 0; round < 2; round++) {
    const after = blocks.map((block, index) => {
      const facts = (before[index] as Facts).copy();
      lookThrough(search, facts, block, program);
      return facts;
    });
    if (meetDifferently(blocks, before, after)) search.anywhere = true;
  }
  return search.anywhere ? undefined : search.reads;
}

function lookThrough(search: Search, facts: Facts, block: Block, { instructions, maps }: LinkedProgram): void {
  for (let at = block.start; at < block.end; at++) {
    const slot = instructions[at];
    const operation = slot === undefined ? undefined : operationOf(slot);
    if (slot === undefined || operation === undefined) continue;
    look(search, facts, slot, operation.effect.type);
    const led = isContext(facts, slot.dst) || isContext(facts, slot.src);
    transfer(facts, operation, slot, at, maps);
    // An address that is computed with is followed no further.
    if (operation.effect.type === "alu" && led && !isContext(facts, slot.dst) && usesAddress(operation.name))
      search.anywhere = true;
    if (isWide(slot)) at++;
  }
}

const isContext = (facts: Facts, register: number): boolean => facts.registers[register]?.type === "context";

/** Moving a constant over it, for example, does not. */
const usesAddress = (name: string): boolean => !/^mov(64|32)_imm$/.test(name);

function look(search: Search, facts: Facts, slot: Instruction, type: string): void {
  const operation = operationOf(slot);
  const effect = operation?.effect;
  if (effect?.type === "load") {
    const base = facts.registers[slot.src];
    if (base?.type === "context") search.reads.push({ offset: base.offset + slot.offset, bytes: effect.bytes });
    const place = base?.type === "frame" ? base.offset + slot.offset : undefined;
    const isLost = place !== undefined && effect.bytes === FRAME_WORD && !facts.slots.has(place);
    if (isLost && search.stored.has(place)) search.anywhere = true;
  }
  if (effect?.type === "store" && effect.operand === "src" && isContext(facts, slot.src)) {
    const base = facts.registers[slot.dst];
    if (base?.type === "frame" && effect.bytes === FRAME_WORD) search.stored.add(base.offset + slot.offset);
    else search.anywhere = true;
  }
  if (type === "atomic" && (isContext(facts, slot.dst) || isContext(facts, slot.src))) search.anywhere = true;
  if (effect?.type === "call") lookAtCall(search, facts, slot, effect.target);
}

function lookAtCall(search: Search, facts: Facts, slot: Instruction, target: string): void {
  const helper = target === "helper" ? helperById(slot.imm) : undefined;
  for (const register of ARGUMENTS) {
    if (!isContext(facts, register)) continue;
    const parameter = helper?.parameters[register - 1];
    // Left over from before, or handed on as the context that it is.
    const isHarmless = helper !== undefined && (parameter === undefined || parameter.name === "context");
    if (!isHarmless) search.anywhere = true;
  }
}

/** Whether a register comes to a block as addresses of different places in the context: what is read there is not known then. */
function meetDifferently(blocks: readonly Block[], before: readonly Facts[], after: readonly Facts[]): boolean {
  return blocks.some(({ predecessors }, index) =>
    (before[index] as Facts).registers.some((fact, register) => {
      if (fact !== undefined) return false;
      const offsets = predecessors.map((from) => after[from]?.registers[register]);
      return new Set(offsets.flatMap((each) => (each?.type === "context" ? [each.offset] : []))).size > 1;
    }),
  );
}

/**
 * What is known of registers and of spilled stack slots before each instruction: enough to call map functions directly
 * and to leave out address checks that cannot fail. This is no verifier: what is not known is checked at run time.
 *
 * A forward analysis over the blocks: where paths meet, facts that differ are forgotten, so it ends after few rounds.
 */
import { mapRegister } from "../helpers/helper.ts";
import { helperById } from "../helpers/table.ts";
import { FRAME_BYTES } from "../host.ts";
import {
  type Effect,
  FRAME_POINTER,
  type Instruction,
  isWide,
  type Operation,
  operationOf,
} from "../isa/instructions.ts";
import type { LinkedMap } from "../linked.ts";
import type { Block } from "./blocks.ts";
import { writtenRegister } from "./structure.ts";

export type Fact =
  /** Top of this function's frame plus an offset. */
  | { readonly type: "frame"; readonly offset: number }
  | { readonly type: "context"; readonly offset: number }
  | { readonly type: "map"; readonly map: LinkedMap }
  /** Inside a variable section, at a known address. */
  | { readonly type: "direct"; readonly map: LinkedMap; readonly offset: number }
  /** What the lookup at `origin` returned: the address of a value, or 0. */
  | { readonly type: "maybe"; readonly map: LinkedMap; readonly origin: number; readonly offset: 0 }
  /** The address of a value, plus an offset. */
  | { readonly type: "value"; readonly map: LinkedMap; readonly offset: number }
  /**
   * Nothing but that this offset from it was checked at run time. So is any larger one: it lies higher, where an
   * address beyond 32 bits traps by itself.
   */
  | { readonly type: "checked"; readonly offset: number };

/** How far a pointer may be moved and still be followed. */
const FARTHEST = 1 << 20;
const SLOT = 8;

export class Facts {
  readonly registers: (Fact | undefined)[];
  /** By frame offset, for 8-byte slots. */
  readonly slots: Map<number, Fact>;

  constructor(registers: (Fact | undefined)[], slots: Map<number, Fact>) {
    this.registers = registers;
    this.slots = slots;
  }

  copy(): Facts {
    return new Facts([...this.registers], new Map(this.slots));
  }
}

function same(a: Fact | undefined, b: Fact | undefined): boolean {
  if (a === b) return true;
  if (a === undefined || b === undefined || a.type !== b.type) return false;
  if ("map" in a && "map" in b && a.map !== b.map) return false;
  if ("origin" in a && "origin" in b && a.origin !== b.origin) return false;
  return !("offset" in a && "offset" in b) || a.offset === b.offset;
}

/** Forgets in `into` what `from` does not know; true when that changed anything. */
function meet(into: Facts, from: Facts): boolean {
  let changed = false;
  into.registers.forEach((fact, register) => {
    if (fact === undefined || same(fact, from.registers[register])) return;
    into.registers[register] = undefined;
    changed = true;
  });
  for (const [slot, fact] of into.slots) {
    if (same(fact, from.slots.get(slot))) continue;
    into.slots.delete(slot);
    changed = true;
  }
  return changed;
}

function moved(fact: Fact | undefined, by: number): Fact | undefined {
  if (fact === undefined || fact.type === "map" || fact.type === "maybe" || fact.type === "checked") return undefined;
  const offset = fact.offset + by;
  return Math.abs(offset) > FARTHEST ? undefined : { ...fact, offset };
}

function aluResult(facts: Facts, effect: Extract<Effect, { type: "alu" }>, name: string, slot: Instruction) {
  if (effect.width !== 64) return undefined;
  if (name === "mov64_src") return facts.registers[slot.src];
  if (name === "add64_imm") return moved(facts.registers[slot.dst], slot.imm);
  if (name === "sub64_imm") return moved(facts.registers[slot.dst], -slot.imm);
  return undefined;
}

/** Whether an access through this fact lies inside what the fact is about. */
export function isInside(fact: Fact | undefined, offset: number, bytes: number): boolean {
  if (fact === undefined || fact.type === "map" || fact.type === "maybe") return false;
  const first = fact.offset + offset;
  if (fact.type === "frame") return first >= -FRAME_BYTES && first + bytes <= 0;
  if (fact.type === "checked") return offset >= fact.offset;
  // A context's size is not known here, but it lies above the null guard, so what is just behind it is memory.
  if (fact.type === "context") return first >= 0 && first + bytes <= FARTHEST;
  return first >= 0 && first + bytes <= (fact.type === "direct" ? fact.map.valueSize : fact.map.valueStride);
}

/** Forgets the slots that a write may change. */
function forgetWritten(facts: Facts, base: Fact | undefined, offset: number, bytes: number): void {
  if (base?.type === "frame") {
    const first = base.offset + offset;
    for (const slot of facts.slots.keys()) if (slot < first + bytes && first < slot + SLOT) facts.slots.delete(slot);
  } else if (base?.type === "checked" || !isInside(base, offset, bytes)) facts.slots.clear();
}

function store(facts: Facts, slot: Instruction, bytes: number, value: Fact | undefined): void {
  const base = facts.registers[slot.dst];
  forgetWritten(facts, base, slot.offset, bytes);
  if (base?.type === "frame" && bytes === SLOT && value !== undefined)
    facts.slots.set(base.offset + slot.offset, value);
}

/**
 * An access that nothing was known of has been checked once it is done. Below a negative offset the register itself
 * may be beyond 32 bits, so those are not remembered.
 */
function rememberCheck(facts: Facts, register: number, offset: number): void {
  const fact = facts.registers[register];
  const lower = fact?.type === "checked" && offset < fact.offset;
  if (offset >= 0 && (fact === undefined || lower)) facts.registers[register] = { type: "checked", offset };
}

/** A new result of the same lookup: older ones are no longer told apart from it. */
function forgetOrigin(facts: Facts, origin: number): void {
  const stale = (fact: Fact | undefined): boolean => fact?.type === "maybe" && fact.origin === origin;
  facts.registers.forEach((fact, register) => {
    if (stale(fact)) facts.registers[register] = undefined;
  });
  for (const [slot, fact] of facts.slots) if (stale(fact)) facts.slots.delete(slot);
}

function call(facts: Facts, effect: Extract<Effect, { type: "call" }>, slot: Instruction, at: number): void {
  const helper = effect.target === "helper" ? helperById(slot.imm) : undefined;
  const map = helper === undefined ? undefined : facts.registers[mapRegister(helper)];
  // Only a subprogram or a helper that writes through a pointer can reach this frame.
  if (helper === undefined || helper.parameters.some(({ writes }) => writes)) facts.slots.clear();
  forgetOrigin(facts, at);
  facts.registers.fill(undefined, 0, 6);
  if (helper?.result === "value" && map?.type === "map")
    facts.registers[0] = { type: "maybe", map: map.map, origin: at, offset: 0 };
}

function constant(holds: string, slot: Instruction, maps: readonly LinkedMap[]): Fact | undefined {
  const address = slot.imm >>> 0;
  if (holds === "map") {
    const map = maps.find((candidate) => candidate.address === address);
    return map === undefined ? undefined : { type: "map", map };
  }
  if (holds !== "value") return undefined;
  const map = maps.find((m) => m.direct && address >= m.firstValue && address <= m.firstValue + m.valueSize);
  return map === undefined ? undefined : { type: "direct", map, offset: address - map.firstValue };
}

/** Changes `facts` from before the instruction to after it. */
export function transfer(
  facts: Facts,
  { effect, name }: Operation,
  slot: Instruction,
  at: number,
  maps: readonly LinkedMap[],
): void {
  if (effect.type === "load") rememberCheck(facts, slot.src, slot.offset);
  if (effect.type === "store" || effect.type === "atomic") rememberCheck(facts, slot.dst, slot.offset);
  if (effect.type === "call") call(facts, effect, slot, at);
  if (effect.type === "packet") facts.registers.fill(undefined, 0, 6);
  if (effect.type === "store")
    store(facts, slot, effect.bytes, effect.operand === "src" ? facts.registers[slot.src] : undefined);
  if (effect.type === "atomic") forgetWritten(facts, facts.registers[slot.dst], slot.offset, effect.bytes);
  const written = effect.type === "call" ? undefined : writtenRegister(effect, slot);
  if (written === undefined) return;
  let result: Fact | undefined;
  if (effect.type === "alu") result = aluResult(facts, effect, name, slot);
  if (effect.type === "constant") result = constant(effect.holds, slot, maps);
  if (effect.type === "load" && effect.bytes === SLOT) {
    const base = facts.registers[slot.src];
    if (base?.type === "frame") result = facts.slots.get(base.offset + slot.offset);
  }
  facts.registers[written] = result;
}

/** After a comparison with null: all copies of that lookup's result are known to be values, or of a map of maps a map. */
function becomeValue(facts: Facts, origin: number): void {
  const known = (fact: Fact | undefined): Fact | undefined => {
    if (fact?.type !== "maybe" || fact.origin !== origin) return fact;
    const { inner } = fact.map;
    return inner === undefined ? { type: "value", map: fact.map, offset: 0 } : { type: "map", map: inner };
  };
  facts.registers.forEach((fact, register) => {
    facts.registers[register] = known(fact);
  });
  for (const [slot, fact] of facts.slots) facts.slots.set(slot, known(fact) ?? fact);
}

/** The successors of a block with what is known on the way to each. */
function outgoing(block: Block, after: Facts, slots: readonly Instruction[]): [number, Facts][] {
  const { exit } = block;
  if (exit.type === "exit") return [];
  if (exit.type === "goto") return [[exit.to, after]];
  const slot = slots[exit.at];
  const name = slot === undefined ? undefined : operationOf(slot)?.name;
  const fact = slot === undefined ? undefined : after.registers[slot.dst];
  const compares = slot?.imm === 0 && (name === "jeq64_imm" || name === "jne64_imm");
  if (!compares || fact?.type !== "maybe")
    return [
      [exit.taken, after],
      [exit.otherwise, after],
    ];
  const present = after.copy();
  becomeValue(present, fact.origin);
  return name === "jne64_imm"
    ? [
        [exit.taken, present],
        [exit.otherwise, after],
      ]
    : [
        [exit.taken, after],
        [exit.otherwise, present],
      ];
}

/** Runs `facts` over the block's instructions. */
function throughBlock(facts: Facts, block: Block, slots: readonly Instruction[], maps: readonly LinkedMap[]): void {
  for (let at = block.start; at < block.end; at++) {
    const slot = slots[at];
    const operation = slot === undefined ? undefined : operationOf(slot);
    if (slot === undefined || operation === undefined) continue;
    transfer(facts, operation, slot, at, maps);
    if (isWide(slot)) at++;
  }
}

/** What is known at the start of a function: r10, and r1 for the program itself. */
function entryFacts(isProgram: boolean): Facts {
  const registers = new Array<Fact | undefined>(FRAME_POINTER + 1).fill(undefined);
  registers[FRAME_POINTER] = { type: "frame", offset: 0 };
  if (isProgram) registers[1] = { type: "context", offset: 0 };
  return new Facts(registers, new Map());
}

/** Facts at the start of each block. */
export function analyse(
  blocks: readonly Block[],
  slots: readonly Instruction[],
  maps: readonly LinkedMap[],
  isProgram: boolean,
): Facts[] {
  const before: (Facts | undefined)[] = [entryFacts(isProgram)];
  const stale = new Set<number>([0]);
  // Blocks are in reverse postorder: going through them in order needs few rounds.
  for (let changed = true; changed; ) {
    changed = false;
    for (const [index, block] of blocks.entries()) {
      const known = before[index];
      if (known === undefined || !stale.delete(index)) continue;
      const after = known.copy();
      throughBlock(after, block, slots, maps);
      for (const [to, facts] of outgoing(block, after, slots)) {
        const target = before[to];
        if (target === undefined) before[to] = facts.copy();
        else if (!meet(target, facts)) continue;
        stale.add(to);
        changed = true;
      }
    }
  }
  return blocks.map((_, index) => before[index] ?? entryFacts(false));
}

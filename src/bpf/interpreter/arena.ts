/** Accesses to a program's arena map, as the verifier has marked them: where no page is, loads give 0, and stores do nothing. */
import type { CoreFunction } from "../host.ts";
import type { Effect } from "../isa/instructions.ts";
import { ARENA_ACCESS, ARENA_POINTER, type LinkedArena } from "../linked.ts";
import { ACCESSES } from "./accesses.ts";
import type { Decoded, Interpreter, RunState, Step } from "./state.ts";

const LOW = 0xffffffffn;

function core(vm: Interpreter, name: string): CoreFunction {
  return vm.host.core[name] as CoreFunction;
}

/** Where an access lies in one piece, 0: it does not. */
function placeOf(
  vm: Interpreter,
  state: RunState,
  { map }: LinkedArena,
  i: Decoded,
  base: number,
  bytes: number,
): number {
  const pointer = Number((state.registers[base] ?? 0n) & LOW);
  return Number(core(vm, "arenaAt")(map, pointer | 0, i.offset, bytes)) >>> 0;
}

function load(arena: LinkedArena, effect: Effect & { type: "load" }): Step {
  const { bytes, signed } = effect;
  const stepAt = ACCESSES.load(effect);
  return (vm, state, i) => {
    const address = placeOf(vm, state, arena, i, i.src, bytes);
    if (address !== 0) return stepAt(vm, state, i, address);
    const pointer = Number((state.registers[i.src] ?? 0n) & LOW);
    const found = BigInt(core(vm, "arenaLoad")(arena.map, pointer | 0, i.offset, bytes));
    // Not one of two: accesses.ts.
    if (signed) state.registers[i.dst] = BigInt.asIntN(bytes * 8, found);
    else state.registers[i.dst] = found;
    return i.next;
  };
}

function store(arena: LinkedArena, effect: Effect & { type: "store" }): Step {
  const { bytes } = effect;
  const stepAt = ACCESSES.store(effect);
  return (vm, state, i) => {
    const address = placeOf(vm, state, arena, i, i.dst, bytes);
    if (address !== 0) return stepAt(vm, state, i, address);
    const pointer = Number((state.registers[i.dst] ?? 0n) & LOW);
    const value = state.registers[i.src] ?? 0n;
    core(vm, "arenaStore")(arena.map, pointer | 0, i.offset, bytes, value);
    return i.next;
  };
}

/** An atomic leaves all registers as they are where no page is. */
function atomic(arena: LinkedArena, effect: Effect & { type: "atomic" }): Step {
  const stepAt = ACCESSES.atomic(effect);
  return (vm, state, i) => {
    const address = placeOf(vm, state, arena, i, i.dst, effect.bytes);
    if (address !== 0) return stepAt(vm, state, i, address);
    return i.next;
  };
}

/** The step of an instruction that the verifier has marked; undefined: it is carried out as any. */
export function arenaStep(arena: LinkedArena | undefined, at: number, effect: Effect, plain: Step): Step | undefined {
  const mark = arena?.pointers[at];
  if (arena === undefined || mark === undefined) return undefined;
  if (mark === ARENA_POINTER)
    return (vm, state, i) => {
      const next = plain(vm, state, i);
      state.halves[i.to + 1] = 0;
      return next;
    };
  if (mark !== ARENA_ACCESS) return undefined;
  if (effect.type === "load") return load(arena, effect);
  if (effect.type === "store") return store(arena, effect);
  return effect.type === "atomic" ? atomic(arena, effect) : undefined;
}

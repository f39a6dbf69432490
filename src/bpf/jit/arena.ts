/**
 * Accesses to a program's arena map in compiled code, as the verifier has marked them: the core says where bytes lie, and where they do
 * not lie in one piece it loads and stores them. Where no page is, loads give 0, and stores and atomics do nothing.
 */
import { type FunctionType, OP, TYPE, type WasmImport } from "../../wasm/encode.ts";
import { ARENA_ACCESS, ARENA_POINTER, type LinkedProgram } from "../linked.ts";
import { type Emitter, getLocal, getRegister, setRegister } from "./emitter.ts";

const { i32, i64 } = TYPE;
const PLACE = [i32, i32, i32, i32] as const;
const FUNCTIONS: Readonly<Record<string, FunctionType>> = {
  arenaAt: { parameters: PLACE, results: [i32] },
  arenaLoad: { parameters: PLACE, results: [i64] },
  arenaStore: { parameters: [...PLACE, i64], results: [] },
};

/** What a program with an arena map imports. */
export function arenaImports({ arena }: LinkedProgram): WasmImport[] {
  if (arena === undefined) return [];
  return Object.entries(FUNCTIONS).map(([name, type]) => ({ module: "core", name, type }));
}

export function isArenaAccess({ program, at }: Emitter): boolean {
  return program.arena?.pointers[at] === ARENA_ACCESS;
}

export interface ArenaAccess {
  readonly register: number;
  readonly offset: number;
  readonly bytes: number;
}

/** Leaves the arguments that say which bytes. */
function pushPlace(emitter: Emitter, { register, offset, bytes }: ArenaAccess): void {
  const { out, program } = emitter;
  out.byte(OP.i32Const).s32(program.arena?.map ?? 0);
  getRegister(emitter, register);
  out.byte(OP.i32WrapI64).byte(OP.i32Const).s32(offset).byte(OP.i32Const).s32(bytes);
}

function call({ out, indexes }: Emitter, name: string): void {
  out.byte(OP.call).u32(indexes.core(name));
}

/** Where the bytes lie in one piece `there` is carried out, with their address on the stack; otherwise `elsewhere`. */
function accessed(emitter: Emitter, access: ArenaAccess, type: number, there: () => void, elsewhere: () => void): void {
  const { out, locals } = emitter;
  pushPlace(emitter, access);
  call(emitter, "arenaAt");
  out.byte(OP.localTee).u32(locals.narrow).op(OP.if, type);
  getLocal(emitter, locals.narrow);
  there();
  out.byte(OP.else);
  elsewhere();
  out.byte(OP.end);
}

/** Leaves what is loaded. @param loadAt takes the address from the stack and leaves an i64 @param extend makes it of fewer bytes' number */
export function pushArenaLoad(
  emitter: Emitter,
  access: ArenaAccess,
  loadAt: () => void,
  extend: readonly number[],
): void {
  accessed(emitter, access, i64, loadAt, () => {
    pushPlace(emitter, access);
    call(emitter, "arenaLoad");
    emitter.out.op(...extend);
  });
}

/** @param pushValue leaves the i64 that is stored @param storeAt takes the address and it from the stack */
export function emitArenaStore(
  emitter: Emitter,
  access: ArenaAccess,
  pushValue: () => void,
  storeAt: () => void,
): void {
  const there = (): void => {
    pushValue();
    storeAt();
  };
  accessed(emitter, access, TYPE.empty, there, () => {
    pushPlace(emitter, access);
    pushValue();
    call(emitter, "arenaStore");
  });
}

/** @param atomicAt takes the address from the stack, and leaves nothing */
export function emitArenaAtomic(emitter: Emitter, access: ArenaAccess, atomicAt: () => void): void {
  accessed(emitter, access, TYPE.empty, atomicAt, () => {});
}

const LOW = 0xffffffffn;

/** Of what was calculated with a pointer into the map 32 bits stay. */
export function emitArenaPointer(emitter: Emitter, register: number): void {
  if (emitter.program.arena?.pointers[emitter.at] !== ARENA_POINTER) return;
  getRegister(emitter, register);
  emitter.out.byte(OP.i64Const).s64(LOW).byte(OP.i64And);
  setRegister(emitter, register);
}

/** `dst = addr_space_cast(src)`: NULL stays NULL. */
export function emitCast(emitter: Emitter, to: "memory" | "pointer", { dst, src }: { dst: number; src: number }): void {
  const { out, locals, program } = emitter;
  const { first = 0n, asAddresses = true } = program.arena ?? {};
  getRegister(emitter, src);
  out.byte(OP.i64Const).s64(LOW).byte(OP.i64And);
  if (to === "pointer" && !asAddresses) {
    out.byte(OP.localTee).u32(locals.wide);
    out
      .byte(OP.i64Const)
      .s64(BigInt.asIntN(64, first & ~LOW))
      .byte(OP.i64Or);
    out.byte(OP.i64Const).s64(0n);
    getLocal(emitter, locals.wide);
    out.op(OP.i64Const, 0, OP.i64Ne, OP.select);
  }
  setRegister(emitter, dst);
}

/**
 * The instruction set: one table for the assembler, the disassembler, the linker, the interpreter and the JIT.
 *
 * A program is a list of 8-byte slots; instruction numbers everywhere are slot numbers, so a 64-bit immediate load
 * counts as two, as in Linux's messages. A row of `OPERATIONS` is one operation of RFC 9669: how its slot looks
 * (`code`, and those fields that are fixed), how it is written (`text`) and what it does (`effect`). Rows marked
 * `refused` exist so that they are recognised and named, and say why no program may contain them.
 *
 * Placeholders in `text`: `{d}` `{s}` register numbers, `{imm}` `{imm64}` immediates, `{off}` a signed memory offset,
 * `{jump}` a branch distance in slots or a label, `{jump32}` the same from the immediate, `{callee}` the same for a
 * call or a function's address (`pc+3`), `{helper}` a helper's name or number. A placeholder that occurs twice must be written alike both times.
 */
import { AnyctxError } from "../../error.ts";
import { givenBytes } from "../../maps/codec/typed-array.ts";
import { ALU_OPERATIONS, type AluEffect, ATOMIC_OPERATIONS, COMPARISONS, type Comparison, SWAPS } from "./semantics.ts";

/** One 8-byte slot (RFC 9669 section 3). `offset` is signed 16 bits, `imm` signed 32 bits. */
export interface Instruction {
  readonly code: number;
  readonly dst: number;
  readonly src: number;
  readonly offset: number;
  readonly imm: number;
}

export const INSTRUCTION_BYTES = 8;
export const REGISTERS = 11;
export const FRAME_POINTER = 10;
/** Opcode of every call; the source field says of what. */
export const CALL = 0x85;

export type Width = 32 | 64;
export type Operand = "imm" | "src";

export type Effect =
  | { readonly type: "alu"; readonly width: Width; readonly operand: Operand | "none"; readonly alu: AluEffect }
  /** A pointer into an arena map: as an address of its memory, or as user space and the map's own pointers have it. */
  | { readonly type: "cast"; readonly to: "memory" | "pointer" }
  /** `ordered`: an acquire, or a release; the address is a multiple of the size. */
  | { readonly type: "load"; readonly bytes: number; readonly signed: boolean; readonly ordered?: true }
  | { readonly type: "store"; readonly bytes: number; readonly operand: Operand; readonly ordered?: true }
  | { readonly type: "atomic"; readonly bytes: 4 | 8; readonly fetch: boolean; readonly atomic: AtomicName }
  | { readonly type: "branch"; readonly width: Width; readonly operand: Operand; readonly comparison: Comparison }
  | { readonly type: "goto"; readonly distance: "offset" | "imm" }
  /** Goes there once a function has come to such instructions `MOST_TURNS` times; before that it goes on. */
  | { readonly type: "mayGoto" }
  /** `function`: a callback, the address of one of the program's own functions. */
  | { readonly type: "constant"; readonly holds: "number" | "map" | "value" | "function" }
  | { readonly type: "call"; readonly target: "helper" | "local" }
  /** r0 = a number in the packet, in network order; where the packet has no such bytes the function ends with 0. */
  | { readonly type: "packet"; readonly bytes: 1 | 2 | 4; readonly indirect: boolean }
  | { readonly type: "exit" }
  | { readonly type: "refused"; readonly reason: string };

/** BPF_MAX_LOOPS of Linux: turns after which loops end that have a `may_goto`. */
export const MOST_TURNS: number = 1 << 23;

export type AtomicName = "add" | "or" | "and" | "xor" | "xchg" | "cmpxchg";

/** A field that the row fixes (or that must be zero), or `"any"` where the instruction uses it. */
type Field = number | "any";

export interface Operation {
  readonly name: string;
  readonly code: number;
  readonly dst: Field;
  readonly src: Field;
  readonly offset: Field;
  readonly imm: Field;
  readonly text: string;
  readonly effect: Effect;
}

/** Low three bits of an opcode (RFC 9669 section 3.2). */
const CLASS = { ld: 0, ldx: 1, st: 2, stx: 3, alu: 4, jmp: 5, jmp32: 6, alu64: 7 } as const;
const SOURCE_REGISTER = 0x08;
const MODE = { imm: 0x00, abs: 0x20, ind: 0x40, mem: 0x60, memsx: 0x80, atomic: 0xc0 } as const;
/** Size bits of a memory opcode with its width in bytes. */
const SIZES = [
  { bits: 0x10, bytes: 1 },
  { bits: 0x08, bytes: 2 },
  { bits: 0x00, bytes: 4 },
  { bits: 0x18, bytes: 8 },
] as const;

/** Source field of a 64-bit immediate load (RFC 9669 section 5.4) and of a call (section 4.3.1). */
export const PSEUDO = { mapAddress: 1, mapValue: 2, function: 4, localCall: 1 } as const;

type RowFields = Partial<Pick<Operation, "dst" | "src" | "offset" | "imm">>;

function row(name: string, code: number, fields: RowFields, text: string, effect: Effect): Operation {
  return { name, code, dst: 0, src: 0, offset: 0, imm: 0, ...fields, text, effect };
}

function aluRows(): Operation[] {
  const rows: Operation[] = [];
  for (const width of [64, 32] as const) {
    const base = width === 64 ? CLASS.alu64 : CLASS.alu;
    const r = width === 64 ? "r" : "w";
    for (const alu of ALU_OPERATIONS) {
      const name = `${alu.name}${width}`;
      const offset = alu.offset;
      if (alu.operands.includes("none")) {
        const text = `${r}{d} = ${alu.symbol}${r}{d}`;
        rows.push(
          row(name, base | alu.code, { dst: "any", offset }, text, { type: "alu", width, operand: "none", alu }),
        );
      }
      if (alu.operands.includes("imm")) {
        const effect: Effect = { type: "alu", width, operand: "imm", alu };
        const fields: RowFields = { dst: "any", imm: "any", offset };
        rows.push(row(`${name}_imm`, base | alu.code, fields, `${r}{d} ${alu.symbol} {imm}`, effect));
      }
      if (alu.operands.includes("src") && alu.widths.includes(width)) {
        const effect: Effect = { type: "alu", width, operand: "src", alu };
        const fields: RowFields = { dst: "any", src: "any", offset };
        const text = `${r}{d} ${alu.symbol} ${alu.cast}${r}{s}`;
        rows.push(row(`${name}_src`, base | alu.code | SOURCE_REGISTER, fields, text, effect));
      }
    }
  }
  return rows;
}

/** Address-space casts of arena maps, which are no part of RFC 9669: moves with an offset of 1, and both spaces in the immediate. */
function castRows(): Operation[] {
  const code = CLASS.alu64 | 0xb0 | SOURCE_REGISTER;
  const cast = (name: string, imm: number, spaces: string, to: "memory" | "pointer"): Operation =>
    row(name, code, { dst: "any", src: "any", offset: 1, imm }, `r{d} = addr_space_cast(r{s}, ${spaces})`, {
      type: "cast",
      to,
    });
  return [cast("cast_kern", 1, "0x0, 0x1", "memory"), cast("cast_user", 1 << 16, "0x1, 0x0", "pointer")];
}

/** Byte swaps: the immediate is the width, the class and source bit choose le, be or an unconditional swap. */
function swapRows(): Operation[] {
  return SWAPS.map(({ name, bits, order, alu }) => {
    const code = order === "swap" ? CLASS.alu64 | 0xd0 : CLASS.alu | 0xd0 | (order === "be" ? SOURCE_REGISTER : 0);
    const effect: Effect = { type: "alu", width: 64, operand: "none", alu };
    return row(name, code, { dst: "any", imm: bits }, `r{d} = ${name} r{d}`, effect);
  });
}

function memoryRows(): Operation[] {
  const rows: Operation[] = [];
  for (const { bits, bytes } of SIZES) {
    const width = bytes * 8;
    const cell = (base: string, sign = "u"): string => `*(${sign}${width} *)(r{${base}} {off})`;
    const load: RowFields = { dst: "any", src: "any", offset: "any" };
    const ldx = CLASS.ldx | bits;
    rows.push(row(`ldx${width}`, ldx | MODE.mem, load, `r{d} = ${cell("s")}`, { type: "load", bytes, signed: false }));
    if (bytes < 8) {
      const effect: Effect = { type: "load", bytes, signed: true };
      rows.push(row(`ldxs${width}`, ldx | MODE.memsx, load, `r{d} = ${cell("s", "s")}`, effect));
    }
    const st: RowFields = { dst: "any", offset: "any", imm: "any" };
    const code = bits | MODE.mem;
    rows.push(
      row(`st${width}`, CLASS.st | code, st, `${cell("d")} = {imm}`, { type: "store", bytes, operand: "imm" }),
      row(`stx${width}`, CLASS.stx | code, load, `${cell("d")} = r{s}`, { type: "store", bytes, operand: "src" }),
    );
  }
  return rows;
}

/** Load-acquire and store-release (Linux 6.15, -mcpu=v4 of LLVM 21): atomics by their opcode, of any size. */
function orderedRows(): Operation[] {
  return SIZES.flatMap(({ bits, bytes }) => {
    const width = bytes * 8;
    const code = CLASS.stx | bits | MODE.atomic;
    const fields: RowFields = { dst: "any", src: "any", offset: "any" };
    const load: Effect = { type: "load", bytes, signed: false, ordered: true };
    const store: Effect = { type: "store", bytes, operand: "src", ordered: true };
    return [
      row(
        `load_acquire${width}`,
        code,
        { ...fields, imm: 0x100 },
        `r{d} = load_acquire((u${width} *)(r{s} {off}))`,
        load,
      ),
      row(
        `store_release${width}`,
        code,
        { ...fields, imm: 0x110 },
        `store_release((u${width} *)(r{d} {off}), r{s})`,
        store,
      ),
    ];
  });
}

/** Atomic operations (RFC 9669 section 5.3): the immediate chooses which; 32 and 64 bits only. */
function atomicRows(): Operation[] {
  const rows: Operation[] = [];
  for (const { bits, bytes } of SIZES) {
    if (bytes !== 4 && bytes !== 8) continue;
    const width = bytes * 8;
    const r = bytes === 8 ? "r" : "w";
    for (const { name, imm, fetch, text } of ATOMIC_OPERATIONS) {
      const written = text.replaceAll("{n}", String(width)).replaceAll("{r}", r);
      const fields: RowFields = { dst: "any", src: "any", offset: "any", imm };
      const effect: Effect = { type: "atomic", bytes, fetch, atomic: name };
      const label = `atomic_${fetch && imm < 0xe0 ? "fetch_" : ""}${name}${width}`;
      rows.push(row(label, CLASS.stx | bits | MODE.atomic, fields, written, effect));
    }
  }
  return rows;
}

function branchRows(): Operation[] {
  const rows: Operation[] = [];
  for (const width of [64, 32] as const) {
    const base = width === 64 ? CLASS.jmp : CLASS.jmp32;
    const r = width === 64 ? "r" : "w";
    for (const comparison of COMPARISONS) {
      const name = `${comparison.name}${width}`;
      const start = `if ${r}{d} ${comparison.symbol}`;
      const imm: RowFields = { dst: "any", imm: "any", offset: "any" };
      const src: RowFields = { dst: "any", src: "any", offset: "any" };
      rows.push(
        row(`${name}_imm`, base | comparison.code, imm, `${start} {imm} goto {jump}`, {
          type: "branch",
          width,
          operand: "imm",
          comparison,
        }),
        row(`${name}_src`, base | comparison.code | SOURCE_REGISTER, src, `${start} ${r}{s} goto {jump}`, {
          type: "branch",
          width,
          operand: "src",
          comparison,
        }),
      );
    }
  }
  return rows;
}

const LDDW = CLASS.ld | MODE.imm | 0x18;

function constantRows(): Operation[] {
  const fields = (src: number): RowFields => ({ dst: "any", src, imm: "any" });
  const refused = (name: string, src: number, reason: string): Operation =>
    row(name, LDDW, fields(src), `r{d} = ${name}({imm64}) ll`, { type: "refused", reason });
  return [
    row("lddw", LDDW, fields(0), "r{d} = {imm64} ll", { type: "constant", holds: "number" }),
    row("map", LDDW, fields(PSEUDO.mapAddress), "r{d} = map({imm64}) ll", { type: "constant", holds: "map" }),
    row("value", LDDW, fields(PSEUDO.mapValue), "r{d} = value({imm64}) ll", { type: "constant", holds: "value" }),
    refused("variable", 3, "the address of a kernel variable means nothing outside a kernel"),
    row("function", LDDW, fields(PSEUDO.function), "r{d} = function({callee}) ll", {
      type: "constant",
      holds: "function",
    }),
    refused("map_by_index", 5, "maps by index into a file descriptor array exist only inside a loader"),
    refused("value_by_index", 6, "maps by index into a file descriptor array exist only inside a loader"),
  ];
}

/** Loads from the packet, as classic BPF has them (RFC 9669 section 5.5): r6 holds the context, and r1 to r5 nothing afterwards. */
function packetRows(): Operation[] {
  return SIZES.flatMap(({ bits, bytes }) => {
    const u = `u${bytes * 8}`;
    const reason = "a load of 8 bytes from the packet (ld_abs, ld_ind) there is none";
    const effect = (indirect: boolean): Effect =>
      bytes === 8 ? { type: "refused", reason } : { type: "packet", bytes: bytes as 1 | 2 | 4, indirect };
    const [abs, ind] = [CLASS.ld | bits | MODE.abs, CLASS.ld | bits | MODE.ind];
    return [
      row(`ldabs${bytes * 8}`, abs, { imm: "any" }, `r0 = *(${u} *)skb[{imm}]`, effect(false)),
      row(`ldind${bytes * 8}`, ind, { src: "any", imm: "any" }, `r0 = *(${u} *)skb[r{s} + {imm}]`, effect(true)),
    ];
  });
}

function controlRows(): Operation[] {
  const call = CLASS.jmp | 0x80;
  return [
    row("ja", CLASS.jmp, { offset: "any" }, "goto {jump}", { type: "goto", distance: "offset" }),
    row("jal", CLASS.jmp32, { imm: "any" }, "gotol {jump32}", { type: "goto", distance: "imm" }),
    // BPF_JCOND of Linux, which is no part of RFC 9669.
    row("may_goto", CLASS.jmp | 0xe0, { offset: "any" }, "may_goto {jump}", { type: "mayGoto" }),
    row("call", call, { imm: "any" }, "call {helper}", { type: "call", target: "helper" }),
    row("call_local", call, { src: PSEUDO.localCall, imm: "any" }, "call {callee}", { type: "call", target: "local" }),
    row("call_kfunc", call, { src: 2, imm: "any", offset: "any" }, "call kfunc {imm}", {
      type: "refused",
      reason: "kernel functions (kfuncs) do not exist outside a kernel",
    }),
    row("callx", call | SOURCE_REGISTER, { dst: "any", src: "any" }, "callx r{d}", {
      type: "refused",
      reason: "a call through a register (callx) cannot be checked before it runs and Linux refuses it too",
    }),
    row("exit", CLASS.jmp | 0x90, {}, "exit", { type: "exit" }),
  ];
}

/** Every operation, refused ones included. */
export const OPERATIONS: readonly Operation[] = [
  ...aluRows(),
  ...swapRows(),
  ...castRows(),
  ...memoryRows(),
  ...atomicRows(),
  ...orderedRows(),
  ...branchRows(),
  ...constantRows(),
  ...packetRows(),
  ...controlRows(),
];

const BY_CODE: readonly (readonly Operation[])[] = Array.from({ length: 256 }, (_, code) =>
  OPERATIONS.filter((operation) => operation.code === code),
);

function fits(field: Field, value: number): boolean {
  return field === "any" || field === value;
}

/** The row of a slot, or undefined where RFC 9669 has none for it (also: a reserved field that is not zero). */
export function operationOf(slot: Instruction): Operation | undefined {
  for (const row of BY_CODE[slot.code] ?? [])
    if (fits(row.dst, slot.dst) && fits(row.src, slot.src) && fits(row.offset, slot.offset) && fits(row.imm, slot.imm))
      return row;
  return undefined;
}

/** Whether the slot is the first of a 64-bit immediate load, which takes the next slot as well. */
export function isWide(slot: Instruction): boolean {
  return slot.code === LDDW;
}

/** The 64-bit immediate of the two slots of a wide load, unsigned. */
export function wideImmediate(low: Instruction, high: Instruction): bigint {
  return BigInt.asUintN(64, (BigInt(high.imm) << 32n) | BigInt(low.imm >>> 0));
}

/** The second slot of a wide load. */
export function wideTail(value: bigint): Instruction {
  return { code: 0, dst: 0, src: 0, offset: 0, imm: Number(BigInt.asIntN(32, value >> 32n)) };
}

/** @throws {AnyctxError} BAD_OBJECT when the bytes are not whole slots; EINVAL: what is given is no bytes */
export function decodeInstructions(given: Uint8Array, what: string): Instruction[] {
  const bytes = givenBytes("decodeInstructions", "bytes", given);
  if (bytes.length % INSTRUCTION_BYTES !== 0)
    throw new AnyctxError("BAD_OBJECT", `${what}: ${bytes.length} bytes of instructions are not a multiple of 8`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const slots: Instruction[] = [];
  for (let at = 0; at < bytes.length; at += INSTRUCTION_BYTES) {
    const registers = view.getUint8(at + 1);
    slots.push({
      code: view.getUint8(at),
      dst: registers & 15,
      src: registers >> 4,
      offset: view.getInt16(at + 2, true),
      imm: view.getInt32(at + 4, true),
    });
  }
  return slots;
}

export function encodeInstructions(slots: readonly Instruction[]): Uint8Array {
  const bytes = new Uint8Array(slots.length * INSTRUCTION_BYTES);
  const view = new DataView(bytes.buffer);
  slots.forEach(({ code, dst, src, offset, imm }, index) => {
    const at = index * INSTRUCTION_BYTES;
    view.setUint8(at, code);
    view.setUint8(at + 1, dst | (src << 4));
    view.setInt16(at + 2, offset, true);
    view.setInt32(at + 4, imm, true);
  });
  return bytes;
}

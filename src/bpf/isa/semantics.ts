/**
 * What arithmetic, comparisons, swaps and atomics do: data that `instructions.ts` multiplies into opcode rows.
 *
 * `evaluate` is the reference meaning on unsigned bigints of `width` bits; its result is cut to `width` bits by the
 * caller. `wasm` is how the JIT carries it out: a plain instruction pair (32 and 64 bits) or the name of a rule in
 * `jit/arithmetic.ts` where WebAssembly's instruction differs from BPF's (it traps on division by zero, for one).
 */

type Bits = 32 | 64;
type Evaluate = (a: bigint, b: bigint, width: Bits) => bigint;

export type WasmRule =
  | "move"
  | "negate"
  | "divide"
  | "modulo"
  | "signedDivide"
  | "signedModulo"
  | "extend8"
  | "extend16"
  | "extend32"
  | "mask16"
  | "mask32"
  | "swap16"
  | "swap32"
  | "swap64"
  | "keep";

export type Wasm = { readonly plain: { readonly 32: number; readonly 64: number } } | { readonly rule: WasmRule };

export interface AluEffect {
  readonly name: string;
  readonly evaluate: Evaluate;
  readonly wasm: Wasm;
}

interface AluOperation extends AluEffect {
  readonly code: number;
  /** Offset field that tells the row from others of the same opcode (RFC 9669 section 4.1). */
  readonly offset: number;
  readonly symbol: string;
  readonly cast: string;
  readonly operands: readonly ("imm" | "src" | "none")[];
  /** Widths that the register form has. */
  readonly widths: readonly Bits[];
}

const shift = (b: bigint, width: Bits): bigint => b & BigInt(width - 1);
const signed = (value: bigint, width: Bits): bigint => BigInt.asIntN(width, value);

function alu(
  name: string,
  code: number,
  symbol: string,
  evaluate: Evaluate,
  wasm: Wasm,
  more: Partial<AluOperation> = {},
): AluOperation {
  return {
    name,
    code,
    offset: 0,
    symbol,
    cast: "",
    operands: ["imm", "src"],
    widths: [32, 64],
    evaluate,
    wasm,
    ...more,
  };
}

const plain = (i32: number, i64: number): Wasm => ({ plain: { 32: i32, 64: i64 } });

/** RFC 9669 section 4.1. Division by zero gives 0, modulo by zero leaves the destination, shifts use the low bits. */
export const ALU_OPERATIONS: readonly AluOperation[] = [
  alu("add", 0x00, "+=", (a, b) => a + b, plain(0x6a, 0x7c)),
  alu("sub", 0x10, "-=", (a, b) => a - b, plain(0x6b, 0x7d)),
  alu("mul", 0x20, "*=", (a, b) => a * b, plain(0x6c, 0x7e)),
  alu("div", 0x30, "/=", (a, b) => (b === 0n ? 0n : a / b), { rule: "divide" }),
  alu(
    "sdiv",
    0x30,
    "s/=",
    (a, b, w) => (b === 0n ? 0n : signed(a, w) / signed(b, w)),
    { rule: "signedDivide" },
    {
      offset: 1,
    },
  ),
  alu("or", 0x40, "|=", (a, b) => a | b, plain(0x72, 0x84)),
  alu("and", 0x50, "&=", (a, b) => a & b, plain(0x71, 0x83)),
  alu("lsh", 0x60, "<<=", (a, b, w) => a << shift(b, w), plain(0x74, 0x86)),
  alu("rsh", 0x70, ">>=", (a, b, w) => a >> shift(b, w), plain(0x76, 0x88)),
  alu("neg", 0x80, "-", (a) => -a, { rule: "negate" }, { operands: ["none"] }),
  alu("mod", 0x90, "%=", (a, b) => (b === 0n ? a : a % b), { rule: "modulo" }),
  alu(
    "smod",
    0x90,
    "s%=",
    (a, b, w) => (b === 0n ? a : signed(a, w) % signed(b, w)),
    { rule: "signedModulo" },
    {
      offset: 1,
    },
  ),
  alu("xor", 0xa0, "^=", (a, b) => a ^ b, plain(0x73, 0x85)),
  alu("mov", 0xb0, "=", (_, b) => b, { rule: "move" }),
  alu(
    "movsx8_",
    0xb0,
    "=",
    (_, b) => extend(b, 8),
    { rule: "extend8" },
    { offset: 8, cast: "(s8)", operands: ["src"] },
  ),
  alu(
    "movsx16_",
    0xb0,
    "=",
    (_, b) => extend(b, 16),
    { rule: "extend16" },
    {
      offset: 16,
      cast: "(s16)",
      operands: ["src"],
    },
  ),
  alu(
    "movsx32_",
    0xb0,
    "=",
    (_, b) => extend(b, 32),
    { rule: "extend32" },
    {
      offset: 32,
      cast: "(s32)",
      operands: ["src"],
      widths: [64],
    },
  ),
  alu("arsh", 0xc0, "s>>=", (a, b, w) => signed(a, w) >> shift(b, w), plain(0x75, 0x87)),
];

function extend(value: bigint, bits: number): bigint {
  return BigInt.asIntN(bits, value);
}

function swapBytes(value: bigint, bits: number): bigint {
  let result = 0n;
  for (let done = 0; done < bits; done += 8) result = (result << 8n) | ((value >> BigInt(done)) & 0xffn);
  return result;
}

interface Swap {
  readonly name: string;
  readonly bits: 16 | 32 | 64;
  readonly order: "le" | "be" | "swap";
  readonly alu: AluEffect;
}

const KEEP: Readonly<Record<16 | 32 | 64, WasmRule>> = { 16: "mask16", 32: "mask32", 64: "keep" };
const SWAP: Readonly<Record<16 | 32 | 64, WasmRule>> = { 16: "swap16", 32: "swap32", 64: "swap64" };

/** RFC 9669 section 4.2, on the little-endian memory that WebAssembly has. All cut the value to `bits`. */
export const SWAPS: readonly Swap[] = ([16, 32, 64] as const).flatMap((bits) => {
  const keep: AluEffect = { name: "keep", evaluate: (a) => BigInt.asUintN(bits, a), wasm: { rule: KEEP[bits] } };
  const swap: AluEffect = { name: "swap", evaluate: (a) => swapBytes(a, bits), wasm: { rule: SWAP[bits] } };
  return [
    { name: `le${bits}`, bits, order: "le", alu: keep },
    { name: `be${bits}`, bits, order: "be", alu: swap },
    { name: `bswap${bits}`, bits, order: "swap", alu: swap },
  ] as const;
});

export interface Comparison {
  readonly name: "jeq" | "jne" | "jset" | "jgt" | "jge" | "jlt" | "jle" | "jsgt" | "jsge" | "jslt" | "jsle";
  readonly code: number;
  readonly symbol: string;
  readonly evaluate: (a: bigint, b: bigint, width: Bits) => boolean;
  /** WebAssembly comparison for 32 and 64 bits; `bits` compares `a & b` with zero. */
  readonly wasm: { readonly 32: number; readonly 64: number } | "bits";
}

/** RFC 9669 section 4.3. */
export const COMPARISONS: readonly Comparison[] = [
  { name: "jeq", code: 0x10, symbol: "==", evaluate: (a, b) => a === b, wasm: { 32: 0x46, 64: 0x51 } },
  { name: "jgt", code: 0x20, symbol: ">", evaluate: (a, b) => a > b, wasm: { 32: 0x4b, 64: 0x56 } },
  { name: "jge", code: 0x30, symbol: ">=", evaluate: (a, b) => a >= b, wasm: { 32: 0x4f, 64: 0x5a } },
  { name: "jset", code: 0x40, symbol: "&", evaluate: (a, b) => (a & b) !== 0n, wasm: "bits" },
  { name: "jne", code: 0x50, symbol: "!=", evaluate: (a, b) => a !== b, wasm: { 32: 0x47, 64: 0x52 } },
  {
    name: "jsgt",
    code: 0x60,
    symbol: "s>",
    evaluate: (a, b, w) => signed(a, w) > signed(b, w),
    wasm: { 32: 0x4a, 64: 0x55 },
  },
  {
    name: "jsge",
    code: 0x70,
    symbol: "s>=",
    evaluate: (a, b, w) => signed(a, w) >= signed(b, w),
    wasm: { 32: 0x4e, 64: 0x59 },
  },
  { name: "jlt", code: 0xa0, symbol: "<", evaluate: (a, b) => a < b, wasm: { 32: 0x49, 64: 0x54 } },
  { name: "jle", code: 0xb0, symbol: "<=", evaluate: (a, b) => a <= b, wasm: { 32: 0x4d, 64: 0x58 } },
  {
    name: "jslt",
    code: 0xc0,
    symbol: "s<",
    evaluate: (a, b, w) => signed(a, w) < signed(b, w),
    wasm: { 32: 0x48, 64: 0x53 },
  },
  {
    name: "jsle",
    code: 0xd0,
    symbol: "s<=",
    evaluate: (a, b, w) => signed(a, w) <= signed(b, w),
    wasm: { 32: 0x4c, 64: 0x57 },
  },
];

interface AtomicOperation {
  readonly name: "add" | "or" | "and" | "xor" | "xchg" | "cmpxchg";
  readonly imm: number;
  readonly fetch: boolean;
  /** `{n}` the width in bits, `{r}` the register letter. */
  readonly text: string;
}

const FETCH = 0x01;
const cell = "(u{n} *)(r{d} {off})";
const PLAIN_ATOMICS = [
  { name: "add", imm: 0x00, symbol: "+=" },
  { name: "or", imm: 0x40, symbol: "|=" },
  { name: "and", imm: 0x50, symbol: "&=" },
  { name: "xor", imm: 0xa0, symbol: "^=" },
] as const;

/** RFC 9669 section 5.3. */
export const ATOMIC_OPERATIONS: readonly AtomicOperation[] = [
  ...PLAIN_ATOMICS.flatMap(({ name, imm, symbol }) => [
    { name, imm, fetch: false, text: `lock *${cell} ${symbol} {r}{s}` },
    { name, imm: imm | FETCH, fetch: true, text: `{r}{s} = atomic_fetch_${name}(${cell}, {r}{s})` },
  ]),
  { name: "xchg", imm: 0xe0 | FETCH, fetch: true, text: "{r}{s} = xchg_{n}(r{d} {off}, {r}{s})" },
  { name: "cmpxchg", imm: 0xf0 | FETCH, fetch: true, text: "{r}0 = cmpxchg_{n}(r{d} {off}, {r}0, {r}{s})" },
];

/**
 * WebAssembly's binary format: as much of it as compiled programs use (core specification 2.0 chapter 5, and the
 * threads proposal for shared memory and atomics).
 */

/** Bytes in memory of their own, not shared: a type that older compilers name otherwise. */
type OwnBytes = ReturnType<Uint8Array["slice"]>;

/** A growing byte buffer with the format's variable-length integers. */
export class ByteWriter {
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array(1024);
  length = 0;

  byte(value: number): this {
    if (this.length === this.#bytes.length) this.#grow(1);
    this.#bytes[this.length++] = value;
    return this;
  }

  /** One or more opcode bytes. */
  op(...values: readonly number[]): this {
    for (const value of values) this.byte(value);
    return this;
  }

  append(bytes: Uint8Array): this {
    if (this.length + bytes.length > this.#bytes.length) this.#grow(bytes.length);
    this.#bytes.set(bytes, this.length);
    this.length += bytes.length;
    return this;
  }

  /** Unsigned LEB128 of 32 bits. */
  u32(value: number): this {
    let rest = value >>> 0;
    while (rest >= 0x80) {
      this.byte((rest & 0x7f) | 0x80);
      rest >>>= 7;
    }
    return this.byte(rest);
  }

  /** Signed LEB128 of a number of at most 32 bits; also the form of such a number as a 64-bit constant. */
  s32(value: number): this {
    let rest = value | 0;
    while (rest < -64 || rest > 63) {
      this.byte((rest & 0x7f) | 0x80);
      rest >>= 7;
    }
    return this.byte(rest & 0x7f);
  }

  /** Signed LEB128 of 64 bits. */
  s64(value: bigint): this {
    let rest = BigInt.asIntN(64, value);
    while (rest < -64n || rest > 63n) {
      this.byte(Number(rest & 0x7fn) | 0x80);
      rest >>= 7n;
    }
    return this.byte(Number(rest & 0x7fn));
  }

  name(text: string): this {
    const bytes = new TextEncoder().encode(text);
    return this.u32(bytes.length).append(bytes);
  }

  /** Bytes preceded by their length. */
  sized(bytes: Uint8Array): this {
    return this.u32(bytes.length).append(bytes);
  }

  bytes(): OwnBytes {
    return this.#bytes.subarray(0, this.length);
  }

  #grow(needed: number): void {
    const larger = new Uint8Array(Math.max(this.#bytes.length * 2, this.length + needed));
    larger.set(this.#bytes);
    this.#bytes = larger;
  }
}

export const TYPE = { i32: 0x7f, i64: 0x7e, empty: 0x40, function: 0x60 } as const;

export const OP = {
  unreachable: 0x00,
  block: 0x02,
  loop: 0x03,
  if: 0x04,
  else: 0x05,
  end: 0x0b,
  br: 0x0c,
  brIf: 0x0d,
  brTable: 0x0e,
  return: 0x0f,
  call: 0x10,
  select: 0x1b,
  localGet: 0x20,
  localSet: 0x21,
  localTee: 0x22,
  globalGet: 0x23,
  globalSet: 0x24,
  i32Load: 0x28,
  i64Load: 0x29,
  i64Load8S: 0x30,
  i64Load8U: 0x31,
  i64Load16S: 0x32,
  i64Load16U: 0x33,
  i64Load32S: 0x34,
  i64Load32U: 0x35,
  i64Store: 0x37,
  i64Store8: 0x3c,
  i64Store16: 0x3d,
  i64Store32: 0x3e,
  i32Const: 0x41,
  i64Const: 0x42,
  i32Eqz: 0x45,
  i32LtU: 0x49,
  i64Eqz: 0x50,
  i64Eq: 0x51,
  i64Ne: 0x52,
  i64LtU: 0x54,
  i64GeU: 0x5a,
  i32Add: 0x6a,
  i32Sub: 0x6b,
  i32Mul: 0x6c,
  i32DivS: 0x6d,
  i32DivU: 0x6e,
  i32RemS: 0x6f,
  i32RemU: 0x70,
  i32And: 0x71,
  i32Or: 0x72,
  i32Shl: 0x74,
  i32ShrU: 0x76,
  i32Rotl: 0x77,
  i64Add: 0x7c,
  i64Sub: 0x7d,
  i64DivS: 0x7f,
  i64DivU: 0x80,
  i64RemS: 0x81,
  i64RemU: 0x82,
  i64And: 0x83,
  i64Or: 0x84,
  i64Xor: 0x85,
  i64Shl: 0x86,
  i64ShrU: 0x88,
  i64Rotl: 0x89,
  i32WrapI64: 0xa7,
  i64ExtendI32S: 0xac,
  i64ExtendI32U: 0xad,
  i32Extend8S: 0xc0,
  i32Extend16S: 0xc1,
  i64Extend8S: 0xc2,
  i64Extend16S: 0xc3,
  i64Extend32S: 0xc4,
  atomic: 0xfe,
} as const;

/** Opcodes after the `atomic` prefix, for i32 and i64. */
export const ATOMIC: Readonly<Record<string, { readonly 4: number; readonly 8: number }>> = {
  add: { 4: 0x1e, 8: 0x1f },
  and: { 4: 0x2c, 8: 0x2d },
  or: { 4: 0x33, 8: 0x34 },
  xor: { 4: 0x3a, 8: 0x3b },
  xchg: { 4: 0x41, 8: 0x42 },
  cmpxchg: { 4: 0x48, 8: 0x49 },
};

/** Sub-opcodes of i64's atomic loads and stores, by bytes. */
export const ATOMIC_LOAD: Readonly<Record<number, number>> = { 1: 0x14, 2: 0x15, 4: 0x16, 8: 0x11 };
export const ATOMIC_STORE: Readonly<Record<number, number>> = { 1: 0x1b, 2: 0x1c, 4: 0x1d, 8: 0x18 };

export interface FunctionType {
  readonly parameters: readonly number[];
  readonly results: readonly number[];
}

export interface WasmImport {
  readonly module: string;
  readonly name: string;
  readonly type: FunctionType;
}

export interface WasmFunction {
  readonly type: FunctionType;
  /** Types of the locals after the parameters. */
  readonly locals: readonly number[];
  /** Instructions without the final `end`. */
  readonly code: Uint8Array;
}

export interface WasmModule {
  readonly imports: readonly WasmImport[];
  /** i32 constants imported as `layout.<name>`; they are the first globals. */
  readonly constants: readonly string[];
  /** Number of mutable i32 globals, zero at first, after the constants. */
  readonly globals: number;
  readonly functions: readonly WasmFunction[];
  /** Exported functions: name and index among `functions`. */
  readonly exports: readonly { readonly name: string; readonly index: number }[];
}

const SECTION = { type: 1, import: 2, function: 3, global: 6, export: 7, code: 10 } as const;
const PREAMBLE = [0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00];
/** Limits of a shared memory with a maximum, as core.wasm has them: any shared memory up to 4 GiB is accepted. */
const SHARED_LIMITS = 0x03;
const MAXIMUM_PAGES = 65536;

function vector<T>(items: readonly T[], write: (out: ByteWriter, item: T) => void): Uint8Array {
  const out = new ByteWriter().u32(items.length);
  for (const item of items) write(out, item);
  return out.bytes();
}

const keyOf = (type: FunctionType): string => `${type.parameters.join()}:${type.results.join()}`;

function importSection(module: WasmModule, typeIndex: (type: FunctionType) => number): Uint8Array {
  const out = new ByteWriter().u32(1 + module.constants.length + module.imports.length);
  out.name("env").name("memory").op(0x02, SHARED_LIMITS).u32(1).u32(MAXIMUM_PAGES);
  for (const name of module.constants) out.name("layout").name(name).op(0x03, TYPE.i32, 0x00);
  for (const { module: from, name, type } of module.imports) out.name(from).name(name).byte(0x00).u32(typeIndex(type));
  return out.bytes();
}

/** Locals as runs of one type. */
function writeLocals(out: ByteWriter, locals: readonly number[]): void {
  const runs: { type: number; count: number }[] = [];
  for (const type of locals) {
    const last = runs.at(-1);
    if (last?.type === type) last.count++;
    else runs.push({ type, count: 1 });
  }
  out.u32(runs.length);
  for (const { type, count } of runs) out.u32(count).byte(type);
}

function writeFunction(out: ByteWriter, { locals, code }: WasmFunction): void {
  const body = new ByteWriter();
  writeLocals(body, locals);
  out.sized(body.append(code).byte(OP.end).bytes());
}

/** The bytes of the module. Function indexes count the imports first. */
export function encodeModule(module: WasmModule): OwnBytes {
  const types: FunctionType[] = [];
  const indexes = new Map<string, number>();
  const typeIndex = (type: FunctionType): number => {
    const key = keyOf(type);
    const known = indexes.get(key);
    if (known !== undefined) return known;
    indexes.set(key, types.length);
    return types.push(type) - 1;
  };
  const imports = importSection(module, typeIndex);
  const functions = vector(module.functions, (out, { type }) => out.u32(typeIndex(type)));
  const globals = vector(new Array<undefined>(module.globals).fill(undefined), (out) =>
    out.op(TYPE.i32, 0x01, OP.i32Const, 0x00, OP.end),
  );
  const exports = vector(module.exports, (out, { name, index }) =>
    out
      .name(name)
      .byte(0x00)
      .u32(module.imports.length + index),
  );
  const signatures = vector(types, (out, { parameters, results }) => {
    out
      .byte(TYPE.function)
      .u32(parameters.length)
      .op(...parameters)
      .u32(results.length)
      .op(...results);
  });
  const out = new ByteWriter().op(...PREAMBLE);
  out.byte(SECTION.type).sized(signatures);
  out.byte(SECTION.import).sized(imports);
  out.byte(SECTION.function).sized(functions);
  out.byte(SECTION.global).sized(globals);
  out.byte(SECTION.export).sized(exports);
  out.byte(SECTION.code).sized(vector(module.functions, writeFunction));
  return out.bytes();
}

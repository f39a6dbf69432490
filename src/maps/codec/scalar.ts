/**
 * Codecs of numbers: one word each, little-endian at its natural alignment. A number is held exactly or refused: what is out
 * of range, a fraction, NaN where there is none, a number where a bigint belongs.
 *
 * As `Map` has them: -0 and 0 are one key, and NaN is one. A value that is -0 stays -0 (`f32`, `f64`) or is refused.
 */
import type { Accessor, Codec, Description, Role, ScalarName } from "./accessor.ts";
import { refusal } from "./refusal.ts";

type Bind<T> = (buffer: ArrayBufferLike, offset: number, role?: Role) => Accessor<T>;

function scalar<T>(name: ScalarName, size: number, bind: Bind<T>): Codec<T> {
  return { size, align: size, description: name, bind };
}

function whole(name: ScalarName, least: number | bigint, most: number | bigint): (value: unknown) => Error {
  const kind = typeof least === "bigint" ? "bigints" : "whole numbers";
  return (value) => refusal(name, `${kind} from ${least} to ${most}`, value);
}

/** What no integer can hold. As a key it is 0, as in Map. */
function isMinusZero(value: number, role: Role): boolean {
  return value === 0 && role === "value" && Object.is(value, -0);
}

const noU8 = whole("u8", 0, 255);
const noU16 = whole("u16", 0, 65535);
const noU32 = whole("u32", 0, 2 ** 32 - 1);
const noU64 = whole("u64", 0n, 2n ** 64n - 1n);
const noI8 = whole("i8", -128, 127);
const noI16 = whole("i16", -32768, 32767);
const noI32 = whole("i32", -(2 ** 31), 2 ** 31 - 1);
const noI64 = whole("i64", -(2n ** 63n), 2n ** 63n - 1n);

/** Whether a word of 32 bits holds a key exactly: for keys that go to the core as they are. */
export function holdsU32(value: unknown): boolean {
  return typeof value === "number" && value >>> 0 === value;
}

export function holdsI32(value: unknown): boolean {
  return typeof value === "number" && (value | 0) === value;
}

// Every scalar has accessors of its own, though they read alike: code that V8 sees with one kind of array only stores
// to it directly, shared code would look the kind up at each access.
export const u8: Codec<number> = scalar("u8", 1, (buffer, offset, role = "value") => {
  const place = new Uint8Array(buffer, offset, 1);
  return {
    read: () => place[0] as number,
    write: (value) => {
      if (typeof value !== "number" || (value & 0xff) !== value || isMinusZero(value, role)) throw noU8(value);
      place[0] = value;
    },
  };
});
export const u16: Codec<number> = scalar("u16", 2, (buffer, offset, role = "value") => {
  const place = new Uint16Array(buffer, offset, 1);
  return {
    read: () => place[0] as number,
    write: (value) => {
      if (typeof value !== "number" || (value & 0xffff) !== value || isMinusZero(value, role)) throw noU16(value);
      place[0] = value;
    },
  };
});
export const u32: Codec<number> = scalar("u32", 4, (buffer, offset, role = "value") => {
  const place = new Uint32Array(buffer, offset, 1);
  return {
    read: () => place[0] as number,
    write: (value) => {
      if (!holdsU32(value) || isMinusZero(value, role)) throw noU32(value);
      place[0] = value;
    },
  };
});
export const u64: Codec<bigint> = scalar("u64", 8, (buffer, offset) => {
  const place = new BigUint64Array(buffer, offset, 1);
  return {
    read: () => place[0] as bigint,
    write: (value) => {
      if (typeof value !== "bigint" || BigInt.asUintN(64, value) !== value) throw noU64(value);
      place[0] = value;
    },
  };
});
export const i8: Codec<number> = scalar("i8", 1, (buffer, offset, role = "value") => {
  const place = new Int8Array(buffer, offset, 1);
  return {
    read: () => place[0] as number,
    write: (value) => {
      if (typeof value !== "number" || (value << 24) >> 24 !== value || isMinusZero(value, role)) throw noI8(value);
      place[0] = value;
    },
  };
});
export const i16: Codec<number> = scalar("i16", 2, (buffer, offset, role = "value") => {
  const place = new Int16Array(buffer, offset, 1);
  return {
    read: () => place[0] as number,
    write: (value) => {
      if (typeof value !== "number" || (value << 16) >> 16 !== value || isMinusZero(value, role)) throw noI16(value);
      place[0] = value;
    },
  };
});
export const i32: Codec<number> = scalar("i32", 4, (buffer, offset, role = "value") => {
  const place = new Int32Array(buffer, offset, 1);
  return {
    read: () => place[0] as number,
    write: (value) => {
      if (!holdsI32(value) || isMinusZero(value, role)) throw noI32(value);
      place[0] = value;
    },
  };
});
export const i64: Codec<bigint> = scalar("i64", 8, (buffer, offset) => {
  const place = new BigInt64Array(buffer, offset, 1);
  return {
    read: () => place[0] as bigint,
    write: (value) => {
      if (typeof value !== "bigint" || BigInt.asIntN(64, value) !== value) throw noI64(value);
      place[0] = value;
    },
  };
});
/** Numbers that have 32 bits: `Math.fround(0.1)`, but not `0.1`, which would come back as another number. */
export const f32: Codec<number> = scalar("f32", 4, (buffer, offset, role = "value") => {
  const place = new Float32Array(buffer, offset, 1);
  return {
    read: () => place[0] as number,
    write: (value) => {
      if (typeof value !== "number" || !(Math.fround(value) === value || Number.isNaN(value)))
        throw refusal("f32", "numbers of 32 bits (see Math.fround)", value);
      place[0] = role === "key" ? oneOf(value) : value;
    },
  };
});
export const f64: Codec<number> = scalar("f64", 8, (buffer, offset, role = "value") => {
  const place = new Float64Array(buffer, offset, 1);
  return {
    read: () => place[0] as number,
    write: (value) => {
      if (typeof value !== "number") throw refusal("f64", "numbers", value);
      place[0] = role === "key" ? oneOf(value) : value;
    },
  };
});

/** What stands for all keys that Map takes for the same: 0 for -0, and one NaN, whose bits may be any. */
function oneOf(value: number): number {
  return value === 0 ? 0 : Number.isNaN(value) ? Number.NaN : value;
}

export const SCALARS: Readonly<Record<ScalarName, Codec<number> | Codec<bigint>>> = {
  u8,
  u16,
  u32,
  u64,
  i8,
  i16,
  i32,
  i64,
  f32,
  f64,
};

/** Whether a codec is one of these. */
export function isScalar(description: Description): description is ScalarName {
  return typeof description === "string" && description !== "none";
}

/** Words of a kind, side by side. */
export type ScalarArray =
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | Int8Array
  | Int16Array
  | Int32Array
  | Float32Array
  | Float64Array
  | BigUint64Array
  | BigInt64Array;

interface ScalarArrayMaker {
  new (length: number): ScalarArray;
  new (buffer: ArrayBufferLike, offset: number, length: number): ScalarArray;
}

/** The typed array that has a codec's words. */
export const SCALAR_ARRAYS: Readonly<
  Record<ScalarName, { readonly array: ScalarArrayMaker; readonly isFloat: boolean }>
> = {
  u8: { array: Uint8Array, isFloat: false },
  u16: { array: Uint16Array, isFloat: false },
  u32: { array: Uint32Array, isFloat: false },
  u64: { array: BigUint64Array, isFloat: false },
  i8: { array: Int8Array, isFloat: false },
  i16: { array: Int16Array, isFloat: false },
  i32: { array: Int32Array, isFloat: false },
  i64: { array: BigInt64Array, isFloat: false },
  f32: { array: Float32Array, isFloat: true },
  f64: { array: Float64Array, isFloat: true },
};

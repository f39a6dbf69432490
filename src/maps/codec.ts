/**
 * Codecs: how a JavaScript value lies in memory. Integers are little-endian at their natural alignment and structs are
 * laid out as C does, so that a program compiled from C sees the same bytes.
 *
 * A codec is bound once to a place in memory and then reads and writes there; nothing is allocated per operation
 * except the values themselves.
 */
import { AnyctxError } from "../error.ts";

export interface Accessor<T> {
  read(): T;
  write(value: T): void;
}

export interface Codec<T> {
  /** Bytes, a multiple of `align`. */
  readonly size: number;
  readonly align: number;
  /** What `codecFrom` makes the same codec of again, on another thread. */
  readonly description: Description;
  bind(buffer: ArrayBufferLike, offset: number): Accessor<T>;
}

export type Description =
  | ScalarName
  | "none"
  | { readonly bytes: number }
  | { readonly string: number }
  | { readonly array: readonly [Description, number] }
  | { readonly struct: readonly (readonly [string, Description])[] };

type NumberName = "u8" | "u16" | "u32" | "i8" | "i16" | "i32" | "f32" | "f64";
type BigName = "u64" | "i64";
type ScalarName = NumberName | BigName;

type Bind<T> = (buffer: ArrayBufferLike, offset: number) => Accessor<T>;

function scalar<T>(name: ScalarName, size: number, bind: Bind<T>): Codec<T> {
  return { size, align: size, description: name, bind };
}

// Every scalar has accessors of its own, though they read alike: code that V8 sees with one kind of array only stores
// to it directly, shared code would look the kind up at each access.
export const u8: Codec<number> = scalar("u8", 1, (buffer, offset) => {
  const place = new Uint8Array(buffer, offset, 1);
  return {
    read: () => place[0] as number,
    write: (value) => {
      place[0] = value;
    },
  };
});
export const u16: Codec<number> = scalar("u16", 2, (buffer, offset) => {
  const place = new Uint16Array(buffer, offset, 1);
  return {
    read: () => place[0] as number,
    write: (value) => {
      place[0] = value;
    },
  };
});
export const u32: Codec<number> = scalar("u32", 4, (buffer, offset) => {
  const place = new Uint32Array(buffer, offset, 1);
  return {
    read: () => place[0] as number,
    write: (value) => {
      place[0] = value;
    },
  };
});
export const u64: Codec<bigint> = scalar("u64", 8, (buffer, offset) => {
  const place = new BigUint64Array(buffer, offset, 1);
  return {
    read: () => place[0] as bigint,
    write: (value) => {
      place[0] = value;
    },
  };
});
export const i8: Codec<number> = scalar("i8", 1, (buffer, offset) => {
  const place = new Int8Array(buffer, offset, 1);
  return {
    read: () => place[0] as number,
    write: (value) => {
      place[0] = value;
    },
  };
});
export const i16: Codec<number> = scalar("i16", 2, (buffer, offset) => {
  const place = new Int16Array(buffer, offset, 1);
  return {
    read: () => place[0] as number,
    write: (value) => {
      place[0] = value;
    },
  };
});
export const i32: Codec<number> = scalar("i32", 4, (buffer, offset) => {
  const place = new Int32Array(buffer, offset, 1);
  return {
    read: () => place[0] as number,
    write: (value) => {
      place[0] = value;
    },
  };
});
export const i64: Codec<bigint> = scalar("i64", 8, (buffer, offset) => {
  const place = new BigInt64Array(buffer, offset, 1);
  return {
    read: () => place[0] as bigint,
    write: (value) => {
      place[0] = value;
    },
  };
});
export const f32: Codec<number> = scalar("f32", 4, (buffer, offset) => {
  const place = new Float32Array(buffer, offset, 1);
  return {
    read: () => place[0] as number,
    write: (value) => {
      place[0] = value;
    },
  };
});
export const f64: Codec<number> = scalar("f64", 8, (buffer, offset) => {
  const place = new Float64Array(buffer, offset, 1);
  return {
    read: () => place[0] as number,
    write: (value) => {
      place[0] = value;
    },
  };
});

function checkLength(what: string, length: number): void {
  if (!Number.isInteger(length) || length < 1)
    throw new AnyctxError("EINVAL", `${what} needs a positive whole number of bytes, not ${length}`);
}

/** The key of a map that has no keys (a queue): nothing is written, nothing read. */
export const none: Codec<undefined> = {
  size: 0,
  align: 1,
  description: "none",
  bind: () => ({ read: () => undefined, write: () => undefined }),
};

/** Exactly `length` bytes; a shorter value is refused, `read` gives a copy. */
export function bytes(length: number): Codec<Uint8Array> {
  checkLength("bytes()", length);
  return {
    size: length,
    align: 1,
    description: { bytes: length },
    bind(buffer, offset) {
      const place = new Uint8Array(buffer, offset, length);
      return {
        read: () => place.slice(),
        write: (value) => {
          if (value.length !== length)
            throw new AnyctxError("EINVAL", `bytes(${length}) got a value of ${value.length} bytes`);
          place.set(value);
        },
      };
    },
  };
}

/** Encodes UTF-8 by hand: an AudioWorklet has no TextEncoder. Returns the number of bytes the text needs. */
export function encodeUtf8(text: string, into: Uint8Array): number {
  let at = 0;
  for (const character of text) {
    const point = character.codePointAt(0) ?? 0;
    if (point < 0x80) into[at++] = point;
    else {
      const extra = point < 0x800 ? 1 : point < 0x10000 ? 2 : 3;
      const lead = [0, 0xc0, 0xe0, 0xf0][extra] ?? 0;
      into[at++] = lead | (point >> (6 * extra));
      for (let rest = extra - 1; rest >= 0; rest--) into[at++] = 0x80 | ((point >> (6 * rest)) & 0x3f);
    }
  }
  return at;
}

/** Decodes UTF-8 up to the first NUL; broken sequences become U+FFFD. */
export function decodeUtf8(from: Uint8Array): string {
  let text = "";
  for (let at = 0; at < from.length; ) {
    const first = from[at++] ?? 0;
    if (first === 0) break;
    const extra = first < 0x80 ? 0 : first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : first >= 0xc0 ? 1 : -1;
    if (extra < 0) {
      text += "\ufffd";
      continue;
    }
    let point = extra === 0 ? first : first & (0x3f >> extra);
    let rest = extra;
    for (; rest > 0 && ((from[at] ?? 0) & 0xc0) === 0x80; rest--) point = (point << 6) | ((from[at++] ?? 0) & 0x3f);
    text += rest === 0 && point <= 0x10ffff ? String.fromCodePoint(point) : "\ufffd";
  }
  return text;
}

/** Text of at most `length` bytes of UTF-8, NUL padded (not terminated when it fills them). */
export function string(length: number): Codec<string> {
  checkLength("string()", length);
  return {
    size: length,
    align: 1,
    description: { string: length },
    bind(buffer, offset) {
      const place = new Uint8Array(buffer, offset, length);
      return {
        read: () => decodeUtf8(place),
        write: (value) => {
          // A typed array ignores writes beyond its end, so an oversized text is found before anything else uses it.
          place.fill(0);
          const needed = encodeUtf8(value, place);
          if (needed > length) throw new AnyctxError("EINVAL", `string(${length}) got a text of ${needed} bytes`);
        },
      };
    },
  };
}

/** `length` values of one type; fewer or more are refused. */
export function array<T>(element: Codec<T>, length: number): Codec<T[]> {
  checkLength("array()", length);
  return {
    size: element.size * length,
    align: element.align,
    description: { array: [element.description, length] },
    bind(buffer, offset) {
      const places = Array.from({ length }, (_, index) => element.bind(buffer, offset + index * element.size));
      return {
        read: () => places.map((place) => place.read()),
        write: (value) => {
          if (value.length !== length)
            throw new AnyctxError("EINVAL", `array of ${length} got a value of ${value.length} elements`);
          for (const [index, place] of places.entries()) place.write(value[index] as T);
        },
      };
    },
  };
}

type Fields = Readonly<Record<string, Codec<unknown>>>;
type StructOf<F extends Fields> = { [Name in keyof F]: F[Name] extends Codec<infer T> ? T : never };

/** Fields in the order given, each at its natural alignment, the whole rounded up to the largest: as in C. */
export function struct<F extends Fields>(fields: F): Codec<StructOf<F>> {
  const entries = Object.entries(fields);
  let end = 0;
  let align = 1;
  const offsets = entries.map(([, codec]) => {
    const offset = roundUp(end, codec.align);
    end = offset + codec.size;
    align = Math.max(align, codec.align);
    return offset;
  });
  if (end === 0) throw new AnyctxError("EINVAL", "struct() needs at least one field");
  return {
    size: roundUp(end, align),
    align,
    description: { struct: entries.map(([name, codec]) => [name, codec.description] as const) },
    bind(buffer, offset) {
      const places = entries.map(
        ([name, codec], index) => [name, codec.bind(buffer, offset + (offsets[index] ?? 0))] as const,
      );
      return {
        read: () => Object.fromEntries(places.map(([name, place]) => [name, place.read()])) as StructOf<F>,
        write: (value) => {
          for (const [name, place] of places) place.write(value[name]);
        },
      };
    },
  };
}

function roundUp(value: number, unit: number): number {
  return Math.ceil(value / unit) * unit;
}

const SCALARS: Readonly<Record<ScalarName, Codec<number> | Codec<bigint>>> = {
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

/** The codec that a description was taken from. */
export function codecFrom(description: Description): Codec<unknown> {
  if (description === "none") return none as Codec<unknown>;
  if (typeof description === "string") return SCALARS[description] as Codec<unknown>;
  if ("bytes" in description) return bytes(description.bytes) as Codec<unknown>;
  if ("string" in description) return string(description.string) as Codec<unknown>;
  if ("array" in description) return array(codecFrom(description.array[0]), description.array[1]) as Codec<unknown>;
  const fields = description.struct.map(([name, field]) => [name, codecFrom(field)] as const);
  return struct(Object.fromEntries(fields)) as Codec<unknown>;
}

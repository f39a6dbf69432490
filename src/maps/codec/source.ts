/**
 * A codec as source text: what reads and writes a value at a fixed place, in straight lines. Accessors that a map has for itself are
 * compiled for its types alone; those that maps share are compiled for none.
 *
 * Writing has steps, because to read what was given may run code of whoever made it (getters, proxies), and that may even close
 * the map: first everything is read into variables and checked, then the map is asked whether it is still open, then the
 * variables are stored. Whatever does not fit leaves the block `fast`: the accessors of maps/codec/codec.ts then say why.
 */
import type { Description, Role, ScalarName } from "./accessor.ts";
import { codecFrom, paddingOf, placeFields } from "./codec.ts";

export interface WriteSource {
  /** Statements that read and check. */
  readonly read: string;
  /** Statements that store. A text may still turn out not to fit. */
  readonly store: string;
}

export interface CodecSource {
  /** An expression. */
  readonly value: string;
  /** @param given a variable's name, with which the names of others begin */
  write(given: string): WriteSource;
}

/** Arrays of more elements are not written out. */
const MOST_ELEMENTS = 16;
/** Texts of up to so many bytes are put together word by word. */
const SHORT_TEXT = 32;
const WORD_BYTES = 4;
const LEAVE = "break fast;";

/** How a scalar is stored: its view, and what must hold of a variable `$`; as a key where that differs. */
interface ScalarSource {
  readonly view: string;
  readonly fits: string;
  readonly fitsAsKey?: string;
  readonly storedAsKey?: string;
}

/** No integer has -0 as its value. */
const NO_MINUS_ZERO = "($ !== 0 || 1 / $ > 0)";
/** One form of what Map takes for the same key. */
const ONE_OF = "($ === 0 ? 0 : $ !== $ ? NaN : $)";

function integer(view: string, same: string): ScalarSource {
  const fits = `typeof $ === "number" && ${same}`;
  return { view, fits: `${fits} && ${NO_MINUS_ZERO}`, fitsAsKey: fits };
}

const SCALARS: Readonly<Record<ScalarName, ScalarSource>> = {
  u8: integer("U8", "($ & 0xff) === $"),
  u16: integer("U16", "($ & 0xffff) === $"),
  u32: integer("U32", "$ >>> 0 === $"),
  i8: integer("I8", "($ << 24) >> 24 === $"),
  i16: integer("I16", "($ << 16) >> 16 === $"),
  i32: integer("I32", "($ | 0) === $"),
  u64: { view: "U64", fits: 'typeof $ === "bigint" && BigInt.asUintN(64, $) === $' },
  i64: { view: "I64", fits: 'typeof $ === "bigint" && BigInt.asIntN(64, $) === $' },
  f32: { view: "F32", fits: 'typeof $ === "number" && (fround($) === $ || $ !== $)', storedAsKey: ONE_OF },
  f64: { view: "F64", fits: 'typeof $ === "number"', storedAsKey: ONE_OF },
};

/** Bytes of an element of a view. */
function widthOf(view: string): number {
  return Number(view.slice(1)) / 8;
}

function scalarSource(name: ScalarName, at: number, role: Role): CodecSource {
  const { view, fits, fitsAsKey = fits, storedAsKey = "$" } = SCALARS[name];
  const place = `${view}[${at / widthOf(view)}]`;
  const [rule, stored] = role === "key" ? [fitsAsKey, storedAsKey] : [fits, "$"];
  return {
    value: place,
    write: (given) => ({
      read: `if (!(${rule.replaceAll("$", given)})) ${LEAVE}`,
      store: `${place} = ${stored.replaceAll("$", given)};`,
    }),
  };
}

function bytesSource(length: number, at: number): CodecSource {
  return {
    value: `U8.slice(${at}, ${at + length})`,
    write: (given) => ({
      read: `if (kindOf(${given}) !== "Uint8Array" || lengthOf(${given}) !== ${length}) ${LEAVE}`,
      store: `U8.set(${given}, ${at});`,
    }),
  };
}

/** ASCII is written here, other texts by the accessors. */
function textSource(length: number, at: number): CodecSource {
  const write = isInWords(length, at) ? textInWords : textInBytes;
  return { value: `textOf(U8, ${at}, ${at + length})`, write: (given) => write(length, at, given) };
}

function isInWords(length: number, at: number): boolean {
  return at % WORD_BYTES === 0 && length % WORD_BYTES === 0 && length <= SHORT_TEXT;
}

function textInBytes(length: number, at: number, given: string): WriteSource {
  const [index, code] = [`${given}_at`, `${given}_code`];
  return {
    read: `if (typeof ${given} !== "string" || ${given}.length > ${length}) ${LEAVE}`,
    store: `let ${index} = 0;
      for (; ${index} < ${given}.length; ${index}++) {
        const ${code} = ${given}.charCodeAt(${index});
        if (${code} === 0 || ${code} > 127) ${LEAVE}
        U8[${at} + ${index}] = ${code};
      }
      U8.fill(0, ${at} + ${index}, ${at + length});`,
  };
}

/** The words that a text is, each in a variable of its own: what the core reads next by words must not have been stored by bytes. */
function textInWords(length: number, at: number, given: string): WriteSource {
  const words = Array.from({ length: length / WORD_BYTES }, (_, word) => `${given}_w${word}`);
  const [code, all] = [`${given}_code`, `${given}_all`];
  // From the last character down. A NUL has all bits of what is one less.
  const cases = Array.from({ length }, (_, index) => {
    const shift = (index % WORD_BYTES) * 8;
    return `case ${index + 1}: ${code} = ${given}.charCodeAt(${index}); ${all} |= ${code} | (${code} - 1);
      ${words[Math.floor(index / WORD_BYTES)]} |= ${code} << ${shift};`;
  });
  return {
    read: `if (typeof ${given} !== "string") ${LEAVE}
      let ${[code, all, ...words].map((name) => `${name} = 0`).join(", ")};
      switch (${given}.length) {
        ${cases.reverse().join("\n")}
        case 0: break;
        default: ${LEAVE}
      }
      if ((${all} & ~127) !== 0) ${LEAVE}`,
    store: words.map((name, word) => `I32[${at / WORD_BYTES + word}] = ${name};`).join(" "),
  };
}

/** How a text is written that the next operation is often given again, as by a set, then a delete. */
export interface Remembering {
  /** Statements that come before all operations: the last text and the words that it is, this thread's own. */
  readonly declarations: string;
  readonly remember: CodecSource["write"];
  /** To look whether it is the last text costs a third of what it may save. */
  readonly recall: CodecSource["write"];
}

/** @returns undefined: it is no text, or one that is not put together word by word */
export function rememberingSource(description: Description, at: number): Remembering | undefined {
  if (typeof description === "string" || !("string" in description) || !isInWords(description.string, at))
    return undefined;
  const length = description.string;
  const words = Array.from({ length: length / WORD_BYTES }, (_, word) => word);
  const remember = (given: string): WriteSource => {
    const { read, store } = textInWords(length, at, given);
    const keep = words.map((word) => `lastWords[${word}] = ${given}_w${word};`).join(" ");
    return { read: `${read}\n${keep}\nlastText = ${given};`, store };
  };
  return {
    declarations: `let lastText = ""; const lastWords = new Int32Array(${words.length});`,
    remember,
    recall: (given) => ({
      read: `if (${given} !== lastText) {\n${remember(given).read}\n}`,
      store: words.map((word) => `I32[${at / WORD_BYTES + word}] = lastWords[${word}];`).join(" "),
    }),
  };
}

type Part = readonly [access: string, source: CodecSource];

/** @param whole what must hold of the whole before its parts are read */
function writeParts(parts: readonly Part[], given: string, whole: string): WriteSource {
  const reads: string[] = [whole];
  const stores: string[] = [];
  for (const [index, [access, source]] of parts.entries()) {
    const part = `${given}_${index}`;
    const { read, store } = source.write(part);
    reads.push(`const ${part} = ${given}${access};`, read);
    stores.push(store);
  }
  return { read: reads.join("\n"), store: stores.join("\n") };
}

function arraySource(element: Description, length: number, at: number, role: Role): CodecSource | undefined {
  if (length > MOST_ELEMENTS) return undefined;
  const { size } = codecFrom(element);
  const parts: Part[] = [];
  for (let index = 0; index < length; index++) {
    const source = codecSource(element, at + index * size, role);
    if (source === undefined) return undefined;
    parts.push([`[${index}]`, source]);
  }
  return {
    value: `[${parts.map(([, source]) => source.value).join(", ")}]`,
    write: (given) =>
      writeParts(parts, given, `if (!Array.isArray(${given}) || ${given}.length !== ${length}) ${LEAVE}`),
  };
}

/** As many members as fields, all of which fit: then there is no other member. */
function checkMembers(given: string, fields: number): string {
  return `if (typeof ${given} !== "object" || ${given} === null) ${LEAVE}
    let ${given}_members = 0;
    for (const _ in ${given}) ${given}_members++;
    if (${given}_members !== ${fields}) ${LEAVE}`;
}

type Fields = readonly (readonly [string, Description])[];

/** Stores zeroes: the last entry that was read may have had something else there, which would be another key. */
function zeroes(stretches: readonly (readonly [from: number, to: number])[], at: number): string {
  return stretches
    .flatMap(([from, to]) => Array.from({ length: to - from }, (_, index) => `U8[${at + from + index}] = 0;`))
    .join("");
}

function structSource(fields: Fields, at: number, role: Role): CodecSource | undefined {
  const parts: Part[] = [];
  const members: string[] = [];
  const extents = fields.map(([, field]) => codecFrom(field));
  const { offsets } = placeFields(extents);
  for (const [index, [name, field]] of fields.entries()) {
    const source = codecSource(field, at + (offsets[index] ?? 0), role);
    // As a literal's member it would be the object's prototype.
    if (source === undefined || name === "__proto__") return undefined;
    parts.push([`[${JSON.stringify(name)}]`, source]);
    members.push(`${JSON.stringify(name)}: ${source.value}`);
  }
  return {
    value: `({ ${members.join(", ")} })`,
    write: (given) => {
      const { read, store } = writeParts(parts, given, checkMembers(given, fields.length));
      return { read, store: `${zeroes(paddingOf(extents), at)}${store}` };
    },
  };
}

/**
 * @param at bytes from the views' beginning on
 * @returns undefined: what this codec does cannot be written out
 */
export function codecSource(description: Description, at: number, role: Role): CodecSource | undefined {
  if (description === "none") return undefined;
  if (typeof description === "string") return scalarSource(description, at, role);
  if ("bytes" in description) return bytesSource(description.bytes, at);
  if ("string" in description) return textSource(description.string, at);
  if ("array" in description) return arraySource(description.array[0], description.array[1], at, role);
  if ("struct" in description) return structSource(description.struct, at, role);
  return undefined;
}

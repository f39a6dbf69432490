/**
 * What a map holds, for people: entries decoded through BTF (plain integers and hex where an object has none), per-CPU
 * values summed, addresses by name. Knows nothing of tables.
 */
import { type Btf, type BtfValue, decodeBtf } from "../bpf/object/btf.ts";
import type { MapSpec, VariableSpec } from "../bpf/object/spec.ts";
import { AnyctxError } from "../error.ts";
import type { Symbols } from "../events/source.ts";
import type { LoadedMap } from "../load/maps.ts";

export interface Entry {
  readonly key: BtfValue;
  readonly value: BtfValue;
}

/** A named part of a value that is no struct itself. */
export interface Field {
  readonly name: string;
  readonly value: BtfValue;
}

/** From this many numbers on an array is drawn, not listed. */
const HISTOGRAM_SLOTS = 8;
const WORD_BYTES = [1, 2, 4, 8];

/** Bytes without a type: an integer where they can be one, otherwise hex. */
function decodePlain(bytes: Uint8Array): BtfValue {
  if (!WORD_BYTES.includes(bytes.length)) return Buffer.from(bytes).toString("hex");
  const value = bytes.reduceRight((sum, byte) => (sum << 8n) | BigInt(byte), 0n);
  return bytes.length === 8 ? value : Number(value);
}

/** A type of an object file may be damaged: then its bytes are shown. */
function decode(btf: Btf | undefined, typeId: number | undefined, bytes: Uint8Array): BtfValue {
  if (btf === undefined || typeId === undefined) return decodePlain(bytes);
  try {
    return decodeBtf(btf, typeId, bytes);
  } catch (error) {
    if (error instanceof AnyctxError) return decodePlain(bytes);
    throw error;
  }
}

const isNumber = (value: BtfValue | undefined): value is number | bigint =>
  typeof value === "number" || typeof value === "bigint";

const isList = (value: BtfValue): value is readonly BtfValue[] => Array.isArray(value);

/** Numbers are added, members one by one; of texts and flags the first that says something stays. */
export function addValues(a: BtfValue, b: BtfValue): BtfValue {
  if (typeof a === "number" && typeof b === "number") return a + b;
  if (isNumber(a) && isNumber(b)) return BigInt(a) + BigInt(b);
  if (isList(a) && isList(b)) return a.map((each, index) => addValues(each, b[index] ?? 0));
  if (typeof a !== "object" || typeof b !== "object" || isList(a) || isList(b)) return a || b;
  const other = b;
  return Object.fromEntries(Object.entries(a).map(([name, each]) => [name, addValues(each, other[name] ?? 0)]));
}

/** The entries of a map, in no particular order; a per-CPU value is the sum over all CPUs. */
export function entriesOf({ spec, map }: LoadedMap, btf: Btf | undefined): Entry[] {
  return Array.from(map.dump(), ({ key, values }) => ({
    key: decode(btf, spec.keyTypeId, key),
    value: values.map((bytes) => decode(btf, spec.valueTypeId, bytes)).reduce(addValues),
  }));
}

/** Struct members as fields; anything else is one field. */
export function fieldsOf(value: BtfValue, name: string): Field[] {
  if (typeof value !== "object" || isList(value)) return [{ name, value }];
  return Object.entries(value).map(([member, each]) => ({ name: member, value: each }));
}

/** The numbers of an array that is worth drawing. */
export function histogramOf(value: BtfValue): readonly (number | bigint)[] | undefined {
  return isList(value) && value.length >= HISTOGRAM_SLOTS && value.every(isNumber) ? value : undefined;
}

/** What entries are ordered by: the first field of their values that is a number. */
export function rankField(entries: readonly Entry[]): string | undefined {
  const [first] = entries;
  return first === undefined ? undefined : fieldsOf(first.value, "value").find(({ value }) => isNumber(value))?.name;
}

/** The entries with the largest numbers first; without a number their order stays. */
export function ranked(entries: readonly Entry[]): Entry[] {
  const field = rankField(entries);
  const rank = ({ value }: Entry): number | bigint => {
    const found = fieldsOf(value, "value").find(({ name }) => name === field)?.value;
    return isNumber(found) ? found : -1;
  };
  const ranks = new Map(entries.map((entry) => [entry, rank(entry)]));
  return [...entries].sort((a, b) => {
    const [left, right] = [ranks.get(a) ?? -1, ranks.get(b) ?? -1];
    return left < right ? 1 : left > right ? -1 : 0;
  });
}

/** Numbers above this are rather addresses and masks than amounts. */
const HEX_FROM = 1n << 53n;

/** A value in a few words; 64-bit numbers that are addresses of the trace's symbols are their names. */
export function textOf(value: BtfValue, symbols: Symbols): string {
  if (typeof value === "bigint") return bigText(value, symbols);
  if (typeof value === "string") return JSON.stringify(value);
  if (typeof value !== "object") return String(value);
  if (isList(value)) return listText(value, symbols);
  return `{${Object.entries(value)
    .map(([name, each]) => `${name}=${textOf(each, symbols)}`)
    .join(" ")}}`;
}

/** Whether a value is a number that counts something: no address, no mask. */
export function isAmount(value: BtfValue): value is number | bigint {
  return typeof value === "number" || (typeof value === "bigint" && value < HEX_FROM);
}

function listText(list: readonly BtfValue[], symbols: Symbols): string {
  const texts = list.map((each) => textOf(each, symbols));
  const alike = texts.length >= HISTOGRAM_SLOTS && texts.every((text) => text === texts[0]);
  return alike ? `[${texts.length} times ${texts[0]}]` : `[${texts.join(" ")}]`;
}

function bigText(value: bigint, symbols: Symbols): string {
  if (value < HEX_FROM) return value.toString();
  return symbols.nameOf(value);
}

export interface Variable {
  readonly name: string;
  readonly value: BtfValue;
}

/** The global variables of a data section with their values in `contents`. */
export function variablesOf(spec: MapSpec, btf: Btf | undefined, contents: Uint8Array): Variable[] {
  return (spec.variables ?? []).map(({ name, offset, size, typeId }: VariableSpec) => ({
    name,
    value: decode(btf, typeId, contents.subarray(offset, offset + size)),
  }));
}

/** The bytes of a data section now. */
export function contentsOf({ map }: LoadedMap): Uint8Array {
  for (const { values } of map.dump()) return values[0] ?? new Uint8Array(0);
  return new Uint8Array(0);
}

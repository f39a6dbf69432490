/** The rows of `bench maps`: what is in the maps, what is done with it, and how many entries there are. */
import type { Codec } from "../maps/codec/accessor.ts";
import { f64, string, struct, u32, u64 } from "../maps/codec/codec.ts";
import { BATCH } from "./maps-loops.ts";

type Loops = typeof import("./maps-loops.ts");
/** A function of maps-loops.ts. */
export type LoopName = {
  [Name in keyof Loops]: Loops[Name] extends (...given: never) => number ? Name : never;
}[keyof Loops];

/** What the keys and values are. */
export interface Contents {
  readonly name: string;
  readonly key: Codec<unknown>;
  readonly value: Codec<unknown>;
  /** All different for different indices. */
  readonly keysAt: (indices: Uint32Array) => ArrayLike<unknown>;
  readonly valueAt: (index: number) => unknown;
}

/** What is done. */
export interface Use {
  readonly name: string;
  readonly doc: string;
  readonly loop: LoopName;
  /** The other side's loop, where it is another one. */
  readonly otherLoop?: LoopName;
  /** Beside what: a Map with the same in it, or the arena's own map, one call for each entry. */
  readonly beside: "Map" | "single calls";
  /** The keys it goes through: those that are there in mixed order, as many others, COMING_KEYS others, or those of an empty map. */
  readonly keys: "present" | "absent" | "coming" | "all";
}

export interface Workload {
  /** Unique. */
  readonly name: string;
  readonly contents: Contents;
  readonly use: Use;
  /** How many entries there are, or come and go. */
  readonly entries: number;
}

/** All over the 32 bits, as hashes, addresses and identifiers are. */
const mix = (index: number): number => Math.imul(index, 0x9e3779b1) >>> 0;

const newBigint = (index: number): bigint => BigInt(index * 0x10_0000);

/** V8 keeps numbers below 2^31 as they are and makes an object of each larger one, which a Map has to hash. */
const SMALL: Contents = {
  name: "u32 below 2^31 to u64",
  key: u32 as Codec<unknown>,
  value: u64 as Codec<unknown>,
  keysAt: (indices) => indices.map((index) => mix(index) & 0x7fff_ffff),
  valueAt: newBigint,
};
const ANY: Contents = { ...SMALL, name: "any u32 to u64", keysAt: (indices) => indices.map(mix) };
const STRUCT: Contents = {
  ...SMALL,
  name: "u32 to {u32, f64}",
  value: struct({ count: u32, mean: f64 }) as Codec<unknown>,
  valueAt: (index) => ({ count: index, mean: index / 4 }),
};
const TEXT: Contents = {
  name: "string(16) to u32",
  key: string(16) as Codec<unknown>,
  value: u32 as Codec<unknown>,
  keysAt: (indices) => Array.from(indices, (index) => ["user", mix(index).toString(16).padStart(8, "0")].join("-")),
  valueAt: (index) => index,
};

const READ = { beside: "Map", keys: "present" } as const;
const COMING = { beside: "Map", keys: "coming" } as const;
const STAYING = 1000;
/** Keys that come and go, of a use whose keys are "coming". */
export const COMING_KEYS = 512;
const pairDoc = (keys: string, value: string): string =>
  `${COMING_KEYS} ${keys}, each set to ${value} and deleted at once; ${STAYING.toLocaleString("en")} others stay`;

const GET: Use = {
  ...READ,
  name: "get",
  doc: "of keys that are there, in mixed order; the value is read",
  loop: "get",
};
const GET_AND_KEEP: Use = {
  ...READ,
  name: "get, kept",
  doc: "the bigint is kept and not read: a Map gives the one it has, the arena makes one",
  loop: "getAndKeep",
};
const GET_STRUCT: Use = {
  ...GET,
  name: "get of a struct",
  doc: "both fields are read; the keys are below 2^31",
  loop: "getStruct",
};
const GET_BY_TEXT: Use = { ...GET, name: "get by text", doc: "the texts are those that were set", loop: "getByText" };
const MISS: Use = { ...READ, name: "miss", doc: "get of keys that are not there", keys: "absent", loop: "miss" };
const HAS: Use = { ...READ, name: "has", doc: "of keys that are there, in mixed order", loop: "has" };
const OVERWRITE: Use = {
  ...READ,
  name: "overwrite",
  doc: "set of keys that are there, in mixed order, always to the same value",
  loop: "overwrite",
};
const PAIR_OLD: Use = {
  ...COMING,
  name: "set+delete, same value",
  doc: pairDoc("keys", "1n"),
  loop: "pairOld",
};
const PAIR_NEW: Use = {
  ...COMING,
  name: "set+delete, new value",
  doc: pairDoc("keys", "a new bigint"),
  loop: "pairNew",
};
const PAIR_STRUCT: Use = {
  ...COMING,
  name: "set+delete, new struct",
  doc: pairDoc("keys", "a new object"),
  loop: "pairStruct",
};
const PAIR_TEXT: Use = {
  ...COMING,
  name: "set+delete by text",
  doc: pairDoc("texts", "1"),
  loop: "pairText",
};
const FILL: Use = {
  name: "fill and empty",
  doc: "all are set to new bigints, then all deleted; a set and a delete are one",
  loop: "fillAndEmpty",
  beside: "Map",
  keys: "all",
};
const FOR_OF: Use = { ...READ, name: "for-of", doc: "an entry, whose key and value are read", loop: "forOf" };
const FOR_EACH: Use = { ...READ, name: "forEach", doc: "an entry, whose key and value are read", loop: "forEach" };
const SCAN: Use = {
  ...READ,
  name: "scan",
  doc: `an entry, copied into typed arrays of ${BATCH.toLocaleString("en")}; the other side does it by for-of`,
  loop: "scan",
  otherLoop: "forOf",
};
const GET_MANY: Use = {
  ...READ,
  name: "getMany",
  doc: `an entry; batches of ${BATCH.toLocaleString("en")} into a typed array, which the other side does by gets`,
  loop: "getMany",
  otherLoop: "getEach",
};
const GET_MANY_ALONE: Use = { ...GET_MANY, beside: "single calls" };

const SIZES = [1000, 100_000, 1_000_000] as const;
const LARGEST = 1_000_000;

const PLAN: readonly (readonly [contents: readonly Contents[], uses: readonly Use[], sizes: readonly number[]])[] = [
  [[SMALL, ANY], [GET], SIZES],
  [[SMALL], [GET_AND_KEEP], SIZES],
  [[SMALL, ANY], [MISS, HAS, OVERWRITE], SIZES],
  [[SMALL, ANY], [PAIR_OLD, PAIR_NEW], [STAYING]],
  [[SMALL, ANY], [FILL], SIZES],
  [[SMALL], [FOR_OF, FOR_EACH, SCAN], SIZES],
  [[SMALL], [GET_MANY, GET_MANY_ALONE], [LARGEST]],
  [[STRUCT], [GET_STRUCT, PAIR_STRUCT], [STAYING]],
  [[TEXT], [GET_BY_TEXT, PAIR_TEXT], [STAYING]],
];

/** By contents, in the order of the plan. */
export const WORKLOADS: readonly Workload[] = [SMALL, ANY, STRUCT, TEXT].flatMap((contents) =>
  PLAN.filter(([all]) => all.includes(contents)).flatMap(([, uses, sizes]) =>
    uses.flatMap((use) => sizes.map((entries) => makeWorkload(contents, use, entries))),
  ),
);

function makeWorkload(contents: Contents, use: Use, entries: number): Workload {
  const beside = use.beside === "Map" ? "" : ` beside ${use.beside}`;
  const name = `${contents.name}, ${use.name} ${entries.toLocaleString("en")}${beside}`;
  return { name, contents, use, entries };
}

/** What a BPF program's call of one helper on a map does: the functions that helpers call, in softirq context, inside a read section. */
import type { Arena } from "../../src/arena/arena.ts";
import type { Descriptor } from "../../src/maps/commands/descriptor.ts";
import { type MapKind, mapKindByBpfType } from "../../src/maps/kinds.ts";
import { LAYOUT } from "../../src/wasm/face.ts";
import { bytesOf, showBytes } from "./vectors.ts";

const SOFTIRQ = 1;
/** What the value buffer of `pop` and `peek` holds before. */
const BEFORE = 0xee;

/** A helper's call: the map it is about, and its words. */
interface Call {
  readonly arena: Arena;
  readonly map: Descriptor;
  readonly key: string;
  readonly value: string;
  /** Of 64 bits. */
  readonly flags: bigint;
  /** For the map that was looked up. */
  readonly innerKey: string;
}

type Perform = (call: Call) => string | undefined;

/** Flags as helpers give them to the core: 32 bits, all of them if there are more. */
function given(flags: bigint): number {
  return flags > 0xffffffffn ? 0xffffffff : Number(flags);
}

function putKey({ map, key }: Call): number {
  map.put(map.key, bytesOf(key) ?? new Uint8Array());
  return map.key;
}

function putValue({ map, value }: Call): number {
  map.put(map.value, bytesOf(value) ?? new Uint8Array());
  return map.value;
}

/** What a lookup gave: whether there is a value, and its bytes. */
function showValue({ map }: Call, address: number): string {
  if (map.kind.inner) return address === 0 ? "0" : "1 @";
  return address === 0 ? "0" : `1 ${showBytes(map.take(address, map.field("valueSize")))}`;
}

/** Takes or looks at a value: what the helper returned, and what its buffer holds then. */
function intoBuffer(call: Call, read: (map: number, into: number) => number): string {
  const { map } = call;
  const size = map.field("valueSize");
  map.put(map.value, new Uint8Array(size).fill(BEFORE));
  const result = read(map.address, map.value);
  return `${result} ${showBytes(map.take(map.value, size))}`;
}

/** What a program answers that finds no map to go on with. */
const NO_INNER_MAP = "-9999";

/** Looks a map up and does something with that one: its key and a value lie in room of their own. */
function withInner(call: Call, perform: (inner: number, kind: MapKind, key: number, value: number) => string): string {
  const { arena, map } = call;
  const { lookup } = map.kind.program;
  const inner = lookup === undefined ? 0 : arena.core[lookup](map.address, putKey(call)) >>> 0;
  const kind = mapKindByBpfType(inner === 0 ? 0 : arena.word(inner + LAYOUT.MapHeader.kind));
  if (kind === undefined) return NO_INNER_MAP;
  const [key, value] = [call.innerKey, call.value].map((word) => bytesOf(word) ?? new Uint8Array()) as [
    Uint8Array,
    Uint8Array,
  ];
  const room = arena.allocate(key.length + value.length + 16);
  map.put(room, key);
  map.put(room + ((key.length + 7) & ~7), value);
  const answer = perform(inner, kind, room, room + ((key.length + 7) & ~7));
  arena.core.freeBytes(room);
  return answer;
}

/** Undefined: the kind has no such function. */
const HELPERS: Readonly<Record<string, Perform>> = {
  lookup: (call) => {
    const { lookup } = call.map.kind.program;
    return lookup && showValue(call, call.arena.core[lookup](call.map.address, putKey(call)) >>> 0);
  },
  percpu: (call) => {
    const { lookupOn } = call.map.kind.program;
    const cpu = Number(call.flags & 0xffffffffn);
    return lookupOn && showValue(call, call.arena.core[lookupOn](call.map.address, putKey(call), cpu) >>> 0);
  },
  update: (call) => {
    const { update } = call.map.kind.program;
    if (update === undefined) return undefined;
    return `${call.arena.core[update](call.map.address, putKey(call), putValue(call), given(call.flags))}`;
  },
  delete: (call) => {
    const { delete: remove } = call.map.kind.program;
    return remove && `${call.arena.core[remove](call.map.address, putKey(call))}`;
  },
  ilookup: (call) =>
    withInner(call, (inner, kind, key) => {
      const { lookup } = kind.program;
      const found = lookup === undefined ? 0 : call.arena.core[lookup](inner, key) >>> 0;
      const size = call.arena.word(inner + LAYOUT.MapHeader.valueSize);
      return found === 0 ? "0" : `1 ${showBytes(call.map.take(found, size))}`;
    }),
  iupdate: (call) =>
    withInner(call, (inner, kind, key, value) => {
      const { update } = kind.program;
      return update === undefined ? "" : `${call.arena.core[update](inner, key, value, given(call.flags))}`;
    }),
  idelete: (call) =>
    withInner(call, (inner, kind, key) => {
      const { delete: remove } = kind.program;
      return remove === undefined ? "" : `${call.arena.core[remove](inner, key)}`;
    }),
  rout: ({ arena, map, value, flags }) => {
    if (map.kind.type !== "ringbuf") return undefined;
    const bytes = bytesOf(value) ?? new Uint8Array();
    const data = arena.allocate(bytes.length);
    map.put(data, bytes);
    const result = arena.core.ringbufOutput(map.address, data, bytes.length, given(flags));
    arena.core.freeBytes(data);
    return `${result}`;
  },
  rquery: ({ arena, map, flags }) =>
    map.kind.type === "ringbuf" ? `${arena.core.ringbufQuery(map.address, given(flags))}` : undefined,
  push: (call) => {
    const { push } = call.map.kind.program;
    return push && `${call.arena.core[push](call.map.address, putValue(call), given(call.flags))}`;
  },
  pop: (call) => {
    const { pop } = call.map.kind.program;
    return pop && intoBuffer(call, call.arena.core[pop]);
  },
  peek: (call) => {
    const { peek } = call.map.kind.program;
    if (peek === undefined) return undefined;
    if (call.map.kind.system.has === undefined) return intoBuffer(call, call.arena.core[peek]);
    return `${call.arena.core[peek](call.map.address, putValue(call))}`;
  },
};

/** @returns the answer's words; undefined if the kind has no such function */
export function callHelper(arena: Arena, map: Descriptor, words: readonly string[]): string | undefined {
  const [, , helper = "", key = "-", value = "-", flags = "0", innerKey = "-"] = words;
  const perform = HELPERS[helper];
  if (perform === undefined) return undefined;
  const below = arena.core.contextEnter(SOFTIRQ);
  try {
    return arena.read(() => perform({ arena, map, key, value, flags: BigInt(flags), innerKey }));
  } finally {
    arena.core.contextLeave(below);
  }
}

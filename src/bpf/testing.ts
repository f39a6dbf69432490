/**
 * A host for tests: memory with a CPU area, an event record, a stack, and map functions written in JavaScript. It
 * has no allocator and no threads; it only does what a program can see.
 */
import assert from "node:assert/strict";
import { RECORD } from "../events/record.ts";
import { MAP_KINDS, mapKindByBpfType } from "../maps/kinds.ts";
import type { CoreFunction, MapBinding, ProgramHost, RunProgram } from "./host.ts";
import { FRAME_BYTES, MAX_FRAMES } from "./host.ts";
import { createInterpreter } from "./interpreter/interpreter.ts";
import type { InterpreterOptions } from "./interpreter/state.ts";
import { compileProgram } from "./jit/compile.ts";
import { instantiateProgram } from "./jit/instantiate.ts";
import type { LinkedProgram } from "./linked.ts";
import type { MapSpec, ObjectSpec } from "./object/spec.ts";

export const CPU = 0x10000;
export const TASK = 0x11000;
export const CONTEXT: number = TASK + RECORD.payload;
export const STACK_TOP: number = 0x20000 + MAX_FRAMES * FRAME_BYTES;
const MAPS = 0x40000;
/** Where each record of a ring buffer is. */
export const RECORD_ROOM = 0x30000;
const PAGES = 16;

const EEXIST = -17;
const ENOENT = -2;
const EINVAL = -22;
const EFAULT = -14;

export interface FakeHost extends ProgramHost {
  readonly lines: string[];
  readonly bindings: Map<string, MapBinding>;
  readonly bytes: Uint8Array;
  readonly view: DataView;
  /** Creates a map and gives its binding. */
  readonly add: (spec: Partial<MapSpec> & { readonly name: string; readonly bpfType: number }) => MapBinding;
  /** Sets the context, and the record's size with it. */
  readonly setContext: (bytes: Uint8Array) => void;
}

interface FakeMap {
  readonly binding: MapBinding;
  readonly entries: Map<string, number>;
}

/** Map functions for every kind under their core names. */
function mapFunctions(maps: ReadonlyMap<number, FakeMap>, bytes: Uint8Array, take: (size: number) => number) {
  const at = (address: number | bigint | undefined): FakeMap => {
    const map = maps.get(Number(address));
    assert.ok(map !== undefined, `no map at ${address}`);
    return map;
  };
  const keyOf = ({ binding }: FakeMap, key: number): string =>
    Buffer.from(bytes.slice(key, key + binding.keySize)).toString("hex");
  const indexed = ({ binding }: FakeMap, key: number): number => {
    const index = new DataView(bytes.buffer).getUint32(key, true);
    return index < binding.maxEntries ? binding.firstValue + index * binding.valueStride : 0;
  };
  const lookup: CoreFunction = (map, key) => {
    const found = at(map);
    if (found.binding.kind.keys === "index") return indexed(found, Number(key));
    return found.entries.get(keyOf(found, Number(key))) ?? 0;
  };
  const update: CoreFunction = (map, key, value, flags) => {
    const found = at(map);
    if (Number(flags) >>> 0 > 2) return EINVAL;
    const old = Number(lookup(map ?? 0, key ?? 0));
    if (old !== 0 && Number(flags) === 1) return EEXIST;
    if (old === 0 && (found.binding.kind.keys === "index" || Number(flags) === 2)) return ENOENT;
    const target = old === 0 ? take(found.binding.valueStride) : old;
    bytes.copyWithin(target, Number(value), Number(value) + found.binding.valueSize);
    found.entries.set(keyOf(found, Number(key)), target);
    return 0;
  };
  const remove: CoreFunction = (map, key) => {
    const found = at(map);
    if (found.binding.kind.keys === "index") return EINVAL;
    return found.entries.delete(keyOf(found, Number(key))) ? 0 : ENOENT;
  };
  // Of a kind without keys the entries are in the order of their numbers, and the oldest is read.
  const push: CoreFunction = (map, value, flags) => {
    const { binding, entries } = at(map);
    if (Number(flags) !== 0) return EINVAL;
    const target = take(binding.valueStride);
    bytes.copyWithin(target, Number(value), Number(value) + binding.valueSize);
    entries.set(`${target}`, target);
    return 0;
  };
  const read = (map: number | bigint | undefined, into: number | bigint | undefined, takes: boolean): number => {
    const { binding, entries } = at(map);
    const [oldest] = entries;
    if (oldest === undefined) return ENOENT;
    bytes.copyWithin(Number(into), oldest[1], oldest[1] + binding.valueSize);
    if (takes) entries.delete(oldest[0]);
    return 0;
  };
  const core: Record<string, CoreFunction> = { ringbufSubmit: () => 0, ringbufDiscard: () => 0 };
  for (const { program } of MAP_KINDS) {
    core[program.lookup ?? ""] = lookup;
    core[program.update ?? ""] = update;
    core[program.delete ?? ""] = remove;
    core[program.lookupOn ?? ""] = (map, key, cpu) => (Number(cpu) === 3 ? lookup(map ?? 0, key ?? 0) : 0);
    core[program.push ?? ""] = push;
    core[program.pop ?? ""] = (map, into) => read(map, into, true);
    core[program.output ?? ""] = (map, _data, size) => {
      at(map).entries.set(`${at(map).entries.size}`, Number(size));
      return 0;
    };
    core[program.reserve ?? ""] = (map, size) => {
      at(map).entries.set(`${at(map).entries.size}`, Number(size));
      return RECORD_ROOM;
    };
    core[program.query ?? ""] = (map, what) =>
      what === 0 ? [...at(map).entries.values()].reduce((sum, size) => sum + BigInt(size), 0n) : 0n;
    core[program.peek ?? ""] = (map, into) => read(map, into, false);
  }
  return core;
}

function readFunctions(bytes: Uint8Array): Record<string, CoreFunction> {
  const readable = (source: number | bigint | undefined, size: number): boolean =>
    Number(source) >= 0x10000 && Number(source) + size <= bytes.length;
  const whole: Record<string, CoreFunction> = {
    probeRead: (destination, size, source) => {
      const [to, count] = [Number(destination), Number(size)];
      if (!readable(source, count)) {
        bytes.fill(0, to, to + count);
        return EFAULT;
      }
      bytes.copyWithin(to, Number(source), Number(source) + count);
      return 0;
    },
    probeReadString: (destination, size, source) => {
      const [to, count] = [Number(destination), Number(size)];
      if (!readable(source, 1)) return EFAULT;
      const text = bytes.slice(Number(source), Number(source) + count);
      const end = text.indexOf(0);
      const length = end < 0 ? count : end + 1;
      bytes.set(text.subarray(0, length - 1), to);
      bytes[to + length - 1] = 0;
      return length;
    },
  };
  const { probeRead, probeReadString } = whole as Record<"probeRead" | "probeReadString", CoreFunction>;
  return {
    ...{ probeRead, probeReadKernel: probeRead, probeReadEither: probeRead },
    ...{
      probeReadString,
      probeReadKernelString: probeReadString,
      probeReadEitherString: probeReadString,
    },
    readEnter: () => 0,
    readLeave: () => 0,
    spinLock: (word) => {
      bytes[Number(word)] = 1;
      return 0;
    },
    spinUnlock: (word) => {
      bytes[Number(word)] = 0;
      return 0;
    },
    taskComm: (destination, size) => {
      bytes.copyWithin(Number(destination), TASK + RECORD.comm, TASK + RECORD.comm + Number(size));
      return 0;
    },
  };
}

export function fakeHost(): FakeHost {
  const memory = new WebAssembly.Memory({ initial: PAGES, maximum: 65536, shared: true });
  const bytes = new Uint8Array(memory.buffer);
  const view = new DataView(memory.buffer);
  const maps = new Map<number, FakeMap>();
  const bindings = new Map<string, MapBinding>();
  const lines: string[] = [];
  let free = MAPS;
  const take = (size: number): number => {
    const at = free;
    free += Math.ceil(size / 8) * 8;
    assert.ok(free <= bytes.length, "the fake host is out of memory");
    return at;
  };
  view.setUint32(CPU, 3, true);
  view.setUint32(CPU + 4, TASK, true);
  view.setUint32(CPU + 8, 1, true);
  view.setBigUint64(TASK + RECORD.time, 123_456_789_012n, true);
  view.setBigUint64(TASK + RECORD.pidTgid, (77n << 32n) | 78n, true);
  view.setBigUint64(TASK + RECORD.uidGid, (5n << 32n) | 6n, true);
  bytes.set(new TextEncoder().encode("fake-task"), TASK + RECORD.comm);
  view.setUint32(TASK + RECORD.size, RECORD.payload, true);
  return {
    memory,
    bytes,
    view,
    lines,
    bindings,
    core: {
      ...mapFunctions(maps, bytes, take),
      ...readFunctions(bytes),
      allocateBytes: (size) => take(Number(size)),
      freeBytes: () => 0,
      objectAllocate: (_, size) => take(4 * Number(size)),
      objectFree: () => 0,
      objectFreeRcu: () => 0,
      objectSize: () => 64,
      objectCopy: (object, cpu) => Number(object) + 64 * Number(cpu),
    },
    layout: { id: 0, task: 4, random: 8 },
    print: (line) => lines.push(line),
    add: (spec) => {
      const kind = mapKindByBpfType(spec.bpfType);
      assert.ok(kind !== undefined);
      const [keySize, valueSize, maxEntries] = [spec.keySize ?? 4, spec.valueSize ?? 8, spec.maxEntries ?? 4];
      const valueStride = Math.ceil(valueSize / 8) * 8;
      const address = take(64);
      const firstValue = kind.keys === "index" ? take(valueStride * maxEntries) : 0;
      if (spec.contents !== undefined) bytes.set(spec.contents, firstValue);
      const shape = { name: spec.name, kind, address, keySize, valueSize, maxEntries, valueStride, firstValue };
      maps.set(address, { binding: shape, entries: new Map() });
      bindings.set(spec.name, shape);
      return shape;
    },
    setContext: (context) => {
      bytes.set(context, CONTEXT);
      view.setUint32(TASK + RECORD.size, RECORD.payload + context.length, true);
    },
  };
}

/** A host with all maps of an object. */
export function hostFor(spec: ObjectSpec): FakeHost {
  const host = fakeHost();
  for (const map of spec.maps) if (mapKindByBpfType(map.bpfType) !== undefined) host.add(map);
  return host;
}

export const ENGINES: readonly {
  readonly name: string;
  readonly make: (program: LinkedProgram, host: ProgramHost, options?: InterpreterOptions) => RunProgram;
}[] = [
  { name: "interpreter", make: createInterpreter },
  { name: "jit", make: (program, host) => instantiateProgram(compileProgram(program), host) },
];

/**
 * An object as TypeScript has it: its maps, global variables and programs by their names, keys and values as its types (BTF) say. For
 * tests of programs, and for what goes with them in an application. In a browser as on Node.
 */
import type { Arena } from "../arena/arena.ts";
import { openedMaps } from "../arena/inner-maps.ts";
import { checkFunction, checkOneOf, checkOptions } from "../arguments.ts";
import type { Btf, BtfValue } from "../bpf/object/btf.ts";
import { relocateTypes } from "../bpf/object/core-relocate.ts";
import { readKernelTypes, readObject } from "../bpf/object/object.ts";
import { type MapSpec, type ObjectSpec, setVariable, type VariableSpec } from "../bpf/object/spec.ts";
import { type KernelTypes, unpackTypes } from "../bpf/shipped/kernel-types.ts";
import { AnyctxError } from "../error.ts";
import { firstPointer } from "../maps/arena-pages.ts";
import type { Accessor } from "../maps/codec/accessor.ts";
import { bytes, type Codec, none } from "../maps/codec/codec.ts";
import { givenBytes } from "../maps/codec/typed-array.ts";
import type { ArenaMap } from "../maps/map.ts";
import { LAYOUT } from "../wasm/face.ts";
import { btfCodec } from "./btf-codec.ts";
import { busyOf } from "./busy.ts";
import { type DirectResult, DirectRuns } from "./direct.ts";
import { type LoadedObject, loadUndoably } from "./load.ts";
import type { LoadedMap } from "./maps.ts";
import { checkObjectOptions, type ObjectOptions } from "./object-options.ts";
import { OUTPUTS, type PreparedOutput, PreparedProgram } from "./prepared.ts";
import { type Answers, answersOf, directRun, type RunInput, wholeNumber } from "./run-input.ts";
import type { Skipped } from "./select.ts";

/** What an object has, by name: what `anyctx types` writes. Without it keys and values are any that their types can hold. */
export interface ObjectShape {
  readonly maps: Readonly<Record<string, { readonly key: unknown; readonly value: unknown }>>;
  readonly globals: Readonly<Record<string, unknown>>;
  readonly programs: string;
}

export interface AnyShape extends ObjectShape {
  readonly maps: Readonly<Record<string, { readonly key: never; readonly value: never }>>;
  readonly globals: Record<string, BtfValue>;
}

/** A map of an object. What is given may leave fields out, which are zero then. */
type TypedMap<M> = M extends { readonly key: infer K; readonly value: infer V }
  ? [K] extends [never]
    ? ArenaMap<BtfValue, BtfValue>
    : ArenaMap<K, V>
  : never;

export interface RunResult extends Omit<DirectResult, "records"> {
  /** What was handed to user space by `perf_event_output`, by the map's name. A ring buffer's records are in the map. */
  readonly records: Readonly<Record<string, readonly Uint8Array[]>>;
}

/** What programs attach to: whatever calls `run` each time something happens, until the link is disposed of. */
export interface ProgramSource<Event> {
  attach(run: (input: RunInput) => RunResult, program: TypedProgram): Event;
}

export interface TypedProgram {
  readonly name: string;
  readonly section: string;
  /**
   * Runs it once, interpreted, with every access checked.
   * @returns what came of it; `error` says what stopped it
   * @throws {AnyctxError} EINVAL: no context can be made of what is given
   */
  run(input?: RunInput): RunResult;
  /** It compiled, for a source that runs it often: without checks but those that it was verified with. */
  prepare(output?: PreparedOutput): PreparedProgram;
  /** Has a source run it. What that gives ends it. */
  attach<Link>(source: ProgramSource<Link>): Link;
}

/** What `loadObject` gives. */
export interface BpfObject<S extends ObjectShape = AnyShape> {
  readonly maps: { readonly [Name in keyof S["maps"]]: TypedMap<S["maps"][Name]> };
  /** Variables where they lie. Those of `.rodata` are read only: programs were verified with them as they are. */
  readonly globals: { -readonly [Name in keyof S["globals"]]: S["globals"][Name] };
  readonly programs: { readonly [Name in S["programs"]]: TypedProgram };
  /** Programs that are not loaded, and why. */
  readonly skipped: readonly Skipped[];
  readonly warnings: readonly Skipped[];
  /** Lets virtual time pass: timers fire, and what was put off runs. */
  advance(nanoseconds: number | bigint): Omit<RunResult, "result" | "packet">;
  /** Destroys its maps, but for those that are pinned by their names: these stay in the arena, for others. */
  close(): void;
  [Symbol.dispose](): void;
}

async function specOf(
  given: Uint8Array,
  { name = "object", targetBtf, globals = {} }: ObjectOptions,
): Promise<ObjectSpec> {
  const own = readObject(givenBytes("loadObject", "given", given), name);
  const { object } = relocateTypes(own, targetBtf === undefined ? own.btf : await typesOf(targetBtf));
  for (const [variable, value] of Object.entries(globals)) setVariable(object, variable, value);
  return object;
}

async function typesOf(given: Uint8Array | KernelTypes): Promise<Btf> {
  const isPacked = typeof given === "object" && given !== null && "packed" in given;
  return isPacked ? unpackTypes(given) : readKernelTypes(givenBytes("loadObject", "targetBtf", given), "targetBtf");
}

function codecFor(btf: Btf | undefined, typeId: number | undefined, size: number): Codec<BtfValue> {
  if (size === 0) return none as Codec<unknown> as Codec<BtfValue>;
  if (btf === undefined || typeId === undefined) return bytes(size) as Codec<unknown> as Codec<BtfValue>;
  return btfCodec(btf, typeId);
}

/** Sizes that a map may have been given by options: then its types say nothing of them. */
type Sized = Pick<MapSpec, "keySize" | "valueSize" | "keyTypeId" | "valueTypeId">;

function codecsOf(btf: Btf | undefined, spec: Sized, keySize: number, valueSize: number) {
  const key = codecFor(btf, spec.keySize === keySize ? spec.keyTypeId : undefined, keySize);
  const value = codecFor(btf, spec.valueSize === valueSize ? spec.valueTypeId : undefined, valueSize);
  return { key, value };
}

/** What is in a map of maps: maps, open, with keys and values as the object's types say. */
function innerCodec(arena: Arena, btf: Btf | undefined, inner: MapSpec): Codec<BtfValue> {
  const { key, value } = codecsOf(btf, inner, inner.keySize, inner.valueSize);
  return openedMaps(arena, (name) => arena.openMapAs(name, key, value)) as Codec<unknown> as Codec<BtfValue>;
}

function typedMaps(
  arena: Arena,
  { btf }: ObjectSpec,
  loaded: LoadedObject,
): Record<string, ArenaMap<BtfValue, BtfValue>> {
  const own = loaded.maps.filter(({ spec }) => spec.contents === undefined);
  const typed = own.map(({ spec, map }: LoadedMap) => {
    const { name, keySize, valueSize } = map.info;
    const { key, value } = codecsOf(btf, spec, keySize, valueSize);
    return [
      spec.name,
      arena.openMapAs(name, key, spec.inner === undefined ? value : innerCodec(arena, btf, spec.inner)),
    ] as const;
  });
  return Object.fromEntries(typed);
}

/** A variable where it lies; one of an arena map in a copy, as its pages need not lie side by side. */
function placeOf(
  arena: Arena,
  btf: Btf | undefined,
  { spec, map }: LoadedMap,
  { offset, size, typeId }: VariableSpec,
): Pick<Accessor<BtfValue>, "read" | "write"> {
  const codec = codecFor(btf, typeId, size);
  const { address } = map.info;
  if (spec.contents !== undefined)
    return codec.bind(arena.memory.buffer, arena.word(address + LAYOUT.MapHeader.storage) + offset);
  const pointer = firstPointer(arena, address) + BigInt(offset);
  return {
    read: () => codec.bind(map.readBytes(pointer, size).buffer, 0).read(),
    write: (value) => {
      const copy = map.readBytes(pointer, size);
      codec.bind(copy.buffer, 0).write(value);
      map.writeBytes(pointer, copy);
    },
  };
}

/** Each variable is read and written where it lies. */
function globalsOf(arena: Arena, { btf }: ObjectSpec, { maps }: LoadedObject): Record<string, BtfValue> {
  const globals: Record<string, BtfValue> = {};
  for (const each of maps) {
    const { spec, map } = each;
    for (const variable of spec.variables ?? []) {
      const { name } = variable;
      const place = placeOf(arena, btf, each, variable);
      const checked = <T>(act: () => T): T => {
        if (!map.isOpen) throw new AnyctxError("EBADF", `${name}: its object is closed`);
        return act();
      };
      Object.defineProperty(globals, name, {
        enumerable: true,
        get: () => checked(() => place.read()),
        set: (value: BtfValue) => {
          if (spec.readOnly)
            throw new AnyctxError("EINVAL", `${name} is constant once it is loaded: loadObject's globals set it`);
          checked(() => place.write(value));
        },
      });
    }
  }
  return globals;
}

function resultOf<R extends Pick<DirectResult, "records">>(result: R): Omit<R, "records"> & Pick<RunResult, "records"> {
  return { ...result, records: Object.fromEntries(result.records) };
}

/** Whose runs those of a live source are: on Node the process. */
function thisProcess(): { readonly pid: number; readonly comm: string } {
  const { process } = globalThis as { readonly process?: { readonly pid?: number; readonly title?: string } };
  return { pid: process?.pid ?? 0, comm: process?.title ?? "" };
}

/** An object's life: what it has given out ends with it. */
interface Life {
  readonly arena: Arena;
  readonly loaded: LoadedObject;
  readonly prepared: Set<PreparedProgram>;
  isOpen: boolean;
}

/** @throws {AnyctxError} EBADF: the object is closed, or one of its maps, or the arena is detached */
function checkLiving({ arena, loaded, isOpen }: Life, what: string): void {
  if (!isOpen) throw new AnyctxError("EBADF", `Cannot ${what}: its object is closed`);
  const gone = arena.isDetached ? undefined : loaded.maps.find(({ map }) => !map.isOpen);
  if (gone !== undefined)
    throw new AnyctxError("EBADF", `Cannot ${what}: map "${gone.spec.name}" is closed or destroyed`);
}

/** @throws {AnyctxError} EBUSY: in the middle of a run on this thread */
function checkIdle({ arena }: Life, what: string): void {
  if (busyOf(arena).running !== undefined)
    throw new AnyctxError("EBUSY", `Cannot ${what} in the middle of a program's run on this thread`);
}

/** Runs what runs programs: one at a time. @throws {AnyctxError} EBADF, EBUSY */
function running<T>(life: Life, what: string, act: () => T): T {
  checkLiving(life, what);
  checkIdle(life, what);
  const busy = busyOf(life.arena);
  busy.running = life;
  try {
    return act();
  } finally {
    busy.running = undefined;
  }
}

function typedPrograms(life: Life, runs: DirectRuns, answers: Answers): Record<string, TypedProgram> {
  const { arena, loaded } = life;
  const typed = loaded.programs.map((image) => {
    const { name, section } = image;
    const prepare = (output: PreparedOutput = {}): PreparedProgram => {
      checkLiving(life, `prepare ${name}`);
      checkOptions(`the output of ${name}`, output, OUTPUTS);
      const prepared = new PreparedProgram(arena, image, loaded, output, thisProcess());
      life.prepared.add(prepared);
      prepared.whenClosed(() => life.prepared.delete(prepared));
      return prepared;
    };
    const run = (input: RunInput = {}): RunResult =>
      running(life, `run ${name}`, () => resultOf(runs.run(directRun(name, input, answers))));
    const attach: TypedProgram["attach"] = (source) => {
      checkLiving(life, `attach ${name}`);
      checkFunction(`the source of ${name}`, "attach", (source as Partial<typeof source> | undefined)?.attach);
      return source.attach(run, program);
    };
    const program: TypedProgram = { name, section, run, prepare, attach };
    return [name, program] as const;
  });
  return Object.fromEntries(typed);
}

const mapOf = <V>(record: Readonly<Record<string, V>> | undefined): ReadonlyMap<string, V> =>
  new Map(Object.entries(record ?? {}));

/**
 * Puts an object into an arena.
 * @param given what clang has made: bytes of an ELF file
 * @throws {AnyctxError} BAD_OBJECT, UNSUPPORTED (no program of it can run), EINVAL (options), or a map's own error; nothing is left then
 *
 * @example
 * ```ts
 * import { readFile } from "node:fs/promises";
 * import { Arena } from "anyctx";
 * import { loadObject } from "anyctx/bpf";
 *
 * const arena = await Arena.create({ maximumBytes: 64 << 20 });
 * const object = await loadObject(arena, await readFile("examples/bpf/memleak.bpf.o"));
 * const { on_kmalloc } = object.programs;
 * on_kmalloc?.run({ fields: { ptr: 4096n, bytes_alloc: 64n, call_site: 1n }, context: "softirq" });
 * const [{ allocs }, { failed }] = [object.maps, object.globals];
 * console.log(allocs?.size, failed); // 1 0n
 * ```
 */
export async function loadObject<S extends ObjectShape = AnyShape>(
  arena: Arena,
  given: Uint8Array,
  options: ObjectOptions = {},
): Promise<BpfObject<S>> {
  checkObjectOptions("loadObject", arena, options);
  const { helpers } = options;
  const answers: Answers = helpers === undefined ? new Map() : answersOf("loadObject", helpers);
  const object = await specOf(given, options);
  const { mapEntries, valueSizes, enable = [], verify = true, ...rest } = options;
  const names = object.programs.map(({ name }) => name);
  for (const name of enable) checkOneOf(`program of ${object.name}`, name, names);
  const { loaded, undo } = loadUndoably(arena, object, {
    ...rest,
    ...{ engine: "interpreter", verify, enable: new Set(enable) },
    ...{ mapEntries: mapOf(mapEntries), valueSizes: mapOf(valueSizes) },
  });
  try {
    return typedObject<S>({ arena, loaded, prepared: new Set(), isOpen: true }, object, answers);
  } catch (error) {
    undo();
    throw error;
  }
}

function typedObject<S extends ObjectShape>(life: Life, object: ObjectSpec, answers: Answers): BpfObject<S> {
  const { arena, loaded } = life;
  const maps = typedMaps(arena, object, loaded);
  const runs = new DirectRuns(arena, loaded);
  let isEnded = false;
  // What could not be destroyed is tried again by the next close: every step may be done twice.
  const close = (): void => {
    if (isEnded) return;
    checkIdle(life, "close an object");
    life.isOpen = false;
    for (const prepared of life.prepared) prepared.close();
    for (const map of Object.values(maps)) map.close();
    for (const { spec, map } of loaded.maps)
      if (spec.pinned === true) map.close();
      else if (map.isOpen) arena.destroyMap(map.info.name);
    if (!arena.isDetached) runs.end();
    isEnded = true;
  };
  return {
    maps,
    globals: globalsOf(arena, object, loaded),
    programs: typedPrograms(life, runs, answers),
    skipped: loaded.skipped,
    warnings: loaded.warnings,
    advance: (nanoseconds: number | bigint) =>
      running(life, "let time pass", () => resultOf(runs.advance(wholeNumber("advance", "nanoseconds", nanoseconds)))),
    close,
    [Symbol.dispose]: close,
  } as unknown as BpfObject<S>;
}

/** An object's maps, created in an arena or, where they are pinned, found there. */
import type { Arena } from "../arena/arena.ts";
import { innerMaps } from "../arena/inner-maps.ts";
import type { Btf } from "../bpf/object/btf.ts";
import { fieldsOf } from "../bpf/object/fields.ts";
import { createdEntries, type MapSpec, type ObjectSpec } from "../bpf/object/spec.ts";
import { AnyctxError } from "../error.ts";
import { firstPointer } from "../maps/arena-pages.ts";
import { bytes, type Codec, none } from "../maps/codec/codec.ts";
import { encodeUtf8 } from "../maps/codec/utf8.ts";
import { type MapKind, mapKindByBpfType, NO_PREALLOC } from "../maps/kinds.ts";
import type { ArenaMap } from "../maps/map.ts";
import { CONSTANTS, LAYOUT } from "../wasm/face.ts";
import type { Hashes } from "./choices.ts";
import { mapProblem } from "./select.ts";

/** How an object's maps are made. */
export interface ObjectMapOptions {
  /** Overrides every hash: all preallocated or all dynamic. By default each is what its BPF_F_NO_PREALLOC says. */
  readonly hashes?: Hashes;
  /** max_entries by map name. */
  readonly mapEntries?: ReadonlyMap<string, number>;
  /** Bytes of a map's values, by its name: of those that a loader sets. */
  readonly valueSizes?: ReadonlyMap<string, number>;
  /** Allocators whose capacity a dynamic hash's elements count against, by map name. */
  readonly allocators?: ReadonlyMap<string, { readonly address: number }>;
  /** Programs that the verifier refuses are not loaded. Left out: none is looked at, and all that link are, but in objects with an arena map. */
  readonly verify?: boolean;
  /**
   * What the object is called where several are in one arena and may have the same names: its maps' names in the arena begin with it, but
   * for those that are pinned, and what its programs say of themselves does.
   */
  readonly label?: string;
}

export interface LoadedMap {
  readonly spec: MapSpec;
  readonly map: ArenaMap<Uint8Array, Uint8Array | Uint8Array[]>;
  /** Types that its keys and values are of. */
  readonly btf: Btf | undefined;
  /** Labels of the objects that it is of: one that is pinned may be of several. None without labels. */
  readonly objects: readonly string[];
}

/** `allocs`, or `memleak:allocs` of one of several objects; a map that objects share has its own name. */
export function qualifiedName(name: string, objects: readonly string[] = []): string {
  return objects.length === 1 ? `${objects[0]}:${name}` : name;
}

/** Keys are bytes here; of a map without keys none are asked for. */
const NOTHING = none as Codec<unknown> as Codec<Uint8Array>;

const OWNER_BYTES = 8;
/** Linux has no bound: as many as there may be tasks, unless an option says less. */
const MOST_OWNERS = 1 << 22;

/** Bytes of a map's name. */
const LONGEST_NAME = CONSTANTS.NAME_BYTES - 1;

/** FNV-1a: tells names apart that are alike as far as they fit. */
function digestOf(text: string): string {
  let value = 0x811c9dc5;
  for (let index = 0; index < text.length; index++) value = Math.imul(value ^ text.charCodeAt(index), 0x01000193);
  return (value >>> 0).toString(16).padStart(8, "0");
}

/** `memleak` for `examples/bpf/memleak.bpf.o`. */
export function shortName(path: string): string {
  return path.replace(/^.*[/\\]/, "").replace(/\.(bpf\.)?o$/, "");
}

/**
 * Data sections of different objects share an arena: they go by the object's name. If both do not fit, the object's part is cut, and the
 * section's only if it does not fit alone.
 */
function nameInArena(object: ObjectSpec, map: MapSpec, label: string | undefined): string {
  if (map.contents !== undefined) return shortened(label ?? shortName(object.name), map.name);
  return shortened(label === undefined || map.pinned === true ? map.name : `${label}:${map.name}`, "");
}

/** The first part is cut where both are too long for a name, and told apart from others that begin alike. */
function shortened(base: string, rest: string): string {
  const bytesOf = (text: string): number => encodeUtf8(text, new Uint8Array(0));
  if (bytesOf(base + rest) <= LONGEST_NAME) return base + rest;
  const behind = `~${digestOf(base)}${rest}`;
  if (bytesOf(behind) > LONGEST_NAME) return shortened(base + rest, "");
  let kept = [...base];
  while (kept.length > 0 && bytesOf(kept.join("") + behind) > LONGEST_NAME) kept = kept.slice(0, -1);
  return `${kept.join("")}${behind}`;
}

/** Whether a map's elements come as they are asked for. A trie of prefixes is dynamic or refused. */
export function isDynamic({ bpfType, flags }: MapSpec, { hashes }: ObjectMapOptions): boolean {
  const isChosen = hashes !== undefined && mapKindByBpfType(bpfType)?.memoryUse === "hash";
  return isChosen ? hashes === "dynamic" : (flags & NO_PREALLOC) !== 0;
}

/** What a map's values are: bytes, or maps that are all like one, which is made for that and goes again. */
function createMap(arena: Arena, object: ObjectSpec, spec: MapSpec, options: ObjectMapOptions): LoadedMap["map"] {
  if (spec.inner === undefined) return createWith(arena, object, spec, options, undefined);
  const name = `${spec.name}.${spec.inner.name}`;
  const like = createWith(arena, object, { ...spec.inner, name }, options, undefined);
  try {
    return createWith(arena, object, spec, options, innerMaps(arena, like) as Codec<unknown> as Codec<Uint8Array>);
  } finally {
    arena.destroyMap(like.info.name);
  }
}

/** The address of an owner is larger than the descriptor that user space has of it. */
function keyOf({ keySize }: MapSpec, { keys }: MapKind): Codec<Uint8Array> {
  if (keys === "owner") return bytes(OWNER_BYTES);
  return keySize === 0 ? NOTHING : bytes(keySize);
}

/** Entries of a map that is declared with none. */
function leastEntries({ keys, placeForEachCpu }: MapKind, { cpus }: Arena): number {
  if (keys === "owner") return MOST_OWNERS;
  return placeForEachCpu ? cpus : 0;
}

/** Values of bytes, with their lock where a type says that they have one. */
function valuesOf({ btf }: ObjectSpec, { valueTypeId }: MapSpec, { system }: MapKind, size: number): Codec<Uint8Array> {
  if (size === 0) return NOTHING;
  const mayHaveLock = system.getLocked !== undefined && btf !== undefined && valueTypeId !== undefined;
  const lock = mayHaveLock ? fieldsOf(btf, valueTypeId).find(({ kind }) => kind === "lock") : undefined;
  return lock === undefined ? bytes(size) : { ...bytes(size), lock: lock.offset };
}

/** What a map is to be like, by its declaration and the options. */
function wantedOf(arena: Arena, object: ObjectSpec, spec: MapSpec, options: ObjectMapOptions) {
  const kind = mapKindByBpfType(spec.bpfType);
  if (kind === undefined) throw new AnyctxError("UNSUPPORTED", `${mapProblem(spec)}`);
  const valueSize = options.valueSizes?.get(spec.name) ?? spec.valueSize;
  const entries = options.mapEntries?.get(spec.name);
  return {
    kind,
    name: nameInArena(object, spec, options.label),
    key: keyOf(spec, kind),
    value: valuesOf(object, spec, kind, valueSize),
    maxEntries:
      entries === undefined ? spec.maxEntries || leastEntries(kind, arena) : createdEntries(spec.bpfType, entries),
    flags: kind.mayBeDynamic ? spec.flags & ~NO_PREALLOC : spec.flags,
    prealloc: kind.mayBeDynamic && !isDynamic(spec, options),
  };
}

function createWith(
  arena: Arena,
  object: ObjectSpec,
  spec: MapSpec,
  options: ObjectMapOptions,
  values: Codec<Uint8Array> | undefined,
): LoadedMap["map"] {
  const { kind, ...wanted } = wantedOf(arena, object, spec, options);
  const allocator = options.allocators?.get(spec.name);
  const map = arena.createMap({
    ...wanted,
    type: kind.type,
    value: values ?? wanted.value,
    ...(spec.extra === undefined ? {} : { extra: spec.extra }),
    ...(allocator === undefined ? {} : { allocator }),
  });
  try {
    if (spec.contents !== undefined) map.set(new Uint8Array(4), spec.contents);
    if (spec.firstBytes !== undefined) fillPages(arena, object, map, spec.firstBytes);
  } catch (error) {
    arena.destroyMap(map.info.name);
    throw error;
  }
  const isConstant = options.verify === true && spec.readOnly && spec.contents !== undefined;
  return isConstant ? frozen(arena, map) : map;
}

/** The variables of an arena map. @throws {AnyctxError} ENOMEM */
function fillPages(arena: Arena, { name }: ObjectSpec, map: LoadedMap["map"], bytes: Uint8Array): void {
  const first = firstPointer(arena, map.info.address);
  const pages = Math.ceil(bytes.length / CONSTANTS.ARENA_PAGE_BYTES);
  if (pages > map.info.maxEntries)
    throw new AnyctxError("BAD_OBJECT", `${name}: ${pages} pages of variables are more than map ${map.info.name} has`);
  if (map.allocatePages(pages, first) !== undefined && map.writeBytes(first, bytes) === 0) return;
  throw new AnyctxError("ENOMEM", `${name}: there is no memory for the variables of map ${map.info.name}`);
}

/** The map as it is now, for good: the verifier goes by what is in it. */
function frozen(arena: Arena, map: LoadedMap["map"]): LoadedMap["map"] {
  const { name, address, keySize, valueSize } = map.info;
  arena.core.freezeMap(address);
  return arena.openMap(name, { key: bytes(keySize), value: bytes(valueSize) });
}

/**
 * The arena's map of a pinned one's name, where there is one: an object before has made it, or whoever fills it.
 * @throws {AnyctxError} EINVAL: it is another kind of map (libbpf's `map_is_reuse_compat`)
 */
function pinnedMap(
  arena: Arena,
  object: ObjectSpec,
  spec: MapSpec,
  options: ObjectMapOptions,
): LoadedMap["map"] | undefined {
  if (spec.pinned !== true) return undefined;
  const wanted = wantedOf(arena, object, spec, options);
  const info = arena.maps().find(({ name }) => name === wanted.name);
  if (info === undefined) return undefined;
  const { kind, maxEntries, flags, prealloc, key, value } = wanted;
  const isForced = arena.word(CONSTANTS.SUPERBLOCK + LAYOUT.Superblock.forceDynamic) !== 0;
  const wantedFlags = flags | (kind.flags ?? 0) | (kind.mayBeDynamic && (isForced || !prealloc) ? NO_PREALLOC : 0);
  const pairs: readonly (readonly [what: string, there: unknown, here: unknown])[] = [
    ["type", info.kind.type, kind.type],
    ["key size", info.keySize, key.size],
    ["value size", info.valueSize, value.size],
    ["max_entries", info.maxEntries, maxEntries],
    ["map_flags", info.flags, wantedFlags],
  ];
  const differs = pairs.find(([, there, here]) => there !== here);
  // Its entries are bytes here, whatever they are to others.
  if (differs === undefined)
    return kind.inner ? (arena.openMap(wanted.name) as LoadedMap["map"]) : arena.openMapAs(wanted.name, key, value);
  const [what, there, here] = differs;
  throw new AnyctxError(
    "EINVAL",
    `${object.name}: map ${spec.name} is pinned by its name, and the arena's map ${wanted.name} is another: its ${what} is ${there}, not ${here}`,
  );
}

/** What the object puts into maps of maps. */
function putInnerMaps({ name }: ObjectSpec, made: readonly LoadedMap[], maps: readonly LoadedMap[]): void {
  for (const { spec, map } of made)
    for (const [index, wanted] of spec.inner === undefined ? [] : (spec.innerMaps ?? [])) {
      const inner = maps.find((each) => each.spec.name === wanted);
      if (inner === undefined)
        throw new AnyctxError(
          "BAD_OBJECT",
          `${name}: map ${spec.name} has ${wanted} in it, which is no map that is loaded`,
        );
      const key = new Uint8Array(spec.keySize);
      new DataView(key.buffer).setUint32(0, index, true);
      map.set(key, inner.map as unknown as Uint8Array);
    }
}

/** What is said of maps that there are not would be lost. */
export function checkMapNames(object: ObjectSpec, { mapEntries, valueSizes }: ObjectMapOptions): void {
  for (const name of [...(mapEntries?.keys() ?? []), ...(valueSizes?.keys() ?? [])]) {
    if (object.maps.some((map) => map.name === name && map.contents === undefined)) continue;
    const known = object.maps.filter((map) => map.contents === undefined).map((map) => map.name);
    throw new AnyctxError("EINVAL", `${object.name} has no map ${name}; it has ${known.join(", ") || "none"}`);
  }
}

/** The maps of an object, and a way to undo what was done for it. */
export interface MadeMaps {
  readonly maps: readonly LoadedMap[];
  /** Destroys those that were not there before, and closes the others. */
  undo(): void;
}

/** @throws {AnyctxError} a map's own error, EINVAL, BAD_OBJECT, UNSUPPORTED; none is left then that was not there before */
export function makeMaps(
  arena: Arena,
  object: ObjectSpec,
  specs: readonly MapSpec[],
  options: ObjectMapOptions,
): MadeMaps {
  const { label } = options;
  const maps: LoadedMap[] = [];
  const made: LoadedMap[] = [];
  const undo = (): void => {
    for (const { map } of maps) map.close();
    for (const { map } of made) arena.destroyMap(map.info.name);
  };
  try {
    for (const spec of specs) {
      const found = pinnedMap(arena, object, spec, options);
      const map = found ?? createMap(arena, object, spec, options);
      const loaded = { spec, map, btf: object.btf, objects: label === undefined ? [] : [label] };
      maps.push(loaded);
      if (found === undefined) made.push(loaded);
    }
    putInnerMaps(object, made, maps);
    return { maps, undo };
  } catch (error) {
    undo();
    throw error;
  }
}

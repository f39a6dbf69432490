/** Names for addresses: superblock, CPU areas, caches, maps, buckets, pages. */
import { CONSTANTS, LAYOUT, SIZES } from "../wasm/face.ts";
import { cacheAddress, setBytes } from "../wasm/sets.ts";
import { tableSegments } from "../wasm/table.ts";
import { LEVELS } from "./fiber.ts";
import { hex } from "./objects.ts";
import type { FieldOf, World } from "./world.ts";

/** Offsets by field. */
type Fields = Readonly<Record<string, number>>;

/** The field that an offset lies in: the last one that begins there or before. */
function fieldAt(fields: Fields | undefined, offset: number): string {
  let name = "";
  let start = 0;
  for (const [field, at] of Object.entries(fields ?? {})) if (at <= offset && at >= start) [name, start] = [field, at];
  const rest = offset - start;
  return `${name === "" ? "" : `.${name}`}${rest === 0 && name !== "" ? "" : `+${rest}`}`;
}

const slots = (what: string, first: number, bytes: number): [string, number][] =>
  Array.from({ length: CONSTANTS.SLOT_COUNT }, (_, slot) => [`${what} ${slot}`, first + bytes * slot]);

const BUCKET_FIELDS: Fields = Object.fromEntries([
  ["control", 0],
  ["overflow", CONSTANTS.OVERFLOW],
  ["index", CONSTANTS.INDEX],
  ...slots("tag", CONSTANTS.TAGS, 2),
  ...slots("element", CONSTANTS.ELEMENTS, 4),
]);

/** A run of equal structures. */
interface Region {
  readonly from: number;
  readonly bytes: number;
  readonly count: number;
  readonly name: (index: number) => string;
  readonly fields: Fields | undefined;
}

export class Symbols {
  readonly #world: World;
  readonly #regions: Region[] = [];
  /** Maps that have a table: descriptor and name. */
  readonly #tables: [number, string][] = [];

  constructor(world: World) {
    this.#world = world;
    const block = CONSTANTS.SUPERBLOCK;
    const classes = 2 * CONSTANTS.CLASS_COUNT;
    const descriptors = world.field(block, "Superblock", "descriptors");
    this.add(CONSTANTS.EPOCH_WORDS, 4, 2, (index) => (index === 0 ? "epoch" : "trace epoch"));
    this.add(CONSTANTS.BINS, 4, CONSTANTS.RUN_BINS, (index) => `bin ${index}`);
    this.add(
      CONSTANTS.SLAB_CLASSES,
      CONSTANTS.SLAB_CLASS_BYTES,
      classes,
      (index) => `slab class ${index}`,
      LAYOUT.SlabClass,
    );
    this.add(block, CONSTANTS.SUPERBLOCK_BYTES, 1, () => "superblock", LAYOUT.Superblock);
    const pages = world.field(block, "Superblock", "pages");
    this.add(descriptors, CONSTANTS.DESCRIPTOR_BYTES, pages, (index) => `page ${index}`, LAYOUT.PageDescriptor);
    world.areas.forEach((area, cpu) => {
      this.#addIntents(area, cpu);
      this.add(area, CONSTANTS.AREA_BYTES, 1, () => `cpu ${cpu}`, LAYOUT.CpuArea);
    });
    for (const { address, name } of world.maps) this.#addMap(address, name);
    for (const { address, name } of world.allocators) {
      this.#addSet(address + CONSTANTS.SETS_AT, name);
      this.add(address, CONSTANTS.SETS_AT, 1, () => name, LAYOUT.ObjectAllocator);
    }
  }

  /** Earlier regions win where they overlap. */
  add(from: number, bytes: number, count: number, name: (index: number) => string, fields?: Fields): void {
    this.#regions.push({ from, bytes, count, name, fields });
  }

  /** What a CPU has in hand: of each context level, then the transfer. */
  #addIntents(area: number, cpu: number): void {
    const intents = area + LAYOUT.CpuArea.intents;
    const bytes = CONSTANTS.INTENT_BYTES;
    this.add(intents, bytes, LEVELS.length, (level) => `cpu ${cpu} ${LEVELS[level]} intents`, LAYOUT.Intents);
    this.add(intents + bytes * LEVELS.length, SIZES.Transfer, 1, () => `cpu ${cpu} transfer`, LAYOUT.Transfer);
  }

  /** A set, and its caches, one a CPU. */
  #addSet(set: number, name: string): void {
    this.add(set, CONSTANTS.SET_BYTES, 1, () => `${name} set`, LAYOUT.CacheSet);
    const { length } = this.#world.areas;
    this.add(cacheAddress(set, 0), CONSTANTS.CACHE_BYTES, length, (cpu) => `${name} cache ${cpu}`, LAYOUT.Cache);
  }

  /** What a map keeps for each CPU. */
  #addMapCpus(map: number, name: string): void {
    for (const cpu of this.#world.areas.keys()) {
      const own = this.#world.mapCpu(map, cpu);
      const nameOf = (level: number): string => `${name} ${cpu} ${LEVELS[level]} count`;
      this.add(own + LAYOUT.MapCpu.counts, CONSTANTS.LEVEL_COUNT_BYTES, LEVELS.length, nameOf, LAYOUT.LevelCount);
      this.add(own, CONSTANTS.MAP_CPU_BYTES, 1, () => `${name} cpu ${cpu}`, LAYOUT.MapCpu);
    }
  }

  #addClasses(first: number, name: string): void {
    const bytes = setBytes(this.#world.areas.length);
    for (let index = 1; index < CONSTANTS.VARIABLE_SETS; index++)
      this.#addSet(first + index * bytes, `${name} class ${index}`);
  }

  #addMap(map: number, name: string): void {
    const field = (of: FieldOf<"MapHeader">): number => this.#world.field(map, "MapHeader", of);
    this.add(map, CONSTANTS.HEADER_SIZE, 1, () => name, LAYOUT.MapHeader);
    this.#addMapCpus(map, name);
    if (field("sets") > 0) this.#addSet(field("elements"), name);
    if (field("values") !== 0) this.#addSet(field("values"), `${name} value`);
    if (field("sets") === CONSTANTS.VARIABLE_SETS) this.#addClasses(field("elements"), name);
    if (field("root") !== 0) this.#tables.push([map, name]);
  }

  /** A field of a bucket. Tables grow and shrink, so this is looked up anew each time. */
  #inTable(address: number): string | undefined {
    for (const [map, name] of this.#tables)
      for (const segment of tableSegments((at) => this.#world.memory.load(at) >>> 0, map)) {
        const index = Math.floor((address - segment.address) / CONSTANTS.BUCKET_BYTES);
        if (index < 0 || index >= segment.buckets) continue;
        const offset = address - segment.address - index * CONSTANTS.BUCKET_BYTES;
        return `${name} bucket ${segment.index + index}${fieldAt(BUCKET_FIELDS, offset)}`;
      }
    return undefined;
  }

  nameOf(address: number): string {
    for (const { from, bytes, count, name, fields } of this.#regions) {
      if (address < from || address >= from + bytes * count) continue;
      const index = Math.floor((address - from) / bytes);
      const offset = address - from - index * bytes;
      return bytes === 4 ? name(index) : `${name(index)}${fieldAt(fields, offset)}`;
    }
    return this.#inTable(address) ?? this.#inPage(address);
  }

  /** An object of a slab, by its header. */
  #inPage(address: number): string {
    const { memory } = this.#world;
    const page = address >>> CONSTANTS.PAGE_SHIFT;
    const descriptors = this.#world.field(CONSTANTS.SUPERBLOCK, "Superblock", "descriptors");
    const descriptor = descriptors + page * CONSTANTS.DESCRIPTOR_BYTES;
    if (address < CONSTANTS.SUPERBLOCK) return `argument ${hex(address)}`;
    if (memory.bytes[descriptor] !== CONSTANTS.PAGE_SLAB) return hex(address);
    const classes = CONSTANTS.SLAB_CLASSES;
    const slab = classes + (memory.bytes[descriptor + 1] as number) * CONSTANTS.SLAB_CLASS_BYTES;
    const size = this.#world.field(slab, "SlabClass", "size");
    const start = page << CONSTANTS.PAGE_SHIFT;
    const index = Math.floor((address - start) / size);
    const offset = address - start - index * size;
    return `object ${hex(start + index * size)}${offset === 0 ? "" : `+${offset}`}`;
  }
}

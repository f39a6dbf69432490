/** Names for addresses: superblock, CPU areas, caches, maps, buckets, pages. */
import { constantOf, type Field, offsetOf } from "./core.ts";
import { LEVELS } from "./fiber.ts";
import { hex } from "./objects.ts";
import type { World } from "./world.ts";

/** The field that an offset lies in. */
function fieldAt(fields: readonly Field[] | undefined, offset: number): string {
  const field = fields?.find((each) => offset >= each.offset && offset < each.offset + each.bytes);
  if (field === undefined) return `+${offset}`;
  return offset === field.offset ? `.${field.name}` : `.${field.name}+${offset - field.offset}`;
}

/** A run of equal structures. */
interface Region {
  readonly from: number;
  readonly bytes: number;
  readonly count: number;
  readonly name: (index: number) => string;
  readonly fields: readonly Field[] | undefined;
}

export class Symbols {
  readonly #world: World;
  readonly #regions: Region[] = [];

  constructor(world: World) {
    this.#world = world;
    const { table } = world;
    const of = (name: string): number => constantOf(table, name);
    const { structures } = table.layout;
    const block = of("SUPERBLOCK");
    const classes = 2 * of("CLASS_COUNT");
    const descriptors = world.field(block, "Superblock", "descriptors");
    this.add(of("EPOCH_WORDS"), 4, 2, (index) => (index === 0 ? "epoch" : "trace epoch"));
    this.add(of("BINS"), 4, of("RUN_BINS"), (index) => `bin ${index}`);
    this.add(
      of("SLAB_CLASSES"),
      of("SLAB_CLASS_BYTES"),
      classes,
      (index) => `slab class ${index}`,
      structures["SlabClass"],
    );
    this.add(block, of("SUPERBLOCK_BYTES"), 1, () => "superblock", structures["Superblock"]);
    const pages = world.field(block, "Superblock", "maximumPages");
    this.add(descriptors, of("DESCRIPTOR_BYTES"), pages, (index) => `page ${index}`, structures["PageDescriptor"]);
    world.areas.forEach((area, cpu) => {
      this.#addIntents(area, cpu);
      this.add(area, of("AREA_BYTES"), 1, () => `cpu ${cpu}`, structures["CpuArea"]);
    });
    for (const { address, name } of world.maps) this.#addMap(address, name);
    for (const { address, name } of world.allocators) {
      this.#addCaches(address + of("CACHES_AT"), `${name} cache`);
      this.add(address, of("CACHES_AT"), 1, () => name, structures["ObjectAllocator"]);
    }
  }

  /** Earlier regions win where they overlap. */
  add(from: number, bytes: number, count: number, name: (index: number) => string, fields?: readonly Field[]): void {
    this.#regions.push({ from, bytes, count, name, fields });
  }

  /** What a CPU has in hand: of each context level, then the transfer. */
  #addIntents(area: number, cpu: number): void {
    const { table } = this.#world;
    const { structures } = table.layout;
    const hands = area + offsetOf(table, "CpuArea", "intents");
    const bytes = constantOf(table, "INTENT_BYTES");
    this.add(hands, bytes, LEVELS.length, (level) => `cpu ${cpu} ${LEVELS[level]} hands`, structures["Intent"]);
    const last = structures["Transfer"]?.at(-1);
    const transferBytes = (last?.offset ?? 0) + (last?.bytes ?? 0);
    this.add(hands + bytes * LEVELS.length, transferBytes, 1, () => `cpu ${cpu} transfer`, structures["Transfer"]);
  }

  /** The caches of an allocator, one a CPU, and in each the counts of a map's elements. */
  #addCaches(caches: number, name: string): void {
    const { table, areas } = this.#world;
    const { structures } = table.layout;
    const bytes = constantOf(table, "CACHE_BYTES");
    const counts = offsetOf(table, "Cache", "counts");
    const countBytes = constantOf(table, "LEVEL_COUNT_BYTES");
    for (const cpu of areas.keys())
      this.add(
        caches + cpu * bytes + counts,
        countBytes,
        LEVELS.length,
        (level) => `${name} ${cpu} ${LEVELS[level]} count`,
        structures["LevelCount"],
      );
    this.add(caches, bytes, areas.length, (cpu) => `${name} ${cpu}`, structures["Cache"]);
  }

  #addMap(map: number, name: string): void {
    const { table } = this.#world;
    const { structures } = table.layout;
    const field = (of: string): number => this.#world.field(map, "MapHeader", of);
    this.add(map, constantOf(table, "HEADER_SIZE"), 1, () => name, structures["MapHeader"]);
    this.#addCaches(field("elements"), `${name} cache`);
    this.#addCaches(field("values"), `${name} value cache`);
    const bucket: Field[] = [
      { name: "control", offset: 0, bytes: 8 },
      { name: "overflow", offset: constantOf(table, "OVERFLOW"), bytes: 4 },
      ...Array.from({ length: 6 }, (_, slot) => ({
        name: `tag ${slot}`,
        offset: constantOf(table, "TAGS") + 4 * slot,
        bytes: 4,
      })),
      ...Array.from({ length: 6 }, (_, slot) => ({
        name: `element ${slot}`,
        offset: constantOf(table, "ELEMENTS") + 4 * slot,
        bytes: 4,
      })),
    ];
    const buckets = field("bucketMask") + 1;
    this.add(
      field("buckets"),
      constantOf(table, "BUCKET_BYTES"),
      buckets,
      (index) => `${name} bucket ${index}`,
      bucket,
    );
  }

  nameOf(address: number): string {
    for (const { from, bytes, count, name, fields } of this.#regions) {
      if (address < from || address >= from + bytes * count) continue;
      const index = Math.floor((address - from) / bytes);
      const offset = address - from - index * bytes;
      return bytes === 4 ? name(index) : `${name(index)}${fieldAt(fields, offset)}`;
    }
    return this.#inPage(address);
  }

  /** An object of a slab, by its header. */
  #inPage(address: number): string {
    const { table, memory } = this.#world;
    const page = address >>> constantOf(table, "PAGE_SHIFT");
    const descriptors = this.#world.field(constantOf(table, "SUPERBLOCK"), "Superblock", "descriptors");
    const descriptor = descriptors + page * constantOf(table, "DESCRIPTOR_BYTES");
    if (address < constantOf(table, "SUPERBLOCK")) return `argument ${hex(address)}`;
    if (memory.bytes[descriptor] !== constantOf(table, "PAGE_SLAB")) return hex(address);
    const classes = constantOf(table, "SLAB_CLASSES");
    const slab = classes + (memory.bytes[descriptor + 1] as number) * constantOf(table, "SLAB_CLASS_BYTES");
    const size = this.#world.field(slab, "SlabClass", "size");
    const start = page << constantOf(table, "PAGE_SHIFT");
    const index = Math.floor((address - start) / size);
    const offset = address - start - index * size;
    return `object ${hex(start + index * size)}${offset === 0 ? "" : `+${offset}`}`;
  }
}

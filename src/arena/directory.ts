/**
 * The lists of an arena: maps by name, allocators. What is created is described in shared memory, so that every thread finds
 * and opens it. Nothing is half-created: what cannot be finished is taken back.
 */

import { checkOneOf, refuse, show } from "../arguments.ts";
import { AnyctxError, ERRNO, type ErrorCode, errnoName, LOCK_NOT_LET_GO } from "../error.ts";
import { decodeUtf8 } from "../maps/codec/utf8.ts";
import { writeDescription } from "../maps/description.ts";
import type { OpenMap } from "../maps/entries.ts";
import { memoryFor, type Room } from "../maps/host.ts";
import type { MapInfo } from "../maps/info.ts";
import { MAP_KINDS, type MapKind, mapKindByBpfType, mapKindByType } from "../maps/kinds.ts";
import type { MapOptions } from "../maps/options.ts";
import { fixedTransferBytes } from "../maps/transfer/fixed.ts";
import { VARIABLE_TRANSFER_BYTES } from "../maps/transfer/variable.ts";
import { CONSTANTS, type Core, LAYOUT } from "../wasm/face.ts";
import { inReadSection } from "../wasm/reader.ts";
import type { Attachment } from "./attachment.ts";
import { checkMayLock } from "./contexts.ts";
import { encodeName } from "./name.ts";

/** No map lies below; an errno does. */
const FIRST_ADDRESS = CONSTANTS.SUPERBLOCK;

/** Sizes of keys and values are 32 bits; no map has nearly as much. */
const LARGEST_SIZE = 2 ** 31;

/** Where a batch of a thousand entries of two words fits. */
const BATCH_BYTES = 24 * 1024;

/** With its header, the largest object that is no run of pages. */
const ROOM_BYTES = CONSTANTS.LARGEST_CLASS - CONSTANTS.HEADER_BYTES;

/** What the directory knows of a map's codecs: their sizes. */
export type MapEntry = Omit<MapOptions<unknown, unknown>, "key" | "value"> & {
  readonly keySize: number;
  readonly valueSize: number;
  /** Of a map of maps: the address of one that its inner maps are like. */
  readonly like: number;
  /** Where a lock lies in values. */
  readonly lock: number | undefined;
};

export class Directory {
  readonly #attachment: Attachment;
  /** Where names to be looked up are written and walks copy to: neither needs memory of its own. */
  readonly room: Room;
  #batchRoom: Room | undefined;
  #seed: number;

  /** @param seed of the hash functions of maps created here */
  constructor(attachment: Attachment, seed: number) {
    this.#attachment = attachment;
    this.room = { address: attachment.allocate(ROOM_BYTES), bytes: ROOM_BYTES };
    this.#seed = seed;
  }

  /** Where batches are written: larger than `room` if there is memory for it. */
  batchRoom(): Room {
    if (this.#batchRoom !== undefined) return this.#batchRoom;
    const { core, memory } = this.#attachment;
    const address = memoryFor(core, memory, BATCH_BYTES);
    if (address < FIRST_ADDRESS) return this.room;
    this.#batchRoom = { address, bytes: BATCH_BYTES };
    return this.#batchRoom;
  }

  /** Pages that may be in use at once, and those that are. */
  pages(): { maximum: number; used: number } {
    const field = (name: "pages" | "limitPages"): number =>
      this.#attachment.word(CONSTANTS.SUPERBLOCK + LAYOUT.Superblock[name]);
    return { maximum: Math.min(field("pages"), field("limitPages")), used: this.#attachment.core.pagesInUse() };
  }

  /**
   * Creates a map that every thread finds by its name, and opens it. It has all that it needs before anybody finds it.
   * @param description how to read keys and values, for whoever opens it
   * @throws {AnyctxError} EEXIST (name), EINVAL, E2BIG (sizes), ENOMEM, ETIMEDOUT, EPERM (the context)
   */
  create(options: MapEntry, description: string): OpenMap {
    checkMayLock(this.#attachment, "create a map");
    const { core, memory } = this.#attachment;
    const { type, name, keySize, valueSize, maxEntries, flags = 0 } = options;
    const kind = mapKindByType(type);
    const types = MAP_KINDS.map((each) => each.type);
    checkOneOf("map type", type, types);
    if (kind === undefined) throw new AnyctxError("EINVAL", `There is no map type ${show(type)}`);
    const nameBytes = encodeName("A map", name, CONSTANTS.NAME_BYTES, 1);
    if (!Number.isInteger(maxEntries) || maxEntries < 1 || maxEntries >= 2 ** 32)
      throw new AnyctxError("EINVAL", `Map "${name}" needs max_entries from 1 to 2^32 - 1, not ${show(maxEntries)}`);
    if (!Number.isInteger(flags) || flags < 0 || flags >= 2 ** 32)
      refuse(`Map "${name}"`, "a whole number of 32 bits", "flags", flags);
    if (keySize >= LARGEST_SIZE || valueSize >= LARGEST_SIZE) throw createError(ERRNO.E2BIG, name, kind, options);
    if (options.withoutCache === true && this.#isLinux())
      throw new AnyctxError(
        "EINVAL",
        `Map "${name}" cannot be withoutCache in an arena with the profile linux: it allocates with interrupts off, and the ` +
          "slab may not be asked there",
      );
    const seed = this.#nextSeed();
    const supply = supplyOf(options);
    if ((kind.inner === true) !== (options.like !== 0))
      throw new AnyctxError(
        "EINVAL",
        `Map "${name}" is ${type}: maps of maps, and no others, have innerMaps() as value`,
      );
    const [low, high] = this.#extraOf(kind, options);
    const given = flags | (kind.flags ?? 0);
    const extra = kind.inner === true ? options.like : low;
    const address = core.createMap(kind.bpfType, keySize, valueSize, maxEntries, given, supply, seed, extra) >>> 0;
    if (address < FIRST_ADDRESS) throw createError(address, name, kind, options);
    if (kind.pages === true && (low | high) !== 0) core.placeArenaMap(address, high, low);
    let open: OpenMap;
    try {
      if (options.lock !== undefined) this.#setLock(address, kind, options);
      if (options.allocator !== undefined) this.#shareAccount(address, name, options.allocator);
      writeDescription(this.#attachment, address, description);
      new Uint8Array(memory.buffer, address + CONSTANTS.HEADER_SIZE, nameBytes.length).set(nameBytes);
      open = this.#withRoom(this.info(address));
    } catch (error) {
      core.discardMap(address);
      throw error;
    }
    const result = core.publishMap(address);
    if (result === 0) return open;
    core.freeBytes(open.room);
    throw publishError(result, name);
  }

  /** @throws {AnyctxError} EINVAL: values of such a map have no lock */
  #setLock(address: number, { type }: MapKind, { name, lock = 0 }: MapEntry): void {
    const result = this.#attachment.core.setValueLock(address, lock);
    if (result === 0) return;
    const why = result === -ERRNO.EACCES ? "programs may not both read and write it" : `it is ${type}`;
    throw new AnyctxError("EINVAL", `The values of map "${name}" cannot have a lock: ${why}`);
  }

  /** The halves of map_extra. @throws {AnyctxError} EINVAL: it is no such number, or larger than the kind has it */
  #extraOf(kind: MapKind, { name, extra = 0n }: MapEntry): readonly [low: number, high: number] {
    const isWide = kind.pages === true;
    if (typeof extra !== "bigint" || extra < 0n || extra >= 1n << (isWide ? 64n : 32n))
      refuse(`Map "${name}"`, `a bigint of ${isWide ? 64 : 32} bits`, "extra", extra);
    return [Number(BigInt.asUintN(32, extra)), Number(extra >> 32n)];
  }

  /** Opens a map by its name, until `core.closeMap`. ENOENT if there is none. */
  open(name: string): OpenMap {
    const { core, cpu } = this.#attachment;
    const address = this.#find(name, core.openMap);
    try {
      return this.#withRoom(this.info(address));
    } catch (error) {
      core.closeMap(address, cpu);
      throw error;
    }
  }

  /** What there is to know of a map, which is not opened by that: it may be destroyed at any time. */
  find(name: string): MapInfo {
    const { core } = this.#attachment;
    return inReadSection(core, () => this.info(this.#find(name, core.findMap)));
  }

  /** All living maps, newest first. */
  maps(): MapInfo[] {
    for (;;) {
      const found = inReadSection(this.#attachment.core, () => this.#walkMaps());
      if (found !== undefined) return found;
    }
  }

  /** Takes a map off the arena. @throws {AnyctxError} ENOENT, ETIMEDOUT, EPERM (the context) */
  destroy(name: string): void {
    checkMayLock(this.#attachment, "destroy a map");
    const result = this.#attachment.core.destroyNamed(this.#writeName(name));
    if (result === -ERRNO.ETIMEDOUT) throw new AnyctxError("ETIMEDOUT", lockedByDead("destroy", name));
    if (result !== 0) throw noSuchMap(name);
  }

  /** Addresses of all allocators of objects, newest first. @throws {AnyctxError} ETIMEDOUT, ENOMEM (more than a thousand) */
  allocators(): number[] {
    checkMayLock(this.#attachment, "list the allocators");
    const { core, memory } = this.#attachment;
    let { address, bytes } = this.room;
    for (;;) {
      const count = core.listAllocators(address, bytes / 4);
      const found = count * 4 <= bytes && count >= 0 ? [...new Uint32Array(memory.buffer, address, count)] : undefined;
      if (address !== this.room.address) core.freeBytes(address);
      if (count < 0) throw new AnyctxError("ETIMEDOUT", `Cannot list the allocators: ${LOCK_NOT_LET_GO}`);
      if (found !== undefined) return found;
      bytes = count * 8;
      address = this.#attachment.allocate(bytes);
    }
  }

  /** How to read a map's keys and values, as its creator wrote it. */
  descriptionOf(map: number): string {
    const address = this.#attachment.word(map + LAYOUT.MapHeader.description);
    const length = this.#attachment.word(map + LAYOUT.MapHeader.descriptionBytes);
    return decodeUtf8(new Uint8Array(this.#attachment.memory.buffer, address, length));
  }

  info(address: number): MapInfo {
    const { memory, cpus } = this.#attachment;
    const field = (name: keyof (typeof LAYOUT)["MapHeader"]): number =>
      this.#attachment.word(address + LAYOUT.MapHeader[name]);
    const bpfType = field("kind");
    const kind = mapKindByBpfType(bpfType);
    if (kind === undefined)
      throw new AnyctxError("BAD_ARENA", `The map at ${show(address)} has the unknown type ${bpfType}`);
    return Object.freeze({
      name: decodeUtf8(new Uint8Array(memory.buffer, address + CONSTANTS.HEADER_SIZE, CONSTANTS.NAME_BYTES)),
      kind,
      address,
      serial: field("serial"),
      keySize: field("keySize"),
      valueSize: field("valueSize"),
      maxEntries: field("maxEntries"),
      flags: field("flags"),
      valueStride: field("valueStride"),
      lock: field("valueLock") === 0 ? undefined : field("valueLock") - 1,
      copies: kind.perCpu ? cpus : 1,
    });
  }

  #isLinux(): boolean {
    const profile = this.#attachment.word(CONSTANTS.SUPERBLOCK + LAYOUT.Superblock.profile);
    return profile === CONSTANTS.PROFILE_LINUX;
  }

  /** Writes a name where the core reads it; the address. */
  #writeName(name: string): number {
    const bytes = encodeName("A map", name, CONSTANTS.NAME_BYTES, 1);
    new Uint8Array(this.#attachment.memory.buffer, this.room.address, bytes.length).set(bytes);
    return this.room.address;
  }

  #find(name: string, find: Core["findMap"]): number {
    checkMayLock(this.#attachment, "look for a map");
    const address = find(this.#writeName(name)) >>> 0;
    if (address === 0) throw noSuchMap(name);
    if (address === ERRNO.ETIMEDOUT) throw new AnyctxError("ETIMEDOUT", lockedByDead("look for", name));
    return address;
  }

  /** The living maps, inside a read section; undefined if one of them was destroyed meanwhile: the list then goes astray. */
  #walkMaps(): MapInfo[] | undefined {
    const field = (address: number, name: "next" | "dyingTarget"): number =>
      this.#attachment.word(address + LAYOUT.MapHeader[name]);
    const found: MapInfo[] = [];
    let address = this.#attachment.word(CONSTANTS.SUPERBLOCK + LAYOUT.Superblock.maps);
    for (; address !== 0; address = field(address, "next")) found.push(this.info(address));
    return found.some((map) => field(map.address, "dyingTarget") !== 0) ? undefined : found;
  }

  /** The transfer buffer of a map that is being opened. */
  #withRoom(info: MapInfo): OpenMap {
    const bytes = info.kind.variable ? VARIABLE_TRANSFER_BYTES : fixedTransferBytes(info);
    return { info, room: this.#attachment.allocate(bytes) };
  }

  #shareAccount(map: number, name: string, allocator: { readonly address: number }): void {
    if (this.#attachment.core.shareAccount(map, addressOf(allocator)) !== 0)
      throw new AnyctxError(
        "EINVAL",
        `Map "${name}" cannot share an allocator: it is no dynamic hash, or there is none`,
      );
  }

  /** xorshift32: every map has its own hash seed, reproducible from the arena's. */
  #nextSeed(): number {
    let seed = this.#seed | 1;
    seed ^= seed << 13;
    seed ^= seed >>> 17;
    seed ^= seed << 5;
    this.#seed = seed >>> 0;
    return this.#seed;
  }
}

/** Where a hash's elements come from. */
function supplyOf({ withoutCache = false, prealloc = false }: MapEntry): number {
  if (withoutCache) return CONSTANTS.SUPPLY_SLAB;
  return prealloc ? CONSTANTS.SUPPLY_POOL : CONSTANTS.SUPPLY_CACHE;
}

function noSuchMap(name: string): AnyctxError {
  return new AnyctxError("ENOENT", `There is no map "${name}" in the arena`);
}

function publishError(result: number, name: string): AnyctxError {
  if (result === -ERRNO.ETIMEDOUT) return new AnyctxError("ETIMEDOUT", lockedByDead("create", name));
  if (result === -ERRNO.ENOMEM)
    return new AnyctxError("ENOMEM", `Cannot create map "${name}": its allocator's capacity is used up`);
  return new AnyctxError("EEXIST", `There is a map "${name}" in the arena already`);
}

function lockedByDead(what: string, name: string): string {
  return `Cannot ${what} map "${name}": ${LOCK_NOT_LET_GO}`;
}

/** What sizes have to be, and flags, by what keys are. */
const NEEDS: Readonly<Record<MapKind["keys"], string>> = {
  index: "it needs a 4-byte key, a value and entries, and flags that it knows",
  bytes: "it needs a key, a value and entries, and flags that it knows",
  none: "it needs a value and entries, no key, and flags that it knows",
  prefix: "it needs a key of 5 to 260 bytes, a value and entries, and to be dynamic; and flags that it knows",
  owner:
    "it needs a key of 8 bytes, its owner's address, a value and entries, and to be dynamic; and flags that it knows",
};

function createError(
  errno: number,
  name: string,
  kind: MapKind,
  sizes: { keySize: number; valueSize: number; maxEntries: number },
): AnyctxError {
  const code: ErrorCode = errnoName(errno) ?? "EINVAL";
  const { keySize, valueSize, maxEntries } = sizes;
  const what = `${kind.type} map "${name}" (key ${keySize}, value ${valueSize}, max_entries ${maxEntries})`;
  const needs =
    kind.pages === true ? "it needs no key, no value, and an extra that is a multiple of 4096" : NEEDS[kind.keys];
  const why: Readonly<Record<string, string>> = {
    ERANGE: "its pages would lie on both sides of a multiple of 4 GiB",
    E2BIG: "it is larger than Linux allows",
    ENOMEM: "the arena's memory is out",
    ETIMEDOUT: LOCK_NOT_LET_GO,
    EINVAL: needs,
  };
  return new AnyctxError(code, `Cannot create ${what}: ${why[code] ?? code}`);
}

/** 0 for what is no allocator: the core finds none there. */
function addressOf(allocator: { readonly address: number }): number {
  const { address } = allocator ?? {};
  return Number.isInteger(address) && address < 2 ** 32 ? address : 0;
}

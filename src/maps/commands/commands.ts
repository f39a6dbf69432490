/**
 * The commands of `bpf(2)` on single entries of maps: as Linux 6.18 has them, the order of their checks too. Maps are named by file
 * descriptors of this thread's, keys and values are bytes, a missing one is a null pointer. Nothing throws.
 *
 * A map made here is one like any other: a thread opens it by the name `#` and its id.
 */
import { AnyctxError, ERRNO } from "../../error.ts";
import { CONSTANTS, LAYOUT } from "../../wasm/face.ts";
import { writeDescription } from "../description.ts";
import { mapKindByBpfType } from "../kinds.ts";
import { type Answer, type CreateAttributes, isNodeRefused, supplyOf } from "./attributes.ts";
import { type CommandHost, Descriptor } from "./descriptor.ts";
import type { Refusal } from "./rules.ts";

const { EBADF, EFAULT, EINVAL, ENOTSUPP, EPERM } = ERRNO;

/** BPF_F_LOCK, the one flag that lookups know. */
export const LOCK: bigint = BigInt(CONSTANTS.LOCK);
/** What the core is given for flags beyond 32 bits, none of which exist. */
const FLAGS_TOO_LARGE = 0xffffffff;

export interface MapAttributes {
  readonly type: number;
  readonly id: number;
  readonly keySize: number;
  readonly valueSize: number;
  readonly maxEntries: number;
  readonly flags: number;
  readonly extra: bigint;
}

/** The -errno of what the control plane threw. */
function errnoOf(error: unknown): number {
  if (error instanceof AnyctxError && error.code in ERRNO) return -ERRNO[error.code as keyof typeof ERRNO];
  throw error;
}

export class MapCommands {
  readonly #host: CommandHost;
  readonly #seed: number;
  readonly #descriptors = new Map<number, Descriptor>();
  #next = 3;

  /** @param seed of the hash functions of maps created here */
  constructor(host: CommandHost, seed: number) {
    this.#host = host;
    this.#seed = seed;
  }

  /** What a descriptor stands for. */
  descriptor(fd: number): Descriptor | undefined {
    return this.#descriptors.get(fd);
  }

  /** BPF_MAP_CREATE: a file descriptor, or -errno. */
  create(attributes: CreateAttributes): number {
    const { core } = this.#host;
    const { type, keySize, valueSize, maxEntries, flags, extra } = attributes;
    const { variable, inner: isOuter = false, pages = false } = mapKindByBpfType(type) ?? {};
    if (isNodeRefused(attributes) || (extra > 0xffffffffn && !pages)) return -EINVAL;
    // None of Linux's.
    if (variable) return -EINVAL;
    if (isOuter && extra !== 0n) return -EINVAL;
    const low = Number(BigInt.asUintN(32, extra));
    const given = isOuter ? this.#addressOf(attributes.innerFd ?? 0) : low;
    const supply = supplyOf(attributes);
    const address = core.createMap(type, keySize, valueSize, maxEntries, flags, supply, this.#seed, given) >>> 0;
    if (address < CONSTANTS.SUPERBLOCK) return -address;
    if (pages && extra !== 0n) core.placeArenaMap(address, Number(extra >> 32n), low);
    const locked = attributes.lock === undefined ? 0 : core.setValueLock(address, attributes.lock);
    if (locked !== 0) {
      core.discardMap(address);
      return locked;
    }
    try {
      this.#name(address);
    } catch (error) {
      core.discardMap(address);
      return errnoOf(error);
    }
    const result = core.publishMap(address);
    return result === 0 ? this.#open(address) : result;
  }

  /** Gives a map the name by which threads find it, and says how it is read. */
  #name(address: number): void {
    const host = this.#host;
    const name = new TextEncoder().encode(`#${host.word(address + LAYOUT.MapHeader.serial)}`);
    new Uint8Array(host.memory.buffer, address + CONSTANTS.HEADER_SIZE, name.length).set(name);
    const sizes = [LAYOUT.MapHeader.keySize, LAYOUT.MapHeader.valueSize].map((field) => host.word(address + field));
    const codecs = sizes.map((size) => (size === 0 ? "none" : { bytes: size }));
    writeDescription(host, address, JSON.stringify(codecs));
  }

  /** A descriptor of a map that is open here; on failure the map is gone again. */
  #open(address: number): number {
    try {
      this.#descriptors.set(this.#next, new Descriptor(this.#host, address, (fd) => this.#addressOf(fd)));
      return this.#next++;
    } catch (error) {
      this.#host.core.destroyMap(address);
      this.#host.core.closeMap(address, this.#host.cpu);
      return errnoOf(error);
    }
  }

  /** The address of a descriptor's map, 0 if there is none. */
  #addressOf(fd: number): number {
    return this.#descriptors.get(fd)?.address ?? 0;
  }

  /** Closes a descriptor. The map goes with the last descriptor of it. */
  close(fd: number): number {
    const map = this.#descriptors.get(fd);
    if (map === undefined) return -EBADF;
    this.#descriptors.delete(fd);
    this.#host.core.destroyMap(map.address);
    map.close();
    this.#host.core.reapMaps();
    return 0;
  }

  /** BPF_OBJ_GET_INFO_BY_FD, or -errno. */
  info(fd: number): MapAttributes | number {
    const map = this.#descriptors.get(fd);
    if (map === undefined) return -EBADF;
    const [type, keySize, valueSize] = [map.field("kind"), map.field("keySize"), map.field("valueSize")];
    const [maxEntries, flags] = [map.field("maxEntries"), map.field("flags")];
    const extra = (BigInt(map.field("extraHigh")) << 32n) | BigInt(map.field("extra"));
    return { type, id: map.id, keySize, valueSize, maxEntries, flags, extra };
  }

  /** BPF_MAP_FREEZE: from now on the system call does not write the map. */
  freeze(fd: number): number {
    const map = this.#descriptors.get(fd);
    if (map === undefined) return -EBADF;
    return map.access.mayWrite ? this.#host.core.freezeMap(map.address) : -EPERM;
  }

  /**
   * BPF_MAP_LOOKUP_ELEM: of a kind without keys the first value, which stays.
   * @param value what the buffer holds before, for kinds that ask for it
   */
  lookup(fd: number, key: Uint8Array | undefined, flags: bigint, value?: Uint8Array): Answer {
    if ((flags & ~LOCK) !== 0n) return { result: -EINVAL };
    const map = this.#descriptors.get(fd);
    if (map === undefined) return { result: -EBADF };
    if (!map.access.mayRead) return { result: -EPERM };
    if (!mayLock(map, flags)) return { result: -EINVAL };
    const given = putKey(map, key);
    if (given < 0) return { result: given };
    const { get, getLocked, has } = map.kind.system;
    if (has === undefined) return read(map, given, flags === 0n ? get : getLocked, map.rules.lacking.lookup);
    if (value === undefined) return { result: -EFAULT };
    map.put(map.value, value);
    return { result: this.#host.core[has](map.address, map.value) };
  }

  /** BPF_MAP_LOOKUP_AND_DELETE_ELEM. */
  take(fd: number, key: Uint8Array | undefined, flags: bigint): Answer {
    if ((flags & ~LOCK) !== 0n) return { result: -EINVAL };
    const map = this.#descriptors.get(fd);
    if (map === undefined) return { result: -EBADF };
    if (!map.access.mayChange) return { result: -EPERM };
    if (!mayLock(map, flags)) return { result: -EINVAL };
    const given = putKey(map, key);
    const take = map.rules.takesInBatches ? undefined : map.kind.system[flags === 0n ? "take" : "takeLocked"];
    return given < 0 ? { result: given } : read(map, given, take, -ENOTSUPP);
  }

  /** BPF_MAP_UPDATE_ELEM: of a kind without keys, adds a value. */
  update(fd: number, key: Uint8Array | undefined, value: Uint8Array | undefined, flags: bigint): number {
    const map = this.#descriptors.get(fd);
    if (map === undefined) return -EBADF;
    if (!map.access.mayWrite) return -EPERM;
    if (!mayLock(map, flags)) return -EINVAL;
    const given = putKey(map, key);
    if (given < 0) return given;
    if (value === undefined && map.valueBytes !== 0) return -EFAULT;
    if (value !== undefined) map.putValue(value.subarray(0, map.valueBytes));
    return writeAt(map, given, flags > 0xffffffffn ? FLAGS_TOO_LARGE : Number(flags));
  }

  /** BPF_MAP_DELETE_ELEM. @param flags are none of its attributes */
  delete(fd: number, key: Uint8Array | undefined, flags: bigint): number {
    if (flags !== 0n) return -EINVAL;
    const map = this.#descriptors.get(fd);
    if (map === undefined) return -EBADF;
    if (!map.access.mayWrite) return -EPERM;
    const given = putKey(map, key);
    return given < 0 ? given : deleteAt(map, given);
  }

  /** BPF_MAP_GET_NEXT_KEY: the first key after none. */
  nextKey(fd: number, key: Uint8Array | undefined): Answer {
    const map = this.#descriptors.get(fd);
    if (map === undefined) return { result: -EBADF };
    if (!map.access.mayRead) return { result: -EPERM };
    const given = key === undefined ? 0 : putKey(map, key);
    return given < 0 ? { result: given } : nextKeyAfter(map, given);
  }
}

/** Whether flags ask for no lock, or for one that values have. */
export function mayLock(map: Descriptor, flags: bigint): boolean {
  return (flags & LOCK) === 0n || map.field("valueLock") !== 0;
}

/** Has a key where the core reads it. @returns its address, 0 for a kind without keys, or -errno */
export function putKey(map: Descriptor, key: Uint8Array | undefined): number {
  if (map.keySize === 0) return key === undefined ? 0 : -EINVAL;
  if (key === undefined) return -EFAULT;
  map.put(map.key, key);
  return map.key;
}

/** Calls a function of the core that copies a value out. */
export function read(map: Descriptor, key: number, name: Getter | undefined, lacking: number = -ENOTSUPP): Answer {
  if (name === undefined) return { result: lacking };
  const { core } = map.host;
  // A map whose address has been copied stays until its id has been read.
  core.readEnter();
  const result = core[name](map.address, key, map.value);
  const answer = result === 0 ? { result, bytes: map.takeValue(map.value) } : { result };
  core.readLeave();
  return answer;
}

type Getter = NonNullable<Descriptor["kind"]["system"]["get"]>;

/** What a command returns that the kind has no function for. */
function refusalOf(map: Descriptor, refusal: number | Refusal = -ENOTSUPP, key: number, flags: number): number {
  return typeof refusal === "number" ? refusal : refusal(map.host.word(key), map.field("maxEntries"), flags);
}

/** Writes the value that lies in the map's room. */
export function writeAt(map: Descriptor, key: number, flags: number): number {
  const { update } = map.kind.system;
  if (update === undefined) return refusalOf(map, map.rules.lacking.update, key, flags);
  return map.host.core[update](map.address, key, map.value, flags);
}

export function deleteAt(map: Descriptor, key: number): number {
  const { delete: remove } = map.kind.system;
  if (remove === undefined) return refusalOf(map, map.rules.lacking.delete, key, 0);
  return map.host.core[remove](map.address, key);
}

/** The key after the one at an address; after 0 the first. */
export function nextKeyAfter(map: Descriptor, key: number): Answer {
  const { nextKey } = map.rules;
  if (typeof nextKey === "number") return { result: nextKey };
  const result = map.host.core[nextKey](map.address, key, map.nextKey);
  return result === 0 ? { result, bytes: map.take(map.nextKey, map.keySize) } : { result };
}

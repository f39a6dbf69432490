/**
 * The descriptor of a map, and the list of all maps of an arena. Its address is what a program holds as a map pointer.
 * Everything up to `count` is written at creation and only read afterwards.
 */
import { joinAccount, leaveAccount, withinLimit } from "../alloc/account";
import { CACHE_BYTES, Cache } from "../alloc/cache";
import { unlinkSet } from "../alloc/register";
import { acquire, publish } from "../base/atomics";
import { equalBytes } from "../base/bytes";
import { EEXIST, ENOENT, ENOMEM, ETIMEDOUT } from "../base/errno";
import { Superblock, superblock } from "../base/superblock";
import { CpuArea, thisCpu } from "../cpu/area";
import { transferOf } from "../cpu/intent";
import { lock, unlock } from "../cpu/lock";
import { adoptBytes, controlLock, disownBytes } from "../mem/managed";
import { gracePeriodTarget, NORMAL, TASKS_TRACE } from "../rcu/epoch";

/** Map kinds by `enum bpf_map_type`. */
export const KIND_HASH: u32 = 1;
export const KIND_ARRAY: u32 = 2;
export const KIND_PERCPU_HASH: u32 = 5;
export const KIND_PERCPU_ARRAY: u32 = 6;

/** BPF_F_NO_PREALLOC of Linux's uapi. */
export const NO_PREALLOC: u32 = 1;

/** Update flags of Linux's uapi: create or replace (0), create only, replace only. */
export const NOEXIST: u32 = 1;
export const EXIST: u32 = 2;

/** Where a hash's elements come from (maps/element.ts). */
export const SUPPLY_CACHE: u32 = 0;
export const SUPPLY_POOL: u32 = 1;
export const SUPPLY_SLAB: u32 = 2;

export const NAME_BYTES: u32 = 64;

@unmanaged
export class MapHeader {
  // The first cache line: what every operation of a hash reads.
  kind: u32;
  /** The flags of creation as map info shows them; forceDynamic adds NO_PREALLOC. */
  flags: u32;
  keySize: u32;
  valueSize: u32;
  maxEntries: u32;
  /** Value size rounded up to 8: bytes of one value as it lies in memory. */
  valueStride: u32;
  /** Hash: offset of the value (per-CPU: of the pointer to it) in an element. */
  valueOffset: u32;
  /** Hash: the buckets, their number less one, and the right shift that leaves a hash's bucket. */
  buckets: u32;
  bucketMask: u32;
  bucketShift: u32;
  /** Hash: random and odd (base/bytes.ts). */
  multiplier: u64;
  /** Hash: the elements' allocator (one Cache a CPU); every supply has one, the counts are in it. */
  elements: u32;
  /** Hash: key size that maps/hash-fast.ts serves, 0 if the map always takes the slow path. */
  fastKey: u32;
  /** Hash: `count` from which on the limit has to be looked at closely. */
  fastLimit: i32;
  supply: u32;

  // The second: the rest of what does not change.
  /** Per-CPU hash: the values' allocator. */
  values: u32;
  /** Array: the values. Preallocated hash: the pool. */
  storage: u32;
  /** Per-CPU kinds: distance between two CPUs' copies of a value. */
  copyStride: u32;
  /** 1: every insert and delete adds to `count`; 0: CPUs count for themselves and fold in batches. */
  exactCount: u32;
  /** Preallocated per-CPU hash: all the values' copies. */
  valueStorage: u32;
  /** How to read keys and values, for whoever opens the map by name: text the control plane wrote. */
  description: u32;
  descriptionBytes: u32;
  /** Under `controlLock`. */
  next: u32;
  /** Epochs, normal and tasks-trace, after which a destroyed map's memory may go. */
  dyingTarget: u32;
  dyingTraceTarget: u32;
  /** Hash, small values: 1 if an update overwrites the value where it lies. */
  inPlace: u32;
  /** 1: an update keeps interrupts off from the allocation to the end, as Linux does under the bucket lock. */
  interruptsOff: u32;
  /** The allocator whose account pays for the elements, 0: nobody (alloc/account.ts). */
  account: u32;
  reserved1: u32;
  reserved2: u64;

  // The third.
  /** Atomic: elements, as far as folded (maps/count.ts). */
  count: i32;
}

export const HEADER_SIZE: usize = 192;
/** Behind the header: the name, NUL padded; then the caches. */
export const MAP_BYTES: usize = HEADER_SIZE + <usize>NAME_BYTES;

export function mapAt(address: usize): MapHeader {
  return changetype<MapHeader>(address);
}

/** Where a map's name begins. */
function nameOf(map: MapHeader): usize {
  return changetype<usize>(map) + HEADER_SIZE;
}

/** The living map with this name (NAME_BYTES, NUL padded), 0 if there is none. Caller holds the lock. */
function findNamed(name: usize): usize {
  let each: usize = superblock().maps;
  while (each != 0 && !equalBytes(nameOf(mapAt(each)), name, NAME_BYTES)) each = mapAt(each).next;
  return each;
}

/** The address of the map named so, 0 if there is none, ETIMEDOUT if the lock cannot be had. Task context. */
export function findMap(name: usize): usize {
  if (!lock(controlLock())) return ETIMEDOUT;
  const found = findNamed(name);
  unlock(controlLock());
  return found;
}

/** How often a CPU's holder has a map open: only that CPU writes it. */
function openCount(map: MapHeader, cpu: u32): usize {
  return map.elements + cpu * CACHE_BYTES + offsetof<Cache>("opened");
}

/**
 * Keeps a map's memory while somebody has its address, as a file descriptor does in Linux: a map that is destroyed is
 * freed when it is closed as often as it was opened. Each CPU counts for itself; no operation has to look.
 */
export function keepOpen(area: CpuArea, map: MapHeader): void {
  const word = openCount(map, area.id);
  store<u32>(word, load<u32>(word) + 1);
}

/** As findMap, and the map is open on this CPU until `closeMap`. */
export function openMap(name: usize): usize {
  if (!lock(controlLock())) return ETIMEDOUT;
  const found = findNamed(name);
  if (found != 0) keepOpen(thisCpu(), mapAt(found));
  unlock(controlLock());
  return found;
}

/** Closes a map that was opened on CPU `cpu`, which this thread holds. */
export function closeMap(address: usize, cpu: u32): void {
  const word = openCount(mapAt(address), cpu);
  if (load<u32>(word) != 0) store<u32>(word, load<u32>(word) - 1);
}

/** Whether any CPU has a map open. Caller holds the control plane's lock, so that nobody opens it meanwhile. */
export function isOpen(map: MapHeader): bool {
  const cpus = superblock().cpus;
  for (let cpu: u32 = 0; cpu < cpus; cpu++) if (acquire(openCount(map, cpu)) != 0) return true;
  return false;
}

/** Closes all that a CPU has open: its thread leaves or is dead. Caller holds the control plane's lock. */
export function closeAll(cpu: u32): void {
  for (let each: usize = load<u32>(livingMaps()); each != 0; each = mapAt(each).next) {
    store<u32>(openCount(mapAt(each), cpu), 0);
  }
  for (let each: usize = load<u32>(dyingMaps()); each != 0; each = mapAt(each).next) {
    store<u32>(openCount(mapAt(each), cpu), 0);
  }
}

/** False: the map would be beyond its account's limit, and is not charged. Caller holds the control plane's lock. */
function joinMapAccount(area: CpuArea, map: MapHeader): bool {
  if (map.account == 0) return true;
  joinAccount(map.account, map.elements);
  if (changetype<Cache>(<usize>map.values).home != 0) joinAccount(map.account, map.values);
  if (withinLimit(area, map.account)) return true;
  leaveMapAccount(map);
  return false;
}

/** Its bytes count no longer. Caller holds the control plane's lock. */
function leaveMapAccount(map: MapHeader): void {
  if (map.account == 0) return;
  leaveAccount(map.elements);
  leaveAccount(map.values);
}

/** Makes a finished map visible to whoever walks the list, and opens it on this CPU: 0, -EEXIST if one of its name is there, -ENOMEM, -ETIMEDOUT. */
export function registerMap(area: CpuArea, map: MapHeader): i32 {
  const block = superblock();
  if (!lock(controlLock())) return -ETIMEDOUT;
  const taken = findNamed(nameOf(map)) != 0;
  if (!taken && !joinMapAccount(area, map)) {
    unlock(controlLock());
    return -ENOMEM;
  }
  if (!taken) {
    map.next = block.maps;
    publish(changetype<usize>(block) + offsetof<Superblock>("maps"), <u32>changetype<usize>(map));
    keepOpen(area, map);
    transferOf(area).building = 0;
    disownBytes(map.description);
  }
  unlock(controlLock());
  return taken ? -EEXIST : 0;
}

function unlinkFrom(head: usize, map: MapHeader): bool {
  let link = head;
  while (load<u32>(link) != 0) {
    const each = load<u32>(link);
    if (each == changetype<usize>(map)) {
      publish(link, map.next);
      return true;
    }
    link = each + offsetof<MapHeader>("next");
  }
  return false;
}

function livingMaps(): usize {
  return changetype<usize>(superblock()) + offsetof<Superblock>("maps");
}

function dyingMaps(): usize {
  return changetype<usize>(superblock()) + offsetof<Superblock>("dyingMaps");
}

/** Whether a map is on the list of the living or the dying. Caller holds the control plane's lock. */
export function isListed(map: usize): bool {
  for (let each: usize = load<u32>(livingMaps()); each != 0; each = mapAt(each).next) if (each == map) return true;
  for (let each: usize = load<u32>(dyingMaps()); each != 0; each = mapAt(each).next) if (each == map) return true;
  return false;
}

/** Puts a map that is on no list with the dying: its grace periods begin now. Caller holds the control plane's lock. */
export function linkDying(map: MapHeader): void {
  map.dyingTarget = gracePeriodTarget(NORMAL);
  map.dyingTraceTarget = gracePeriodTarget(TASKS_TRACE);
  map.next = load<u32>(dyingMaps());
  publish(dyingMaps(), <u32>changetype<usize>(map));
}

/** Takes a map off the list of the living and puts it on that of the dying: 0, -ENOENT if it was not there, -ETIMEDOUT. */
export function markDying(map: MapHeader): i32 {
  if (!lock(controlLock())) return -ETIMEDOUT;
  const transfer = transferOf(thisCpu());
  // On neither list for a moment: whoever reaps this CPU then sets it down with the dying.
  const building = transfer.building;
  transfer.building = <u32>changetype<usize>(map);
  const found = unlinkFrom(livingMaps(), map);
  if (found) {
    leaveMapAccount(map);
    linkDying(map);
  }
  transfer.building = building;
  unlock(controlLock());
  return found ? 0 : -ENOENT;
}

/** Takes a map off the list of the dying: it is this CPU's to free. Caller holds the control plane's lock. */
export function takeDying(area: CpuArea, map: MapHeader): void {
  transferOf(area).building = <u32>changetype<usize>(map);
  unlinkFrom(dyingMaps(), map);
}

/**
 * Takes a map that this CPU is building, or no longer wants, off every list: its allocators', and its description becomes
 * the CPU's. False: the lock cannot be had, and nothing is done.
 */
export function leaveLists(area: CpuArea, map: MapHeader): bool {
  if (!lock(controlLock())) return false;
  transferOf(area).building = <u32>changetype<usize>(map);
  leaveMapAccount(map);
  unlinkSet(map.elements);
  unlinkSet(map.values);
  adoptBytes(area, map.description);
  unlock(controlLock());
  return true;
}

/**
 * Creation and destruction of maps of every kind. A map is one run of pages for the descriptor, what it keeps for each CPU
 * and its sets of caches, plus what its kind has (maps/dispatch.ts); creation either finishes or leaves nothing behind. A
 * destroyed map first leaves the list of maps, then waits for a grace period, then gives everything back. Task context.
 */
import { allocatorIdle } from "../alloc/allocator";
import { freeObjectAllocator, isObjectAllocator } from "../alloc/object-allocator";
import { setBytes } from "../alloc/set";
import { roundUp } from "../base/bytes";
import { EINVAL, ETIMEDOUT } from "../base/errno";
import { nextSerial, PROFILE_LINUX, superblock } from "../base/superblock";
import { CpuArea, thisCpu } from "../cpu/area";
import { BUILDING_ALLOCATOR, Transfer, transferOf } from "../cpu/intent";
import { controlLock, lock, unlock } from "../cpu/lock";
import { memoryErrno, renewBudget } from "../cpu/wait";
import { freeBytes } from "../mem/managed";
import { freePages } from "../mem/pages";
import { gracePeriodEnded, NORMAL, TASKS_TRACE } from "../rcu/epoch";
import { setAccess } from "./access";
import { buildMap, checkMap, emptyMap, hasValueSet, setsOfKind } from "./dispatch";
import { checkInner, hasInnerMaps, isHeld } from "./inner";
import { MAP_BYTES, MAP_CPU_BYTES, MapHeader, mapAt, mapSet, SUPPLY_CACHE, SUPPLY_LRU, SUPPLY_SLAB } from "./map";
import { hasDying, isOpen, leaveLists, markDying, markNamedDying, registerMap, takeDying } from "./registry";
import { allocateStorage, freeAllStorage } from "./storage";
import { freeSegments } from "./table/segment";
import { tableIdle } from "./table/work";

/**
 * Frees what this CPU is still building: its memory could not go back when a dead thread held a lock. It is in the way of
 * the next map or allocator. False: it still cannot.
 */
export function finishBuilding(area: CpuArea): bool {
  const building = transferOf(area).building;
  if (building == 0) return true;
  if ((building & BUILDING_ALLOCATOR) == 0) return freeMap(area, mapAt(building));
  freeObjectAllocator(area, building & ~BUILDING_ALLOCATOR);
  return transferOf(area).building == 0;
}

/** Where a map's sets begin in it. */
function setsAt(): usize {
  return MAP_BYTES + <usize>superblock().cpus * MAP_CPU_BYTES;
}

/** A map of zeroes, which this CPU is building from now on. */
function allocateMap(area: CpuArea, kind: u32): MapHeader {
  if (!finishBuilding(area)) return mapAt(0);
  const building = changetype<usize>(transferOf(area)) + offsetof<Transfer>("building");
  const bytes = setsAt() + <usize>setsOfKind(kind) * setBytes();
  return mapAt(allocateStorage(building, bytes) ? load<u32>(building) : 0);
}

/** Tells a map where its sets are. */
function nameSets(map: MapHeader): void {
  const sets = setsOfKind(map.kind);
  const first = changetype<usize>(map) + setsAt();
  if (sets > 0) map.elements = <u32>first;
  if (hasValueSet(map.kind)) map.values = <u32>mapSet(map, 1);
  map.sets = sets;
}

/** As checkMap, and of a map of maps whether there is one that its inner maps are like. */
function checkCreation(
  kind: u32,
  keySize: u32,
  valueSize: u32,
  maxEntries: u32,
  flags: u32,
  supply: u32,
  extra: u32,
): u32 {
  const isOuter = hasInnerMaps(kind);
  const refused = checkMap(kind, keySize, valueSize, maxEntries, flags, supply, isOuter ? 0 : extra);
  return refused == 0 && isOuter ? checkInner(extra) : refused;
}

/**
 * Creates a map that nobody can find yet: the caller writes name and description behind it, then `publishMap`.
 * @param kind a KIND_ constant
 * @param flags as map info will show them
 * @param supply where a hash's elements come from, a SUPPLY_ constant
 * @param seed of the hash function
 * @param extra map_extra; of a map of maps the address of a map that is open and like its inner ones
 * @returns the map's address, or a positive errno below 65536: EINVAL, E2BIG, ENOTSUPP, ENOMEM, ETIMEDOUT (cpu/wait.ts)
 */
export function createMap(
  kind: u32,
  keySize: u32,
  valueSize: u32,
  maxEntries: u32,
  flags: u32,
  supply: u32,
  seed: u32,
  extra: u32,
): usize {
  const refused = checkCreation(kind, keySize, valueSize, maxEntries, flags, supply, extra);
  if (refused != 0) return refused;
  // An element would be taken from the slab with interrupts off, where that is refused: nothing could ever be inserted.
  if (supply == SUPPLY_SLAB && superblock().profile == PROFILE_LINUX) return EINVAL;
  const area = thisCpu();
  renewBudget(area);
  const map = allocateMap(area, kind);
  if (changetype<usize>(map) == 0) return memoryErrno(area);
  map.kind = kind;
  map.serial = nextSerial();
  setAccess(map, flags);
  map.extra = hasInnerMaps(kind) ? 0 : extra;
  map.keySize = keySize;
  map.valueSize = valueSize;
  map.maxEntries = maxEntries;
  map.valueStride = <u32>roundUp(valueSize, 8);
  map.supply = supply;
  // Two different odd halves of the seed, so that the multiplier is never small.
  map.multiplier = ((((<u64>(seed * 0x9e3779b1)) << 32) | <u64>(seed * 0x85ebca6b)) ^ 0x9e3779b97f4a7c15) | 1;
  nameSets(map);
  if (buildMap(area, map, extra)) return changetype<usize>(map);
  // Why it failed, before what is freed meets a lock of its own.
  const why = memoryErrno(area);
  freeMap(area, map);
  return why;
}

/** Gives a created map back that was not published. */
export function discardMap(address: usize): void {
  const area = thisCpu();
  renewBudget(area);
  freeMap(area, mapAt(address));
}

/**
 * Lets a created dynamic hash share an allocator's account: what it takes from the slab counts there.
 * @returns 0, or -EINVAL: there is no such allocator, or the map is no dynamic hash
 */
export function shareAccount(address: usize, allocator: usize): i32 {
  const map = mapAt(address);
  if (map.sets == 0 || (map.supply != SUPPLY_CACHE && map.supply != SUPPLY_LRU) || !isObjectAllocator(allocator))
    return -EINVAL;
  map.account = <u32>allocator;
  return 0;
}

/**
 * Makes a created map visible to every thread: 0, or -EEXIST, -ENOMEM (beyond the account's limit already), -ETIMEDOUT:
 * then it is gone again.
 */
export function publishMap(address: usize): i32 {
  const area = thisCpu();
  renewBudget(area);
  const result = registerMap(area, mapAt(address));
  if (result != 0) freeMap(area, mapAt(address));
  return result;
}

/**
 * Gives all of a map's memory back, from wherever a former attempt was cut off. This CPU is building it, or has taken it
 * off the list of the dying.
 * @returns false if the control plane's lock cannot be had: the CPU goes on holding the map as `Transfer.building`
 */
export function freeMap(area: CpuArea, map: MapHeader): bool {
  if (!leaveLists(area, map)) return false;
  emptyMap(area, map);
  freeSegments(area, map);
  freeAllStorage(area, map);
  map.serial = 0;
  const description = map.description;
  map.description = 0;
  freeBytes(description);
  const transfer = transferOf(area);
  transfer.run = <u32>changetype<usize>(map);
  transfer.building = 0;
  freePages(changetype<usize>(map));
  return true;
}

/**
 * Takes a map that this CPU has open off the list; its memory goes back once it is closed and a grace period is over.
 * @returns 0, -ENOENT (it is destroyed already) or -ETIMEDOUT
 */
export function destroyMap(address: usize): i32 {
  const area = thisCpu();
  renewBudget(area);
  return finishBuilding(area) ? markDying(mapAt(address)) : -ETIMEDOUT;
}

/** As destroyMap, for the map that is named so now (NAME_BYTES, NUL padded), open or not. -ENOENT: there is none. */
export function destroyNamed(name: usize): i32 {
  const area = thisCpu();
  renewBudget(area);
  return finishBuilding(area) ? markNamedDying(name) : -ETIMEDOUT;
}

/** Whether nobody can be inside a destroyed map any more, and no CPU has work to do for it. */
function mayFree(map: MapHeader): bool {
  if (isOpen(map) || isHeld(thisCpu(), map)) return false;
  // First that no reader is left, who might raise work; then that all work has run.
  if (!gracePeriodEnded(NORMAL, map.dyingTarget)) return false;
  if (!gracePeriodEnded(TASKS_TRACE, map.dyingTraceTarget)) return false;
  for (let index: u32 = 0; index < map.sets; index++) if (!allocatorIdle(mapSet(map, index))) return false;
  return tableIdle(map, superblock().cpus);
}

/**
 * Frees destroyed maps whose grace period is over and whose deferred work has run on every CPU. Waits for a lock only.
 * @returns maps that still have to wait
 */
export function reapMaps(): u32 {
  const area = thisCpu();
  // There is one name for what is being freed: what could not be finished before goes first.
  if (!finishBuilding(area)) return 1;
  if (!hasDying()) return 0;
  while (lock(controlLock())) {
    let waiting: u32 = 0;
    let each: usize = superblock().dyingMaps;
    while (each != 0 && !mayFree(mapAt(each))) {
      waiting++;
      each = mapAt(each).next;
    }
    if (each != 0) takeDying(area, mapAt(each));
    unlock(controlLock());
    if (each == 0 || !freeMap(area, mapAt(each))) return waiting;
  }
  return 1;
}

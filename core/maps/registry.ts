/**
 * The lists of maps of an arena: the living, which are found by name, and the dying, whose memory goes back when nobody
 * can be inside any more. Under the control plane's lock.
 */
import { joinAccount, leaveAccount, withinLimit } from "../alloc/account";
import { unlinkSet } from "../alloc/register";
import { acquire, peek, publish } from "../base/atomics";
import { equalBytes } from "../base/bytes";
import { EEXIST, ENOENT, ENOMEM, ETIMEDOUT } from "../base/errno";
import { Superblock, superblock } from "../base/superblock";
import { CpuArea, thisCpu } from "../cpu/area";
import { transferOf } from "../cpu/intent";
import { controlLock, lock, unlock } from "../cpu/lock";
import { adoptBytes, disownBytes } from "../mem/managed";
import { gracePeriodTarget, NORMAL, TASKS_TRACE } from "../rcu/epoch";
import { HEADER_SIZE, MapCpu, MapHeader, mapAt, mapCpu, mapSet, NAME_BYTES } from "./map";

/** Where a map's name begins. */
function nameOf(map: MapHeader): usize {
  return changetype<usize>(map) + HEADER_SIZE;
}

/** The living map with this name (NAME_BYTES, NUL padded), 0 if there is none. Caller has the lock. */
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
  return changetype<usize>(mapCpu(map, cpu)) + offsetof<MapCpu>("opened");
}

/**
 * Keeps a map's memory while somebody has its address, as a file descriptor does in Linux: a map that is destroyed is
 * freed when it is closed as often as it was opened. Each CPU counts for itself; no operation has to look.
 */
function keepOpen(area: CpuArea, map: MapHeader): void {
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

/**
 * Closes a map that was opened on CPU `cpu`, which this thread holds.
 * The publication pairs with isOpen: what this thread did with the map is done before another one frees it.
 */
export function closeMap(address: usize, cpu: u32): void {
  const word = openCount(mapAt(address), cpu);
  if (load<u32>(word) != 0) publish(word, load<u32>(word) - 1);
}

/**
 * Whether any CPU has a map open. Caller has the control plane's lock, so that nobody opens it meanwhile.
 * Pairs with closeMap of other CPUs: whoever closed it is done with it.
 */
export function isOpen(map: MapHeader): bool {
  const cpus = superblock().cpus;
  for (let cpu: u32 = 0; cpu < cpus; cpu++) if (acquire(openCount(map, cpu)) != 0) return true;
  return false;
}

/** A CPU has a map open no more, and reads nothing of it. The publication pairs with that of who reads (maps/ring/perf-buffer.ts). */
function forget(map: MapHeader, cpu: u32): void {
  mapCpu(map, cpu).opened = 0;
  publish(changetype<usize>(mapCpu(map, cpu)) + offsetof<MapCpu>("readers"), 0);
}

/** Closes all that a CPU has open: its thread leaves or is dead. Caller has the control plane's lock. */
export function closeAll(cpu: u32): void {
  for (let each: usize = load<u32>(livingMaps()); each != 0; each = mapAt(each).next) forget(mapAt(each), cpu);
  for (let each: usize = load<u32>(dyingMaps()); each != 0; each = mapAt(each).next) forget(mapAt(each), cpu);
}

/** False: the map would be beyond its account's limit, and is not charged. Caller has the control plane's lock. */
function joinMapAccount(area: CpuArea, map: MapHeader): bool {
  if (map.account == 0) return true;
  for (let index: u32 = 0; index < map.sets; index++) joinAccount(map.account, mapSet(map, index));
  if (withinLimit(area, map.account)) return true;
  leaveMapAccount(map);
  return false;
}

/** Its bytes count no longer. Caller has the control plane's lock. */
function leaveMapAccount(map: MapHeader): void {
  if (map.account == 0) return;
  for (let index: u32 = 0; index < map.sets; index++) leaveAccount(mapSet(map, index));
}

/**
 * Makes a finished map visible to whoever walks the list, and opens it on this CPU: 0, -EEXIST if one of its name is
 * there, -ENOMEM, -ETIMEDOUT.
 * The publication pairs with whoever walks the list without the lock: a map on it is whole.
 */
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

/** The publication pairs with whoever walks the list without the lock. */
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

/** Whether there are maps that wait to be freed; may be stale without the lock. */
export function hasDying(): bool {
  return peek(dyingMaps()) != 0;
}

/** Whether a map is on the list of the living. Caller has the control plane's lock. */
export function isLiving(map: usize): bool {
  let each: usize = load<u32>(livingMaps());
  while (each != 0 && each != map) each = mapAt(each).next;
  return each != 0;
}

/** Whether a map is on the list of the living or the dying. Caller has the control plane's lock. */
export function isListed(map: usize): bool {
  if (isLiving(map)) return true;
  for (let each: usize = load<u32>(dyingMaps()); each != 0; each = mapAt(each).next) if (each == map) return true;
  return false;
}

/**
 * Puts a map that is on no list with the dying: its grace periods begin now. Caller has the control plane's lock.
 * The publication pairs with whoever walks the list without the lock.
 */
export function linkDying(map: MapHeader): void {
  map.dyingTarget = gracePeriodTarget(NORMAL);
  map.dyingTraceTarget = gracePeriodTarget(TASKS_TRACE);
  map.next = load<u32>(dyingMaps());
  publish(dyingMaps(), <u32>changetype<usize>(map));
}

/** Moves a map from the living to the dying; whether it was living. Caller has the control plane's lock. */
function moveToDying(map: MapHeader): bool {
  const transfer = transferOf(thisCpu());
  // On neither list for a moment: whoever reaps this CPU then sets it down with the dying. It is building nothing (maps/lifecycle.ts).
  transfer.building = <u32>changetype<usize>(map);
  const found = unlinkFrom(livingMaps(), map);
  if (found) {
    leaveMapAccount(map);
    linkDying(map);
  }
  transfer.building = 0;
  return found;
}

/** Takes a map off the list of the living and puts it on that of the dying: 0, -ENOENT if it was not there, -ETIMEDOUT. */
export function markDying(map: MapHeader): i32 {
  if (!lock(controlLock())) return -ETIMEDOUT;
  const found = moveToDying(map);
  unlock(controlLock());
  return found ? 0 : -ENOENT;
}

/** As markDying, for the map that has a name under this very lock: whichever had it before is not meant. */
export function markNamedDying(name: usize): i32 {
  if (!lock(controlLock())) return -ETIMEDOUT;
  const map = findNamed(name);
  if (map != 0) moveToDying(mapAt(map));
  unlock(controlLock());
  return map != 0 ? 0 : -ENOENT;
}

/** Takes a map off the list of the dying: it is this CPU's to free. Caller has the control plane's lock. */
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
  for (let index: u32 = 0; index < map.sets; index++) unlinkSet(mapSet(map, index));
  adoptBytes(area, map.description);
  unlock(controlLock());
  return true;
}

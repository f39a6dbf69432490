/**
 * What is asked before a thread becomes one of an arena's: whether the memory is an arena in one piece, and whether its handle is
 * in use. Nothing is followed here before it has been looked at, so that whatever the memory holds makes no trap. Others may be at
 * work meanwhile: what looks wrong is wrong only if it still says the same.
 */

import { firstSet } from "./alloc/register";
import { CONTAINS_OBJECTS, SET_BYTES, setAt } from "./alloc/set";
import {
  areasAt,
  DESCRIPTORS,
  deadBucketsAt,
  firstPageAt,
  MOST_CPUS,
  MOST_WASM_PAGES,
  PAGES_PER_WASM_PAGE,
  WASM_PAGE_BYTES,
} from "./arena";
import { peek } from "./base/atomics";
import { EBUSY, EINVAL, ETIMEDOUT } from "./base/errno";
import {
  BINS,
  CLASS_COUNT,
  EPOCH_WORDS,
  LAYOUT_VERSION,
  MAGIC,
  RUN_BINS,
  SLAB_CLASSES,
  SUPERBLOCK_BYTES,
  Superblock,
  superblock,
} from "./base/superblock";
import { cpuArea, ownerWord, thisCpu } from "./cpu/area";
import { controlLock, lock, unlock } from "./cpu/lock";
import { renewBudget } from "./cpu/wait";
import { checkMap } from "./maps/dispatch";
import { MapHeader, mapAt } from "./maps/map";
import { descriptor, PAGE_BYTES, PAGE_FREE, PAGE_RUN, PAGE_SLAB, pageOf, pagesLock } from "./mem/pages";
import { HEADER_BYTES, lockOf, SLAB_CLASS_BYTES, SlabClass, sizeOfClass, slabClass } from "./mem/slab";
import { FLAVOURS } from "./rcu/epoch";

/** Sets lie in blocks of pages behind what is a multiple of this. */
const SET_ALIGN: usize = 8;

/** No limit is larger (`setLimit`): 2^31 pages. */
const LARGEST_LIMIT: u32 = 0x80000000;

/** Whether the tables lie where they lie in every arena of so many CPUs and pages, and within the memory. */
function areTablesSane(block: Superblock): bool {
  if (block.cpus == 0 || block.cpus > MOST_CPUS) return false;
  const wasmPages = <u32>memory.size();
  if (wasmPages > MOST_WASM_PAGES || block.pages != wasmPages * PAGES_PER_WASM_PAGE) return false;
  const areas = areasAt(block.pages);
  const deadBuckets = deadBucketsAt(areas, block.cpus);
  const first = firstPageAt(deadBuckets);
  if (block.descriptors != <u32>DESCRIPTORS || block.areas != <u32>areas) return false;
  if (block.deadBuckets != <u32>deadBuckets || block.firstPage != pageOf(first)) return false;
  return block.pages > block.firstPage;
}

/** Whether nobody has written where nobody writes. */
function isUntouched(from: usize, to: usize): bool {
  for (let at = from; at < to; at += 4) if (load<u32>(at) != 0) return false;
  return true;
}

/** Between what the superblock has there is nothing. */
function isReservedSane(block: Superblock): bool {
  const start = changetype<usize>(block);
  if (!isUntouched(start + offsetof<Superblock>("reserved1"), start + offsetof<Superblock>("pagesLock"))) return false;
  if (!isUntouched(start + offsetof<Superblock>("reserved2"), start + offsetof<Superblock>("controlLock")))
    return false;
  if (!isUntouched(start + offsetof<Superblock>("cacheSets") + 4, EPOCH_WORDS)) return false;
  if (!isUntouched(EPOCH_WORDS + 4 * FLAVOURS, BINS)) return false;
  if (!isUntouched(BINS + 4 * RUN_BINS, SLAB_CLASSES)) return false;
  for (let index: u32 = 0; index < 2 * CLASS_COUNT; index++) {
    const each = changetype<usize>(slabClass(index));
    if (!isUntouched(each + offsetof<SlabClass>("returned") + 4, each + SLAB_CLASS_BYTES)) return false;
  }
  return isUntouched(changetype<usize>(slabClass(2 * CLASS_COUNT)), start + SUPERBLOCK_BYTES);
}

/** Whether settings are ones that there are, and the count of pages is possible. Pages in use first: both only grow apart. */
function areSettingsSane(block: Superblock): bool {
  const used = peek(changetype<usize>(block) + offsetof<Superblock>("usedPages"));
  if (used > block.pages - block.firstPage || block.limitPages > LARGEST_LIMIT) return false;
  return (block.realTime | block.forceDynamic | block.profile | block.adaptive) <= 1;
}

/** Whether a lock's word names a CPU that somebody holds. The loads pair with nothing: a holder that changes is none. */
function isLockSane(word: usize): bool {
  const holder = peek(word);
  if (holder == 0) return true;
  if (holder > superblock().cpus) return false;
  return peek(ownerWord(cpuArea(holder - 1))) != 0 || peek(word) != holder;
}

/** Whether a page is one of those that belong to somebody, or to nobody yet. */
function isPage(page: u32): bool {
  return page >= superblock().firstPage && page < superblock().pages;
}

/** Whether a word that names the first page of a list, or 0, names one in a state. The loads pair with nothing: looked at twice. */
function isHeadSane(word: usize, state: u8): bool {
  const page = peek(word);
  if (page == 0) return true;
  return isPage(page) && (descriptor(page).state == state || peek(word) != page);
}

/** As isHeadSane, of a word that names an address. The loads pair with nothing. */
function isChainSane(word: usize, state: u8, align: usize): bool {
  const address: usize = peek(word);
  if (address == 0) return true;
  if ((address & (align - 1)) != 0 || !isPage(pageOf(address))) return false;
  return descriptor(pageOf(address)).state == state || peek(word) != address;
}

function areListsSane(block: Superblock): bool {
  const returned = changetype<usize>(block) + offsetof<Superblock>("returnedRuns");
  if (!isChainSane(returned, PAGE_RUN, PAGE_BYTES)) return false;
  for (let bin: u32 = 0; bin < RUN_BINS; bin++) if (!isHeadSane(BINS + bin * 4, PAGE_FREE)) return false;
  return true;
}

function isClassSane(index: u32): bool {
  const each = slabClass(index);
  const address = changetype<usize>(each);
  if (each.size != sizeOfClass(index % CLASS_COUNT)) return false;
  if (each.pages != (index < CLASS_COUNT ? 1 : superblock().cpus)) return false;
  if (!isLockSane(lockOf(index))) return false;
  if (!isHeadSane(address + offsetof<SlabClass>("partial"), PAGE_SLAB)) return false;
  const most = superblock().pages;
  if (each.slabs > most || each.emptySlabs > most || each.objectsInUse > most * (<u32>PAGE_BYTES / each.size))
    return false;
  return isChainSane(address + offsetof<SlabClass>("returned"), PAGE_SLAB, 8);
}

/**
 * What `attach` checks before anything else is done with the memory.
 * @returns 0 if it is no arena; LAYOUT_VERSION if it is one in one piece; any other layout's version; or -EINVAL: it is damaged
 */
export function checkArena(): i32 {
  const block = superblock();
  if (<usize>memory.size() * WASM_PAGE_BYTES < DESCRIPTORS || block.magic != MAGIC) return 0;
  if (block.version != LAYOUT_VERSION) return <i32>block.version;
  if (!areTablesSane(block) || !areSettingsSane(block) || !isReservedSane(block)) return -EINVAL;
  for (let cpu: u32 = 0; cpu < block.cpus; cpu++) if (cpuArea(cpu).id != cpu) return -EINVAL;
  if (!isLockSane(pagesLock()) || !isLockSane(controlLock()) || !areListsSane(block)) return -EINVAL;
  for (let index: u32 = 0; index < 2 * CLASS_COUNT; index++) if (!isClassSane(index)) return -EINVAL;
  return <i32>LAYOUT_VERSION;
}

/** Whether a map has a number, and sizes that it could have been created with. */
function isWhole(map: MapHeader): bool {
  if (map.serial == 0) return false;
  return checkMap(map.kind, map.keySize, map.valueSize, map.maxEntries, map.flags, map.supply, map.extra) == 0;
}

/**
 * Whether a list of maps, linked through MapHeader.next, is one. Caller has the control plane's lock.
 * @param whole whether the maps are: one that is dying may have been cut off as it was built or freed
 */
function areMapsSane(first: usize, whole: bool): bool {
  let left = superblock().pages;
  for (let map = first; map != 0; map = mapAt(map).next) {
    if ((map & (PAGE_BYTES - 1)) != 0 || !isPage(pageOf(map)) || left-- == 0) return false;
    if (whole && !isWhole(mapAt(map))) return false;
  }
  return true;
}

/** Whether the list of sets of caches is one. Caller has the control plane's lock. */
function areSetsSane(first: usize): bool {
  let left = superblock().pages * (<u32>PAGE_BYTES / <u32>SET_BYTES);
  for (let set = first; set != 0; set = setAt(set).nextSet) {
    if ((set & (SET_ALIGN - 1)) != 0 || !isPage(pageOf(set)) || left-- == 0) return false;
    if (setAt(set).unit < <u32>HEADER_BYTES || setAt(set).contains > CONTAINS_OBJECTS) return false;
  }
  return true;
}

/** Whether a thread that attached with the token has a CPU other than this one. Caller has the control plane's lock. */
function isTokenUsed(token: u32): bool {
  const cpus = superblock().cpus;
  for (let cpu: u32 = 0; cpu < cpus; cpu++) {
    if (cpu != thisCpu().id && cpuArea(cpu).attached == token) return true;
  }
  return false;
}

/**
 * Makes the thread that has taken this CPU one of the arena's, under its token.
 * @returns 0; -EBUSY: another thread has attached with the token and lives, as far as anybody knows; -EINVAL: the lists of maps
 * or caches are damaged; -ETIMEDOUT: a dead thread has the lock
 */
export function enroll(token: u32): i32 {
  renewBudget(thisCpu());
  if (!lock(controlLock())) return -ETIMEDOUT;
  let result = 0;
  if (!areMapsSane(superblock().maps, true) || !areMapsSane(superblock().dyingMaps, false)) result = -EINVAL;
  else if (!areSetsSane(firstSet())) result = -EINVAL;
  else if (isTokenUsed(token)) result = -EBUSY;
  else thisCpu().attached = token;
  unlock(controlLock());
  return result;
}

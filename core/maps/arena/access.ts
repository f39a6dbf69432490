/**
 * Accesses through pointers into arena maps (maps/arena/arena-map.ts). A pointer's lower half and an offset say which bytes; they may lie in two
 * runs. Loads of words pair with the claims there: whoever finds a page finds it zeroed.
 */
import { acquire } from "../../base/atomics";
import { PAGE_BYTES } from "../../mem/pages";
import { MapHeader, mapAt } from "../map";
import { ARENA_ADDRESS, ARENA_PAGE_SHIFT, ARENA_RUN_PAGES, ARENA_RUN_SHIFT, arenaRunWord } from "./arena-map";

/** How many bytes behind the map's first one an access begins; beyond its last where it does not lie in it. */
function placeOf(map: MapHeader, pointer: u32, offset: i32): u64 {
  return <u64>(<i64>(<u64>pointer) + <i64>offset - <i64>(<u64>map.pointerLow));
}

function bytesOf(map: MapHeader): u64 {
  return (<u64>map.maxEntries) << ARENA_PAGE_SHIFT;
}

/** Where a byte of the map lies; 0: its page is not there. Pairs with the claim of whoever brings the page: it is zeroed. */
function byteAt(map: MapHeader, place: u64): usize {
  if (place >= bytesOf(map)) return 0;
  const word = acquire(arenaRunWord(map, <u32>(place >> ARENA_RUN_SHIFT)));
  const bit: u32 = 1 << (<u32>(place >> ARENA_PAGE_SHIFT) % ARENA_RUN_PAGES);
  return (word & bit) == 0 ? 0 : <usize>(word & ARENA_ADDRESS) + (<usize>place & (PAGE_BYTES - 1));
}

/**
 * Where `bytes` bytes lie, 1 to 8 or a part of a page, in one piece. Any context.
 * @returns 0: a page of them is not there, or they lie in two runs
 */
export function arenaAt(address: usize, pointer: u32, offset: i32, bytes: u32): usize {
  const map = mapAt(address);
  const place = placeOf(map, pointer, offset);
  const first = byteAt(map, place);
  const last = byteAt(map, place + bytes - 1);
  return first != 0 && last == first + bytes - 1 ? first : 0;
}

/** Whether all the pages of an access are there. */
function isThere(map: MapHeader, place: u64, bytes: u32): bool {
  return byteAt(map, place) != 0 && byteAt(map, place + bytes - 1) != 0;
}

/** What lies there, unsigned, of 1 to 8 bytes; 0 where a page of them is not there. Any context. */
export function arenaLoad(address: usize, pointer: u32, offset: i32, bytes: u32): u64 {
  const map = mapAt(address);
  const place = placeOf(map, pointer, offset);
  if (!isThere(map, place, bytes)) return 0;
  let value: u64 = 0;
  for (let index = bytes; index != 0; index--) {
    const at = byteAt(map, place + index - 1);
    value = (value << 8) | (at == 0 ? 0 : <u64>load<u8>(at));
  }
  return value;
}

/** Puts the lowest 1 to 8 bytes of a number there; nothing, where a page of them is not there. Any context. */
export function arenaStore(address: usize, pointer: u32, offset: i32, bytes: u32, value: u64): void {
  const map = mapAt(address);
  const place = placeOf(map, pointer, offset);
  if (!isThere(map, place, bytes)) return;
  for (let index: u32 = 0; index < bytes; index++) {
    const at = byteAt(map, place + index);
    if (at != 0) store<u8>(at, <u8>(value >> (index * 8)));
  }
}

/**
 * The hash whose keys and values have lengths of their own: an entry takes the class of the slab that fits it, from the map's own
 * caches. Update and delete are those of every hash (maps/hash/hash.ts, maps/hash/delete.ts); a value is always replaced by a new
 * element. Here is what differs: sizes, what a read copies, and how a walk writes keys. maps/table/entry.ts says how all of it is given.
 *
 * Reads are lock-free in any context, inside a read section of their own: an element that is used again meanwhile stays one of
 * its class, so that what is copied ends within it, and is thrown away.
 */
import { acquire64 } from "../../base/atomics";
import { copyOutWords, roundUp } from "../../base/bytes";
import { ENOENT } from "../../base/errno";
import { CpuArea, thisCpu } from "../../cpu/area";
import { enterRead, leaveRead } from "../../rcu/epoch";
import { MapHeader, mapAt } from "../map";
import { findElement, isHome, isUnchanged } from "../table/bucket";
import { copyValueOut, GIVEN_BYTES, hashOf, lengthsOf, startVariableSets, VARIABLE_KEY } from "../table/entry";
import { homeOf } from "../table/table";
import { buildTableOf } from "./create";

/** None of Linux's `enum bpf_map_type`: no program of its has such a map. */
export const KIND_VARIABLE_HASH: u32 = 0x10001;

/** Gives the map its buckets and a set of caches for each class, without elements. False: memory is out. */
export function buildVariableHash(area: CpuArea, map: MapHeader): bool {
  return buildTableOf(map) && startVariableSets(area, map);
}

/**
 * Copies a value out, consistently: done again if the bucket changed meanwhile. Any context.
 * The load pairs with the publication of the control word, isUnchanged vouches for what was copied.
 * @param into 0: nothing is copied. Otherwise 8-byte aligned: the value's length is written to the first word; in the second the
 * caller says how many bytes there is room for behind both, a multiple of 8
 * @returns 0, -ENOENT, or -ENOSPC: there is less room than the length says
 */
export function variableHashGet(address: usize, key: usize, into: usize): i32 {
  const map = mapAt(address);
  const area = thisCpu();
  const hash = hashOf(map, key);
  let result: i32 = 0;
  enterRead(area);
  while (true) {
    const bucket = homeOf(map, hash);
    const control = acquire64(bucket);
    if (!isHome(bucket, control, hash)) continue;
    const element = findElement(map, bucket, control, hash, key);
    result = element == 0 ? -ENOENT : into == 0 ? 0 : copyValueOut(element, into);
    if (isUnchanged(bucket, control)) break;
  }
  leaveRead(area);
  return result;
}

/**
 * Copies keys of elements, each as it is given to an operation and rounded up to 8 bytes, to `into` as far as there is room.
 * @param list addresses of `count` elements, inside a read section
 * @returns bytes written; more than `bytes`: there is less room than they need
 */
export function copyVariableKeys(list: usize, count: u32, into: usize, bytes: u32): u32 {
  let written: u32 = 0;
  for (let index: u32 = 0; index < count; index++) {
    const element: usize = load<u32>(list + index * 4);
    const length = <u32>lengthsOf(element);
    const size = <u32>(GIVEN_BYTES + roundUp(length, 8));
    if (size > bytes - written) return 0xffffffff;
    store<u64>(into + written, length);
    copyOutWords(into + written + GIVEN_BYTES, element + VARIABLE_KEY, size - <u32>GIVEN_BYTES);
    written += size;
  }
  return written;
}

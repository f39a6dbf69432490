/**
 * The commands of `bpf(2)` on many entries. A hash goes by buckets, of which each is given whole or not at all; other kinds by keys.
 * Updates and deletions are single ones, up to the first that fails.
 */
import { ERRNO } from "../../error.ts";
import { CONSTANTS } from "../../wasm/face.ts";
import { roundUp } from "../align.ts";
import { scanNext } from "../walk/scan.ts";
import type { Answer } from "./attributes.ts";
import { deleteAt, LOCK, mayLock, nextKeyAfter, putKey, read, writeAt } from "./commands.ts";
import { type Descriptor, firstWord } from "./descriptor.ts";
import type { BatchCommand } from "./rules.ts";

const { EBADF, EFAULT, EINVAL, ENOENT, ENOMEM, ENOTSUPP, EPERM } = ERRNO;

/** A batch's flags: none but BPF_F_LOCK of the elements, where values have a lock. */
interface BatchFlags {
  /** Of each element. */
  readonly element: bigint;
  /** Of the batch: looked at where batches go by buckets. */
  readonly batch: bigint;
}

export type Entry = readonly [key: Uint8Array, value: Uint8Array];

export interface BatchAnswer {
  readonly result: number;
  /** attr.count afterwards. */
  readonly count: number;
  readonly entries: readonly Entry[];
  /** out_batch: where to go on. */
  readonly out?: Uint8Array;
}

const READS: readonly BatchCommand[] = ["lookup", "take"];

/** What a batch is refused for before it begins: 0 or -errno. */
function checkBatch(map: Descriptor | undefined, command: BatchCommand, flags: BatchFlags): number {
  if (map === undefined) return -EBADF;
  if (READS.includes(command) && !map.access.mayRead) return -EPERM;
  if (command !== "lookup" && !map.access.mayWrite) return -EPERM;
  if (!map.rules.batches.includes(command)) return -ENOTSUPP;
  const isByPlace = map.rules.batchesBy === "place" && READS.includes(command);
  const isRefused = (flags.element & ~LOCK) !== 0n || !mayLock(map, flags.element);
  return isRefused || (isByPlace && flags.batch !== 0n) ? -EINVAL : 0;
}

/**
 * BPF_MAP_LOOKUP_BATCH, and with `take` BPF_MAP_LOOKUP_AND_DELETE_BATCH.
 * @param from in_batch: undefined to begin with
 * @param count entries at most
 */
export function readBatch(
  map: Descriptor | undefined,
  command: "lookup" | "take",
  from: Uint8Array | undefined,
  count: number,
  flags: BatchFlags,
): BatchAnswer {
  const refused = checkBatch(map, command, flags);
  if (refused !== 0 || map === undefined) return { result: refused, count, entries: [] };
  if (count === 0) return { result: 0, count, entries: [] };
  const isLocked = flags.element !== 0n;
  return map.rules.batchesBy === "place"
    ? byPlace(map, command, from, count, isLocked)
    : byKey(map, from, count, isLocked);
}

/** Goes on from key to key. Keys that are gone when their value is read are passed over. */
function byKey(map: Descriptor, from: Uint8Array | undefined, count: number, isLocked: boolean): BatchAnswer {
  const { get, getLocked } = map.kind.system;
  const entries: Entry[] = [];
  let last = from;
  while (entries.length < count) {
    const next: Answer = nextKeyAfter(map, last === undefined ? 0 : putKey(map, last));
    if (next.bytes === undefined) return answerOf(next.result, entries, last);
    last = next.bytes;
    const { result, bytes } = read(map, putKey(map, last), isLocked ? getLocked : get);
    if (bytes !== undefined) entries.push([last, bytes]);
    else if (result !== -ENOENT) return answerOf(result, entries, last);
  }
  return answerOf(0, entries, last);
}

function answerOf(result: number, entries: readonly Entry[], out: Uint8Array | undefined): BatchAnswer {
  return { result, count: entries.length, entries, ...(out !== undefined && { out }) };
}

/** Copies whole buckets out. What is taken is taken key by key: what somebody else has deleted by then is not there. */
function byPlace(
  map: Descriptor,
  command: "lookup" | "take",
  from: Uint8Array | undefined,
  count: number,
  isLocked: boolean,
): BatchAnswer {
  const { host, keySize, address } = map;
  const { core } = host;
  const keyBytes = roundUp(keySize);
  const take = isLocked ? "takeLocked" : "take";
  const entryBytes = command === "take" ? keyBytes : core.mapEntryBytes(address);
  const scan = command === "take" ? core.mapScanKeys : core.mapScan;
  // One more than asked for: a bucket that fills the room to the brim waits for the next call. What comes meanwhile has room too.
  const bytes = (Math.min(count, core.mapCount(address) + 64) + 1) * entryBytes;
  const room = core.allocateBytes(bytes) >>> 0;
  if (room < CONSTANTS.SUPERBLOCK) return { result: -ENOMEM, count: 0, entries: [] };
  try {
    const result = scan(address, from === undefined ? 0 : firstWord(from), room, bytes);
    if (result < 0) return { result, count: 0, entries: [] };
    const next = scanNext(core, host.memory);
    const keys = Array.from({ length: result }, (_, index) => map.take(room + index * entryBytes, keySize));
    const entries = keys.flatMap((key, index): Entry[] => {
      if (command === "lookup" && !isLocked) return [[key, map.takeValue(room + index * entryBytes + keyBytes)]];
      const { bytes: value } = read(map, putKey(map, key), map.kind.system[command === "lookup" ? "getLocked" : take]);
      return value === undefined ? [] : [[key, value]];
    });
    const out = Uint8Array.from(new Uint8Array(Uint32Array.of(next).buffer));
    return next === 0 ? answerOf(-ENOENT, entries, undefined) : answerOf(0, entries, out);
  } finally {
    core.freeBytes(room);
  }
}

/** What a batch that writes answers: -errno of the element that failed, and how many went before it. */
interface WriteAnswer {
  readonly result: number;
  readonly count: number;
}

/** BPF_MAP_UPDATE_BATCH. @param keys one behind the other, as are the values */
export function updateBatch(
  map: Descriptor | undefined,
  keys: Uint8Array | undefined,
  values: Uint8Array | undefined,
  count: number,
  flags: BatchFlags,
): WriteAnswer {
  return writeBatch(map, "update", keys, count, flags, (each, key, index) => {
    if (values === undefined) return -EFAULT;
    each.putValue(values.subarray(index * each.valueBytes, (index + 1) * each.valueBytes));
    return writeAt(each, key, Number(flags.element));
  });
}

/** BPF_MAP_DELETE_BATCH. */
export function deleteBatch(
  map: Descriptor | undefined,
  keys: Uint8Array | undefined,
  count: number,
  flags: BatchFlags,
): WriteAnswer {
  return writeBatch(map, "delete", keys, count, flags, deleteAt);
}

function writeBatch(
  map: Descriptor | undefined,
  command: "update" | "delete",
  keys: Uint8Array | undefined,
  count: number,
  flags: BatchFlags,
  write: (map: Descriptor, key: number, index: number) => number,
): WriteAnswer {
  const refused = checkBatch(map, command, flags);
  if (refused !== 0 || map === undefined) return { result: refused, count };
  const { keySize } = map;
  for (let index = 0; index < count; index++) {
    const key = putKey(map, keys?.subarray(index * keySize, (index + 1) * keySize));
    const result = key < 0 ? key : write(map, key, index);
    if (result !== 0) return { result, count: index };
  }
  return { result: 0, count };
}

/** Going through an ordered map's keys in their order, all of them or a range, while others write. */
import { AnyctxError, ERRNO } from "../../error.ts";
import { CONSTANTS } from "../../wasm/face.ts";
import { roundUp } from "../align.ts";
import { comesBefore } from "../codec/key-order.ts";
import { mapFailure } from "../failure.ts";
import { type MapHost, memoryFor, type Room } from "../host.ts";
import type { MapInfo } from "../info.ts";
import type { WalkStep } from "./step.ts";

const { GIVEN_BYTES, STAMP_BYTES, WALK_DOWN, WALK_FROM } = CONSTANTS;

/** Which keys are walked over: those from `from` on that come before `to`, by their bytes. */
export interface ByteRange {
  readonly from?: Uint8Array | undefined;
  readonly to?: Uint8Array | undefined;
  /** The last one first. */
  readonly reverse?: boolean | undefined;
}

/** Words of a key as a walk copies it: its length, where its entry lies, and its bytes in whole words. */
export function wordsOfGiven(words: Uint32Array, from: number): number {
  return (GIVEN_BYTES + roundUp(words[from] ?? 0)) / 4;
}

function bytesOfKey(words: Uint32Array, from: number): Uint8Array {
  return new Uint8Array(words.buffer, words.byteOffset + from * 4 + GIVEN_BYTES, words[from] ?? 0);
}

/** Keys behind `from` (all, if there is none) in words, as many as the room has place for; undefined: not even one. */
function step(
  host: MapHost,
  info: MapInfo,
  from: Uint8Array | undefined,
  mode: number,
  room: Room,
): WalkStep | undefined {
  const { buffer } = host.memory;
  const begins = from === undefined ? 0 : GIVEN_BYTES + roundUp(from.length);
  if (begins >= room.bytes) return undefined;
  if (from !== undefined) {
    new Uint32Array(buffer, room.address, 2)[0] = from.length;
    new Uint8Array(buffer, room.address + GIVEN_BYTES, from.length).set(from);
  }
  const into = room.address + begins;
  const at = from === undefined ? 0 : room.address;
  const count = host.instance.core.orderedKeys(info.address, at, mode, into, room.bytes - begins);
  if (count === -ERRNO.ENOSPC) return undefined;
  const [low = 0, high = 0] = new Uint32Array(buffer, into, STAMP_BYTES / 4);
  const words = new Uint32Array(buffer, into + STAMP_BYTES, (room.bytes - begins - STAMP_BYTES) >> 2);
  let end = 0;
  for (let index = 0; index < count; index++) end += wordsOfGiven(words, end);
  return { keys: words.slice(0, end), stamp: high * 2 ** 32 + low };
}

/** A key that does not fit the thread's room: only this needs memory. */
function stepElsewhere(host: MapHost, info: MapInfo, from: Uint8Array | undefined, mode: number): WalkStep {
  const { core } = host.instance;
  for (let bytes = 2 * host.room.bytes; ; bytes *= 2) {
    const address = memoryFor(core, host.memory, bytes);
    if (address < CONSTANTS.SUPERBLOCK) throw mapFailure(info, -address, "walk");
    const keys = step(host, info, from, mode, { address, bytes });
    core.freeBytes(address);
    if (keys !== undefined) return keys;
  }
}

/** Bytes of the first step's keys; each has room for twice as many as the one before: who wants a few entries pays for a few. */
const FIRST_STEP = 512;

/** The keys up to the first that lies behind the range. */
function cutAt(keys: Uint32Array, isBehind: (key: Uint8Array) => boolean): Uint32Array {
  let at = 0;
  while (at < keys.length && !isBehind(bytesOfKey(keys, at))) at += wordsOfGiven(keys, at);
  return keys.subarray(0, at);
}

function lastKey(keys: Uint32Array): Uint8Array {
  let last = 0;
  for (let at = 0; at < keys.length; at += wordsOfGiven(keys, at)) last = at;
  return bytesOfKey(keys, last);
}

/**
 * Keys as walkKeys gives them (maps/walk/walk.ts), in order. One that comes meanwhile is met if it lies ahead.
 * @throws {AnyctxError} EBADF, ENOMEM (for keys that are larger than what a thread keeps for walks)
 */
export function* walkInOrder(
  host: MapHost,
  info: MapInfo,
  range: ByteRange,
  isOpen: () => boolean,
): Generator<WalkStep> {
  const { from, to, reverse = false } = range;
  let behind = reverse ? to : from;
  // Upwards `from` is one of the range's, downwards `to` is none.
  let mode = reverse ? WALK_DOWN : WALK_FROM;
  const isBehind = (key: Uint8Array): boolean =>
    reverse ? from !== undefined && comesBefore(key, from) : to !== undefined && !comesBefore(key, to);
  for (let bytes = FIRST_STEP; ; bytes = Math.min(2 * bytes, host.room.bytes)) {
    if (!isOpen()) throw mapFailure(info, -ERRNO.EBADF, "walk");
    const { keys, stamp } =
      step(host, info, behind, mode, { ...host.room, bytes }) ??
      step(host, info, behind, mode, host.room) ??
      stepElsewhere(host, info, behind, mode);
    if (keys.length === 0) return;
    behind = lastKey(keys);
    const isOver = isBehind(behind);
    yield { keys: isOver ? cutAt(keys, isBehind) : keys, stamp };
    if (isOver) return;
    mode &= ~WALK_FROM;
  }
}

/** @throws {AnyctxError} EINVAL: the map has no order of keys */
export function checkOrdered({ name, kind }: MapInfo, what: string): void {
  if (kind.order !== "key")
    throw new AnyctxError("EINVAL", `Map "${name}" has no ${what}: it is ${kind.type}, not ordered`);
}

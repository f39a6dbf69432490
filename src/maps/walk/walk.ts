/** Going through a map's keys while others write. */
import { AnyctxError, ERRNO } from "../../error.ts";
import { CONSTANTS, type Core } from "../../wasm/face.ts";
import { roundUp } from "../align.ts";
import { mapFailure } from "../failure.ts";
import { type MapHost, memoryFor, type Room } from "../host.ts";
import type { MapInfo } from "../info.ts";
import { walkInOrder, wordsOfGiven } from "./order.ts";
import { scanNext } from "./scan.ts";
import type { WalkStep } from "./step.ts";

/** A step, and where to go on: 0, nowhere. */
interface Step extends WalkStep {
  readonly next: number;
}

/** One step; undefined if the room is too small for it. */
function scan(core: Core, host: MapHost, info: MapInfo, from: number, { address, bytes }: Room): Step | undefined {
  const count = core.mapScanKeys(info.address, from, address, bytes);
  if (count < 0) return undefined;
  const { buffer } = host.memory;
  const words = new Uint32Array(buffer, address, bytes / 4);
  let end = info.kind.variable ? 0 : count * wordsOfKey(info, words, 0);
  if (info.kind.variable) for (let index = 0; index < count; index++) end += wordsOfGiven(words, end);
  return { keys: words.slice(0, end), stamp: 0, next: scanNext(core, host.memory) };
}

/** Keys so large or so many that a bucket's do not fit the thread's room: only this needs memory. */
function scanElsewhere(core: Core, host: MapHost, info: MapInfo, from: number): Step {
  for (let bytes = 2 * host.room.bytes; ; bytes *= 2) {
    const address = memoryFor(core, host.memory, bytes);
    if (address < CONSTANTS.SUPERBLOCK) throw mapFailure(info, -address, "walk");
    const step = scan(core, host, info, from, { address, bytes });
    core.freeBytes(address);
    if (step !== undefined) return step;
  }
}

/** Of kinds whose keys are of one size it says nothing. */
const NONE = new Uint32Array(0);

/** Words from the key at `from` of a step to the next. */
export function wordsOfKey({ keySize, kind }: MapInfo, words: Uint32Array, from: number): number {
  return kind.variable ? wordsOfGiven(words, from) : roundUp(keySize) / 4;
}

/**
 * Keys as they lie in memory, some at a time and copied; each may be gone when it is asked for. A key that stays comes exactly once.
 * @param isOpen asked before the map is touched: it may be closed between two keys
 * @throws {AnyctxError} EINVAL: it is no kind that can be walked; EBADF, ENOMEM, ETIMEDOUT
 */
export function* walkKeys(core: Core, host: MapHost, info: MapInfo, isOpen: () => boolean): Generator<WalkStep> {
  if (!info.kind.walk) throw new AnyctxError("EINVAL", `Map "${info.name}" cannot be walked: it is ${info.kind.type}`);
  if (info.kind.walk === "keys") yield* walkByKeys(core, host, info, isOpen);
  else if (info.kind.walk === "order") yield* walkInOrder(host, info, {}, isOpen);
  else yield* walkByPlaces(core, host, info, isOpen);
}

function* walkByPlaces(core: Core, host: MapHost, info: MapInfo, isOpen: () => boolean): Generator<WalkStep> {
  let from = 0;
  do {
    if (!isOpen()) throw mapFailure(info, -ERRNO.EBADF, "walk");
    const step = scan(core, host, info, from, host.room) ?? scanElsewhere(core, host, info, from);
    yield step;
    from = step.next;
  } while (from !== 0);
}

/** One key at a time. The next one comes after it whether it is still there or not. */
function* walkByKeys(core: Core, host: MapHost, info: MapInfo, isOpen: () => boolean): Generator<WalkStep> {
  const { after } = info.kind.system;
  if (after === undefined) return;
  const words = wordsOfKey(info, NONE, 0);
  let last: Uint32Array | undefined;
  for (;;) {
    if (!isOpen()) throw mapFailure(info, -ERRNO.EBADF, "walk");
    // The room is for names too: what is in it now is not what was in it before.
    const room = new Uint32Array(host.memory.buffer, host.room.address, 2 * words);
    if (last !== undefined) room.set(last);
    const result = core[after](info.address, last === undefined ? 0 : room.byteOffset, room.byteOffset + words * 4);
    if (result !== 0) return;
    last = room.slice(words);
    yield { keys: last, stamp: 0 };
  }
}

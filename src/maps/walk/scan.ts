/** Copying a map's entries into arrays, many at a time: of maps whose keys and values are of one word each. */
import { show } from "../../arguments.ts";
import { AnyctxError, ERRNO } from "../../error.ts";
import { type Core, LAYOUT } from "../../wasm/face.ts";
import { wordAt } from "../../wasm/reader.ts";
import { roundUp } from "../align.ts";
import type { ScalarName } from "../codec/accessor.ts";
import { SCALAR_ARRAYS, type ScalarArray } from "../codec/scalar.ts";
import { typedArrayKind } from "../codec/typed-array.ts";
import { mapFailure } from "../failure.ts";
import type { MapHost } from "../host.ts";
import type { MapInfo } from "../info.ts";

/** What one call of `scan` copied, and where the next one goes on: 0, nowhere. */
export interface Scanned {
  readonly count: number;
  readonly next: number;
}

/** Where the core's last operation on many entries goes on or, as one of them failed, which of them. */
export function scanNext(core: Core, memory: { readonly buffer: ArrayBufferLike }): number {
  return wordAt(memory, core.currentArea() + LAYOUT.CpuArea.scanNext);
}

/** What entries are copied into. */
interface Into {
  [index: number]: unknown;
}

/** What one call is to do. */
interface Scan {
  /** Where keys and values go, and for how many there are places. */
  readonly keys: Into;
  readonly values: Into;
  readonly most: number;
  /** Where the last call ended, 0 to begin. */
  readonly from: number;
  /** Throws once the map is closed: asked before it is touched. */
  readonly check: () => void;
}

/** A bucket is copied as a whole: with so few places it may not fit. */
const FEW = 64;

function noPlace(from: unknown): AnyctxError {
  return new AnyctxError("EINVAL", `scan needs a next of its own as from, not ${show(from)}`);
}

/** @param into a typed array of the same words, or an array of anything */
export function copyOut(from: ScalarArray, into: Into, first: number, count: number): void {
  if (typedArrayKind(into) !== undefined) {
    (into as ScalarArray).set(from.subarray(0, count) as never, first);
    return;
  }
  // To write to it may run code, which may use the room that the core has copied to.
  const copied = from.slice(0, count);
  for (let index = 0; index < count; index++) into[first + index] = copied[index];
}

/**
 * @throws {AnyctxError} EINVAL: arrays of too few places, or a place that no call ended at
 */
export function scanInto(
  host: MapHost,
  info: MapInfo,
  [key, value]: readonly [ScalarName, ScalarName],
  { keys, values, most, from, check }: Scan,
): Scanned {
  if (!Number.isInteger(from) || from < 0 || from >= 2 ** 32) throw noPlace(from);
  const { core } = host.instance;
  const room = most <= FEW ? host.room : host.batchRoom();
  const { array: KeyArray } = SCALAR_ARRAYS[key];
  const { array: ValueArray } = SCALAR_ARRAYS[value];
  // Up to 7 bytes lie between keys and values.
  const fit = Math.floor((room.bytes - 7) / (info.keySize + info.valueSize));
  const valuesAt = roundUp(room.address + fit * info.keySize);
  const { buffer } = host.memory;
  const ownKeys = new KeyArray(buffer, room.address, fit);
  const ownValues = new ValueArray(buffer, valuesAt, fit);
  let count = 0;
  let next = from;
  do {
    check();
    const step = Math.min(fit, most - count);
    const copied = core.mapScanColumns(info.address, next, room.address, valuesAt, step);
    if (copied === -ERRNO.ENOSPC && count > 0) break;
    if (copied === -ERRNO.ENOSPC)
      throw new AnyctxError("EINVAL", `scan needs arrays of more than ${most} places: a bucket does not fit`);
    if (copied === -ERRNO.EINVAL) throw noPlace(from);
    if (copied < 0) throw mapFailure(info, copied, "scan");
    next = scanNext(core, host.memory);
    // As in copyOut: the values are still there when the keys have been written.
    const copiedValues = typedArrayKind(keys) === undefined ? ownValues.slice(0, copied) : ownValues;
    copyOut(ownKeys, keys, count, copied);
    copyOut(copiedValues, values, count, copied);
    count += copied;
  } while (next !== 0 && count < most);
  return { count, next };
}

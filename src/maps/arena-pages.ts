/**
 * The pages of an arena map as threads see them: pointers are those of programs, 64 bits wide. What user space does in Linux in memory
 * that it has mapped is done here with copies, as pages that follow each other need not lie side by side.
 */
import { AnyctxError, ERRNO } from "../error.ts";
import { CONSTANTS, type Core, LAYOUT } from "../wasm/face.ts";
import { wordAt } from "../wasm/reader.ts";

const { ARENA_NOWHERE, ARENA_PAGE_BYTES, ARENA_PAGE_SHIFT, SEGV_ON_FAULT } = CONSTANTS;

export interface PagesHost {
  readonly core: Core;
  readonly memory: { readonly buffer: ArrayBufferLike };
}

/** The pointer to an arena map's first byte. */
export function firstPointer({ memory }: PagesHost, map: number): bigint {
  const [low, high] = [LAYOUT.MapHeader.pointerLow, LAYOUT.MapHeader.pointerHigh].map((field) =>
    wordAt(memory, map + field),
  );
  return (BigInt(high as number) << 32n) | BigInt(low as number);
}

/** The page that a pointer's lower half leads to, as programs have it: perhaps none of the map's. */
export function pageAt(first: bigint, pointer: bigint): number {
  return Number(BigInt.asUintN(32, pointer - first)) >>> ARENA_PAGE_SHIFT;
}

/** The pointer to a page, 0 for none. */
export function pointerTo(first: bigint, page: number): bigint {
  return page === ARENA_NOWHERE ? 0n : first + (BigInt(page) << BigInt(ARENA_PAGE_SHIFT));
}

/** Bytes from the map's first one on. @throws {AnyctxError} EINVAL: there are not so many bytes there */
function placeOf(host: PagesHost, map: number, pointer: bigint, bytes: number): number {
  const place = pointer - firstPointer(host, map);
  const size = wordAt(host.memory, map + LAYOUT.MapHeader.maxEntries) * ARENA_PAGE_BYTES;
  if (place >= 0n && place + BigInt(bytes) <= BigInt(size)) return Number(place);
  throw new AnyctxError(
    "EINVAL",
    `There are no ${bytes} bytes at 0x${pointer.toString(16)} of an arena map of ${size} bytes from 0x${firstPointer(host, map).toString(16)} on`,
  );
}

/** The parts of a stretch of bytes that lie in a page each: where it begins in the map, and in the stretch. */
function* partsOf(place: number, bytes: number): Generator<{ place: number; at: number; length: number }> {
  for (let at = 0; at < bytes; ) {
    const length = Math.min(bytes - at, ARENA_PAGE_BYTES - ((place + at) % ARENA_PAGE_BYTES));
    yield { place: place + at, at, length };
    at += length;
  }
}

/** The bytes of a part where they lie, if its page is there. */
function partAt(host: PagesHost, map: number, place: number, length: number): Uint8Array | undefined {
  const low = wordAt(host.memory, map + LAYOUT.MapHeader.pointerLow);
  const address = host.core.arenaAt(map, low + place, 0, length) >>> 0;
  return address === 0 ? undefined : new Uint8Array(host.memory.buffer, address, length);
}

/** A copy of bytes; of pages that are not there zeroes. @throws {AnyctxError} EINVAL */
export function readPages(host: PagesHost, map: number, pointer: bigint, bytes: number): Uint8Array {
  const copy = new Uint8Array(bytes);
  host.core.readEnter();
  try {
    for (const { place, at, length } of partsOf(placeOf(host, map, pointer, bytes), bytes)) {
      const part = partAt(host, map, place, length);
      if (part !== undefined) copy.set(part, at);
    }
  } finally {
    host.core.readLeave();
  }
  return copy;
}

/**
 * Writes bytes; pages that are not there are there then, but of maps created with BPF_F_SEGV_ON_FAULT.
 * @returns 0; -EFAULT, -ENOMEM: a page is not there and cannot be, and what comes before it is written
 * @throws {AnyctxError} EINVAL
 */
export function writePages(host: PagesHost, map: number, pointer: bigint, bytes: Uint8Array): number {
  const first = placeOf(host, map, pointer, bytes.length);
  const mayTouch = (wordAt(host.memory, map + LAYOUT.MapHeader.flags) & SEGV_ON_FAULT) === 0;
  host.core.readEnter();
  try {
    for (const { place, at, length } of partsOf(first, bytes.length)) {
      if (mayTouch && !host.core.arenaTouchPage(map, place >>> ARENA_PAGE_SHIFT)) return -ERRNO.ENOMEM;
      const part = partAt(host, map, place, length);
      if (part === undefined) return -ERRNO.EFAULT;
      part.set(bytes.subarray(at, at + length));
    }
  } finally {
    host.core.readLeave();
  }
  return 0;
}

/**
 * Pointers to the pages that are there, in their order: each as it is when it is asked for.
 * @param check throws once the map is closed: asked before it is touched
 */
export function* pagesThere(host: PagesHost, map: number, check: () => void): Generator<bigint, undefined, unknown> {
  for (let from = 0; ; ) {
    check();
    const page = host.core.arenaNextPage(map, from);
    if (page >= wordAt(host.memory, map + LAYOUT.MapHeader.maxEntries)) return;
    yield pointerTo(firstPointer(host, map), page);
    from = page + 1;
  }
}

/** Captures of packets: pcap and pcapng, one packet after the other. Source: draft-ietf-opsawg-pcap and draft-ietf-opsawg-pcapng. */
import { AnyctxError } from "../../error.ts";
import type { ByteQueue } from "../queue.ts";

export interface CapturedPacket {
  /** Valid until the next packet is asked for. */
  readonly data: Uint8Array;
  readonly wireLength: number;
  /** Nanoseconds. */
  readonly time: bigint;
  readonly link: number;
}

/** What a capture says while it is read. */
export interface Captured {
  /** Packets that were dropped while they were captured. */
  lost: number;
  /** The capture ends in the middle of a packet, or goes on as no capture does. */
  damaged: boolean;
}

/** pcap's magic numbers, as they lie in a little-endian file: whether times are in nanoseconds, and numbers the other way round. */
const PCAP: Readonly<Record<number, { readonly nano: boolean; readonly big: boolean }>> = {
  2712847316: { nano: false, big: false },
  2712812621: { nano: true, big: false },
  3569595041: { nano: false, big: true },
  1295823521: { nano: true, big: true },
};
const PCAPNG = 0x0a0d0d0a;
const BYTE_ORDER = 0x1a2b3c4d;

const view = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

function isPcap(first: Uint8Array): boolean {
  return first.length >= 4 && PCAP[view(first).getUint32(0, true)] !== undefined;
}

function isPcapng(first: Uint8Array): boolean {
  if (first.length < 12 || view(first).getUint32(0, true) !== PCAPNG) return false;
  const order = view(first).getUint32(8, true);
  return order === BYTE_ORDER || view(first).getUint32(8, false) === BYTE_ORDER;
}

/** Whether an input begins as a capture does. */
export function isCapture(first: Uint8Array): boolean {
  return isPcap(first) || isPcapng(first);
}

/**
 * The packets of a capture; undefined for one of an interface that the capture does not have, or that is longer than its block.
 * @throws {AnyctxError} BAD_TRACE for a file that ends in its header
 */
export async function* readCapture(
  queue: ByteQueue,
  name: string,
  captured: Captured,
): AsyncGenerator<CapturedPacket | undefined> {
  const first = await queue.peek(12);
  yield* isPcapng(first) ? readPcapng(queue, name, captured) : readPcap(queue, name, captured);
}

/** A packet with more bytes than this is none: the file is damaged. */
const MOST_BYTES = 256 * 1024;

async function* readPcap(queue: ByteQueue, name: string, captured: Captured): AsyncGenerator<CapturedPacket> {
  const header = await queue.take(24);
  const kind = header.length === 24 ? PCAP[view(header).getUint32(0, true)] : undefined;
  if (kind === undefined) throw new AnyctxError("BAD_TRACE", `${name} ends in the header of a pcap file`);
  const little = !kind.big;
  const word = view(header).getUint32(20, little);
  const link = word & 0xffff;
  // Frame checks have so many half words, if a bit says that they are there.
  const checkBytes = (word & 0x0400_0000) === 0 ? 0 : (word >>> 28) * 2;
  for (let head = await queue.take(16); head.length > 0; head = await queue.take(16)) {
    if (head.length < 16) {
      captured.damaged = true;
      return;
    }
    const numbers = view(head);
    const fraction = BigInt(numbers.getUint32(4, little)) * (kind.nano ? 1n : 1000n);
    const time = BigInt(numbers.getUint32(0, little)) * 1_000_000_000n + fraction;
    const [length, wireLength] = [numbers.getUint32(8, little), numbers.getUint32(12, little)];
    const data = length > MOST_BYTES ? head.subarray(0, 0) : await queue.take(length);
    if (data.length < length) {
      captured.damaged = true;
      return;
    }
    yield { ...withoutCheck(data, Math.max(wireLength, length), checkBytes), time, link };
  }
}

/** A frame without the check at its end: the kernel's programs do not get it. */
function withoutCheck(
  data: Uint8Array,
  wireLength: number,
  checkBytes: number,
): Pick<CapturedPacket, "data" | "wireLength"> {
  const length = Math.max(0, wireLength - checkBytes);
  return { data: data.subarray(0, Math.min(data.length, length)), wireLength: length };
}

interface Interface {
  readonly link: number;
  /** Nanoseconds of a unit of time, as a fraction. */
  readonly units: readonly [numerator: bigint, denominator: bigint];
  /** What is to be added to all times, in nanoseconds. */
  readonly offset: bigint;
  /** Bytes of the check at the end of its frames. */
  readonly checkBytes: number;
  /** Bytes of a packet that are captured at most. */
  readonly most: number;
  /** Packets that were dropped, as statistics say and as the packets themselves do. */
  dropped: number;
  between: number;
}

const BLOCK = { interface: 1, oldPacket: 2, simple: 3, statistics: 5, packet: 6 } as const;
const KNOWN_BLOCKS: ReadonlySet<number> = new Set(Object.values(BLOCK));
const PACKETS: ReadonlySet<number> = new Set([BLOCK.oldPacket, BLOCK.simple, BLOCK.packet]);
/** Options of an interface, of statistics and of a packet. */
const OPTION = { resolution: 9, check: 13, offset: 14, dropped: 5, droppedBySystem: 7, droppedBefore: 4 } as const;
/** Of an old packet's drops: not known. */
const UNKNOWN_DROPS = 0xffff;

/** Blocks of one section: its byte order, and the interfaces that it has named so far. */
interface Section {
  readonly little: boolean;
  readonly interfaces: Interface[];
  /** When the last packet came: simple ones have no time of their own. */
  time: bigint;
}

async function* readPcapng(
  queue: ByteQueue,
  name: string,
  captured: Captured,
): AsyncGenerator<CapturedPacket | undefined> {
  let section: Section | undefined;
  for (let head = await queue.take(8); head.length > 0; head = await queue.take(8)) {
    if (head.length < 8) break;
    const isSection = view(head).getUint32(0, true) === PCAPNG;
    const lengths = view(head.slice());
    const order: Uint8Array = isSection ? (await queue.take(4)).slice() : new Uint8Array(0);
    if (isSection)
      section = {
        little: order.length === 4 && view(order).getUint32(0, true) === BYTE_ORDER,
        interfaces: [],
        time: section?.time ?? 0n,
      };
    if (section === undefined) throw new AnyctxError("BAD_TRACE", `${name} does not begin as a pcapng file`);
    const length = lengths.getUint32(4, section.little);
    const rest = length - 8 - order.length;
    const type = lengths.getUint32(0, section.little);
    // Names, keys and journals may be of any length.
    const isOther = !isSection && !KNOWN_BLOCKS.has(type);
    if (rest < 4 || rest % 4 !== 0 || (rest > MOST_BYTES + 4096 && !isOther)) break;
    if (isOther) {
      if (!(await isSteppedOver(queue, rest))) break;
    } else {
      const body = await queue.take(rest);
      if (body.length < rest) break;
      if (PACKETS.has(type)) yield readPacket(section, type, body.subarray(0, rest - 4), captured);
      else if (!isSection) readBlock(section, type, body.subarray(0, rest - 4), captured);
    }
    if (await queue.isEmpty()) return;
  }
  captured.damaged = true;
}

/** @returns whether there were so many bytes */
async function isSteppedOver(queue: ByteQueue, bytes: number): Promise<boolean> {
  for (let left = bytes; left > 0; ) {
    const some = await queue.take(Math.min(left, MOST_BYTES));
    if (some.length === 0) return false;
    left -= some.length;
  }
  return true;
}

function readBlock({ little, interfaces }: Section, type: number, body: Uint8Array, captured: Captured): void {
  const numbers = view(body);
  if (type === BLOCK.interface && body.length >= 8)
    interfaces.push({
      ...{ link: numbers.getUint16(0, little), units: unitsOf(body, little), offset: offsetOf(body, little) },
      ...{ most: numbers.getUint32(4, little) || MOST_BYTES, dropped: 0, between: 0 },
      checkBytes: optionOf(body, 8, OPTION.check, little)?.[0] ?? 0,
    });
  else if (type === BLOCK.statistics && body.length >= 12) {
    const from = interfaces[numbers.getUint32(0, little)];
    if (from === undefined) return;
    // Counted from the beginning: the last one holds.
    const told = [OPTION.dropped, OPTION.droppedBySystem].map((option) => countOf(body, 12, option, little));
    drop(captured, from, { dropped: told.some((count) => count !== undefined) ? sumOf(told) : from.dropped });
  }
}

const sumOf = (counts: readonly (number | undefined)[]): number =>
  counts.reduce<number>((sum, count = 0) => sum + count, 0);

/** Both say the same losses in ways of their own: the more of them were. */
function drop(captured: Captured, from: Interface, { dropped = from.dropped, between = from.between }): void {
  captured.lost += Math.max(dropped, between) - Math.max(from.dropped, from.between);
  from.dropped = dropped;
  from.between = between;
}

function readPacket(section: Section, type: number, body: Uint8Array, captured: Captured): CapturedPacket | undefined {
  const { little, interfaces } = section;
  const numbers = view(body);
  if (type === BLOCK.simple) {
    const [from] = interfaces;
    if (from === undefined || body.length < 4) return undefined;
    const wireLength = numbers.getUint32(0, little);
    const length = Math.min(wireLength, from.most);
    if (4 + length > body.length) return undefined;
    const frame = withoutCheck(body.subarray(4, 4 + length), wireLength, from.checkBytes);
    return { ...frame, time: section.time, link: from.link };
  }
  if (body.length < 20) return undefined;
  const isOld = type === BLOCK.oldPacket;
  const from = interfaces[isOld ? numbers.getUint16(0, little) : numbers.getUint32(0, little)];
  const [length, wireLength] = [numbers.getUint32(12, little), numbers.getUint32(16, little)];
  if (from === undefined || 20 + length > body.length) return undefined;
  const options = 20 + ((length + 3) & ~3);
  const lost = isOld ? numbers.getUint16(2, little) : (countOf(body, options, OPTION.droppedBefore, little) ?? 0);
  if (!isOld || lost !== UNKNOWN_DROPS) drop(captured, from, { between: from.between + lost });
  const stamp = (BigInt(numbers.getUint32(4, little)) << 32n) | BigInt(numbers.getUint32(8, little));
  section.time = BigInt.asUintN(64, (stamp * from.units[0]) / from.units[1] + from.offset);
  const frame = withoutCheck(body.subarray(20, 20 + length), Math.max(wireLength, length), from.checkBytes);
  return { ...frame, time: section.time, link: from.link };
}

/** An option of eight bytes that counts. */
function countOf(body: Uint8Array, from: number, wanted: number, little: boolean): number | undefined {
  const option = optionOf(body, from, wanted, little);
  return option?.length === 8 ? Number(view(option).getBigUint64(0, little)) : undefined;
}

/** `if_tsoffset`: seconds. */
function offsetOf(body: Uint8Array, little: boolean): bigint {
  const option = optionOf(body, 8, OPTION.offset, little);
  return option?.length === 8 ? view(option).getBigInt64(0, little) * 1_000_000_000n : 0n;
}

/** `if_tsresol`: a power of ten, or of two where the highest bit is set; microseconds without. */
function unitsOf(body: Uint8Array, little: boolean): readonly [bigint, bigint] {
  const resolution = optionOf(body, 8, OPTION.resolution, little)?.[0] ?? 6;
  const base = (resolution & 0x80) === 0 ? 10n : 2n;
  return [1_000_000_000n, base ** BigInt(resolution & 0x7f)];
}

function optionOf(body: Uint8Array, from: number, wanted: number, little: boolean): Uint8Array | undefined {
  const numbers = view(body);
  for (let at = from; at + 4 <= body.length; ) {
    const [code, length] = [numbers.getUint16(at, little), numbers.getUint16(at + 2, little)];
    if (code === 0) return undefined;
    if (code === wanted) return body.subarray(at + 4, at + 4 + length);
    at += 4 + ((length + 3) & ~3);
  }
  return undefined;
}

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

/** The packets of a capture. @throws {AnyctxError} BAD_TRACE for a file that ends in its header */
export async function* readCapture(queue: ByteQueue, name: string, captured: Captured): AsyncGenerator<CapturedPacket> {
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
  // The upper half of the word says how long frame checks are.
  const link = view(header).getUint32(20, little) & 0xffff;
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
    yield { data, wireLength: Math.max(wireLength, length), time, link };
  }
}

interface Interface {
  readonly link: number;
  /** Nanoseconds of a unit of time, as a fraction. */
  readonly units: readonly [numerator: bigint, denominator: bigint];
  dropped: number;
}

const BLOCK = { interface: 1, oldPacket: 2, simple: 3, statistics: 5, packet: 6 } as const;
const OPTION = { resolution: 9, dropped: 5 } as const;

/** Blocks of one section: its byte order, and the interfaces that it has named so far. */
interface Section {
  readonly little: boolean;
  readonly interfaces: Interface[];
}

async function* readPcapng(queue: ByteQueue, name: string, captured: Captured): AsyncGenerator<CapturedPacket> {
  let section: Section | undefined;
  for (let head = await queue.take(8); head.length > 0; head = await queue.take(8)) {
    if (head.length < 8) break;
    const isSection = view(head).getUint32(0, true) === PCAPNG;
    const lengths = view(head.slice());
    const order: Uint8Array = isSection ? (await queue.take(4)).slice() : new Uint8Array(0);
    if (isSection)
      section = { little: order.length === 4 && view(order).getUint32(0, true) === BYTE_ORDER, interfaces: [] };
    if (section === undefined) throw new AnyctxError("BAD_TRACE", `${name} does not begin as a pcapng file`);
    const length = lengths.getUint32(4, section.little);
    const rest = length - 8 - order.length;
    if (rest < 4 || rest > MOST_BYTES + 4096 || rest % 4 !== 0) break;
    const body = await queue.take(rest);
    if (body.length < rest) break;
    const type = lengths.getUint32(0, section.little);
    const packet = isSection ? undefined : readBlock(section, type, body.subarray(0, rest - 4), captured);
    if (packet !== undefined) yield packet;
    if (await queue.isEmpty()) return;
  }
  captured.damaged = true;
}

function readBlock(section: Section, type: number, body: Uint8Array, captured: Captured): CapturedPacket | undefined {
  const { little, interfaces } = section;
  const numbers = view(body);
  if (type === BLOCK.interface && body.length >= 8)
    interfaces.push({ link: numbers.getUint16(0, little), units: unitsOf(body, little), dropped: 0 });
  else if (type === BLOCK.statistics && body.length >= 12) {
    const from = interfaces[numbers.getUint32(0, little)];
    const dropped = optionOf(body, 12, OPTION.dropped, little);
    if (from !== undefined && dropped?.length === 8) {
      // Counted from the beginning: the last one holds.
      const count = Number(view(dropped).getBigUint64(0, little));
      captured.lost += count - from.dropped;
      from.dropped = count;
    }
  } else if (type === BLOCK.simple && body.length >= 4 && interfaces[0] !== undefined) {
    const wireLength = numbers.getUint32(0, little);
    return { data: body.subarray(4, 4 + wireLength), wireLength, time: 0n, link: interfaces[0].link };
  } else if ((type === BLOCK.packet || type === BLOCK.oldPacket) && body.length >= 20) {
    const from = interfaces[type === BLOCK.packet ? numbers.getUint32(0, little) : numbers.getUint16(0, little)];
    const [length, wireLength] = [numbers.getUint32(12, little), numbers.getUint32(16, little)];
    if (from === undefined || 20 + length > body.length) return undefined;
    const stamp = (BigInt(numbers.getUint32(4, little)) << 32n) | BigInt(numbers.getUint32(8, little));
    const time = BigInt.asUintN(64, (stamp * from.units[0]) / from.units[1]);
    return { data: body.subarray(20, 20 + length), wireLength: Math.max(wireLength, length), time, link: from.link };
  }
  return undefined;
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

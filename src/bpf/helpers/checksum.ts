/** Internet checksums (RFC 1071): sums of 16 bits with the carries added, as Linux keeps them. */
import { ERRNO } from "../../error.ts";
import { ROUTES } from "./callers.ts";
import type { Helper } from "./helper.ts";
import { KEPT_OF_PACKET, keptAt, packetOf } from "./packet.ts";
import { CONTEXT, SIZE, TEXT_OR_NULL } from "./parameters/memory.ts";
import { SCALAR, WORD } from "./parameters/numbers.ts";
import type { ServiceCall } from "./service.ts";

const WORD_MASK = 0xffffffffn;

/** A sum in so many bits; 0 only if everything in it is 0. */
function fold(sum: bigint, bits: 16 | 32): bigint {
  const modulus = (1n << BigInt(bits)) - 1n;
  return sum === 0n ? 0n : ((sum - 1n) % modulus) + 1n;
}

/** In words of 16 bits as they lie there, the last byte of an odd number of them as one. */
function sumOf({ view }: ServiceCall, address: number, size: number): bigint {
  let sum = 0n;
  for (let at = 0; at + 1 < size; at += 2) sum += BigInt(view.getUint16(address + at, true));
  return size % 2 === 0 ? sum : sum + BigInt(view.getUint8(address + size - 1));
}

/** `bpf_csum_diff`: the sum of what comes, less that of what goes. Since Linux 6.13 in 16 bits. */
function difference(
  call: ServiceCall,
  from: number,
  fromSize: number,
  to: number,
  toSize: number,
  seed: number,
): bigint {
  const added = sumOf(call, to, toSize);
  const start = BigInt(seed);
  if (fromSize === 0) return fold(added + start, 16);
  const gone = sumOf(call, from, fromSize);
  if (toSize === 0) return fold(fold(gone + (start ^ WORD_MASK), 32) ^ WORD_MASK, 16);
  return fold(fold(added + start, 32) + (fold(gone, 32) ^ WORD_MASK), 16);
}

const FIELD_MASK = 0xfn;
const PSEUDO_HEADER = 0x10n;
const MARK_MANGLED_ZERO = 0x20n;
const MARK_ENFORCE = 0x40n;
const IPV6 = 0x80n;

/** The checksum where a field of it changed from one number to another; undefined for a size that there is not. */
function replaced(sum: bigint, from: bigint, to: bigint, size: bigint): bigint | undefined {
  const inverse = sum ^ 0xffffn;
  if (size === 0n) return from === 0n ? fold(inverse + (to & WORD_MASK), 16) ^ 0xffffn : undefined;
  if (size === 2n) return fold(inverse + ((from & 0xffffn) ^ 0xffffn) + (to & 0xffffn), 16) ^ 0xffffn;
  if (size === 4n) return fold(inverse + ((from & WORD_MASK) ^ WORD_MASK) + (to & WORD_MASK), 16) ^ 0xffffn;
  return undefined;
}

function replace(call: ServiceCall, offset: number, from: bigint, to: bigint, flags: bigint, known: bigint): number {
  if ((flags & ~known) !== 0n) return -ERRNO.EINVAL;
  const { begin, end } = packetOf(call);
  if (offset > 0xffff || offset % 2 !== 0 || begin + offset + 2 > end) return -ERRNO.EFAULT;
  const marks = (flags & MARK_MANGLED_ZERO) !== 0n;
  const old = BigInt(call.view.getUint16(begin + offset, true));
  if (marks && (flags & MARK_ENFORCE) === 0n && old === 0n) return 0;
  const sum = replaced(old, from, to, flags & FIELD_MASK);
  if (sum === undefined) return -ERRNO.EINVAL;
  call.view.setUint16(begin + offset, marks && sum === 0n ? 0xffff : Number(sum), true);
  return 0;
}

/** BPF_CSUM_LEVEL_*. */
const [QUERY, MORE, LESS, RESET] = [0n, 1n, 2n, 3n];
/** SKB_MAX_CSUM_LEVEL of Linux, and the outermost. */
const MOST_CHECKED = 4;

function level(call: ServiceCall, _: number, what: bigint): number {
  const at = keptAt(call, KEPT_OF_PACKET.checkedSums);
  const checked = call.view.getUint32(at, true);
  if (what > RESET) return -ERRNO.EINVAL;
  if (what === QUERY) return checked === 0 ? -ERRNO.EACCES : checked - 1;
  const next = what === MORE ? Math.min(checked + 1, MOST_CHECKED) : what === LESS ? Math.max(checked - 1, 0) : 0;
  call.view.setUint32(at, next, true);
  return 0;
}

const KNOWN = FIELD_MASK | PSEUDO_HEADER | MARK_MANGLED_ZERO | MARK_ENFORCE | IPV6;

export const CHECKSUM_HELPERS: readonly Helper[] = [
  {
    id: 10,
    name: "l3_csum_replace",
    movesPacket: true,
    callers: ["sched_cls", "lwt_xmit"],
    parameters: [CONTEXT, WORD, SCALAR, SCALAR, SCALAR],
    action: {
      type: "service",
      run: (call, _: number, offset: number, from: bigint, to: bigint, flags: bigint) =>
        replace(call, offset, from, to, flags, FIELD_MASK),
    },
    result: "i32",
    doc: "Makes an IP header's checksum good where 2 or 4 bytes of it, or a difference, have changed; 0, -EINVAL or -EFAULT.",
  },
  {
    id: 11,
    name: "l4_csum_replace",
    movesPacket: true,
    callers: ["sched_cls", "lwt_xmit"],
    parameters: [CONTEXT, WORD, SCALAR, SCALAR, SCALAR],
    action: {
      type: "service",
      run: (call, _: number, offset: number, from: bigint, to: bigint, flags: bigint) =>
        replace(call, offset, from, to, flags, KNOWN),
    },
    result: "i32",
    doc: "The same of a TCP or UDP header, where 0 may mean that there is none; 0, -EINVAL or -EFAULT.",
  },
  {
    id: 28,
    name: "csum_diff",
    takesPacket: true,
    callers: ["sched_cls", "xdp", ...ROUTES],
    parameters: [TEXT_OR_NULL, SIZE, TEXT_OR_NULL, SIZE, WORD],
    action: { type: "service", run: difference },
    result: "i64",
    doc: "The checksum of what comes, less that of what goes, and from a seed on, in 16 bits as since Linux 6.13.",
  },
  {
    id: 40,
    name: "csum_update",
    callers: ["sched_cls", "lwt_xmit"],
    parameters: [CONTEXT, WORD],
    action: { type: "answer", value: -ERRNO.ENOTSUPP },
    result: "i64",
    doc: "Adds to the sum that a device has made of the packet: -ENOTSUPP, as here none has.",
  },
  {
    id: 135,
    name: "csum_level",
    callers: ["sched_cls", "lwt_xmit"],
    parameters: [CONTEXT, SCALAR],
    action: { type: "service", run: level },
    result: "i32",
    doc: "How many sums a device has checked besides the outermost, or says that one more or less was; -EACCES where none was, -EINVAL.",
  },
];

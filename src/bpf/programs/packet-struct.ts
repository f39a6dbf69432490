/**
 * The structs that programs get about packets, and where those say the packet lies. Addresses in them are addresses here, which 32
 * bits hold as those structs want them.
 */
import type { WritableField } from "./writable-field.ts";

/** A u32 of which a kernel keeps numbers up to `most`: larger ones cannot be given, or are cut as its test runs do. */
interface NarrowField {
  readonly name: string;
  readonly offset: number;
  readonly most: number;
  readonly cut?: true;
}

/** Where such a struct says where the packet lies. */
export interface PacketStruct {
  readonly what: string;
  readonly bytes: number;
  readonly data: number;
  readonly end: number;
  /** Bytes of an address in it. */
  readonly pointer: 4 | 8;
  /** Where what was put in front of the packet begins: nothing was. */
  readonly meta?: number;
  /** The packet's length, where the struct has it; u32. */
  readonly length?: number;
  /** The number of the device that it came in by, where the struct has it; u32. */
  readonly device?: number;
  /** The protocol behind the packet's Ethernet header, as it lies there, where the struct has it; u32. */
  readonly protocol?: number;
  /** To whom the packet's Ethernet header is addressed (`PACKET_HOST` and so on), where the struct has it; u32. */
  readonly addressee?: number;
  /** The packet's length on the wire, where the struct has it; u32. That of the packet, unless more is given. */
  readonly wire?: number;
  /** Fields of which a kernel keeps less than the struct has room for. */
  readonly narrow?: readonly NarrowField[];
  /** The packet's socket, where the struct has it; u64. There is none here. */
  readonly socket?: number;
  /** Bytes behind the struct that are the kernel's: what it keeps of the packet and shows to no program. */
  readonly kept?: number;
  /** Bytes that may be put in front of the packet, and how many it may become with them. */
  readonly headroom: number;
  readonly most: number;
}

/** Bytes of an Ethernet header, and where its protocol is. */
export const ETHERNET_BYTES = 14;
export const ETHERNET_PROTOCOL = 12;

const [HOST, BROADCAST, MULTICAST, OTHER_HOST] = [0, 1, 2, 3];
const ADDRESS_BYTES = 6;

/**
 * What a struct has of its packet's Ethernet header.
 * @param struct the bytes of the struct, and what follows
 * @param loopback it comes in by a kernel's loopback device, whose own and broadcast address are 0, as in its test runs; of a recorded
 * packet nobody says by which
 */
export function describePacket(
  { protocol, addressee }: PacketStruct,
  struct: Uint8Array,
  packet: Uint8Array,
  loopback: boolean,
): void {
  if (packet.length < ETHERNET_BYTES) return;
  if (protocol !== undefined) struct.set(packet.subarray(ETHERNET_PROTOCOL, ETHERNET_BYTES), protocol);
  if (addressee === undefined) return;
  const to = packet.subarray(0, ADDRESS_BYTES);
  const isGroup = ((to[0] as number) & 1) === 1;
  const single = loopback && to.some((byte) => byte !== 0) ? OTHER_HOST : HOST;
  const group = !loopback && to.every((byte) => byte === 0xff) ? BROADCAST : MULTICAST;
  struct[addressee] = isGroup ? group : single;
}

/** Alignment of what lies behind a struct. */
const ALIGN = 8;

/**
 * Where in a context the packet lies when a run begins: behind the struct, with room in front.
 * @param behind bytes directly behind the struct that belong to the context too
 */
export function packetBegin({ bytes, headroom, kept = 0 }: PacketStruct, behind = 0): number {
  return Math.ceil(bytes / ALIGN) * ALIGN + behind + kept + headroom;
}

/** `struct xdp_md` of Linux's uapi. XDP_PACKET_HEADROOM, and a page without it and what the kernel keeps at its end. */
export const XDP_MD: PacketStruct = {
  ...{ what: "xdp_md", bytes: 24, data: 0, end: 4, meta: 8, pointer: 4, headroom: 256, device: 12 },
  most: 4096 - 320,
};

/** SKB_MAX_ALLOC of Linux on x86-64. */
const SKB_MAX_ALLOC = 16_064;

/** `struct __sk_buff` of Linux's uapi, with all of its fields. */
export const SK_BUFF: PacketStruct = {
  ...{ what: "__sk_buff", bytes: 192, data: 76, end: 80, meta: 140, length: 0, pointer: 4, headroom: 512 },
  ...{ device: 40, protocol: 16, addressee: 4, socket: 168, wire: 160, kept: 16 },
  narrow: [
    { name: "queue_mapping", offset: 12, most: 0xffff },
    { name: "vlan_tci", offset: 24, most: 0xffff },
    { name: "tc_index", offset: 44, most: 0xffff },
    { name: "tc_classid", offset: 72, most: 0xffff },
    { name: "gso_segs", offset: 164, most: 0xffff },
    { name: "wire_len", offset: 160, most: 0x10000 },
    { name: "gso_size", offset: 176, most: 0xffff, cut: true },
  ],
  most: SKB_MAX_ALLOC,
};

/** Fields of `struct __sk_buff` that some kind of program may write to. A kernel keeps queues, classes and the index as 16 bits. */
export const SK_BUFF_WRITABLE: Readonly<
  Record<"mark" | "queueMapping" | "priority" | "tcIndex" | "cb" | "tcClass" | "tstamp", WritableField>
> = {
  mark: { offset: 8, bytes: 4 },
  queueMapping: { offset: 12, bytes: 4, kept: 0xffff, most: 0xfffe },
  priority: { offset: 32, bytes: 4 },
  tcIndex: { offset: 44, bytes: 4, kept: 0xffff },
  cb: { offset: 48, bytes: 20, widths: [1, 2, 4, 8] },
  tcClass: { offset: 72, bytes: 4, kept: 0xffff },
  tstamp: { offset: 152, bytes: 8 },
};

/** `struct sk_msg_md`: what is sent by a socket. */
export const SK_MSG_MD: PacketStruct = {
  ...{ what: "sk_msg_md", bytes: 80, data: 0, end: 8, length: 68, pointer: 8, headroom: 512, most: 4096 },
};

/** `struct sk_reuseport_md`: the packet from its transport header on. */
export const SK_REUSEPORT_MD: PacketStruct = {
  ...{ what: "sk_reuseport_md", bytes: 56, data: 0, end: 8, length: 16, pointer: 8, headroom: 0, most: 0 },
};

/** `struct bpf_sockopt`: an option's value stands where a packet does. */
export const SOCKOPT: PacketStruct = {
  ...{ what: "bpf_sockopt", bytes: 40, data: 8, end: 16, pointer: 8, headroom: 0, most: 0 },
};

/** `struct bpf_sock_ops`: the packet's headers, in the callbacks that have them. */
export const SOCK_OPS_STRUCT: PacketStruct = {
  ...{ what: "bpf_sock_ops", bytes: 224, data: 192, end: 200, length: 208, pointer: 8, headroom: 0, most: 0 },
};

/** An address in a struct. */
export function pointerAt(view: DataView, at: number, bytes: 4 | 8): number {
  return bytes === 4 ? view.getUint32(at, true) : Number(view.getBigUint64(at, true));
}

export function setPointer(view: DataView, at: number, bytes: 4 | 8, address: number): void {
  if (bytes === 4) view.setUint32(at, address, true);
  else view.setBigUint64(at, BigInt(address), true);
}

/** Writes where the packet lies into a struct at `at` of `view`. */
export function placePacket(view: DataView, at: number, struct: PacketStruct, begin: number, end: number): void {
  setPointer(view, at + struct.data, struct.pointer, begin);
  setPointer(view, at + struct.end, struct.pointer, end);
  if (struct.length !== undefined) view.setUint32(at + struct.length, end - begin, true);
}

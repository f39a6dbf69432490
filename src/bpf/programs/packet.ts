/**
 * Packets: the struct that a program gets about one, and the packet itself behind it. The struct has addresses of 32 bits, which is
 * what addresses are here, so a program follows them as they are.
 */
import { AnyctxError } from "../../error.ts";
import { numbered, onlyOf, withoutEvents } from "./context.ts";
import type { DirectContext, DirectInput, ProgramContext } from "./program-type.ts";

/** Where such a struct says where the packet lies; u32 each. */
export interface PacketStruct {
  readonly what: string;
  readonly bytes: number;
  readonly data: number;
  readonly end: number;
  /** Where what was put in front of the packet begins: nothing was. */
  readonly meta: number;
  /** The packet's length, where the struct has it. */
  readonly length?: number;
}

/** `struct xdp_md` of Linux's uapi. */
export const XDP_MD: PacketStruct = { what: "xdp_md", bytes: 24, data: 0, end: 4, meta: 8 };

/** `struct __sk_buff` of Linux's uapi, with all of its fields. */
export const SK_BUFF: PacketStruct = { what: "__sk_buff", bytes: 192, data: 76, end: 80, meta: 140, length: 0 };

/** Alignment of the packet behind the struct. */
const ALIGN = 8;

/** A packet, and the struct about it: the given context's fields but for the addresses. */
export function packetContext(struct: PacketStruct, given: DirectInput): DirectContext {
  onlyOf(`A program on packets (${struct.what})`, given, ["packet", "context"]);
  const { packet = new Uint8Array(0), context = new Uint8Array(0) } = given;
  if (context.length > struct.bytes)
    throw new AnyctxError("EINVAL", `${struct.what} has ${struct.bytes} bytes, not ${context.length}`);
  const begin = Math.ceil(struct.bytes / ALIGN) * ALIGN;
  return {
    bytes: begin + packet.length,
    write(target, at) {
      target.set(context);
      target.set(packet, begin);
      const view = new DataView(target.buffer, target.byteOffset);
      view.setUint32(struct.data, at + begin, true);
      view.setUint32(struct.meta, at + begin, true);
      view.setUint32(struct.end, at + begin + packet.length, true);
      if (struct.length !== undefined) view.setUint32(struct.length, packet.length, true);
    },
    packet(target, at) {
      const view = new DataView(target.buffer, target.byteOffset);
      return target.slice(view.getUint32(struct.data, true) - at, view.getUint32(struct.end, true) - at);
    },
  };
}

/** The context of the types that run on packets, by the struct that they get. */
export function onPackets(struct: PacketStruct): ProgramContext {
  return {
    ...withoutEvents("A program on packets"),
    // A packet of no bytes: where it would lie nobody says.
    example: (_, index) => numbered(struct.bytes, struct.meta + 4, index),
    direct: (given) => packetContext(struct, given),
  };
}

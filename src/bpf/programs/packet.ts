/** Contexts of programs on packets: the struct about one, and the packet itself behind it, with room in front and behind for what is added. */
import { AnyctxError } from "../../error.ts";
import { numbered, onlyOf, withoutEvents } from "./context.ts";
import { type PacketStruct, placePacket, pointerAt, setPointer, XDP_MD } from "./packet-struct.ts";
import type { ContextAccess, DirectContext, DirectInput, ProgramContext } from "./program-type.ts";

/** The device that a kernel's own test runs are on. */
const LOOPBACK = 1;
/** In an Ethernet header. */
const PROTOCOL_AT = 12;

/** Alignment of what lies behind the struct. */
const ALIGN = 8;

/**
 * A packet, and the struct about it: the given context's fields but for the addresses.
 * @param behind bytes directly behind the struct that belong to the context too
 */
export function packetContext(struct: PacketStruct, given: DirectInput, behind = 0): DirectContext {
  onlyOf(`A program on packets (${struct.what})`, given, ["packet", "context"]);
  const { packet = new Uint8Array(0), context = new Uint8Array(0) } = given;
  if (context.length > struct.bytes)
    throw new AnyctxError("EINVAL", `${struct.what} has ${struct.bytes} bytes, not ${context.length}`);
  const begin = Math.ceil(struct.bytes / ALIGN) * ALIGN + behind + struct.headroom;
  return {
    own: struct.bytes + behind,
    bytes: begin + Math.max(packet.length, struct.most - struct.headroom),
    write(target, at) {
      target.fill(0);
      const view = new DataView(target.buffer, target.byteOffset);
      if (struct.device !== undefined) view.setUint32(struct.device, LOOPBACK, true);
      if (struct.protocol !== undefined && packet.length >= PROTOCOL_AT + 2)
        target.set(packet.subarray(PROTOCOL_AT, PROTOCOL_AT + 2), struct.protocol);
      target.set(context);
      target.set(packet, begin);
      if (struct.meta !== undefined) setPointer(view, struct.meta, struct.pointer, at + begin);
      placePacket(view, 0, struct, at + begin, at + begin + packet.length);
    },
    packet(target, at) {
      const view = new DataView(target.buffer, target.byteOffset);
      const of = (field: number): number => pointerAt(view, field, struct.pointer) - at;
      // What XDP has in front of a packet is given with it, as Linux does.
      return target.slice(of(struct === XDP_MD ? (struct.meta ?? struct.data) : struct.data), of(struct.end));
    },
  };
}

/**
 * The context of the types that run on packets, by the struct that they get.
 * @param writable parts of the struct that programs may write to
 * @param hidden parts of the struct that a kernel does not show them
 */
export function onPackets(
  struct: PacketStruct,
  writable: ContextAccess["writable"] = [],
  hidden: ContextAccess["hidden"] = [],
): ProgramContext {
  return {
    ...withoutEvents("A program on packets"),
    access: { bytes: () => struct.bytes, writable, hidden },
    // A packet of no bytes: where it would lie nobody says.
    example: (_, index) => numbered(struct.bytes, Math.max(struct.end + struct.pointer, (struct.meta ?? 0) + 4), index),
    direct: (given) => packetContext(struct, given),
  };
}

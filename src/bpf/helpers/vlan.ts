/** Helpers on VLAN tags. The outermost is kept beside the packet; others are in it, as its protocol says. */
import { ERRNO } from "../../error.ts";
import { ETHERNET_BYTES, ETHERNET_PROTOCOL } from "../programs/packet-struct.ts";
import { protocolOf, setProtocol } from "./headers.ts";
import type { Helper } from "./helper.ts";
import { KEPT_OF_PACKET, keptAt, packetOf, SK_BUFF_FIELD } from "./packet.ts";
import { CONTEXT } from "./parameters/memory.ts";
import { WORD } from "./parameters/numbers.ts";
import { move, roomFor, setMeta } from "./resize.ts";
import type { ServiceCall } from "./service.ts";

const VLAN_BYTES = 4;
const ADDRESSES_BYTES = 12;
/** ETH_P_8021Q and ETH_P_8021AD, as they lie in the packet. */
const VLAN_PROTOCOLS: readonly number[] = [0x0081, 0xa888];

interface Tag {
  readonly protocol: number;
  readonly tag: number;
}

function keptTag({ view, context }: ServiceCall): Tag | undefined {
  if (view.getUint32(context + SK_BUFF_FIELD.vlanPresent, true) === 0) return undefined;
  const protocol = view.getUint32(context + SK_BUFF_FIELD.vlanProtocol, true);
  return { protocol, tag: view.getUint32(context + SK_BUFF_FIELD.vlanTci, true) };
}

function keepTag({ view, context }: ServiceCall, kept: Tag | undefined): void {
  view.setUint32(context + SK_BUFF_FIELD.vlanPresent, kept === undefined ? 0 : 1, true);
  view.setUint32(context + SK_BUFF_FIELD.vlanProtocol, kept?.protocol ?? 0, true);
  view.setUint32(context + SK_BUFF_FIELD.vlanTci, kept?.tag ?? 0, true);
}

/** A tag is kept beside the packet; where there is one, that goes into the packet first. */
function pushVlan(call: ServiceCall, _: number, protocol: number, tag: number): number {
  const packet = packetOf(call);
  const before = keptTag(call);
  if (before !== undefined) {
    const placed = roomFor(call, packet, "front", VLAN_BYTES);
    if (placed === undefined) return -ERRNO.ENOMEM;
    const begin = placed.begin - VLAN_BYTES;
    call.bytes.copyWithin(begin, placed.begin, placed.begin + ADDRESSES_BYTES);
    call.view.setUint16(begin + ADDRESSES_BYTES, before.protocol, true);
    call.view.setUint16(begin + ADDRESSES_BYTES + 2, before.tag);
    setProtocol(call, before.protocol);
    setMeta(call, packet, begin);
    move(call, packet, begin, placed.end);
  }
  const known = VLAN_PROTOCOLS.includes(protocol & 0xffff) ? protocol & 0xffff : (VLAN_PROTOCOLS[0] ?? 0);
  keepTag(call, { protocol: known, tag: tag & 0xffff });
  return 0;
}

/** The least number in the place of a protocol that is one: those below are lengths. */
const LEAST_PROTOCOL = 0x600;
/** ETH_P_802_3 and ETH_P_802_2, as they would lie in the packet. */
const [WITH_CHECKSUM, WITHOUT_PROTOCOL] = [0x0100, 0x0400];

/** Takes the tag that lies in the packet out of it, and says what the packet's protocol is then; undefined where it is too short. */
function takeTag(call: ServiceCall): Tag | undefined {
  const { view, bytes } = call;
  const packet = packetOf(call);
  if (packet.end - packet.begin < ETHERNET_BYTES + VLAN_BYTES) return undefined;
  const begin = packet.begin + VLAN_BYTES;
  const taken = { protocol: protocolOf(call), tag: view.getUint16(packet.begin + ETHERNET_BYTES) };
  bytes.copyWithin(begin, packet.begin, packet.begin + ADDRESSES_BYTES);
  const inner = begin + ETHERNET_PROTOCOL;
  const isChecked = inner + 4 <= packet.end && view.getUint16(inner + 2) === 0xffff;
  const without = isChecked ? WITH_CHECKSUM : WITHOUT_PROTOCOL;
  setProtocol(call, view.getUint16(inner) >= LEAST_PROTOCOL ? view.getUint16(inner, true) : without);
  const between = keptAt(call, KEPT_OF_PACKET.between);
  view.setUint32(between, Math.max(0, view.getUint32(between, true) - VLAN_BYTES), true);
  setMeta(call, packet, begin);
  move(call, packet, begin, packet.end);
  return taken;
}

/** The tag beside the packet goes, or the first in it; one that comes next in it is kept beside it then. */
function popVlan(call: ServiceCall): number {
  const isTagged = (): boolean => VLAN_PROTOCOLS.includes(protocolOf(call));
  if (keptTag(call) !== undefined) keepTag(call, undefined);
  else if (!isTagged()) return 0;
  else if (takeTag(call) === undefined) return -ERRNO.ENOMEM;
  if (!isTagged()) return 0;
  const next = takeTag(call);
  if (next === undefined) return -ERRNO.ENOMEM;
  keepTag(call, next);
  return 0;
}

export const VLAN_HELPERS: readonly Helper[] = [
  {
    id: 18,
    name: "skb_vlan_push",
    callers: ["sched_cls"],
    parameters: [CONTEXT, WORD, WORD],
    action: { type: "service", run: pushVlan },
    movesPacket: true,
    result: "i32",
    doc: "Gives the packet a VLAN tag, which is kept beside it; the one before goes into it. 0 or -ENOMEM.",
  },
  {
    id: 19,
    name: "skb_vlan_pop",
    callers: ["sched_cls"],
    parameters: [CONTEXT],
    action: { type: "service", run: popVlan },
    movesPacket: true,
    result: "i32",
    doc: "Takes the packet's outermost VLAN tag off, if it has one; 0, or -ENOMEM where it is too short.",
  },
];

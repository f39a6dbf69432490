/** What a flow dissector fills in, behind its context (`struct bpf_flow_keys`): a direct run gives it back in the packet's place, as Linux does. */
import { packetContext } from "./packet.ts";
import { ETHERNET_BYTES, ETHERNET_PROTOCOL, SK_BUFF } from "./packet-struct.ts";
import type { DirectContext, DirectInput } from "./program-type.ts";

const FLOW_KEYS_BYTES = 56;
/** Where the context says where they lie. */
const FLOW_KEYS_AT = 144;
/** Where they are, and in them where the network header begins, and its protocol. */
const KEYS = SK_BUFF.bytes;
const HEADER_AT = 0;
const PROTOCOL_AT = 8;

export function flowContext(given: DirectInput): DirectContext {
  const packet = packetContext(SK_BUFF, given, FLOW_KEYS_BYTES);
  const { packet: bytes = new Uint8Array(0) } = given;
  return {
    own: packet.own,
    bytes: packet.bytes,
    write(target, at) {
      packet.write(target, at);
      const view = new DataView(target.buffer, target.byteOffset);
      view.setBigUint64(FLOW_KEYS_AT, BigInt(at + KEYS), true);
      view.setUint16(KEYS + HEADER_AT, ETHERNET_BYTES, true);
      if (bytes.length >= ETHERNET_BYTES)
        target.set(bytes.subarray(ETHERNET_PROTOCOL, ETHERNET_BYTES), KEYS + PROTOCOL_AT);
    },
    packet: (target) => target.slice(KEYS, KEYS + FLOW_KEYS_BYTES),
  };
}

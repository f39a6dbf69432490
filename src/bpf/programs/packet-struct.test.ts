import assert from "node:assert/strict";
import { test } from "node:test";
import { describePacket, SK_BUFF, XDP_MD } from "./packet-struct.ts";

test("a packet is for whom its Ethernet header says, as in Linux's test runs", () => {
  const typeOf = (address: string, loopback: boolean): number | undefined => {
    const packet = Buffer.from(`${address}${"11".repeat(6)}0800`, "hex");
    const struct = new Uint8Array(SK_BUFF.bytes);
    describePacket(SK_BUFF, struct, packet, loopback);
    assert.deepEqual([struct[16], struct[17]], [8, 0]);
    return struct[4];
  };
  // PACKET_HOST 0, PACKET_BROADCAST 1, PACKET_MULTICAST 2, PACKET_OTHERHOST 3; all of loopback's addresses are 0 (Linux 6.18 was asked).
  assert.equal(typeOf("000000000000", true), 0);
  assert.equal(typeOf("021122334455", true), 3);
  assert.equal(typeOf("021122334455", false), 0);
  assert.deepEqual([typeOf("ffffffffffff", true), typeOf("ffffffffffff", false)], [2, 1]);
  assert.deepEqual([typeOf("01005e000001", true), typeOf("01005e000001", false)], [2, 2]);
  const short = new Uint8Array(SK_BUFF.bytes);
  describePacket(SK_BUFF, short, new Uint8Array(13).fill(0xff), true);
  describePacket(XDP_MD, short, new Uint8Array(64).fill(0xff), true);
  assert.ok(short.every((byte) => byte === 0));
});

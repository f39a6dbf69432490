import assert from "node:assert/strict";
import { test } from "node:test";
import { packetContext } from "./packet.ts";
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

test("fields that a kernel keeps in 16 bits are given no more, gso_size is cut; wire_len is the packet's length (Linux 6.18 was asked)", () => {
  const read = (given: number, value: number, field: number): number => {
    const context = new Uint8Array(SK_BUFF.bytes);
    new DataView(context.buffer).setUint32(given, value, true);
    const made = packetContext(SK_BUFF, { packet: new Uint8Array(66), context });
    const target = new Uint8Array(made.bytes);
    made.write(target, 0);
    return new DataView(target.buffer).getUint32(field, true);
  };
  const [GSO_SIZE, WIRE] = [176, 160];
  for (const field of [12, 24, 44, 72, 164]) {
    assert.equal(read(field, 0xffff, field), 0xffff);
    assert.throws(() => read(field, 0x10000, field), /is at most 65535, not 65536/);
  }
  assert.equal(read(GSO_SIZE, 0x12345, GSO_SIZE), 0x2345);
  assert.deepEqual([read(WIRE, 0, WIRE), read(WIRE, 1500, WIRE)], [66, 1500]);
  assert.throws(() => read(WIRE, 0x10001, WIRE), /wire_len is at most 65536/);
});

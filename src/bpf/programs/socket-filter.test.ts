import assert from "node:assert/strict";
import { test } from "node:test";
import { BatchWriter } from "../../events/batch.ts";
import { writePacket } from "../../events/packet.ts";
import { SK_BUFF } from "./packet-struct.ts";
import { SOCKET_FILTER } from "./socket-filter.ts";
import { testProgramType } from "./testing.ts";

testProgramType(SOCKET_FILTER, {
  sections: { socket: {}, "socket/http_filter": {} },
  events: [
    { name: "packet", category: "net" },
    { name: "kmalloc", category: "kmem" },
  ],
  runsOn: { socket: ["net:packet"] },
});

test("a socket filter's context says where a copy of the packet lies, whatever its length", () => {
  const { fields, bytes, write } = SOCKET_FILTER.context.of({ name: "packet", category: "net" });
  assert.deepEqual(fields, []);
  for (const length of [64, 1504]) {
    const batch = new BatchWriter(4096, 4096);
    const packet = Uint8Array.from({ length }, (_, index) => index);
    const place = { time: 0n, cpu: 0, level: "softirq", wireLength: length, event: 0 } as const;
    assert.ok(writePacket(batch, packet.subarray(0, 14), packet.subarray(14), place));
    const record = new DataView((batch.take() ?? assert.fail()).bytes.buffer);
    const target = new DataView(new ArrayBuffer(SOCKET_FILTER.context.room));
    write?.(record, 0, target, 0);
    assert.equal(bytes(record, 0), SK_BUFF.bytes);
    const [size, begin = 0, end = 0] = [SK_BUFF.length ?? 0, SK_BUFF.data, SK_BUFF.end].map((at) =>
      target.getUint32(at, true),
    );
    assert.deepEqual([size, end - begin], [length, length]);
    assert.deepEqual(new Uint8Array(target.buffer, begin, length), packet);
  }
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { RECORD } from "../../events/record.ts";
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

test("a socket filter's context says where the packet lies in its record, whatever its length", () => {
  const { fields, bytes, write } = SOCKET_FILTER.context.of({ name: "packet", category: "net" });
  assert.deepEqual(fields, []);
  for (const length of [64, 1504]) {
    const record = new DataView(new ArrayBuffer(RECORD.payload + length));
    record.setUint32(RECORD.size, record.byteLength, true);
    const target = new DataView(new ArrayBuffer(bytes(record, 0)));
    write?.(record, 0, target, 0);
    const fields = [SK_BUFF.length ?? 0, SK_BUFF.data, SK_BUFF.end].map((at) => target.getUint32(at, true));
    assert.deepEqual(fields, [length, RECORD.payload, RECORD.payload + length]);
  }
});

import assert from "node:assert/strict";
import { test } from "node:test";
import { RECORD } from "../../events/record.ts";
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

test("a socket filter's context is the packet, whatever its length", () => {
  const { fields, bytes, write } = SOCKET_FILTER.context.of({ name: "packet", category: "net" });
  assert.equal(write, undefined);
  assert.deepEqual(fields, []);
  for (const length of [64, 1504]) {
    const record = new DataView(new ArrayBuffer(RECORD.payload + length));
    record.setUint32(RECORD.size, record.byteLength, true);
    assert.equal(bytes(record, 0), length);
  }
  assert.notDeepEqual(SOCKET_FILTER.context.example({}, 0), SOCKET_FILTER.context.example({}, 1));
});

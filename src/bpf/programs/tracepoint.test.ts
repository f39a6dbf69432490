import assert from "node:assert/strict";
import { test } from "node:test";
import { KERNEL_FORMATS } from "../../events/tracepoints/kernel-formats.ts";
import { testProgramType } from "./testing.ts";
import { TRACEPOINT } from "./tracepoint.ts";

const KMALLOC = KERNEL_FORMATS.find(({ name }) => name === "kmalloc") ?? assert.fail();

testProgramType(TRACEPOINT, {
  sections: {
    "tracepoint/kmem/kmalloc": { category: "kmem", event: "kmalloc" },
    "?tp/made/up": { category: "made", event: "up" },
    "tp/kmem/kmalloc/more": { category: "kmem", event: "kmalloc" },
    tp: { category: "", event: "" },
    "tracepoint/kmem": /^section tracepoint\/kmem names no event: it should be tracepoint\/CATEGORY\/EVENT$/,
    "tracepoint//kmalloc": /names no event/,
  },
  events: [
    { name: "kmalloc", category: "kmem", format: KMALLOC },
    { name: "kmalloc", category: "other" },
    { name: "packet", category: "kmem" },
  ],
  runsOn: { "tp/kmem/kmalloc": ["kmem:kmalloc"], "tp/other/kmalloc": ["other:kmalloc"], "tp/made/up": [] },
});

test("a tracepoint's context is the record's payload, its fields those of the format", () => {
  const { fields, write } = TRACEPOINT.context.of({ name: "kmalloc", category: "kmem", format: KMALLOC });
  assert.equal(write, undefined);
  assert.deepEqual(
    fields.map(({ name, offset, size }) => [name, offset, size]),
    KMALLOC.fields.map(({ name, offset, size }) => [name, offset, size]),
  );
});

test("a made-up context carries the event's number and empty texts", () => {
  for (const { category, name, id, size, fields } of KERNEL_FORMATS) {
    const context = TRACEPOINT.context.example({ category, event: name }, 6);
    const view = new DataView(context.buffer);
    assert.equal(context.length, size);
    assert.equal(view.getUint16(0, true), id);
    for (const { kind, offset } of fields)
      if (kind === "dataLoc" || kind === "relLoc") assert.equal(view.getUint32(offset, true), size);
  }
  const unknown = new DataView(TRACEPOINT.context.example({ category: "made", event: "up" }, 6).buffer);
  assert.deepEqual([unknown.getUint32(4, true), unknown.getUint32(8, true)], [0, 7]);
});

/** What holds for every program type, as tests; each type's own test file calls it with its sections and events. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { PACKET } from "../../events/packet.ts";
import { RECORD } from "../../events/record.ts";
import type { ProgramEvent, ProgramTarget, ProgramType } from "./program-type.ts";
import { programKind, programType } from "./table.ts";

export interface Samples {
  /** Sections with their targets, or with what is said to be wrong with them. Every prefix has to occur. */
  readonly sections: Readonly<Record<string, ProgramTarget | RegExp>>;
  /** Events of a source with the names of those that each section's program runs on, by section. */
  readonly events: readonly ProgramEvent[];
  readonly runsOn: Readonly<Record<string, readonly string[]>>;
}

/** Bytes of the payload of the records that contexts are made of. */
const PAYLOAD_BYTES = 1024;

function recordOf(): DataView {
  const record = new DataView(new ArrayBuffer(RECORD.payload + PAYLOAD_BYTES));
  record.setUint32(RECORD.size, record.byteLength, true);
  new Uint8Array(record.buffer).fill(0xff, RECORD.payload);
  // Of a packet: so many bytes of it.
  record.setUint32(RECORD.payload + PACKET.length, PAYLOAD_BYTES / 2, true);
  return record;
}

function targetOf(section: string): ProgramTarget {
  const kind = programKind(section);
  assert.ok(!("reason" in kind), section);
  return kind.target;
}

function checkContexts(type: ProgramType, event: ProgramEvent): void {
  const { context } = type;
  const { fields, bytes, write } = context.of(event);
  const record = recordOf();
  const size = bytes(record, 0);
  for (const field of fields) assert.ok(field.offset + field.size <= size, `${event.name}: ${field.name}`);
  assert.equal(write === undefined, context.room === 0, "room is kept where something is written");
  assert.ok(size <= (write === undefined ? PAYLOAD_BYTES : context.room));
  if (write === undefined) return;
  const room = type.packet === undefined ? size : context.room;
  const target = new DataView(new ArrayBuffer(room + 16));
  write(record, 0, target, 8);
  assert.equal(target.getBigUint64(0) | target.getBigUint64(room + 8), 0n, "nothing beside it is written");
}

export function testProgramType(type: ProgramType, { sections, events, runsOn }: Samples): void {
  test(`${type.name}: its sections become targets, or say what is wrong`, () => {
    const prefixOf = (section: string): string => {
      const parts = section.replace(/^\?/, "").split("/");
      const long = parts.slice(0, 2).join("/");
      return type.prefixes.includes(long) ? long : (parts[0] ?? "");
    };
    const seen = new Set(Object.keys(sections).map(prefixOf));
    assert.deepEqual([...seen].sort(), [...type.prefixes].sort(), "each prefix is tested");
    for (const [section, expected] of Object.entries(sections)) {
      const kind = programKind(section);
      if (expected instanceof RegExp) assert.match("reason" in kind ? kind.reason : "", expected, section);
      else {
        assert.deepEqual(kind, { type: type.name, target: expected }, section);
        assert.deepEqual(structuredClone(kind), kind);
        assert.equal(programType({ type: type.name, target: expected }), type);
        assert.ok(type.describe(expected).length > 0);
      }
    }
  });

  test(`${type.name}: it runs on its own events`, () => {
    for (const [section, names] of Object.entries(runsOn)) {
      const target = targetOf(section);
      const own = events.filter((event) => type.attaches(target, event));
      assert.deepEqual(
        own.map(({ category, name }) => `${category}:${name}`),
        names,
        section,
      );
      for (const event of own) checkContexts(type, event);
    }
  });

  test(`${type.name}: made-up contexts differ from one to the next`, () => {
    for (const section of Object.keys(runsOn)) {
      const [one, two] = [1, 2].map((index) => type.context.example(targetOf(section), index));
      assert.equal(one?.length, two?.length);
      assert.notDeepEqual(one, two);
      assert.ok(type.context.room === 0 || (one?.length ?? 0) <= type.context.room);
    }
  });
}

/** Blocks of pcapng, written as its draft says. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { openEventStream } from "../open.ts";
import { PACKET } from "../packet.ts";
import { RECORD } from "../record.ts";
import { chunksIn } from "../testing.ts";

type Words = readonly (number | Uint8Array)[];

const padded = (bytes: Uint8Array): Uint8Array =>
  Uint8Array.from({ length: (bytes.length + 3) & ~3 }, (_, at) => bytes[at] ?? 0);

/** Words of four bytes, and bytes that are padded to such. */
function body(words: Words): Uint8Array {
  return Uint8Array.from(
    words.flatMap((word) =>
      typeof word === "number" ? [...new Uint8Array(Uint32Array.of(word).buffer)] : [...padded(word)],
    ),
  );
}

function block(type: number, ...words: Words): Uint8Array {
  const inner = body(words);
  return body([type, inner.length + 12, inner, inner.length + 12]);
}

const option = (code: number, ...words: Words): Uint8Array => body([code | (body(words).length << 16), ...words]);
const eight = (value: bigint): Uint8Array => new Uint8Array(BigInt64Array.of(value).buffer);

const SECTION = block(0x0a0d0d0a, 0x1a2b3c4d, 1, 0xffffffff, 0xffffffff);
const interfaceOf = (most: number, ...options: Uint8Array[]): Uint8Array => block(1, 1, most, ...options);
const DATA = new Uint8Array(60).fill(7);
const packet = (from: number, microseconds: number, ...options: Uint8Array[]): Uint8Array =>
  block(6, from, 0, microseconds, DATA.length, DATA.length, DATA, ...options);

interface Read {
  readonly packets: readonly { readonly time: bigint; readonly length: number; readonly wireLength: number }[];
  readonly skipped: readonly (readonly [string, number, number])[];
  readonly lost: number;
}

async function read(...blocks: Uint8Array[]): Promise<Read> {
  const bytes = Uint8Array.from(blocks.flatMap((each) => [...each]));
  const { batches, counts } = await openEventStream(chunksIn(bytes, 1000));
  const packets: Read["packets"][number][] = [];
  for await (const batch of batches) {
    const view = new DataView(batch.bytes.buffer, batch.bytes.byteOffset, batch.bytes.length);
    for (let at = 0; at < view.byteLength; at += view.getUint32(at + RECORD.size, true))
      packets.push({
        time: view.getBigUint64(at + RECORD.time, true),
        length: view.getUint32(at + RECORD.payload + PACKET.length, true),
        wireLength: view.getUint32(at + RECORD.payload + PACKET.wireLength, true),
      });
  }
  const skipped = counts.skipped.map(({ reason, count, first }) => [reason, count, first] as const);
  return { packets, skipped, lost: counts.lost };
}

test("an interface's offset is part of its packets' times", async () => {
  const { packets } = await read(SECTION, interfaceOf(0, option(14, eight(1_700_000_000n))), packet(0, 5));
  assert.deepEqual(
    packets.map(({ time }) => time),
    [1_700_000_000_000_005_000n],
  );
});

test("a simple packet ends where the interface cuts, and has the time of the one before", async () => {
  const cut = block(3, 100, DATA.subarray(0, 58));
  const { packets, skipped } = await read(SECTION, interfaceOf(58), packet(0, 5), cut);
  assert.deepEqual([packets[1], skipped], [{ time: 5000n, length: 58, wireLength: 100 }, []]);
});

test("packets of no interface and such as are longer than their block are skipped and said", async () => {
  const long = block(6, 0, 0, 0, 400, 400, DATA);
  const { packets, skipped } = await read(SECTION, interfaceOf(0), packet(0, 1), packet(3, 2), long, packet(0, 4));
  assert.deepEqual([packets.length, skipped], [2, [["block", 2, 2]]]);
});

test("blocks of other kinds may be of any length", async () => {
  const other = block(0x0bad, new Uint8Array(700_000));
  const { packets, skipped } = await read(SECTION, interfaceOf(0), other, packet(0, 1));
  assert.deepEqual([packets.length, skipped], [1, []]);
});

test("losses are counted that packets say, and that statistics do", async () => {
  const dropped = (count: bigint): Uint8Array => option(4, eight(count));
  const statistics = block(5, 0, 0, 0, option(5, eight(1n)), option(7, eight(6n)));
  const before = await read(SECTION, interfaceOf(0), packet(0, 1, dropped(2n)), packet(0, 2, dropped(3n)));
  const both = await read(SECTION, interfaceOf(0), packet(0, 1, dropped(2n)), statistics);
  assert.deepEqual([before.lost, both.lost], [5, 7]);
});

test("a check at the end of frames is no part of a packet", async () => {
  const checked = interfaceOf(0, option(13, 4));
  const { packets } = await read(SECTION, checked, packet(0, 1), interfaceOf(0), packet(1, 2));
  assert.deepEqual(
    packets.map(({ length, wireLength }) => [length, wireLength]),
    [
      [56, 56],
      [60, 60],
    ],
  );
  // One that is cut may have lost its check, or a part of it.
  const short = (length: number): Uint8Array => block(6, 0, 0, 1, length, DATA.length, DATA.subarray(0, length));
  const cut = await read(SECTION, checked, short(58), short(40));
  assert.deepEqual(
    cut.packets.map(({ length, wireLength }) => [length, wireLength]),
    [
      [56, 56],
      [40, 56],
    ],
  );
  const old = await read(
    body([0xa1b2c3d4, 0x00040002, 0, 0, 65535, 0x2400_0001, 1, 2, DATA.length, DATA.length, DATA]),
  );
  assert.deepEqual(
    old.packets.map(({ length, wireLength }) => [length, wireLength]),
    [[56, 56]],
  );
});

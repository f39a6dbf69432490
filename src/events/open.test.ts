import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { gunzipSync, gzipSync } from "node:zlib";
import fc from "fast-check";
import { Arena } from "../arena/arena.ts";
import { readObject } from "../bpf/object/object.ts";
import { AnyctxError } from "../error.ts";
import { loadSpec } from "../load/load.ts";
import { DEFAULT_RULE } from "../replay/interrupts.ts";
import { replay } from "../replay/ordered.ts";
import { makeReport } from "../replay/report.ts";
import { BatchWriter, DEFAULT_BATCH_BYTES, type EventBatch } from "./batch.ts";
import { memoryRange } from "./bytes.ts";
import { type OpenOptions, openEventStream } from "./open.ts";
import { peek } from "./peek.ts";
import { RECORD } from "./record.ts";
import { type EventSource, type EventStream, type SkipCount, skippedIn } from "./source.ts";
import { EVENT_SOURCES } from "./sources.ts";

const TRACE = gunzipSync(readFileSync("examples/data/kernel-events.trace.gz")).subarray(0, 60_000);

async function* chunksOf(content: Uint8Array, bytes = 4096): AsyncGenerator<Uint8Array> {
  for (let from = 0; from < content.length; from += bytes) yield content.subarray(from, from + bytes);
}

const ascii = (text: string): Uint8Array => Buffer.from(text, "latin1");

const refused = (code: string, pattern: RegExp) => (error: unknown) =>
  error instanceof AnyctxError && error.code === code && pattern.test(error.message);

async function joined(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/**
 * The smallest source there can be. Input: `FREE`, then pieces of two bytes: `F` and a CPU number is an event, `L` and a
 * number says how many were lost, anything else is skipped.
 */
const FREES: EventSource = {
  kind: "frees",
  doc: "Frees, two bytes each.",
  tells: "the CPU",
  formats: [],
  recognizes: (first) => Buffer.from(first.subarray(0, 4)).equals(ascii("FREE")),
  read: async ({ bytes }) => {
    const format = { category: "kmem", name: "kfree", id: 0, fields: [], size: 24 };
    const events = [{ index: 0, name: format.name, category: format.category, format, unprinted: [], unreadable: [] }];
    const counts: FreeCounts = { lines: 0, byEvent: [], unreadable: [], read: 0, lost: 0, skipped: [] };
    return { events, counts, batches: readFrees(bytes, counts) };
  },
};

interface FreeCounts {
  readonly lines: number;
  readonly byEvent: readonly number[];
  readonly unreadable: readonly never[];
  read: number;
  lost: number;
  skipped: readonly SkipCount[];
}

const FREE_BYTES = 80;

async function* readFrees(bytes: AsyncIterable<Uint8Array>, counts: FreeCounts): AsyncGenerator<EventBatch> {
  const batch = new BatchWriter(DEFAULT_BATCH_BYTES, FREE_BYTES);
  const pieces = (await joined(bytes)).subarray(4);
  for (let at = 0; at < pieces.length; at += 2) {
    const [letter, number = 0] = pieces.subarray(at, at + 2);
    if (letter === 0x4c) counts.lost += number;
    else if (letter === 0x46) {
      const { view } = batch.target;
      view.setUint32(batch.position + RECORD.time, ++counts.read, true);
      view.setUint32(batch.position + RECORD.size, FREE_BYTES, true);
      view.setUint16(batch.position + RECORD.cpu, number, true);
      batch.keep(FREE_BYTES);
    } else {
      const { first = at / 2 + 1, count = 0 } = counts.skipped[0] ?? {};
      const doc = "a piece that begins with no known letter";
      counts.skipped = [{ reason: "odd", doc, first, count: count + 1, names: new Map() }];
    }
  }
  const last = batch.take();
  if (last !== undefined) yield last;
}

const BOTH: readonly EventSource[] = [FREES, ...EVENT_SOURCES];
const PIECES = ascii("FREEF\0F\x01xxL\x05yyF\x01");

test("a row is all that a source needs: known by its first bytes, read, replayed, counted", async () => {
  for (const input of [PIECES, gzipSync(PIECES)])
    for (const bytes of [1, 3, 100]) {
      const stream = await openEventStream(chunksOf(input, bytes), { totalBytes: input.length }, BOTH);
      const arena = await Arena.create({ cpus: 2, seed: 1 });
      const loaded = loadSpec(arena, readObject(readFileSync("examples/bpf/memleak.bpf.o"), "memleak.bpf.o"));
      const ignore = (): void => undefined;
      const result = await replay(arena, loaded.programs, stream, DEFAULT_RULE, ignore, ignore);
      const { events, programs } = makeReport({ arena, loaded, stream, result, rule: DEFAULT_RULE, dump: false });
      assert.deepEqual([events.read, events.replayed, events.skipped, events.lost], [5, 3, 2, 5]);
      assert.deepEqual(events.skippedBy, { odd: 2 });
      assert.deepEqual(events.byCpu, [1, 2]);
      assert.deepEqual(
        programs.map(({ attached, runs }) => [attached, runs]),
        programs.map(({ name }) => (name === "on_kfree" ? [true, 3] : [false, 0])),
      );
      assert.deepEqual(
        stream.counts.skipped.map(({ reason, count, first }) => [reason, count, first]),
        [["odd", 2, 3]],
      );
      assert.deepEqual(stream.progress, { read: input.length, total: input.length });
    }
});

test("what no row knows is refused with its name, its beginning and the kinds there are", async () => {
  const object = readFileSync("examples/bpf/memleak.bpf.o");
  const message =
    /^memleak\.bpf\.o is an ELF file \(an object or a program\), which holds no events; known are frees, tracedat, .*ftrace$/;
  const open = (options: OpenOptions): Promise<EventStream> =>
    openEventStream(chunksOf(object), { name: "memleak.bpf.o", ...options }, BOTH);
  await assert.rejects(open({}), refused("BAD_TRACE", message));
  await assert.rejects(open({ kind: "etl" }), refused("EINVAL", /^"etl" is no kind .*known are frees, .*ftrace$/));
  await assert.rejects(openEventStream(chunksOf(gzipSync(object))), refused("BAD_TRACE", /^the input is an ELF file/));
  await assert.rejects(openEventStream(chunksOf(ascii("\0"))), refused("BAD_TRACE", /begins with 00 \(\.\),/));
  for (const empty of [ascii(""), gzipSync("")])
    await assert.rejects(openEventStream(chunksOf(empty), { name: "x.gz" }), refused("BAD_TRACE", /^x\.gz is empty$/));
});

test("texts that hold no events are called by their name", async () => {
  for (const [text, name] of [
    ["# event histogram\n#\n# trigger info: hist:keys=a\n", "a histogram of tracefs"],
    ["Attaching 1 probe...\n@: 5\n", "what bpftrace prints"],
    ['{"type": "attached_probes", "data": {"probes": 1}}\n', "what bpftrace prints"],
    ['{\n\t"linux-perf-json-version": 1,\n', "a recording of perf's as JSON"],
    ['{"traceEvents":[]}\n', "a trace of Chrome's"],
  ] as const)
    await assert.rejects(
      openEventStream(chunksOf(ascii(text))),
      refused("BAD_TRACE", new RegExp(`^the input is ${name}`)),
    );
});

test("how many CPUs were recorded is known from the beginning, where it tells", async () => {
  const header = "# tracer: nop\n#\n# entries-in-buffer/entries-written: 3/3   #P:12\n#\n";
  const rest = TRACE.subarray(0, 20_000);
  const known = await openEventStream(chunksOf(Buffer.concat([ascii(header), rest])));
  const silent = await openEventStream(chunksOf(ascii("# tracer: nop\n#\n#   #P:x\n")));
  assert.deepEqual([known.cpus, silent.cpus], [12, undefined]);
});

test("an explicit kind wins over what the first bytes say", async () => {
  const { batches, counts } = await openEventStream(chunksOf(PIECES), { kind: "ftrace" }, BOTH);
  await assert.rejects(
    async () => {
      for await (const _ of batches);
    },
    refused("BAD_TRACE", /the input holds no event/),
  );
  assert.deepEqual(
    counts.skipped.map(({ reason }) => reason),
    ["cut"],
  );
});

test("a stream that is refused is given up, and so is one that is read no further", async () => {
  const closed: string[] = [];
  async function* input(name: string, content: Uint8Array): AsyncGenerator<Uint8Array> {
    try {
      for (;;) yield content;
    } finally {
      closed.push(name);
    }
  }
  await assert.rejects(openEventStream(input("unknown", ascii("\0"))));
  await assert.rejects(openEventStream(input("formats", TRACE), { formats: "no-such-folder" }), /no-such-folder/);
  const { batches } = await openEventStream(input("left", TRACE), { batchBytes: 1 });
  for await (const _ of batches) break;
  assert.deepEqual(closed, ["unknown", "formats", "left"]);
});

test("property: peeking takes nothing from a stream, however it is cut", async () => {
  const property = fc.asyncProperty(
    fc.array(fc.uint8Array({ maxLength: 9 }), { maxLength: 9 }),
    fc.nat(40),
    async (chunks, most) => {
      async function* input(): AsyncGenerator<Uint8Array> {
        yield* chunks;
      }
      const whole = Buffer.concat(chunks);
      const { first, all } = await peek(input(), most);
      assert.deepEqual(Buffer.from(first), whole.subarray(0, most));
      assert.deepEqual(await joined(all), whole);
    },
  );
  await fc.assert(property, { numRuns: 200 });
});

test("property: whatever the bytes, the door gives events whose counts add up, or BAD_TRACE", async () => {
  const edited = fc
    .tuple(fc.nat(2000), fc.uint8Array({ maxLength: 6 }))
    .map(([at, bytes]) => Buffer.concat([TRACE.subarray(0, at), bytes, TRACE.subarray(at, 4000)]));
  const property = fc.asyncProperty(
    fc.oneof(fc.uint8Array({ maxLength: 1500 }), edited),
    fc.constantFrom("plain", "packed", "damaged"),
    fc.integer({ min: 1, max: 3000 }),
    async (content, how, chunkBytes) => {
      const magic = [0x1f, 0x8b, 8, 0];
      const bytes =
        how === "plain" ? content : how === "packed" ? gzipSync(content) : Buffer.from([...magic, ...content]);
      let records = 0;
      try {
        const { batches, counts } = await openEventStream(chunksOf(bytes, chunkBytes), { name: "x" }, BOTH);
        for await (const { count } of batches) records += count;
        assert.equal(records, counts.read);
        assert.ok(skippedIn(counts) >= counts.skipped.length);
      } catch (error) {
        assert.ok(refused("BAD_TRACE", /^x[ :]/)(error), String(error));
      }
    },
  );
  await fc.assert(property, { numRuns: 200 });
});

test("every source kind has a name of its own and a description", () => {
  assert.equal(new Set(EVENT_SOURCES.map(({ kind }) => kind)).size, EVENT_SOURCES.length);
  for (const { doc } of EVENT_SOURCES) assert.match(doc, /\.$/);
});

test("a file in which nothing is read where it lies is let go of: packed, of another kind, or one that cannot be read", async () => {
  const content = ascii("FREEF1");
  const opened = async (lies: Uint8Array, source: EventSource): Promise<number> => {
    let closed = 0;
    const range = { ...memoryRange(lies), close: () => void closed++ };
    await openEventStream(chunksOf(content), { range }, [source]).catch(() => undefined);
    return closed;
  };
  const inPlace: EventSource = { ...FREES, inPlace: true };
  assert.equal(await opened(gzipSync(content), inPlace), 1);
  assert.equal(await opened(content, FREES), 1);
  assert.equal(await opened(content, inPlace), 0);
  const failing = { ...inPlace, read: () => Promise.reject(new AnyctxError("BAD_TRACE", "damaged")) };
  assert.equal(await opened(content, failing), 1);
});

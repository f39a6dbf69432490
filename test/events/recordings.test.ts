/** Recordings of every kind, made by the tools that people use (test/data/events): what is in them, compared with what those tools print. */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import fc from "fast-check";
import { UNPACKERS } from "../../src/cli/unpackers.ts";
import { AnyctxError } from "../../src/error.ts";
import { openEvents } from "../../src/events/file.ts";
import { chunksOf, type Taken, takeApart } from "../../src/events/ftrace/testing.ts";
import type { Trace } from "../../src/events/ftrace/text.ts";
import { openEventStream } from "../../src/events/open.ts";
import { PACKET, PACKET_EVENT } from "../../src/events/packet.ts";
import { contextOf } from "../../src/events/record.ts";
import { type EventStream, type ReadOptions, skippedIn } from "../../src/events/source.ts";
import { chunksIn } from "../../src/events/testing.ts";
import type { FtraceFormat } from "../../src/events/tracepoints/format.ts";
import { compare, type Entry } from "./entries.ts";

const FOLDER = "test/data/events";

interface Read {
  readonly stream: EventStream;
  readonly records: readonly Taken[];
}

async function readRecording(name: string, options: ReadOptions = {}): Promise<Read> {
  const stream = await openEvents(`${FOLDER}/${name}`, { unpackers: UNPACKERS, ...options });
  const records: Taken[] = [];
  for await (const batch of stream.batches) records.push(...takeApart(batch, stream as unknown as Trace));
  return { stream, records };
}

const formatsOf = ({ stream }: Read): FtraceFormat[] => stream.events.map(({ format }) => format as FtraceFormat);

const entriesOf = ({ records }: Read): Entry[] =>
  records.map(({ cpu, payload }) => ({
    cpu,
    bytes: new Uint8Array(payload.buffer, payload.byteOffset, payload.byteLength),
  }));

const textOf = (name: string): Uint8Array => gunzipSync(readFileSync(`${FOLDER}/${name}`));

for (const name of ["trace-cmd.v6.dat.gz", "trace-cmd.v7.dat", "trace-cmd.v7.dat.xz"])
  test(`${name} holds what the kernel printed of the same events`, async () => {
    const binary = await readRecording(name);
    assert.deepEqual([binary.stream.kind, binary.records.length, binary.stream.counts.skipped], ["tracedat", 1533, []]);
    const found = await compare(textOf("trace-cmd.trace.gz"), entriesOf(binary), formatsOf(binary));
    assert.deepEqual([found.wrong, found.records], [[], 1533]);
    const text = await readRecording("trace-cmd.trace.gz");
    const head = ({ event, comm, pid, cpu, level, flags, preempt, time }: Taken): unknown[] => [
      ...[event, comm, pid, cpu, contextOf(level, flags), preempt],
      // The kernel rounds.
      (time + 500n) / 1000n,
    ];
    const byCpu = ({ records }: Read, cpu: number): unknown[] => records.filter((each) => each.cpu === cpu).map(head);
    for (const cpu of [0, 1]) assert.deepEqual(byCpu(binary, cpu), byCpu(text, cpu));
  });

for (const option of ["", "-R", "-l"])
  test(`trace-cmd report ${option}: every line is an event, every field equal or named`, async () => {
    const binary = await readRecording("trace-cmd.v7.dat");
    const text = textOf(`trace-cmd.report${option}.gz`);
    const { wrong, records, unread, trace } = await compare(text, entriesOf(binary), formatsOf(binary));
    // Tools do not print the context with every option; with -R the state is the kernel's number.
    const isHead = (sentence: string): boolean => /\.common_(flags|preempt_count)/.test(sentence);
    assert.deepEqual(
      wrong.filter((sentence) => !isHead(sentence)),
      [],
    );
    assert.deepEqual([records, skippedIn(trace.counts)], [1533, 1]);
    assert.equal(unread.has("sched_switch.prev_state"), option !== "-R");
  });

test("perf.data holds what perf script prints", async () => {
  const binary = await readRecording("perf.data.gz");
  assert.equal(binary.stream.kind, "perfdata");
  const found = await compare(textOf("perf.script.gz"), entriesOf(binary), formatsOf(binary));
  const isHead = (sentence: string): boolean => /\.common_(flags|preempt_count)/.test(sentence);
  assert.deepEqual(
    found.wrong.filter((sentence) => !isHead(sentence)),
    [],
  );
  assert.equal(found.records, binary.records.length);
  const text = await readRecording("perf.script.gz");
  const key = ({ time, cpu, pid, comm }: Taken): string =>
    `${time} ${cpu} ${pid} ${comm.replace(/^swapper.*/, "swapper")}`;
  assert.deepEqual(binary.records.map(key).sort(), text.records.map(key).sort());
  const packed = await readRecording("perf.packed.data.gz");
  assert.ok(packed.records.length > 0 && packed.stream.counts.skipped.length === 0);
});

test("samples of clocks and counters are events, in the context that they are taken in", async () => {
  const { stream, records } = await readRecording("clocks.perf.data.gz");
  const count = (event: string): number => records.filter((record) => record.event === event).length;
  assert.deepEqual([count("cpu-clock"), count("page-faults"), count("context-switches")], [59, 18, 12]);
  assert.deepEqual([stream.counts.lost, stream.counts.skipped], [0, []]);
  const level = (event: string): number | undefined => records.find((record) => record.event === event)?.level;
  assert.deepEqual([level("cpu-clock"), level("page-faults")], [2, 0]);
  const clock = records.find((record) => record.event === "cpu-clock");
  assert.ok(clock !== undefined && clock.comm.length > 0 && clock.time > 0n);
  // `ip` of struct pt_regs, and behind it the period: 300 samples a second.
  assert.ok(clock.payload.getBigUint64(16 * 8, true) !== 0n);
  assert.equal(clock.payload.getBigUint64(21 * 8, true), 3_333_333n);
  assert.equal((await readRecording("perf.clock.data")).records.length, 6);
});

test("a perf.data without tracepoints, clocks and counters is called so", async () => {
  const bytes = readFileSync("test/data/events/perf.clock.data");
  const [size, at, length] = [16, 24, 32].map((place) => Number(bytes.readBigUInt64LE(place))) as [
    number,
    number,
    number,
  ];
  // A breakpoint in place of each event.
  for (let attribute = at; attribute < at + length; attribute += size) bytes.writeUInt32LE(5, attribute);
  await assert.rejects(
    openEventStream(chunksIn(bytes), { name: "perf.data" }),
    (error: unknown) =>
      error instanceof AnyctxError &&
      /perf\.data is a perf\.data without tracepoints, clocks and counters: it has samples of breakpoints/.test(
        error.message,
      ),
  );
});

test("captures: each packet with its time, in the context that is asked for", async () => {
  const pcap = await readRecording("cap.pcap");
  const pcapng = await readRecording("cap.pcapng", { context: "nmi" });
  const packet = ({ payload }: Taken): string =>
    Buffer.from(payload.buffer, payload.byteOffset + PACKET.data, payload.getUint32(PACKET.length, true)).toString(
      "hex",
    );
  assert.deepEqual(pcapng.records.map(packet), pcap.records.map(packet));
  assert.deepEqual(
    pcapng.records.map(({ time }) => time),
    pcap.records.map(({ time }) => time),
  );
  assert.deepEqual([pcap.records[0]?.level, pcapng.records[0]?.level], [1, 3]);
  assert.deepEqual(new Set(pcap.records.map(({ event }) => event)), new Set([PACKET_EVENT.name]));
  // Linux cooked: the Ethernet type is that of IPv4, the addresses are zeroes.
  const any = await readRecording("any.pcap");
  for (const record of any.records) assert.match(packet(record), /^0{24}080045/);
});

test("JSON lines: contexts and packets as they lie in memory", async () => {
  const kfree = "9102000000000000".padEnd(64, "0");
  const lines = [
    `{"event":"kmem:kfree","context":"${kfree}","time":"18000000000000000000","cpu":1,"pid":7,"tgid":6,"comm":"me","level":"hardirq"}`,
    '{"packet":"ffffffffffff0000000000000800","irqsOff":true}',
    '{"event":"kmem:nothing","context":"00"}',
    '{"event":"kmem:kfree","context":"00"}',
    "[1]",
    "",
    "{",
  ].join("\n");
  const stream = await openEventStream(chunksOf(lines, 10));
  const records: Taken[] = [];
  for await (const batch of stream.batches) records.push(...takeApart(batch, stream as unknown as Trace));
  assert.deepEqual(
    records.map(({ event, time, cpu, pidTgid, comm, level, flags }) => [event, time, cpu, pidTgid, comm, level, flags]),
    [
      ["kfree", 18000000000000000000n, 1, (6n << 32n) | 7n, "me", 2, 0],
      ["packet", 0n, 0, 0n, "", 1, 1],
    ],
  );
  assert.deepEqual(
    stream.counts.skipped.map(({ reason, count }) => [reason, count]),
    [
      ["event", 1],
      ["value", 1],
      ["json", 2],
      ["blank", 1],
    ],
  );
});

test("functions.trace: every line is an event, of a function but for four", async () => {
  const { stream, records } = await readRecording("functions.trace");
  assert.deepEqual([stream.counts.skipped, stream.counts.unreadable, records.length], [[], [], 206]);
  const functions = new Set(stream.events.flatMap(({ name, function: found }) => (found === undefined ? [] : [name])));
  assert.equal(records.filter(({ event }) => !functions.has(event)).length, 4);
});

for (const name of readdirSync(FOLDER).filter((each) => /-(format|verbose|plain)\.trace$/.test(each)))
  test(`${name}: every line is an event, with a context`, async () => {
    const { stream, records } = await readRecording(name);
    assert.deepEqual([stream.counts.skipped, stream.counts.unreadable], [[], []]);
    assert.ok(records.length > 5 && records.every(({ time }) => time > 0n));
    assert.ok(records.some(({ event, level }) => event === "softirq_entry" && level === 1));
    assert.ok(
      records.every(({ event, flags }) => event !== "sched_switch" || flags === 1),
      "it switches with interrupts off",
    );
  });

/** Read in one piece: damaged gzip is another matter. */
const WHOLE = [
  ...["trace-cmd.v6.dat.gz", "perf.data.gz", "perf.script.gz", "trace-cmd.report-R.gz"].map(textOf),
  ...["trace-cmd.v7.dat", "cap.pcap", "cap.pcapng", "mono-verbose.trace"].map((name) =>
    readFileSync(`${FOLDER}/${name}`),
  ),
];

test("property: a recording of whatever kind, damaged or cut, gives counts that add up or one sentence", async () => {
  const edit = fc.record({
    at: fc.double({ min: 0, max: 1, noNaN: true }),
    bytes: fc.uint8Array({ minLength: 1, maxLength: 12 }),
  });
  const property = fc.asyncProperty(
    fc.nat(WHOLE.length - 1),
    fc.array(edit, { maxLength: 12 }),
    fc.double({ min: 0, max: 1, noNaN: true }),
    fc.boolean(),
    async (which, edits, part, isCut) => {
      const original = WHOLE[which] as Uint8Array;
      // The first bytes say what it is; headers are hit more often than chance would have it.
      const bytes = Uint8Array.from(original.subarray(0, isCut ? 16 + part * original.length : original.length));
      for (const { at, bytes: written } of edits) {
        const place = Math.floor((at < 0.5 ? at * 0.02 : at) * bytes.length);
        bytes.set(written.subarray(0, Math.max(0, bytes.length - place)), place);
      }
      try {
        const stream = await openEventStream(chunksOf(bytes, 65536), { unpackers: UNPACKERS });
        let records = 0;
        for await (const batch of stream.batches) records += takeApart(batch, stream as unknown as Trace).length;
        assert.equal(records, stream.counts.read);
      } catch (error) {
        if (!(error instanceof AnyctxError)) throw error;
      }
    },
  );
  await fc.assert(property, { numRuns: 300 });
});

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";
import { KERNEL_FORMATS, KERNEL_VERSION } from "../../src/events/tracepoints/kernel-formats.ts";
import { loadFormats } from "../../src/events/tracepoints/load-formats.ts";
import { compare, type Entry } from "./entries.ts";
import { recordTwice, whyNot } from "./record.ts";
import { busy } from "./workload.ts";

const FILE = `test/data/events/kinds-${KERNEL_VERSION}`;

/** What no line of these events tells, or not always. */
const UNREAD: readonly string[] = [
  "exit_mmap.mm",
  "ext4_es_lookup_extent_exit.pblk",
  "ext4_es_lookup_extent_exit.status",
  "ext4_mballoc_alloc.buddy",
  "fib6_table_lookup.rt_type",
  "inet_sock_set_state.skaddr",
  "irq_handler_exit.ret",
  "mm_lru_insertion.flags",
  "sk_data_ready.skaddr",
  "sock_recv_length.ret",
  "sock_send_length.ret",
  "tcp_cong_state_set.skaddr",
  "tcp_destroy_sock.skaddr",
  "tcp_probe.dport",
  "tcp_probe.sport",
  "tcp_rcv_space_adjust.skaddr",
  "tcp_receive_reset.skaddr",
  "vm_unmapped_area.addr",
];

function committed(): { text: Uint8Array; entries: readonly Entry[] } {
  const rows = gunzipSync(readFileSync(`${FILE}.entries.gz`))
    .toString()
    .trim()
    .split("\n");
  const entries = rows.map((row) => {
    const [cpu, hex = ""] = row.split(" ");
    return { cpu: Number(cpu), bytes: Buffer.from(hex, "hex") };
  });
  return { text: gunzipSync(readFileSync(`${FILE}.trace.gz`)), entries };
}

test("hundreds of kinds of events: every line is an event, every field equal to what was recorded or named", async () => {
  const { text, entries } = committed();
  const found = await compare(text, entries, KERNEL_FORMATS);
  assert.deepEqual(found.wrong, []);
  assert.deepEqual(
    found.trace.counts.skipped.map(({ reason, count }) => [reason, count]),
    [["continued", 1]],
  );
  assert.equal(found.records, entries.length);
  assert.ok(found.kinds.size >= 350, `${found.kinds.size} kinds`);
  assert.ok(found.equal > 7 * found.records, `${found.equal} fields`);
  // Lines that do not print what they are about, and numbers of which they print a part.
  assert.deepEqual([...found.unread.keys()].sort(), UNREAD);
});

test("what is recorded here and now, as text and in binary, is the same", { skip: whyNot() }, async () => {
  const { text, entries } = await recordTwice(8000, () => busy(tmpdir()));
  const found = await compare(text, entries, loadFormats("/sys/kernel/tracing/events"));
  assert.deepEqual(found.wrong.slice(0, 5), []);
  assert.ok(found.kinds.size >= 150, `${found.kinds.size} kinds`);
  assert.ok(found.kinds.has("raw_data") && found.kinds.has("print"));
  assert.deepEqual(
    found.trace.counts.skipped.filter(({ reason }) => reason !== "continued" && reason !== "lost"),
    [],
  );
});

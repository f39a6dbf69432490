/**
 * Records the committed pair of test/data/events: `npm run record-events`, as root. What the kernel does for a moment, every kind of event,
 * as text and in binary; of each kind so many events are kept.
 */
import { writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { gzipSync } from "node:zlib";
import { KERNEL_FORMATS, KERNEL_VERSION } from "../../src/events/tracepoints/kernel-formats.ts";
import { compare, type Entry } from "../../test/events/entries.ts";
import { recordTwice, whyNot } from "../../test/events/record.ts";
import { busy } from "../../test/events/workload.ts";

const KEPT = 5;
const KILOBYTES = 20_000;
const HEAD = /^.{16}-\d+ +\[(\d+)\] \S+ +[\d.]+: (?:(sys_\w+)(\(| -> )|(\w+):)/;

const problem = whyNot();
if (problem !== undefined) {
  console.error(`record-events: ${problem}`);
  process.exit(1);
}
const { text, entries } = await recordTwice(KILOBYTES, () => busy(tmpdir()));
const byId = new Map(KERNEL_FORMATS.map((format) => [format.id, format.name]));

/** The event's name as its format has it. */
function eventOf(line: string): readonly [cpu: number, name: string] | undefined {
  const [, cpu, call, arrow, name] = HEAD.exec(line) ?? [];
  if (cpu === undefined) return undefined;
  if (call !== undefined) return [Number(cpu), call.replace("sys_", arrow === "(" ? "sys_enter_" : "sys_exit_")];
  return [Number(cpu), name === "tracing_mark_write" ? "print" : (name ?? "")];
}

const rows = new Map<number, Entry[]>();
for (const entry of entries) {
  const row = rows.get(entry.cpu) ?? [];
  row.push(entry);
  rows.set(entry.cpu, row);
}
const next = new Map<number, number>();
const kept = new Map<string, number>();
const lines: string[] = [];
const raw: string[] = [];
let lastIsKept = false;
for (const line of Buffer.from(text).toString("latin1").split("\n")) {
  const event = eventOf(line);
  if (event === undefined) {
    // Further lines of a message have no head.
    if (line.startsWith("#") || (lastIsKept && line !== "")) lines.push(line);
    continue;
  }
  lastIsKept = false;
  const [cpu, name] = event;
  const row = rows.get(cpu) ?? [];
  let at = next.get(cpu) ?? 0;
  const nameAt = (entry: Entry): string | undefined => byId.get((entry.bytes[0] ?? 0) | ((entry.bytes[1] ?? 0) << 8));
  if (!KERNEL_FORMATS.some((format) => format.name === name)) continue;
  while (at < row.length && nameAt(row[at] as Entry) !== name) at++;
  next.set(cpu, at + 1);
  const entry = row[at];
  const count = kept.get(name) ?? 0;
  if (entry === undefined || count >= KEPT) continue;
  kept.set(name, count + 1);
  lastIsKept = true;
  lines.push(line);
  raw.push(`${cpu} ${Buffer.from(entry.bytes).toString("hex")}`);
}
const short = `${lines.join("\n")}\n`;
const file = `test/data/events/kinds-${KERNEL_VERSION}`;
writeFileSync(`${file}.trace.gz`, gzipSync(short, { level: 9 }));
writeFileSync(`${file}.entries.gz`, gzipSync(`${raw.join("\n")}\n`, { level: 9 }));
const found = await compare(
  Buffer.from(short, "latin1"),
  raw.map((row) => ({ cpu: Number(row.split(" ")[0]), bytes: Buffer.from(row.split(" ")[1] ?? "", "hex") })),
  KERNEL_FORMATS,
);
console.log(`${file}: ${found.records} events of ${found.kinds.size} kinds, ${found.wrong.length} differences`);

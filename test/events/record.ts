/**
 * Records what the running kernel does, twice: as text and as the pages of its ring buffer. In a trace instance of its own, so that whoever
 * else traces is left alone. Needs root and tracefs.
 */
import {
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmdirSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { readPage } from "../../src/events/tracepoints/ring.ts";
import type { Entry } from "./entries.ts";

const TRACING = "/sys/kernel/tracing";
const PAGE_BYTES = 4096;
const HEADER = { header: 16 };
/** Events that come so often that the others would have no room. */
const TOO_MANY = [
  "kmem/kmem_cache_alloc",
  "kmem/kmem_cache_free",
  "kmem/rss_stat",
  "maple_tree",
  "x86_fpu",
  "rcu",
  "msr",
];

/** Why nothing can be recorded here; undefined: it can. */
export function whyNot(): string | undefined {
  if (process.getuid?.() !== 0) return "only root may trace";
  if (!existsSync(join(TRACING, "events"))) return "tracefs is not mounted";
  return undefined;
}

export interface Recorded {
  readonly text: Uint8Array;
  readonly entries: readonly Entry[];
}

/** Records every kind of event while `work` runs. @param kilobytes of each CPU's buffer */
export async function recordTwice(kilobytes: number, work: () => unknown): Promise<Recorded> {
  const folder = join(TRACING, "instances", `anyctx-${process.pid}`);
  mkdirSync(folder);
  const set = (file: string, value: string): void => writeFileSync(join(folder, file), value);
  try {
    set("tracing_on", "0");
    set("trace_clock", "mono");
    set("options/hash-ptr", "0");
    set("buffer_size_kb", String(kilobytes));
    set("events/enable", "1");
    for (const events of TOO_MANY) if (existsSync(join(folder, "events", events))) set(`events/${events}/enable`, "0");
    set("tracing_on", "1");
    await work();
    // What is written into a recording has blanks of its own, lines, and bytes.
    for (const message of ["plain", " a blank", "   three blanks", "two\nlines"]) set("trace_marker", message);
    for (const bytes of ["A\0\0\0abc", "\xff\0\0\0", "B\0\0\0abcdefgh"])
      writeFileSync(join(folder, "trace_marker_raw"), bytes, "latin1");
    set("tracing_on", "0");
    set("events/enable", "0");
    const text = readFileSync(join(folder, "trace"));
    const cpus = readdirSync(join(folder, "per_cpu")).map((name) => Number(name.replace("cpu", "")));
    return { text, entries: cpus.flatMap((cpu) => readEntries(join(folder, `per_cpu/cpu${cpu}/trace_pipe_raw`), cpu)) };
  } finally {
    set("tracing_on", "0");
    rmdirSync(folder);
  }
}

/** What lies in a CPU's buffer, page by page, until there is no more. */
function readEntries(path: string, cpu: number): Entry[] {
  const entries: Entry[] = [];
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    for (;;) {
      const page = new Uint8Array(PAGE_BYTES);
      if (readOrNothing(file, page) === 0) return entries;
      readPage(page, HEADER, (from, length) => entries.push({ cpu, bytes: page.subarray(from, from + length) }));
    }
  } finally {
    closeSync(file);
  }
}

function readOrNothing(file: number, page: Uint8Array): number {
  try {
    return readSync(file, page);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EAGAIN") return 0;
    throw error;
  }
}

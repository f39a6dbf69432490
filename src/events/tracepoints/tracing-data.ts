/**
 * What trace-cmd and perf write about the kernel that they record: the formats of its events, names of its tasks and functions. The
 * beginning of a `trace.dat` of version 6, and a part of a `perf.data`. Source: trace-cmd.dat.v6(5).
 */
import { AnyctxError } from "../../error.ts";
import { type Cursor, letters } from "../bytes.ts";
import { type FtraceFormat, parseFormat } from "./format.ts";
import { lazily } from "./kernel-formats.ts";
import type { PageLayout } from "./ring.ts";

const MAGIC = [0x17, 0x08, 0x44];
const NAME = "tracing";
export const TRACING_MAGIC_BYTES: number = MAGIC.length + NAME.length;

export function isTracingData(first: Uint8Array): boolean {
  return (
    MAGIC.every((byte, index) => first[index] === byte) &&
    letters(first.subarray(MAGIC.length, TRACING_MAGIC_BYTES)) === NAME
  );
}

/** @param what is recorded @throws {AnyctxError} UNSUPPORTED for a machine whose long has not 8 bytes: its fields lie elsewhere */
export function checkLong(bytes: number, what: string): void {
  if (bytes === 8) return;
  throw new AnyctxError("UNSUPPORTED", `${what} of a machine whose long has ${bytes} bytes; those of 8 are read`);
}

export interface TracingData {
  layout: PageLayout;
  readonly formats: FtraceFormat[];
  /** Names of tasks by pid. */
  readonly tasks: Map<number, string>;
  /** Text of `/proc/kallsyms`. */
  kallsyms: string;
}

export function newTracingData(): TracingData {
  return { layout: { header: 16 }, formats: [], tasks: new Map(), kallsyms: "" };
}

/** All of it, from behind the page size on. @param hasTasks whether names of tasks follow @throws {AnyctxError} BAD_TRACE: cut */
export function readTracingData(cursor: Cursor, data: TracingData, hasTasks: boolean): void {
  readHeaderInfo(cursor, data);
  readFtraceFormats(cursor, data);
  readFormats(cursor, data);
  data.kallsyms = letters(cursor.take(cursor.u32("size of symbols"), "symbols"));
  cursor.skip(cursor.u32("size of printk formats"), "printk formats");
  if (hasTasks) readTasks(letters(cursor.take(cursor.size("size of tasks"), "tasks")), data);
}

export function readHeaderInfo(cursor: Cursor, data: TracingData): void {
  cursor.text("header_page");
  const page = letters(cursor.take(cursor.size("size of header_page"), "header_page"));
  const offset = /field:\s*char data;\s*offset:(\d+);/.exec(page)?.[1];
  if (offset !== undefined) data.layout = { header: Number(offset) };
  cursor.text("header_event");
  cursor.skip(cursor.size("size of header_event"), "header_event");
}

export function readFtraceFormats(cursor: Cursor, data: TracingData): void {
  for (let left = cursor.u32("number of formats"); left > 0; left--) addFormat(cursor, data, "ftrace");
}

export function readFormats(cursor: Cursor, data: TracingData): void {
  for (let systems = cursor.u32("number of systems"); systems > 0; systems--) {
    const category = cursor.text("system");
    for (let left = cursor.u32("number of formats"); left > 0; left--) addFormat(cursor, data, category);
  }
}

/** A file has thousands; they are taken apart when an event of them comes. */
function addFormat(cursor: Cursor, data: TracingData, category: string): void {
  const text = letters(cursor.take(cursor.size("size of a format"), "format"));
  const name = /^name: (\w+)$/m.exec(text)?.[1];
  const id = /^ID: (\d+)$/m.exec(text)?.[1];
  if (name === undefined || id === undefined) return;
  data.formats.push(
    lazily({ category, name, id: Number(id) }, () => parseFormat(text, { category, file: `format of ${name}` })),
  );
}

export function readTasks(text: string, { tasks }: TracingData): void {
  for (const [, pid, name = ""] of text.matchAll(/^(\d+) (.*)$/gm)) tasks.set(Number(pid), name);
}

/**
 * The kinds of event source: one row each. An input is of the first kind that recognizes it, so kinds that are known by
 * a magic number stand before those that are known by being text.
 */
import type { EventFormat } from "./event.ts";
import { cpusOfHeader, isText, readTrace } from "./ftrace/text.ts";
import { isJsonLines, readJsonLines } from "./jsonl/read.ts";
import { isCapture } from "./pcap/capture.ts";
import { readPackets } from "./pcap/read.ts";
import { isPerfData } from "./perfdata/file.ts";
import { readPerfEvents } from "./perfdata/read.ts";
import type { EventSource } from "./source.ts";
import { isTraceDat } from "./tracedat/header.ts";
import { readTraceDatEvents } from "./tracedat/read.ts";
import type { FormatTable } from "./tracepoints/format.ts";
import { KERNEL_FORMATS } from "./tracepoints/kernel-formats.ts";

/** The formats of a folder, where one is named. */
async function formatsOf(folder: string | undefined): Promise<{ readonly formats?: FormatTable }> {
  if (folder === undefined) return {};
  const { loadFormats } = await import("./tracepoints/load-formats.ts");
  return { formats: loadFormats(folder) };
}

export const EVENT_SOURCES: readonly EventSource[] = [
  {
    kind: "tracedat",
    doc: "What trace-cmd records (trace.dat), versions 6 and 7, packed inside by zstd or zlib or not.",
    tells: "each event in binary, with its context; names of tasks and functions that the file has",
    formats: [],
    recognizes: isTraceDat,
    inPlace: true,
    read: async (input, { formats: _, ...options }) => readTraceDatEvents(input, options),
  },
  {
    kind: "perfdata",
    doc: "What perf records of tracepoints, clocks and counters (perf.data), to a file or to a pipe, also with perf record -z.",
    tells:
      "each event in binary, with its context, process and task's name; of samples of clocks and counters also where they were taken",
    formats: [],
    recognizes: isPerfData,
    inPlace: true,
    read: async (input, { formats: folder, ...options }) =>
      readPerfEvents(input, options, (await formatsOf(folder)).formats),
  },
  {
    kind: "pcap",
    doc: "Packets as tcpdump (pcap) and Wireshark (pcapng) write them: Ethernet, Linux cooked, loopback or IP alone.",
    tells:
      "packets with their times, and how many were dropped where the file says (pcapng); not the context that they were received in, " +
      "nor the CPU: `--packet-context` says the one, the other is 0",
    formats: [],
    recognizes: isCapture,
    read: async (input, { formats: _, ...options }) => readPackets(input, options),
  },
  {
    kind: "jsonl",
    doc: "Contexts as they lie in memory, or packets, in hex: a JSON object a line.",
    tells:
      "all that a line says: event, context or packet, time, cpu, pid, tgid, uid, gid, comm, level, irqsOff, preempt",
    formats: KERNEL_FORMATS,
    recognizes: isJsonLines,
    read: async (input, { formats: folder, ...options }) =>
      readJsonLines(input, options, (await formatsOf(folder)).formats),
  },
  {
    kind: "ftrace",
    doc:
      "Text of a Linux kernel trace: tracefs' trace or trace_pipe, in its own or the latency format; what trace-cmd report (plain, " +
      "-R, -t, -l, -N) and perf script print.",
    tells: "each event as far as its text does, with its context where there is a column of flags",
    formats: KERNEL_FORMATS,
    recognizes: isText,
    cpus: cpusOfHeader,
    read: async (input, { formats: folder, ...options }) =>
      readTrace(input, { ...options, ...(await formatsOf(folder)) }),
  },
];

/** Formats of the events that are known before anything is read. */
export const KNOWN_FORMATS: readonly EventFormat[] = KERNEL_FORMATS;

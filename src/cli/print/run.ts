/** The report of a replay as people read it: a paragraph for each part. */
import type { Misses } from "../../arena/caches.ts";
import type { CacheStatistics } from "../../arena/statistics.ts";
import type { Headline } from "../../bench/headline.ts";
import { CONTEXTS } from "../../events/record.ts";
import type { EventStream, SkipCount, Symbols } from "../../events/source.ts";
import type { LoadedObject } from "../../load/load.ts";
import { INTERRUPT_SIGNS } from "../../replay/interrupts.ts";
import type { ProgramReport, Report } from "../../replay/report.ts";
import { mapName, programName } from "../names.ts";
import { clip, count, heading, indent, left, plural, printable, right, size, styled, table } from "../text.ts";
import { headlineParagraph } from "./headline.ts";
import { resultParagraphs } from "./results.ts";

/** What `anyctx run --json` prints. */
export interface RunDocument extends Report {
  /** Left out where it was not measured. */
  readonly headline?: Headline;
}

export interface RunOutput {
  readonly document: RunDocument;
  readonly loaded: LoadedObject;
  readonly stream: EventStream;
  /** CPU slots of the replay. */
  readonly cpus: number;
}

const NO_SYMBOLS: Symbols = { nameOf: (address) => `0x${address.toString(16)}` };

export function printRun(output: RunOutput): void {
  const { document, loaded, stream } = output;
  const paragraphs = [
    eventParagraph(output),
    programParagraph(document),
    ...resultParagraphs({ loaded, symbols: stream.symbols ?? NO_SYMBOLS }),
    mapParagraph(document),
    ...dumpParagraphs(document),
    cacheParagraph(document),
    interruptParagraph(document),
    ...(document.headline === undefined ? [] : [headlineParagraph(document.headline)]),
  ];
  process.stdout.write(`${paragraphs.filter((text) => text !== "").join("\n\n")}\n`);
}

function eventParagraph(output: RunOutput): string {
  const { events } = output.document;
  const speed = events.perSecond === 0 ? "" : ` in ${events.seconds.toFixed(3)} s, ${count(events.perSecond)} a second`;
  const lines = [
    `${count(events.read)} read, ${count(events.replayed)} replayed${speed}, ${count(events.skipped)} skipped`,
    ...skipLines(output),
    ...(events.lost === 0 ? [] : [`the kernel says it lost ${plural(events.lost, "event")} while it recorded`]),
    `by context  ${CONTEXTS.map((context) => `${context} ${count(events.byContext[context])}`).join("   ")}`,
    `by CPU      ${busyCpus(output.document)
      .map((cpu) => `${cpu}: ${count(events.byCpu[cpu] ?? 0)}`)
      .join("   ")}`,
  ];
  return [heading("events"), indent(lines.join("\n"))].join("\n");
}

function skipLines({ stream, cpus }: RunOutput): string[] {
  return stream.counts.skipped.map((row) =>
    styled("yellow", `${count(row.count)} skipped: ${row.doc}${nameText(row)}${optionText(row, cpus)}`),
  );
}

/** The first few names of what was skipped. */
function nameText({ names }: SkipCount): string {
  if (names.size === 0) return "";
  const shown = [...names.keys()].slice(0, 5).map((name) => clip(printable(name), 30));
  return `: ${shown.join(", ")}${names.size > shown.length ? ", ..." : ""}`;
}

/** The option of the command line that is called as the reader's. */
function optionText({ option }: SkipCount, cpus: number): string {
  if (option === undefined) return "";
  return ` (${option === "cpus" ? `${cpus}; ` : ""}--${option} gives more)`;
}

function busyCpus({ events }: Report): number[] {
  return [...events.byCpu.keys()].filter((cpu) => (events.byCpu[cpu] ?? 0) > 0);
}

function programParagraph({ programs, skippedPrograms }: Report): string {
  const rows = programs.map((program) => [
    programName(program),
    printable(program.section),
    program.attached ? count(program.runs) : "no such event in the formats",
    program.errors === 0 ? "0" : styled("red", count(program.errors)),
  ]);
  const notes = [
    ...programs.flatMap(firstErrorNote),
    ...programs.flatMap(unreadNotes),
    ...programs.flatMap(firedNote),
    ...programs.flatMap(leftOutNote),
    ...skippedPrograms.map((each) => styled("yellow", `not loaded: ${programName(each)}: ${printable(each.reason)}`)),
  ];
  const drawn = table([left("name"), left("section"), right("runs"), right("errors")], rows);
  return [heading("programs"), drawn, ...notes.map(indent)].join("\n");
}

function firstErrorNote(program: ProgramReport): string[] {
  const { firstError } = program;
  return firstError === undefined
    ? []
    : [styled("red", `first error of ${programName(program)}: ${printable(firstError)}`)];
}

function unreadNotes(program: ProgramReport): string[] {
  return Object.entries(program.unreadFields).map(([field, runs]) => {
    const what = `${programName(program)} read ${printable(field)} in ${plural(runs, "run")}`;
    return styled("red", `${what}: the recording does not tell it`);
  });
}

function firedNote(program: ProgramReport): string[] {
  const { fired = 0 } = program;
  return fired === 0
    ? []
    : [`functions of ${programName(program)}'s timers and workqueues ran ${plural(fired, "time")}`];
}

function leftOutNote(program: ProgramReport): string[] {
  const { leftOut } = program;
  return leftOut === 0
    ? []
    : [styled("red", `${programName(program)} was not run on ${plural(leftOut, "more event")} after that`)];
}

function mapParagraph({ maps }: Report): string {
  const rows = maps.map((map) => [
    mapName(map.name, map.objects),
    map.type + (map.type.includes("hash") && !map.dynamic ? ", preallocated" : ""),
    `${map.keySize} + ${map.valueSize}`,
    count(map.maxEntries),
    count(map.entries),
    size(map.bytes),
    map.dynamic ? size(map.preallocatedBytes) : "",
  ]);
  const columns = [left("name"), left("type"), right("key + value"), right("max_entries"), right("entries")];
  return [heading("maps"), table([...columns, right("memory"), right("preallocated")], rows)].join("\n");
}

/** `--dump` without `--json`: every entry in hex, one a line. */
function dumpParagraphs({ maps }: Report): string[] {
  return maps.flatMap(({ name, objects, items }) => {
    if (items === undefined || items.length === 0) return [];
    const lines = items.map(({ key, value }) => `${key}  ${typeof value === "string" ? value : value.join(" ")}`);
    return [[heading(`${mapName(name, objects)}, every entry`), indent(lines.join("\n"))].join("\n")];
  });
}

/** Which contexts found a cache empty: `-` where none did. */
function missText(misses: Misses): string {
  const missed = CONTEXTS.filter((context) => misses[context] > 0);
  return missed.length === 0 ? "-" : missed.map((context) => `${context} ${count(misses[context])}`).join(", ");
}

function cacheParagraph(report: Report): string {
  const { caches, misses } = report.allocator;
  if (caches.length === 0) return "";
  const busy = busyCpus(report);
  const shown = caches.filter(({ cpu }) => busy.includes(cpu));
  const rows = shown.map((cache: CacheStatistics) => [
    `${printable(cache.map)}${cache.objects === "values" ? " (values)" : ""}`,
    String(cache.cpu),
    count(cache.unit),
    `${count(cache.free)} (${cache.low}-${cache.high})`,
    ...[cache.refills, cache.trims, cache.waiting, cache.reused].map(count),
    missText(cache.misses),
  ]);
  const columns = [left("map"), right("CPU"), right("bytes"), right("free (low-high)"), right("refills")];
  const more = [right("trims"), right("waiting"), right("reused"), left("misses")];
  const rest = `caches of CPUs with events; allocations that found nothing: ${missText(misses)}`;
  return [heading("allocator", rest), table([...columns, ...more], rows)].join("\n");
}

function interruptParagraph({ interrupts }: Report): string {
  const rows = interrupts.signs.map((sign) => {
    const doc = INTERRUPT_SIGNS.find(({ name }) => name === sign)?.doc ?? "";
    return [sign, count(interrupts.deferred[sign]), doc];
  });
  if (interrupts.threadDelayMicroseconds !== undefined) {
    const late = `${count(interrupts.threadDelayMicroseconds)} microseconds after they were raised`;
    return heading(
      "PREEMPT_RT",
      `${plural(interrupts.byThread, "refill or trim", "refills and trims")} by threads, ${late}`,
    );
  }
  const rest = `deferred work run by the first sign seen; ${plural(interrupts.heldBack, "event")} saw none`;
  return [heading("interrupts came on", rest), table([left("sign"), right("run"), left("seen as")], rows)].join("\n");
}

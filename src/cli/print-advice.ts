/** Advice on hashes as people read it: a paragraph for each, the verdict last. */
import type { Misses } from "../arena/caches.ts";
import { CONTEXTS } from "../events/record.ts";
import type { AdviceReport, KernelAdvice, MapAdvice } from "../explore/advise.ts";
import { contextName } from "../explore/schedule.ts";
import { count, heading, indent, left, plural, printable, right, size, styled, table } from "./text.ts";

/** What `anyctx advise --json` prints. */
export interface AdviceDocument extends AdviceReport {
  readonly object: string;
}

export function adviceText({ object, cpus, events, replays, maps }: AdviceDocument): string {
  const rest = `${printable(object)}, ${count(events)} events on ${plural(cpus, "CPU")}, ${replays} replays, as Linux 6.18`;
  return [heading("advise", rest), ...maps.map(mapText)].join("\n\n");
}

function mapText(map: MapAdvice): string {
  const { name, type, maxEntries, dynamic, note, preallocatedBytes = 0, kernels = [] } = map;
  if (note !== undefined) return [heading(printable(name), type), indent(`does not apply: ${note}`)].join("\n");
  const now = dynamic ? "dynamic in the object" : "preallocated in the object";
  const title = `${type}, max_entries ${count(maxEntries)}, ${now}; preallocated it takes ${size(preallocatedBytes)}`;
  return [heading(printable(name), title), kernelTable(kernels), ...missLines(kernels), ...verdictLines(kernels)].join(
    "\n",
  );
}

const kernelName = ({ realTime }: KernelAdvice): string => (realTime ? "RT" : "non-RT");

function kernelTable(kernels: readonly KernelAdvice[]): string {
  const columns = [
    left("kernel"),
    ...["entries", "at most", "dynamic", "at most", "-ENOMEM", "adaptive", "burst"].map(right),
  ];
  const rows = kernels.map((each) => [
    kernelName(each),
    count(each.entries),
    count(each.peakEntries),
    size(each.bytes),
    size(each.peakBytes),
    rangeText(each),
    count(each.missesAdaptive),
    count(each.prefill),
  ]);
  return table(columns, rows);
}

/** Updates that fail, the fewest and the most. */
function rangeText({ misses, missesFewest }: KernelAdvice): string {
  const most = CONTEXTS.reduce((sum, context) => sum + misses[context], 0);
  return missesFewest === most ? count(most) : `${count(missesFewest)}-${count(most)}`;
}

function missLines(kernels: readonly KernelAdvice[]): string[] {
  return kernels.flatMap((each) => {
    const text = missText(each.misses);
    return text === "" ? [] : [indent(`-ENOMEM, ${kernelName(each)}: ${text}`)];
  });
}

function missText(misses: Misses): string {
  const contexts = CONTEXTS.filter((context) => misses[context] > 0);
  return contexts.map((context) => `${count(misses[context])} in ${contextName(context)}`).join(", ");
}

/** One line where both kernels get the same advice. */
function verdictLines(kernels: readonly KernelAdvice[]): string[] {
  const texts = kernels.map(({ verdict, reason }) => `${styled("bold", verdict)}: ${reason}`);
  if (new Set(texts).size === 1) return [indent(texts[0] ?? "")];
  return texts.map((text, index) => indent(`${index === 0 ? "non-RT" : "RT    "}  ${text}`));
}

/** Advice on hashes as people read it: a paragraph for each, the verdict last. */
import { totalMisses } from "../../arena/caches.ts";
import { CONTEXTS } from "../../events/record.ts";
import type { KernelAdvice, MapAdvice } from "../../explore/advise/advice.ts";
import { percent } from "../../explore/advise/verdict.ts";
import { contextName } from "../../explore/check/schedule.ts";
import type { LinuxBytes } from "../../replay/linux-memory.ts";
import { type AdviceDocument, kernelName, missText, totalText, warnings } from "../advice/document.ts";
import { mapName } from "../names.ts";
import {
  count,
  heading,
  indent,
  left,
  PROSE_WIDTH,
  plural,
  printable,
  right,
  size,
  styled,
  table,
  wrap,
} from "../text.ts";

export function adviceText(document: AdviceDocument): string {
  const { object, cpus, events, replays, kernel, maps, failed } = document;
  const what = `${count(events)} events on ${plural(cpus, "CPU")}, ${plural(replays, "replay")}`;
  const notes = warnings(document).map((text) => indent(styled("yellow", wrap(text, PROSE_WIDTH))));
  return [
    [heading("advise", `${printable(object)}, ${what}, as Linux ${kernel}`), ...notes].join("\n"),
    ...maps.map(mapText),
    heading("total", wrap(totalText(document), PROSE_WIDTH - "total  ".length)),
    ...(failed.length === 0
      ? []
      : [[heading("failed"), ...failed.map((text) => indent(wrap(text, PROSE_WIDTH)))].join("\n")]),
  ].join("\n\n");
}

function mapText(map: MapAdvice): string {
  const { name, objects, type, maxEntries, dynamic, note, kernels = [], patch = [] } = map;
  const title = heading.bind(undefined, mapName(name, objects));
  if (note !== undefined) return [title(type), indent(`does not apply: ${note}`)].join("\n");
  const now = dynamic ? "dynamic in the object" : "preallocated in the object";
  return [
    title(`${type}, max_entries ${count(maxEntries)}, ${now}`),
    kernelTable(kernels),
    memoryTable(kernels),
    ...sizeLines(map),
    ...missLines(kernels),
    ...verdictLines(kernels),
    ...(patch.length > 0 && differ(kernels) ? [indent("safe on both kernels:")] : []),
    ...patch.map((line) => indent(`  ${line}`)),
  ].join("\n");
}

function kernelTable(kernels: readonly KernelAdvice[]): string {
  const names = ["entries", "at most", "updates", "-ENOMEM", "rate", "burst", "adaptive"];
  const rows = kernels.map((each) => [
    kernelName(each),
    count(each.entries),
    count(each.peakEntries),
    count(each.updates),
    missText(each),
    totalMisses(each.misses) === 0 ? "0 %" : percent(each.failureRate),
    count(each.burst),
    count(each.missesAdaptive),
  ]);
  return table([left("kernel"), ...names.map(right)], rows);
}

function memoryTable(kernels: readonly KernelAdvice[]): string {
  const names = ["buckets", "elements", "extra", "caches", "values", "fixed", "in all", "memlock"];
  const [first] = kernels;
  const dynamic = kernels.flatMap((each): [string, LinuxBytes | undefined][] => [
    [`dynamic, ${kernelName(each)}`, each.linux.dynamic],
  ]);
  const rows = ([["preallocated", first?.linux.preallocated], ...dynamic] as const).flatMap(([name, bytes]) =>
    bytes === undefined ? [] : [[name, ...memoryCells(bytes)]],
  );
  return table([left("at most"), ...names.map(right)], rows);
}

function memoryCells({
  buckets,
  elements,
  extraElements,
  caches,
  values,
  fixed,
  total,
  memlock,
}: LinuxBytes): string[] {
  return [buckets, elements, extraElements, caches, values, fixed, total, memlock].map(size);
}

function sizeLines({ sizes = [] }: MapAdvice): string[] {
  if (sizes.length < 2) return [];
  const rows = sizes.map(({ maxEntries, margin, preallocated, dynamic }) => [
    count(maxEntries),
    `${margin < 100 ? margin.toFixed(1) : count(Math.round(margin))} x`,
    size(preallocated),
    size(dynamic),
  ]);
  return [table(["max_entries", "of the most", "preallocated", "dynamic"].map(right), rows)];
}

function missLines(kernels: readonly KernelAdvice[]): string[] {
  return kernels.flatMap((each) => {
    const contexts = CONTEXTS.filter((context) => each.misses[context] > 0);
    if (contexts.length === 0) return [];
    const text = contexts.map((context) => `${count(each.misses[context])} in ${contextName(context)}`).join(", ");
    const user = each.userMisses === 0 ? "" : `; ${count(each.userMisses)} of user space`;
    const { prefill: objects = 0 } = each;
    const prefill = objects === 0 ? "" : `; a prefill of ${count(objects)} on each CPU (anyctx only) avoids it`;
    return [indent(wrap(`-ENOMEM, ${kernelName(each)}: ${text}${user}${prefill}`, PROSE_WIDTH))];
  });
}

function differ(kernels: readonly KernelAdvice[]): boolean {
  return new Set(kernels.map(({ verdict, maxEntries }) => `${verdict} ${maxEntries}`)).size > 1;
}

/** One line where all kernels get the same advice. */
function verdictLines(kernels: readonly KernelAdvice[]): string[] {
  const texts = kernels.map(({ verdict, reason }) => `${verdict}: ${reason}`);
  const isOne = new Set(texts).size === 1;
  const named = isOne
    ? texts.slice(0, 1)
    : texts.map((text, index) => `${kernels[index]?.realTime ? "RT    " : "non-RT"}  ${text}`);
  return named.map((text) => indent(wrap(text, PROSE_WIDTH)));
}

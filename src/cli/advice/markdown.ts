/** Advice as Markdown, for a change request: a table of verdicts, and a patch for each hash that should change. */
import type { MapAdvice } from "../../explore/advise/advice.ts";
import { mapName } from "../names.ts";
import { count, plural, printable, size } from "../text.ts";
import { type AdviceDocument, missText, totalText, warnings } from "./document.ts";

export function adviceMarkdown(document: AdviceDocument): string {
  const { object, cpus, events, kernel, maps, failed } = document;
  const hashes = maps.filter(({ advice }) => advice !== undefined);
  const silent = maps.filter(({ kernels, advice }) => kernels !== undefined && advice === undefined);
  const missing = maps.filter(({ type, note }) => note !== undefined && type.startsWith("type "));
  return [
    `# Map memory of ${cell(object)}`,
    `${count(events)} events on ${plural(cpus, "CPU")}, as Linux ${kernel}. ${totalText(document)}.`,
    ...bullets(warnings(document)),
    ...bullets(failed.map((text) => `**failed**: ${text}`)),
    ...(hashes.length === 0 ? [] : [verdictTable(hashes)]),
    ...bullets(silent.map(({ name, objects }) => `\`${mapCell(name, objects)}\`: this trace puts no entry into it`)),
    ...bullets(missing.map(({ name, objects, note = "" }) => `\`${mapCell(name, objects)}\`: ${note}`)),
    ...hashes.flatMap(patchBlock),
  ].join("\n\n");
}

function bullets(texts: readonly string[]): string[] {
  return texts.length === 0 ? [] : [texts.map((text) => `- ${text}`).join("\n")];
}

/** Text that must not end a cell. */
function cell(text: string): string {
  return printable(text).replaceAll("|", "\\|");
}

function mapCell(name: string, objects: readonly string[] | undefined): string {
  return mapName(name, objects).replaceAll("|", "\\|");
}

function verdictTable(maps: readonly MapAdvice[]): string {
  const rows = maps.map(({ name, objects, kernels = [], advice, declaredBytes = 0, advisedBytes = 0 }) => {
    const misses = kernels.map((kernel) => `${missText(kernel)}${kernel.realTime ? " (RT)" : ""}`).join(", ");
    const cells = [`\`${mapCell(name, objects)}\``, advice?.verdict ?? "", cell(advice?.reason ?? ""), misses];
    return `| ${[...cells, size(declaredBytes), size(advisedBytes)].join(" | ")} |`;
  });
  return ["| map | verdict | why | -ENOMEM if dynamic | now | advised |", "|---|---|---|---|---|---|", ...rows].join(
    "\n",
  );
}

function patchBlock({ name, objects, patch = [] }: MapAdvice): string[] {
  if (patch.length === 0) return [];
  return [`\`${mapCell(name, objects)}\`:`, ["```diff", ...patch, "```"].join("\n")];
}

/** Advice as Markdown, for a change request: a table of verdicts, and a patch for each hash that should change. */
import type { MapAdvice } from "../explore/advice.ts";
import { type AdviceDocument, missText, totalText, warnings } from "./advice-document.ts";
import { count, plural, printable, size } from "./text.ts";

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
    ...bullets(silent.map(({ name }) => `\`${cell(name)}\`: this trace puts no entry into it`)),
    ...bullets(missing.map(({ name, note = "" }) => `\`${cell(name)}\`: ${note}`)),
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

function verdictTable(maps: readonly MapAdvice[]): string {
  const rows = maps.map(({ name, kernels = [], advice, declaredBytes = 0, advisedBytes = 0 }) => {
    const misses = kernels.map((kernel) => `${missText(kernel)}${kernel.realTime ? " (RT)" : ""}`).join(", ");
    const cells = [`\`${cell(name)}\``, advice?.verdict ?? "", cell(advice?.reason ?? ""), misses];
    return `| ${[...cells, size(declaredBytes), size(advisedBytes)].join(" | ")} |`;
  });
  return ["| map | verdict | why | -ENOMEM if dynamic | now | advised |", "|---|---|---|---|---|---|", ...rows].join(
    "\n",
  );
}

function patchBlock({ name, patch = [] }: MapAdvice): string[] {
  if (patch.length === 0) return [];
  return [`\`${cell(name)}\`:`, ["```diff", ...patch, "```"].join("\n")];
}

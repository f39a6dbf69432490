/**
 * The tables of docs/events.md and docs/live.md, made of the tables of sources and the formats that are known: `npm run event-sources` writes them, a test
 * compares.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { EVENT_SOURCES } from "../../src/events/sources.ts";
import { KERNEL_FORMATS, KERNEL_VERSION } from "../../src/events/tracepoints/kernel-formats.ts";
import { LIVE_SOURCES } from "../../src/load/live/sources.ts";

const DOCUMENT = "docs/events.md";
const LIVE_DOCUMENT = "docs/live.md";
const mark = (name: string): readonly [begin: string, end: string] => [
  `<!-- ${name}: npm run event-sources -->\n`,
  `<!-- end of ${name} -->\n`,
];

function sourcesTable(): string {
  const rows = EVENT_SOURCES.map(({ kind, doc, tells }) => `| \`${kind}\` | ${doc} | ${tells} |`);
  return ["| kind | what it reads | what is told |", "|---|---|---|", ...rows].join("\n");
}

function formatsTable(): string {
  const counts = new Map<string, number>();
  for (const { category } of KERNEL_FORMATS) counts.set(category, (counts.get(category) ?? 0) + 1);
  const list = [...counts].sort(([a], [b]) => a.localeCompare(b, "en")).map(([name, count]) => `${name} ${count}`);
  return `Linux ${KERNEL_VERSION} on x86-64, ${KERNEL_FORMATS.length} events by category: ${list.join(", ")}.`;
}

function liveTable(): string {
  const rows = LIVE_SOURCES.map(({ name, doc, programs }) => `| \`${name}\` | ${doc} | ${programs.join(", ")} |`);
  return ["| source | what it is | types of programs |", "|---|---|---|", ...rows].join("\n");
}

type Parts = Readonly<Record<string, () => string>>;

/** Documents with the parts of theirs that are made. */
export const MADE: Readonly<Record<string, Parts>> = {
  [DOCUMENT]: { sources: sourcesTable, formats: formatsTable },
  [LIVE_DOCUMENT]: { live: liveTable },
};

/** The document as it should be. */
export function withSources(document: string, parts: Parts): string {
  return Object.entries(parts).reduce((text, [name, make]) => {
    const [begin, end] = mark(name);
    const [before = "", rest = ""] = text.split(begin);
    const [, after = ""] = rest.split(end);
    return `${before}${begin}\n${make()}\n\n${end}${after}`;
  }, document);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href)
  for (const [path, parts] of Object.entries(MADE)) writeFileSync(path, withSources(readFileSync(path, "utf8"), parts));
